"""The pods of one namespace, watched once for all who wait for them.

One LIST and one WATCH tell the states of all pods of ours, however many there are; only logs are asked for pod by
pod. A watch that breaks is begun again where it was; one that is too old (410 Gone) begins with a new list.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import weakref
from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from typing import Any

from automl_core.backends.base import BackendError
from automl_core.backends.kubernetes.api import ApiError, KubernetesApi
from automl_core.backends.kubernetes.bounds import limits_local_storage
from automl_core.backends.kubernetes.logs import PodLog
from automl_core.backends.kubernetes.manifest import CONTAINER
from automl_core.backends.kubernetes.naming import JOURNAL_LABEL, NAME_LABEL
from automl_core.backends.kubernetes.turns import LogTurns
from automl_core.backends.kubernetes.warnings import Warnings
from automl_core.backends.kubernetes.workloads import Workloads
from automl_core.backends.remote import Unreachable
from automl_core.spec.quantities import parse_quantity

log = logging.getLogger(__name__)

WATCH_SECONDS = 60.0
"""After so long a watch is begun anew: a connection that has died without a word is found out by that."""

PAGE = 500
"""Pods in one answer of a list."""

MEMORY_EVERY = 15.0
"""Seconds between two looks at the memory of all pods."""

_FORGET_AFTER = 600.0
_SHORT = 1.0
"""Seconds: watches that end sooner are not begun at once again."""


class PodHub:
    """What is known of the pods of ours in one namespace. Belongs to one event loop."""

    def __init__(
        self,
        api: KubernetesApi,
        namespace: str,
        selector: str = JOURNAL_LABEL,
        group: str = NAME_LABEL,
        *,
        turns: LogTurns | None = None,
    ) -> None:
        """Watch nothing yet; `start` does.

        Args:
            api: of the cluster.
            namespace: where the pods are.
            selector: labels of those that are ours.
            group: label whose value the pods of one attempt share.
            turns: bounds what reading their logs takes; for all hubs of a process the same.
        """
        self.api, self.namespace, self.selector, self._group = api, namespace, selector, group
        self.warnings = Warnings(api, namespace)
        self.workloads = Workloads(api, namespace)
        self.users = 0
        self._turns = turns or LogTurns()
        self._logs: weakref.WeakSet[PodLog] = weakref.WeakSet()
        self._pods: dict[str, Mapping[str, Any]] = {}
        self._gone: dict[str, tuple[float, Mapping[str, Any]]] = {}
        self._peaks: dict[str, int] = {}
        self._changed: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._problem: str | None = "the first list of its pods is still to come"
        self._version = ""
        """From which on the watch tells what changes, empty where a list has to come first."""
        self._synced = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def path(self) -> str:
        """The pods in the API."""
        return f"/api/v1/namespaces/{self.namespace}/pods"

    def slim(self, pod: Mapping[str, Any]) -> Mapping[str, Any]:
        """What is held of each."""
        return _slim(pod)

    def start(self) -> None:
        """Begin to watch, unless that is done."""
        if not self._tasks:
            loop = asyncio.get_running_loop()
            self._tasks = [loop.create_task(self._follow()), loop.create_task(self._measure())]

    async def stop(self) -> None:
        """Watch no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *(log.close() for log in list(self._logs)), return_exceptions=True)
        self._tasks = []
        await self.api.close()

    async def pods(self, name: str) -> list[Mapping[str, Any]]:
        """The pods of an attempt, as last seen.

        Raises:
            Unreachable: the cluster can't be asked now.
        """
        if not self._synced.is_set():
            try:
                await asyncio.wait_for(self._synced.wait(), timeout=30)
            except TimeoutError:
                raise Unreachable(str(self._problem)) from None
        if self._problem is not None:
            raise Unreachable(self._problem)
        return [pod for pod in self._pods.values() if pod["metadata"]["labels"].get(self._group) == name]

    async def pod(self, name: str) -> Mapping[str, Any] | None:
        """One pod by its name, None where there is none.

        Raises:
            Unreachable: the cluster can't be asked now.
        """
        if not self._synced.is_set() or self._problem is not None:
            await self.pods(name)
        found = self._pods.get(name)
        if found is None and name not in self._gone:  # made a moment ago, or ended before the first list
            try:
                found = self.slim(await self.api.get(f"{self.path}/{name}"))
            except ApiError as error:
                if error.status != 404:
                    raise Unreachable(f"its pod can't be asked for: {error}") from error
            else:
                if name in self._gone:  # the watch was faster
                    return None
                self._pods.setdefault(name, found)
        return found

    def last_seen(self, name: str) -> Mapping[str, Any] | None:
        """A deleted pod as it was seen last."""
        found = self._gone.get(name)
        return found[1] if found else None

    async def eviction(self, pod: Mapping[str, Any]) -> str | None:
        """What the cluster's events say of an eviction of an ended pod that seems to have done well.

        Only pods that a node may end for what they write cost a request.

        Raises:
            Unreachable: the cluster can't be asked now.
        """
        if (pod.get("status") or {}).get("phase") != "Succeeded" or not limits_local_storage(pod):
            return None
        return await self.warnings.eviction(str(pod["metadata"]["name"]))

    async def delete_secret(self, name: str) -> None:
        """Delete what the environment of an ended pod was made from, if it has a name."""
        if not name:
            return
        try:
            await self.api.delete(f"/api/v1/namespaces/{self.namespace}/secrets/{name}")
        except BackendError as error:
            log.warning("the secret %s of a pod that is kept was not deleted: %s", name, error)

    def peak_memory(self, name: str) -> int | None:
        """Most bytes that a pod was seen to hold, None where the cluster doesn't tell."""
        return self._peaks.get(name)

    async def changed(self, name: str, timeout: float) -> None:
        """Wait until a pod of that name (or attempt) changes, at most so many seconds."""
        event = self._changed[name]  # it may be set: by what came while the last change was dealt with
        try:
            await asyncio.wait_for(event.wait(), timeout)
        except TimeoutError:
            return
        event.clear()

    def log(self, pod: str, waits: str, container: str = CONTAINER, since: float | None = None) -> PodLog:
        """The log of a pod, of which nothing was read yet.

        Args:
            pod: its name.
            waits: of the pod or attempt whose `changed` is told when there are lines.
            container: whose log.
            since: seconds since 1970 before which nothing is read; None for all that there is.
        """
        made = PodLog(
            self.api, f"{self.path}/{pod}", self._turns, node=partial(self._node, pod), wake=partial(self._wake, waits),
            container=container, since=since,
        )  # fmt: skip
        self._logs.add(made)
        return made

    def _node(self, pod: str) -> str:
        found = self._pods.get(pod)
        return str(found["spec"].get("nodeName") or "") if found is not None else ""

    def forget(self, name: str) -> None:
        """Drop what is remembered of an attempt that has been dealt with."""
        self._changed.pop(name, None)
        self._gone.pop(name, None)
        self._peaks.pop(name, None)

    # --- states -------------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Keep the states up to date. Never ends by itself: whoever waits would wait for ever."""
        clock = asyncio.get_running_loop().time
        pause = _SHORT
        while True:
            begun, watching, seen = clock(), bool(self._version), self._version
            failed = False
            try:
                if watching:
                    await self._watch()
                else:
                    self._version = await self._list()
            except Exception as error:  # what an answer may hold is open
                if not isinstance(error, BackendError):
                    log.exception("the pods of %s can't be followed", self.namespace)
                lasted = clock() - begun >= _SHORT or self._version != seen
                if not (watching and lasted and isinstance(error, Unreachable)):
                    self._version = ""  # what happened meanwhile is told by a list, in one answer
                # else a proxy has cut it, or the server was ended: the next watch goes on where this one was
                failed = not watching
                if failed:  # while a list succeeds nothing is amiss
                    self._problem = _problem_of(error)
            if clock() - begun >= _SHORT:
                pause = _SHORT
            elif watching and self._version != seen:  # it was of use
                await asyncio.sleep(min(0.1, _SHORT))
                continue
            if (watching and clock() - begun < _SHORT) or failed:
                await asyncio.sleep(pause)
                pause = min(15.0, pause * 2)

    async def _list(self) -> str:
        """All pods, page by page. Returns the version from which to watch."""
        found: dict[str, Mapping[str, Any]] = {}
        proceed = ""
        while True:
            page = {"continue": proceed} if proceed else {}
            answer = await self.api.get(self.path, labelSelector=self.selector, limit=str(PAGE), **page)
            for item in answer.get("items") or []:
                found[item["metadata"]["name"]] = self.slim(item)
            proceed = answer["metadata"].get("continue") or ""
            if not proceed:
                break
        before, self._pods = self._pods, found
        for name, pod in before.items():
            if name not in found:
                self._bury(name, pod)
        self._problem = None
        self._synced.set()
        for name in {*before, *found}:
            self._wake(name)
        return str(answer["metadata"]["resourceVersion"])

    async def _watch(self) -> None:
        """Follow one watch to its end. `_version` is where to go on, however it ends."""
        events = self.api.watch(
            self.path, WATCH_SECONDS, labelSelector=self.selector, resourceVersion=self._version
        )  # fmt: skip
        async with contextlib.aclosing(events):
            async for event in events:
                kind, item = event.get("type"), event.get("object") or {}
                if kind == "ERROR":
                    raise ApiError(int(item.get("code") or 500), item.get("reason") or "", item.get("message") or "")
                version = str(item["metadata"]["resourceVersion"])
                if kind != "BOOKMARK":
                    name, pod = item["metadata"]["name"], self.slim(item)
                    if kind == "DELETED":
                        self._pods.pop(name, None)
                        self._bury(name, pod)
                    else:
                        self._pods[name] = pod
                    self._wake(name, pod)
                self._version = version

    def _bury(self, name: str, pod: Mapping[str, Any]) -> None:
        now = asyncio.get_running_loop().time()
        for old in [key for key, (when, _) in self._gone.items() if now - when > _FORGET_AFTER]:
            self.forget(old)
        self._gone[name] = (now, pod)

    def _wake(self, name: str, pod: Mapping[str, Any] | None = None) -> None:
        group = pod["metadata"]["labels"].get(self._group) if pod is not None else None
        for key in {name, group or name}:
            if key in self._changed:
                self._changed[key].set()

    # --- memory -------------------------------------------------------------------------------

    async def _measure(self) -> None:
        """Note the memory of all pods now and then, where the cluster has a metrics server."""
        path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{self.namespace}/pods"
        while True:
            await asyncio.sleep(MEMORY_EVERY)
            if not self._pods:
                continue
            try:
                answer = await self.api.get(path, labelSelector=self.selector)
            except ApiError as error:  # there is no metrics server, or it isn't for us
                log.debug("peak memory of pods is not known: %s", error)
                await asyncio.sleep(600)
                continue
            except BackendError:
                continue
            for item in answer.get("items") or []:
                self._note_memory(item)

    def _note_memory(self, item: Mapping[str, Any]) -> None:
        name = item["metadata"]["name"]
        try:
            used = sum(int(parse_quantity(c["usage"]["memory"])) for c in item.get("containers") or [])
        except (KeyError, ValueError):  # not measured yet
            return
        self._peaks[name] = max(used, self._peaks.get(name, 0))


def _problem_of(error: Exception) -> str:
    """Why nothing is known of the pods, for people."""
    if isinstance(error, ApiError):
        return f"its pods can't be watched: {error}"
    return str(error) if isinstance(error, BackendError) else f"its pods can't be watched: {error!r}"


def _slim(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    """What matters of a pod: a thousand of them are held."""
    metadata, spec, status = pod["metadata"], pod.get("spec") or {}, pod.get("status") or {}
    return {
        "metadata": {
            "name": metadata["name"], "uid": metadata.get("uid"), "labels": metadata.get("labels") or {},
            "creationTimestamp": metadata.get("creationTimestamp"),
            "deletionTimestamp": metadata.get("deletionTimestamp"),
            "deletionGracePeriodSeconds": metadata.get("deletionGracePeriodSeconds"),
        },
        "spec": {
            "nodeName": spec.get("nodeName"),
            "terminationGracePeriodSeconds": spec.get("terminationGracePeriodSeconds"),
            "containers": [
                {"name": c.get("name"), "resources": {"limits": (c.get("resources") or {}).get("limits") or {}}}
                for c in spec.get("containers") or []
            ],
            **_rare(spec),
        },
        "status": {
            key: status[key]
            for key in (
                "phase", "reason", "message", "startTime", "conditions", "containerStatuses", "initContainerStatuses",
            )
            if key in status
        },
    }  # fmt: skip


def _rare(spec: Mapping[str, Any]) -> dict[str, Any]:
    """What matters of a pod's spec and few pods have."""
    helpers = [
        {"name": each.get("name"), "restartPolicy": each.get("restartPolicy")}
        for each in spec.get("initContainers") or []
    ]
    bounded = [
        {"emptyDir": {"sizeLimit": each["emptyDir"]["sizeLimit"]}}
        for each in spec.get("volumes") or []
        if (each.get("emptyDir") or {}).get("sizeLimit")
    ]
    found = {
        "activeDeadlineSeconds": spec.get("activeDeadlineSeconds"), "initContainers": helpers, "volumes": bounded,
    }  # fmt: skip
    return {key: value for key, value in found.items() if value}
