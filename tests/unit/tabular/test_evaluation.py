"""Intervals cover what they should, of groups more widely; importance names the columns that matter."""

from __future__ import annotations

import numpy as np
import pytest

from automl_core.modelfile.scoring.values import Coded, Frame
from automl_core.tabular import evaluation, importance
from automl_core.tabular.metrics import find
from automl_core.tabular.problem import Problem

REGRESSION = Problem("regression", "y", (), find(None, "regression"))
BINARY = Problem("binary", "y", ("no", "yes"), find("roc_auc", "binary"))


def test_an_interval_lies_about_the_value_and_narrows_with_rows() -> None:
    random = np.random.default_rng(0)
    widths = []
    for rows in (50, 2000):
        truth = random.normal(size=rows)
        found = evaluation.evaluate(REGRESSION, truth, truth + random.normal(size=rows), np.ones(rows))["rmse"]
        assert found["low"] < found["value"] < found["high"]
        widths.append(found["high"] - found["low"])
    assert widths[1] < widths[0] / 3


def test_rows_of_one_group_say_less() -> None:
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 50)
    truth = np.zeros(1000)
    outputs = random.normal(size=20)[groups]
    plain = evaluation.evaluate(REGRESSION, truth, outputs, np.ones(1000))["rmse"]
    grouped = evaluation.evaluate(REGRESSION, truth, outputs, np.ones(1000), groups=groups)["rmse"]
    assert grouped["high"] - grouped["low"] > 3 * (plain["high"] - plain["low"])


def test_labels_by_a_threshold_are_what_metrics_of_labels_see() -> None:
    truth = np.array([0, 1, 1, 1] * 20)
    p = np.array([0.1, 0.3, 0.3, 0.3] * 20)
    outputs = np.column_stack([1 - p, p])
    labels = (p >= 0.2).astype(np.int64)
    found = evaluation.evaluate(BINARY, truth, outputs, np.ones(80), labels=labels)
    assert found["accuracy"]["value"] == 1.0
    assert evaluation.evaluate(BINARY, truth, outputs, np.ones(80))["accuracy"]["value"] == 0.25
    assert evaluation.confusion(BINARY, truth, labels, np.ones(80))["counts"] == [[20.0, 0.0], [0.0, 60.0]]


def test_columns_that_matter_come_first() -> None:
    random = np.random.default_rng(0)
    x, other = random.normal(size=300), random.normal(size=300)
    code = Coded(random.integers(0, 2, 300).astype(np.int32), ("a", "b"))
    frame = Frame(300, {"other": other, "x": x, "code": code})
    truth = 3 * x + code.codes

    def predict(rows: Frame) -> np.ndarray:
        return 3 * rows.numbers("x") + rows.coded("code").codes

    judge = importance.Judge(predict, frame, truth, np.ones(300))
    found = importance.permutation(REGRESSION, [judge] * 3, seed=0)
    assert [each["column"] for each in found] == ["x", "code", "other"]
    assert found[2]["value"] == 0
    assert importance.permutation(REGRESSION, [judge], seed=0, until=0.0) == []


def test_residuals_are_truth_less_prediction() -> None:
    found = evaluation.residuals(np.array([3.0, 5.0]), np.array([1.0, 1.0]), np.array([1.0, 0.0]), 0)
    assert found["quantiles"]["0.5"] == pytest.approx(2.0)
    assert found["points"] == [{"predicted": 1.0, "true": 3.0}]
