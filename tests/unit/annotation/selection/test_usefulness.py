"""Measures of usefulness, by their definitions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from automl_core.annotation.selection.pool import Pool
from automl_core.annotation.selection.usefulness import disagreement, entropy, in_words, margin, usefulness, vote
from tests.support.examples import examples

TABLE = np.array([[0.5, 0.5, 0.0], [0.7, 0.2, 0.1], [1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3]])


def test_margin_is_small_where_two_classes_are_alike() -> None:
    assert margin(TABLE) == pytest.approx([1.0, 0.5, 0.0, 1.0])


def test_entropy_is_a_share_of_the_most_possible() -> None:
    assert entropy(TABLE) == pytest.approx([np.log(2) / np.log(3), 0.7298466, 0.0, 1.0])


def test_a_committee_votes_by_the_mean() -> None:
    first, second = np.array([[1.0, 0.0], [0.9, 0.1]]), np.array([[0.0, 1.0], [0.9, 0.1]])
    assert vote(first, second) == pytest.approx([1.0, 0.2])
    assert disagreement(first, second) == pytest.approx([1.0, 0.0])


@given(st.integers(0, 10_000), st.integers(2, 6))
@settings(max_examples=examples(30), deadline=None)
def test_disagreement_is_scipys_divergence(seed: int, classes: int) -> None:
    first, second = np.random.default_rng(seed).dirichlet(np.full(classes, 0.5), (2, 5))
    theirs = [jensenshannon(one, other, base=2) ** 2 for one, other in zip(first, second, strict=True)]
    assert disagreement(first, second) == pytest.approx(np.array(theirs), abs=1e-9)


@pytest.mark.parametrize("by", ["margin", "entropy", "vote", "disagreement"])
def test_pieces_change_nothing_and_unknown_rows_stay_unknown(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    table = np.random.default_rng(0).dirichlet(np.ones(3), 7)
    table[3, 1] = np.nan
    pool = Pool([f"i{each}" for each in range(7)], table, second=table[:, ::-1].copy())
    whole = usefulness(pool, by)
    monkeypatch.setattr("automl_core.annotation.selection.usefulness.PIECE", 3)
    np.testing.assert_array_equal(usefulness(pool, by), whole)
    assert np.flatnonzero(np.isnan(whole)).tolist() == [3]
    assert ((whole >= 0) & (whole <= 1))[~np.isnan(whole)].all()


def test_words_name_classes() -> None:
    pool = Pool(["a"], np.array([[0.2, 0.5, 0.3]]), second=np.array([[0.9, 0.05, 0.05]]), classes=["x", "y", "z"])
    assert in_words(pool, 0, "margin", 0.8) == "the model hesitates between y (0.50) and z (0.30)"
    assert in_words(pool, 0, "vote", 0.8) == "the two models together hesitate between x (0.55) and y (0.28)"
    assert "y (0.50) or x (0.90)" in in_words(pool, 0, "disagreement", 0.4)
    assert "94%" in in_words(pool, 0, "entropy", 0.94)


def test_a_committee_of_one_is_refused() -> None:
    with pytest.raises(ValueError, match="disagreement needs the probabilities of two models"):
        usefulness(Pool(["a"], np.array([[0.5, 0.5]])), "disagreement")
