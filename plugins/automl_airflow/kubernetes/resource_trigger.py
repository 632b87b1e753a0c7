"""The trigger of a trial that is a custom resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automl_airflow.kubernetes.trigger import limits_of, polls_by_number
from automl_airflow.watching import TrialTrigger

if TYPE_CHECKING:
    from automl_airflow.kubernetes.hubs import Watched
    from automl_core.backends.kubernetes.hub import PodHub
    from automl_core.backends.kubernetes.resource_hub import ResourceHub
    from automl_core.backends.remote import RemoteJob
    from automl_core.spec.custom_resource import CustomResourceTask


class CustomResourceTrialTrigger(TrialTrigger):
    """Watches the custom resource of one attempt, and the pods that its controller makes."""

    _resources: ResourceHub | None = None
    _pods: PodHub | None = None

    async def find(self) -> RemoteJob:
        """The job that `job` names."""
        from automl_airflow.kubernetes.hubs import borrow

        connection, namespace = str(self.job["connection"]), str(self.job["namespace"])
        task = await self.threads.call(self._resource_task)
        if self._resources is None:
            self._resources = await borrow(connection, namespace, self._kind_of_resource())  # type: ignore[assignment]
        if self._pods is None and task.pods is not None:
            self._pods = await borrow(connection, namespace, self._kind_of_pods(task))
        from automl_core.backends.kubernetes.resource_job import ResourceJob
        from automl_core.running.failures import digest_of_end

        assert self._resources is not None
        assert self._shared is not None
        params = self._binding.params if self._binding is not None else {}
        return ResourceJob(
            self._resources, self._pods, str(self.job["name"]), task,
            limits_of(task, self._shared.study.experiment.trials.timeout),
            signature=lambda ended, lines: digest_of_end(ended, lines, params),
        )  # fmt: skip

    def _resource_task(self) -> CustomResourceTask:
        from automl_airflow.studies import shared_study
        from automl_core.spec.custom_resource import CustomResourceTask

        if self._shared is None:  # killed before it was begun
            self._shared = shared_study(self.storage, self.connection, self.experiment, self.run_id, self.stage)
        task = self._shared.study.experiment.tasks[self.task_index]
        if not isinstance(task, CustomResourceTask):
            raise TypeError(f"{task.name} is no custom resource")
        return task

    def _kind_of_resource(self) -> Watched:
        from automl_airflow.kubernetes.hubs import Watched

        return Watched(group_version=str(self.job["group_version"]), plural=str(self.job["plural"]))

    def _kind_of_pods(self, task: CustomResourceTask) -> Watched:
        from automl_airflow.kubernetes.hubs import Watched

        return Watched(label=task.pods.label if task.pods is not None else "")

    def interval(self) -> float:
        """Seconds between two looks: the file's, or by the number of such trials in this triggerer."""
        return polls_by_number(self.poll, self._resources)

    async def close(self) -> None:
        """Let go of the hubs too."""
        await super().close()
        from automl_airflow.kubernetes.hubs import give_back

        connection = str(self.job["connection"])
        if self._resources is not None:
            hub, self._resources = self._resources, None
            await give_back(connection, hub, self._kind_of_resource())
        if self._pods is not None:
            pods, self._pods = self._pods, None
            await give_back(connection, pods, self._kind_of_pods(self._resource_task()))
