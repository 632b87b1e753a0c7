"""Asking for retraining, with a brake against loops."""

from __future__ import annotations

import pytest

from automl_core.models.life import Braked, Refused, Source
from tests.unit.models.life.world import ANNA, DAG, World

DAY = 86_400.0
LOSS = {"cause": "loss", "worse_by": 0.03}


@pytest.fixture
def world() -> World:
    return World()


def finished(world: World, run: str) -> None:
    """A retraining from the wish to a version that was rejected."""
    life = world.open()
    asked = life.ask_retraining("churn", {"run": run}, DAG, at_most=9, within=DAY)
    life.retraining_started(asked.id, run)
    number = life.offer(*world.publish(run), DAG).number
    life.reject(number, world.evaluated(number, run), ANNA)


def test_a_version_is_linked_with_why_it_was_trained(world: World) -> None:
    life = world.open()
    asked = life.ask_retraining("churn", LOSS, DAG, at_most=2, within=7 * DAY)
    assert (asked.id, asked.reason, asked.by, asked.run) == (1, LOSS, DAG, "")
    assert life.ask_retraining("churn", LOSS, DAG, at_most=2, within=7 * DAY) == asked  # the answer had been lost
    life.retraining_started(asked.id, "r9")
    assert life.retraining_started(asked.id, "r9").run == "r9"
    version = life.offer(*world.publish("r9"), DAG)
    done = life.state.retrainings[1]
    assert (version.retraining, done.version, done.outcome, done.ended) == (1, 1, "version 1", world.clock.now)


def test_it_is_linked_though_the_start_is_told_after_the_offer(world: World) -> None:
    life = world.open()
    asked = life.ask_retraining("churn", LOSS, DAG, at_most=2, within=7 * DAY)
    life.offer(*world.publish("r9"), DAG)
    assert life.retraining_started(asked.id, "r9").version == 1
    assert life.state.version(1).retraining == 1


def test_one_at_a_time_even_by_hand(world: World) -> None:
    life = world.open()
    life.ask_retraining("churn", LOSS, DAG, at_most=2, within=DAY)
    with pytest.raises(Braked, match="retraining 1 of churn was asked for already, and its run has not started") as e:
        life.ask_retraining("churn", {"cause": "hand"}, ANNA, at_most=2, within=DAY)
    assert (e.value.by, e.value.until) == (DAG, None)
    life.retraining_started(1, "r9")
    with pytest.raises(Braked, match="its run r9 goes on"):
        life.ask_retraining("churn", {"cause": "hand"}, ANNA, at_most=2, within=DAY)
    life.ask_retraining("other", LOSS, DAG, at_most=2, within=DAY)
    life.retraining_ended(1, "it failed: no data")
    life.retraining_ended(1, "it failed: no data")
    with pytest.raises(Refused, match="retraining 1 is over: it failed: no data"):
        life.retraining_started(1, "r10")
    life.ask_retraining("churn", {"cause": "hand"}, ANNA, at_most=2, within=DAY)


def test_no_more_than_so_many_in_so_long_and_it_is_said_until_when(world: World) -> None:
    began = world.clock.now
    for run in ("r1", "r2"):
        finished(world, run)
        world.clock.now += 3600
    life = world.open()
    with pytest.raises(Braked, match=r"retrained 2 times within 7d 00h, and 2 are allowed: possible again at") as e:
        life.ask_retraining("churn", LOSS, DAG, at_most=2, within=7 * DAY)
    assert e.value.until == began + 7 * DAY
    life.ask_retraining("other", LOSS, DAG, at_most=2, within=7 * DAY)
    world.clock.now = e.value.until - 1
    with pytest.raises(Braked):
        life.ask_retraining("churn", LOSS, DAG, at_most=2, within=7 * DAY)
    world.clock.now += 1
    assert life.ask_retraining("churn", LOSS, DAG, at_most=2, within=7 * DAY).id == 4


def test_by_hand_the_count_is_no_brake(world: World) -> None:
    finished(world, "r1")
    assert world.open().ask_retraining("churn", {"cause": "hand"}, ANNA, at_most=1, within=DAY).id == 2


def test_none_without_a_person_where_none_is_allowed(world: World) -> None:
    with pytest.raises(Braked, match="no retraining of churn is allowed without a person"):
        world.open().ask_retraining("churn", LOSS, DAG, at_most=0, within=DAY)


def test_not_while_nobody_has_decided_on_what_came_of_it(world: World) -> None:
    life = world.open()
    life.offer(*world.publish("r1"), DAG)
    life.offer(Source("memory://elsewhere", "other", "r1"), world.publish("o1")[1], DAG)
    with pytest.raises(Braked, match="version 1 came of churn and nobody has decided on it yet") as e:
        life.ask_retraining("churn", LOSS, DAG, at_most=2, within=DAY)
    assert (e.value.by, e.value.until) == (DAG, None)
    assert life.ask_retraining("churn", {"cause": "hand"}, ANNA, at_most=2, within=DAY).id == 1


def test_another_runs_start_is_refused(world: World) -> None:
    life = world.open()
    life.ask_retraining("churn", LOSS, DAG, at_most=2, within=DAY)
    life.retraining_started(1, "r9")
    with pytest.raises(Refused, match="retraining 1 has started as r9"):
        life.retraining_started(1, "r10")
    with pytest.raises(Refused, match="there is no retraining 7"):
        life.retraining_started(7, "r10")
