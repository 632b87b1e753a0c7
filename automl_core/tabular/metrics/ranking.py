"""Metrics of an order of rows: areas under the ROC curve and average precision.

Azure's weighted ones take each class against the rest, also of two, averaged by how often each truly is ("Evaluate
automated ML experiment results": binary problems are scored as multiclass ones unless a positive label is named).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.tabular.metrics.base import Codes, Floats, Metric
from automl_core.training.measures import area


def average_precision(positive: NDArray[np.bool_], scores: Floats, weights: Floats) -> float:
    """Sum over thresholds of (recall gained × precision), as scikit-learn has it; NaN of none."""
    order = np.argsort(-scores, kind="stable")
    scores, positive, weights = scores[order], positive[order], weights[order]
    ends = np.flatnonzero(np.r_[scores[1:] != scores[:-1], True])
    hits = np.cumsum(np.where(positive, weights, 0.0))[ends]
    given = np.cumsum(weights)[ends]
    if hits[-1] == 0:
        return math.nan
    gained = np.diff(np.r_[0.0, hits]) / hits[-1]
    return float((gained * hits / given).sum())


def _one_against_rest(measure: Any, truth: Codes, probabilities: Floats, weights: Floats, weighted: bool) -> float:
    """Average of the classes that occur: a class without a true row has no area."""
    values, shares = [], []
    for each in np.unique(truth):
        positive = truth == each
        values.append(measure(positive, probabilities[:, each], weights))
        shares.append(weights[positive].sum() if weighted else 1.0)
    return float(np.average(values, weights=shares))


def auc_weighted(truth: Codes, probabilities: Floats, weights: Floats, **_: Any) -> float:
    """Azure's ``AUC_weighted``."""
    return _one_against_rest(area, truth, probabilities, weights, True)


def roc_auc(truth: Codes, probabilities: Floats, weights: Floats, **_: Any) -> float:
    """Of two classes the area of the second; of more each against the rest, plain mean (scikit-learn's ovr, macro)."""
    if probabilities.shape[1] == 2:
        return area(truth == 1, probabilities[:, 1], weights)
    return _one_against_rest(area, truth, probabilities, weights, False)


def average_precision_weighted(truth: Codes, probabilities: Floats, weights: Floats, **_: Any) -> float:
    """Azure's ``average_precision_score_weighted``."""
    return _one_against_rest(average_precision, truth, probabilities, weights, True)


def average_precision_second(truth: Codes, probabilities: Floats, weights: Floats, **_: Any) -> float:
    """Of two classes the average precision of the second; of more the plain mean."""
    if probabilities.shape[1] == 2:
        return average_precision(truth == 1, probabilities[:, 1], weights)
    return _one_against_rest(average_precision, truth, probabilities, weights, False)


METRICS = tuple(
    Metric(name, "maximize", "probabilities", function, perfect=1.0)
    for name, function in {
        "AUC_weighted": auc_weighted,
        "roc_auc": roc_auc,
        "average_precision_score_weighted": average_precision_weighted,
        "average_precision": average_precision_second,
    }.items()
)
