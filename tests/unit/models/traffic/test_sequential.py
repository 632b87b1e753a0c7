"""Tests that may be looked at all the time."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from automl_core.models.traffic.planned import FOR_EVER
from automl_core.models.traffic.sequential import Block, MeanTest, Moments, RateTest
from automl_core.rates import mean_evidence
from tests.support.examples import examples

counts = st.integers(1, 12)


@given(counts, counts, st.data())
@settings(max_examples=examples(40), deadline=None)
def test_without_a_difference_the_evidence_of_a_block_has_the_expectation_one(
    champion: int, challenger: int, data: st.DataObject
) -> None:
    hits = data.draw(st.integers(0, champion + challenger))
    expected = 0.0
    for found in range(max(0, hits - champion), min(hits, challenger) + 1):
        test = RateTest(odds=(1.5, 4.0))
        test.add(Block(champion, hits - found, challenger, found))
        expected += mean_evidence(test.evidence) * float(hypergeom.pmf(found, champion + challenger, hits, challenger))
    assert expected == pytest.approx(1.0)


@given(counts, counts, st.floats(0.05, 0.9), st.floats(0.0, 1.0))
@settings(max_examples=examples(15), deadline=None)
def test_where_the_challenger_is_better_the_expectation_is_at_most_one(
    champion: int, challenger: int, rate: float, part: float
) -> None:
    from scipy.stats import binom

    expected = 0.0
    for first in range(champion + 1):
        for second in range(challenger + 1):
            test = RateTest(odds=(1.5, 4.0))
            test.add(Block(champion, first, challenger, second))
            chance = binom.pmf(first, champion, rate) * binom.pmf(second, challenger, rate * part)
            expected += mean_evidence(test.evidence) * float(chance)
    assert expected <= 1 + 1e-9


def test_a_bad_hour_for_both_is_no_difference() -> None:
    test = RateTest()
    test.add(Block(19_000, 190, 1_000, 10))  # 1 % of both, 5 % of the requests
    test.add(Block(15_000, 750, 5_000, 250))  # 5 % of both, 25 %
    assert test.rates == pytest.approx((940 / 34_000, 260 / 6_000)), "pooled, the challenger looks much worse"
    assert test.value < 1
    assert not test.decided
    pooled = RateTest()
    pooled.add(Block(34_000, 940, 6_000, 260))
    assert pooled.decided, "so it would have been taken back"


def test_a_challenger_that_is_worse_is_found_and_a_better_one_never() -> None:
    worse, better = RateTest(), RateTest()
    for _ in range(10):
        worse.add(Block(950, 10, 50, 3))
        better.add(Block(950, 30, 50, 0))
    assert worse.decided
    assert better.value < FOR_EVER / 2


def test_looking_after_each_block_decides_seldom_without_a_difference() -> None:
    rng = np.random.default_rng(7)

    def ever() -> bool:
        test = RateTest()
        for _ in range(40):
            test.add(Block(40, int(rng.binomial(40, 0.15)), 40, int(rng.binomial(40, 0.15))))
            if test.decided:
                return True
        return False

    assert sum(ever() for _ in range(100)) <= 12, "5 % at most; 13 of 100 are beyond chance"


def test_blocks_that_compare_nothing_change_nothing() -> None:
    test = RateTest()
    for block in (Block(0, 0, 5, 5), Block(5, 5, 0, 0), Block(9, 0, 9, 0), Block(3, 3, 3, 3)):
        test.add(block)
    assert test.value == pytest.approx(FOR_EVER)
    assert math.isnan(RateTest().rates[0])


@pytest.mark.parametrize("counts", [(1, 2, 0, 0), (1, -1, 0, 0), (1, 0, 2, 3)])
def test_counts_that_can_not_be_are_refused(counts: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="is no count"):
        Block(*counts)


@pytest.mark.parametrize("odds", [(), (1.0,), (math.inf,), (0.5, 2.0)])
def test_odds_that_are_no_difference_are_refused(odds: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="above 1"):
        RateTest(odds=odds)


def test_thousands_of_hits_stay_numbers() -> None:
    test = RateTest()
    for _ in range(3):
        test.add(Block(100_000, 40_000, 100_000, 48_000))
    assert test.decided
    assert math.isfinite(test.value)


def test_the_interval_of_means_is_within_blocks_and_shrinks() -> None:
    rng, test, widths = np.random.default_rng(3), MeanTest(), []
    for hour in range(40):
        level = 50.0 if hour % 2 else 0.0  # for both
        test.add(Moments.of(rng.normal(level, 1, 95)), Moments.of(rng.normal(level + 0.5, 1, 60)))
        widths.append(test.interval[1] - test.interval[0])
    low, high = test.interval
    assert 0 < low < 0.5 < high < 1.0
    assert math.isinf(widths[0]), "too few to say anything"
    assert widths[-1] < widths[10] < math.inf
    assert test.decided("worse")
    assert not test.decided("worse", margin=0.5)
    assert test.decided("better", lower_is_better=False)
    assert not test.decided("better")


def test_the_sum_of_blocks_is_the_weighted_mean() -> None:
    test = MeanTest(least=2)
    test.add(Moments(100, 1.0, 4.0), Moments(100, 2.0, 4.0))  # weight 50
    test.add(Moments(100, 1.0, 4.0), Moments(25, 4.0, 4.0))  # weight 20
    assert test.difference == pytest.approx((50 * 1 + 20 * 3) / 70)
    test.add(Moments(100, 9.0, 4.0), Moments(0, 0.0, 0.0))
    assert test.difference == pytest.approx(110 / 70)


def test_values_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        Moments.of([1.0, math.nan])
