"""One attempt in a pod that runs several, one after the other: its lines in that pod's log, and its end.

The pod's own state says how it fares as a whole; of a trial its log does, by a line before and one after it. A pod that
goes takes the trial along that runs in it then, and no other: those before have ended, and no more are ordered there.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from automl_core.backends.base import Cause, Exit
from automl_core.backends.kubernetes import ends, holds
from automl_core.backends.kubernetes.bounds import memory_held
from automl_core.backends.kubernetes.hub import PodHub
from automl_core.backends.kubernetes.job import PodJob, is_stuck, pod_grace
from automl_core.backends.kubernetes.lanes import mark_in
from automl_core.backends.kubernetes.queueing import came_from_queue, is_cancelled
from automl_core.backends.kubernetes.waiting import Limits
from automl_core.backends.remote import Report, Unreachable
from automl_core.spec.units import format_duration
from automl_core.states import NEVER_BEGAN

EARLIER = 300.0
"""Seconds before its order from which on the log is read: clocks of nodes and workers differ a little."""

_LATE = 15.0
"""Seconds beyond its grace that a pod may take to end a trial, before it is ended as a whole."""

_PAST = 60.0
"""Seconds past its time limit, which the pod keeps, after which a trial is ended with its pod."""

_ASK_EVERY = 60.0
"""Seconds without a line after which the storage is asked whether the trial has ended: a log may lose a line."""

_ASKED_BY = 10.0
"""Seconds that the storage may take to let a trial be stopped, before its pod is ended for it."""

_OURS = "[automl-lane] "


class LaneOrders(Protocol):
    """What the storage has of one attempt's order."""

    async def stop(self) -> None:
        """Ask the pod to end the trial."""

    async def ended(self) -> Exit | None:
        """How the trial ended, as the pod wrote it; None while nothing is there."""

    async def followed(self) -> bool:
        """Whether another trial was ordered after it in its pod."""

    async def close(self) -> bool:
        """See that no trial follows it in its pod. Returns whether that holds: False where one does already."""


@dataclass(frozen=True, slots=True)
class LanePlace:
    """Where an attempt is in its pod's life.

    Attributes:
        token: of its order, in the log.
        first: whether the pod was made for it: what keeps the pod from running is its own failure.
        since: seconds since 1970 at which it was ordered.
    """

    token: str
    first: bool
    since: float


class LaneJob(PodJob):
    """One attempt in such a pod."""

    def __init__(
        self, hub: PodHub, name: str, limits: Limits, orders: LaneOrders, place: LanePlace, *,
        most_memory: float | None = None, keep: str = "never", secret: str = "",
        last: Callable[[], bool] = lambda: False, clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """Begin to watch it from its beginning.

        Args:
            hub: of the pod's namespace.
            name: the pod's.
            limits: how long what may take.
            orders: what the storage has of it.
            place: where in the pod's life it is.
            most_memory, keep, secret: as of `PodJob`.
            last: whether no trial is to follow it in its pod: that goes with it then.
            clock: seconds since 1970.
        """
        super().__init__(
            hub, name, limits, most_memory=most_memory, keep=keep, secret=secret, since=place.since - EARLIER,
            clock=clock,
        )  # fmt: skip
        self._orders, self._place, self._last = orders, place, last
        self._begun_at: float | None = None
        self._told: Exit | None = None
        self._before: deque[str] = deque(maxlen=5)
        self._heard_at = clock()
        self._stop_by: float | None = None
        self._is_gone = False
        self._is_past = False
        """Whether the log goes on with another trial, it seems, though it does not say how this one ended."""
        self._others: list[str] = []

    async def poll(self) -> Report:
        """What is new of the trial (see `RemoteJob.poll`)."""
        pod = await self._hub.pod(self.name)
        over = pod is None or ends.has_ended(pod) or ends.training_ended(pod)
        if pod is None:
            self._log.read_on(gone=True)
        elif is_cancelled(pod):
            return self._report([], ends.gone(None, cause=self._cause))
        elif await self._waits_in_queue(pod):
            return self._report([], None, running=False)
        elif over:
            self._log.read_on(whole=True, abandoned=ends.disruption(pod) is not None)
        else:
            held = await self._waiting.look(pod, self._hub.warnings) if self._cause is None else None
            if held is not None:
                await self._delete(0)
                return self._report([], self._held(held))
            if ends.has_begun(pod):
                self._log.read_on(abandoned=ends.disruption(pod) is not None)
        drained = self._log.drained
        lines = self._heard()
        if self._place.first and pod is not None and came_from_queue(pod):
            self._began = self._begun_at
        if self._told is not None:
            return self._report(lines, self._finished(self._told, pod))
        if self._is_past:  # whatever becomes of the pod is another's
            found = await self._missed()
            lines += self._taken_back()
            return self._report(lines, None if found is None else self._finished(found, pod))
        if over and drained:
            return await self._report_lost(lines, pod)
        if over and self._log.problem is not None and not lines:
            raise Unreachable(self._log.problem)
        if pod is not None and not over:
            await self._keep_to_time(pod)
            if (found := await self._missed()) is not None:
                return self._report(lines, self._finished(found, pod))
        current = self._begun_at is None or self._log.current
        return self._report(lines, None, running=self._begun_at is not None, current=current)

    async def end(self, grace: float) -> None:
        """Ask the pod to end the trial; where it can't be asked, or has not begun, end the pod."""
        self._cause = self._cause or Cause.TERMINATED
        pod = await self._hub.pod(self.name)
        if pod is None or not ends.has_begun(pod) or (self._last() and await self._is_last(unknown=True)):
            await self._delete(max(1.0, grace))
            return
        try:
            async with asyncio.timeout(_ASKED_BY):
                await self._orders.stop()
        except Exception as error:  # whatever a store has to say: it is not to keep a trial running
            self._waiting.note(f"its pod can't be asked to end it, and is ended: {_words(error)}")
            await self._delete(max(1.0, grace))
            return
        self._stop_by = self._clock() + grace + _LATE

    async def remove(self) -> None:
        """Delete the pod where nothing is to follow in it, or it is over; else it waits for the next trial."""
        if self._is_gone or (self._last() and await self._is_last(unknown=False)):
            await super().remove()

    async def _is_last(self, *, unknown: bool) -> bool:
        """Whether no other trial is in its pod, and none comes: one may have been ordered as soon as it had ended.

        Args:
            unknown: what to take it for where the storage does not say.
        """
        try:
            async with asyncio.timeout(_ASKED_BY):
                return await self._orders.close()
        except Exception as error:  # whatever a store has to say
            self._waiting.note(f"whether another trial follows in its pod can't be asked: {_words(error)}")
            return unknown

    # --- the log ------------------------------------------------------------------------------------

    def _heard(self) -> list[str]:
        """The trial's own of the lines that were read."""
        found: list[str] = []
        for line in self._log.take():
            mark = mark_in(line)
            if mark is not None:
                if mark.token == self._place.token and self._told is None:
                    self._heard_at, self._is_past = self._clock(), False
                    found += self._taken_back()
                    self._begun_at, self._told = mark.at or self._begun_at, mark.exit
                    if self._begun_at is None:
                        self._waiting.note("where it began is not in its log any more: lines are missing")
                elif mark.at is not None and self._begun_at is not None:
                    self._is_past = self._told is None  # what follows is not its own
                continue
            if self._is_past:
                self._others.append(line)
                continue
            if self._begun_at is None:
                self._before.append(line)
                continue
            self._heard_at = self._clock()
            if self._told is None and line.startswith(_OURS):
                self._waiting.note(line.removeprefix(_OURS))
            elif self._told is None:
                found.append(line)
        return found

    def _taken_back(self) -> list[str]:
        """What was taken for another trial's, where it is its own: a training may print what it likes."""
        if self._is_past:
            return []
        found, self._others = self._others, []
        return found

    async def _missed(self) -> Exit | None:
        """How the trial ended where its log has kept that to itself for long."""
        asked = self._stop_by is not None and self._clock() > self._stop_by
        silent = self._clock() - self._heard_at >= _ASK_EVERY and self._log.current
        if not (asked or silent or self._is_past):
            return None
        self._heard_at = self._clock()
        try:
            async with asyncio.timeout(_ASKED_BY):
                found = await self._orders.ended()
                if found is None and self._is_past:
                    self._is_past = await self._orders.followed()
        except Exception as error:  # asked again
            self._waiting.note(f"whether it has ended can't be asked: {_words(error)}")
            if self._is_past:
                return None
            found = None
        if found is None and self._is_past:  # the pod keeps the last few ends
            return Exit(Cause.LOST, -1, None, "neither its log nor its pod says any more how it ended", blameless=True)
        if found is not None:
            self._waiting.note("its log does not say that it has ended, its pod does: lines may be missing")
        elif asked:
            self._waiting.note("its pod does not end it, and is ended")
            self._stop_by = None
            await self._delete(1.0)
        return found

    # --- the end ------------------------------------------------------------------------------------

    def _finished(self, ended: Exit, pod: Mapping[str, Any] | None) -> Exit:
        """The trial's end as the pod told it, with what the pod could not know."""
        if self._cause is Cause.TIMEOUT and ended.cause is not Cause.EXITED:
            return replace(ended, cause=Cause.TIMEOUT)
        if not ended.out_of_memory or pod is None:
            return ended
        held = self.memory_held = memory_held(pod)
        if self._most_memory is None or self._most_memory <= held:
            return ended
        found = ends.out_of_memory(pod, ended.seconds, True, ended.peak_memory_bytes)
        return replace(found, cpu_seconds=ended.cpu_seconds)

    async def _report_lost(self, lines: list[str], pod: Mapping[str, Any] | None) -> Report:
        """The end of a trial whose pod has ended with it."""
        self._is_gone = True
        if pod is not None and not ends.has_ended(pod):  # containers of its template go on, for nobody
            await self._delete(pod_grace(pod))
        ended = self._gone() if pod is None else self._exit(pod)
        if ended.ok or (ended.cause is Cause.TIMEOUT and self._cause is None and not self._place.first):
            reason = "its pod ended before it" if ended.ok else f"its pod ended before it: {ended.reason}"
            ended = Exit(Cause.LOST, -1, None, reason, kind=ended.kind or ends.Kind.DELETED, blameless=True)
        elif self._begun_at is None and not self._place.first and self._cause is None and not ended.blameless:
            reason = f"its pod ended before it had begun: {ended.reason}"  # by what was there before it
            ended = Exit(Cause.LOST, -1, None, reason, kind=ends.Kind.DELETED, blameless=True)
        elif self._begun_at is None and self._place.first and ended.cause is Cause.EXITED:
            said = "; ".join(self._before) or ended.reason
            ended = replace(
                ended, final=True, systematic=True,
                reason=f"lane: the pod could not begin, and its image needs this product (python -m …): {said}",
            )  # fmt: skip
        if self._begun_at is None and ended.cause is Cause.TERMINATED:  # what had begun in the pod was another's
            ended = replace(ended, kind=NEVER_BEGAN)
        seconds = max(0.0, self._clock() - self._begun_at) if self._begun_at is not None else 0.0
        return self._report(lines, replace(ended, seconds=min(seconds, ended.seconds) if ended.seconds else seconds))

    def _held(self, held: holds.Hold) -> Exit:
        self._is_gone = True
        return holds.refused(held)

    async def _keep_to_time(self, pod: Mapping[str, Any]) -> None:
        """End a pod whose trial is long past its time limit, which the pod keeps; one by force that does not go."""
        limit, now = self._limits.timeout, self._clock()
        past = 0.0 if limit is None or self._begun_at is None else now - self._begun_at - limit - pod_grace(pod)
        if limit is not None and past > _PAST and self._cause is None:
            self._waiting.note(f"it is ended with its pod, long past its time limit of {format_duration(limit)}")
            await self._delete(pod_grace(pod))
            self._cause = Cause.TIMEOUT
        if is_stuck(pod, now):
            self._waiting.note("its node does not confirm that it has ended; it is removed by force")
            await self._delete(0)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
