"""The random stratum, and how large it has to be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, kstest

from automl_core.annotation.selection import Stratum, accuracy, sizing
from tests.support.examples import examples

ITEMS = [f"item {each}" for each in range(2_000)]


def test_places_are_even_and_other_seeds_draw_others() -> None:
    assert kstest(Stratum(0, 0.1).places(ITEMS), "uniform").pvalue > 0.01
    one, other = ({item for item in ITEMS if Stratum(seed, 0.1).has(item)} for seed in (0, 1))
    assert 150 < len(one) < 250
    assert len(one & other) < 45


def test_a_place_never_changes() -> None:
    # A value that stands in journals of those who use it: it must not change with a release.
    assert Stratum(7, 0.5).place("a") == pytest.approx(0.6864244289044785, abs=1e-15)
    assert Stratum(7, 0.5).place("a") == Stratum(7, 0.1).places(["b", "a"])[1]


@given(st.text(max_size=8), st.integers(), st.floats(0.01, 0.99))
@settings(max_examples=examples(40), deadline=None)
def test_a_larger_share_keeps_those_of_a_smaller(item: str, seed: int, share: float) -> None:
    assert not Stratum(seed, share).has(item) or Stratum(seed, min(1.0, share * 1.5)).has(item)
    assert Stratum(seed, 1.0).has(item)
    assert 0 <= Stratum(seed, share).fold(item, 5) < 5


def test_folds_are_even_within_the_stratum() -> None:
    stratum = Stratum(0, 0.2)
    counts = np.bincount([stratum.fold(item, 4) for item in ITEMS if stratum.has(item)])
    assert len(counts) == 4
    assert counts.min() > 60


@pytest.mark.parametrize(("target", "faultless"), [(0.97, 99), (0.99, 299), (0.95, 59)])
def test_faultless_labels_by_the_rule_of_three(target: float, faultless: int) -> None:
    found = sizing(target, 5_000)
    assert found.faultless == faultless
    assert accuracy(faultless, faultless, 0.05)[0] >= target > accuracy(faultless - 1, faultless - 1, 0.05)[0]


@pytest.mark.parametrize(("target", "expected", "looks"), [(0.9, 0.95, 1), (0.97, 0.99, 10), (0.6, 0.75, 5)])
def test_so_many_tell_it_as_often_as_was_said(target: float, expected: float, looks: int) -> None:
    found = sizing(target, 10_000, expected=expected, looks=looks)
    told = {}
    for many in (found.many - 1, found.many):
        right = np.arange(many + 1)
        lows = np.array([accuracy(int(each), many, 0.05 / looks)[0] for each in right])
        told[many] = binom.pmf(right[lows >= target], many, expected).sum()
    assert told[found.many] >= 0.8 > told[found.many - 1]
    assert found.share == pytest.approx(found.many / 10_000)
    assert str(found.faultless) in found.words
    assert str(found.many) in found.words


def test_a_pool_that_is_too_small_is_said() -> None:
    found = sizing(0.97, 300)
    assert found.share == 1
    assert found.words.endswith("the pool has 300 items: it can't be told by them")


@pytest.mark.parametrize("wrong", [{"target": 1.0}, {"expected": 0.9}, {"alpha": 0.0}, {"looks": 0}, {"items": -1}])
def test_what_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="can't be"):
        sizing(**{"target": 0.95, "items": 100, **wrong})  # type: ignore[arg-type]


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_shares_that_are_none_and_one_fold_are_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share of the random stratum"):
        Stratum(0, share)
    with pytest.raises(ValueError, match="1 folds"):
        Stratum(0, 0.1).fold("a", 1)
