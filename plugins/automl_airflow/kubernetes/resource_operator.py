"""The mapped trial task of an experiment whose training tasks are custom resources of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from automl_airflow.operators import ExperimentOperator
from automl_airflow.remote import RemoteTrial

if TYPE_CHECKING:
    from automl_airflow.kubernetes.resource_launching import ResourceLaunch
    from automl_airflow.watching import TrialTrigger
    from automl_core.storage.base import ObjectStore
    from automl_core.study import Binding, Study


class CustomResourceTrialOperator(RemoteTrial, ExperimentOperator):
    """One slot (or lane) at a training task that a controller of the cluster runs.

    The worker creates the resource; the trigger watches it and its pods, and ends it.
    """

    ui_color = "#e3dbfb"
    backend = "custom_resource"
    template_fields: Sequence[str] = ("slot",)  # inside a mapped task group Airflow resolves these alone

    def __init__(
        self, *, slot: int | None = None, task_index: int = 0, step_ids: list[str], ahead: int = 0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.slot, self.task_index, self.step_ids, self.ahead = slot, task_index, step_ids, ahead
        self._launched: ResourceLaunch | None = None

    def execute(self, context: Any, event: dict[str, Any] | str | None = None) -> Any:
        """Bind and start, or conclude what the trigger has watched (see `RemoteTrial.attend`)."""
        return self.attend(context, event)

    def on_kill(self) -> None:
        """Cleared, marked or stopped before a trigger has the attempt: end what was started of it."""
        self.killed = True
        super().on_kill()
        if self._launched is not None:
            self._launched.end()

    def make_ready(self, study: Study) -> None:
        """Import the cluster's client as well, which takes a second."""
        super().make_ready(study)
        from automl_airflow.kubernetes import resource_launching  # noqa: F401

    def launch(self, context: Any, study: Study, store: ObjectStore, binding: Binding) -> dict[str, Any]:
        """Create the attempt's resource, or take it over (see `RemoteTrial.launch`)."""
        from automl_airflow.kubernetes.resource_launching import ResourceLaunch

        launch = self._launched = ResourceLaunch(study, store, binding, self.log)
        return launch.start()

    def is_there(self, study: Study, binding: Binding) -> bool:
        """Whether the attempt's resource exists (see `RemoteTrial.is_there`)."""
        from automl_airflow.kubernetes.resource_launching import ResourceLaunch

        return ResourceLaunch(study, study.journal.store, binding, self.log).is_there()

    def watcher(self, context: Any, study: Study, binding: Binding, job: dict[str, Any]) -> TrialTrigger:
        """The trigger that watches the resource."""
        from automl_airflow.kubernetes.resource_launching import ResourceLaunch
        from automl_airflow.kubernetes.resource_trigger import CustomResourceTrialTrigger

        launch = ResourceLaunch(study, study.journal.store, binding, self.log)
        return CustomResourceTrialTrigger(
            storage=self.storage, connection=self.connection, experiment=self.experiment, run=context["run_id"],
            slot=binding.slot, task=binding.task, attempt=binding.attempt, root=launch.root, job=job,
            poll=launch.task.poll or 0.0, grace=launch.task.grace, stage=self.stage,
        )  # fmt: skip
