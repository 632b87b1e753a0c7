"""Several pods that train as one: an indexed Job with a headless service, PyTorch's and MPI's conventions.

The pod of index 0 is the master: its output and its metrics are the trial's; the others' lines are shown to people.
The first pod that fails ends all: the Job allows no second try of its own.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from automl_core.backends.base import Cause, Exit
from automl_core.backends.kubernetes import ends, holds
from automl_core.backends.kubernetes.api import ApiError
from automl_core.backends.kubernetes.bounds import memory_held
from automl_core.backends.kubernetes.hub import PodHub
from automl_core.backends.kubernetes.job import LINGERING, is_stuck
from automl_core.backends.kubernetes.logs import PodLog
from automl_core.backends.kubernetes.queueing import QUEUE
from automl_core.backends.kubernetes.waiting import Limits, WaitingRoom
from automl_core.backends.kubernetes.workers import INDEX
from automl_core.backends.kubernetes.workloads import Queueing
from automl_core.backends.remote import RemoteJob, Report, Unreachable
from automl_core.spec.units import format_duration

_TAIL = 40

_DRAINED_BY = 60.0
"""Seconds that the end of one may wait for its last lines before the others are ended because of it."""

_MADE_BY = 5.0
"""Seconds by which a Job has usually made its pods."""

_SKEW = 5.0
"""Seconds by which clocks of nodes and cluster may differ: a Job deletes the others because of the one that failed."""


class GroupJob(RemoteJob):
    """The pods of one attempt."""

    def __init__(
        self, hub: PodHub, name: str, workers: int, limits: Limits, *, most_memory: float | None = None,
        keep: str = "never", secret: str = "", queued: bool = False,
        signature: Callable[[Exit, Sequence[str]], str] = lambda ended, lines: "",
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """Begin to watch them from their beginning.

        Args:
            hub: of their namespace.
            name: the Job's, and the service's.
            workers: how many pods there are to be.
            limits: how long what may take.
            most_memory: bytes that the next attempt can come to have after this one ran out of it; None for no more.
            keep: which ended pods are left there: never, failed or always.
            secret: name of the secret that belongs to the Job, empty without one: pods that are kept need none.
            queued: whether Kueue may take their place away.
            signature: digest of a worker's failure, from how it ended and its last lines.
            clock: seconds since 1970.
        """
        self._hub, self.name, self._workers, self._limits, self._most_memory = hub, name, workers, limits, most_memory
        self.memory_held = 0.0
        """Bytes of memory that the pod which failed could have, 0 while none has."""
        self._evicted: dict[str, str | None] = {}
        self._keep, self._secret, self._signature, self._clock = keep, secret, signature, clock
        self._logs: dict[str, PodLog] = {}
        self._ended_at: dict[str, float] = {}
        self._tails: dict[str, deque[str]] = {}
        self._seen: dict[str, Mapping[str, Any]] = {}
        self._lines: list[str] = []
        self._notes: list[str] = []
        self._waiting = WaitingRoom(limits, clock)
        self._queueing = Queueing(hub.workloads, "Job", name)
        self._cause: Cause | None = None
        self._first: Exit | None = None
        self._done: Exit | None = None
        self._begun_at = clock()
        self._failed, self._ask_kueue, self._queued = False, queued, queued

    async def wait(self, seconds: float) -> None:
        """Wait for the next look: so many seconds, or until one of the pods changes."""
        await self._hub.changed(self.name, seconds)

    async def poll(self) -> Report:
        """What is new of all of them (see `RemoteJob.poll`)."""
        pods = {str(pod["metadata"]["name"]): pod for pod in await self._hub.pods(self.name)}
        vanished = [pod for name, pod in self._seen.items() if name not in pods]
        self._seen.update(pods)
        await self._ask_events(pods)
        if not pods:
            job = await self._job()
            if job is None:
                self._read_logs(pods)
                return self._report(self._first or self._done or self._success() or self._gone())
            if not self._seen and await self._waits_in_queue(job):
                return self._report(None, running=False)
        begun = [start for pod in pods.values() if (start := ends.started_at(pod)) is not None]
        limit, trains = self._limits.timeout, not all(ends.training_ended(pod) for pod in pods.values())
        if limit is not None and begun and trains and self._cause is None and self._clock() - min(begun) > limit:
            await self._delete()
            self._cause = Cause.TIMEOUT
            self._waiting.note(f"all of it is ended at its time limit of {format_duration(limit)}")
        held = await self._held(pods)
        if held is not None:
            self._first = self._first or holds.refused(held)
        await self._remove_stuck(pods)
        if not self._read_logs(pods):  # an end is told by its last lines, and with a pod goes its log
            return self._report(None, running=bool(begun))
        self._note_first_failure(pods, vanished)
        await self._name_eviction()
        return self._report(await self._end_as_one(pods), running=bool(begun))

    async def end(self, grace: float) -> None:
        """Delete the Job and with it all pods (see `RemoteJob.end`)."""
        self._cause = self._cause or Cause.TERMINATED
        await self._delete()

    async def remove(self) -> None:
        """Delete what is left, unless the pods are to be kept to look at."""
        if self._keep == "always" or (self._keep == "failed" and self._failed):
            await self._hub.delete_secret(self._secret)
            return
        await self._delete()

    async def close(self) -> None:
        """Let go of what is remembered of the pods."""
        for log in self._logs.values():
            await log.close()
        for name in [self.name, *self._seen]:
            self._hub.forget(name)

    # --- their ends ---------------------------------------------------------------------------------

    async def _end_as_one(self, pods: Mapping[str, Mapping[str, Any]]) -> Exit | None:
        """End all where one has failed. Returns the end of the attempt, if this is it."""
        lingering = [name for pod in pods.values() if self._lingers(pod) for name in ends.left_behind(pod)]
        if self._first is not None and self._cause is None:
            self._waiting.note(f"all of it is ended: {self._first.reason}")
            if self._keep == "never" or self._first.cause is Cause.UNSTARTED or lingering:
                await self._delete()
                self._cause = Cause.TERMINATED
            elif all(ends.has_ended(pod) for pod in pods.values()):  # the Job has ended the others itself
                return self._first
        if self._first is not None or self._cause is not None or self._done is not None:
            return None
        ended = self._success()
        if ended is not None and lingering:
            names = ", ".join(sorted(set(lingering)))
            self._waiting.note(f"the training has ended; what runs on beside it is ended too: {names}")
            await self._delete()
            self._done = ended
            return None
        return ended

    def _success(self) -> Exit | None:
        """The end of the attempt where all have done all they had to, as seen last: some may be gone since."""
        exits = {number_of(pod): self._exit(pod) for pod in self._seen.values() if self._is_over(pod)}
        if len(exits) < self._workers or not all(ended.ok for ended in exits.values()):
            return None
        return max(exits.values(), key=lambda ended: ended.seconds)

    def _is_over(self, pod: Mapping[str, Any]) -> bool:
        return ends.has_ended(pod) or self._lingers(pod)

    def _lingers(self, pod: Mapping[str, Any]) -> bool:
        """Whether containers of its template have long gone on beside an ended training."""
        ended = ends.ended_at(pod)
        return bool(ends.left_behind(pod)) and ended is not None and self._clock() - ended >= LINGERING

    async def _ask_events(self, pods: Mapping[str, Mapping[str, Any]]) -> None:
        """Ask, once for each, for what the state of an ended pod may keep to itself."""
        for name, pod in pods.items():
            if ends.has_ended(pod) and name not in self._evicted:
                self._evicted[name] = await self._hub.eviction(pod)

    async def _held(self, pods: Mapping[str, Mapping[str, Any]]) -> holds.Hold | None:
        """What keeps one of the pods from running, or from being made, where that is to end the attempt."""
        if self._cause is not None or self._first is not None:
            return None
        for pod in pods.values():
            found = await self._waiting.look(pod, self._hub.warnings)
            if found is not None:
                return found
        if len(self._seen) >= self._workers or self._clock() - self._begun_at < _MADE_BY:
            return None
        # a quota, a policy or a webhook refuses pods, and the Job itself has no word for it
        said = await self._hub.warnings.about("Job", self.name)
        whole = holds.too_much(said, self._workers) if said is not None else None
        return self._waiting.judge({"metadata": {"name": self.name}}, whole)

    async def _remove_stuck(self, pods: Mapping[str, Mapping[str, Any]]) -> None:
        """Remove by force what was to go long ago: its node is lost, and may never say that it has ended."""
        for name, pod in pods.items():
            if is_stuck(pod, self._clock()):
                self._waiting.note(
                    f"worker {number_of(pod)}: its node does not confirm that it has ended; it is removed by force"
                )
                try:
                    await self._hub.api.delete(f"{self._hub.path}/{name}", gracePeriodSeconds="0")
                except ApiError as error:
                    raise Unreachable(f"the pod {name} can't be deleted: {error}") from error

    def _report(self, ended: Exit | None, *, running: bool = True) -> Report:
        lines, self._lines = self._lines, []
        notes, self._notes = [*self._queueing.take_notes(), *self._waiting.take_notes(), *self._notes], []
        if ended is not None:
            self._failed = not ended.ok and ended.cause is not Cause.TERMINATED
        current = all(log.current or log.drained for log in self._logs.values())
        starts = [start for pod in self._seen.values() if (start := ends.started_at(pod)) is not None]
        began = min(starts, default=None) if self._queued else None
        return Report(lines, notes, running, ended, current, began)

    def _exit(self, pod: Mapping[str, Any], cause: Cause | None = None) -> Exit:
        peak = self._hub.peak_memory(str(pod["metadata"]["name"]))
        return ends.exit_of_pod(
            pod, cause=cause, timeout=self._limits.timeout, most_memory=self._most_memory, peak_memory=peak,
            evicted=self._evicted.get(str(pod["metadata"]["name"])),
        )  # fmt: skip

    def _note_first_failure(self, pods: Mapping[str, Mapping[str, Any]], vanished: Sequence[Mapping[str, Any]]) -> None:
        """Keep the end of the pod that failed first: the others only follow."""
        if self._first is not None or self._cause is not None or self._done is not None:
            return
        failed = [(pod, self._exit(pod)) for pod in pods.values() if self._is_over(pod) or is_leaving(pod)]
        for pod in vanished:
            last = self._hub.last_seen(str(pod["metadata"]["name"])) or pod
            failed.append((last, ends.gone(last, timeout=self._limits.timeout, most_memory=self._most_memory)))
        exits = [(self._failed_at(pod, ended), number_of(pod), pod, ended) for pod, ended in failed if not ended.ok]
        if not exits:
            return
        _, number, pod, ended = min(exits, key=lambda entry: entry[:2])
        name, self.memory_held = str(pod["metadata"]["name"]), memory_held(pod)
        tail = list(self._tails.get(name, ()))
        shown = "\n".join(["; its last lines:", *tail]) if tail and number != 0 else ""
        self._first = replace(
            ended, reason=f"worker {number}: {ended.reason}{shown}", error=ended.error or self._signature(ended, tail)
        )

    def _failed_at(self, pod: Mapping[str, Any], ended: Exit) -> float:
        """When it failed; what was deleted a moment before another failed was deleted because of that."""
        if ended.kind == ends.Kind.DELETED:
            return (ends.asked_to_go_at(pod) or self._clock()) + _SKEW
        return ends.failed_at(pod) or self._clock()

    def _gone(self) -> Exit:
        seen = next(iter(self._seen.values()), None)
        if self._cause is not None and seen is not None:
            return self._exit(seen, self._cause)
        return ends.gone(None, cause=self._cause)

    async def _job(self) -> Mapping[str, Any] | None:
        """The Job itself, None where there is none."""
        try:
            return await self._hub.api.get(f"/apis/batch/v1/namespaces/{self._hub.namespace}/jobs/{self.name}")
        except ApiError as error:
            if error.status == 404:
                return None
            raise Unreachable(f"its Job can't be asked for: {error}") from error

    async def _waits_in_queue(self, job: Mapping[str, Any]) -> bool:
        """Whether the Job is suspended until Kueue admits it, of which people are told."""
        queue = (job["metadata"].get("labels") or {}).get(QUEUE)
        if queue is None or not job["spec"].get("suspend"):
            self._queueing.admit()
            return False
        self._begun_at = self._clock()  # from here on its pods may be waited for
        await self._queueing.wait(queue)
        return True

    async def _name_eviction(self) -> None:
        """Say who deleted the pods where that was Kueue, which suspends a Job to give its place to others."""
        first = self._first
        if first is None or first.kind != ends.Kind.DELETED or self._cause is not None or not self._ask_kueue:
            return
        self._ask_kueue = False
        evicted = await self._queueing.eviction()
        if evicted is not None:
            kind, words = ends.evicted_by_kueue(*evicted)
            self._first = replace(first, kind=kind, reason=words)

    async def _delete(self) -> None:
        namespace = self._hub.namespace
        try:
            await self._hub.api.delete(
                f"/apis/batch/v1/namespaces/{namespace}/jobs/{self.name}", propagationPolicy="Background"
            )
            await self._hub.api.delete(f"/api/v1/namespaces/{namespace}/services/{self.name}")
        except ApiError as error:
            raise Unreachable(f"the Job {self.name} can't be deleted: {error}") from error

    # --- their output -------------------------------------------------------------------------------

    def _read_logs(self, pods: Mapping[str, Mapping[str, Any]]) -> bool:
        """Keep new lines of the master for the report, and those of the others for people.

        Returns:
            Whether all was read of those that have ended, or has taken too long.

        Raises:
            Unreachable: the log of one that has ended can't be asked for now.
        """
        waits, problem = False, None
        for name, pod in sorted(pods.items(), key=lambda item: number_of(item[1])):
            if not ends.has_begun(pod):
                continue
            if name not in self._logs:
                self._logs[name] = self._hub.log(name, self.name)
                self._tails[name] = deque(maxlen=_TAIL)
            log, ended = self._logs[name], ends.training_ended(pod) or ends.has_ended(pod)
            log.read_on(whole=ended, abandoned=ends.disruption(pod) is not None)
            drained = log.drained
            self._take(name, number_of(pod))
            if ended and not drained and self._clock() - self._ended_at.setdefault(name, self._clock()) < _DRAINED_BY:
                waits, problem = True, problem or log.problem
        for name in self._logs.keys() - pods.keys():
            self._logs[name].read_on(gone=True)
            self._take(name, number_of(self._seen[name]))
        if problem is not None and not self._lines:
            raise Unreachable(problem)
        return not waits

    def _take(self, name: str, number: int) -> None:
        new = self._logs[name].take()
        self._notes += self._logs[name].take_notes()
        self._tails[name].extend(new)
        if number == 0:
            self._lines += new
        else:
            self._notes += [f"[worker {number}] {line}" for line in new]


def is_leaving(pod: Mapping[str, Any]) -> bool:
    """Whether the cluster, or somebody, takes a pod away that has not ended."""
    return bool(pod["metadata"].get("deletionTimestamp")) or ends.disruption(pod) is not None


def number_of(pod: Mapping[str, Any]) -> int:
    """A pod's index in its Job."""
    return int((pod["metadata"].get("labels") or {}).get(INDEX) or 0)
