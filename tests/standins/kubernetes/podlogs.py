"""`GET pods/<name>/log`, as the API server and the kubelet answer it together."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping

from tests.standins.kubernetes.kubelet import Kubelet
from tests.standins.kubernetes.logs import ContainerLog, log_time, without_times
from tests.standins.kubernetes.objects import ApiError, Object, bad_request, name_of, seconds_of
from tests.standins.kubernetes.watching import flag, number

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


async def log_lines(log: ContainerLog, query: Mapping[str, str]) -> AsyncIterator[bytes]:
    """The log as asked for: whole, since a time, its tail, and with `follow` until the container ends."""
    since = _since(query)
    at = log.start_of(since=since, tail=number(query, "tailLines"))
    left = number(query, "limitBytes")
    stamped = flag(query, "timestamps")
    while True:
        closed, seen = log.closed, log.writes
        data = log.read(at)
        at += len(data)
        shown = data if stamped else without_times(data)
        if left is not None:
            shown = shown[:left]
            left -= len(shown)
        if shown:
            yield shown
        if closed or left == 0 or not flag(query, "follow"):
            return
        await log.wait(seen)


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
