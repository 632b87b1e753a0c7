"""Many at the same moment, over a real folder: the store decides, and all but one are told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from automl_core.models.life import ModelLife, Person, Refused, RolloutOpen, VersionState, interval_key
from automl_core.storage import open_store
from tests.unit.models.life.test_properties import hold_to_rules
from tests.unit.models.life.world import ANNA, STEPS, World

DAY = 86_400.0
MANY = 6


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(open_store(str(tmp_path)))


def at_once(world: World, act: Callable[[ModelLife, int], Any]) -> list[Any]:
    """What each of many gets who act at the same moment on the same state; a refusal is what it got."""
    lives, gate = [world.open() for _ in range(MANY)], threading.Barrier(MANY)

    def one(number: int) -> Any:
        gate.wait()
        try:
            return act(lives[number], number)
        except Refused as refused:
            return refused

    with ThreadPoolExecutor(MANY) as pool:
        return list(pool.map(one, range(MANY)))


def test_of_many_promotions_one_wins_and_the_others_are_told(world: World) -> None:
    versions = [world.offered(f"r{number}") for number in range(MANY)]
    for version in versions:
        world.open().accept(version, world.evaluated(version), ANNA)
    got = at_once(world, lambda life, n: life.put_in_use(versions[n], Person(f"person {n}", "rest")))
    won = [each for each in got if not isinstance(each, Refused)]
    assert len(won) == 1
    winner = won[0].by
    assert [(each.by, each.when) for each in got if isinstance(each, Refused)] == [(winner, won[0].time)] * (MANY - 1)
    state = world.open().state
    assert [each.state for each in state.versions.values()].count(VersionState.IN_USE) == 1
    assert (state.champion, len(state.shares), state.skipped) == (won[0].champion, 1, {})


def test_of_many_who_begin_a_rollout_one_does_and_the_others_are_told_whose(world: World) -> None:
    world.in_use("r0")
    versions = [world.accepted(f"v{number}") for number in range(MANY)]
    got = at_once(world, lambda life, n: life.begin_rollout(versions[n], Person(f"person {n}", "rest"), STEPS))
    won = [each for each in got if not isinstance(each, Refused)]
    assert len(won) == 1
    others = [each for each in got if isinstance(each, Refused)]
    assert all(isinstance(each, RolloutOpen) and each.rollout.version == won[0].version for each in others)
    assert {(each.by, each.when) for each in others} == {(won[0].by, won[0].begun)}
    state = world.open().state
    assert (len(state.rollouts), state.skipped) == (1, {})


def test_of_many_who_do_different_things_to_a_rollout_what_stands_is_one_story(world: World) -> None:
    for again in range(3):
        if world.open().state.champion is None:
            world.in_use(f"c{again}")
        world.rolling(f"v{again}")
        id, version = again + 1, world.open().state.rollouts[again + 1].version
        champion = world.open().state.champion
        assert champion is not None
        acts: list[Callable[[ModelLife, Person], Any]] = [
            lambda life, by, id=id: life.step_rollout(id, 1, by),  # type: ignore[misc]
            lambda life, by, version=version: life.put_in_use(version, by),  # type: ignore[misc]
            lambda life, by, version=version: life.take_back(version, by, "bad"),  # type: ignore[misc]
            lambda life, by, id=id: life.hold_rollout(id, True, by),  # type: ignore[misc]
            lambda life, by, id=id: life.step_rollout(id, 2, by, expected=1),  # type: ignore[misc]
            lambda life, by, champion=champion: life.take_back(champion, by, "both are bad"),  # type: ignore[misc]
        ]
        at_once(world, lambda life, n, acts=acts: acts[n](life, Person(f"person {n}", "rest")))  # type: ignore[misc]
        life = world.open()
        assert not life.state.skipped
        hold_to_rules(list(life.journal.records()))
        assert not life.state.rollouts[id].open  # somebody has ended it, whoever was first
        shares = life.state.shares_now()
        assert sum(shares.values()) == (1.0 if shares else 0)
        assert life.state.champion in (*shares, None)


def test_of_many_answers_one_stands(world: World) -> None:
    version = world.offered()
    digest = world.evaluated(version)

    def answer(life: ModelLife, number: int) -> Any:
        return (life.accept if number % 2 else life.reject)(version, digest, Person(f"person {number}", "rest"))

    got = at_once(world, answer)
    given = [each for each in got if not isinstance(each, Refused)]
    assert len(given) == 1
    assert world.open().state.version(version).decisions == given
    assert {each.by for each in got if isinstance(each, Refused)} == {given[0].by}


def test_of_many_who_score_an_interval_one_counts(world: World) -> None:
    world.in_use()

    def score(life: ModelLife, number: int) -> Any:
        claim = life.begin_interval(interval_key(0, DAY), 0, DAY, 1, run=f"run {number}")
        if not claim.scored:
            life.end_interval(claim, rows=10, out=f"out/{number}", digest=str(number))
        return claim

    got = at_once(world, score)
    assert len([each for each in got if not isinstance(each, Refused) and not each.scored]) == 1
    totals = world.open().state.scoring.totals[1]
    assert (totals.intervals, totals.rows) == (1, 10)


def test_many_results_offered_at_once_are_versions_with_numbers_in_a_row(world: World) -> None:
    results = [world.publish(f"r{number}") for number in range(MANY)]
    got = at_once(world, lambda life, n: life.offer(*results[n], ANNA))
    assert sorted(each.number for each in got) == list(range(1, MANY + 1))
    state = world.open().state
    for version in state.versions.values():
        data = world.store.get(f"{version.model.prefix}model/weights.bin")
        assert data == f"{version.source.run} model/weights.bin".encode()
    folders = {key.split("/")[3] for key in world.store.list("_models/churn/versions/")}
    assert folders == {each.model.prefix.split("/")[3] for each in state.versions.values()}
