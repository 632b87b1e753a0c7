"""`GET pods/<name>/log`, as the API server and the kubelet answer it together."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from starlette.responses import StreamingResponse
from starlette.types import Send

from tests.standins.kubernetes.kubelet import Kubelet
from tests.standins.kubernetes.logs import CONTENT, TAG, TIME, ContainerLog, log_time, records_of, start_of
from tests.standins.kubernetes.objects import ApiError, Object, bad_request, name_of, seconds_of
from tests.standins.kubernetes.watching import flag, number

PART = 1 << 16
IMAGE_PROBLEMS = frozenset({"ErrImagePull", "ImagePullBackOff"})


def find_log(kubelet: Kubelet, pod: Object, query: Mapping[str, str]) -> ContainerLog | None:
    """The log that a request asks for; None for a pod without a node. ApiError 400 where there is none yet."""
    name = query.get("container") or _only_container(pod)
    declared = [*(pod["spec"].get("initContainers") or ()), *pod["spec"]["containers"]]
    if name not in {each["name"] for each in declared}:
        raise bad_request(f"container {name} is not valid for pod {name_of(pod)}")
    node = pod["spec"].get("nodeName")
    if not node:
        return None
    if node in kubelet.lost:
        message = f'Get "https://127.0.0.1:10250/containerLogs": dial tcp: no route to host ({node})'
        raise ApiError(500, "InternalError", f"Internal error occurred: {message}")
    worker = kubelet.worker(pod["metadata"]["uid"])
    container = worker.container(name) if worker is not None else None
    place = f'container "{name}" in pod "{name_of(pod)}"'
    if flag(query, "previous"):
        if container is None or container.previous_log is None:
            raise bad_request(f"previous terminated {place} not found")
        return container.previous_log
    if container is None or container.log is None:
        reason = container.waiting_for if container is not None else ""
        if reason in IMAGE_PROBLEMS:
            raise bad_request(f"{place} is waiting to start: trying and failing to pull image")
        raise bad_request(f"{place} is waiting to start: {reason or 'ContainerCreating'}")
    return container.log


def _only_container(pod: Object) -> str:
    containers = [str(each["name"]) for each in pod["spec"]["containers"]]
    chosen = (pod["metadata"].get("annotations") or {}).get("kubectl.kubernetes.io/default-container")
    if chosen in containers:
        return str(chosen)
    if len(containers) > 1:
        names = " ".join(containers)
        raise bad_request(f"a container name must be specified for pod {name_of(pod)}, choose one of: [{names}]")
    return containers[0]


class LogRequest:
    """One reading of a log: whole, since a time, its tail, and with `follow` until the container ends."""

    def __init__(self, kubelet: Kubelet, node: str, log: ContainerLog, query: Mapping[str, str]) -> None:
        self._watchers, self._most = kubelet.log_watchers, kubelet.log_settings.watchers
        self._node, self._log = node, log
        self._since, self._left = _since(query), number(query, "limitBytes")
        self._tail = number(query, "tailLines")
        self._stamped, self.follow = flag(query, "timestamps"), flag(query, "follow")
        self._begins = True

    async def parts(self) -> AsyncIterator[bytes]:
        """The answer, as a kubelet puts it together from the records of the file (cri-client's logs.go)."""
        log = self._log
        if log.removed:
            yield log.removed.encode()
            return
        generation, watching = log.generation, False
        file = log.open()
        try:
            start, self._begins = start_of(file, since=self._since, tail=self._tail)
            file.seek(start)
            while self._left != 0:
                closed, seen, rotated = log.closed, log.writes, log.generation != generation
                data = file.read(PART)
                whole = data[: data.rfind(b"\n") + 1]
                file.seek(len(whole) - len(data), 1)
                if shown := self._shown(whole):
                    yield shown
                if whole:
                    continue
                if rotated:  # the newest file: those between that were never opened are lost to this reader
                    file.close()
                    generation, file = log.generation, log.open()
                    continue
                if closed or not self.follow:
                    return
                if not watching:
                    if self._watchers[self._node] >= self._most:
                        yield b"failed to create fsnotify watcher: too many open files"
                        return
                    self._watchers[self._node] += 1
                    watching = True
                await log.wait(seen)
        finally:
            file.close()
            if watching:
                self._watchers[self._node] -= 1

    def _shown(self, data: bytes) -> bytes:
        """Records as a client sees them: a time before each line, not before each record."""
        out: list[bytes] = []
        for record in records_of(data):
            full = record[TAG : TAG + 1] == b"F"
            if self._since is None or record[:TIME] >= self._since:
                if self._begins and self._stamped:
                    out.append(record[:TIME] + b" ")
                out.append(record[CONTENT:] if full else record[CONTENT:-1])
            self._begins = full
        shown = b"".join(out)
        if self._left is not None:
            shown = shown[: self._left]
            self._left -= len(shown)
        return shown


class LogResponse(StreamingResponse):
    """A log as it comes: not even its head is sent before there is something to send, as a kubelet does."""

    async def stream_response(self, send: Send) -> None:
        parts = aiter(self.body_iterator)
        first = await anext(parts, b"")

        async def all_parts() -> AsyncIterator[Any]:
            yield first
            async for part in parts:
                yield part

        self.body_iterator = all_parts()
        await super().stream_response(send)


def _since(query: Mapping[str, str]) -> bytes | None:
    seconds = number(query, "sinceSeconds")
    if seconds is not None:
        if seconds < 1:
            raise ApiError(422, "Invalid", "sinceSeconds: Invalid value: must be greater than 0")
        return log_time(time.time() - seconds)
    if text := query.get("sinceTime"):
        try:
            return log_time(seconds_of(text))
        except ValueError as error:
            raise bad_request(f'parsing time "{text}" as RFC 3339: cannot parse') from error
    return None
