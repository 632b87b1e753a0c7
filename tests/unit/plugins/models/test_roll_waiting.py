"""Waiting for the end of another version's rollout."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from automl_airflow import triggers
from automl_airflow.models import opening, roll_waiting
from automl_airflow.models.roll_waiting import RolloutOverTrigger
from automl_core.models.life import Person
from automl_core.storage.base import StorageUnavailable
from tests.unit.plugins.models.rolling import SERVERS, Airflow

ANNA = Person("anna", "cli")


@pytest.fixture
def airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    """A model whose version 2 is rolling out, and whose version 3 was accepted."""
    monkeypatch.setattr(triggers, "LEAST_WAIT", 0.0)
    airflow = Airflow.make(tmp_path, monkeypatch, more=SERVERS)
    for number in (1, 2, 3):
        airflow.publish(f"r{number}", at=1000.0 * number)
        run = airflow.begin(f"run{number}")
        airflow.do(run, "offer")
        digest = airflow.evidence(number, champion=airflow.life.state.champion, stated=number)
        airflow.life.accept(number, digest, ANNA)
        if number < 3:
            airflow.do(run, "deploy")
    return airflow


def waiting(airflow: Airflow) -> RolloutOverTrigger:
    """The trigger of version 3's `deploy`, as Airflow makes it from what it keeps."""
    _, arguments = airflow.do("run3", "deploy").trigger.serialize()
    return RolloutOverTrigger(**{**arguments, "poll": 0.001})


def fires(trigger: RolloutOverTrigger, meanwhile: Any = None) -> dict[str, Any]:
    async def fire() -> dict[str, Any]:
        waits = asyncio.ensure_future(anext(trigger.run()))
        if meanwhile is not None:
            await asyncio.sleep(0.05)
            assert not waits.done()
            meanwhile()
        return dict((await waits).payload)

    return asyncio.run(asyncio.wait_for(fire(), 60))


def test_it_fires_when_the_rollout_has_ended(airflow: Airflow) -> None:
    end = waiting(airflow)
    assert fires(end, lambda: airflow.life.take_back(2, ANNA, "slow")) == {"rollout": 1}
    assert fires(waiting_again(end)) == {"rollout": 1}, "one who comes late finds it so"


def waiting_again(trigger: RolloutOverTrigger) -> RolloutOverTrigger:
    return RolloutOverTrigger(**trigger.serialize()[1])


def test_a_store_that_is_away_ends_no_wait(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    trigger, opened = waiting(airflow), opening.open_life
    airflow.life.put_in_use(2, ANNA, "good")
    answers: list[Any] = [StorageUnavailable("away"), None]

    def open_life(*given: Any, **more: Any) -> Any:
        away = answers.pop(0)
        if away is not None:
            raise away
        return opened(*given, **more)

    monkeypatch.setattr(roll_waiting, "open_life", open_life)
    monkeypatch.setattr("automl_airflow.waiting.FIRST_PAUSE", 0.001)
    assert fires(trigger) == {"rollout": 1}
    assert not answers


def test_what_is_gone_from_the_journal_is_waited_for_no_more(airflow: Airflow) -> None:
    _, arguments = waiting(airflow).serialize()
    assert fires(RolloutOverTrigger(**{**arguments, "rollout": 7})) == {"rollout": 7}
