"""Curves over the scores of one class against all others: exact figures, and as many points as a page can show.

Definitions are those of scikit-learn (`roc_curve`, `precision_recall_curve`, `average_precision_score`,
`calibration_curve` with uniform bins); ties of scores are one threshold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.details.figures import rounded, share

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MOST_POINTS = 200
"""Points of a curve."""

BINS = 10
"""Bins of a calibration curve."""


def ranked(truth: Bools, scores: Floats, weights: Floats) -> dict[str, Any] | None:
    """The ROC and the precision-recall curve of one class.

    Args:
        truth: whether a row is of the class.
        scores: how much it is held to be.
        weights: of the rows, positive.

    Returns:
        Areas, and points along both curves with the thresholds between them; None where one side has no row.
    """
    finite = np.isfinite(scores)
    truth, scores, weights = truth[finite], scores[finite], weights[finite]
    if not truth.any() or truth.all():
        return None
    order = np.argsort(-scores, kind="stable")
    truth, scores, weights = truth[order], scores[order], weights[order]
    last_of_tie = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    hits = np.cumsum(np.where(truth, weights, 0.0))[last_of_tie]
    alarms = np.cumsum(np.where(truth, 0.0, weights))[last_of_tie]
    recall, false_rate = hits / hits[-1], alarms / alarms[-1]
    precision = hits / (hits + alarms)
    x, y = np.append(0.0, false_rate), np.append(0.0, recall)
    area = float(np.sum(np.diff(x) * (y[1:] + y[:-1]) / 2))
    average = float(np.sum(np.diff(np.append(0.0, recall)) * precision))
    along_roc = thinned(x, y)
    along_pr = thinned(recall, precision)
    return {
        "roc_auc": rounded(area),
        "average_precision": rounded(average),
        "share": rounded(float(hits[-1] / (hits[-1] + alarms[-1]))),
        "roc": {"false_positive_rate": listed(x[along_roc]), "true_positive_rate": listed(y[along_roc])},
        "precision_recall": {"recall": listed(recall[along_pr]), "precision": listed(precision[along_pr])},
    }  # fmt: skip


def thinned(x: Floats, y: Floats, most: int = MOST_POINTS) -> NDArray[np.intp]:
    """Which points of a curve to show: the ends, and others evenly spread along its length."""
    if len(x) <= most:
        return np.arange(len(x))
    length = np.append(0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
    wanted = np.searchsorted(length, np.linspace(0.0, length[-1], most))
    return np.unique(np.concatenate([[0], np.minimum(wanted, len(x) - 1), [len(x) - 1]]))


def calibration(right: Bools, scores: Floats, weights: Floats) -> dict[str, Any] | None:
    """Whether scores are the probabilities that they look like.

    Args:
        right: whether what was scored came true.
        scores: how probable it was held to be.
        weights: of the rows.

    Returns:
        Bins of equal width with the mean score and how often it came true, the expected calibration error (Naeini,
        Cooper and Hauskrecht 2015) and Brier's score; None where scores are no probabilities.
    """
    finite = np.isfinite(scores)
    right, scores, weights = right[finite], scores[finite], weights[finite]
    if not len(scores) or scores.min() < 0 or scores.max() > 1:
        return None
    # as scikit-learn: a score on an edge belongs to the bin below it
    place = np.searchsorted(np.linspace(0, 1, BINS + 1)[1:-1], scores)
    total = np.bincount(place, weights, BINS)
    means = np.bincount(place, weights * scores, BINS)
    trues = np.bincount(place, weights * right, BINS)
    counts = np.bincount(place, minlength=BINS)
    bins = [
        {
            "low": k / BINS, "high": (k + 1) / BINS, "rows": int(counts[k]),
            "score": share(means[k], total[k]), "true": share(trues[k], total[k]),
        }
        for k in range(BINS)
    ]  # fmt: skip
    whole = float(total.sum())
    return {
        "bins": bins,
        "expected_error": rounded(float(np.abs(means - trues).sum() / whole)),
        "brier": rounded(float(np.sum(weights * (scores - right) ** 2) / whole)),
    }


def listed(values: Floats) -> list[float]:
    """Numbers as JSON has them, with digits enough for a plot."""
    return [float(f"{value:.6g}") for value in values]
