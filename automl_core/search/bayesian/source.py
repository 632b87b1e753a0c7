"""Earlier experiments as Gaussian processes of their own, and today's process around what one of them expects."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import LinAlgError, cholesky, solve_triangular

from automl_core.search.base import History
from automl_core.search.bayesian.encoding import Array, Encoding, Indices
from automl_core.search.bayesian.ensemble import Ensemble
from automl_core.search.bayesian.gp import MEAN_VARIANCE, Columns, Fit, Hyper, Posterior
from automl_core.search.bayesian.subset import choose
from automl_core.search.bayesian.warping import normalise

_FITTED = 80  # observations of a source at most from which its hyperparameters are learned
_MODELLED = 200  # and from which its mean is computed
_LEAST = 4  # observations, from which a process of them says anything
_WARPED, _MAIN_EFFECTS = 30, 20  # columns at most, as of today's process
_NARROWEST = 0.25  # standard deviations of a source: where today's trials spread less, its slope isn't told by them
_LEFT_OPEN = (1.0, 0.3, 0.1, 0.03)  # variances of what a source leaves open, relative to the process's own


def usable(history: History) -> bool:
    """Whether an earlier experiment has enough observations, and not all alike, for a process of its own."""
    return len(history) >= _LEAST and len({trial.loss for trial in history}) > 1


class Source:
    """The Gaussian process of one earlier experiment, on its own standardised losses.

    Parameters that the experiment did not have are no columns of it: its mean is the same for all their values.
    """

    def __init__(self, encoding: Encoding, history: History, rng: np.random.Generator) -> None:
        """Fit to observations with a finite loss each."""
        names = {name for trial in history for name in trial.params}
        known = np.array([p.name in names for p in encoding.space.tunable for _ in p.dimensions], dtype=np.bool_)
        numeric, categorical = (
            encoding.numeric[known[encoding.numeric]],
            encoding.categorical[known[encoding.categorical]],
        )
        self.columns = Columns(
            numeric, categorical, warped=len(known) <= _WARPED, main_effects=2 <= known.sum() <= _MAIN_EFFECTS
        )
        self.positions = np.searchsorted(encoding.numeric, numeric)  # of its numeric columns among all numeric ones
        self._own = np.full(len(encoding.numeric), -1, dtype=np.intp)  # the way back, -1 where it has none
        self._own[self.positions] = np.arange(len(numeric))
        rows = encoding.rows([trial.params for trial in history])
        losses = normalise(np.array([trial.loss for trial in history], dtype=np.float64))
        kept = choose(self.columns, rows, losses, _MODELLED, rng)
        rows, losses = rows[kept], losses[kept]
        fitted = choose(self.columns, rows, losses, _FITTED, rng)
        self.hyper = Fit(self.columns, rows[fitted], losses[fitted]).ensemble(rng, 0, iterations=40)[0]
        self.posterior = Posterior(self.columns, self.hyper, rows, losses)
        self._one = Ensemble([self.posterior])

    def mean(self, rows: Array) -> Array:
        """Expected losses on the source's scale, shape (m,)."""
        return np.asarray(self.posterior.predict(rows)[0][:, 0])

    def expects(self, rows: Array) -> tuple[Array, Array]:
        """Mean and variance (with noise) of losses at rows on the source's scale, shapes (m,)."""
        mean, variance = self.posterior.predict(rows)
        return mean[:, 0], variance + self.posterior.noise

    def gradient(self, row: Array, moving: Indices) -> tuple[float, Array]:
        """The mean at one row and its gradient by the moving positions among all numeric columns."""
        at = self._own[moving]
        means, _, d_means, _ = self._one.gradients(row, at[at >= 0])
        gradient = np.zeros(len(moving))
        gradient[at >= 0] = d_means[0, :, 0]
        return float(means[0, 0]), gradient

    def hyper_for(self, columns: Columns, other: Hyper) -> Hyper:
        """The source's hyperparameters over all of today's columns; what it doesn't know is as in another one."""
        order, own = [*columns.numeric, *columns.categorical], [*self.columns.numeric, *self.columns.categorical]
        scales, warp_a, warp_b = other.scales.copy(), other.warp_a.copy(), other.warp_b.copy()
        scales[[order.index(j) for j in own]] = self.hyper.scales
        if columns.warped and self.columns.warped:
            warp_a[self.positions], warp_b[self.positions] = self.hyper.warp_a, self.hyper.warp_b
        main = other.share is not None and self.hyper.share is not None
        return replace(
            other,
            scales=scales,
            warp_a=warp_a,
            warp_b=warp_b,
            noise=self.hyper.noise,
            signal=self.hyper.signal,
            share=self.hyper.share if main else other.share,
            stretch=self.hyper.stretch if main else other.stretch,
        )


@dataclass(frozen=True)
class Scaled:
    """A source's mean times a slope: the trend of a process over today's losses."""

    source: Source
    slope: float

    def __call__(self, rows: Array) -> Array:
        """Values at rows, shape (m,)."""
        return self.slope * self.source.mean(rows)

    def gradient(self, row: Array, moving: Indices) -> tuple[float, Array]:
        """Value at one row and its gradient by the moving positions among the numeric columns."""
        value, gradient = self.source.gradient(row, moving)
        return self.slope * value, self.slope * gradient


class Corrected(Posterior):
    """The process of today's losses around a source's trend."""

    def __init__(self, columns: Columns, hyper: Hyper, rows: Array, z: Array, trend: Scaled) -> None:
        """Condition on warped, standardised losses ``z``, shape (n,)."""
        self.columns, self.hyper, self.trend = columns, hyper, trend
        self.shape = hyper.shape
        self.signal, self.noise = float(np.exp(hyper.signal)), float(np.exp(hyper.noise))
        self.z = z
        self._set(rows, (z - trend(rows))[:, None])


def correct(source: Source, own: Posterior) -> Corrected:
    """The process around a source's trend that explains today's losses best.

    Slope, the variance left open, and whose length scales it has are chosen by their evidence; the slope's prior
    is normal around what full agreement would make it.
    """
    rows, z = own.rows, own.targets[:, 0]
    trend = source.mean(rows)
    expected = 1.0 / max(float(trend.std()), _NARROWEST)
    precision = (0.5 * expected) ** -2.0
    best: tuple[float, Hyper, float] | None = None
    for hyper in (source.hyper_for(own.columns, own.hyper), own.hyper):
        prior = Corrected(own.columns, hyper, rows, z, Scaled(source, expected))
        kernel = prior.covariance(rows) - MEAN_VARIANCE
        for open_ in _LEFT_OPEN:
            covariance = open_ * kernel + MEAN_VARIANCE
            covariance.flat[:: len(z) + 1] += prior.noise
            try:
                factor = cholesky(covariance, lower=True)
            except LinAlgError:
                continue
            residual = np.asarray(solve_triangular(factor, z - expected * trend, lower=True))
            along = np.asarray(solve_triangular(factor, trend, lower=True))
            known = precision + float(along @ along)
            pull = float(along @ residual)
            evidence = -0.5 * (float(residual @ residual) - pull * pull / known)
            evidence -= float(np.log(factor.diagonal()).sum()) + 0.5 * np.log(known / precision)
            if best is None or evidence > best[0] + 1e-6:
                slope = max(expected + pull / known, 0.0)
                best = evidence, replace(hyper, signal=hyper.signal + float(np.log(open_))), round(slope, 6)
    if best is None:  # rounding made them all indefinite
        return Corrected(own.columns, own.hyper, rows, z, Scaled(source, 0.0))
    return Corrected(own.columns, best[1], rows, z, Scaled(source, best[2]))
