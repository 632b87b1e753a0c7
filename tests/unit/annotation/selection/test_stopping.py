"""When it ends, and why."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from automl_core.annotation.selection import Round, Stopping, accuracy, judge
from automl_core.annotation.selection.stopping import share_of_look, shares_of_looks


def _round(labels: int, right: int, of: int, unanswered: int = 0, cost: float = 0.0) -> Round:
    hits: dict[str, bool | None] = {f"s{each}": each < right for each in range(of)}
    return Round(labels, hits | {f"n{each}": None for each in range(unanswered)}, cost)


@pytest.mark.parametrize(("right", "of"), [(0, 10), (10, 10), (37, 50)])
def test_the_interval_is_clopper_and_pearsons(right: int, of: int) -> None:
    theirs = binomtest(right, of).proportion_ci(0.9, "exact")
    assert accuracy(right, of, 0.05) == pytest.approx((theirs.low, theirs.high))
    with pytest.raises(ValueError, match="11 of 10"):
        accuracy(11, 10, 0.05)
    assert accuracy(0, 0, 0.05) == (0.0, 1.0)


def test_looks_share_what_they_may_err_with() -> None:
    bounded = shares_of_looks(0.05, 20, 20)
    assert bounded == pytest.approx([0.05 / 21] * 20)  # and as much is kept for a look that nobody has planned
    assert shares_of_looks(0.05, 3, None) == pytest.approx([0.05 / 2, 0.05 / 6, 0.05 / 12])
    assert sum(shares_of_looks(0.05, 2_000, None)) == pytest.approx(0.05, rel=1e-3)


@given(
    st.floats(1e-4, 0.5),
    st.lists(st.one_of(st.none(), st.integers(-5, 40)), min_size=1, max_size=60),
)
def test_whatever_the_rules_become_between_looks_they_never_err_with_more_than_all_may(
    alpha: float, lefts: list[int | None]
) -> None:
    spent: list[float] = []
    for left in lefts:
        share = share_of_look(alpha, math.fsum(spent), len(spent) + 1, left)
        assert share > 0, "there is always something left for one look more"
        spent.append(share)
    assert math.fsum(spent) <= alpha


def test_the_target_is_met_by_the_lower_end() -> None:
    stopping = Stopping(target=0.9, rounds=10)
    near = judge([_round(50, 95, 100)], stopping)
    assert near.why is None
    assert near.interval[0] < 0.9
    assert "not met yet" in near.reasons[0]
    met = judge([_round(50, 290, 300)], stopping)
    assert met.why == "target"
    assert met.interval[0] >= 0.9
    assert "is met" in met.reasons[0]


def test_items_without_an_answer_count_as_wrong() -> None:
    assert judge([_round(50, 290, 300)], Stopping(target=0.9)).ended
    left = judge([_round(50, 290, 300, unanswered=40)], Stopping(target=0.9))
    assert not left.ended
    assert "40 without an answer count as wrong" in left.reasons[0]


@pytest.mark.parametrize("looks", [15, None])
def test_looking_each_round_errs_seldom(looks: int | None) -> None:
    # Each round's model is a new one, just below the target; the stratum grows.
    random = np.random.default_rng(0)
    wrong, shares = 0, shares_of_looks(0.05, 15, looks)
    for _ in range(300):
        for look in range(1, 16):
            low = accuracy(int(random.binomial(40 * look, 0.899)), 40 * look, shares[look - 1])[0]
            if low >= 0.9:
                wrong += 1
                break
    assert wrong / 300 < 0.07


def _flat(items: int) -> list[Round]:
    return [_round(labels, round(items * 0.8), items) for labels in (100, 200, 300, 400, 500)]


def test_a_flat_curve_ends_it_and_a_rising_one_does_not() -> None:
    flat = judge(_flat(400), Stopping(flat=0.005))
    assert flat.why == "flat"
    assert "the curve is flat" in flat.reasons[-1]
    rising = [_round(labels, round(400 * (0.9 - 3 * labels**-0.5)), 400) for labels in (100, 150, 200, 250)]
    assert judge(rising, Stopping(flat=0.005)).why is None
    assert judge(rising[:3], Stopping(flat=0.005)).reasons[-1].startswith("too few rounds")


def test_money_and_rounds_end_it() -> None:
    rounds = [_round(100, 50, 100, cost=30.0), _round(200, 60, 100, cost=61.0)]
    assert judge(rounds, Stopping(money=60)).why == "money"
    assert judge(rounds[:1], Stopping(money=60, rounds=2)).why is None
    assert judge(rounds, Stopping(rounds=2)).why == "rounds"
    assert "labels cost 61 of 60" in judge(rounds, Stopping(money=60)).reasons


def test_the_target_is_named_before_what_ran_out() -> None:
    assert judge([_round(10, 300, 300, cost=9.0)], Stopping(target=0.9, money=5, rounds=1)).why == "target"


def test_what_more_labels_would_bring_has_a_price() -> None:
    rounds = [_round(n, round(400 * (0.9 - 3 * n**-0.5)), 400, cost=n * 0.5) for n in (100, 150, 200, 250)]
    verdict = judge(rounds, Stopping())
    assert verdict.curve is not None
    best = verdict.curve.gain(50)[0]
    assert f"at some {0.5 * 50 / (100 * best):.3g} a point" in verdict.reasons[-1]


def test_nothing_labelled_is_no_end() -> None:
    assert judge([], Stopping(target=0.9, rounds=1)).interval == (0.0, 1.0)
    empty = judge([Round(10, {})], Stopping(target=0.9))
    assert not empty.ended
    assert "nothing is known" in empty.reasons[0]


def test_rounds_past_the_bound_have_what_is_left_over() -> None:
    found = [judge([_round(10, 300, 300)] * many, Stopping(target=0.5, rounds=2)).interval for many in (2, 3, 4)]
    ends = [accuracy(300, 300, 0.05 / 3), accuracy(300, 300, 0.05 / 6), accuracy(300, 300, 0.05 / 12)]
    assert [low for low, _ in found] == pytest.approx([low for low, _ in ends])


def test_a_look_of_which_nothing_is_left_tells_nothing() -> None:
    assert judge([_round(10, 300, 300)], Stopping(target=0.5), share=0.0).interval == (0.0, 1.0)
    assert judge([_round(10, 300, 300)], Stopping(target=0.5), share=0.01).interval == accuracy(300, 300, 0.01)


@pytest.mark.parametrize("wrong", [{"target": 1.0}, {"alpha": 0}, {"flat": -1}, {"money": -1}, {"rounds": 0}])
def test_rules_that_cannot_be_are_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"^{next(iter(wrong))}: "):
        Stopping(**wrong)
    with pytest.raises(ValueError, match="below 0"):
        Round(-1, {})
