"""From the beginning of a learning curve to what it will have reached at the end, with the uncertainty of that.

The curve is taken for ``final + drop * shape(step) + noise``, for each of some fifty shapes that learning curves
are known to have (those of Domhan, Springenberg and Hutter, "Speeding up Automatic Hyperparameter Optimization
of Deep Neural Networks by Extrapolation of Learning Curves", IJCAI 2015: powers, exponentials, Janoschek, MMF,
ilog2) and for the shapes of the finished trials' own curves. Given a shape and a noise level, final and drop
have a Gaussian posterior in closed form; shapes and noise levels are weighted by their evidence (Bayesian model
averaging). So nothing is sampled or iterated: the same curves give the same forecast, in a millisecond.

The finished trials teach it four things: how large final values and drops are (the prior), which shapes are
common here, shapes of their own (a drop of the learning rate, say), and, by forecasting each of them from its
own beginning, how far off such forecasts are here: by that the forecast is shifted and widened.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np  # noqa: TID253 (imported only where this rule is used)
from numpy.typing import NDArray  # noqa: TID253 (the same)
from scipy.special import stdtr  # noqa: TID253 (the same)

from automl_core.stopping.base import TrialCurve

Array = NDArray[np.float64]

MAX_POINTS = 64
"""Points of a curve that are looked at, evenly spread, the first and last among them."""

MAX_FINISHED = 50
"""Finished trials that are looked at, the latest."""

# All in units of the spread between the finished trials' first and final losses:
_NOISE = np.array([0.003, 0.01, 0.03, 0.1, 0.3])  # standard deviations of the noise
_SURPRISE = 0.2  # how far off a forecast over the whole training is taken to be before any was tried
_FAR = 1e3  # what lies further off is as good as there: a trial that has diverged

_TEMPLATES = 0.4  # prior weight of the finished trials' own shapes together
_STRENGTH = 5.0  # the shapes' prior weights count as much as so many finished trials
_CALIBRATION = 3.0  # the surprise counts as much as the errors of so many forecasts
_HUGE = 1e100  # whose square is still a number


@dataclass(frozen=True)
class Forecast:
    """The best loss that a trial will have reached at the end: a mixture of Student-t distributions.

    Attributes:
        means, deviations, weights: centers, scales and weights of the mixture's parts.
        freedom: degrees of freedom of each part, above 2.
    """

    means: Array
    deviations: Array
    weights: Array
    freedom: float

    @property
    def mean(self) -> float:
        """The expected value."""
        return float(self.weights @ self.means)

    @property
    def deviation(self) -> float:
        """The standard deviation."""
        variances = self.deviations**2 * self.freedom / (self.freedom - 2)
        return float(np.sqrt(self.weights @ (variances + (self.means - self.mean) ** 2)))

    def chance_below(self, loss: float) -> float:
        """The probability that it is lower than a loss."""
        return float(self.weights @ stdtr(self.freedom, (loss - self.means) / self.deviations))


def forecast_best(trial: TrialCurve, finished: Sequence[TrialCurve], last_step: float) -> Forecast:
    """Forecast the best loss of a trial at the end of its training.

    Args:
        trial: its curve so far; at least one point, all finite.
        finished: trials that have trained to the end; at least one.
        last_step: where training ends, beyond the trial's last step.
    """
    finished = finished[-MAX_FINISHED:]
    grid, own = _thinned(trial)
    begins = np.array([_resample(other, grid) for other in finished])
    finals = np.array([min(other.losses) for other in finished])

    center, spread = _center_and_spread(np.append(begins[:, 0], finals).clip(-_HUGE, _HUGE))
    with np.errstate(over="ignore"):  # what overflows is cut to _FAR as well
        own, begins, finals = (
            ((values.clip(-_HUGE, _HUGE) - center) / spread).clip(-_FAR, _FAR) for values in (own, begins, finals)
        )
    gap = _gap(trial, finished)
    places = (np.append(grid, last_step) - grid[0] + gap) / (last_step - grid[0] + gap)
    shapes = np.vstack([_families(places), _templates(begins, finals)])
    curves = np.vstack([begins, own])
    means, variances, evidence = _posterior(shapes, curves, _Prior.of(begins, finals))
    means = np.minimum(means, curves.min(axis=1)[:, None, None])  # what was reached can't be lost
    weights = _weights(evidence, len(finished))
    remaining = 1 - float(places[-2])
    shift, variance, freedom = _calibration(means, weights, finals, begins[:, -1] - own[-1], remaining)
    return Forecast(
        center + spread * (means[-1].ravel() + shift),
        spread * np.sqrt(variances.ravel() + variance),
        weights[-1].ravel(),
        freedom,
    )


@dataclass(frozen=True)
class _Prior:
    """Gaussian prior of (final, drop): means and precisions."""

    final: float
    drop: float
    final_precision: float
    drop_precision: float

    @classmethod
    def of(cls, begins: Array, finals: Array) -> _Prior:
        drops = begins[:, 0] - finals
        final, final_spread = _center_and_spread(finals)
        drop, drop_spread = _center_and_spread(drops)
        # wide: the best trial is not like the others
        return cls(
            final,
            drop,
            1 / (3 * final_spread + 0.3 * abs(drop) + 0.05) ** 2,
            1 / (2 * drop_spread + abs(drop) + 0.05) ** 2,
        )


def _center_and_spread(values: Array) -> tuple[float, float]:
    """Median and robust standard deviation, which is never 0."""
    center = float(np.median(values))
    quarters = np.quantile(values, [0.25, 0.75])
    spread = float(quarters[1] - quarters[0]) / 1.349 or float(np.std(values)) or abs(center) or 1.0
    return center, spread


def _thinned(curve: TrialCurve) -> tuple[Array, Array]:
    """Steps and losses of at most `MAX_POINTS` points."""
    steps, losses = np.array(curve.steps, dtype=float), np.array(curve.losses)
    if len(steps) <= MAX_POINTS:
        return steps, losses
    chosen = np.linspace(0, len(steps) - 1, MAX_POINTS).round().astype(int)
    return steps[chosen], losses[chosen]


def _resample(curve: TrialCurve, grid: Array) -> Array:
    """The losses last known at the steps of a grid; before the first one, the first."""
    place = np.searchsorted(np.array(curve.steps), grid, side="right") - 1
    return np.array(curve.losses)[np.maximum(place, 0)]


def _gap(trial: TrialCurve, finished: Sequence[TrialCurve]) -> float:
    """The distance of two reported steps."""
    curve = trial if len(trial.steps) > 1 else max(finished, key=lambda other: len(other.steps))
    return max((curve.steps[-1] - curve.steps[0]) / max(len(curve.steps) - 1, 1), 1e-9)


def _families(places: Array) -> Array:
    """Shapes, one a row: 1 at the first of the places, 0 at the last, which is left out."""
    x, counted = places, places / places[0]
    rows = [1 - x, -np.log(counted), 1 / np.log(counted + np.e - 1)]
    rows += [counted**-power for power in (0.25, 0.5, 0.75, 1, 1.5, 2, 3)]
    rows += [np.exp(-x / scale) for scale in (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)]
    rows += [np.exp(-((x / scale) ** power)) for power in (0.5, 2) for scale in (0.05, 0.1, 0.2, 0.4, 0.8)]
    rows += [1 / (1 + (x / scale) ** power) for power in (1, 2, 4) for scale in (0.05, 0.1, 0.2, 0.4, 0.8)]
    shapes = np.array(rows)
    shapes -= shapes[:, -1:]
    shapes = shapes[:, :-1] / shapes[:, :1]
    return np.vstack([shapes, np.zeros(len(places) - 1)])


def _templates(begins: Array, finals: Array) -> Array:
    """The finished trials' own shapes, one a row, on the same terms."""
    shapes = begins - finals[:, None]
    return np.asarray(shapes / np.maximum(np.abs(shapes).max(axis=1, keepdims=True), 1e-9))


def _posterior(shapes: Array, curves: Array, prior: _Prior) -> tuple[Array, Array, Array]:
    """What each curve ends at, for each shape and noise level.

    Returns:
        Means (curves, shapes, levels), variances (shapes, levels) and log evidences (as the means).
    """
    count = shapes.shape[1]
    precision = 1 / _NOISE**2
    totals, squares = shapes.sum(axis=1)[:, None], (shapes**2).sum(axis=1)[:, None]
    # the posterior precision of (final, drop), a matrix of two by two that is the same for every curve
    p00 = count * precision + prior.final_precision
    p01 = totals * precision
    p11 = squares * precision + prior.drop_precision
    # p00 * p11 - p01**2 without the difference of large numbers
    determinant = count**2 * shapes.var(axis=1)[:, None] * precision**2 + prior.final_precision * prior.drop_precision
    determinant += (count * prior.drop_precision + squares * prior.final_precision) * precision
    sums, products = curves.sum(axis=1)[:, None, None], (curves @ shapes.T)[:, :, None]
    h0 = sums * precision + prior.final_precision * prior.final
    h1 = products * precision + prior.drop_precision * prior.drop
    final = (p11 * h0 - p01 * h1) / determinant
    drop = (p00 * h1 - p01 * h0) / determinant

    misfit = (curves**2).sum(axis=1)[:, None, None] - 2 * (final * sums + drop * products)
    misfit += count * final**2 + 2 * final * drop * totals + drop**2 * squares
    misfit = precision * np.maximum(misfit, 0)
    misfit += prior.final_precision * (final - prior.final) ** 2 + prior.drop_precision * (drop - prior.drop) ** 2
    evidence = -0.5 * (misfit + np.log(determinant) - count * np.log(precision))
    return final, p11 / determinant + _NOISE**2, evidence


def _weights(evidence: Array, finished: int) -> Array:
    """Posterior weights (curves, shapes, levels); the prior of the shapes is learnt from the finished curves.

    The last shapes are the finished curves' own: none of them is forecast by itself.
    """
    shapes = evidence.shape[1]
    prior = np.full(shapes, (1 - _TEMPLATES) / (shapes - finished))
    prior[shapes - finished :] = _TEMPLATES / finished
    evidence = evidence.copy()
    evidence[np.arange(finished), shapes - finished + np.arange(finished)] = -np.inf
    alone = _normalized(evidence[:-1] + np.log(prior)[:, None]).sum(axis=(0, 2))
    learnt = (_STRENGTH * prior + alone) / (_STRENGTH + finished)
    return _normalized(evidence + np.log(learnt)[:, None])


def _normalized(logs: Array) -> Array:
    weights = np.exp(logs - logs.max(axis=(1, 2), keepdims=True))
    return np.asarray(weights / weights.sum(axis=(1, 2), keepdims=True))


def _calibration(
    means: Array, weights: Array, finals: Array, distances: Array, remaining: float
) -> tuple[float, float, float]:
    """How far off such forecasts are, by those of the finished trials from their own beginnings.

    Args:
        means, weights: of all curves' forecasts, the last one being the trial's.
        finals: what the finished trials reached.
        distances: of the finished trials' losses from the trial's at its last step: near ones teach more.
        remaining: share of the training that is still to come.

    Returns:
        What to add to the mean and to the variance, and the degrees of freedom that the variance has.
    """
    errors = finals - (weights * means).sum(axis=(1, 2))[:-1]
    nearness = 1 / (1 + distances**2)
    count = float(nearness.sum())
    shift = float((nearness * errors).sum() / (count + 1))
    squares = _CALIBRATION * (_SURPRISE * remaining) ** 2 + (nearness * (errors - shift) ** 2).sum()
    return shift, float(squares / (_CALIBRATION + count)), _CALIBRATION + count
