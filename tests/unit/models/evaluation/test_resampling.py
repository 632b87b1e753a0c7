"""Draws, the ends of intervals, chances."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from automl_core.models.evaluation.resampling import SMALL, VALUES, Draws, chance, ends, holm, seed_of, tail_of


def all_of(draws: Draws) -> np.ndarray:
    return np.concatenate(list(draws.blocks()))


def test_the_same_data_are_drawn_alike_and_others_are_not() -> None:
    one = all_of(Draws(30, None, 20, seed_of("abc", 30)))
    assert (one == all_of(Draws(30, None, 20, seed_of("abc", 30)))).all()
    assert (one != all_of(Draws(30, None, 20, seed_of("abd", 30)))).any()


def test_a_draw_of_few_has_as_many_as_there_are() -> None:
    assert (all_of(Draws(17, None, 300, (1,))).sum(axis=1) == 17).all()


def test_counts_of_many_are_poisson() -> None:
    counts = all_of(Draws(SMALL + 1, None, 40, (2,))).ravel()
    seen = np.bincount(counts.astype(int), minlength=6)[:6] / len(counts)
    assert seen == pytest.approx(stats.poisson(1).pmf(np.arange(6)), abs=0.004)
    assert counts.mean() == pytest.approx(1.0, abs=0.01)


def test_rows_of_a_unit_are_drawn_together_and_units_are_what_is_counted() -> None:
    codes = np.asarray([0, 0, 1, 2, 2, 2])
    draws = Draws(6, codes, 50, (3,))
    found = all_of(draws)
    assert draws.units == 3
    assert (found[:, 0] == found[:, 1]).all()
    assert (found[:, 3] == found[:, 5]).all()
    assert (found[:, [0, 2, 3]].sum(axis=1) == 3).all()


def test_blocks_have_all_draws_however_many_rows_there_are() -> None:
    assert sum(len(block) for block in Draws(VALUES // 3, None, 7, (4,)).blocks()) == 7


def test_the_expanded_tail_is_hesterbergs() -> None:
    n, wanted = 20, stats.norm.cdf(-math.sqrt(20 / 19) * stats.t.isf(0.025, 19))
    assert tail_of(n, 0.95) == pytest.approx(wanted, rel=1e-9)
    assert 0.015 < tail_of(n, 0.95) < 0.018
    assert tail_of(1_000_000, 0.95) == pytest.approx(0.025, rel=1e-4)


def test_an_interval_needs_draws_with_a_value() -> None:
    values = np.r_[np.full(30, np.nan), np.linspace(0, 1, 70)]
    assert all(map(math.isnan, ends(values, 50, 0.9)))
    low, high = ends(np.linspace(0, 1, 101), 10_000, 0.9)
    assert (low, high) == (pytest.approx(0.05, abs=1e-3), pytest.approx(0.95, abs=1e-3))
    assert all(map(math.isnan, ends(np.linspace(0, 1, 101), 1, 0.9)))


def test_the_chance_of_a_difference_is_students() -> None:
    draws = np.random.default_rng(1).normal(0.5, 0.2, 1000)
    wanted = 2 * stats.t.sf(0.5 / draws.std(ddof=1), 39)
    assert chance(0.5, draws, 40) == pytest.approx(wanted, rel=1e-9)


def test_where_no_draw_differs_the_chance_is_a_sign_tests() -> None:
    assert chance(0.0, np.zeros(100), 40) == 1.0
    assert chance(0.1, np.full(100, 0.1), 10) == pytest.approx(2 * 0.5**10)


def test_holm_by_hand() -> None:
    # 0.01 × 4, 0.02 × 3, 0.03 × 2, 0.9; never below one before it
    assert holm([0.03, 0.01, 0.9, 0.02]) == pytest.approx([0.06, 0.04, 0.9, 0.06])
    assert holm([0.04, math.nan, 0.01])[0] == pytest.approx(0.04)
    assert math.isnan(holm([0.04, math.nan])[1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_never_lowers_a_chance_and_keeps_their_order(chances: list[float]) -> None:
    found = holm(chances)
    assert all(corrected >= plain for plain, corrected in zip(chances, found, strict=True))
    assert all(each <= 1.0 for each in found)
    order = np.argsort(chances, kind="stable")
    assert (np.diff(np.asarray(found)[order]) >= 0).all()
