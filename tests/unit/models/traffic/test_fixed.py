"""A rate against a fixed one."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from automl_core.models.traffic.fixed import FixedRateTest
from tests.support.examples import examples


@given(st.integers(1, 30), st.floats(0.01, 0.9), st.floats(0.0, 1.0))
@settings(max_examples=examples(40), deadline=None)
def test_the_expectation_of_the_evidence_is_one_at_the_limit_and_at_most_one_below(
    answers: int, limit: float, part: float
) -> None:
    expected = {1.0: 0.0, part: 0.0}
    for hits in range(answers + 1):
        test = FixedRateTest(odds=(1.5, 4.0))
        test.add(answers, hits, limit)
        for each in expected:
            expected[each] += test.value * float(binom.pmf(hits, answers, limit * each))
    assert expected[part] <= 1 + 1e-9
    assert expected[1.0] == pytest.approx(1.0)


def test_a_rate_above_the_limit_is_found_and_one_below_never() -> None:
    above, below = FixedRateTest(), FixedRateTest()
    for _ in range(20):
        above.add(500, 15, 0.02)
        below.add(500, 9, 0.02)
    assert above.decided
    assert below.value < 0.5
    assert (above.answers, above.hits, above.expected) == (10_000, 300, pytest.approx(200))


def test_many_hits_stay_numbers() -> None:
    test = FixedRateTest()
    test.add(10**7, 10**6, 0.01)
    assert math.isfinite(test.value)


@pytest.mark.parametrize("given_", [(2, 3, 0.1), (2, -1, 0.1), (2, 1, 0.0), (2, 1, 1.5)])
def test_what_can_not_be_is_refused(given_: tuple[int, int, float]) -> None:
    with pytest.raises(ValueError, match=r"no count|a limit"):
        FixedRateTest().add(*given_)


@pytest.mark.parametrize(("alpha", "odds"), [(0.0, (2.0,)), (0.05, ()), (0.05, (1.0,))])
def test_tests_that_are_none_are_refused(alpha: float, odds: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"alpha|odds"):
        FixedRateTest(alpha, odds)
