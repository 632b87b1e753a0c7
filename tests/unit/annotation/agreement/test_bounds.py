"""Exact bounds, and what a promise takes in labels."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from automl_core.annotation.agreement.bounds import Promise, labels_needed, wrong_allowed
from automl_core.annotation.agreement.plan import plan, shows
from tests.support.examples import examples

promises = st.builds(Promise, st.floats(0.6, 0.99), st.floats(0.8, 0.99))


@pytest.mark.parametrize(("accuracy", "labels"), [(0.97, 99), (0.99, 299), (0.9, 29), (0.95, 59)])
def test_faultless_labels_that_a_promise_takes(accuracy: float, labels: int) -> None:
    assert labels_needed(Promise(accuracy)) == labels
    assert accuracy**labels <= 0.05 < accuracy ** (labels - 1)


@given(promises, st.integers(0, 5))
@settings(max_examples=examples(30), deadline=None)
def test_the_number_is_the_smallest_that_shows_the_promise(promise: Promise, wrong: int) -> None:
    labels = labels_needed(promise, wrong)
    assert binom.cdf(wrong, labels, promise.allowed) <= promise.alpha + 1e-12
    assert labels == wrong + 1 or binom.cdf(wrong, labels - 1, promise.allowed) > promise.alpha - 1e-12
    assert wrong_allowed(promise, labels) == wrong
    assert wrong_allowed(promise, labels_needed(promise) - 1) == -1


def test_a_plan_says_what_it_takes_before_it_starts() -> None:
    found = plan(share=0.5, calibrating=0.2)
    assert (found.faultless, found.least) == (99, 248)  # 99 / (0.5 * 0.8)
    assert shows(found.promise, found.advised_above, found.supposed) >= 0.8
    assert found.advised * 0.5 * 0.8 >= found.advised_above > found.faultless
    assert "at least 99 faultless labels" in str(found)


def test_the_advised_number_is_the_least_of_those_where_one_more_wrong_label_is_allowed() -> None:
    found = plan()
    allowed = wrong_allowed(found.promise, found.advised_above)
    assert shows(found.promise, labels_needed(found.promise, allowed - 1), found.supposed) < 0.8


@pytest.mark.parametrize(
    "options", [{"share": 0}, {"share": 1.5}, {"supposed": 0.03}, {"chance": 1}, {"calibrating": 1}]
)
def test_plans_that_are_none(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"share|wrong|chance"):
        plan(**options)


@pytest.mark.parametrize("accuracy", [0, 1, 97, -0.1])
def test_promises_that_nothing_shows(accuracy: float) -> None:
    with pytest.raises(ValueError, match="accuracy is between 0 and 1"):
        Promise(accuracy)


def test_a_later_search_takes_more_labels_since_all_together_err_as_seldom_as_one() -> None:
    only, first, second = (plan(Promise(0.97, 0.95), look=look).least for look in (None, 1, 2))
    assert (only, first) == (248, 305)
    assert second > first
