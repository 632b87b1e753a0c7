"""The trigger of a trial in a pod."""

from __future__ import annotations

from typing import TYPE_CHECKING

from automl_airflow.watching import TrialTrigger

if TYPE_CHECKING:
    from automl_core.backends.base import Exit
    from automl_core.backends.kubernetes.hub import PodHub
    from automl_core.backends.kubernetes.waiting import Limits
    from automl_core.backends.remote import RemoteJob
    from automl_core.spec.kubernetes import KubernetesTask

SHORTEST_POLL, LONGEST_POLL = 2.0, 5.0
"""Seconds between two readings of a log: the shorter with few pods, the longer with many."""

_PODS_A_SECOND = 200.0


class KubernetesTrialTrigger(TrialTrigger):
    """Watches the pod (or the pods) of one attempt."""

    _hub: PodHub | None = None

    async def find(self) -> RemoteJob:
        """The job that `job` names."""
        from automl_airflow.kubernetes.hubs import borrow

        if self._hub is None:
            self._hub = await borrow(str(self.job["connection"]), str(self.job["namespace"]))
        from automl_core.backends.kubernetes.group import GroupJob
        from automl_core.backends.kubernetes.job import PodJob
        from automl_core.running.failures import digest_of_end

        name, task = str(self.job["name"]), self.kubernetes_task
        growth = task is not None and (task.most_memory or 0) > float(self.job.get("memory") or 0)
        keep, limits = task.keep_pods if task else "never", self._limits(task)
        if self.job["kind"] == "job":
            workers = int(self.job["workers"])
            params = self._binding.params if self._binding is not None else {}
            return GroupJob(
                self._hub, name, workers, limits, growth=growth, keep=keep,
                signature=lambda ended, lines: digest_of_end(ended, lines, params),
            )  # fmt: skip
        return PodJob(self._hub, name, limits, growth=growth, keep=keep)

    @property
    def kubernetes_task(self) -> KubernetesTask | None:
        """The training task in the file, None before the study was read."""
        from automl_core.spec.kubernetes import KubernetesTask

        if self._shared is None:
            return None
        task = self._shared.study.experiment.tasks[self.task_index]
        return task if isinstance(task, KubernetesTask) else None

    def _limits(self, task: KubernetesTask | None) -> Limits:
        from automl_core.backends.kubernetes.waiting import Limits

        if task is None or self._shared is None:
            return Limits()
        limits = [task.timeout, self._shared.study.experiment.trials.timeout]
        timeout = min((limit for limit in limits if limit is not None), default=None)
        pending = task.pending
        return Limits(
            timeout=timeout, pending=pending.timeout, pending_fails=pending.then == "fail", image=pending.image,
            config=pending.config,
        )  # fmt: skip

    def interval(self) -> float:
        """Seconds between two looks: the file's, or by the number of pods in this triggerer."""
        if self.poll > 0 or self._hub is None:
            return self.poll or LONGEST_POLL
        return min(LONGEST_POLL, max(SHORTEST_POLL, self._hub.users / _PODS_A_SECOND))

    def price(self, status: Exit) -> float:
        """What the attempt cost, with the memory that it had."""
        task = self.kubernetes_task
        if task is None:
            return super().price(status)
        memory = self.job.get("memory")
        return status.seconds / 3600 * task.price_with(float(memory) if memory else None)

    async def close(self) -> None:
        """Let go of the hub too."""
        await super().close()
        if self._hub is not None:
            from automl_airflow.kubernetes.hubs import give_back

            hub, self._hub = self._hub, None
            await give_back(str(self.job["connection"]), hub)
