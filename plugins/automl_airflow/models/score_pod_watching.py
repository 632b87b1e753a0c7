"""The trigger of a pod that scores: watched through the hub of its namespace, as trials are.

What came of the interval lies in the model's storage. So the trigger only tells that the pod has ended, and why; the
worker that is started then records it and removes the pod.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from automl_airflow.ending import has_ended, insist, remove, to_its_end
from automl_airflow.task_log import TaskLog
from automl_airflow.triggers import LEAST_WAIT

if TYPE_CHECKING:
    from automl_core.backends.base import Exit
    from automl_core.backends.kubernetes.hub import PodHub
    from automl_core.backends.kubernetes.job import PodJob

GRACE = 5.0
"""Seconds that a pod has to end by itself when its task is cleared, or has run for too long."""

LEFT_OUT = "left out here"
"""Of lines beyond the bounds of the task's log: a pod that scores keeps them nowhere else."""


class ScorePodTrigger(BaseTrigger):
    """Fires once the pod has ended (or is gone), with how, and why."""

    def __init__(
        self, *, connection: str, namespace: str, pod: str, pending: float, deadline: float | None = None
    ) -> None:  # fmt: skip
        """State which pod.

        Args:
            connection: Airflow's connection of the cluster, by its name.
            namespace, pod: where it is.
            pending: seconds from its creation within which it has to start.
            deadline: seconds since 1970 at which it is ended (the task's ``execution_timeout``); None without one.
        """
        super().__init__()
        self.connection, self.namespace, self.pod, self.pending = connection, namespace, pod, pending
        self.deadline = deadline
        self._hub: PodHub | None = None
        self._job: PodJob | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, without any credentials."""
        return (
            f"{__name__}.{type(self).__qualname__}",
            {
                "connection": self.connection, "namespace": self.namespace, "pod": self.pod, "pending": self.pending,
                "deadline": self.deadline,
            },
        )  # fmt: skip

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Watch to the end; yields one event."""
        clock = asyncio.get_running_loop().time
        started = clock()
        lines = TaskLog(self.log, rest=LEFT_OUT)
        ended, late = await self._follow(await self._find(), lines)
        await asyncio.sleep(max(0.0, LEAST_WAIT - (clock() - started)))
        await lines.close()
        words = "it ran past the task's execution_timeout" if late else ended.reason
        status = "timeout" if late else "success" if ended.ok else "failed"
        yield TriggerEvent({"status": status, "message": words, "name": self.pod, "namespace": self.namespace})

    async def on_kill(self) -> None:
        """A person cleared or marked the task: the pod goes with it."""
        lines = TaskLog(self.log, rest=LEFT_OUT)
        job = await self._find()
        await insist(job, GRACE, lines)
        if await has_ended(job, GRACE):
            await remove(job, lines)
        await lines.close()

    async def cleanup(self) -> None:
        """Let go of what is held here. The pod goes on: another triggerer may be watching it already."""
        await to_its_end(self._let_go())

    async def _let_go(self) -> None:
        from automl_airflow.kubernetes.hubs import give_back

        if self._job is not None:
            await self._job.close()
        hub, self._hub = self._hub, None
        if hub is not None:
            await give_back(self.connection, hub)

    async def _find(self) -> PodJob:
        from automl_airflow.kubernetes.hubs import borrow

        if self._hub is None:
            self._hub = await borrow(self.connection, self.namespace)
        from automl_core.backends.kubernetes.job import PodJob
        from automl_core.backends.kubernetes.waiting import Limits

        if self._job is None:
            self._job = PodJob(self._hub, self.pod, Limits(pending=self.pending, pending_fails=True))
        return self._job

    async def _follow(self, job: PodJob, lines: TaskLog) -> tuple[Exit, bool]:
        """Hand on what it prints until it has ended. Returns how, and whether that was for the time."""
        from automl_airflow.kubernetes.trigger import polls_by_number
        from automl_core.backends.remote import Unreachable

        late, unreachable = False, False
        while True:
            try:
                report = await job.poll()
                if unreachable:
                    lines.info("the pod can be reached again")
                unreachable = False
                for note in report.notes:
                    lines.info("%s", note)
                for line in report.lines:
                    lines.line(line)
                if report.exit is not None:
                    return report.exit, late
                if not late and self.deadline is not None and time.time() >= self.deadline:
                    lines.warning("it is ended: the task's execution_timeout is over")
                    await job.end(GRACE)
                    late = True
            except Unreachable as error:
                if not unreachable:
                    lines.warning("the pod can't be reached, it goes on and is asked again: %s", error)
                unreachable = True
            await job.wait(1.0 if late else polls_by_number(0.0, self._hub))
