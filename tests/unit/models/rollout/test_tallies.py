"""Counting on a server, and bringing it to the bucket."""

from __future__ import annotations

import itertools
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.models.rollout import Counts, Outbox, Tally, Tallying, list_tallies, read_tally, write_tally
from automl_core.models.rollout.tallies import class_limit, class_of
from automl_core.storage.base import StorageUnavailable
from tests.support.examples import examples
from tests.support.memory_store import MemoryStore
from tests.unit.models.life.world import DyingStore


def tallying(**given: float | bool) -> Tallying:
    return Tallying("churn", 3, 0, "srv-a", now=100.0, **given)  # type: ignore[arg-type]


def test_what_was_answered_is_counted() -> None:
    counts = tallying(p99=0.2)
    for seconds, error in ((0.1, False), (0.2, True), (0.3, False)):
        counts.add(4, seconds, error=error)
    counts.add(3, 0.05)
    counts.add(4, 0.4, shadow=True, agreed=True)
    counts.add(4, 0.1, shadow=True, agreed=False)
    counts.add(4, 0.1, shadow=True, error=True)
    tally = counts.take(101.5)
    assert (tally.rollout, tally.step, tally.server, tally.place) == (3, 0, "srv-a", 1)
    assert (tally.begun, tally.ended, tally.compared, tally.agreed) == (100.0, 101.5, 2, 1)
    challenger = tally.versions[4]
    assert (challenger.answers, challenger.errors, challenger.slow) == (3, 1, 1)
    assert challenger.seconds == pytest.approx(0.6)
    assert (tally.shadow[4].answers, tally.shadow[4].errors, tally.shadow[4].slow) == (3, 1, 1)
    empty = counts.take(102.0)
    assert (empty.place, empty.begun, empty.versions, empty.shadow) == (2, 101.5, {}, {})


def test_it_is_due_by_time_and_numbers_of_answers_alone() -> None:
    counts = tallying()
    assert not counts.due(159.9)
    assert counts.due(160.0), "so a server says that it is there"
    for _ in range(50):
        counts.add(3, 0.1)
    assert not counts.due(102.0), "the other has answered nothing"
    counts.add(4, 0.1, error=True)
    assert not counts.due(100.4)
    assert not counts.due(100.9), "five of each where there is that much"
    assert counts.due(101.0)
    for _ in range(4):
        counts.add(4, 0.1)
    assert not counts.due(100.4)
    assert counts.due(100.5)


def test_alone_it_waits_for_nobody_and_a_shadow_is_another() -> None:
    alone, shadow = tallying(alone=True), tallying()
    for _ in range(5):
        alone.add(4, 0.1)
        shadow.add(3, 0.1)
    assert alone.due(100.5)
    assert not shadow.due(110.0)
    shadow.add(4, 0.1, shadow=True)
    assert shadow.due(101.0)


def test_a_new_step_closes_it_and_places_go_on() -> None:
    counts = tallying()
    assert counts.moved(1, 101.0) is None
    counts.add(3, 0.1)
    closed = counts.moved(2, 103.0, alone=True)
    assert closed is not None
    assert (closed.step, closed.place, closed.begun, closed.ended) == (1, 1, 101.0, 103.0)
    counts.add(4, 0.1)
    following = counts.take(104.0)
    assert (following.step, following.place) == (2, 2)


def test_a_clock_that_is_set_back_makes_no_tally_that_never_ends() -> None:
    counts = tallying()
    counts.add(3, 0.1)
    counts.add(4, 0.1)
    assert not counts.due(50.0)
    assert counts.due(51.0)
    assert counts.take(51.0).begun == 50.0


@given(st.floats(0, 500))
def test_latency_classes_are_right_within_a_quarter(seconds: float) -> None:
    number = class_of(seconds)
    if 1e-4 < seconds <= class_limit(64):
        assert class_limit(number - 1) * (1 - 1e-9) <= seconds <= class_limit(number) * (1 + 1e-9)
    assert 0 <= number <= 64


def test_quantiles_are_read_from_classes() -> None:
    counts = tallying()
    for seconds in (0.01,) * 98 + (1.0, 2.0):
        counts.add(3, seconds)
    found = counts.take(101.0).versions[3]
    assert found.quantile(0.5) == pytest.approx(0.01, rel=0.25)
    assert found.quantile(0.99) == pytest.approx(1.0, rel=0.25)
    assert Counts().quantile(0.5) is None


def test_what_is_written_is_read_and_written_once() -> None:
    store, counts = MemoryStore(), tallying()
    counts.add(3, 0.1, error=True)
    tally = counts.take(101.0)
    assert write_tally(store, "churn", tally)
    write_tally(store, "churn", tally)
    (place,) = list_tallies(store, "churn", 3)
    assert place == ("srv-a", 1, "_models/churn/rollouts/3/tallies/srv-a/0000000001.json")
    assert read_tally(store, place.key) == tally
    store.delete(place.key)
    assert read_tally(store, place.key) is None
    store.put("other", b"null")
    with pytest.raises(ValueError, match="is no tally"):
        read_tally(store, "other")
    store.put("other", b'{"rollout":1,"step":0,"server":"a","place":1,"begun":0,"ended":0,"format":9}')
    with pytest.raises(ValueError, match="has the format 9; this release reads up to 1"):
        read_tally(store, "other")


@pytest.mark.parametrize(
    "wrong", [{"answers": 1, "errors": 2}, {"answers": 1, "slow": 2}, {"errors": -1}, {"seconds": -1.0}]
)
def test_counts_that_can_not_be_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=r"no counts|not below 0"):
        Counts(**wrong)  # type: ignore[arg-type]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(1, 5), st.booleans()), max_size=40), st.integers(1, 60),
    st.sampled_from(["before", "lost"]),
)  # fmt: skip
@settings(max_examples=examples(40), deadline=None)
def test_the_outbox_keeps_order_and_loses_nothing(acts: list[tuple[int, int, bool]], at: int, how: str) -> None:
    store = MemoryStore()
    outbox, told = Outbox(_Away(store, at, how), "churn", most=4), 0
    places = itertools.count(1)
    for step, answers, flush in acts:
        tally = Tally(3, step, "srv-a", next(places), 0.0, 1.0, {3: Counts(answers)})
        outbox.add(tally)
        told += answers
        if flush:
            with suppress(StorageUnavailable):
                outbox.flush()
    while len(outbox):
        with suppress(StorageUnavailable):
            outbox.flush()
    found = [read_tally(store, each.key) for each in list_tallies(store, "churn", 3)]
    assert sum(each.versions[3].answers for each in found if each) == told
    assert [each.place for each in found if each] == sorted(each.place for each in found if each)


class _Away(DyingStore):
    """Is away at its n-th call."""

    def _call(self, operation, key, call):  # type: ignore[no-untyped-def]
        self.calls += 1
        if self.calls == self.at:
            if self.how == "lost":
                call()
            raise StorageUnavailable("away")
        return call()


def test_a_store_that_is_away_for_long_costs_no_more_than_its_limit() -> None:
    outbox = Outbox(MemoryStore(), "churn", most=10)
    for place in range(1, 1_001):
        outbox.add(Tally(3, 0, "srv-a", place, 0.0, 1.0, {3: Counts(1)}))
    assert len(outbox) <= 11
    outbox.flush()
    assert sum(1 for _ in list_tallies(outbox.store, "churn", 3)) <= 11


def test_what_may_lie_there_already_stays_as_it_is() -> None:
    store = MemoryStore()
    outbox = Outbox(_Away(store, 1, "lost"), "churn", most=2)
    outbox.add(Tally(3, 0, "srv-a", 1, 0.0, 1.0, {3: Counts(1)}))
    with pytest.raises(StorageUnavailable):
        outbox.flush()
    for place in range(2, 6):
        outbox.add(Tally(3, 0, "srv-a", place, 0.0, 1.0, {3: Counts(1)}))
    outbox.flush()
    found = [read_tally(store, each.key) for each in list_tallies(store, "churn", 3)]
    assert sum(each.versions[3].answers for each in found if each) == 5


def test_tallies_of_different_steps_are_not_put_together() -> None:
    one = Tally(3, 0, "srv-a", 1, 0.0, 1.0)
    with pytest.raises(ValueError, match="different steps"):
        one.joined(Tally(3, 1, "srv-a", 2, 1.0, 2.0))
    with pytest.raises(ValueError, match="agreed"):
        Tally(3, 0, "srv-a", 1, 0.0, 1.0, compared=1, agreed=2)
