"""A Gaussian process over combinations and budgets: what a trial will have reached at a budget not yet trained.

The loss of combination x at budget t (on a logarithmic scale, 0 at the lowest budget, 1 at the highest) is

    trend(t) + g(t) * (f(x, t) + d(x, t)) + noise,    g(t) = exp(b * t)

``f`` is shared by similar combinations (Matérn 5/2 over the parameters, one length scale each, times a
squared exponential in t), ``d`` is a trial's own deviation (Matérn 5/2 in t), and ``g`` lets the differences
between trials grow or shrink along training. So a short training tells of a long one as much as the trials
that had both say it does: freeze-thaw Bayesian optimisation (Swersky et al. 2014) with the covariance of
multi-task Gaussian processes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve_triangular
from scipy.optimize import minimize

Array: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.intp]

NEW = -1
"""Trial number of a combination that was never trained."""

_JITTER = 1e-8
_CONSTANT = 1.0  # variance of the trend's level, on the scale of standardised losses
_TREND = 1.0  # variance of its shape
_STEPS = 15  # of the optimiser: the prior is a good start, and the last digits don't matter


@dataclass(frozen=True)
class Points:
    """Where losses are known or asked for.

    Attributes:
        rows: encoded combinations, shape (n, width).
        times: budgets on the scale from 0 to 1, shape (n,).
        trials: numbers of the trials, `NEW` for none, shape (n,).
    """

    rows: Array
    times: Array
    trials: Indices

    def __len__(self) -> int:
        """Number of points."""
        return len(self.times)

    def at(self, index: Indices) -> Points:
        """Some of the points."""
        return Points(self.rows[index], self.times[index], self.trials[index])

    def joined(self, other: Points) -> Points:
        """These points and those."""
        return Points(
            np.vstack([self.rows, other.rows]),
            np.concatenate([self.times, other.times]),
            np.concatenate([self.trials, other.trials]),
        )


@dataclass(frozen=True)
class Hyper:
    """Hyperparameters, natural logarithms except ``growth``.

    Attributes:
        scales: length scale of each column.
        shared: variance of what similar combinations share.
        own: variance of a trial's own deviation.
        noise: variance of the noise.
        shared_time, own_time: length scales along training.
        growth: b in g(t) = exp(b t).
    """

    scales: Array
    shared: float
    own: float
    noise: float
    shared_time: float
    own_time: float
    growth: float

    @classmethod
    def unpack(cls, theta: Array, width: int) -> Hyper:
        """From a vector: the scales first, then the others in the order of the fields."""
        return cls(theta[:width], *(float(value) for value in theta[width:]))


def _prior(width: int) -> tuple[Array, Array, list[tuple[float, float]]]:
    """Mode, standard deviation and bounds of the hyperparameters (normal on their logarithms)."""
    scale = np.log(0.5 * np.sqrt(max(width, 1)))  # typical distances grow with the number of columns
    mode = np.array([*[scale] * width, 0.0, np.log(0.1), np.log(0.01), np.log(1.5), 0.0, 0.0])
    spread = np.array([*[1.0] * width, 1.0, 1.0, 1.5, 0.7, 0.7, 0.7])
    limits = [(-4.0, 3.0), (-7.0, 2.0), (-9.0, 0.0), (-1.5, 2.5), (-1.5, 2.5), (-2.5, 1.0)]
    return mode, spread, [(np.log(0.05), np.log(20.0))] * width + limits


@dataclass(frozen=True)
class _Parts:
    """A covariance by its summands, with what their derivatives need."""

    shared: Array
    own: Array
    trend: Array
    shared_slope: Array
    own_slope: Array
    time_gaps: Array


class CurveModel:
    """The process, fitted and conditioned on known losses."""

    def __init__(self, points: Points, losses: Array, categorical: npt.NDArray[np.bool_], hyper: Hyper) -> None:
        """Condition on losses.

        Args:
            points: where they are known.
            losses: standardised, shape (n,).
            categorical: which columns hold options: equal or not, no distance.
            hyper: see `fit`.
        """
        self.points, self.losses, self.categorical, self.hyper = points, losses, categorical, hyper
        factor = np.linalg.cholesky(_covariance(points, categorical, hyper))
        self._inverse = np.asarray(solve_triangular(factor, np.eye(len(points)), lower=True))
        self._weights = self._inverse.T @ (self._inverse @ losses)

    def predict(self, points: Points) -> tuple[Array, Array]:
        """Mean and standard deviation of the loss without noise, shape (len(points),) each."""
        times, column = np.unique(points.times, return_inverse=True)
        mean, covariance = self.curves(points.rows, points.trials, times)
        index = np.arange(len(points))
        variance = covariance[index, column, column]
        return mean[index, column], np.sqrt(np.maximum(variance, _JITTER))

    def curves(self, rows: Array, trials: Indices, times: Array) -> tuple[Array, Array]:
        """What is believed of whole learning curves.

        Args:
            rows: encoded combinations, shape (m, width).
            trials: their numbers, `NEW` for combinations that were never trained, shape (m,).
            times: where along training, shape (k,).

        Returns:
            Mean, shape (m, k), and covariance along each curve, shape (m, k, k), both of the loss without noise.
        """
        hyper, known = self.hyper, self.points
        similar = np.exp(hyper.shared) * _matern(_distances(rows, known.rows, self.categorical, hyper))[0]
        same = np.exp(hyper.own) * ((trials[:, None] == known.trials) & (trials[:, None] != NEW))
        cross = np.empty((len(rows), len(times), len(known)))
        for place, time in enumerate(times):
            shared, own, trend = _along(np.full_like(known.times, time), known.times, hyper)
            cross[:, place] = similar * shared + same * own + trend
        shared, own, trend = _along(times[:, None], times, hyper)
        prior = np.exp(hyper.shared) * shared + np.exp(hyper.own) * own + trend
        explained = cross @ self._inverse.T
        return cross @ self._weights, prior - explained @ explained.transpose(0, 2, 1)

    def left_out(self) -> Array:
        """What the model would predict of each of its points had that point's trial never been started, shape (n,).

        In closed form (Rasmussen and Williams 2006, section 5.4.2, a trial's points at once instead of one point):
        the hyperparameters stay as they were fitted to all.
        """
        precision = self._inverse.T @ self._inverse
        predicted = np.empty_like(self.losses)
        for trial in np.unique(self.points.trials):
            own = np.flatnonzero(self.points.trials == trial)
            predicted[own] = self.losses[own] - np.linalg.solve(precision[np.ix_(own, own)], self._weights[own])
        return predicted

    def noise(self, times: Array) -> Array:
        """Variance of the noise of an observation at each of several times."""
        return np.asarray(np.exp(self.hyper.noise + 2 * self.hyper.growth * times))

    def believing(self, points: Points) -> CurveModel:
        """The model as if the losses that it predicts at some points had been observed (Kriging believer).

        Those points stand after its own.
        """
        believed = np.concatenate([self.losses, self.predict(points)[0]])
        return CurveModel(self.points.joined(points), believed, self.categorical, self.hyper)


def prior_mode(width: int) -> Hyper:
    """The hyperparameters that are likeliest before any loss is known."""
    return Hyper.unpack(_prior(width)[0], width)


def fit(points: Points, losses: Array, categorical: npt.NDArray[np.bool_]) -> Hyper:
    """The hyperparameters of the highest posterior density, by L-BFGS with analytic gradients."""
    width = points.rows.shape[1]
    mode, spread, bounds = _prior(width)
    squares = _column_squares(points.rows, points.rows, categorical)

    def objective(theta: Array) -> tuple[float, Array]:
        return _objective(theta, points, losses, squares, mode, spread)

    found = minimize(objective, mode, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": _STEPS})
    theta = np.round(found.x if np.isfinite(found.fun) else mode, 3)  # not to the last bit: those differ by machine
    return Hyper.unpack(theta, width)


def _objective(
    theta: Array, points: Points, losses: Array, squares: Array, mode: Array, spread: Array
) -> tuple[float, Array]:
    """Negative log posterior (up to a constant) and its gradient."""
    n, width = len(points), points.rows.shape[1]
    hyper = Hyper.unpack(theta, width)
    inverse_squares = np.exp(-2 * hyper.scales)
    parts = _parts(points, np.tensordot(inverse_squares, squares, 1), hyper)
    noise = np.exp(hyper.noise + 2 * hyper.growth * points.times)
    covariance = parts.shared + parts.own + parts.trend + np.diag(noise + _JITTER)
    try:
        factor = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return 1e10, np.zeros_like(theta)
    root = solve_triangular(factor, np.eye(n), lower=True)
    inverse = root.T @ root
    weights = inverse @ losses
    pull = inverse - np.outer(weights, weights)  # derivative of twice the objective by the covariance
    noise_pull = noise * np.diag(pull)
    times = points.times[:, None] + points.times[None, :]
    gradient = 0.5 * np.array(
        [
            *(-2 * inverse_squares * np.tensordot(squares, pull * parts.shared_slope, 2)),
            (pull * parts.shared).sum(),
            (pull * parts.own).sum(),
            noise_pull.sum(),
            (pull * parts.shared * parts.time_gaps).sum() / np.exp(2 * hyper.shared_time),
            (pull * parts.own_slope * parts.time_gaps).sum() * -2 / np.exp(2 * hyper.own_time),
            (pull * (parts.shared + parts.own) * times).sum() + (2 * points.times * noise_pull).sum(),
        ]
    )
    away = (theta - mode) / spread
    value = 0.5 * losses @ weights + np.log(np.diag(factor)).sum() + 0.5 * away @ away
    return float(value), gradient + away / spread


def _covariance(points: Points, categorical: npt.NDArray[np.bool_], hyper: Hyper) -> Array:
    parts = _parts(points, _distances(points.rows, points.rows, categorical, hyper), hyper)
    noise = np.exp(hyper.noise + 2 * hyper.growth * points.times) + _JITTER
    return np.asarray(parts.shared + parts.own + parts.trend + np.diag(noise))


def _parts(points: Points, distances: Array, hyper: Hyper) -> _Parts:
    gaps = (points.times[:, None] - points.times[None, :]) ** 2
    growth = np.exp(hyper.growth * (points.times[:, None] + points.times[None, :]))
    same = (points.trials[:, None] == points.trials[None, :]) & (points.trials[:, None] != NEW)
    over_time = growth * np.exp(hyper.shared - gaps / (2 * np.exp(2 * hyper.shared_time)))
    own = np.exp(hyper.own) * growth * same
    similar, similar_slope = _matern(distances)
    along, along_slope = _matern(gaps / np.exp(2 * hyper.own_time))
    return _Parts(
        shared=over_time * similar,
        own=own * along,
        trend=_CONSTANT + _TREND * np.exp(-gaps / 2),
        shared_slope=over_time * similar_slope,
        own_slope=own * along_slope,
        time_gaps=gaps,
    )


def _along(a: Array, b: Array, hyper: Hyper) -> tuple[Array, Array, Array]:
    """How two times of training go together: of what is shared, of a trial's own deviation, of the trend."""
    gaps = (a - b) ** 2
    growth = np.exp(hyper.growth * (a + b))
    shared = growth * np.exp(-gaps / (2 * np.exp(2 * hyper.shared_time)))
    own = growth * _matern(gaps / np.exp(2 * hyper.own_time))[0]
    return shared, own, _CONSTANT + _TREND * np.exp(-gaps / 2)


def _matern(squared: Array) -> tuple[Array, Array]:
    """Matérn 5/2 correlation at squared distances, and its derivative by them."""
    r = np.sqrt(5 * squared)
    decay = np.exp(-r)
    return (1 + r + r * r / 3) * decay, -(5 / 6) * (1 + r) * decay


def _column_squares(a: Array, b: Array, categorical: npt.NDArray[np.bool_]) -> Array:
    """Squared difference in each column, 0 or 1 for options; shape (width, len(a), len(b))."""
    gaps = a.T[:, :, None] - b.T[:, None, :]
    squares: Array = gaps * gaps
    squares[categorical] = squares[categorical] > 0
    return squares


def _distances(a: Array, b: Array, categorical: npt.NDArray[np.bool_], hyper: Hyper) -> Array:
    """Squared distances in length scales; shape (len(a), len(b))."""
    return np.asarray(np.tensordot(np.exp(-2 * hyper.scales), _column_squares(a, b, categorical), 1))
