"""One attempt's pod, watched through the hub: its log, what keeps it from running, and its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from automl_core.backends.base import Cause, Exit
from automl_core.backends.kubernetes import ends
from automl_core.backends.kubernetes.api import ApiError
from automl_core.backends.kubernetes.hub import PodHub
from automl_core.backends.kubernetes.logs import PodLog
from automl_core.backends.kubernetes.queueing import QUEUE, came_from_queue, ignores_queue, is_cancelled, queue_of
from automl_core.backends.kubernetes.waiting import Limits, WaitingRoom
from automl_core.backends.kubernetes.workloads import Queueing
from automl_core.backends.remote import RemoteJob, Report, Unreachable
from automl_core.spec.units import format_duration

STUCK = 60.0
"""Seconds after its grace that a pod may take to go before it is removed by force (its node is lost, say)."""

LINGERING = 10.0
"""Seconds that containers of a template may go on when the training has ended."""


class PodJob(RemoteJob):
    """One pod."""

    def __init__(
        self, hub: PodHub, name: str, limits: Limits, *, growth: bool = False, keep: str = "never",
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """Begin to watch a pod from its beginning.

        Args:
            hub: of its namespace.
            name: the pod's.
            limits: how long what may take.
            growth: whether the next attempt would get more memory after this one ran out of it.
            keep: which ended pods are left there: never, failed or always.
            clock: seconds since 1970.
        """
        self._hub, self.name, self._limits, self._growth, self._keep = hub, name, limits, growth, keep
        self._clock = clock
        self._log = PodLog(hub.api, f"{hub.path}/{name}", partial(hub.reading, name))
        self._cause: Cause | None = None
        self._waiting = WaitingRoom(limits, clock)
        self._queueing = Queueing(hub.workloads, "Pod", name)
        self._began: float | None = None
        self._failed = self._dismissed = False

    async def wait(self, seconds: float) -> None:
        """Wait for the next look: so many seconds, or until the pod's state changes."""
        await self._hub.changed(self.name, seconds)

    async def poll(self) -> Report:
        """What is new (see `RemoteJob.poll`)."""
        pod = await self._hub.pod(self.name)
        if pod is None:
            return self._report(self._log.take(), self._gone())
        if is_cancelled(pod):  # what keeps it is Kueue's finalizer, of which a Kueue that is away is not rid
            return self._report([], ends.gone(None, cause=self._cause))
        if await self._waits_in_queue(pod):
            return self._report([], None, running=False)
        if came_from_queue(pod):
            self._began = ends.started_at(pod)
        if ends.has_ended(pod):
            lines = await self._log.read(whole=True, abandoned=ends.disruption(pod) is not None)
            return self._report(lines, self._exit(pod))
        await self._keep_limits(pod)
        held = await self._waiting.look(pod, self._hub.warnings) if self._cause is None else None
        if held is not None:
            await self._delete(0)
            return self._report([], ends.refused(held))
        await self._end_what_lingers(pod)
        lines = []
        if ends.has_begun(pod):  # last: nothing after it may fail
            lines = await self._log.read(whole=ends.training_ended(pod), abandoned=ends.disruption(pod) is not None)
        return self._report(lines, None, running=ends.has_begun(pod))

    async def end(self, grace: float) -> None:
        """Delete the pod (see `RemoteJob.end`)."""
        self._cause = self._cause or Cause.TERMINATED
        await self._delete(max(1.0, grace))  # without any, the cluster forgets it while it may still run

    async def remove(self) -> None:
        """Delete the ended pod, unless it is to be kept to look at."""
        if self._keep == "always" or (self._keep == "failed" and self._failed):
            return
        await self._delete(0)

    async def close(self) -> None:
        """Let go of what is remembered of the pod."""
        self._hub.forget(self.name)

    async def _waits_in_queue(self, pod: Mapping[str, Any]) -> bool:
        """Whether it waits for its turn in a queue, of which people are told."""
        queue = queue_of(pod)
        if queue is not None:
            await self._queueing.wait(queue)
            return True
        self._queueing.admit()
        if ignores_queue(pod):
            self._queueing.ignored(pod["metadata"]["labels"][QUEUE])
        return False

    # --- the end --------------------------------------------------------------------------------

    def _report(self, lines: list[str], ended: Exit | None, *, running: bool = True) -> Report:
        notes = [*self._queueing.take_notes(), *self._waiting.take_notes(), *self._log.take_notes()]
        if ended is not None:
            self._failed = not ended.ok and ended.cause is not Cause.TERMINATED
        return Report(lines, notes, running, ended, self._began)

    def _exit(self, pod: Mapping[str, Any]) -> Exit:
        peak = self._hub.peak_memory(self.name)
        return ends.exit_of_pod(
            ends.undeleted(pod) if self._dismissed else pod,
            cause=self._cause,
            timeout=self._limits.timeout,
            growth=self._growth,
            peak_memory=peak,
        )

    def _gone(self) -> Exit:
        pod = self._hub.last_seen(self.name)
        if pod is not None and self._dismissed:
            pod = ends.undeleted(pod)
        return ends.gone(pod, cause=self._cause, timeout=self._limits.timeout)

    async def _delete(self, grace: float) -> None:
        try:
            await self._hub.api.delete(f"{self._hub.path}/{self.name}", gracePeriodSeconds=str(int(grace + 0.999)))
        except ApiError as error:
            raise Unreachable(f"the pod {self.name} can't be deleted: {error}") from error

    async def _keep_limits(self, pod: Mapping[str, Any]) -> None:
        """End a pod at its time limit; remove one by force that is to go and doesn't."""
        limit, begun, now = self._limits.timeout, ends.started_at(pod), self._clock()
        trains = begun is not None and not ends.training_ended(pod)
        if limit is not None and begun is not None and trains and self._cause is None and now - begun > limit:
            self._waiting.note(f"it is ended at its time limit of {format_duration(limit)}")
            await self._delete(pod_grace(pod))
            self._cause = Cause.TIMEOUT
        if is_stuck(pod, now):
            self._waiting.note("its node does not confirm that it has ended; it is removed by force")
            await self._delete(0)

    async def _end_what_lingers(self, pod: Mapping[str, Any]) -> None:
        """End a pod whose training has ended while other containers of its template go on: they would for ever."""
        others, ended = ends.left_behind(pod), ends.ended_at(pod)
        if not others or ended is None or self._clock() - ended < LINGERING or pod["metadata"].get("deletionTimestamp"):
            return
        await self._log.catch_up()  # with the pod goes its log
        self._waiting.note(f"the training has ended; what runs on beside it is ended too: {', '.join(others)}")
        await self._delete(pod_grace(pod))
        self._dismissed = True


def is_stuck(pod: Mapping[str, Any], now: float) -> bool:
    """Whether a pod that was to go is still there long after its time."""
    leaving = pod["metadata"].get("deletionTimestamp")
    return bool(leaving) and now - datetime.fromisoformat(leaving).timestamp() > STUCK


def pod_grace(pod: Mapping[str, Any]) -> float:
    """Seconds that a pod has to end by itself, by its own spec."""
    return float((pod.get("spec") or {}).get("terminationGracePeriodSeconds") or 5)
