"""Waiting for the journal without a worker."""

from __future__ import annotations

import asyncio
import json
import threading
from pathlib import Path
from typing import Any

import pytest

from automl_airflow import journal_watch, studies, triggers
from automl_airflow.stores import Stores
from automl_airflow.studies import Key
from automl_airflow.threads import threads_of
from automl_airflow.triggers import JournalTrigger
from automl_core.spec.models import Experiment
from automl_core.storage import open_store
from automl_core.storage.base import StorageUnavailable
from automl_core.study import Study
from automl_core.study.journal import StudyJournal
from automl_core.study.layout import experiment_prefix

RUN = "manual__2026-11-21T04:10:00+00:00"

SPEC = Experiment.model_validate(
    {
        "name": "first",
        "goal": {"metric": "loss", "direction": "minimize"},
        "search": {"algorithm": "random"},
        "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
        "trials": {"max": 4},
        "tasks": [{"command": ["true"]}],
    }
)


@pytest.fixture(autouse=True)
def no_least_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triggers, "LEAST_WAIT", 0.0)


def journal_in(folder: Path) -> StudyJournal:
    return StudyJournal(open_store(str(folder)), experiment_prefix("first", RUN))


def waiting(folder: Path, seq: int, patience: float = 60.0) -> JournalTrigger:
    return JournalTrigger(str(folder), None, "first", RUN, seq, poll=0.01, patience=patience)


def first_event(trigger: JournalTrigger, *, meanwhile: Any = None) -> dict[str, Any]:
    async def fire() -> dict[str, Any]:
        events = trigger.run()
        waits = asyncio.ensure_future(anext(events))
        if meanwhile is not None:
            await asyncio.sleep(0.05)
            assert not waits.done()
            meanwhile()
        event = await waits
        return dict(event.payload)

    return asyncio.run(fire())


def test_it_fires_when_the_journal_has_moved_already(tmp_path: Path) -> None:
    journal_in(tmp_path).append("note", {"text": "a"})
    assert first_event(waiting(tmp_path, 0)) == {"moved": True}


def test_it_fires_when_the_journal_moves(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    journal.append("note", {"text": "a"})
    event = first_event(waiting(tmp_path, 1), meanwhile=lambda: journal.append("note", {"text": "b"}))
    assert event == {"moved": True}


def test_it_fires_when_its_patience_is_at_an_end(tmp_path: Path) -> None:
    journal_in(tmp_path).append("note", {"text": "a"})
    assert first_event(waiting(tmp_path, 1, patience=0.05)) == {"moved": False}


def test_a_store_that_refuses_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal_in(tmp_path).append("note", {"text": "a"})
    answers: list[Any] = [StorageUnavailable("busy"), StorageUnavailable("busy"), 2]

    def newest(key: Key, known: int) -> int:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return int(answer)

    monkeypatch.setattr(journal_watch, "_newest", newest)
    assert first_event(waiting(tmp_path, 1)) == {"moved": True}
    assert not answers


def test_all_who_wait_for_a_run_wait_for_one_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = journal_in(tmp_path)
    journal.append("note", {"text": "a"})
    looked: list[int] = []
    look = journal_watch._newest

    def newest(key: Key, known: int) -> int:
        try:
            return look(key, known)
        finally:
            looked.append(known)  # at its end: one that has begun before a record lay there may see it

    monkeypatch.setattr(journal_watch, "_newest", newest)

    async def everything() -> None:
        events = [trigger.run() for trigger in (waiting(tmp_path, 1) for _ in range(100))]
        waits = [asyncio.ensure_future(anext(each)) for each in events]
        while len(looked) < 3:
            await asyncio.sleep(0.001)
        assert not any(wait.done() for wait in waits)
        before = len(looked)
        journal.append("note", {"text": "b"})
        fired = await asyncio.gather(*waits)
        assert [dict(event.payload) for event in fired] == [{"moved": True}] * 100
        assert before < len(looked) < before + 100, "looks at the journal are not counted by who waits"

    asyncio.run(everything())


def test_what_this_process_writes_itself_is_heard_without_a_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_watch, "_newest", lambda key, known: known)  # looks find nothing
    study = Study.create(journal_in(tmp_path), SPEC, RUN, [])
    shared = studies._open((str(tmp_path), None, "first", RUN, None))
    seq = study.state.seq

    def write() -> None:
        with shared.lock:
            shared.study.journal.append("note", {"text": "by a trigger of this process"})

    assert first_event(waiting(tmp_path, seq), meanwhile=write) == {"moved": True}


def test_a_run_whose_store_hangs_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = journal_in(tmp_path)
    journal.append("note", {"text": "a"})
    answers, look = threading.Event(), journal_watch._newest

    def newest(key: Key, known: int) -> int:
        if key[0] == "s3://hangs":
            answers.wait()
            return known + 1
        return look(key, known)

    monkeypatch.setattr(journal_watch, "_newest", newest)

    async def everything() -> None:
        hanging = [JournalTrigger("s3://hangs", None, f"e{n}", RUN, 1, poll=0.01).run() for n in range(20)]
        waits = [asyncio.ensure_future(anext(each)) for each in hanging]
        while threads_of("s3://hangs", None).stuck(0.0) is None:
            await asyncio.sleep(0.001)
        event = await anext(waiting(tmp_path, 0).run())
        assert dict(event.payload) == {"moved": True}
        assert await asyncio.to_thread(lambda: "the default executor is free")
        assert not any(wait.done() for wait in waits)
        answers.set()
        await asyncio.gather(*waits)

    asyncio.run(everything())


def test_who_stops_waiting_is_forgotten(tmp_path: Path) -> None:
    journal_in(tmp_path).append("note", {"text": "a"})

    async def everything() -> None:
        wait = asyncio.ensure_future(anext(waiting(tmp_path, 1).run()))
        watch = journal_watch.watch_of((str(tmp_path), None, "first", RUN, None))
        while not watch.waiting:
            await asyncio.sleep(0.001)
        poller = watch._poller
        assert poller is not None
        wait.cancel()
        await asyncio.gather(wait, poller, return_exceptions=True)
        assert watch.waiting == 0
        assert poller.cancelled()

    asyncio.run(everything())


def test_a_bucket_is_opened_once_for_all_and_again_after_it_could_not_be_read() -> None:
    opened: list[str] = []

    def open_one(storage: str, connection: str | None) -> Any:
        opened.append(storage)
        return object()

    stores = Stores(open_one)
    assert stores.of("s3://b", "c") is stores.of("s3://b", "c")
    stores.of("s3://b", None)
    assert opened == ["s3://b", "s3://b"], "another connection is another client"
    stores.forget("s3://b", "c")
    stores.of("s3://b", "c")
    assert len(opened) == 3


def test_what_airflow_keeps_of_it_makes_the_same_trigger_again() -> None:
    trigger = JournalTrigger("s3://bucket/models", "my_s3", "first", RUN, 7, poll=1.5, patience=30.0)
    path, arguments = trigger.serialize()
    assert path == f"{JournalTrigger.__module__}.{JournalTrigger.__name__}"
    again = JournalTrigger(**json.loads(json.dumps(arguments)))
    assert again.serialize() == (path, arguments)


def test_it_carries_the_name_of_the_connection_and_nothing_of_what_is_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MY_S3", "aws://AKIAKEY:verysecret@/")
    _, arguments = JournalTrigger("s3://bucket/models", "my_s3", "first", RUN, 7).serialize()
    assert arguments["connection"] == "my_s3"
    assert "verysecret" not in json.dumps(arguments)
    assert "AKIAKEY" not in json.dumps(arguments)
