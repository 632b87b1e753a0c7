"""Metrics agree with scikit-learn's (by properties, where it is installed) and with Azure's definitions by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.tabular.metrics import MetricError, find, names, own
from tests.support.examples import examples


def _classification(seed: int, classes: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = np.r_[np.arange(classes), random.integers(0, classes, rows)]
    probabilities = random.dirichlet(np.ones(classes), len(truth)).round(2) + 1e-3
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return truth, probabilities, random.integers(1, 4, len(truth)).astype(float)


@settings(max_examples=examples(25), deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 4), st.integers(5, 60))
def test_classification_metrics_are_scikit_learns(seed: int, classes: int, rows: int) -> None:
    measures = pytest.importorskip("sklearn.metrics")
    truth, probabilities, weights = _classification(seed, classes, rows)
    predicted = probabilities.argmax(axis=1)
    kind = "binary" if classes == 2 else "multiclass"
    with_weights = {"sample_weight": weights}
    wanted = {
        "accuracy": measures.accuracy_score(truth, predicted, **with_weights),
        "balanced_accuracy": measures.balanced_accuracy_score(truth, predicted, **with_weights),
        "norm_macro_recall": measures.balanced_accuracy_score(truth, predicted, adjusted=True, **with_weights),
        "precision_score_weighted": measures.precision_score(
            truth, predicted, average="weighted", zero_division=0, **with_weights
        ),
        "f1_macro": measures.f1_score(truth, predicted, average="macro", zero_division=0, **with_weights),
        "f1_weighted": measures.f1_score(truth, predicted, average="weighted", zero_division=0, **with_weights),
        "log_loss": measures.log_loss(truth, probabilities, **with_weights),
    }
    if classes == 2:
        scores = probabilities[:, 1]
        wanted["roc_auc"] = wanted["AUC_weighted"] = measures.roc_auc_score(truth, scores, **with_weights)
        wanted["average_precision"] = measures.average_precision_score(truth, scores, **with_weights)
        wanted["f1"] = measures.f1_score(truth, predicted, zero_division=0, **with_weights)
        wanted["precision"] = measures.precision_score(truth, predicted, zero_division=0, **with_weights)
        wanted["recall"] = measures.recall_score(truth, predicted, zero_division=0, **with_weights)
        wanted["brier_score"] = measures.brier_score_loss(truth, scores, **with_weights)
    else:
        for name, average in (("roc_auc", "macro"), ("AUC_weighted", "weighted")):
            wanted[name] = measures.roc_auc_score(
                np.eye(classes)[truth], probabilities, average=average, **with_weights
            )
    wanted["average_precision_score_weighted"] = measures.average_precision_score(
        np.eye(classes)[truth], probabilities, average="weighted", **with_weights
    )
    found = {name: find(name, kind).score(truth, probabilities, weights) for name in wanted}
    assert found == pytest.approx(wanted, abs=1e-9)


@settings(max_examples=examples(25), deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 60))
def test_regression_metrics_are_scikit_learns(seed: int, rows: int) -> None:
    measures = pytest.importorskip("sklearn.metrics")
    from scipy.stats import spearmanr

    random = np.random.default_rng(seed)
    truth, outputs = random.uniform(0.5, 9, rows).round(1), random.uniform(0.5, 9, rows).round(1)
    weights = random.integers(1, 4, rows).astype(float)
    given_weights = {"sample_weight": weights}
    root = measures.root_mean_squared_error(truth, outputs, **given_weights)
    absolute = measures.mean_absolute_error(truth, outputs, **given_weights)
    wanted = {
        "rmse": root,
        "mse": root**2,
        "mae": absolute,
        "mape": measures.mean_absolute_percentage_error(truth, outputs, **given_weights),
        "rmsle": measures.root_mean_squared_log_error(truth, outputs, **given_weights),
        "r2_score": measures.r2_score(truth, outputs, **given_weights),
        "pinball(0.9)": measures.mean_pinball_loss(truth, outputs, alpha=0.9, **given_weights),
        "normalized_root_mean_squared_error": root / (np.ptp(truth) or 1),
        "normalized_mean_absolute_error": absolute / (np.ptp(truth) or 1),
    }
    found = {name: find(name, "regression").score(truth, outputs, weights) for name in wanted}
    assert found == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    plain = find("spearman_correlation", "regression").score(truth, outputs)
    if np.ptp(truth) and np.ptp(outputs):
        assert plain == pytest.approx(spearmanr(truth, outputs).statistic, abs=1e-9)
    middle = find("median_absolute_error", "regression").score(truth, outputs)
    assert middle == pytest.approx(measures.median_absolute_error(truth, outputs))


def test_a_row_of_weight_two_is_the_row_twice() -> None:
    truth, probabilities, weights = _classification(3, 3, 40)
    times = weights.astype(int)
    for name in names("multiclass"):
        metric = find(name, "multiclass")
        again = metric.score(np.repeat(truth, times), np.repeat(probabilities, times, axis=0))
        assert metric.score(truth, probabilities, weights) == pytest.approx(again, abs=1e-9), name


def test_rows_of_weight_zero_are_not_there() -> None:
    truth = np.r_[np.full(100, 1e6), np.linspace(0, 10, 50)]
    outputs = np.r_[np.zeros(100), np.linspace(0, 10, 50) + 0.1]
    weights = np.r_[np.zeros(100), np.ones(50)]
    normalised = find("normalized_root_mean_squared_error", "regression")
    assert find("rmse", "regression").score(truth, outputs, weights) == pytest.approx(0.1)
    # the range of rows without weight would make everything look perfect: 1e-7
    assert normalised.score(truth, outputs, weights) == pytest.approx(0.01)
    assert normalised.scaled(truth, weights).score(truth, outputs, weights) == pytest.approx(0.01)


def test_a_scaled_metric_divides_by_the_range_of_all_rows_in_every_part() -> None:
    metric = find("normalized_mean_absolute_error", "regression").scaled(np.array([0.0, 100.0]))
    assert metric.score(np.array([10.0, 20.0]), np.array([20.0, 30.0])) == pytest.approx(0.1)


def test_one_class_alone_has_no_area() -> None:
    metric = find("roc_auc", "binary")
    assert math.isnan(metric.score(np.ones(3, dtype=int), np.full((3, 2), 0.5)))


def test_outputs_that_are_not_finite_have_no_score() -> None:
    assert math.isnan(find("rmse", "regression").score(np.zeros(2), np.array([1.0, np.inf])))


def test_a_loss_is_lower_where_the_score_is_better() -> None:
    truth, right, wrong = np.array([0, 1]), np.eye(2), np.eye(2)[::-1]
    for name in ("accuracy", "log_loss"):
        metric = find(name, "binary")
        assert metric.loss(truth, right) < metric.loss(truth, wrong)
        assert metric.reached(metric.score(truth, right), metric.score(truth, wrong))


def test_a_function_of_the_users_own_sees_the_classes_as_they_are_written() -> None:
    def share_of_02(y_true: np.ndarray, y_pred: np.ndarray) -> float:
        return float(np.mean((y_true == "02") & (y_pred == "02")))

    metric = find(share_of_02, "multiclass", classes=("01", "02", "10"))
    assert metric.name == "share_of_02"
    assert metric.score(np.array([0, 1, 2, 1]), np.eye(3)[[0, 1, 2, 0]]) == 0.25


def test_a_function_of_the_users_own_gets_weights_where_it_takes_them() -> None:
    def weighted(y_true: np.ndarray, y_pred: np.ndarray, sample_weight: np.ndarray) -> float:
        return float(sample_weight.sum())

    metric = own(weighted, needs="numbers", direction="minimize")
    assert metric.score(np.zeros(3), np.zeros(3), np.array([1.0, 0.0, 5.0])) == 6.0


def test_a_function_in_a_file_is_found_by_its_place(tmp_path) -> None:
    (tmp_path / "mine.py").write_text("def cost(y_true, y_pred):\n    return 7\ncost.direction = 'minimize'\n")
    metric = find(f"{tmp_path}/mine.py:cost", "regression")
    assert (metric.name, metric.direction, metric.score(np.zeros(1), np.zeros(1))) == ("cost", "minimize", 7.0)


@pytest.mark.parametrize(
    ("wanted", "kind", "said"),
    [
        ("acuracy", "binary", "did you mean 'accuracy'"),
        ("rmse", "binary", "rmse is none for binary"),
        ("f1", "multiclass", "is for two classes"),
        ("pinball(1.5)", "regression", "there is no metric"),
        ("nowhere:cost", "regression", "No module named"),
        (lambda y, p: "good", "regression", "which is no number"),
    ],
)
def test_what_is_no_metric_is_said(wanted: object, kind: str, said: str) -> None:
    with pytest.raises(MetricError, match=said.replace("(", r"\(")):
        find(wanted, kind).score(np.zeros(2), np.zeros(2))  # type: ignore[arg-type]
