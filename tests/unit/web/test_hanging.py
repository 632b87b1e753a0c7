"""A store that accepts and never answers: Airflow and other experiments go on, and what is known is shown."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from automl_airflow import session, studies
from automl_airflow.web import aside, held, live
from automl_airflow.web.access import ACCESS
from automl_airflow.web.catalog import Place
from automl_airflow.web.routes import parts
from automl_airflow.web.routes.parts import the_run
from automl_core.running.simulation import Simulation
from automl_core.spec.loader import parse_experiment
from automl_core.storage.base import ObjectStore
from automl_core.storage.wrapper import StoreWrapper
from tests.support.memory_store import MemoryStore
from tests.unit.web.conftest import World, body_of, path, trainer
from tests.unit.web.test_access import calls_of, routes_of
from tests.unit.web.test_neighbours import begin_without_journal

T = TypeVar("T")
API = "/automl/api/v1"
BUCKET = "s3://hangs/models"


class Hanging(StoreWrapper):
    """A store that answers nobody while its gate is shut."""

    def __init__(self, inner: ObjectStore) -> None:
        super().__init__(inner)
        self._gate = threading.Event()
        self._gate.set()
        self._patch = pytest.MonkeyPatch()

    def shut(self) -> None:
        """Answer nobody from now on: nobody waits long for this one any more, and for others as long as it takes."""
        self._gate.clear()
        self._patch.setattr(aside, "seconds", lambda place, most: 0.05 if place.storage == BUCKET else 600.0)
        self._patch.setattr(held, "PATIENCE", 0.05)
        self._patch.setattr(parts, "PATIENCE", 0.05)
        self._patch.setattr("automl_airflow.web.summaries._PATIENCE", 0.05)

    def open(self) -> None:
        """Answer again."""
        self._patch.undo()
        self._gate.set()

    def _call(self, operation: str, key: str, call: Callable[[], T]) -> T:
        self._gate.wait()
        return call()


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hanging]:
    made = Hanging(MemoryStore("hangs"))
    opened = session.open_viewed_store

    def open_one(storage: str, connection: str | None) -> ObjectStore:
        return made if storage == BUCKET else opened(storage, connection)

    monkeypatch.setattr(session, "open_viewed_store", open_one)
    monkeypatch.setattr(studies, "_viewed", studies.SharedStudies(studies._open_viewed))
    monkeypatch.setattr("automl_airflow.stores._viewed._known", type(held._held)())
    monkeypatch.setattr(held, "_held", {})
    monkeypatch.setattr(held, "READ_EVERY", 0.0)
    monkeypatch.setattr(aside, "_stores", aside.StoreThreads(aside.OF_A_STORE, waiting=200))
    monkeypatch.setattr(aside, "seconds", lambda place, most: 600.0)
    monkeypatch.setattr(held, "PATIENCE", 600.0)
    monkeypatch.setattr("automl_airflow.web.summaries._PATIENCE", 600.0)
    yield made
    made.open()


_numbers = iter(range(1000))


@pytest.fixture
def run(world: World, store: Hanging) -> tuple[str, str]:
    """A run in the bucket that can hang, with some trials."""
    text = world.spec(f"hanging{next(_numbers)}").replace(f"file://{world.storage}", BUCKET)
    found = begin_without_journal(world, world.know(text), "running")
    Simulation(parse_experiment(text, "x.yaml"), trainer, store, run=found[1]).run()
    return found


def asked(world: World, user: str = "ann") -> Any:
    import httpx

    headers = {"Authorization": f"Bearer {world.tokens[user]}", "X-AutoML-Request": "1"}
    transport = httpx.ASGITransport(app=world.app)
    return httpx.AsyncClient(transport=transport, base_url="http://testserver", headers=headers, timeout=60)


def test_no_route_of_ours_runs_in_the_threads_that_airflow_shares(world: World) -> None:
    """Nor does a dependency of theirs that touches a store; those that remain ask Airflow's database alone."""
    routes = routes_of(world)
    assert not [(m, p) for m, p, route in routes if not inspect.iscoroutinefunction(route.endpoint)]
    ours = {call for _, _, route in routes for call in calls_of(route) if call.__module__.startswith("automl_airflow")}
    blocking = {call for call in ours - ACCESS if not inspect.iscoroutinefunction(call)}
    assert {call.__name__ for call in blocking} <= {
        the_run.__name__, "the_model", "the_project", "from_this_site", "_session",
    }  # fmt: skip


def test_while_a_store_hangs_airflow_and_other_experiments_answer(
    world: World, store: Hanging, run: tuple[str, str], ended: tuple[str, str]
) -> None:
    import anyio

    async def everything() -> None:
        async with asked(world) as client:
            store.shut()
            calls = [path(*run, rest) for rest in ("", "/trials", "/history", "/curves", "/trials/0/files")]
            waiting = [asyncio.create_task(client.get(calls[n % len(calls)])) for n in range(45)]
            threads = aside.threads_of(Place(BUCKET, None, "", ()))
            while threads.running < aside.OF_A_STORE:
                await asyncio.sleep(0.001)
            health = await client.get("/api/v2/monitor/health")
            assert health.status_code == 200
            other = await client.get(path(*ended))
            assert other.status_code == 200, other.text
            shared = anyio.to_thread.current_default_thread_limiter()
            answers = await asyncio.gather(*waiting)
            assert shared.borrowed_tokens == 0
            assert threads.running == aside.OF_A_STORE, "it hangs still, and all have had their answer"
            for answer in answers:
                assert answer.status_code == 503
                assert BUCKET in answer.json()["detail"]
                assert int(answer.headers["Retry-After"]) > 0
            store.open()

    asyncio.run(everything())


def test_what_was_held_is_shown_with_its_age(world: World, store: Hanging, run: tuple[str, str]) -> None:
    async def everything() -> None:
        async with asked(world) as client:
            before = {
                rest: await client.get(path(*run, rest)) for rest in ("", "/trials", "/curves", "/bundle?parts=trials")
            }
            assert all("Age" not in answer.headers for answer in before.values())
            store.shut()
            for rest, fresh in before.items():
                answer = await client.get(path(*run, rest))
                assert answer.status_code == 200, answer.text
                assert answer.json() == fresh.json() or rest == ""
                assert int(answer.headers["Age"]) >= 0
                assert BUCKET in answer.headers["X-AutoML-Stale"]
            listed = body_of(await client.get(f"{API}/experiments", params={"limit": 500}))
            [mine] = [each["latest"] for each in listed["experiments"] if each["experiment"] == run[0]]
            assert mine["problem"]
            refused = await client.get(path(*run, "/trials/0/files"))
            assert refused.status_code == 503, "what needs the store itself says so"
            store.open()
            threads = aside.threads_of(Place(BUCKET, None, "", ()))
            while threads.running:
                await asyncio.sleep(0.001)
            assert "Age" not in (await client.get(path(*run))).headers

    asyncio.run(everything())


def test_a_list_shows_a_run_as_it_was_when_it_was_last_read(world: World, store: Hanging, run: tuple[str, str]) -> None:
    async def latest(client: Any) -> Any:
        body = body_of(await client.get(f"{API}/experiments", params={"limit": 500}))
        return next(each["latest"] for each in body["experiments"] if each["experiment"] == run[0])

    async def everything() -> None:
        async with asked(world) as client:
            await client.get(path(*run))
            fresh = await latest(client)
            assert fresh["problem"] is None
            store.shut()
            old = await latest(client)
            assert old["problem"].startswith("as it was")
            assert old["best"] == fresh["best"] is not None
            store.open()

    asyncio.run(everything())


def test_a_page_that_follows_a_run_is_told_what_is_known(world: World, store: Hanging, run: tuple[str, str]) -> None:
    """45 of them take no more threads than one store may, and each begins with the state as it is held."""

    async def everything() -> None:
        async with asked(world) as client:
            await client.get(path(*run))
            held_run = held._held[next(iter(held._held))]
            store.shut()
            channels = live.Channels()
            streams = [channels.listen(held_run, 0, user=f"user{n}") for n in range(45)]
            firsts = [await anext(stream) for stream in streams]
            assert firsts == [b"retry: 3000\n\n"] * 45
            events = await asyncio.gather(*(anext(stream) for stream in streams))
            assert all(b"event: changed" in event for event in events)
            for stream in streams:
                await stream.aclose()
            assert aside.threads_of(held_run.place).running <= aside.OF_A_STORE
            store.open()

    asyncio.run(everything())


def test_an_act_that_hangs_in_the_store_lets_pages_say_so(
    world: World, store: Hanging, run: tuple[str, str], ended: tuple[str, str]
) -> None:
    """It writes, and whoever writes holds the study: pages of that run give up, and nobody else's wait."""

    async def everything() -> None:
        async with asked(world) as client:
            await client.get(path(*run))
            held_run = held._held[next(iter(held._held))]
            locked, done = threading.Event(), threading.Event()

            def write() -> None:
                with held_run.shared.lock:
                    locked.set()
                    done.wait()

            writer = threading.Thread(target=write)
            writer.start()
            locked.wait()
            store.shut()
            answers = await asyncio.gather(*(client.get(path(*run, "/trials")) for _ in range(45)))
            assert {answer.status_code for answer in answers} == {503}
            assert all(BUCKET in answer.json()["detail"] for answer in answers)
            assert aside.PAGES.running == 0, "pages of others have those"
            assert (await client.get(path(*ended))).status_code == 200
            done.set()
            writer.join()

    asyncio.run(everything())
