from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from automl_core.training import measures


@given(st.integers(0, 2**32), st.integers(2, 4), st.integers(5, 40), st.booleans())
def test_classes_are_measured_as_scikit_learn_does(seed: int, count: int, rows: int, ties: bool) -> None:
    drawn = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(count), drawn.integers(0, count, rows)])
    raw = drawn.integers(1, 4, (len(truth), count)).astype(float) if ties else drawn.random((len(truth), count)) + 1e-3
    probabilities = raw / raw.sum(axis=1, keepdims=True)
    weights = drawn.choice([0.5, 1.0, 3.0], len(truth))
    predicted = probabilities.argmax(axis=1)
    found = measures.classification(truth, probabilities, weights)
    expected = {
        "accuracy": metrics.accuracy_score(truth, predicted, sample_weight=weights),
        "log_loss": metrics.log_loss(truth, probabilities, sample_weight=weights, labels=range(count)),
        "f1_macro": metrics.f1_score(truth, predicted, average="macro", sample_weight=weights),
        "roc_auc": metrics.roc_auc_score(
            truth, probabilities[:, 1] if count == 2 else probabilities, sample_weight=weights, multi_class="ovr"
        ),
    }
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(st.integers(0, 2**32), st.integers(2, 40))
def test_numbers_are_measured_as_scikit_learn_does(seed: int, rows: int) -> None:
    drawn = np.random.default_rng(seed)
    (truth, predicted), weights = drawn.normal(size=(2, rows)), drawn.random(rows) + 0.1
    found = measures.regression(truth, predicted, weights)
    expected = {
        "rmse": metrics.root_mean_squared_error(truth, predicted, sample_weight=weights),
        "mae": metrics.mean_absolute_error(truth, predicted, sample_weight=weights),
        "r2": metrics.r2_score(truth, predicted, sample_weight=weights),
    }
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_a_class_that_was_not_learned_is_never_right() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    found = measures.classification(np.array([0, 1, -1]), probabilities, np.ones(3))
    assert found["accuracy"] == pytest.approx(2 / 3)
    assert found["log_loss"] == pytest.approx((-np.log(0.9) - np.log(0.8) - np.log(1e-15)) / 3)


def test_what_is_not_defined_is_left_out() -> None:
    found = measures.classification(np.array([1, 1]), np.array([[0.5, 0.5], [0.1, 0.9]]), np.ones(2))
    assert "roc_auc" not in found, "there is one class only"
    assert measures.regression(np.ones(3), np.zeros(3), np.ones(3))["r2"] == 0
