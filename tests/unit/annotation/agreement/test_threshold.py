"""The loosest threshold that a sample shows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.annotation.agreement.bounds import Promise, alpha_of_look
from automl_core.annotation.agreement.threshold import Found, find
from automl_core.rates import tail
from tests.support.examples import examples


def search(rng: np.random.Generator, items: int = 2000, labels: int = 500, promise: Promise | None = None) -> tuple[
    Found, np.ndarray, np.ndarray, np.ndarray
]:  # fmt: skip
    """(found, how sure, which are wrong, the sample): a label is right with the probability that is said."""
    sure = 1 - rng.beta(0.3, 3, items)
    wrong = rng.random(items) > sure
    sample = rng.choice(items, labels, replace=False)
    return find(sure, sample, ~wrong[sample], promise), sure, wrong, sample


@given(st.integers(0, 10_000), st.floats(0.85, 0.98))
@settings(max_examples=examples(25), deadline=None)
def test_each_threshold_is_shown_by_its_labels_and_the_loosest_of_them_is_taken(seed: int, accuracy: float) -> None:
    promise = Promise(accuracy)
    found, sure, wrong, sample = search(np.random.default_rng(seed), promise=promise)
    thresholds = [each.threshold for each in found.tested]
    assert thresholds == sorted(thresholds, reverse=True)
    for each in found.tested:
        above = sure[sample] >= each.threshold
        assert (each.labels, each.wrong) == (above.sum(), wrong[sample][above].sum())
        assert each.items == (sure >= each.threshold).sum()
        assert each.p_value == tail(each.wrong, each.labels, promise.allowed)
        assert each.shown == (each.p_value <= promise.alpha)
    assert all(each.shown for each in found.tested[:-1]), "the order ends with the first that is not shown"
    shown = [each.threshold for each in found.tested if each.shown]
    assert found.threshold == (min(shown) if shown else None)
    if found.threshold is not None:
        left = sure >= found.threshold
        left[sample] = False
        assert found.takes == left.sum()
        assert found.highest <= promise.allowed


def test_the_promise_is_broken_seldom_where_how_sure_models_are_tells_nothing() -> None:
    """The hardest case: every threshold is a little worse than was promised."""
    random, broken = np.random.default_rng(3), 0
    for _ in range(300):
        wrong = random.random(1500) < 0.032
        sample = random.choice(1500, 400, replace=False)
        broken += find(random.random(1500), sample, ~wrong[sample], steps=25).threshold is not None
    assert broken > 0
    assert tail(broken - 1, 300, 0.05) < 0.999, "more often than one run of twenty, beyond accident"


def test_labels_that_are_all_right_are_taken_and_disagreement_never_is() -> None:
    sure = np.linspace(0.5, 1, 1000)
    sure[:100] = 0
    sample = np.arange(0, 1000, 4)
    found = find(sure, sample, sure[sample] > 0)
    assert found.threshold == sure[100]
    assert found.takes == 675
    assert "0 wrong" in found.reason


def test_too_few_labels_show_nothing_and_it_is_said_how_many_do() -> None:
    found = find(np.full(500, 0.9), np.arange(98), np.ones(98, dtype=bool))
    assert found.threshold is None
    assert found.takes == 0
    assert "at least 99" in found.reason
    assert find(np.full(500, 0.9), np.arange(99), np.ones(99, dtype=bool)).threshold == 0.9


def test_wrong_labels_at_the_top_end_the_search_with_its_reason() -> None:
    right = np.ones(120, dtype=bool)
    right[:20] = False
    found = find(np.full(500, 0.9), np.arange(120), right)
    assert found.threshold is None
    assert "20 of the 120 labels" in found.reason
    assert "allows 0 of" in found.reason


def test_models_that_never_agree_take_nothing() -> None:
    assert find(np.zeros(50), np.arange(20), np.zeros(20, dtype=bool)).threshold is None
    assert find(np.zeros(0), np.zeros(0, dtype=int), np.zeros(0, dtype=bool)).threshold is None


def test_all_searches_of_a_project_together_may_err_as_often_as_one() -> None:
    parts = [alpha_of_look(Promise(), look) for look in range(1, 2000)]
    assert sum(parts) == pytest.approx(0.05, rel=1e-3)
    assert sum(parts) < 0.05
    with pytest.raises(ValueError, match="from 1"):
        alpha_of_look(Promise(), 0)


@pytest.mark.parametrize(
    ("sure", "sample", "right", "message"),
    [
        ([0.5, 1.2], [0], [True], "from 0 to 1"),
        ([0.5, np.nan], [0], [True], "from 0 to 1"),
        ([0.5, 0.6], [0, 0], [True, True], "twice"),
        ([0.5, 0.6], [2], [True], "names 2"),
        ([0.5, 0.6], [-1], [True], "names -1"),
        ([0.5, 0.6], [0], [True, False], "truth values"),
        ([0.5, 0.6], [0], [1], "truth values"),
        ([0.5, 0.6], [0.0], [True], "places"),
    ],
)
def test_what_is_no_sample_is_refused(sure: list[float], sample: list[int], right: list[bool], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        find(sure, sample, right)
