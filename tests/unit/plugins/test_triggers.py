"""Waiting for the journal without a worker."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from automl_airflow import triggers
from automl_airflow.triggers import JournalTrigger
from automl_core.storage import open_store
from automl_core.storage.base import StorageUnavailable
from automl_core.study.journal import StudyJournal
from automl_core.study.layout import experiment_prefix

RUN = "manual__2026-11-21T04:10:00+00:00"


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
    answers: list[Any] = [StorageUnavailable("busy"), StorageUnavailable("busy"), True]

    def moved(self: JournalTrigger) -> bool:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    monkeypatch.setattr(JournalTrigger, "_moved", moved)
    assert first_event(waiting(tmp_path, 1)) == {"moved": True}
    assert not answers


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
