"""The mapped trial task of an experiment that trains in pods: a KubernetesPodOperator.

Importing this costs seconds (the Kubernetes client), so the factory does it only for an experiment that needs it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator

from automl_airflow.kubernetes.launching import Launch
from automl_airflow.remote import RemoteTrial
from automl_core.spec.kubernetes import KubernetesTask

if TYPE_CHECKING:
    from automl_airflow.watching import TrialTrigger
    from automl_core.spec.stages import StageName
    from automl_core.storage.base import ObjectStore
    from automl_core.study import Binding, Study


class KubernetesTrialOperator(RemoteTrial, KubernetesPodOperator):
    """One slot (or lane) at a training task in a pod.

    Builds the pod and talks to the cluster as its base does (its hook, its client, its labels, the deployment's
    ``pod_mutation_hook``); the watching and the end are our trigger's.
    """

    ui_color = "#d9e7fb"
    backend = "kubernetes"
    template_fields: Sequence[str] = ("slot",)  # inside a mapped task group Airflow resolves these alone
    template_fields_renderers: ClassVar[dict[str, str]] = {}

    def __init__(
        self, *, storage: str, connection: str | None, experiment: str, slot: int | None = None, task_index: int = 0,
        step_ids: list[str], cluster: str, stage: StageName | None = None, ahead: int = 0,
        made_from: dict[str, Any] | None = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        """State where the experiment's journal lies, and which training task this is.

        Args:
            storage, connection, experiment: the journal's place.
            slot: number of the slot, or of the lane.
            task_index: index of the training task.
            step_ids: ids of the Airflow tasks of all training tasks, in order.
            cluster: Airflow connection of the cluster.
            stage: the stage that it belongs to, None for a trial's.
            ahead: slots that Airflow lets start beyond the places.
            made_from: the template version that the file names.
            kwargs: of KubernetesPodOperator.
        """
        super().__init__(kubernetes_conn_id=cluster, random_name_suffix=False, deferrable=True, **kwargs)
        self.storage, self.connection, self.experiment, self.stage = storage, connection, experiment, stage
        self.slot, self.task_index, self.step_ids = slot, task_index, step_ids
        self.cluster, self.ahead, self.made_from = cluster, ahead, made_from
        self.launched: Launch | None = None

    def open_study(self, context: Any) -> tuple[ObjectStore, Study]:
        """As of every slot; the cluster is the one that the run began with, whatever the file says since."""
        store, study = super().open_study(context)
        task = study.experiment.tasks[self.task_index]
        assert isinstance(task, KubernetesTask)  # else it was refused
        self.cluster = self.kubernetes_conn_id = task.connection
        return store, study

    def execute(self, context: Any, event: dict[str, Any] | str | None = None) -> Any:
        """Bind and start, or conclude what the trigger has watched (see `RemoteTrial.attend`)."""
        return self.attend(context, event)

    def on_kill(self) -> None:
        """Cleared, marked or stopped before a trigger has the attempt: end what was started of it."""
        self.killed = True
        super().on_kill()
        if self.launched is not None:
            self.launched.end()

    def make_ready(self, study: Study) -> None:
        """Make the cluster's client as well: it reads the connection and, in a cluster, the certificates."""
        super().make_ready(study)
        try:
            _ = self.client
        except Exception as error:  # the start says so, where it counts
            self.log.warning("the cluster's client can't be made yet: %s", error)

    def launch(self, context: Any, study: Study, store: ObjectStore, binding: Binding) -> dict[str, Any]:
        """Create the attempt's pod, or take it over (see `RemoteTrial.launch`)."""
        return self._launch_of(study, store, binding).start(context, new=self.bound_now)

    def is_there(self, study: Study, binding: Binding) -> bool:
        """Whether the attempt's pod exists (see `RemoteTrial.is_there`)."""
        return self._launch_of(study, study.journal.store, binding).is_there()

    def _launch_of(self, study: Study, store: ObjectStore, binding: Binding) -> Launch:
        """The start of an attempt: in a pod of its own, or in one that runs trial after trial."""
        task = study.experiment.tasks[binding.task]
        if isinstance(task, KubernetesTask) and task.shared is not None:
            from automl_airflow.kubernetes.lane_launching import LaneLaunch

            return LaneLaunch(self, study, store, binding)
        return Launch(self, study, store, binding)

    def watcher(self, context: Any, study: Study, binding: Binding, job: dict[str, Any]) -> TrialTrigger:
        """The trigger that watches the pod."""
        from automl_airflow.kubernetes.trigger import KubernetesTrialTrigger

        launch = Launch(self, study, study.journal.store, binding)
        return KubernetesTrialTrigger(
            storage=self.storage, connection=self.connection, experiment=self.experiment, run=context["run_id"],
            slot=binding.slot, task=binding.task, attempt=binding.attempt, root=launch.root, job=job,
            poll=launch.task.poll or 0.0, grace=launch.task.grace, stage=self.stage,
        )  # fmt: skip
