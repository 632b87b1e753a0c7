"""The trigger of a rollout, with guards that say what they are told to: it goes on whatever happens, and ends once."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from automl_airflow import triggers
from automl_airflow.models import roll_trigger
from automl_airflow.models.alerts import TakenBack
from automl_airflow.models.roll_trigger import RolloutGone, RolloutTrigger
from automl_airflow.threads import OF_LOOKS
from automl_core.models.life import Person, VersionState
from automl_core.models.rollout import Counts, Tally, View, write_tally
from automl_core.storage.base import StorageUnavailable
from tests.unit.plugins.models.rolling import SERVERS, Airflow
from tests.unit.plugins.models.views import ended, view

Says = View | Exception


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triggers, "LEAST_WAIT", 0.0)


class Guards:
    """Guards of one rollout, one after the other: each begins where the one before has come to."""

    def __init__(self, says: Iterable[Says]) -> None:
        self.says = list(says)
        self.begun = self.closed = 0
        self.during: Callable[[], None] | None = None

    def close(self) -> None:
        """It is not asked any more."""
        self.closed += 1

    def look(self) -> View:
        """What is to be said next."""
        if self.during is not None:
            self.during()
        said = self.says.pop(0)
        if isinstance(said, Exception):
            raise said
        return said


def trigger_of(monkeypatch: pytest.MonkeyPatch, guards: Guards, **more: Any) -> RolloutTrigger:
    arguments: dict[str, Any] = {
        "storage": "file:///nowhere", "connection": None, "model": "churn", "rollout": 1, "version": 2, "rules": {},
        "every": 0.001, **more,
    }  # fmt: skip
    made = RolloutTrigger(**arguments)

    def begin() -> Any:
        guards.begun += 1
        return guards

    monkeypatch.setattr(made, "_begin", begin)
    return made


def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What comes into the task's log from now on."""
    lines: list[str] = []
    monkeypatch.setattr("automl_airflow.task_log.TaskLog.say", lambda _, text, level="info": lines.append(text))
    return lines


def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What people are told from now on."""
    bodies: list[dict[str, Any]] = []
    monkeypatch.setattr("automl_airflow.alerts.send", lambda alerts, body: bodies.append(body))
    return bodies


def events(trigger: RolloutTrigger) -> list[dict[str, Any]]:
    async def run() -> list[dict[str, Any]]:
        return [dict(event.payload) async for event in trigger.run()]

    return asyncio.run(asyncio.wait_for(run(), 60))


ALERTS = {"url_connection": "chat", "on": ["in_use", "taken_back", "waiting"]}


def test_it_looks_until_the_end_and_says_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies, lines = sent(monkeypatch), said(monkeypatch)
    guards = Guards([view(), view(), ended("promoted", "good")])
    assert events(trigger_of(monkeypatch, guards, alerts=ALERTS)) == [
        {"rollout": 1, "outcome": "promoted", "why": "good"}
    ]
    assert (guards.says, guards.begun) == ([], 1)
    assert [(each["on"], each["text"], each["version"]) for each in bodies] == [
        ("in_use", "churn: version 2 is in use (good)", 2)
    ]
    assert lines == [
        "looking at rollout 1, of version 2, about every 0.001 s", "version 2 answers 50 %",
        "version 2 is in use (good)",
    ]  # fmt: skip


def test_a_store_that_is_away_is_waited_for_and_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = said(monkeypatch)
    guards = Guards([view(), *[StorageUnavailable("no answer")] * 5, view(), ended("taken_back")])
    assert events(trigger_of(monkeypatch, guards))[0]["outcome"] == "taken_back"
    assert guards.begun == 6, "after each failure from what is written"
    assert guards.closed == 5
    away = [line for line in lines if "can't be looked at" in line]
    assert away == [
        "the rollout can't be looked at now, and is tried again until it can: StorageUnavailable: no answer"
    ]
    assert sum("looked at again" in line for line in lines) == 1


def test_not_even_a_fault_of_ours_leaves_a_rollout_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = said(monkeypatch)
    guards = Guards([ZeroDivisionError("so much for that"), ended("stopped")])
    assert events(trigger_of(monkeypatch, guards))[0]["outcome"] == "stopped"
    assert any("ZeroDivisionError: so much for that" in line for line in lines)


def test_people_are_told_where_nobody_could_look_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = sent(monkeypatch)
    monkeypatch.setattr(roll_trigger, "TELL_EVERY", 0.0)
    guards = Guards([*[StorageUnavailable("no answer")] * 3, ended("promoted")])
    events(trigger_of(monkeypatch, guards, alerts=ALERTS))
    assert [each["on"] for each in bodies] == ["waiting", "in_use"], "once for each time that it was away"
    assert "nobody has looked at the rollout of version 2" in bodies[0]["text"]


def test_people_are_told_of_a_storage_that_hangs_though_it_raises_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    told = threading.Event()
    bodies: list[dict[str, Any]] = []

    def send(alerts: Any, body: dict[str, Any]) -> None:
        bodies.append(body)
        told.set()

    monkeypatch.setattr("automl_airflow.alerts.send", send)
    monkeypatch.setattr(roll_trigger, "TELL_EVERY", 0.01)
    guards = Guards([ended("promoted")])
    guards.during = lambda: None if told.wait(60) else pytest.fail("nobody was told while a look hung")
    assert events(trigger_of(monkeypatch, guards, alerts=ALERTS))[0]["outcome"] == "promoted"
    assert [each["on"] for each in bodies] == ["waiting", "in_use"], "once"
    assert "file:///nowhere does not answer" in bodies[0]["text"]


def test_a_rollout_of_the_same_number_that_is_another_versions_is_not_looked_at(rollout: Airflow) -> None:
    trigger = again(rollout.do("run2", "roll").trigger)
    trigger.version = 7  # the folder was emptied, and filled anew
    assert "has no rollout 1 of version 7" in events(trigger)[0]["gone"]


def test_an_alert_that_hangs_holds_up_no_look(monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = threading.Event()
    monkeypatch.setattr("automl_airflow.alerts.send", lambda alerts, body: hangs.wait())
    monkeypatch.setattr(roll_trigger, "TOLD_WITHIN", 0.0)
    try:
        guards = Guards([view(held=True), view(held=True), ended("taken_back")])
        assert events(trigger_of(monkeypatch, guards, alerts=ALERTS))[0]["outcome"] == "taken_back"
    finally:
        hangs.set()


def test_a_rollout_that_is_not_in_the_journal_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    guards = Guards([view(), StorageUnavailable("away"), RolloutGone("the journal of churn has no rollout 1")])
    assert events(trigger_of(monkeypatch, guards)) == [{"rollout": 1, "gone": "the journal of churn has no rollout 1"}]


def test_what_is_missing_in_the_bucket_is_found_out(tmp_path: Path) -> None:
    trigger = RolloutTrigger(
        storage=f"file://{tmp_path}", connection=None, model="churn", rollout=1, version=2, rules={}, every=0.001
    )
    assert events(trigger)[0]["gone"].startswith("the journal of churn has no rollout 1 of version 2")


def test_a_marked_task_leaves_a_rollout_to_nobody_which_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    bodies = sent(monkeypatch)
    trigger = trigger_of(monkeypatch, Guards([]), alerts=ALERTS)
    asyncio.run(trigger.on_kill())
    assert [each["on"] for each in bodies] == ["waiting"]
    assert "nobody looks at the rollout any more" in bodies[0]["text"]


def test_hundreds_share_a_few_threads_and_slow_ones_starve_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    said(monkeypatch)  # the log's bounded rate is not what this is about
    goes_on, used = threading.Event(), set[str]()

    def note() -> None:
        used.add(threading.current_thread().name)

    def wait() -> None:
        assert goes_on.wait(60)

    slow = [Guards([view(), view(), ended("promoted")]) for _ in range(OF_LOOKS + 2)]
    quick = [Guards([view(), view(), ended("promoted")]) for _ in range(200)]
    for each in quick:
        each.during = note
    made = [trigger_of(monkeypatch, each) for each in slow]
    for trigger in made:
        trigger._took = roll_trigger.SLOW + 1  # as its looks before
    for each in slow:
        each.during = wait

    async def run(trigger: RolloutTrigger) -> Any:
        return [event.payload async for event in trigger.run()]

    async def everything() -> None:
        waits = [asyncio.ensure_future(run(each)) for each in made]
        found = await asyncio.gather(*(run(trigger_of(monkeypatch, each)) for each in quick))
        assert [each[0]["outcome"] for each in found] == ["promoted"] * 200
        assert not any(each.done() for each in waits), "while all slow ones hung in their looks"
        goes_on.set()
        await asyncio.gather(*waits)

    asyncio.run(asyncio.wait_for(everything(), 120))
    assert 1 <= len(used) <= OF_LOOKS
    assert all(name.startswith("automl file:///nowhere rollouts") for name in used), used


# --- with the guard itself, on a journal in a folder --------------------------------------------------------------


@pytest.fixture
def rollout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    """A model whose version 2 is rolling out beside version 1."""
    airflow = Airflow.make(tmp_path, monkeypatch, more=SERVERS)
    for number in (1, 2):
        airflow.publish(f"r{number}", at=1000.0 * number)
        run = airflow.begin(f"run{number}")
        airflow.do(run, "offer")
        digest = airflow.evidence(number, champion=airflow.life.state.champion, stated=number)
        airflow.life.accept(number, digest, Person("anna", "cli"))
        airflow.do(run, "deploy")
    return airflow


def again(trigger: RolloutTrigger) -> RolloutTrigger:
    """The trigger as another triggerer makes it, from what Airflow keeps."""
    arguments = json.loads(json.dumps(trigger.serialize()[1]))
    return RolloutTrigger(**arguments | {"every": 0.001})


def counted(airflow: Airflow, place: int, champion: Counts, challenger: Counts, step: int = 0) -> None:
    """What a server has counted of both."""
    now = time.time()
    tally = Tally(1, step, "srv", place, now - 1, now, {1: champion, 2: challenger})
    write_tally(airflow.life.store, "churn", tally)


def test_a_triggerer_that_dies_loses_nothing_of_what_was_counted(rollout: Airflow) -> None:
    first = again(rollout.do("run2", "roll").trigger)
    counted(rollout, 1, Counts(60), Counts(60, 3))

    async def die() -> None:
        events = first.run()
        dies = asyncio.ensure_future(anext(events))
        while first._before is None or not first._before["answers"].get("challenger"):
            await asyncio.sleep(0.001)
        dies.cancel()
        await asyncio.gather(dies, return_exceptions=True)
        await first.cleanup()

    asyncio.run(asyncio.wait_for(die(), 60))
    assert rollout.life.state.rollout is not None
    counted(rollout, 2, Counts(60), Counts(60, 20))
    (event,) = events(again(first))
    assert event["outcome"] == "taken_back"
    assert "of 120 answers" in event["why"], "what the first one took in counts too"
    found = rollout.life.state
    assert (found.champion, found.shares_now(), found.version(2).state) == (1, {1: 1.0}, VersionState.TAKEN_BACK)
    with pytest.raises(TakenBack, match="of 120 answers"):
        rollout.go_on_with("run2", "roll", event)


def test_it_ends_by_itself_when_a_person_has_ended_the_rollout(rollout: Airflow) -> None:
    trigger = again(rollout.do("run2", "roll").trigger)
    rollout.life.take_back(2, Person("anna", "cli"), "second thoughts")
    assert events(trigger) == [{"rollout": 1, "outcome": "taken_back", "why": "second thoughts"}]


def test_no_wait_is_so_short_that_the_scheduler_takes_it_for_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(triggers, "LEAST_WAIT", 1000.0)
    monkeypatch.setattr("automl_airflow.models.roll_trigger.asyncio.sleep", sleep)
    assert events(trigger_of(monkeypatch, Guards([ended("promoted")])))
    assert max(slept) == pytest.approx(1000.0, abs=60.0)
