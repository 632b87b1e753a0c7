"""Waiting without a worker: for labels, and for runs of experiments; whatever hangs or is away meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from automl_airflow import triggers
from automl_airflow.annotation import labels_trigger, runs_trigger
from automl_airflow.annotation.labels_trigger import LabelsTrigger
from automl_airflow.annotation.runs_trigger import RunsTrigger
from automl_core.storage.base import StorageUnavailable
from tests.unit.plugins.annotation.rounding import Airflow


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triggers, "LEAST_WAIT", 0.0)
    monkeypatch.setattr("automl_airflow.waiting.FIRST_PAUSE", 0.001)


@pytest.fixture
def airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    """A round that waits for people."""
    airflow = Airflow.make(tmp_path, monkeypatch)
    airflow.until_sent()
    return airflow


def waiting(airflow: Airflow, **more: Any) -> LabelsTrigger:
    """The trigger of `wait`, as Airflow makes it from what it keeps."""
    _, arguments = airflow.do("round_1", "wait").trigger.serialize()
    return LabelsTrigger(**{**arguments, "poll": 0.001, **more})


def fires(trigger: Any, meanwhile: Callable[[], object] | None = None) -> dict[str, Any]:
    """What a trigger fires with; it must not fire before `meanwhile`."""

    async def fire() -> dict[str, Any]:
        waits = asyncio.ensure_future(anext(trigger.run()))
        if meanwhile is not None:
            await asyncio.sleep(0.05)
            assert not waits.done()
            await asyncio.to_thread(meanwhile)
        return dict((await waits).payload)

    return asyncio.run(asyncio.wait_for(fire(), 60))


def test_it_fires_when_everything_is_answered(airflow: Airflow) -> None:
    trigger = waiting(airflow)
    assert fires(trigger, airflow.world.people) == {"why": "all", "answered": 40, "of": 40}
    again = LabelsTrigger(**trigger.serialize()[1])
    assert fires(again)["why"] == "all", "one that begins anew in another triggerer finds it so"


def test_it_fires_when_it_is_enough(airflow: Airflow) -> None:
    from tests.unit.plugins.annotation.test_rounds_dag import label

    trigger = waiting(airflow, enough=0.25)
    label(airflow, 9)
    assert fires(trigger, lambda: label(airflow, 1)) == {"why": "enough", "answered": 10, "of": 40}


def test_items_that_are_retired_are_waited_for_no_more(airflow: Airflow) -> None:
    from automl_core.journal import Person

    project = airflow.project
    ids = project.catalog.ids_of(project.state.batches[1].items)
    assert fires(waiting(airflow), lambda: project.retire(ids, "wrong ones", Person("anna", "cli")))["of"] == 0


def test_its_time_ends_it_also_while_the_store_hangs(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    trigger, hangs, entered = waiting(airflow, until=time.time() + 0.2), threading.Event(), threading.Event()

    def never(*_: Any, **__: Any) -> Any:
        entered.set()
        hangs.wait(60)
        raise StorageUnavailable("at last")

    monkeypatch.setattr(labels_trigger, "open_project", never)
    monkeypatch.setattr(labels_trigger, "FIRST_LOOK", 0.1)
    try:
        assert fires(trigger) == {"why": "time"}
        assert entered.is_set()
    finally:
        hangs.set()


def test_a_clock_that_is_a_day_ahead_ends_no_batch_while_the_first_look_takes_long(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    trigger, opened, slow = waiting(airflow, until=time.time() + 3600), labels_trigger.open_project, threading.Event()
    now = time.time

    def open_project(*given: Any, **more: Any) -> Any:
        slow.wait(0.3)  # longer than the first look has at least
        project = opened(*given, **more)
        project.shared.ahead = 86_400.0
        monkeypatch.setattr(project.shared, "ask", lambda newest: None)  # the journal's own clock is not a day ahead
        return project

    monkeypatch.setattr(labels_trigger, "open_project", open_project)
    monkeypatch.setattr(labels_trigger, "FIRST_LOOK", 0.1)
    monkeypatch.setattr(labels_trigger, "FIRST_LOOKS", 1_000)  # as many as it takes on a busy machine
    monkeypatch.setattr(labels_trigger, "time", SimpleNamespace(time=lambda: now() + 86_400, monotonic=time.monotonic))
    assert fires(trigger, airflow.world.people)["why"] == "all"


def test_a_store_that_is_away_ends_no_wait(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    trigger, opened = waiting(airflow), labels_trigger.open_project
    answers: list[Any] = [StorageUnavailable("away"), StorageUnavailable("away"), None]

    def open_project(*given: Any, **more: Any) -> Any:
        away = answers.pop(0)
        if away is not None:
            raise away
        return opened(*given, **more)

    airflow.world.people()
    monkeypatch.setattr(labels_trigger, "open_project", open_project)
    assert fires(trigger)["why"] == "all"
    assert not answers


def test_a_batch_that_is_gone_from_the_journal_is_waited_for_no_more(airflow: Airflow) -> None:
    assert fires(waiting(airflow, batches=[7])) == {"why": "gone"}


def test_label_studio_is_asked_off_the_event_loop_and_may_fail(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    from automl_airflow.annotation import studio

    asked: list[Any] = []

    def collect(place: Any, document: Any, say: Any, since: Any) -> float:
        asked.append((threading.current_thread() is threading.main_thread(), document["name"], since))
        if len(asked) == 1:
            raise RuntimeError("502: no server")
        if len(asked) == 3:
            airflow.world.people()
        return 7.0

    monkeypatch.setattr(studio, "collect_from_studio", collect)
    trigger = waiting(airflow, studio=airflow.file.plain(), studio_poll=0.001)
    assert fires(trigger)["why"] == "all"
    assert asked[:3] == [(False, "intents", None), (False, "intents", None), (False, "intents", 7.0)]


# --- runs -------------------------------------------------------------------------------------------


class Database:
    """What Airflow knows of runs."""

    def __init__(self, **states: str) -> None:
        self.states: dict[str, str] = dict(states)
        self.problems: list[Exception] = []

    async def count(self, dag: str, run: str, states: Any = ()) -> int:
        if self.problems:
            raise self.problems.pop()
        assert run == f"run_of_{dag}"
        state = self.states.get(dag)
        return int(state is not None and (not states or state in states))


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    database = Database(trees="running", linear="queued")
    monkeypatch.setattr(runs_trigger, "count_runs", database.count)
    return database


def waiting_for_runs() -> RunsTrigger:
    _, arguments = RunsTrigger(runs={"trees": "run_of_trees", "linear": "run_of_linear"}, poll=0.001).serialize()
    return RunsTrigger(**arguments)


@pytest.mark.parametrize("ends", ["success", "failed", None])
def test_runs_have_ended_or_are_there_no_more(database: Database, ends: str | None) -> None:
    def end() -> None:
        database.states["trees"] = "success"
        if ends is None:
            del database.states["linear"]
        else:
            database.states["linear"] = ends

    assert fires(waiting_for_runs(), end) == {"runs": {"trees": "run_of_trees", "linear": "run_of_linear"}}


def test_one_that_goes_on_is_waited_for(database: Database) -> None:
    database.states["trees"] = "failed"
    fires(waiting_for_runs(), lambda: database.states.update(linear="success"))


def test_a_database_that_is_away_ends_no_wait(database: Database) -> None:
    database.problems = [RuntimeError("away"), RuntimeError("away")]
    database.states = {"trees": "success", "linear": "success"}
    fires(waiting_for_runs())
    assert not database.problems


def test_it_fires_at_its_time_whatever_goes_on(database: Database) -> None:
    runs = {"trees": "run_of_trees", "linear": "run_of_linear"}
    trigger = RunsTrigger(**RunsTrigger(runs=runs, poll=60.0, until=time.time() + 0.2).serialize()[1])
    assert fires(trigger, lambda: None) == {"runs": runs}
    assert database.states == {"trees": "running", "linear": "queued"}
