"""`/_standin/…`: what a test tells the stand-in, beside Kubernetes' own API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from tests.standins.kubernetes.api import refuse, respond
from tests.standins.kubernetes.cluster import Cluster
from tests.standins.kubernetes.disruption import LOST_PODS, place_of
from tests.standins.kubernetes.logs import ContainerLog
from tests.standins.kubernetes.objects import ApiError, bad_request

GoAway = Callable[[float, str, tuple[str, int] | None], None]
"""Be away for some seconds: `refuse` connections, or `drop` them. The last is the address of the client that asks."""


class Control:
    """Answers `/_standin/faults` and `/_standin/requests`."""

    def __init__(self, cluster: Cluster, go_away: GoAway) -> None:
        self._cluster = cluster
        self._go_away = go_away
        self._tasks: set[asyncio.Task[None]] = set()

    async def handle(self, request: Request) -> Response:
        try:
            match request.method, request.url.path.removeprefix("/_standin/"):
                case "GET", "requests":
                    return respond(self._cluster.journal.report())
                case "GET", "pods":
                    return respond({"pods": self._cluster.times.report()})
                case "DELETE", "requests":
                    self._cluster.journal.clear()
                case "DELETE", "faults":
                    self._cluster.faults.clear()
                case "POST", "faults":
                    await self._fault(await request.body(), request.client)
                case method, path:
                    raise ApiError(404, "NotFound", f"the stand-in knows no {method} /_standin/{path}")
        except ApiError as error:
            return refuse(error)
        return respond({"done": True})

    async def _fault(self, body: bytes, client: tuple[str, int] | None) -> None:
        """One fault: the key says which (`status`: an error for requests)."""
        try:
            fault: Any = msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            raise bad_request(f"a fault is a JSON object: {error}") from error
        disruption, store = self._cluster.disruption, self._cluster.store
        match fault:
            case {"status": int()}:
                self._cluster.faults.add(fault)
            case {"away": int() | float() as seconds, **rest}:
                mode = rest.get("mode", "refuse")
                if mode not in {"refuse", "drop"}:
                    raise bad_request(f"mode: {mode!r} is none of refuse, drop")
                self._go_away(float(seconds), mode, client)
            case {"close_watches": True}:
                store.close_watches()
            case {"expire": True}:
                store.compact()
                store.close_watches()
            case {"cut": True}:
                self._go_away(0.0, "drop", client)
            case {"rotate": str() as pod}:
                for log in self._logs(pod):
                    log.rotate()
            case {"remove_containers": str() as pod}:
                for log in self._logs(pod):
                    log.removed = f"unable to retrieve container logs for containerd://{log.path.parent.name}"
            case {"rules": list() | None as rules}:
                self._cluster.faults.restrict(rules)
            case {"lose_node": str() as node, **rest}:
                store.get("nodes", "", node)
                pods, eviction = str(rest.get("pods", LOST_PODS[0])), float(str(rest.get("eviction", 0.5)))
                if pods not in LOST_PODS:
                    raise bad_request(f"pods: {pods!r} is none of {', '.join(LOST_PODS)}")
                self._later(disruption.lose_node(node, pods, eviction, rest.get("trains_on") is True))
            case {"restore_node": str() as node}:
                disruption.restore_node(node)
            case {"single_process_oom": bool() as single}:
                self._cluster.kubelet.usage.single = single
            case {"evict": str() as pod}:
                disruption.evict(pod)
            case {"preempt": str() as pod}:
                disruption.preempt(pod)
            case {"vanish": str() as pod}:
                disruption.vanish(pod)
            case _:
                raise bad_request(f"no such fault: {fault}; tests/standins/README.md lists them")

    def _logs(self, pod: str) -> list[ContainerLog]:
        """The logs of a pod's containers."""
        namespace, name = place_of(pod)
        uid = self._cluster.store.get("pods", namespace, name)["metadata"]["uid"]
        return [each.log for each in self._cluster.kubelet.containers(uid) if each.log is not None]

    def _later(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
