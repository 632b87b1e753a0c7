"""What counts say of a rate."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from automl_core.rates import (
    highest_rate,
    highest_rate_ever,
    hits_allowed,
    log_evidence,
    lowest_rate,
    mean_evidence,
    rate_interval,
    sample_for,
    sample_needed,
    tail,
)
from tests.support.examples import examples

counts = st.integers(1, 300).flatmap(lambda of: st.tuples(st.integers(0, of), st.just(of)))


@given(counts, st.floats(0.8, 0.99))
@settings(max_examples=examples(30), deadline=None)
def test_exact_bounds_are_scipys_own(count: tuple[int, int], confidence: float) -> None:
    both = binomtest(*count).proportion_ci(confidence)
    assert rate_interval(*count, confidence) == pytest.approx((both.low, both.high), abs=1e-9)
    high = binomtest(*count, alternative="less").proportion_ci(confidence).high
    low = binomtest(*count, alternative="greater").proportion_ci(confidence).low
    assert highest_rate(*count, 1 - confidence) == pytest.approx(high, abs=1e-9)
    assert lowest_rate(*count, 1 - confidence) == pytest.approx(low, abs=1e-9)
    assert tail(*count, 0.1) == pytest.approx(binom.cdf(*count, 0.1), abs=1e-12)


def test_nothing_is_known_of_nothing() -> None:
    assert rate_interval(0, 0) == (0.0, 1.0)
    assert highest_rate_ever(0, 0, 0.05) == tail(0, 0, 0.03) == 1.0
    assert hits_allowed(0, 0.03, 0.05) == -1


@pytest.mark.parametrize(("hits", "of"), [(3, 2), (-1, 2), (1, 0)])
def test_what_is_no_count_is_refused(hits: int, of: int) -> None:
    asked = (
        lambda: tail(hits, of, 0.1),
        lambda: highest_rate(hits, of, 0.05),
        lambda: lowest_rate(hits, of, 0.05),
        lambda: highest_rate_ever(hits, of, 0.05),
        lambda: log_evidence(hits, of, 0.1, (2.0,)),
    )
    for each in asked:
        with pytest.raises(ValueError, match="no count"):
            each()


def test_the_highest_rate_ever_holds_at_every_look() -> None:
    rng, missed = np.random.default_rng(5), 0
    for _ in range(300):
        hits = np.cumsum(rng.random(300) < 0.1)
        missed += any(highest_rate_ever(int(hits[n - 1]), n, 0.1) < 0.1 for n in range(5, 301, 5))
    assert missed <= 44, "a tenth at most; 45 of 300 are beyond chance"


def test_the_highest_rate_ever_shrinks_to_the_rate_and_is_above_that_of_one_look() -> None:
    found = [highest_rate_ever(n // 100, n, 0.05) for n in (100, 1_000, 10_000, 1_000_000)]
    assert found == sorted(found, reverse=True)
    assert found[-1] == pytest.approx(0.01, rel=0.05)
    assert highest_rate_ever(3, 3, 0.05) == 1.0
    assert highest_rate(0, 100, 0.05) < highest_rate_ever(0, 100, 0.05) < 0.1


@given(st.integers(1, 40), st.floats(0.01, 0.9), st.floats(0, 1))
@settings(max_examples=examples(30), deadline=None)
def test_evidence_has_the_expectation_one_at_the_limit_and_at_most_one_below(n: int, limit: float, part: float) -> None:
    hits = np.arange(n + 1)
    values = np.asarray([mean_evidence(log_evidence(int(each), n, limit, (1.5, 4.0))) for each in hits])
    assert float(values @ binom.pmf(hits, n, limit)) == pytest.approx(1.0)
    assert float(values @ binom.pmf(hits, n, limit * part)) <= 1 + 1e-9


def test_evidence_of_very_much_stays_a_number() -> None:
    assert 1e300 < mean_evidence(log_evidence(10**6, 10**7, 0.01, (2.0, 10.0))) < math.inf
    assert mean_evidence(log_evidence(0, 10**7, 0.01, (2.0, 10.0))) == 0.0


@given(st.integers(0, 30), st.floats(0.005, 0.4), st.floats(0.001, 0.2))
@settings(max_examples=examples(30), deadline=None)
def test_the_sample_is_the_smallest_that_shows_it(hits: int, limit: float, alpha: float) -> None:
    found = sample_needed(hits, limit, alpha)
    assert binom.cdf(hits, found, limit) <= alpha + 1e-12
    assert found == hits + 1 or binom.cdf(hits, found - 1, limit) > alpha - 1e-12
    assert hits_allowed(found, limit, alpha) == hits
    assert hits_allowed(sample_needed(0, limit, alpha) - 1, limit, alpha) == -1


@given(st.floats(0.02, 0.3), st.floats(0, 0.7), st.floats(0.01, 0.2), st.floats(0.1, 0.95))
@settings(max_examples=examples(20), deadline=None)
def test_the_sample_for_a_chance_is_the_smallest_of_all_that_have_it(
    limit: float, part: float, alpha: float, chance: float
) -> None:
    found = sample_for(limit, limit * part, alpha, chance)
    assert found is not None
    sizes = np.arange(1, found + 1)
    allowed = np.asarray([hits_allowed(int(each), limit, alpha) for each in sizes])
    has = np.where(allowed >= 0, binom.cdf(allowed, sizes, limit * part), 0.0)
    assert has[-1] >= chance - 1e-12
    assert not (has[:-1] >= chance + 1e-12).any()


def test_a_sample_that_nobody_has_is_none() -> None:
    assert sample_for(0.03, 0.0299, 0.05, 0.8, most=20_000) is None
    assert sample_for(0.03, 0.01, 0.05, 0.8, most=302) is None
    assert sample_for(0.03, 0.01, 0.05, 0.8, most=303) == 303


@pytest.mark.parametrize("wrong", [(0.03, 0.03, 0.05, 0.8), (0.03, -0.1, 0.05, 0.8), (0.03, 0.01, 0.05, 1.0)])
def test_samples_for_what_cannot_be_are_refused(wrong: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="supposed"):
        sample_for(*wrong)
    with pytest.raises(ValueError, match="limit and alpha"):
        sample_needed(0, 0.0, 0.05)
    with pytest.raises(ValueError, match="no count"):
        sample_needed(-1, 0.03, 0.05)
