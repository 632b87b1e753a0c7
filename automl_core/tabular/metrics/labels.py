"""Metrics of predicted classes: accuracy, precision, recall and F1 in their averages.

A class that occurs neither in the truth nor among the predictions has no part in an average, as in scikit-learn.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from automl_core.tabular.metrics.base import Codes, Floats, Metric, mean


def _counts(truth: Codes, predicted: Codes, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Weights of hits, predictions and truths by class that occurs in either."""
    occur, codes = np.unique(np.concatenate([truth, predicted]), return_inverse=True)
    true, given = codes[: len(truth)], codes[len(truth) :]
    size = len(occur)
    right = true == given
    found = [(true[right], weights[right]), (given, weights), (true, weights)]
    hits, predicted_so, truly_so = (np.bincount(*each, minlength=size).astype(np.float64) for each in found)
    return hits, predicted_so, truly_so


def _over(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.zeros(len(above)), where=below > 0)


def accuracy(truth: Codes, predicted: Codes, weights: Floats, **_: Any) -> float:
    """Share of rows whose class is right."""
    return mean(truth == predicted, weights)


def recall_macro(truth: Codes, predicted: Codes, weights: Floats, **_: Any) -> float:
    """Mean over the classes of the truth of the share that is found (scikit-learn's ``balanced_accuracy_score``)."""
    hits, _given, there = _counts(truth, predicted, weights)
    return float(_over(hits, there)[there > 0].mean())


def norm_macro_recall(truth: Codes, predicted: Codes, weights: Floats, **_: Any) -> float:
    """Azure's ``norm_macro_recall``: 1 is perfect, 0 is chance: (recall − R) / (1 − R), R = 1 / classes.

    Azure: "Evaluate automated ML experiment results", norm_macro_recall: R = 0.5 for binary, 1/C for C classes.
    """
    found = recall_macro(truth, predicted, weights)
    classes = max(len(np.unique(truth)), 2)
    return (found - 1 / classes) / (1 - 1 / classes)


def precision_weighted(truth: Codes, predicted: Codes, weights: Floats, **_: Any) -> float:
    """Precision of each class, averaged by how often the class truly is; 0 for a class that is never predicted."""
    hits, given, there = _counts(truth, predicted, weights)
    return float(np.dot(_over(hits, given), there) / there.sum())


def _f1(truth: Codes, predicted: Codes, weights: Floats) -> tuple[Floats, Floats]:
    hits, given, there = _counts(truth, predicted, weights)
    return _over(2 * hits, given + there), there


def f1_macro(truth: Codes, predicted: Codes, weights: Floats, **_: Any) -> float:
    """Plain mean of the classes' F1."""
    return float(_f1(truth, predicted, weights)[0].mean())


def f1_weighted(truth: Codes, predicted: Codes, weights: Floats, **_: Any) -> float:
    """Mean of the classes' F1 by how often each truly is."""
    scores, there = _f1(truth, predicted, weights)
    return float(np.dot(scores, there) / there.sum())


def _share(truth: Codes, predicted: Codes, weights: Floats, of: Codes) -> float:
    """Weight of rows where truth and prediction are the second class, by the weight of those where ``of`` is."""
    below = weights[of == 1].sum()
    return float(weights[(truth == 1) & (predicted == 1)].sum() / below) if below > 0 else 0.0


def f1(truth: Codes, predicted: Codes, weights: Floats, **_: Any) -> float:
    """F1 of the second of two classes."""
    both = weights[truth == 1].sum() + weights[predicted == 1].sum()
    return float(2 * weights[(truth == 1) & (predicted == 1)].sum() / both) if both > 0 else 0.0


def precision(truth: Codes, predicted: Codes, weights: Floats, **_: Any) -> float:
    """Precision of the second of two classes, 0 where it is never predicted."""
    return _share(truth, predicted, weights, predicted)


def recall(truth: Codes, predicted: Codes, weights: Floats, **_: Any) -> float:
    """Recall of the second of two classes, 0 where it never truly is."""
    return _share(truth, predicted, weights, truth)


METRICS = tuple(
    Metric(name, "maximize", "labels", function, perfect=1.0)
    for name, function in {
        "accuracy": accuracy,
        "balanced_accuracy": recall_macro,
        "norm_macro_recall": norm_macro_recall,
        "precision_score_weighted": precision_weighted,
        "f1_macro": f1_macro,
        "f1_weighted": f1_weighted,
        "f1": f1,
        "precision": precision,
        "recall": recall,
    }.items()
)

BINARY = frozenset({"f1", "precision", "recall"})
"""Those of the second of two classes."""
