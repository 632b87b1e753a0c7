"""What a row is worth trying for: the logarithm of expected improvement times chance of success.

Log-EI after Ament et al. 2023 ("Unexpected improvements to expected improvement", NeurIPS): EI
underflows far from the incumbent, its logarithm doesn't, so gradients lead everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr

from automl_core.search.bayesian.encoding import Array, Indices
from automl_core.search.bayesian.ensemble import Ensemble
from automl_core.search.bayesian.gp import Columns, Posterior

_LOG_SQRT_2PI = 0.5 * np.log(2.0 * np.pi)
_DIGITS = 7  # after the point; rounding errors of the best rows' values stay below 1e-8


def rounded(values: Array) -> Array:
    """Values by which rows are compared: what differs by rounding errors alone is equal, on every processor."""
    return np.round(values, _DIGITS)


def log_improvement(u: Array) -> Array:
    """log(φ(u) + u Φ(u)), exact to rounding for every u (equation 9 of Ament et al.)."""
    if u.size and u.min() > -1.0:
        return _log_near(u)
    safe = np.where(u > -1.0, u, 0.0)
    near = _log_near(safe)
    below = np.minimum(u, -1.0)
    # φ(u) + uΦ(u) = φ(u) (1 - |u| √(π/2) erfcx(|u|/√2)); the bracket tends to u^-2
    bracket = 1.0 + below * np.sqrt(0.5 * np.pi) * erfcx(-below / np.sqrt(2.0))
    far = -0.5 * below * below - _LOG_SQRT_2PI
    asymptote = -2.0 * np.log(-below)
    log_bracket = np.where(below > -1e3, np.log(np.maximum(bracket, 1e-300)), asymptote)
    result: Array = np.where(u > -1.0, near, far + log_bracket)
    return result


def _log_near(u: Array) -> Array:
    near: Array = np.log(np.exp(-0.5 * u * u - _LOG_SQRT_2PI) + u * ndtr(u))
    return near


def log_sum(values: Array) -> Array:
    """The log Σ exp over the last axis, for finite values (scipy's handles every case, at ten times the cost)."""
    highest = values.max(axis=-1)
    result: Array = highest + np.log(np.exp(values - highest[..., None]).sum(axis=-1))
    return result


@dataclass(frozen=True)
class Model:
    """One posterior of the losses with the incumbent of each of its fantasies.

    Attributes:
        posterior: of the losses; one column of targets a fantasy.
        best: lowest loss known in each fantasy, shape (fantasies,).
        weight: how much it counts among the models, 1 on average.
    """

    posterior: Posterior
    best: Array
    weight: float = 1.0


class Term(Protocol):
    """Something added to the logarithm of the improvement."""

    def __call__(self, rows: Array) -> Array:
        """At settled rows (n, width), shape (n,)."""

    def gradient(self, row: Array, moving: Indices) -> tuple[float, Array]:
        """At one row, with its gradient by the moving positions among the numeric columns."""


CAUTION = 4.0  # power of the chances of success where nothing but knowledge is to be won
_APART = 0.02  # of the unit interval: nearer than this to a running trial, a trial is hardly a new idea


class Acquisition:
    """Log expected improvement, averaged over models and fantasies, plus log chances of success.

    Around running trials a narrow penalty keeps trials apart (after González et al. 2016): where the model is
    nearly sure of the optimum, fantasies alone would send all workers to it.
    """

    label = "log EI"
    """What its values are, in a few words."""

    def __init__(
        self,
        columns: Columns,
        models: Sequence[Model],
        chances: Sequence[tuple[Posterior, float]] = (),
        running: Array | None = None,
        screening: int = 1,
    ) -> None:
        """Set up.

        Args:
            columns: of the rows.
            models: of the losses.
            chances: (posterior, threshold): success is a value below the threshold.
            running: rows of running trials, shape (q, width).
            screening: how many of the models, from the first, `screen` looks at.
        """
        self.columns, self.models, self.chances = columns, tuple(models), tuple(chances)
        self.ensemble = Ensemble([model.posterior for model in models]) if models else None
        self.caution = 1.0  # power of the chances: 1 weighs an improvement by them
        self.best = np.array([model.best for model in models])
        self.log_weights = np.log([model.weight for model in models])
        self.screening = screening
        self.terms: tuple[Term, ...] = ()
        """What else a row is weighed by: what the user believes, what it will cost."""
        self._chance_gradients = [Ensemble([posterior]) for posterior, _ in self.chances]
        self.running = None if running is None or not len(running) else columns.split(running)

    @property
    def knows(self) -> bool:
        """Whether there is a model of what is to be improved."""
        return bool(self.models)

    def __call__(self, rows: Array) -> Array:
        """Values at rows, shape (m,)."""
        return self._constrained(rows, self.improvement(rows))

    def improvement(self, rows: Array) -> Array:
        """Log expected improvement at rows, shape (m,); 0 where nothing is modelled."""
        parts = []
        for model, log_weight in zip(self.models, self.log_weights, strict=True):
            mean, variance = model.posterior.predict(rows)
            deviation = np.sqrt(variance)[:, None]
            value = np.log(deviation) + log_improvement((model.best - mean) / deviation)
            parts.append(log_sum(value) - np.log(value.shape[1] * len(self.models)) + log_weight)
        return log_sum(np.array(parts).T) if parts else np.zeros(len(rows))

    def uncertainty(self, rows: Array) -> Array:
        """Logarithm of the models' mean variance plus log chances of success, shape (m,): for pure exploration."""
        variances = [model.posterior.predict(rows)[1] for model in self.models]
        return self._constrained(rows, np.log(np.mean(variances, axis=0)))

    def _constrained(self, rows: Array, total: Array) -> Array:
        for term in self.terms:
            total = total + term(rows)
        for posterior, threshold in self.chances:
            mean, variance = posterior.predict(rows)
            margin = (threshold - mean[:, 0]) / np.sqrt(variance + posterior.noise)
            total = total + self.caution * log_ndtr(margin)
        if self.running is not None:
            numeric, options = self.columns.split(rows)
            apart = ((numeric[:, None, :] - self.running[0][None, :, :]) ** 2).sum(axis=2)
            apart += (options[:, None, :] != self.running[1][None, :, :]).sum(axis=2)
            total = total + _repulsion(apart)[0].sum(axis=1)
        return np.asarray(total, dtype=np.float64)

    def demanding(self, margin: float) -> Acquisition:
        """The same, for improvements by more than a margin (in standard deviations of the warped losses)."""
        models = [replace(model, best=model.best - margin) for model in self.models]
        own = Acquisition(self.columns, models, self.chances, screening=self.screening)
        own.running, own.caution = self.running, CAUTION
        return own

    def screen(self, rows: Array, count: int) -> Array:
        """The most promising rows by the first models alone: the others cost as much again, each."""
        if len(rows) <= count:
            return rows
        rough = Acquisition(self.columns, self.models[: self.screening], self.chances)
        rough.caution, rough.terms = self.caution, self.terms
        return rows[np.sort(np.argsort(-rounded(rough(rows)), kind="stable")[:count])]

    def gradient(self, row: Array, moving: Indices) -> tuple[float, Array]:
        """Value at one row and its gradient by the moving positions among the numeric columns."""
        total, gradient = self.improvement_gradient(row, moving)
        for term in self.terms:
            value, slopes = term.gradient(row, moving)
            total, gradient = total + value, gradient + slopes
        for (posterior, threshold), alone in zip(self.chances, self._chance_gradients, strict=True):
            means, variances, d_means, d_variances = alone.gradients(row, moving)
            spread = float(np.sqrt(variances[0] + posterior.noise))
            margin = (threshold - float(means[0, 0])) / spread
            log_chance = float(log_ndtr(margin))
            rate = self.caution * float(np.exp(-0.5 * margin * margin - _LOG_SQRT_2PI - log_chance))
            total += self.caution * log_chance
            gradient = gradient - rate * (d_means[0, :, 0] / spread + margin * d_variances[0] / (2 * spread**2))
        if self.running is not None:
            numeric, options = self.columns.split(row)
            difference = numeric - self.running[0]
            penalty, rate_apart = _repulsion((difference**2).sum(axis=1) + (options != self.running[1]).sum(axis=1))
            total += float(penalty.sum())
            gradient = gradient + 2.0 * (rate_apart @ difference[:, moving])
        return total, gradient

    def improvement_gradient(self, row: Array, moving: Indices) -> tuple[float, Array]:
        """The log expected improvement at one row and its gradient."""
        total, gradient = 0.0, np.zeros(len(moving))
        if self.ensemble is not None:
            mean, variance, d_mean, d_variance = self.ensemble.gradients(row, moving)
            deviation = np.sqrt(variance)
            u = (self.best - mean) / deviation[:, None]
            value = np.log(deviation)[:, None] + log_improvement(u)
            weighted = value + self.log_weights[:, None]
            summed = float(log_sum(weighted.ravel()))
            share = np.exp(weighted - summed)
            # dEI = Φ(u) (-dmean) + φ(u) dσ, over EI = σ h(u)
            by_mean = -np.exp(log_ndtr(u) - value)
            by_deviation = np.exp(-0.5 * u * u - _LOG_SQRT_2PI - value)
            by_variance = (share * by_deviation).sum(axis=1) / (2 * deviation)
            total = summed - float(np.log(value.size))
            gradient = ((d_mean @ (share * by_mean)[:, :, None])[:, :, 0]).sum(axis=0) + by_variance @ d_variance
        return total, gradient


def _repulsion(squared: Array) -> tuple[Array, Array]:
    """log(1 - exp(-r²/2δ²)) of squared distances, and its derivative by them."""
    x = np.maximum(squared / (2.0 * _APART**2), 1e-12)
    return np.log(-np.expm1(-x)), np.where(x > 700, 0.0, 1.0 / np.expm1(np.minimum(x, 700.0))) / (2.0 * _APART**2)
