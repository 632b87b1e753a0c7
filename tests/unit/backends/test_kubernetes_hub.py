"""What is known of the pods of a namespace, whatever the API server answers; turns at their logs; events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import aiohttp
import pytest

from automl_core.backends.kubernetes import hub as hubs
from automl_core.backends.kubernetes import warnings
from automl_core.backends.kubernetes.access import Access, Cluster, proxy_of_environment
from automl_core.backends.kubernetes.api import ApiError, KubernetesApi
from automl_core.backends.kubernetes.ends import Kind
from automl_core.backends.kubernetes.hub import PodHub
from automl_core.backends.kubernetes.waiting import Limits, WaitingRoom
from automl_core.backends.kubernetes.warnings import Warnings
from automl_core.backends.remote import Unreachable
from tests.standins.kubernetes.standin import KubernetesStandIn
from tests.support.patience import stretched


def pod(name: str, *, node: str = "n", phase: str = "Running", version: str = "5") -> dict[str, Any]:
    return {
        "metadata": {"name": name, "labels": {"automl/name": name}, "resourceVersion": version},
        "spec": {"nodeName": node},
        "status": {"phase": phase},
    }


class Server:
    """Answers with what a test has laid ready; the last answer again and again."""

    def __init__(self) -> None:
        self.lists: list[Any] = [{"items": [], "metadata": {"resourceVersion": "1"}}]
        self.watches: list[Any] = []
        self.gets: dict[str, Callable[[], Any]] = {}
        self.asked: list[str] = []

    async def get(self, path: str, **params: Any) -> Any:
        self.asked.append(path)
        if path in self.gets:
            return self.gets[path]()
        answer = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def watch(self, path: str, timeout: float, **params: Any) -> AsyncGenerator[dict[str, Any], None]:
        self.asked.append(f"watch {params['resourceVersion']}")
        answer = self.watches.pop(0) if self.watches else None
        if isinstance(answer, Exception):
            raise answer
        for event in answer or ():
            yield event
        if answer is None:
            await asyncio.Event().wait()

    async def close(self) -> None:
        return


def on(server: Server, test: Callable[[PodHub], Awaitable[None]]) -> None:
    async def main() -> None:
        hub = PodHub(server, "default")  # type: ignore[arg-type]
        hub.start()
        try:
            async with asyncio.timeout(stretched(10)):
                await test(hub)
        finally:
            await hub.stop()

    asyncio.run(main())


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "_SHORT", 0.05)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "answer",
    [{"kind": "Status"}, ValueError("no JSON"), OSError("no file"), ApiError(403, "Forbidden", "no"), Unreachable("x")],
)
def test_no_answer_ends_the_watching(answer: Any) -> None:
    server = Server()
    server.lists = [answer, {"items": [pod("p")], "metadata": {"resourceVersion": "7"}}]

    async def test(hub: PodHub) -> None:
        await until(lambda: bool(hub._pods))
        assert (await hub.pod("p")) is not None
        assert server.asked[-1] == "watch 7"

    on(server, test)


@pytest.mark.parametrize(
    "broken",
    [
        ApiError(410, "Expired", "too old"),
        Unreachable("reset"),
        [{"type": "ERROR", "object": {"kind": "Status", "code": 410, "reason": "Expired"}}],
        [{"type": "MODIFIED", "object": {}}],
    ],
)
def test_a_watch_that_breaks_is_no_trouble_while_a_list_succeeds(broken: Any) -> None:
    server = Server()
    server.watches = [broken]

    async def test(hub: PodHub) -> None:
        await until(lambda: len(server.asked) >= 4)
        assert hub._problem is None
        assert server.asked[:4] == [hub.path, "watch 1", hub.path, "watch 1"]

    on(server, test)


def test_a_watch_goes_on_where_the_last_bookmark_was() -> None:
    server = Server()
    server.watches = [[{"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "42"}}}]]

    async def test(hub: PodHub) -> None:
        await until(lambda: "watch 42" in server.asked)
        assert server.asked.count(hub.path) == 1

    on(server, test)


def test_watches_that_end_at_once_are_not_begun_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hubs, "_SHORT", 5.0)
    server = Server()
    server.watches = [[] for _ in range(1000)]

    async def test(hub: PodHub) -> None:
        await until(lambda: len(server.asked) >= 2)
        for _ in range(100):
            await asyncio.sleep(0)
        assert len(server.asked) == 2

    on(server, test)


def test_a_pod_that_the_watch_saw_go_does_not_come_back_by_an_older_answer() -> None:
    server = Server()

    async def test(hub: PodHub) -> None:
        await hub.pods("p")

        def slow() -> Any:
            hub._bury("p", pod("p"))
            return pod("p")

        server.gets[f"{hub.path}/p"] = slow
        assert await hub.pod("p") is None
        assert hub.last_seen("p") is not None

    on(server, test)


def test_a_change_is_not_missed_that_comes_while_the_last_one_is_dealt_with() -> None:
    async def test(hub: PodHub) -> None:
        with contextlib.suppress(TimeoutError):
            await hub.changed("p", 0.01)
        hub._wake("p")
        async with asyncio.timeout(stretched(1)):
            await hub.changed("p", 600)

    on(Server(), test)


def test_many_who_ask_at_once_at_the_beginning_share_their_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[aiohttp.ClientSession] = []
    session = aiohttp.ClientSession

    def counted(**options: Any) -> aiohttp.ClientSession:
        made.append(session(**options))
        return made[-1]

    async def main() -> None:
        api = KubernetesApi(Access(Cluster(kubeconfig_path=str(standin.kubeconfig))))
        await asyncio.gather(*(api.get("/api/v1/namespaces/default/pods") for _ in range(5)))
        await api.close()

    monkeypatch.setattr(aiohttp, "ClientSession", counted)
    with KubernetesStandIn() as standin:
        asyncio.run(main())
    assert len(made) == 1
    assert made[0].closed


def test_many_who_are_refused_renew_the_credentials_once() -> None:
    with KubernetesStandIn() as standin:
        told: list[str] = []

        def renew() -> Cluster:
            told.append("asked")
            return Cluster(kubeconfig_path=str(standin.kubeconfig))

        async def main() -> None:
            access = Access(renew(), renew)
            api = KubernetesApi(access)
            await api.get("/api/v1/namespaces/default/pods")
            standin.fail(401, count=5)
            await asyncio.gather(*(api.get(f"/api/v1/namespaces/default/pods?n={n}") for n in range(5)))
            assert access.readings == 2
            await api.close()

        asyncio.run(main())
        assert len(told) == 2


def test_credentials_that_cannot_be_read_now_are_asked_for_again(tmp_path: Any) -> None:
    async def main() -> None:
        access = Access(Cluster(kubeconfig_path=str(tmp_path / "config")))
        with pytest.raises(Unreachable, match="configuration can't be read"):
            await access.load()
        (tmp_path / "config").write_text(
            "{current-context: c, contexts: [{name: c, context: {cluster: k, user: u}}],"
            " clusters: [{name: k, cluster: {server: 'http://127.0.0.1:9', tls-server-name: api.example.com}}],"
            " users: [{name: u, user: {tokenFile: token}}]}"
        )
        (tmp_path / "token").write_text("abc")
        await access.load()
        assert access.server_name == "api.example.com"
        assert await access.headers() == {"Authorization": "Bearer abc"}

    asyncio.run(main())


@pytest.mark.parametrize(
    ("url", "proxy"),
    [
        ("https://api.example.com:6443", "http://proxy:3128"),
        ("https://10.96.0.1:443", None),
        ("https://192.168.1.5", "http://proxy:3128"),
        ("https://kubernetes.default.svc", None),
        ("https://[fd00::1]:6443", "http://proxy:3128"),
        ("http://127.0.0.1:8001", None),
    ],
)
def test_the_environments_proxy_holds_but_for_what_it_excepts(
    monkeypatch: pytest.MonkeyPatch, url: str, proxy: str | None
) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    assert proxy_of_environment("https://10.96.0.1") == "http://proxy:3128"
    monkeypatch.setenv("NO_PROXY", "localhost,.svc, 10.96.0.0/12,bad/99")
    assert proxy_of_environment(url) == proxy


# --- events ------------------------------------------------------------------------------------------


def event(kind: str, name: str, reason: str, message: str, at: str) -> dict[str, Any]:
    return {
        "involvedObject": {"kind": kind, "name": name}, "reason": reason, "message": message, "lastTimestamp": at,
        "type": "Warning",
    }  # fmt: skip


def mounting(name: str) -> dict[str, Any]:
    conditions = [{"type": "PodScheduled", "status": "True"}, {"type": "PodReadyToStartContainers", "status": "False"}]
    waiting = {"name": "base", "state": {"waiting": {"reason": "ContainerCreating"}}}
    return {
        "metadata": {"name": name, "creationTimestamp": "2026-11-21T10:00:00Z"},
        "status": {"phase": "Pending", "conditions": conditions, "containerStatuses": [waiting]},
    }


def test_a_volume_that_cannot_be_mounted_is_told_from_the_events_with_one_list_for_all() -> None:
    server = Server()
    lost = event(
        "Pod", "a", "FailedMount", 'MountVolume.SetUp failed: secret "nowhere" not found', "2026-11-21T10:05:00Z"
    )
    busy = event("Pod", "b", "FailedAttachVolume", "Multi-Attach error for volume", "2026-11-21T10:05:00Z")
    old = event("Pod", "b", "FailedMount", "an older one", "2026-11-21T10:01:00Z")
    other = event("Pod", "c", "Unhealthy", "no matter", "2026-11-21T10:05:00Z")
    server.lists = [{"items": [lost, busy, old, other], "metadata": {}}]
    now = [1_795_255_800.0]

    async def main() -> None:
        said = Warnings(server, "default")  # type: ignore[arg-type]
        room = WaitingRoom(Limits(config=60, pending=600), lambda: now[0])
        assert [await room.look(mounting(name), said) for name in "abc"] == [None] * 3
        now[0] += 61
        found = [await room.look(mounting(name), said) for name in "abc"]
        assert found[0] is not None
        assert found[0].kind is Kind.CONFIG
        assert 'secret "nowhere" not found' in str(found[0])
        assert found[1:] == [None, None], "a volume that is still at another node comes"
        notes = room.take_notes()
        assert any("Multi-Attach" in note for note in notes)
        assert len(server.asked) == 1

    asyncio.run(main())


def test_events_that_may_not_be_read_end_nothing() -> None:
    server = Server()
    server.lists = [ApiError(403, "Forbidden", "no")]

    async def main() -> None:
        said = Warnings(server, "default")  # type: ignore[arg-type]
        assert await said.about("Pod", "p") is None
        assert await said.about("Pod", "p") is None
        assert len(server.asked) == 1, "not asked for at every look"

    asyncio.run(main())


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ('pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=4, limited: pods=4', Kind.PENDING),
        ('pods "x" is forbidden: violates PodSecurity "restricted:latest": runAsNonRoot', Kind.CONFIG),
        ('Internal error occurred: failed calling webhook "w": connection refused', Kind.PENDING),
    ],
)
def test_why_a_job_makes_no_pods(message: str, kind: Kind) -> None:
    server = Server()
    server.lists = [{"items": [event("Job", "j", "FailedCreate", f"Error creating: {message}", "t")], "metadata": {}}]
    found = asyncio.run(Warnings(server, "default").about("Job", "j"))  # type: ignore[arg-type]
    assert found is not None
    assert found.kind is kind
    assert warnings.EVERY > 1
