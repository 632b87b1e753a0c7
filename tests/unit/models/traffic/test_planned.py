"""Tests of a planned length: what they decide on, how often they err, and what they find."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom, norm

from automl_core.models.traffic.planned import FOR_EVER, PLANS, POINTS, Score, boundary, certainty
from automl_core.models.traffic.sequential import Block, MeanTest, Moments, RateTest
from tests.support.examples import examples

ONCE = 1_212
"""Answers of each version with which a test that looks once finds 15 % → 20 % errors: two-sided, 5 %, power 90 %."""


def test_all_parts_are_one_alpha() -> None:
    assert sum(each.part for each in PLANS) + FOR_EVER == pytest.approx(1.0)
    assert min(FOR_EVER, *(each.part for each in PLANS)) > 0


def test_a_plan_is_as_long_as_a_test_that_looks_once() -> None:
    length = PLANS[0].length(0.05)  # one over the variance of the difference of rates
    once = 1 / (2 * 0.175 * 0.825 / ONCE)
    assert length == pytest.approx(once, rel=0.01)
    assert [each.length(0.05) / length for each in PLANS] == pytest.approx([1, 4, 16])


@pytest.mark.parametrize("alpha", [0.04, 1e-3, 1e-9])
def test_what_decides_is_reached_within_a_plan_with_alpha(alpha: float) -> None:
    reached = boundary(alpha)
    assert 2 * norm.sf(reached) == pytest.approx(alpha)
    assert certainty(reached) == pytest.approx(1 / alpha)


def test_certainty_is_a_number_wherever_it_is_asked_for() -> None:
    assert certainty(-3.0) == certainty(0.0) == 1.0
    assert math.isfinite(certainty(1e6))


counts = st.integers(1, 60)


@given(counts, counts, st.data())
@settings(max_examples=examples(60), deadline=None)
def test_the_cumulants_are_those_of_the_hypergeometric(champion: int, challenger: int, data: st.DataObject) -> None:
    hits = data.draw(st.integers(0, champion + challenger))
    found = data.draw(st.integers(max(0, hits - champion), min(hits, challenger)))
    score = Score()
    score.add(champion, hits - found, challenger, found)
    possible = np.arange(max(0, hits - champion), min(hits, challenger) + 1)
    chances = hypergeom.pmf(possible, champion + challenger, hits, challenger)
    mean = float((chances * possible).sum())
    assert score.excess == pytest.approx(found - mean, abs=1e-9)
    assert score.variance == pytest.approx(float((chances * (possible - mean) ** 2).sum()), abs=1e-9)
    third = float((chances * (possible - mean) ** 3).sum())
    assert score.third == pytest.approx(third, abs=1e-6)


def ever(test: RateTest, blocks: int, draw: Callable[[], Block]) -> int | None:
    """Answers of the challenger until it is decided; None where it never is."""
    for _ in range(blocks):
        test.add(draw())
        if test.decided:
            return test.answers[1]
    return None


@pytest.mark.parametrize(("champion", "challenger", "rate"), [(40, 40, 0.15), (190, 10, 0.03), (50, 150, 0.004)])
def test_without_a_difference_it_is_seldom_decided_however_often_it_is_looked_at(
    champion: int, challenger: int, rate: float
) -> None:
    rng = np.random.default_rng(5)

    def draw() -> Block:
        level = rate * rng.uniform(0.3, 1.7)  # a bad hour is one for both
        return Block(champion, int(rng.binomial(champion, level)), challenger, int(rng.binomial(challenger, level)))

    wrong = sum(ever(RateTest(odds=(1.5, 4.0)), 40, draw) is not None for _ in range(120))
    assert wrong <= 13, "5 % at most: 14 of 120 have a chance of one in 400 there"


def test_five_points_are_found_with_the_answers_of_a_test_that_looks_once() -> None:
    rng = np.random.default_rng(6)

    def draw() -> Block:
        return Block(25, int(rng.binomial(25, 0.15)), 25, int(rng.binomial(25, 0.20)))

    within = sum(ever(RateTest(odds=(1.4,)), ONCE // 25, draw) is not None for _ in range(120))
    assert within >= 100, "nine of ten; evidence without an end finds two of three"


def test_five_points_of_accuracy_are_found_with_the_answers_of_a_test_that_looks_once() -> None:
    rng, within = np.random.default_rng(7), 0
    for _ in range(120):
        test = MeanTest(sides=1, planned=POINTS)
        for _ in range(ONCE // 25):
            test.add(*(Moments.of((rng.random(25) < rate).astype(float)) for rate in (0.85, 0.80)))
            if test.decided("worse", lower_is_better=False):
                within += 1
                break
    assert within >= 100


def test_a_smaller_difference_than_any_plan_is_for_is_found_at_some_time() -> None:
    rng, test = np.random.default_rng(8), RateTest()
    found = ever(test, 400, lambda: Block(4_000, int(rng.binomial(4_000, 0.15)), 4_000, int(rng.binomial(4_000, 0.16))))
    assert found is not None
    assert test.score.value == 0.0, "every plan had ended"


def test_rare_hits_of_a_small_share_are_not_taken_for_normal_ones() -> None:
    skewed, even = Score(), Score()
    skewed.add(9_500, 90, 500, 20)
    even.add(5_000, 40, 5_000, 70)
    assert skewed.third > 0
    plain = Score(skewed.excess, skewed.variance, 0.0, skewed.weight)
    assert skewed.value < plain.value
    assert even.third == pytest.approx(0.0, abs=0.1)


def test_a_challenger_that_is_better_has_no_evidence_against_it() -> None:
    score = Score()
    score.add(1_000, 200, 1_000, 100)
    assert score.value == 0.0
    assert Score().value == 0.0


def test_an_end_of_the_interval_alone_may_be_closer_than_both() -> None:
    one, both = MeanTest(sides=1), MeanTest(sides=2)
    for test in (one, both):
        for _ in range(5):
            test.add(Moments(200, 0.0, 1.0), Moments(200, 0.1, 1.0))
    assert both.interval[0] < one.interval[0] < one.difference


def test_a_plan_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="planned above 0"):
        MeanTest(planned=0.0)
