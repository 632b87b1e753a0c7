"""A Gaussian process over rows of mixed columns, fitted by maximum a posteriori with analytic gradients.

The kernel is that of `kernel`, plus a constant (the mean, integrated out) and noise. The losses' own warp
(Yeo-Johnson) is fitted along with it, by the likelihood of the untransformed losses (warped GPs,
Snelson et al. 2004).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.linalg import lapack
from scipy.optimize import minimize

from automl_core.search.bayesian import kernel
from automl_core.search.bayesian.encoding import Array, Indices
from automl_core.search.bayesian.warping import kumaraswamy, yeo_johnson

MEAN_VARIANCE = 1.0  # of the constant mean, on the scale of standardised losses


@dataclass(frozen=True)
class Columns:
    """Which columns of a row are numeric, which categorical, and what the process makes of them.

    Attributes:
        numeric, categorical: positions in a row.
        warped: whether numeric columns are warped.
        main_effects: whether the kernel has a part that is a sum over columns.
        active: how many of them a row has on average; None: all.
    """

    numeric: Indices
    categorical: Indices
    warped: bool
    main_effects: bool = False
    active: float | None = None

    def split(self, rows: Array) -> tuple[Array, Array]:
        """Numeric and categorical columns."""
        return rows[..., self.numeric], rows[..., self.categorical]


@dataclass(frozen=True)
class Hyper:
    """Hyperparameters, as natural logarithms except ``power`` and ``share``.

    Attributes:
        scales: length scales, numeric columns first, then categorical ones.
        signal: variance of the kernel.
        noise: variance of the noise.
        share: of main effects in the kernel, in logits (None: they have no part).
        stretch: of the main effects' length scales.
        warp_a, warp_b: powers of the input warp, one a numeric column (zeros: none).
        power: of the Yeo-Johnson warp of the losses (1: none).
    """

    scales: Array
    signal: float
    noise: float
    share: float | None
    stretch: float
    warp_a: Array
    warp_b: Array
    power: float

    @property
    def shape(self) -> kernel.Shape:
        """Of the kernel."""
        share = 0.0 if self.share is None else 1.0 / (1.0 + float(np.exp(-self.share)))
        return kernel.Shape(np.exp(-2.0 * self.scales), share, self.stretch)


@dataclass(frozen=True)
class Priors:
    """Normal priors (mode, standard deviation) of the hyperparameters' logarithms.

    The length scales' mode grows with the square root of the number of columns that a row has (Hvarfner et al.
    2024), so that what a typical pair of points share doesn't vanish in high dimension. The numbers were chosen by
    the held-out log density of processes fitted to 12, 25 and 50 points of some thirty problems.
    """

    scale: tuple[float, float] = (np.log(0.22), 0.8)
    scale_categorical: tuple[float, float] = (np.log(0.5), 0.8)
    signal: tuple[float, float] = (0.0, 1.0)
    noise: tuple[float, float] = (np.log(1e-3), 2.0)
    share: tuple[float, float] = (0.0, 2.0)
    stretch: float = 0.5
    warp: float = 0.3
    power: tuple[float, float] = (0.8, 0.7)


_BOUNDS_SCALE = (np.log(0.02), np.log(50.0))
_BOUNDS_NOISE = (np.log(1e-6), np.log(1.0))
_DIGITS = 2  # of hyperparameters: where their search ends differs between processors by up to 1e-7
_MANY = 90  # hyperparameters, from which their curvatures cost more than they tell


class Fit:
    """Finds hyperparameters of rows and losses; one object a data set."""

    def __init__(
        self, columns: Columns, rows: Array, losses: Array, *, power: float | None = None, priors: Priors | None = None
    ) -> None:
        """Prepare the data.

        Args:
            columns: of the rows.
            rows: shape (n, width).
            losses: normalised, shape (n,).
            power: fixes the losses' warp; None fits it.
            priors: of the hyperparameters.
        """
        self.columns, self.losses, self.power = columns, losses, power
        prior = priors or Priors()
        self.numeric, options = columns.split(rows)
        self.unequal = (options.T[:, :, None] != options.T[:, None, :]).astype(np.float64)
        self.dn, self.d = len(columns.numeric), len(columns.numeric) + len(columns.categorical)
        typical = 0.5 * np.log(max(columns.active or self.d, 1.0))
        per_column = [(prior.scale[0] + typical, prior.scale[1])] * self.dn
        per_column += [(prior.scale_categorical[0] + typical, prior.scale_categorical[1])] * (self.d - self.dn)
        limits = [_BOUNDS_SCALE] * self.d + [(-4.0, 3.0), _BOUNDS_NOISE]
        normals = [*per_column, prior.signal, prior.noise]
        if columns.main_effects:
            normals += [prior.share, (-typical, prior.stretch)]
            limits += [(-6.0, 6.0), (-typical - 1.5, 1.5)]
        if columns.warped:
            normals += [(0.0, prior.warp)] * (2 * self.dn)
            limits += [(-1.5, 1.5)] * (2 * self.dn)
        normals.append(prior.power)
        limits.append((-1.0, 2.0) if power is None else (power, power))
        self.mode, self.spread = (np.array(side) for side in zip(*normals, strict=True))
        self.bounds = limits
        self._warps = self.d + 2 + 2 * columns.main_effects  # where the warps' hyperparameters begin

    def objective(self, theta: Array) -> tuple[float, Array]:
        """Negative log posterior (up to a constant) at packed hyperparameters, and its gradient."""
        hyper = self.unpack(theta)
        n, dn, d = len(self.losses), self.dn, self.d
        warped, by_a, by_b = (
            kumaraswamy(self.numeric, hyper.warp_a, hyper.warp_b)
            if self.columns.warped
            else (self.numeric, self.numeric, self.numeric)
        )
        correlation, back = kernel.training(hyper.shape, warped, self.unequal)
        signal, noise = np.exp(hyper.signal), np.exp(hyper.noise)
        covariance = signal * correlation + MEAN_VARIANCE
        covariance.flat[:: n + 1] += noise
        z, dz, log_jacobian, d_jacobian = _standard(self.losses, hyper.power)
        factor, info = lapack.dpotrf(covariance, lower=1, clean=1)
        if info:
            return 1e10, np.zeros(len(theta))
        inverse, _ = lapack.dpotri(factor, lower=1)
        inverse = np.tril(inverse) + np.tril(inverse, -1).T
        alpha = inverse @ z
        value = 0.5 * float(z @ alpha) + float(np.log(factor.diagonal()).sum()) - log_jacobian
        by_covariance = 0.5 * (inverse - np.outer(alpha, alpha))
        by = back(signal * by_covariance)
        gradient = np.zeros(len(theta))
        gradient[:d] = by.log_scales
        gradient[d] = signal * float((by_covariance * correlation).sum())
        gradient[d + 1] = noise * float(by_covariance.trace())
        if self.columns.main_effects:
            gradient[d + 2 : d + 4] = by.share_logit, by.stretch
        if self.columns.warped:
            gradient[self._warps : self._warps + dn] = (by.numeric * by_a).sum(axis=0)
            gradient[self._warps + dn : self._warps + 2 * dn] = (by.numeric * by_b).sum(axis=0)
        gradient[-1] = float(alpha @ dz) - d_jacobian
        off = (theta - self.mode) / self.spread
        return value + 0.5 * float(off @ off), gradient + off / self.spread

    def unpack(self, theta: Array) -> Hyper:
        """Hyperparameters of a packed vector."""
        d, dn, warps = self.d, self.dn, self._warps
        zeros = np.zeros(dn)
        main = self.columns.main_effects
        return Hyper(
            scales=theta[:d],
            signal=float(theta[d]),
            noise=float(theta[d + 1]),
            share=float(theta[d + 2]) if main else None,
            stretch=float(theta[d + 3]) if main else 0.0,
            warp_a=theta[warps : warps + dn] if self.columns.warped else zeros,
            warp_b=theta[warps + dn : warps + 2 * dn] if self.columns.warped else zeros,
            power=float(theta[-1]),
        )

    def ensemble(self, rng: np.random.Generator, draws: int, iterations: int = 50) -> list[Hyper]:
        """The maximum a posteriori, and draws of hyperparameters around it.

        A few trials leave hyperparameters open, and a process that is sure of them is too sure of its
        predictions. The draws are of a normal around the maximum with the curvature of each
        hyperparameter (a diagonal Laplace approximation), in pairs of opposite sign.

        Args:
            rng: for the draws.
            draws: even; none are made where there are very many hyperparameters.
            iterations: of the search for the maximum, at most.

        Returns:
            The maximum first.
        """
        return self.around(self.maximum(iterations), rng, draws)

    def maximum(self, iterations: int = 50) -> Array:
        """Packed hyperparameters of the maximum a posteriori, found in so many steps at most."""
        low, high = (np.array(side) for side in zip(*self.bounds, strict=True))
        start = np.clip(self.mode, low, high)
        result = minimize(
            self.objective, start, jac=True, method="L-BFGS-B", bounds=self.bounds, options={"maxiter": iterations}
        )
        best: Array = np.round(result.x, _DIGITS)
        return best

    def around(self, best: Array, rng: np.random.Generator, draws: int) -> list[Hyper]:
        """A maximum, given packed, and draws around it; see `ensemble`."""
        low, high = (np.array(side) for side in zip(*self.bounds, strict=True))
        if not draws or len(best) > _MANY:
            return [self.unpack(best)]
        slope = self.objective(best)[1]
        steps = np.where(best + 0.05 > high, -0.05, 0.05)
        curvature = np.empty(len(best))
        for i, step in enumerate(steps):
            moved = best.copy()
            moved[i] += step
            curvature[i] = (self.objective(moved)[1][i] - slope[i]) / step
        deviation = 1.0 / np.sqrt(np.maximum(curvature, self.spread**-2.0))
        half = rng.standard_normal((draws // 2, len(best)))
        around = np.clip(best + deviation * np.vstack([half, -half]), low, high)
        return [self.unpack(theta) for theta in np.round([best, *around], _DIGITS)]


def _standard(losses: Array, power: float) -> tuple[Array, Array, float, float]:
    """Warped losses with mean 0 and variance 1: z, dz/dpower, log |dz/dloss| and its derivative by power."""
    t, dt, log_slope = yeo_johnson(losses, power)
    u = np.log1p(np.abs(losses))
    d_log_slope = float(np.where(losses >= 0, u, -u).sum())
    deviation = float(t.std())
    n = len(losses)
    if deviation < 1e-9:
        return np.zeros(n), np.zeros(n), 0.0, 0.0
    z = (t - t.mean()) / deviation
    centred = dt - dt.mean()
    d_deviation = float((z * centred).mean())
    dz = (centred - z * d_deviation) / deviation
    return z, dz, float(log_slope.sum()) - n * float(np.log(deviation)), d_log_slope - n * d_deviation / deviation


class Trend(Protocol):
    """A prior mean that isn't constant: the process models what it leaves open."""

    def __call__(self, rows: Array) -> Array:
        """Values at rows, shape (m,)."""

    def gradient(self, row: Array, moving: Indices) -> tuple[float, Array]:
        """Value at one row and its gradient by the moving positions among the numeric columns."""


class Posterior:
    """A Gaussian process given hyperparameters and data: means and variances anywhere.

    Attributes:
        z: warped, standardised losses of the data, shape (n,).
        whitening: inverse of the covariance's lower Cholesky factor, shape (n, n).
        noise: variance of the noise on that scale.
        trend: added to the process; its targets are then what the trend leaves open.
    """

    trend: Trend | None = None

    def __init__(self, columns: Columns, hyper: Hyper, rows: Array, losses: Array) -> None:
        """Factor the covariance of the data; ``losses`` normalised, shape (n,)."""
        self.columns, self.hyper = columns, hyper
        self.shape = hyper.shape
        self.signal, self.noise = float(np.exp(hyper.signal)), float(np.exp(hyper.noise))
        warped = yeo_johnson(losses, hyper.power)[0]
        self._centre, self._spread = float(warped.mean()), float(warped.std())
        if self._spread < 1e-9:  # all equal
            self._spread = 1.0
        self.z = self.scale(losses)
        self._set(rows, self.z[:, None])

    def _set(self, rows: Array, targets: Array) -> None:
        self.rows = rows
        self.parts = self._split(rows)
        covariance = self.covariance(rows)
        covariance.flat[:: len(rows) + 1] += self.noise
        factor, info = lapack.dpotrf(covariance, lower=1, clean=1)
        while info:  # rounding made it indefinite
            self.noise *= 10.0
            covariance.flat[:: len(rows) + 1] += self.noise
            factor, info = lapack.dpotrf(covariance, lower=1, clean=1)
        # Through the inverse of the factor, not that of the covariance: beside the data a variance is a small rest of
        # large numbers, and its rounding errors are those of the condition's square root instead of the condition.
        self.whitening, _ = lapack.dtrtri(factor, lower=1)
        self.targets = targets
        self.white = self.whitening @ targets
        self.alpha = self.whitening.T @ self.white

    def covariance(self, rows: Array) -> Array:
        """Prior covariance of rows with the data, shape (len(rows), n)."""
        covariance = kernel.between(self.shape, self._split(rows), self.parts)
        covariance *= self.signal
        covariance += MEAN_VARIANCE
        return covariance

    def predict(self, rows: Array) -> tuple[Array, Array]:
        """Means, shape (m, targets), and variances without noise, shape (m,)."""
        explained = self.covariance(rows) @ self.whitening.T
        variance = self.signal + MEAN_VARIANCE - np.einsum("ij,ij->i", explained, explained)
        mean = explained @ self.white
        if self.trend is not None:
            mean = mean + self.trend(rows)[:, None]
        return mean, np.maximum(variance, 1e-10)

    def scale(self, losses: Array) -> Array:
        """Normalised losses on the scale of the targets."""
        scaled: Array = (yeo_johnson(losses, self.hyper.power)[0] - self._centre) / self._spread
        return scaled

    def log_slopes(self, losses: Array) -> Array:
        """Log derivative of the targets by normalised losses, shape (n,)."""
        slopes: Array = yeo_johnson(losses, self.hyper.power)[2] - np.log(self._spread)
        return slopes

    def smoothed(self) -> Array:
        """Means at the data's own rows, shape (n, targets): the values without their noise."""
        smooth: Array = self.targets - self.noise * self.alpha
        return smooth if self.trend is None else smooth + self.trend(self.rows)[:, None]

    def extended(self, rows: Array, values: Array) -> Posterior:
        """This process with more data: rows (q, width) and values on the targets' scale (q, targets)."""
        own = copy.copy(self)
        targets = np.repeat(self.targets[:, :1], values.shape[1], axis=1)
        own._set(np.vstack([self.rows, rows]), np.vstack([targets, values]))
        return own

    def with_pending(self, rows: Array, draws: Array) -> Posterior:
        """This process with pending rows at values drawn from it (fantasies, Snoek et al. 2012).

        Args:
            rows: pending, shape (q, width).
            draws: standard normal numbers, shape (q, fantasies); zeros make a Kriging believer.
        """
        explained = self.covariance(rows) @ self.whitening.T
        parts = self._split(rows)
        joint = self.signal * kernel.between(self.shape, parts, parts) + MEAN_VARIANCE
        joint -= explained @ explained.T
        joint.flat[:: len(rows) + 1] += self.noise
        factor, info = lapack.dpotrf(joint, lower=1, clean=1)
        if info:
            factor = np.diag(np.sqrt(np.maximum(joint.diagonal(), 1e-10)))
        values = explained @ self.white[:, :1] + factor @ draws
        return self.extended(rows, values)

    def _warp(self, x: Array) -> Array:
        return kumaraswamy(x, self.hyper.warp_a, self.hyper.warp_b)[0] if self.columns.warped else x

    def _split(self, rows: Array) -> tuple[Array, Array]:
        numeric, options = self.columns.split(rows)
        return self._warp(numeric), options


def predicted(posterior: Posterior) -> Array:
    """Mean of each target given all the others (Rasmussen & Williams 2006, equation 5.12), shape (n,)."""
    mean: Array = posterior.targets[:, 0] - posterior.alpha[:, 0] / _precision(posterior)
    return mean


def _precision(posterior: Posterior) -> Array:
    """Of each target given all the others: the inverse of its variance (equation 5.12), shape (n,)."""
    precision: Array = (posterior.whitening * posterior.whitening).sum(axis=0)
    return precision


def left_out(posterior: Posterior, losses: Array) -> Array:
    """Log density of each loss given all the others (Rasmussen & Williams 2006, section 5.4.2).

    Args:
        posterior: of one set of targets, with the hyperparameters that all data chose.
        losses: its normalised losses, shape (n,).

    Returns:
        Shape (n,), by the normalised losses: the losses' own warp is counted in.
    """
    precision = _precision(posterior)
    off = posterior.alpha[:, 0] / precision
    log_density = 0.5 * (np.log(precision) - off * off * precision - np.log(2.0 * np.pi))
    result: Array = log_density + posterior.log_slopes(losses)
    return result
