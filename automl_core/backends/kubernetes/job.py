"""One attempt's pod, watched through the hub: its log, what keeps it from running, and its end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from automl_core.backends.base import Cause, Exit
from automl_core.backends.kubernetes import ends, holds
from automl_core.backends.kubernetes.api import ApiError
from automl_core.backends.kubernetes.bounds import memory_held
from automl_core.backends.kubernetes.hub import PodHub
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
        self, hub: PodHub, name: str, limits: Limits, *, most_memory: float | None = None, keep: str = "never",
        secret: str = "", since: float | None = None, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """Begin to watch a pod from its beginning.

        Args:
            hub: of its namespace.
            name: the pod's.
            limits: how long what may take.
            most_memory: bytes that the next attempt can come to have after this one ran out of it; None for no more.
            keep: which ended pods are left there: never, failed or always.
            secret: name of the secret that belongs to it, empty without one: an ended pod that is kept needs none.
            since: seconds since 1970 before which its log is not read; None for all of it.
            clock: seconds since 1970.
        """
        self._hub, self.name, self._limits, self._most_memory, self._keep = hub, name, limits, most_memory, keep
        self._secret, self._clock = secret, clock
        self.memory_held = 0.0
        """Bytes of memory that it could have when it ended, 0 while that is not known."""
        self._evicted: str | None = None
        self._asked = False
        self._log = hub.log(name, name, since=since)
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
        await self._ask_events(pod)
        if pod is None:
            self._log.read_on(gone=True)
            return self._last_report(self._gone)
        if is_cancelled(pod):  # what keeps it is Kueue's finalizer, of which a Kueue that is away is not rid
            return self._report([], ends.gone(None, cause=self._cause))
        if await self._waits_in_queue(pod):
            return self._report([], None, running=False)
        if came_from_queue(pod):
            self._began = ends.started_at(pod)
        if ends.has_ended(pod):
            self._log.read_on(whole=True, abandoned=ends.disruption(pod) is not None)
            return self._last_report(lambda: self._exit(pod))
        await self._keep_limits(pod)
        held = await self._waiting.look(pod, self._hub.warnings) if self._cause is None else None
        if held is not None:
            await self._delete(0)
            return self._report([], holds.refused(held))
        if ends.has_begun(pod):
            self._log.read_on(whole=ends.training_ended(pod), abandoned=ends.disruption(pod) is not None)
        await self._end_what_lingers(pod)
        current = not ends.has_begun(pod) or self._log.current
        return self._report(
            self._log.take(), None, running=ends.has_begun(pod), current=current
        )  # nothing may fail now

    async def end(self, grace: float) -> None:
        """Delete the pod (see `RemoteJob.end`)."""
        self._cause = self._cause or Cause.TERMINATED
        await self._delete(max(1.0, grace))  # without any, the cluster forgets it while it may still run

    async def remove(self) -> None:
        """Delete the ended pod, unless it is to be kept to look at."""
        if self._keep == "always" or (self._keep == "failed" and self._failed):
            await self._hub.delete_secret(self._secret)
            return
        await self._delete(0)

    async def close(self) -> None:
        """Let go of what is remembered of the pod."""
        await self._log.close()
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

    def _last_report(self, ended: Callable[[], Exit]) -> Report:
        """The rest of the lines; the end with the last of them, which `wait` waits for.

        Raises:
            Unreachable: the log can't be asked for now, and something may be left in it.
        """
        drained, lines = self._log.drained, self._log.take()
        if not drained and self._log.problem is not None and not lines:
            raise Unreachable(self._log.problem)
        return self._report(lines, ended() if drained else None, current=drained or self._log.current)

    def _report(
        self, lines: list[str], ended: Exit | None, *, running: bool = True, current: bool = True
    ) -> Report:  # fmt: skip
        notes = [*self._queueing.take_notes(), *self._waiting.take_notes(), *self._log.take_notes()]
        if ended is not None:
            self._failed = not ended.ok and ended.cause is not Cause.TERMINATED
        return Report(lines, notes, running, ended, current, self._began)

    async def _ask_events(self, pod: Mapping[str, Any] | None) -> None:
        """Ask, once, for what an ended pod's state may keep to itself."""
        if pod is not None and not self._asked and self._cause is None and ends.has_ended(pod):
            self._evicted, self._asked = await self._hub.eviction(pod), True

    def _exit(self, pod: Mapping[str, Any]) -> Exit:
        peak = self._hub.peak_memory(self.name)
        self.memory_held = memory_held(pod)
        return ends.exit_of_pod(
            ends.undeleted(pod) if self._dismissed else pod,
            cause=self._cause,
            timeout=self._limits.timeout,
            most_memory=self._most_memory,
            peak_memory=peak,
            evicted=self._evicted,
        )

    def _gone(self) -> Exit:
        pod = self._hub.last_seen(self.name)
        if pod is not None and self._dismissed:
            pod = ends.undeleted(pod)
        self.memory_held = memory_held(pod) if pod is not None else 0.0
        return ends.gone(pod, cause=self._cause, timeout=self._limits.timeout, most_memory=self._most_memory)

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
        if not self._log.drained:  # with the pod goes its log
            return
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
