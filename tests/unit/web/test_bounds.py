"""What is asked of the API server is bounded: bodies, listeners, readings of journals and of metrics files."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automl_airflow.studies import SharedStudy
from automl_airflow.web import held as held_module
from automl_airflow.web import live
from automl_airflow.web.catalog import Place, RunInfo
from automl_airflow.web.held import HeldRun
from automl_airflow.web.limits import MAX_BODY, BodyLimit
from automl_airflow.web.live import Channels, TooMany
from automl_airflow.web.series import LiveSeries
from automl_airflow.web.summaries import Summaries
from automl_core.metrics.series import Point
from automl_core.running.simulation import Simulation
from automl_core.spec.loader import parse_experiment
from automl_core.study import Study, StudyJournal
from automl_core.study.layout import METRICS_FILE, experiment_prefix, trial_prefix
from tests.support.memory_store import MemoryStore
from tests.support.patience import stretched
from tests.unit.web.conftest import SPEC, World, body_of, path, trainer

API = "/automl/api/v1"

Fresh = Callable[..., tuple[str, str]]


@pytest.mark.parametrize("user", ["ann", None])
def test_a_large_body_is_refused_before_it_is_read(world: World, user: str | None) -> None:
    headers = {"Content-Type": "application/json"}
    answer = world.client(user).post(f"{API}/validate", content=b"x" * (MAX_BODY + 1), headers=headers)
    assert answer.status_code == 413
    assert answer.json()["detail"]
    largest = json.dumps({"text": "é" * (1 << 18)})
    assert world.client().post(f"{API}/validate", content=largest, headers=headers).status_code == 200


def test_a_body_of_unknown_length_is_read_no_further_than_the_limit() -> None:
    read: list[int] = []
    answered: list[dict[str, Any]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["more_body"]:
            pass

    async def receive() -> dict[str, Any]:
        read.append(1)
        return {"type": "http.request", "body": b"x" * 40, "more_body": True}

    async def send(message: Any) -> None:
        answered.append(message)

    scope = {"type": "http", "headers": [(b"transfer-encoding", b"chunked")]}
    asyncio.run(BodyLimit(app, 100)(scope, receive, send))
    assert answered[0]["status"] == 413
    assert len(read) == 3


def held_of(store: MemoryStore) -> HeldRun:
    Simulation(parse_experiment(SPEC.format(name="live", storage="/nowhere", trials=4), "x.yaml"), trainer, store)
    return HeldRun(SharedStudy(store, Study.load(StudyJournal(store, experiment_prefix("live", "simulated")))))


def test_listeners_are_bounded_by_user_and_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_OF_ONE", 2)
    monkeypatch.setattr(live, "MOST", 3)

    async def listen() -> None:
        channels, held = Channels(), held_of(MemoryStore())
        open_ones = []
        for user in ("ann", "ann", "uma"):
            channels.admit(user)
            events = channels.listen(held, 0, user=user)
            await anext(events)
            open_ones.append(events)
        with pytest.raises(TooMany, match="ann"):
            channels.admit("ann")
        with pytest.raises(TooMany, match="server"):
            channels.admit("vic")
        for events in open_ones:
            await events.aclose()
        channels.admit("ann")
        channels.admit("vic")

    asyncio.run(listen())


def test_a_listener_too_many_is_refused_in_words(
    world: World, going: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "MOST_OF_ONE", 0)
    answer = world.client("vic").get(path(*going, "/events"))
    assert answer.status_code == 429
    assert "vic" in answer.json()["detail"]


def test_a_look_that_fails_does_not_end_the_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "EVERY", 0.01)

    async def listen() -> None:
        held = held_of(MemoryStore())
        events = Channels().listen(held, 0)
        await anext(events)
        read, failed = HeldRun.read, asyncio.Event()
        loop = asyncio.get_running_loop()

        def damaged(self: HeldRun, seq: int = 0) -> int:
            loop.call_soon_threadsafe(failed.set)
            raise RuntimeError("damaged")

        with monkeypatch.context() as patch:
            patch.setattr(HeldRun, "read", damaged)
            await asyncio.wait_for(failed.wait(), stretched(5))
        assert HeldRun.read is read
        monkeypatch.setattr("automl_airflow.web.held.READ_EVERY", 0.0)
        held.shared.study.stop("user", "USER_CANCELED", "enough", running="cancel", by="ann")
        while b"event: ended" not in await asyncio.wait_for(anext(events), stretched(5)):
            pass

    asyncio.run(listen())


class Counted(MemoryStore):
    """Counts readings of metrics files."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []

    def get(self, key: str) -> bytes:
        if key.endswith(METRICS_FILE):
            self.read.append(key)
        return super().get(key)


def points(*steps: int) -> bytes:
    from automl_core.metrics.series import Series

    series = Series(Point(step, {"accuracy": step / 10}) for step in steps)
    return json.dumps({"points": series.to_json()}).encode()


def test_metrics_files_are_read_once_for_all_who_look() -> None:
    clock = [1000.0]
    store = Counted()
    numbers = list(range(5))
    for number in numbers:
        store.put("run/" + trial_prefix(number) + METRICS_FILE, points(1, 2))
    series = LiveSeries(store, "run/", clock=lambda: clock[0])
    for _ in range(50):
        assert set(series.running(numbers)) == set(numbers)
        assert series.of(3) is not None
    assert len(store.read) == 5
    version = series.version
    clock[0] += 10
    series.running(numbers)
    assert len(store.read) == 10
    assert series.version == version, "nothing new: who has the answer keeps it"
    store.put("run/" + trial_prefix(2) + METRICS_FILE, points(1, 2, 3))
    clock[0] += 10
    assert len(list(series.running(numbers)[2])) == 3
    assert series.version > version


def test_curves_of_running_trials_go_on_between_two_records(
    world: World, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automl_airflow.web.series.EVERY", 0.0)
    run = fresh()
    client = world.client()
    number = body_of(client.get(path(*run)))["tao"]["running_trials"][0]
    folder = next((world.storage / run[0]).iterdir()) / trial_prefix(number)
    folder.mkdir(exist_ok=True)

    def last_step() -> int:
        found = body_of(client.get(path(*run, "/curves")))["curves"]
        return next(each["steps"][-1] for each in found if each["trial"] == number)

    (folder / METRICS_FILE).write_bytes(points(1))
    assert last_step() == 1
    (folder / METRICS_FILE).write_bytes(points(1, 2))
    assert last_step() == 2


def running(name: str) -> RunInfo:
    place = Place("memory://nowhere", None, name, ("trial",))
    return RunInfo(name, "r", "running", None, 1.0, None, None, {}, 0, place)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the experiments that are opened, in order; two are held at most."""
    found: list[str] = []

    def shared(storage: str, connection: str | None, name: str, run: str) -> SharedStudy:
        known = kept.get(name)
        if known is None:
            found.append(name)
            known = kept[name] = held_of(MemoryStore()).shared
            while len(kept) > 2:
                del kept[next(iter(kept))]
        return known

    kept: dict[str, SharedStudy] = {}
    monkeypatch.setattr(held_module, "viewed_study", shared)
    monkeypatch.setattr("automl_airflow.stores.viewed_store", lambda storage, connection: MemoryStore())
    monkeypatch.setattr(held_module, "CAPACITY", 2)
    monkeypatch.setattr(held_module, "_held", {})
    monkeypatch.setattr(
        "automl_airflow.session.open_journal",
        lambda storage, connection, name, run, store: (
            found.append(name) or (None, held_of(MemoryStore()).view.study.journal)
        ),
    )
    return found


def test_a_list_of_more_runs_than_are_held_reads_none_of_them_at_every_look(opened: list[str]) -> None:
    known = Summaries()
    for _ in range(5):
        bodies = [known.of(running(f"e{k}")) for k in range(6)]
        assert [each["problem"] for each in bodies] == [None] * 6
    assert sorted(opened) == [f"e{k}" for k in range(6)]


def test_a_list_does_not_push_out_what_people_look_at(opened: list[str]) -> None:
    viewed = [held_module.held_run(running(f"viewed{k}")) for k in range(2)]
    asyncio.run(Summaries().of_all([running(f"e{k}") for k in range(6)]))
    assert [held_module.held_run(running(f"viewed{k}")) for k in range(2)] == viewed


def test_lists_that_wait_for_a_slow_storage_wait_for_the_same_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    known, reads, go_on = Summaries(), [], threading.Event()

    def slow(run: RunInfo) -> tuple[dict[str, Any], float]:
        reads.append(run.dag_id)
        go_on.wait(30)
        return {"problem": None}, 0.0

    monkeypatch.setattr("automl_airflow.web.summaries._summary", slow)
    monkeypatch.setattr("automl_airflow.web.summaries._PATIENCE", 0.01)

    async def lists() -> None:
        try:
            for _ in range(20):
                [found] = await known.of_all([running("slow")])
                assert "still being read" in found["problem"]
        finally:
            go_on.set()

    asyncio.run(lists())
    assert reads == ["slow"]


def test_the_list_costs_as_many_queries_for_forty_experiments_as_for_one(world: World) -> None:
    from airflow import settings
    from sqlalchemy import event

    seen: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *rest: Any) -> None:
        seen.append(statement)

    def queries() -> int:
        world.client().get(f"{API}/experiments", params={"sort": "name", "limit": 1})  # what is read once is known
        seen.clear()
        body_of(world.client().get(f"{API}/experiments", params={"sort": "name", "limit": 1}))
        return len(seen)

    event.listen(settings.engine, "before_cursor_execute", note)
    try:
        world.know(world.spec("counted-0"))
        before = queries()
        for number in range(1, 11):
            world.know(world.spec(f"counted-{number}"))
        assert queries() == before
    finally:
        event.remove(settings.engine, "before_cursor_execute", note)


def test_files_of_a_bucket_are_fetched_a_few_at_once_and_leave_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fastapi import HTTPException

    from automl_airflow.web.routes import files

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    store = MemoryStore()
    store.put("model", b"weights")
    fetched = files._fetched(store, "model")
    assert fetched is not None
    assert Path(fetched).read_bytes() == b"weights"
    Path(fetched).unlink()
    assert files._fetched(store, "no-such-file") is None
    for _ in range(files.MOST_FETCHED):
        assert files._fetching.acquire(blocking=False)
    try:
        with pytest.raises(HTTPException) as refused:
            files._fetched(store, "model")
        assert refused.value.status_code == 429
    finally:
        for _ in range(files.MOST_FETCHED):
            files._fetching.release()
    assert list(tmp_path.iterdir()) == []
