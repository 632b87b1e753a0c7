"""Metrics of many bootstrap draws at once, each equal to what `tabular.metrics` says of rows with those weights.

A metric is taken apart once (an order of scores, columns whose means it is made of, cells of a confusion matrix); a
draw then costs a few passes over the rows and no sort. What can't be taken apart, as a function of the user's own, is
computed on the drawn rows, with fewer draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from automl_core.models.evaluation.subjects import Said
from automl_core.tabular.metrics import Metric
from automl_core.tabular.metrics.probabilities import LEAST

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

MOST_WHOLE = 200
"""Draws of a metric that is computed on the drawn rows."""

FEW_CELLS = 16
"""Cells up to which a product of matrices sums their weights, which is quicker than counting."""

MOST_CLASSES = 20
"""Classes up to which areas are drawn in full; with more, fewer draws are made."""


class Statistic(Protocol):
    """A metric of some rows.

    Attributes:
        most: draws that it is worth at most.
    """

    most: int

    def again(self, weights: Floats) -> Floats:
        """(b,) its values by (b, n) weights; NaN where it is not defined."""
        ...


@dataclass
class Means:
    """Made of weighted means of columns."""

    columns: Floats
    finish: Callable[[Floats], Floats]
    most: int = 1_000_000

    def again(self, weights: Floats) -> Floats:
        """See `Statistic`."""
        total = weights.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.finish((weights @ self.columns) / total[:, None]), dtype=np.float64)


class Cells:
    """A confusion matrix by draws, its cells that occur alone; shared by the metrics of labels."""

    def __init__(self, truth: Codes, labels: Codes, classes: int) -> None:
        found, self._codes = np.unique(truth * classes + labels, return_inverse=True)
        self.truth, self.labels = found // classes, found % classes
        self._places: Floats | None = None
        if len(found) <= FEW_CELLS:
            self._places = (self._codes[:, None] == np.arange(len(found))).astype(np.float64)
        self._of: tuple[Floats | None, Floats | None] = (None, None)

    def weights(self, weights: Floats) -> Floats:
        """(b, cells)."""
        if self._of[0] is not weights:  # the last block is held, so that its place in memory can't be another's
            if self._places is not None:
                found = weights @ self._places
            else:
                found = np.empty((len(weights), len(self.truth)))
                for k, each in enumerate(weights):
                    found[k] = np.bincount(self._codes, each, len(self.truth))
            self._of = (weights, found)
        return self._of[1]  # type: ignore[return-value]


@dataclass
class OfCells:
    """A metric of labels: of the cells as if they were rows."""

    metric: Metric
    cells: Cells
    most: int = 1_000_000

    def again(self, weights: Floats) -> Floats:
        """See `Statistic`."""
        found = self.cells.weights(weights)
        return np.asarray([self.metric.score(self.cells.truth, self.cells.labels, each) for each in found])


class Area:
    """The area under the ROC curve of one class against the rest."""

    def __init__(self, positive: NDArray[np.bool_], scores: Floats) -> None:
        ups, downs = np.flatnonzero(positive), np.flatnonzero(~positive)
        self._downs = downs[np.argsort(scores[downs], kind="stable")]
        below = scores[self._downs]
        self._ups = ups
        self._under = np.searchsorted(below, scores[ups], side="left")
        self._upto = np.searchsorted(below, scores[ups], side="right")

    def again(self, weights: Floats) -> Floats:
        """See `Statistic`."""
        reached = np.zeros((len(weights), len(self._downs) + 1))
        np.cumsum(np.take(weights, self._downs, axis=1), axis=1, out=reached[:, 1:])
        ups = np.take(weights, self._ups, axis=1)
        beaten = np.take(reached, self._under, axis=1)
        beaten += np.take(reached, self._upto, axis=1)
        beaten *= ups
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(beaten.sum(axis=1) / (2 * ups.sum(axis=1) * reached[:, -1]))


class Precision:
    """The average precision of one class against the rest."""

    def __init__(self, positive: NDArray[np.bool_], scores: Floats) -> None:
        self._order = np.argsort(-scores, kind="stable")
        ordered = scores[self._order]
        self._ends = np.flatnonzero(np.r_[ordered[1:] != ordered[:-1], True])
        self._positive = positive[self._order].astype(np.float64)

    def again(self, weights: Floats) -> Floats:
        """See `Statistic`."""
        ordered = np.take(weights, self._order, axis=1)
        given = np.cumsum(ordered, axis=1)[:, self._ends]
        ordered *= self._positive
        hits = np.cumsum(ordered, axis=1)[:, self._ends]
        gained = np.diff(hits, axis=1, prepend=0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            share = np.where(given > 0, hits / given, 0.0)
            return np.asarray((gained * share).sum(axis=1) / hits[:, -1])


class Averaged:
    """One class against the rest, averaged over the classes that a draw has."""

    def __init__(self, of: Any, truth: Codes, probabilities: Floats, weighted: bool) -> None:
        self._truth = [truth == each for each in np.unique(truth)]
        self._parts = [of(truth == each, probabilities[:, each]) for each in np.unique(truth)]
        self._weighted = weighted
        self.most = max(200, 1000 * MOST_CLASSES // max(len(self._parts), 1))

    def again(self, weights: Floats) -> Floats:
        """See `Statistic`."""
        values = np.column_stack([part.again(weights) for part in self._parts])
        shares = weights @ np.column_stack(self._truth).astype(np.float64)
        alone = (shares > 0).sum(axis=1) < 2  # a draw of one class has no area
        if not self._weighted:
            shares = (shares > 0).astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            found = (np.where(shares > 0, values, 0.0) * shares).sum(axis=1) / shares.sum(axis=1)
        return np.where(alone, np.nan, found)


@dataclass
class One:
    """Of two classes the second."""

    part: Area | Precision
    most: int = 1_000_000

    def again(self, weights: Floats) -> Floats:
        """See `Statistic`."""
        return self.part.again(weights)


@dataclass
class Whole:
    """A metric computed on the rows that were drawn, as often as they were."""

    metric: Metric
    truth: NDArray[Any]
    given: NDArray[Any]
    most: int = MOST_WHOLE

    def again(self, weights: Floats) -> Floats:
        """See `Statistic`."""
        found = np.full(len(weights), math.nan)
        for k, each in enumerate(weights):
            places = np.repeat(np.arange(len(each)), each.astype(np.int64))
            if len(places):
                found[k] = self.metric.score(self.truth[places], self.given[places])
        return found


_AREAS: dict[str, tuple[type[Area] | type[Precision], bool]] = {
    "roc_auc": (Area, False), "AUC_weighted": (Area, True),
    "average_precision": (Precision, False), "average_precision_score_weighted": (Precision, True),
}  # fmt: skip
_SECOND = frozenset({"roc_auc", "average_precision"})
"""Of two classes, the area of the second alone."""

_LABELS = frozenset(
    {
        "accuracy", "balanced_accuracy", "norm_macro_recall", "precision_score_weighted", "f1_macro", "f1_weighted",
        "f1", "precision", "recall",
    }
)  # fmt: skip


def given_of(metric: Metric, said: Said) -> NDArray[Any] | None:
    """What a metric is given of what a model says: None where the model doesn't say it."""
    if metric.needs == "numbers":
        return said.outputs
    if metric.needs == "labels":
        return said.labels
    return said.outputs if said.outputs.ndim == 2 and said.outputs.shape[1] else None


def statistic(metric: Metric, truth: NDArray[Any], said: Said, cells: Cells | None = None) -> Statistic:
    """A metric, taken apart for draws.

    Args:
        metric: scaled by the whole data where it is normalised.
        truth: (n,) positions of classes or numbers.
        said: of the same rows; it has what the metric needs.
        cells: of truth and labels, where several metrics share them.
    """
    given = given_of(metric, said)
    assert given is not None
    if metric.needs == "probabilities":
        if metric.name in _AREAS:
            of, weighted = _AREAS[metric.name]
            if metric.name in _SECOND and given.shape[1] == 2:
                return One(of(truth == 1, given[:, 1]))
            return Averaged(of, truth, given, weighted)
        column = _of_probabilities(metric.name, truth, given)
        return Whole(metric, truth, given) if column is None else Means(column[:, None], lambda m: m[:, 0])
    if metric.needs == "labels":
        if metric.name not in _LABELS:
            return Whole(metric, truth, given)
        if metric.name == "accuracy":
            return Means((truth == given).astype(np.float64)[:, None], lambda m: m[:, 0])
        return OfCells(metric, cells or Cells(truth, given, len(said.classes)))
    return _of_numbers(metric, truth, given) or Whole(metric, truth, given)


def _of_probabilities(name: str, truth: Codes, given: Floats) -> Floats | None:
    if name == "log_loss":
        total = given.sum(axis=1)
        own = given[np.arange(len(truth)), truth]
        shares = np.divide(own, total, out=np.zeros(len(own)), where=total > 0)
        return np.asarray(-np.log(np.clip(shares, LEAST, 1.0)))
    if name == "brier_score":
        if given.shape[1] == 2:
            return np.asarray((given[:, 1] - truth) ** 2)
        wanted = np.zeros(given.shape)
        wanted[np.arange(len(truth)), truth] = 1.0
        return np.asarray(((given - wanted) ** 2).sum(axis=1))
    return None


def _of_numbers(metric: Metric, truth: Floats, given: Floats) -> Means | None:
    error = truth - given
    name = metric.name
    divide = 1.0
    if name.startswith("normalized_"):
        divide = float(metric.high - metric.low) or 1.0 if metric.low is not None and metric.high is not None else 0.0
        if not divide:
            return None
    if name in ("rmse", "normalized_root_mean_squared_error"):
        return Means((error**2)[:, None], lambda m: np.sqrt(m[:, 0]) / divide)
    if name in ("mae", "normalized_mean_absolute_error"):
        return Means(np.abs(error)[:, None], lambda m: m[:, 0] / divide)
    if name == "mse":
        return Means((error**2)[:, None], lambda m: m[:, 0])
    if name == "mape":
        return Means((np.abs(error) / np.maximum(np.abs(truth), np.finfo(np.float64).eps))[:, None], lambda m: m[:, 0])
    if name == "rmsle" and not (truth <= -1).any():
        return Means(((np.log1p(truth) - np.log1p(np.maximum(given, 0.0))) ** 2)[:, None], lambda m: np.sqrt(m[:, 0]))
    if name.startswith("pinball("):
        level = float(name[8:-1])
        return Means(np.maximum(level * error, (level - 1) * error)[:, None], lambda m: m[:, 0])
    if name == "r2_score":
        middle = truth - truth.mean()  # so that its variance is no small difference of large numbers
        return Means(np.column_stack([error**2, middle, middle**2]), _explained)
    return None


def _explained(means: Floats) -> Floats:
    spread = means[:, 2] - means[:, 1] ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        found = 1.0 - means[:, 0] / spread
    flat = spread <= 1e-15 * np.maximum(means[:, 2], 1e-300)  # one value was drawn, again and again
    return np.where(flat, np.where(means[:, 0] == 0, 1.0, 0.0), found)
