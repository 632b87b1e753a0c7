"""Intervals of data: each counted once, whoever dies or comes twice; ten thousand of them in few bytes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.models.life import Claim, ModelLife, NoSuchVersion, Refused, gaps, interval_key
from automl_core.models.life.intervals import Done, moments_of, pack, unpack
from tests.support.examples import examples
from tests.unit.models.life.world import ANNA, World

DAY = 86_400.0


@pytest.fixture
def world() -> World:
    made = World()
    made.in_use()
    return made


def begin(life: ModelLife, day: int = 0, version: int = 1, run: str = "a", **more: object) -> Claim:
    start = day * DAY
    return life.begin_interval(interval_key(start, start + DAY), start, start + DAY, version, run=run, **more)  # type: ignore[arg-type]


def end(life: ModelLife, claim: Claim, rows: int = 10, digest: str = "d") -> None:
    life.end_interval(claim, rows=rows, out=f"out/{claim.attempt}", digest=digest)


def test_an_interval_is_scored_once(world: World) -> None:
    claim = begin(world.open())
    assert (claim.generation, claim.attempt, claim.scored) == (1, 1, False)
    end(world.open(), claim)
    seq = world.open().state.seq
    end(world.open(), claim)  # the answer had been lost
    again = begin(world.open(), run="b")
    assert (again.scored, again.version) == (True, 1)
    assert world.open().state.seq == seq
    totals = world.open().state.scoring.totals[1]
    assert (totals.intervals, totals.rows) == (1, 10)
    assert world.open().state.version(1).first_scored == world.clock.now


def test_only_the_newest_claim_counts(world: World) -> None:
    old = begin(world.open())
    new = begin(world.open())  # the same run, tried again
    assert new.attempt == 2
    with pytest.raises(Refused, match=r"a later claim on the interval .* counts: attempt 2, of the run a"):
        end(world.open(), old)
    end(world.open(), new)
    with pytest.raises(Refused, match="was scored by version 1 already"):
        end(world.open(), old)
    with pytest.raises(Refused, match="was scored by version 1 already"):
        end(world.open(), new, digest="other")
    assert world.open().state.scoring.totals[1].intervals == 1


def test_a_lost_answer_of_the_same_try_is_the_same_claim(world: World) -> None:
    assert begin(world.open(), token="1") == begin(world.open(), token="1")
    assert begin(world.open(), token="2").attempt == 2


def test_another_runs_claim_stands_until_that_run_is_known_to_be_gone(world: World) -> None:
    begin(world.open(), run="a")
    with pytest.raises(Refused, match="is being scored by the run a"):
        begin(world.open(), run="b")
    with pytest.raises(Refused, match="is being scored by the run a"):
        begin(world.open(), run="b", instead_of="c")
    assert begin(world.open(), run="b", instead_of="a").attempt == 2


def test_a_claim_that_was_given_back_is_anybodys(world: World) -> None:
    claim = begin(world.open(), run="a")
    world.open().give_up_interval(claim, "out of memory")
    world.open().give_up_interval(claim, "out of memory")
    with pytest.raises(Refused, match="nobody has claimed"):
        end(world.open(), claim)
    end(world.open(), begin(world.open(), run="b"))
    assert world.open().state.scoring.given_up == 1


def test_scored_again_on_a_persons_wish_is_another_generation(world: World) -> None:
    end(world.open(), begin(world.open()))
    claim = begin(world.open(), run="again", why="the column was wrong")
    assert (claim.generation, claim.attempt, claim.why) == (2, 1, "the column was wrong")
    end(world.open(), claim, rows=20)
    assert begin(world.open(), run="again", why="the column was wrong").scored  # cleared after it was done
    assert begin(world.open(), run="once more", why="and again").generation == 3
    totals = world.open().state.scoring.totals[1]
    assert (totals.intervals, totals.rows) == (2, 30)


def test_a_version_that_is_taken_back_meanwhile_has_not_scored(world: World) -> None:
    two = world.in_use("r2")
    world.clock.now += 1
    claim = begin(world.open(), version=two)
    world.open().take_back(two, ANNA, "wrong on holidays")
    with pytest.raises(Refused, match=r"taken back while it scored .*wrong on holidays.* by version 1") as e:
        end(world.open(), claim)
    assert e.value.by == ANNA
    again = begin(world.open(), version=1)
    end(world.open(), again)
    assert world.open().state.scoring.done[again.key] == Done(1, 1)


def test_a_version_that_is_replaced_meanwhile_has(world: World) -> None:
    claim = begin(world.open())
    world.in_use("r2")
    end(world.open(), claim)
    assert world.open().state.scoring.done[claim.key] == Done(1, 1)


def test_now_means_what_answers_and_then_what_answered(world: World) -> None:
    before = world.clock.now
    world.clock.now += DAY
    two = world.in_use("r2")
    life = world.open()
    with pytest.raises(Refused, match="version 1 is not in use: version 2 is"):
        life.begin_interval("k", before, before + 60, 1, run="a")
    with pytest.raises(Refused, match="version 2 was not in use at"):
        life.begin_interval("k", before, before + 60, two, run="a", then=True)
    claim = life.begin_interval("k", before, before + 60, 1, run="a", then=True)
    end(life, claim)
    with pytest.raises(NoSuchVersion):
        life.begin_interval("l", before, before + 60, 9, run="a")


def test_gaps_between_what_was_scored() -> None:
    world = World()
    world.in_use()
    life = world.open()
    for day in (0, 1, 3, 6):
        end(life, begin(life, day))
    end(life, life.begin_interval("asset run", 0.0, 0.0, 1, run="x"))
    assert gaps(life.state.scoring) == [(2 * DAY, 3 * DAY), (4 * DAY, 6 * DAY)]


@pytest.mark.parametrize(
    ("start", "end", "key"),
    [
        (0.0, DAY, "1970-01-01T00:00:00Z/1970-01-02T00:00:00Z"),
        (1.5, 1.5, "1970-01-01T00:00:01.500Z/1970-01-01T00:00:01.500Z"),
    ],
)
def test_keys_name_moments(start: float, end: float, key: str) -> None:
    assert interval_key(start, end) == key
    assert moments_of(key) == (start * 1000, end * 1000)


@pytest.mark.parametrize("key", ["", "scheduled__1", "1970-01-01T00:00:00.000Z/1970-01-02T00:00:00Z",
                                 "1970-13-01T00:00:00Z/1970-01-02T00:00:00Z"])  # fmt: skip
def test_other_texts_name_none(key: str) -> None:
    assert moments_of(key) is None


MOMENTS = st.integers(-(10**11), 4 * 10**12)


@settings(max_examples=examples(40))
@given(
    st.lists(st.tuples(st.one_of(st.tuples(MOMENTS, MOMENTS), st.text(max_size=5)), st.integers(1, 3),
                       st.integers(1, 2)))
)  # fmt: skip
def test_packed_and_unpacked_is_the_same(entries: list[tuple[tuple[int, int] | str, int, int]]) -> None:
    done = {
        interval_key(key[0] / 1000, key[1] / 1000) if isinstance(key, tuple) else key: Done(version, generation)
        for key, version, generation in entries
    }
    assert unpack(*pack(done)) == done


def test_regular_intervals_take_few_words() -> None:
    hours = {interval_key(hour * 3600.0, (hour + 1) * 3600.0): Done(1 + hour // 4000, 1) for hour in range(10_000)}
    moments = {interval_key(day * DAY, day * DAY): Done(9, 1) for day in range(1000)}  # of schedules without a length
    packed, others = pack(hours | moments)
    assert (len(packed), others) == (4, {})
    assert sum(len(each.steps) + len(each.lengths) for each in packed) == 8
