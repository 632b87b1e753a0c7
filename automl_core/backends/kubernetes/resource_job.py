"""An attempt that is a custom resource: its states, its pods' output, its end.

What the resource says decides; its pods say what the trial prints, when it began, and why it failed.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from automl_core.backends.base import BackendError, Cause, Exit
from automl_core.backends.kubernetes import ends, holds
from automl_core.backends.kubernetes.api import ApiError
from automl_core.backends.kubernetes.hub import PodHub
from automl_core.backends.kubernetes.logs import PodLog
from automl_core.backends.kubernetes.queueing import QUEUE
from automl_core.backends.kubernetes.resource import Verdict, is_main, is_suspended, training_in, verdict
from automl_core.backends.kubernetes.resource_hub import ResourceHub
from automl_core.backends.kubernetes.waiting import Limits, WaitingRoom
from automl_core.backends.kubernetes.warnings import hold_of
from automl_core.backends.kubernetes.workloads import Queueing
from automl_core.backends.remote import RemoteJob, Report, Unreachable
from automl_core.spec.custom_resource import CustomResourceTask
from automl_core.spec.units import format_duration

SETTLED_BY = 10.0
"""Seconds by which its pods' ends are known when the resource itself has ended."""

DRAINED_BY = 60.0
"""Seconds that the end of a pod may wait for its last lines."""

MADE_BY = 5.0
"""Seconds by which a controller has usually made the pods of a resource."""

EVENTS_EVERY = 15.0
_TAIL = 40


class ResourceJob(RemoteJob):
    """One custom resource."""

    def __init__(
        self, resources: ResourceHub, pods: PodHub | None, name: str, task: CustomResourceTask, limits: Limits, *,
        signature: Callable[[Exit, Sequence[str]], str] = lambda ended, lines: "",
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """Begin to watch it from its beginning.

        Args:
            resources: of its kind and namespace.
            pods: of its namespace, grouped by the label that names the resource; None where it has none to look at.
            name: the resource's.
            task: what its states mean, and which of its pods count.
            limits: how long what may take.
            signature: digest of a pod's failure, from how it ended and its last lines.
            clock: seconds since 1970.
        """
        self._resources, self._pods, self.name, self._task = resources, pods, name, task
        self._limits, self._signature, self._clock = limits, signature, clock
        self._waiting = WaitingRoom(limits, clock)
        self._queueing = Queueing(resources.workloads, task.kind, name)
        self._logs: dict[str, PodLog] = {}
        self._tails: dict[str, deque[str]] = {}
        self._ended: dict[str, float] = {}
        self._seen: dict[str, Mapping[str, Any]] = {}
        self._lines: list[str] = []
        self._notes: list[str] = []
        self._cause: Cause | None = None
        self._given_up: Exit | None = None
        self._over_since: float | None = None
        self._free_since: float | None = None
        self._left_queue: float | None = None
        self._asked_events = float("-inf")
        self._event: holds.Hold | None = None
        self._failed = False

    async def wait(self, seconds: float) -> None:
        """Wait for the next look: so many seconds, or until the resource or one of its pods changes."""
        hubs: list[PodHub] = [self._resources, self._pods] if self._pods is not None else [self._resources]
        tasks = [asyncio.ensure_future(hub.changed(self.name, seconds)) for hub in hubs]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def poll(self) -> Report:
        """What is new (see `RemoteJob.poll`)."""
        resource = await self._resources.pod(self.name)
        pods = await self._look_at_pods()
        if resource is None:
            return await self._gone(pods)
        if self._cause is None and self._given_up is None and is_suspended(self._task, resource):
            return await self._suspended(resource, pods)
        self._queueing.admit()
        self._free_since = self._free_since or self._clock()
        if self._task.kueue is not None:
            self._left_queue = self._began(resource)
        found = verdict(self._task, resource)
        if found is not None:
            return await self._over(found, resource, pods)
        await self._keep_limit(resource, pods)
        held = await self._held(pods)
        if held is not None:
            await self._give_up(holds.refused(held))
        self._read_logs(pods)
        return self._report(None, running=self._began(resource) is not None)

    async def end(self, grace: float) -> None:
        """Delete the resource, and with it what belongs to it (see `RemoteJob.end`)."""
        self._cause = self._cause or Cause.TERMINATED
        await self._delete()

    async def remove(self) -> None:
        """Delete the ended resource, unless it is to be kept to look at."""
        keep = self._task.keep_resources
        if keep == "always" or (keep == "failed" and self._failed):
            return
        await self._delete()

    async def close(self) -> None:
        """Let go of what is remembered of it."""
        for log in self._logs.values():
            await log.close()
        self._resources.forget(self.name)
        if self._pods is not None:
            for name in [self.name, *self._seen]:
                self._pods.forget(name)

    # --- what it is doing -----------------------------------------------------------------------

    async def _look_at_pods(self) -> dict[str, Mapping[str, Any]]:
        """The pods that there are, as `ends` reads them; those that were seen before are remembered as they were."""
        if self._pods is None or self._task.pods is None:
            return {}
        container = self._task.pods.container
        found = {str(pod["metadata"]["name"]): training_in(pod, container) for pod in await self._pods.pods(self.name)}
        for name in self._seen:
            last = self._pods.last_seen(name) if name not in found else None
            if last is not None:
                self._seen[name] = training_in(last, container)
        self._seen.update(found)
        return found

    async def _suspended(self, resource: Mapping[str, Any], pods: Mapping[str, Mapping[str, Any]]) -> Report:
        """It is kept from running: not yet, or not any more."""
        queue = (resource["metadata"].get("labels") or {}).get(QUEUE)
        if any(ends.has_begun(pod) for pod in self._seen.values()):
            evicted = await self._queueing.eviction() if queue else None
            kind, words = ends.evicted_by_kueue(*evicted) if evicted else (ends.Kind.EVICTED, "it was suspended")
            await self._give_up(Exit(Cause.LOST, -1, None, words, self._seconds(), kind=kind, blameless=True))
            return self._report(None)
        self._free_since = None
        if queue:
            await self._queueing.wait(queue)
        else:
            self._waiting.note(f"it waits until somebody resumes it ({self._task.suspend_at} is true)")
        return self._report(None, running=False)

    async def _keep_limit(self, resource: Mapping[str, Any], pods: Mapping[str, Mapping[str, Any]]) -> None:
        limit, begun = self._limits.timeout, self._began(resource)
        if limit is None or begun is None or self._cause is not None or self._clock() - begun <= limit:
            return
        if pods and all(ends.training_ended(pod) for pod in pods.values()):  # the resource is about to say so
            return
        self._waiting.note(f"it is ended at its time limit of {format_duration(limit)}")
        await self._delete()
        self._cause = Cause.TIMEOUT

    def _began(self, resource: Mapping[str, Any] | None) -> float | None:
        """When it began to train: the first of its main pods, or its last resumption where nobody looks at pods."""
        if self._task.pods is not None:
            starts = [start for pod in self._main() if (start := ends.started_at(pod)) is not None]
            return min(starts, default=None)
        for condition in ((resource or {}).get("status") or {}).get("conditions") or []:
            if condition.get("type") == "Suspended" and condition.get("status") == "False":
                return datetime.fromisoformat(condition["lastTransitionTime"]).timestamp()
        created = (resource or {}).get("metadata", {}).get("creationTimestamp")
        return datetime.fromisoformat(created).timestamp() if created else None

    def _main(self) -> list[Mapping[str, Any]]:
        main = self._task.pods.main if self._task.pods is not None else {}
        return [pod for pod in self._seen.values() if is_main(pod, main)]

    async def _held(self, pods: Mapping[str, Mapping[str, Any]]) -> holds.Hold | None:
        """What keeps one of its pods from running, or from being made, where that is to end the attempt."""
        if self._cause is not None or self._given_up is not None or self._pods is None:
            return None
        for pod in pods.values():
            found = await self._waiting.look(pod, self._pods.warnings)
            if found is not None:
                return found
        if self._seen or self._free_since is None or self._clock() - self._free_since < MADE_BY:
            return None
        return self._waiting.judge({"metadata": {"name": self.name}}, await self._last_warning())

    async def _last_warning(self) -> holds.Hold | None:
        """The last warning about the resource: what its controller can't do is often said in an event alone."""
        if self._clock() - self._asked_events < EVENTS_EVERY:
            return self._event
        self._asked_events = self._clock()
        about = f"involvedObject.kind={self._task.kind},involvedObject.name={self.name},type=Warning"
        path = f"/api/v1/namespaces/{self._resources.namespace}/events"
        try:
            found = (await self._resources.api.get(path, fieldSelector=about)).get("items") or []
        except BackendError:  # a word that is missing is no reason to end or to stop anything
            return self._event
        if found:
            self._event = hold_of(max(found, key=lambda event: str(event.get("lastTimestamp") or "")))
        return self._event

    # --- its end --------------------------------------------------------------------------------

    async def _over(
        self, found: Verdict, resource: Mapping[str, Any], pods: Mapping[str, Mapping[str, Any]]
    ) -> Report:  # fmt: skip
        """The resource has ended: what its pods have printed is read, and how they ended is waited for a moment."""
        self._over_since = self._over_since or self._clock()
        known = self._pods is None or bool(self._seen)  # two watches: its end may be told before that there are pods
        settled = known and all(ends.has_ended(pod) or ends.training_ended(pod) for pod in pods.values())
        read = self._read_logs(pods, whole=settled)
        if not read or (not settled and self._clock() - self._over_since < SETTLED_BY):
            return self._report(None)
        return self._report(self._given_up or self._exit(found, resource))

    async def _gone(self, pods: Mapping[str, Mapping[str, Any]]) -> Report:
        """The resource is not there any more: its pods may still be ending."""
        read = self._read_logs(pods)
        if not read or any(not ends.has_ended(pod) for pod in pods.values()):
            return self._report(None)
        if self._given_up is not None:
            return self._report(self._given_up)
        last = self._resources.last_seen(self.name)
        found = verdict(self._task, last) if last is not None and self._cause is None else None
        if last is not None and found is not None:  # its controller has cleared it away
            return self._report(self._exit(found, last))
        if self._cause is not None:
            pod = next(iter(self._main()), None)
            return self._report(ends.gone(pod, cause=self._cause, timeout=self._limits.timeout))
        reason = f"its {self._task.kind} was deleted, and not from here"
        return self._report(
            Exit(Cause.LOST, -1, None, reason, self._seconds(), kind=ends.Kind.DELETED, blameless=True)
        )  # fmt: skip

    def _exit(self, found: Verdict, resource: Mapping[str, Any]) -> Exit:
        """How the attempt ended whose resource has ended."""
        seconds = self._seconds() or self._alone(resource)
        if self._cause is not None:
            return Exit(self._cause, -1, None, f"ended on request; {self._task.kind}: {found}", seconds)
        if found.succeeded:
            return Exit(Cause.EXITED, 0, None, "", seconds)
        said = f"{self._task.kind} has failed: {found}"
        failures = [(ends.ended_at(pod) or self._clock(), name, ended)
                    for name, pod in self._seen.items() if not (ended := self._exit_of(pod)).ok
                    and (ends.has_ended(pod) or ends.disruption(pod) is not None)]  # fmt: skip
        if not failures:
            return Exit(Cause.EXITED, 1, None, said, seconds)
        _, name, ended = min(failures, key=lambda entry: entry[:2])
        tail = [] if is_main(self._seen[name], self._task.pods.main if self._task.pods else {}) else [
            *self._tails.get(name, ())
        ]  # fmt: skip
        shown = "\n".join(["; its last lines:", *tail]) if tail else ""
        error = ended.error or (self._signature(ended, tail) if tail else "")
        return replace(
            ended, reason=f"{said}; pod {self._short(name)}: {ended.reason}{shown}", error=error, seconds=seconds
        )

    def _exit_of(self, pod: Mapping[str, Any]) -> Exit:
        peak = self._pods.peak_memory(str(pod["metadata"]["name"])) if self._pods is not None else None
        return ends.exit_of_pod(pod, timeout=self._limits.timeout, peak_memory=peak)

    def _seconds(self) -> float:
        """Seconds from the first start to the last end of its main pods; what waited in a queue is none of them."""
        starts = [start for pod in self._main() if (start := ends.started_at(pod)) is not None]
        if not starts:
            return 0.0
        finished = [ends.ended_at(pod) for pod in self._main()]
        last = max((end for end in finished if end is not None), default=None)
        return max(0.0, (last if last is not None else self._clock()) - min(starts))

    def _alone(self, resource: Mapping[str, Any]) -> float:
        """Seconds of a resource whose pods nobody looks at."""
        began = self._began(resource) if self._task.pods is None else None
        return max(0.0, (self._over_since or self._clock()) - began) if began is not None else 0.0

    async def _give_up(self, ended: Exit) -> None:
        """End the attempt from here, with this as its end once all of it is gone."""
        self._given_up = ended
        self._waiting.note(f"it is ended: {ended.reason}")
        await self._delete()

    async def _delete(self) -> None:
        try:
            await self._resources.api.delete(
                f"{self._resources.path}/{self.name}", propagationPolicy=self._task.propagation
            )
        except ApiError as error:
            raise Unreachable(f"the {self._task.kind} {self.name} can't be deleted: {error}") from error

    def _report(self, ended: Exit | None, *, running: bool = True) -> Report:
        lines, self._lines = self._lines, []
        notes, self._notes = [*self._queueing.take_notes(), *self._waiting.take_notes(), *self._notes], []
        if ended is not None:
            self._failed = not ended.ok and ended.cause is not Cause.TERMINATED
        current = all(log.current or log.drained for log in self._logs.values())
        return Report(lines, notes, running, ended, current, self._left_queue)

    # --- its output -----------------------------------------------------------------------------

    def _read_logs(self, pods: Mapping[str, Mapping[str, Any]], *, whole: bool = False) -> bool:
        """Keep new lines of the main pods for the report, and those of the others for people.

        Returns:
            Whether all was read of those that have ended, or has taken too long.
        """
        if self._pods is None or self._task.pods is None:
            return True
        waits = False
        for name, pod in sorted(pods.items()):
            if not ends.has_begun(pod):
                continue
            if name not in self._logs:
                container = self._task.pods.container or _first_container(pod)
                self._logs[name] = self._pods.log(name, self.name, container)
                self._tails[name] = deque(maxlen=_TAIL)
            over = whole or ends.training_ended(pod) or ends.has_ended(pod)
            self._logs[name].read_on(whole=over, abandoned=ends.disruption(pod) is not None)
            waits = self._take(name, over=over) or waits
        for name in self._logs.keys() - pods.keys():
            self._logs[name].read_on(gone=True)
            waits = self._take(name, over=True) or waits
        return not waits

    def _take(self, name: str, *, over: bool) -> bool:
        """Take what is new of one log. Returns whether more is to come of one that has ended."""
        assert self._task.pods is not None
        log = self._logs[name]
        drained, new = log.drained, log.take()
        self._notes += log.take_notes()
        self._tails[name].extend(new)
        if is_main(self._seen[name], self._task.pods.main):
            self._lines += new
        else:
            self._notes += [f"[{self._short(name)}] {line}" for line in new]
        return over and not drained and self._clock() - self._ended.setdefault(name, self._clock()) < DRAINED_BY

    def _short(self, pod: str) -> str:
        """A pod's name without the resource's before it."""
        return pod.removeprefix(f"{self.name}-")


def _first_container(pod: Mapping[str, Any]) -> str:
    return str(pod["spec"]["containers"][0]["name"])
