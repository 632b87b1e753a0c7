"""Labels that are probably wrong, and whether a second look is worth it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from automl_core.annotation.quality import suspects, worth
from tests.support.examples import examples


def planted(seed: int, items: int = 1500, share: float = 0.05) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(labels, probabilities that know the truth, which labels were changed)."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 3, (items, 3))
    found = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = (found.cumsum(axis=1) > random.random((items, 1))).argmax(axis=1)
    bad = random.random(items) < share
    return np.where(bad, (truth + random.integers(1, 3, items)) % 3, truth), found, bad


@given(st.integers(0, 1000))
@settings(max_examples=examples(20), deadline=None)
def test_probabilities_are_in_the_order_of_suspicion(seed: int) -> None:
    labels, found, _ = planted(seed, items=300)
    got = suspects(labels, found)
    assert sorted(got.order) == list(range(300))
    assert (np.diff(got.wrong[got.order]) <= 0).all()
    assert ((got.wrong >= 0) & (got.wrong <= 1)).all()
    assert got.joint.sum() == pytest.approx(1)
    assert got.joint.sum(axis=1) == pytest.approx(np.bincount(labels, minlength=3) / 300)
    assert (got.suggested[got.flagged] != labels[got.flagged]).all()
    assert got.flagged.sum() <= round(got.share * 300) + 1


def test_suspicion_follows_the_probability_of_the_label_as_cleanlabs_does() -> None:
    labels, found, bad = planted(4)
    plain = average_precision_score(bad, 1 - found[np.arange(len(labels)), labels])
    assert average_precision_score(bad, suspects(labels, found).wrong) == pytest.approx(plain, abs=1e-6)
    assert plain > 4 * 0.05


def test_the_joint_tells_which_class_is_given_as_which() -> None:
    """Cats are labelled as dogs, and nothing else is ever mistaken."""
    random = np.random.default_rng(0)
    truth = random.integers(0, 3, 3000)
    found = np.full((3000, 3), 0.08)
    found[np.arange(3000), truth] = 0.84
    labels = np.where((truth == 0) & (random.random(3000) < 0.15), 1, truth)
    got = suspects(labels, found)
    assert got.joint[1, 0] == pytest.approx(0.05, abs=0.01)
    assert got.share == pytest.approx(0.05, abs=0.01)
    assert (got.flagged == (labels != truth)).all()
    assert got.suggested[labels != truth].tolist() == [0] * int((labels != truth).sum())


def test_items_without_probabilities_are_left_out_and_counted() -> None:
    """cleanlab 2.9 finds nothing at all in such a table, and says nothing."""
    labels, found, _ = planted(1, items=400)
    whole = suspects(labels[100:], found[100:])
    found[:100] = np.nan
    got = suspects(labels, found)
    assert got.left_out == 100
    assert np.isnan(got.wrong[:100]).all()
    assert (got.order == whole.order + 100).all()
    assert not got.flagged[:100].any()
    assert got.flagged[100:].tolist() == whole.flagged.tolist()


def test_a_class_that_the_model_never_predicts_is_named_and_its_labels_are_not_all_called_wrong() -> None:
    """cleanlab 2.9 calls 99 of 100 such labels issues."""
    labels, found, _ = planted(2, items=600)
    found[:, 2] = 1e-9
    found /= found.sum(axis=1, keepdims=True)
    got = suspects(labels, found)
    assert got.blind == (2,)
    assert not got.flagged[labels == 2].any()
    assert got.flagged[labels != 2].any()


@pytest.mark.parametrize(
    ("labels", "found", "message"),
    [
        ([0, 1], [[0.5, 0.5]], "1 items have 1 labels"),
        ([2], [[0.5, 0.5]], "from 0 to 1"),
        ([0.0], [[0.5, 0.5]], "whole numbers"),
        ([0], [[0.5, 0.6]], "sum to 1"),
        ([0], [[np.nan, 0.6]], "no item has probabilities"),
        ([0], [[1.0]], "two classes"),
    ],
)
def test_what_is_no_table_of_labels_is_refused(labels: list[int], found: list[list[float]], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        suspects(labels, found)


@given(st.integers(2, 6), st.floats(0, 0.3), st.floats(0, 0.2))
@settings(max_examples=examples(40), deadline=None)
def test_worth_is_what_one_label_adds_to_the_number_of_right_ones(classes: int, noise: float, mistakes: float) -> None:
    many, c = 1e6, classes / (classes - 1)

    def right_ones(labels: float, wrong: float) -> float:
        return labels * max(0.0, 1 - c * wrong / labels) ** 2

    got = worth([1.0], classes=classes, noise=noise, mistakes=mistakes, selected=1.0)
    before = right_ones(many, many * noise)
    assert got.again[0] == pytest.approx(right_ones(many, many * noise - (1 - mistakes)) - before, abs=1e-2)
    assert got.new == pytest.approx(max(0.0, right_ones(many + 1, many * noise + mistakes) - before), abs=1e-2)


def test_suspects_come_first_where_they_are_worth_more() -> None:
    found = worth([0.9, 0.3, np.nan, 0.0], classes=2, noise=0.05)
    assert found.first.tolist() == [True, False, False, False]
    assert worth([0.9], classes=2, noise=0.05, price_again=3).first.tolist() == [False]
    assert worth([0.3], classes=2, noise=0.25).first.tolist() == [False]
    with pytest.raises(ValueError, match="prices"):
        worth([0.3], classes=2, noise=0.1, price_new=0)
    with pytest.raises(ValueError, match="from 0 to 1"):
        worth([1.3], classes=2, noise=0.1)
