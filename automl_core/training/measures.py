"""Measures of predictions, in numpy alone: importing scikit-learn for them costs a short trial more than its training.

Names and definitions are those of scikit-learn, which the tests compare with. All take weights of rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]


def classification(truth: Codes, probabilities: Floats, weights: Floats) -> dict[str, float]:
    """Measure probabilities of classes.

    Args:
        truth: (n,) positions of the true classes; -1 for a class that the model does not have, which no prediction
            gets right.
        probabilities: (n, k), each row sums to 1.
        weights: (n,), at least one above 0.

    Returns:
        ``accuracy``, ``log_loss`` (natural logarithm, probabilities no less than 1e-15), ``f1_macro``, and ``roc_auc``:
        of two classes that of the second; of more, each class against the rest, averaged. It is left out where a class
        is missing, since it is not defined then.
    """
    predicted = probabilities.argmax(axis=1)
    known = truth >= 0
    given = np.where(known, probabilities[np.arange(len(truth)), np.maximum(truth, 0)], 0.0)
    measured = {
        "accuracy": _mean(predicted == truth, weights),
        "log_loss": _mean(-np.log(np.clip(given, 1e-15, 1.0)), weights),
        "f1_macro": _f1_macro(truth, predicted, weights),
    }
    count = probabilities.shape[1]
    positives = [1] if count == 2 else range(count)
    areas = [area(truth == each, probabilities[:, each], weights) for each in positives]
    if not np.isnan(areas).any():
        measured["roc_auc"] = float(np.mean(areas))
    return measured


def regression(truth: Floats, predicted: Floats, weights: Floats) -> dict[str, float]:
    """Measure predicted numbers, all arguments (n,): ``rmse``, ``mae``, ``r2`` (0 where the truth is constant)."""
    errors = truth - predicted
    square = _mean(errors**2, weights)
    spread = _mean((truth - np.average(truth, weights=weights)) ** 2, weights)
    return {
        "rmse": square**0.5,
        "mae": _mean(np.abs(errors), weights),
        "r2": 1.0 - square / spread if spread > 0 else 0.0,
    }


def _mean(values: NDArray[np.generic], weights: Floats) -> float:
    return float(np.average(values.astype(np.float64), weights=weights))


def _f1_macro(truth: Codes, predicted: Codes, weights: Floats) -> float:
    # over the classes that occur in either, as scikit-learn does
    scores = []
    for each in np.union1d(truth, predicted):
        hit = weights[(truth == each) & (predicted == each)].sum()
        both = weights[truth == each].sum() + weights[predicted == each].sum()
        scores.append(2 * hit / both if both > 0 else 0.0)
    return float(np.mean(scores))


def area(positive: NDArray[np.bool_], scores: Floats, weights: Floats) -> float:
    """Area under the ROC curve: the weighted share of pairs that are in order, ties counting half; NaN of one class."""
    up, down = np.where(positive, weights, 0.0), np.where(positive, 0.0, weights)
    if up.sum() == 0 or down.sum() == 0:
        return float("nan")
    _, tie = np.unique(scores, return_inverse=True)
    ups, downs = np.bincount(tie, up), np.bincount(tie, down)
    below = np.cumsum(downs) - downs
    return float((ups * (below + downs / 2)).sum() / (up.sum() * down.sum()))
