"""Every tally is counted once and every act done once: killed at any call, two guards at once, restarted."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import ClassVar, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.models.life.rollouts import Step
from automl_core.models.rollout import read_view
from automl_core.models.rollout.layout import newest_after
from automl_core.models.rollout.looks import KEPT, Checkpoint, read_checkpoint
from automl_core.models.rollout.rules import Rules
from automl_core.storage.base import ObjectStore, StorageError, StorageUnavailable
from automl_core.storage.wrapper import StoreWrapper
from tests.support.examples import examples
from tests.support.memory_store import MemoryStore
from tests.unit.models.life.world import ANNA, DyingStore, Killed
from tests.unit.models.rollout.rollouts import CHALLENGER, Rolling

T = TypeVar("T")
LONG = (Step(0.5, 1e9), Step(1.0, 1e9))
HOW = ("before", "after", "lost")


class Between(StoreWrapper):
    """Has something done at the n-th call, by somebody else."""

    def __init__(self, inner: ObjectStore, at: int, do: Callable[[], object]) -> None:
        super().__init__(inner)
        self.at, self.do, self.calls = at, do, 0

    def _call(self, operation: str, key: str, call: Callable[[], T]) -> T:
        self.calls += 1
        if self.calls == self.at:
            self.do()
        return call()


def newest(world: Rolling) -> Checkpoint:
    number, _ = newest_after(world.store, "churn", world.id, 0)
    found = read_checkpoint(world.store, "churn", world.id, number)
    assert found is not None
    return found


def settled(world: Rolling) -> Checkpoint:
    guard = world.guard()
    guard.look()
    guard.look()
    assert world.tallies() == []
    return newest(world)


writes = st.tuples(st.just("write"), st.sampled_from("abc"), st.integers(1, 9))
dies = st.tuples(st.just("dies"), st.sampled_from(HOW), st.integers(1, 24))
meanwhile = st.tuples(st.just("meanwhile"), st.integers(1, 20), st.integers(1, 9))
looks = st.tuples(st.just("look"), st.sampled_from((0, 1)))
stalls = st.tuples(st.just("stalls"), st.integers(1, 14), st.integers(1, 9))


@given(st.lists(st.one_of(writes, dies, meanwhile, looks, stalls), min_size=1, max_size=14))
@settings(max_examples=examples(60), deadline=None)
def test_no_tally_is_lost_or_counted_twice(acts: list[tuple[str, int | str, int]]) -> None:
    world = Rolling(steps=LONG)
    told = 0
    guards = [world.guard(), world.guard()]

    def write(server: str, answers: int) -> None:
        nonlocal told
        world.tally((answers, 0), (answers, 0), server=f"srv-{server}")
        told += answers

    for act in acts:
        world.clock.now += 1
        if act[0] == "write":
            write(str(act[1]), int(act[2]))
        elif act[0] == "look":
            guards[int(act[1])].look()
        elif act[0] == "dies":
            with suppress(Killed, StorageUnavailable):
                world.guard(DyingStore(world.store, int(act[2]), str(act[1]))).look()
        elif act[0] == "meanwhile":  # another guard looks, and a server writes, in the middle of a look

            def others(answers: int = int(act[2])) -> None:
                write("d", answers)
                guards[0].look()

            world.guard(Between(world.store, int(act[1]), others)).look()
        else:  # a guard sleeps for longer than looks are kept

            def much(answers: int = int(act[2])) -> None:
                for _ in range(KEPT + 3):
                    write("e", answers)
                    guards[1].look()
                write("e", answers)  # that one may see, though the others have not

            world.guard(Between(world.store, int(act[1]), much)).look()
    found = settled(world)
    assert found.evidence.champion.answers == found.evidence.challenger.answers == told
    assert found.evidence.errors.answers == (told, told)
    assert sum(each.answers for each in found.heard.values()) == 2 * told


def test_what_a_sleeper_takes_in_behind_the_others_backs_is_not_lost() -> None:
    world = Rolling(steps=LONG)
    other = world.guard()
    other.look()

    def meanwhile() -> None:
        for _ in range(KEPT + 3):
            world.tally((1, 0), (1, 0))
            other.look()
        world.tally((50, 0), (50, 0))

    store = Between(world.store, 0, meanwhile)
    sleeper = world.guard(store)
    sleeper.look()
    world.tally((1, 0), (1, 0))
    store.at = store.calls + 5  # the journal, the tallies, one of them, the looks; and before its own is written
    sleeper.look()
    assert "0000000002.json" in world.looks()[0], "it has made a look that had been there"
    sleeper.look()
    assert settled(world).evidence.champion.answers == KEPT + 4 + 50


def guarded(world: Rolling, store: ObjectStore) -> None:
    """Looks until the end, by guards of which one dies or loses an answer."""
    guard = None
    for _ in range(8):
        try:
            guard = guard or world.guard(store)
            if guard.look().ended:
                world.guard().look()
                assert world.tallies() == []
                return
        except Killed:
            guard = None  # another process
        except StorageError:
            continue  # the same one goes on
    raise AssertionError("it never ended")


@pytest.mark.parametrize("how", HOW)
def test_a_rollout_that_is_killed_at_each_of_its_calls_ends_as_if_nothing_had_been(how: str) -> None:
    for at in range(1, 500):
        world = Rolling(steps=(Step(0.5, 0.0), Step(1.0, 0.0)), rules=Rules(least=10))
        world.tally((10, 0), (10, 0), step=0, server="srv-a")
        world.tally((11, 0), (10, 0), step=0, server="srv-b")
        world.tally((0, 0), (10, 0), step=1, server="srv-b")
        store = DyingStore(world.store, at, how)
        guarded(world, store)
        assert [each.what for each in world.rollout.acts] == ["begun", "step", "promoted"], at
        found = newest(world)
        assert (found.folded, found.evidence.champion.answers, found.evidence.challenger.answers) == (3, 21, 30), at
        assert found.view["outcome"] == "promoted"
        if store.calls < at:
            return
    raise AssertionError("it has more calls than were tried")


@pytest.mark.parametrize("how", HOW)
def test_a_take_back_that_is_killed_at_each_of_its_calls_is_one_record(how: str) -> None:
    for at in range(1, 500):
        world = Rolling(steps=LONG)
        world.tally((500, 5), (500, 100))
        store = DyingStore(world.store, at, how)
        guarded(world, store)
        assert [each.what for each in world.rollout.acts] == ["begun", "taken_back"], at
        view = read_view(world.store, "churn", world.id)
        assert view is not None
        assert (view["outcome"], view["answers"]["champion"]) == ("taken_back", 500), at
        if store.calls < at:
            return
    raise AssertionError("it has more calls than were tried")


def test_looks_do_not_pile_up() -> None:
    world = Rolling(steps=LONG)
    guard = world.guard()
    for number in range(70):
        world.tally((5, 0), (5, 0))
        world.clock.now += 1
        if number % 9 == 0:
            guard = world.guard()
        guard.look()
    assert len(world.looks()) <= KEPT
    assert len(world.tallies()) <= 1


def test_what_is_no_tally_is_left_out_named_and_goes() -> None:
    world = Rolling(steps=LONG)
    world.tally((5, 0), (5, 0))
    folder = f"_models/churn/rollouts/{world.id}/tallies/"
    one = world.store.get(world.tallies()[0])
    world.store.create(f"{folder}srv-b/0000000001.json", b"\xff{")
    world.store.create(f"{folder}srv-b/0000000002.json", one)  # another server's
    world.store.create(f"{folder}srv-b/0000000003.json", b'{"rollout":1,"step":0,"server":"srv-b","place":3,"begun":0,'
                       b'"ended":1,"versions":{"1":{"answers":1,"errors":2}}}')  # fmt: skip
    world.store.create(
        f"{folder}srv-c/0000000001.json", one.replace(b'"step":0', b'"step":9').replace(b"srv-a", b"srv-c")
    )
    guard = world.guard()
    view = guard.look()
    assert view.answers["champion"] == 5
    assert "4 tallies could not be read, and are left out; the log names them" in view.notes
    guard.look()
    assert world.tallies() == []


def test_a_server_that_was_silent_for_hours_and_forgotten_is_never_counted_twice() -> None:
    world = Rolling(steps=LONG)
    guard = world.guard()
    tally = world.tally((5, 0), (5, 0))
    kept = world.store.get(world.tallies()[0])
    key = world.tallies()[0]
    guard.look()
    world.clock.now += 8 * 3600
    world.tally((7, 0), (7, 0), server="srv-b")
    view = guard.look()
    assert [each.name for each in view.servers] == ["srv-b"]
    assert "1 server that had been silent for long are no longer listed" in view.notes
    assert world.store.create(key, kept), "its answer was lost, and it tries again"
    view = guard.look()
    assert view.answers["champion"] == 12
    assert any("came too late" in each for each in view.notes)
    guard.look()
    assert world.tallies() == []
    assert tally.server not in [each.name for each in view.servers if each.answers]


def test_thousands_of_servers_that_crash_all_the_time_are_not_kept() -> None:
    from automl_core.models.rollout.looks import Heard
    from automl_core.models.rollout.taking import MANY, take_in

    world = Rolling(steps=LONG)
    guard = world.guard()
    guard.look()
    state = newest(world)
    state.heard = {f"srv-{number}": Heard(1, world.clock.now - number) for number in range(3 * MANY)}
    take_in(state, world.rollout, [], guard._judge(world.rollout), world.clock.now)
    assert len(state.heard) == MANY
    assert "srv-0" in state.heard
    assert state.forgotten[0] == 2 * MANY


def test_a_look_reads_a_bounded_number_of_tallies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automl_core.models.rollout.guard.MOST", 4)
    world = Rolling(steps=LONG)
    for _ in range(10):
        world.tally((1, 0), (1, 0))
    guard = world.guard()
    assert [guard.look().answers["champion"] for _ in range(4)] == [4, 8, 10, 10]


def test_a_store_that_lets_nothing_be_removed_stops_nobody() -> None:
    class Keeping(MemoryStore):
        def delete(self, key: str) -> None:
            if "/rollouts/" in key:
                raise StorageError("no right to delete")
            super().delete(key)

    world = Rolling(steps=LONG, store=Keeping())
    guard = world.guard()
    for _ in range(3):
        world.tally((5, 0), (5, 0))
        view = guard.look()
    assert view.answers["champion"] == 15
    assert len(world.tallies()) == 3


def test_at_rest_a_look_costs_two_listings() -> None:
    class Counting(StoreWrapper):
        calls: ClassVar[list[str]] = []

        def _call(self, operation: str, key: str, call: Callable[[], T]) -> T:
            self.calls.append(operation)
            return call()

    world = Rolling(steps=LONG)
    guard = world.guard(Counting(world.store))
    world.tally((5, 0), (5, 0))
    guard.look()
    guard.look()
    Counting.calls.clear()
    guard.look()
    assert Counting.calls == ["list"] * 2


def test_who_was_overtaken_long_ago_writes_and_does_nothing_by_what_it_knew() -> None:
    """The looks that it missed are removed already, so their places are free again."""
    world = Rolling(steps=LONG)
    sleeper, other = world.guard(), world.guard()
    world.tally((500, 5), (500, 5))
    sleeper.look()
    sleeper.look()  # it has seen that its own is the newest
    for _ in range(3 * KEPT):
        world.tally((50, 1), (50, 1))
        other.look()
    world.open().take_back(CHALLENGER, ANNA, "by hand")
    other.look()
    newest = read_view(world.store, "churn", world.id)
    world.clock.now += 100
    there = world.looks()
    assert "0000000002.json" not in " ".join(there)
    view = sleeper.look()
    assert min(world.looks()) >= min(there), "it has written none in a place that is free again"
    assert newest is not None
    assert view.look >= newest["look"]
    assert view.answers["challenger"] == newest["answers"]["challenger"]
