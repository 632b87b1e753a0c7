"""Three kinds of fault at every call of every act: killed before it, killed after it, its answer lost.

Then another process, or the same one, does the act again; and somebody else does the opposite in between. What must
hold: never in use without acceptance, never two answers, no interval scored twice or skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache

import pytest

from automl_core.journal import Record
from automl_core.models.life import ModelLife, Refused, VersionState, interval_key, news
from automl_core.storage.base import StorageUnavailable
from tests.support.memory_store import MemoryStore
from tests.unit.models.life.test_properties import hold_to_rules
from tests.unit.models.life.world import ANNA, BEN, DAG, STEPS, DyingStore, Killed, World, evidence

S = VersionState
DAY = 86_400.0


def offer(world: World, life: ModelLife) -> None:
    life.offer(*world.publish("new"), DAG)


def evaluate(world: World, life: ModelLife) -> None:
    life.evaluated(2, evidence(2, life.refresh().champion, "new"))


def ask(world: World, life: ModelLife) -> None:
    life.ask(2, digest(world), until=world.clock.now + 100, run="version_2")


def accept(world: World, life: ModelLife) -> None:
    life.accept(2, digest(world), ANNA, "good")


def reject(world: World, life: ModelLife) -> None:
    life.reject(2, digest(world), BEN, "bad")


def use(world: World, life: ModelLife) -> None:
    life.put_in_use(2, DAG)


def take_back(world: World, life: ModelLife) -> None:
    life.take_back(2, ANNA, "wrong on holidays")


def retire(world: World, life: ModelLife) -> None:
    life.retire(2, ANNA, "old")


def score(world: World, life: ModelLife) -> None:
    champion = life.refresh().champion
    assert champion is not None
    claim = life.begin_interval(interval_key(0, DAY), 0, DAY, champion, run="a")
    if not claim.scored:
        life.end_interval(claim, rows=10, out=f"out/{claim.attempt}", digest="d")


def begin(world: World, life: ModelLife) -> None:
    life.begin_rollout(2, DAG, STEPS)


def step(world: World, life: ModelLife) -> None:
    life.step_rollout(1, 1, DAG, expected=0)


def hold(world: World, life: ModelLife) -> None:
    life.hold_rollout(1, True, ANNA)


def digest(world: World) -> str:
    return world.open().state.version(2).evidence[-1].digest


WAY = [offer, evaluate, ask, accept, use, score, take_back, score, retire]
"""From nothing new to set aside, with version 1 in use before and after."""

ROLLED = [offer, evaluate, accept, begin, step, hold, take_back]
PROMOTED = [offer, evaluate, accept, begin, step, use]
"""The same with a rollout, which is taken back, or comes to its end."""

WAYS = {"plain": WAY, "rolled": ROLLED, "promoted": PROMOTED}

EVERY = [(name, place) for name, way in WAYS.items() for place in range(len(way))]

AFTER = {
    offer: S.OFFERED, evaluate: S.EVALUATED, ask: S.ASKED, accept: S.ACCEPTED, begin: S.ROLLING_OUT,
    step: S.ROLLING_OUT, hold: S.ROLLING_OUT, use: S.IN_USE, retire: S.RETIRED, take_back: S.TAKEN_BACK,
}  # fmt: skip


@cache
def objects_at(name: str, place: int) -> Mapping[str, bytes]:
    """What lies in the store before a step of a way."""
    world = World()
    world.in_use("r0")
    for act in WAYS[name][:place]:
        act(world, world.open())
    assert isinstance(world.store, MemoryStore)
    return world.store.objects


def at_step(place: int, name: str = "plain") -> World:
    """A world of its own before a step of a way."""
    store = MemoryStore()
    store.objects.update(objects_at(name, place))
    return World(store)


@pytest.mark.parametrize("how", ["before", "after", "lost"])
@pytest.mark.parametrize(
    ("name", "place"), EVERY, ids=[f"{name}-{place}-{WAYS[name][place].__name__}" for name, place in EVERY]
)
def test_an_act_that_breaks_off_anywhere_is_made_good_by_doing_it_again(name: str, place: int, how: str) -> None:
    act, at = WAYS[name][place], 0
    while True:
        at += 1
        world = at_step(place, name)
        dying = DyingStore(world.store, at, how)
        with suppress(Killed, StorageUnavailable):
            act(world, world.open(dying))
            if dying.calls < at:
                break  # there is no such call: all of them were tried
        act(world, world.open())
        life = world.open()
        records = list(life.journal.records())
        hold_to_rules(records)
        assert not life.state.skipped
        wanted = at_step(place + 1, name).open()
        assert told(records) == told(list(wanted.journal.records()))
        if act in AFTER:
            assert life.state.version(2).state is AFTER[act]
        assert life.state.scoring.totals == wanted.state.scoring.totals
        assert life.state.rollouts == wanted.state.rollouts
        assert news.told(world.store).get("churn", 0) == newest_told(records)
    assert at > 3


def newest_told(records: list[Record]) -> int:
    """The place of the newest record that followers have to hear of; who wrote it may have died before it told."""
    return max((each.seq for each in records if each.kind in news.CHANGING), default=0)


OPPOSITES = [(use, take_back), (take_back, use), (step, take_back), (take_back, step), (hold, use), (use, hold)]


@pytest.mark.parametrize(("first", "second"), OPPOSITES, ids=[f"{a.__name__}-{b.__name__}" for a, b in OPPOSITES])
@pytest.mark.parametrize("how", ["before", "after", "lost"])
def test_a_person_and_a_guard_at_once_of_whom_one_breaks_off(
    first: Callable[[World, ModelLife], None], second: Callable[[World, ModelLife], None], how: str
) -> None:
    """Whoever is first, the shares are those of what stands in the journal, and nobody's word is lost unsaid."""
    for at in range(1, 9):
        world = at_step(4, "rolled")
        with suppress(Killed, StorageUnavailable):
            first(world, world.open(DyingStore(world.store, at, how)))
        for act in (second, first):
            with suppress(Refused):
                act(world, world.open())
        life = world.open()
        records = list(life.journal.records())
        hold_to_rules(records)
        assert not life.state.skipped
        kinds = [each.kind for each in records[-3:]]
        if take_back in (first, second):
            assert life.state.version(2).state is S.TAKEN_BACK
            assert life.state.shares_now() == {1: 1.0}
            assert "taken_back" in kinds


@pytest.mark.parametrize(("first", "second"), [(accept, reject), (reject, accept)])
@pytest.mark.parametrize("how", ["before", "after", "lost"])
def test_two_answers_at_once_of_which_one_breaks_off(
    first: Callable[[World, ModelLife], None], second: Callable[[World, ModelLife], None], how: str
) -> None:
    for at in range(1, 9):
        world = at_step(3)
        with suppress(Killed, StorageUnavailable):
            first(world, world.open(DyingStore(world.store, at, how)))
        for act in (second, first):
            with suppress(Refused):
                act(world, world.open())
        assert len(world.open().state.version(2).decisions) == 1
        hold_to_rules(list(world.open().journal.records()))


def told(records: list[Record]) -> list[str]:
    """Kinds of records; a claim that was taken over is told once more, and counts once."""
    return [record.kind for record in records if record.kind != "interval_begun"]


def test_the_way_comes_through_all_its_states() -> None:
    state = at_step(len(WAY)).open().state
    ways = {number: [each.state for each in version.moves] for number, version in state.versions.items()}
    begin = [S.OFFERED, S.EVALUATED]
    assert ways[2] == [*begin, S.ASKED, S.ACCEPTED, S.IN_USE, S.TAKEN_BACK, S.RETIRED]
    assert ways[1] == [*begin, S.ACCEPTED, S.IN_USE, S.REPLACED, S.IN_USE]
