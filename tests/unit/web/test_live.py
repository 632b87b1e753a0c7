"""Live updates: one reader however many listen, nothing where nothing changes, an end that is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from automl_airflow.studies import SharedStudy
from automl_airflow.web import live
from automl_airflow.web.held import HeldRun
from automl_airflow.web.live import Channels
from automl_core.running.simulation import Simulation
from automl_core.spec.loader import parse_experiment
from automl_core.states import TrialState
from automl_core.storage.base import StorageError
from automl_core.study import Binding, Outcome, Study, StudyJournal
from automl_core.study.layout import experiment_prefix
from tests.support.memory_store import MemoryStore
from tests.support.patience import stretched
from tests.unit.web.conftest import SPEC, World, path, trainer

TEXT = SPEC.format(name="live", storage="/nowhere", trials=4)


def opened(store: MemoryStore) -> Study:
    return Study.load(StudyJournal(store, experiment_prefix("live", "simulated")))


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    monkeypatch.setattr(live, "EVERY", 0.01)
    monkeypatch.setattr("automl_airflow.web.held.READ_EVERY", 0.0)
    made = MemoryStore()
    Simulation(parse_experiment(TEXT, "x.yaml"), trainer, made)
    return made


@pytest.fixture
def held(store: MemoryStore) -> HeldRun:
    return HeldRun(SharedStudy(store, opened(store)))


def parse(event: bytes) -> tuple[str, dict[str, Any]]:
    fields = dict(line.split(": ", 1) for line in event.decode().strip().splitlines())
    return fields["event"], json.loads(fields["data"])


async def next_event(events: AsyncIterator[bytes]) -> tuple[str, dict[str, Any]]:
    for _ in range(10):  # an event that was lost would let heartbeats come for ever
        event = await asyncio.wait_for(anext(events), stretched(5))
        if event.startswith(b"id:"):
            return parse(event)
    raise AssertionError("nothing but heartbeats comes")


def next_free(study: Study) -> Binding:
    study.refresh()
    binding = study.ask(study.unbound()[0])
    assert isinstance(binding, Binding)
    study.tell(binding, Outcome(TrialState.SUCCEEDED, value=0.5, step=1, metrics={"accuracy": 0.5}))
    return binding


def test_a_listener_hears_what_changes_and_the_end(store: MemoryStore, held: HeldRun) -> None:
    async def listen() -> None:
        channels, other = Channels(), opened(store)
        events = channels.listen(held, 0)
        kind, first = await next_event(events)
        assert (kind, first["state"], first["trials"], first["done"]) == ("changed", "CREATED", [], 0)
        for number in range(4):
            next_free(other)
            heard: dict[str, Any] = {}
            while heard.get("done") != number + 1:
                kind, heard = await next_event(events)
            assert number in heard["trials"]
            assert heard["best"] == 0.5
            assert heard["seq"] > first["seq"]
        other.finish()
        while kind != "ended":
            kind, heard = await next_event(events)
        assert heard == {"seq": other.state.seq, "state": "FINISHED"}
        with pytest.raises(StopAsyncIteration):
            await anext(events)

    asyncio.run(listen())


def test_what_happens_while_a_listener_is_busy_with_an_event_is_the_next_one(store: MemoryStore, held: HeldRun) -> None:
    async def listen() -> None:
        channels = Channels()
        slow, quick = channels.listen(held, 0), channels.listen(held, 0)
        await next_event(slow)
        await next_event(quick)
        next_free(opened(store))
        _, heard = await next_event(quick)  # the channel has moved on, and the slow one is not back yet
        while heard["done"] != 1:
            _, heard = await next_event(quick)
        _, late = await next_event(slow)
        assert late["done"] == 1
        for events in (slow, quick):
            await events.aclose()

    asyncio.run(listen())


def test_fifty_listeners_cost_one_reader(store: MemoryStore, held: HeldRun, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    news = live._news
    monkeypatch.setattr(live, "_news", lambda view, since: made.append(since) or news(view, since))

    async def listen() -> None:
        channels = Channels()
        listeners = [channels.listen(held, 0) for _ in range(50)]
        await asyncio.gather(*(next_event(events) for events in listeners))
        looks = 0
        look = live.Channel._look

        async def counted(self: live.Channel) -> None:
            nonlocal looks
            looks += 1
            await look(self)

        monkeypatch.setattr(live.Channel, "_look", counted)
        made.clear()
        next_free(opened(store))
        found = await asyncio.gather(*(next_event(events) for events in listeners))
        assert len({json.dumps(body) for _, body in found}) == 1
        assert len(made) <= 2
        assert looks <= 10
        for events in listeners:
            await events.aclose()

    asyncio.run(listen())


def test_nobody_listening_reads_nothing(store: MemoryStore, held: HeldRun, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    read = HeldRun.read
    monkeypatch.setattr(HeldRun, "read", lambda self, seq=0: reads.append(seq) or read(self, seq))

    async def listen() -> None:
        channels = Channels()
        events = channels.listen(held, 0)
        await next_event(events)
        await events.aclose()
        await asyncio.sleep(0.05)
        before = len(reads)
        await asyncio.sleep(0.1)
        assert before
        assert len(reads) == before

    asyncio.run(listen())


def test_who_comes_back_hears_what_was_missed(store: MemoryStore, held: HeldRun) -> None:
    async def listen() -> None:
        seen = held.read()
        other = opened(store)
        binding = next_free(other)
        events = Channels().listen(held, seen)
        _, body = await next_event(events)
        assert body["trials"] == [binding.trial]
        await events.aclose()

    asyncio.run(listen())


def test_a_storage_that_is_away_for_a_while_ends_nothing(
    store: MemoryStore, held: HeldRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def listen() -> None:
        events = Channels().listen(held, 0)
        await next_event(events)
        refresh = Study.refresh

        def away(self: Study) -> Any:
            raise StorageError("away")

        monkeypatch.setattr(Study, "refresh", away)
        await asyncio.sleep(0.05)
        monkeypatch.setattr(Study, "refresh", refresh)
        next_free(opened(store))
        body: dict[str, Any] = {}
        while body.get("done") != 1:  # a look between its records tells of the first of them
            _, body = await next_event(events)
        await events.aclose()

    asyncio.run(listen())


def test_events_come_over_http(world: World, ended: tuple[str, str]) -> None:
    with world.browser("vic").stream("GET", path(*ended, "/events")) as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "content-encoding" not in answer.headers
        text = "".join(answer.iter_text())
    assert "event: changed" in text
    assert '"state":"FINISHED"' in text
    assert "event: ended" in text


@pytest.mark.parametrize("last", ["x", "-1", "9" * 5000, "1e3", ""])
def test_a_last_event_id_that_is_none_begins_anew(world: World, ended: tuple[str, str], last: str) -> None:
    with world.client().stream("GET", path(*ended, "/events"), headers={"Last-Event-ID": last}) as answer:
        assert "event: ended" in "".join(answer.iter_text())
