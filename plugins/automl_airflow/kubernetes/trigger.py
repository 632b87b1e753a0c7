"""The trigger of a trial in a pod."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from automl_airflow.watching import TrialTrigger
from automl_core.spec.tasks import OUT_OF_MEMORY

if TYPE_CHECKING:
    from automl_core.backends.base import Exit
    from automl_core.backends.kubernetes.hub import PodHub
    from automl_core.backends.kubernetes.waiting import Limits
    from automl_core.backends.remote import RemoteJob
    from automl_core.running.attempt import Attempt
    from automl_core.spec.custom_resource import CustomResourceTask
    from automl_core.spec.kubernetes import KubernetesTask
    from automl_core.study import Outcome, Told

log = logging.getLogger(__name__)

SHORTEST_POLL, LONGEST_POLL = 2.0, 5.0
"""Seconds between two readings of a log: the shorter with few pods, the longer with many."""

_PODS_A_SECOND = 200.0

MIB = 2**20
"""Bytes."""


class KubernetesTrialTrigger(TrialTrigger):
    """Watches the pod (or the pods) of one attempt."""

    _hub: PodHub | None = None
    _over = False
    """Whether no trial is to follow in the pod, where it runs several."""

    async def find(self) -> RemoteJob:
        """The job that `job` names."""
        from automl_airflow.kubernetes.hubs import borrow

        if self._hub is None:
            self._hub = await borrow(str(self.job["connection"]), str(self.job["namespace"]))
        from automl_core.backends.kubernetes.group import GroupJob
        from automl_core.backends.kubernetes.job import PodJob
        from automl_core.running.failures import digest_of_end

        name, task = str(self.job["name"]), self.kubernetes_task
        most = task.most_memory if task is not None else None
        secret = str(self.job.get("secret") or "")
        keep, limits = task.keep_pods if task else "never", self._limits(task)
        if self.job["kind"] == "job":
            workers = int(self.job["workers"])
            params = self._binding.params if self._binding is not None else {}
            return GroupJob(
                self._hub, name, workers, limits, most_memory=most, keep=keep, secret=secret,
                queued=task is not None and task.kueue is not None,
                signature=lambda ended, lines: digest_of_end(ended, lines, params),
            )  # fmt: skip
        if self.job["kind"] == "lane":
            from automl_airflow.kubernetes.lane_watching import StoredOrders
            from automl_core.backends.kubernetes.lane_job import LaneJob, LanePlace

            place = LanePlace(str(self.job["token"]), int(self.job["number"]) == 0, float(self.job["since"]))
            orders = StoredOrders(self.storage, self.connection, self.threads, self.job)
            return LaneJob(
                self._hub, name, limits, orders, place, most_memory=most, keep=keep, secret=secret,
                last=lambda: self._over,
            )  # fmt: skip
        return PodJob(self._hub, name, limits, most_memory=most, keep=keep, secret=secret)

    async def on_kill(self) -> None:
        """A person cleared or marked the task: a pod goes with it, also one that others might have followed in."""
        self._over = True
        await super().on_kill()

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
        return limits_of(task, self._shared.study.experiment.trials.timeout)

    def _record(self, status: Exit) -> tuple[Outcome, Told]:
        """As any attempt's; what memory held goes into the journal where somebody had changed it in place."""
        given, held = float(self.job.get("memory") or 0), float(getattr(self._remote, "memory_held", 0.0))
        changed = held > 0 and abs(held - given) > MIB  # it is given in whole ones
        if status.kind == OUT_OF_MEMORY and changed and self._shared is not None and self._binding is not None:
            job = {**self.job, "memory": held}
            with self._shared.lock:
                self._shared.study.external(self._binding, json.dumps(job, sort_keys=True))
            self.job = job
        outcome, told = super()._record(status)
        self._over = self._over or told.stop is not None
        return outcome, told

    def interval(self) -> float:
        """Seconds between two looks: the file's, or by the number of pods in this triggerer."""
        return polls_by_number(self.poll, self._hub)

    def _begin(self) -> Attempt | None:
        """As any attempt's; and what the pod was given from Airflow's connections is known, to be hidden in its log."""
        begun = super()._begin()
        if begun is not None:
            self._learn_secrets()
        return begun

    def _learn_secrets(self) -> None:
        from automl_airflow.kubernetes.secrets import values_of
        from automl_core.masking import remember

        task = self.kubernetes_task
        if task is not None and any(each.connection is not None for each in task.secrets):
            try:
                remember(*values_of(task).values())
            except Exception as error:  # of Airflow's backends of secrets any: the pod runs, and is not lost for that
                log.warning("secrets of the pod %s are not hidden in its log: %s", self.job["name"], error)

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


def limits_of(task: KubernetesTask | CustomResourceTask, timeout: float | None) -> Limits:
    """How long what may take: as the training task says, and the trial's own time limit."""
    from automl_core.backends.kubernetes.waiting import Limits

    pending = task.pending
    limits = [limit for limit in (task.timeout, timeout) if limit is not None]
    return Limits(
        timeout=min(limits, default=None), pending=pending.timeout, pending_fails=pending.then == "fail",
        image=pending.image, config=pending.config,
    )  # fmt: skip


def polls_by_number(stated: float, hub: PodHub | None) -> float:
    """Seconds between two looks: those that the file states (0: none), or by the number of jobs in this triggerer."""
    if stated > 0 or hub is None:
        return stated or LONGEST_POLL
    return min(LONGEST_POLL, max(SHORTEST_POLL, hub.users / _PODS_A_SECOND))
