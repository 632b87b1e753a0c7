"""Where classes were predicted: which are mistaken for which, how each fares, and what the scores are worth.

Precision, recall and F1 are scikit-learn's; where nothing is to be divided by there is none (`zero_division=nan`),
and in a mean over classes it counts as 0, as there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.details.curves import calibration, ranked
from automl_core.details.figures import amount, rounded, share
from automl_core.details.scores import Scores

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]

MOST_SHOWN = 30
"""Classes of the confusion matrix; those with the most rows, where there are more."""

MOST_LISTED = 200
"""Classes whose figures are listed."""

MOST_PAIRS = 20
"""Pairs of classes that are listed as confused most."""

MOST_CURVES = 10
"""Classes whose curves are made."""

WORST = 20
"""Errors that are listed of a class."""

MOST_WORST = 1000
"""Errors that are listed in all."""

REST = "…"
"""What the classes are called that the matrix puts together."""


class Confusion:
    """Rows by what they are and what they were taken for."""

    def __init__(self, truth: Codes, prediction: Codes, weights: Floats, classes: Sequence[str]) -> None:
        """Count.

        Args:
            truth, prediction: places in ``classes``, one a row.
            weights: of the rows.
            classes: in their fixed order.
        """
        self.classes = list(classes)
        count = len(self.classes)
        pairs, where = np.unique(truth * count + prediction, return_inverse=True)
        self._at = (pairs // count, pairs % count)
        self._sums = np.bincount(where, weights, len(pairs))
        self.total = float(weights.sum())
        self.support = np.bincount(truth, weights, count)
        self.predicted = np.bincount(prediction, weights, count)
        same = self._at[0] == self._at[1]
        self.right = np.zeros(count)
        self.right[self._at[0][same]] = self._sums[same]

    def order(self) -> NDArray[np.intp]:
        """Classes by their rows, those with the most first; of equal ones in their fixed order."""
        return np.argsort(-(self.support + self.predicted), kind="stable")

    def overall(self) -> dict[str, Any]:
        """Figures over all classes."""
        with np.errstate(divide="ignore", invalid="ignore"):
            recall = np.nan_to_num(self.right / self.support)
            f1 = np.nan_to_num(2 * self.right / (self.support + self.predicted))
        there = self.support > 0
        return {
            "accuracy": share(float(self.right.sum()), self.total),
            "balanced_accuracy": rounded(float(recall[there].mean())) if there.any() else None,
            "macro_f1": rounded(float(f1[there | (self.predicted > 0)].mean())),
            "weighted_f1": share(float((f1 * self.support).sum()), self.total),
            "errors": amount(self.total - float(self.right.sum())),
        }

    def per_class(self) -> dict[str, list[Any]]:
        """How each class fares, as columns: in their fixed order, of many those with the most rows."""
        shown = np.sort(self.order()[:MOST_LISTED])
        return {
            "class": [self.classes[k] for k in shown],
            "support": [amount(self.support[k]) for k in shown],
            "predicted": [amount(self.predicted[k]) for k in shown],
            "right": [amount(self.right[k]) for k in shown],
            "precision": [share(self.right[k], self.predicted[k]) for k in shown],
            "recall": [share(self.right[k], self.support[k]) for k in shown],
            "f1": [share(2 * self.right[k], self.support[k] + self.predicted[k]) for k in shown],
        }

    def matrix(self) -> dict[str, Any]:
        """Truth by prediction; of many classes those with the most rows, and all others together."""
        shown = np.sort(self.order()[:MOST_SHOWN])
        size, rest = len(shown), len(self.classes) > len(shown)
        place = np.full(len(self.classes), size)
        place[shown] = np.arange(size)
        counts = np.zeros((size + rest, size + rest))
        np.add.at(counts, (place[self._at[0]], place[self._at[1]]), self._sums)
        return {
            "classes": [self.classes[k] for k in shown] + ([REST] if rest else []),
            "rest": len(self.classes) - size,
            "counts": [[amount(each) for each in row] for row in counts],
        }

    def most_confused(self) -> list[dict[str, Any]]:
        """The most frequent mistakes."""
        wrong = np.flatnonzero(self._at[0] != self._at[1])
        most = wrong[np.argsort(-self._sums[wrong], kind="stable")][:MOST_PAIRS]
        return [
            {
                "truth": self.classes[self._at[0][k]], "prediction": self.classes[self._at[1][k]],
                "rows": amount(self._sums[k]), "share": share(self._sums[k], self.support[self._at[0][k]]),
            }
            for k in most
        ]  # fmt: skip


def scored(confusion: Confusion, truth: Codes, prediction: Codes, weights: Floats, scores: Scores) -> dict[str, Any]:
    """What the scores are worth: curves of classes, calibration."""
    body: dict[str, Any] = {"meaning": scores.words, "missing": scores.missing, "curves": [], "calibration": None}
    wanted = [k for k in confusion.order() if scores.has(int(k))][:MOST_CURVES]
    for k in sorted(int(k) for k in wanted):
        curve = ranked(truth == k, scores.of(k), weights)
        if curve is not None:
            body["curves"].append({"class": confusion.classes[k], **curve})
    if scores.positive is not None:
        of = scores.positive
        found = calibration(truth == of, scores.of(of), weights)
        body["calibration"] = found and {"of": confusion.classes[of], **found}
    elif scores.confidence is not None:
        found = calibration(truth == prediction, scores.confidence, weights)
        body["calibration"] = found and {"of": None, **found}
    return body


def worst(
    truth: Codes, prediction: Codes, confidence: Floats | None, size: Callable[[int], float]
) -> list[tuple[int, NDArray[np.intp]]]:
    """Of each class the rows that were taken for another one, the most confident mistakes first.

    Args:
        truth, prediction: places of classes, one a row.
        confidence: in what was predicted; without it the first mistakes are taken.
        size: how many rows of a class are wrong, for whose turn it is where there are too many.

    Returns:
        (class, rows), the class with the most mistakes first.
    """
    wrong = np.flatnonzero(truth != prediction)
    rank = -np.nan_to_num(confidence[wrong], nan=-np.inf) if confidence is not None else np.zeros(len(wrong))
    order = wrong[np.lexsort((wrong, rank, truth[wrong]))]
    classes, starts, counts = np.unique(truth[order], return_index=True, return_counts=True)
    turn = sorted(range(len(classes)), key=lambda k: (-size(int(classes[k])), int(classes[k])))
    found: list[tuple[int, NDArray[np.intp]]] = []
    left = MOST_WORST
    for k in turn:
        rows = order[starts[k] : starts[k] + min(int(counts[k]), WORST, left)]
        if len(rows):
            found.append((int(classes[k]), rows))
            left -= len(rows)
    return found
