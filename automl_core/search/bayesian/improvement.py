"""Expected hypervolume improvement, in logarithms.

With independent processes the expectation is a product in each box of the undominated region, so it is exact for any
number of objectives (Yang et al. 2019); in logarithms its gradients lead to the front from everywhere (Ament et al.
2023).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import log_ndtr

from automl_core.search.bayesian.acquisition import CAUTION, Acquisition, log_improvement, log_sum, rounded
from automl_core.search.bayesian.boxes import Boxes
from automl_core.search.bayesian.encoding import Array, Indices
from automl_core.search.bayesian.ensemble import Ensemble
from automl_core.search.bayesian.gp import Columns, Posterior

_LOG_SQRT_2PI = 0.5 * np.log(2.0 * np.pi)
_NEVER = -1e300  # the logarithm of no improvement: far below any other, and finite


@dataclass(frozen=True)
class FrontModel:
    """One posterior of each objective, with the region that the front leaves open in each fantasy.

    Attributes:
        posteriors: one an objective, each with one column of targets a fantasy.
        boxes: one a fantasy.
    """

    posteriors: tuple[Posterior, ...]
    boxes: tuple[Boxes, ...]


class FrontAcquisition(Acquisition):
    """Log expected hypervolume improvement, averaged over models and fantasies, plus log chances of success."""

    label = "log EHVI"

    def __init__(
        self,
        columns: Columns,
        models: Sequence[FrontModel],
        chances: Sequence[tuple[Posterior, float]] = (),
        running: Array | None = None,
    ) -> None:
        """Set up; arguments as of `Acquisition`, at least one model."""
        super().__init__(columns, (), chances, running)
        self.fronts = tuple(models)
        self.ensembles = [Ensemble(posteriors) for posteriors in zip(*(m.posteriors for m in models), strict=True)]

    @property
    def knows(self) -> bool:
        """Whether there is a model of the objectives."""
        return bool(self.fronts)

    def improvement(self, rows: Array) -> Array:
        """Log expected hypervolume improvement at rows, shape (m,)."""
        values = []
        for model in self.fronts:
            predicted = [posterior.predict(rows) for posterior in model.posteriors]
            for fantasy, boxes in enumerate(model.boxes):
                parts = [
                    _Sides(boxes, j, mean[:, fantasy], np.sqrt(variance)).log_gain
                    for j, (mean, variance) in enumerate(predicted)
                ]
                values.append(log_sum(np.maximum(np.sum(parts, axis=0), _NEVER)))
        return np.asarray(log_sum(np.array(values).T) - np.log(len(values)))

    def improvement_gradient(self, row: Array, moving: Indices) -> tuple[float, Array]:
        """Its value at one row and its gradient by the moving positions among the numeric columns."""
        at = [ensemble.gradients(row, moving) for ensemble in self.ensembles]
        values, slopes = [], []
        for k, model in enumerate(self.fronts):
            for fantasy, boxes in enumerate(model.boxes):
                sides = [
                    _Sides(boxes, j, mean[k : k + 1, fantasy], np.sqrt(variance[k : k + 1]))
                    for j, (mean, variance, _, _) in enumerate(at)
                ]
                value = np.maximum(np.sum([side.log_gain[0] for side in sides], axis=0), _NEVER)
                total = float(log_sum(value))
                share = np.exp(value - total)
                slope = np.zeros(len(moving))
                for side, (_, variance, d_mean, d_variance) in zip(sides, at, strict=True):
                    by_mean, by_deviation = side.slopes()
                    slope += (share @ by_mean[0]) * d_mean[k][:, fantasy]
                    slope += (share @ by_deviation[0]) / (2.0 * np.sqrt(variance[k])) * d_variance[k]
                values.append(total)
                slopes.append(slope)
        summed = float(log_sum(np.array(values)))
        weights = np.exp(np.array(values) - summed)
        return summed - float(np.log(len(values))), np.asarray(weights @ np.array(slopes))

    def uncertainty(self, rows: Array) -> Array:
        """Logarithm of the models' mean variance, summed over the objectives, plus log chances of success."""
        variances = [np.mean([m.posteriors[j].predict(rows)[1] for m in self.fronts], axis=0) for j in self._objectives]
        return self._constrained(rows, np.log(variances).sum(axis=0))

    def demanding(self, margin: float) -> FrontAcquisition:
        """The same, for improvements by more than a margin in every objective."""
        models = [replace(m, boxes=tuple(boxes.shifted(margin) for boxes in m.boxes)) for m in self.fronts]
        return self._like(models, self.running, CAUTION)

    def screen(self, rows: Array, count: int) -> Array:
        """The most promising rows by the first model and its first fantasy alone."""
        if len(rows) <= count:
            return rows
        rough = self._like([replace(m, boxes=m.boxes[:1]) for m in self.fronts[:1]], None, self.caution)
        return rows[np.sort(np.argsort(-rounded(rough(rows)), kind="stable")[:count])]

    @property
    def _objectives(self) -> range:
        return range(len(self.ensembles))

    def _like(
        self, models: Sequence[FrontModel], running: tuple[Array, Array] | None, caution: float
    ) -> FrontAcquisition:
        own = FrontAcquisition(self.columns, models, self.chances)
        own.running, own.caution = running, caution
        return own


class _Sides:
    """How much of each box's side is expected to be gained in one objective: E[(u - y)+] - E[(l - y)+].

    Attributes:
        log_gain: its logarithm, shape (m, boxes).
    """

    def __init__(self, boxes: Boxes, objective: int, mean: Array, deviation: Array) -> None:
        """Compute it at rows where the objective has these means and deviations, shape (m,)."""
        self._lower, self._upper = boxes.lower[objective], boxes.upper[objective]
        self._u = (boxes.levels[objective][1:] - mean[:, None]) / deviation[:, None]
        log_gain = _from_minus_infinity(np.log(deviation)[:, None] + log_improvement(self._u))
        above, below = log_gain[:, self._upper], log_gain[:, self._lower]
        self.log_gain = above + np.log(-np.expm1(np.minimum(below - above, -1e-14)))

    def slopes(self) -> tuple[Array, Array]:
        """Derivatives of the logarithm by mean and deviation, each of shape (m, boxes)."""
        log_cdf = _from_minus_infinity(log_ndtr(self._u))
        log_pdf = _from_minus_infinity(-0.5 * self._u * self._u - _LOG_SQRT_2PI)
        lower, upper, gain = self._lower, self._upper, self.log_gain
        by_mean = np.exp(log_cdf[:, lower] - gain) - np.exp(log_cdf[:, upper] - gain)
        by_deviation = np.exp(log_pdf[:, upper] - gain) - np.exp(log_pdf[:, lower] - gain)
        return by_mean, by_deviation


def _from_minus_infinity(logs: Array) -> Array:
    """Logarithms at levels, preceded by that at minus infinity, where there is nothing."""
    return np.concatenate([np.full((len(logs), 1), -np.inf), logs], axis=1)
