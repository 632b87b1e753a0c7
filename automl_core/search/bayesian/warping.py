"""Warps: of losses, so that a Gaussian process fits them; of inputs, so that it may be stationary."""

from __future__ import annotations

import numpy as np

from automl_core.search.bayesian.encoding import Array

_FAR = 0.85  # quantile of the losses that stands for what is far from good
_FLOOR = 0.05  # share of that below which ratios of losses no longer matter
_FLOOR_MEDIAN = 1.0
_ZOOM = 0.001
_TAIL = 3.0
_CAP = 30.0  # normalised losses above this say "very bad" and nothing more


def normalise(losses: Array, *, ratios: bool = True) -> Array:
    """Losses on a robust scale: median 0, the better half about 1 wide, the far tail cut.

    Positive losses that span orders of magnitude are taken in logarithms first: there the ratio is
    what carries over from one region to the next. The logarithm has a floor: that of a loss that falls
    to zero has a pole at the optimum, which no smooth process fits, and which draws every trial to
    itself. Nothing overflows for any finite doubles.

    Args:
        losses: finite, shape (n,).
        ratios: whether logarithms may be taken.

    Returns:
        Shape (n,); monotone in the losses up to the cut; all zeros when the losses are all equal.
    """
    low, high = float(losses.min()), float(losses.max())
    if low == high:
        return np.zeros_like(losses)
    middle = float(np.median(losses))
    if ratios and low > 0 and middle / low > 10:
        floor = _FLOOR * float(np.quantile(losses, _FAR))
        return _scaled(np.log(losses + min(floor, _FLOOR_MEDIAN * middle)))
    largest = max(abs(low), abs(high))
    scaled = losses / 2.0 ** np.floor(np.log2(largest))  # exact, and differences can't overflow
    if scaled.max() - scaled.min() < 1e-290:
        return _scaled(np.argsort(np.argsort(losses, kind="stable"), kind="stable").astype(np.float64))
    return _scaled(scaled)


def _scaled(values: Array) -> Array:
    middle = float(np.median(values))
    spread = middle - float(np.quantile(values, 0.1))
    if spread <= 1e-12 * max(abs(middle), 1e-300):  # half of them are equal
        spread = float(values.std()) or 1.0
    spread = max(spread, _ZOOM * (float(np.quantile(values, _FAR)) - middle))  # no zoom into a crowd at the optimum
    spread = max(spread, 1e-15 * (middle - float(values.min())), 1e-290)
    z = (values - middle) / spread
    z = np.minimum(np.where(z > _TAIL, _TAIL * (1.0 + np.log(np.maximum(z, _TAIL) / _TAIL)), z), _CAP)
    if z.min() < -_CAP:  # far below the rest: keep the order, draw it in
        z = np.where(z < -1, -1 - np.log(np.maximum(-z, 1.0)), z)
    return z


def yeo_johnson(y: Array, power: float) -> tuple[Array, Array, Array]:
    """The Yeo-Johnson transform (Biometrika 2000), its derivative by the power, and log of that by y.

    Args:
        y: shape (n,).
        power: 1 is the identity; below 1 large values are drawn in and small ones apart.

    Returns:
        t(y), dt/dpower, log dt/dy, each of shape (n,).
    """
    positive = y >= 0
    u = np.log1p(np.abs(y))
    exponent = np.where(positive, power, 2.0 - power)
    value, slope = _expm1_ratio(exponent, u)
    return (
        np.where(positive, value, -value),
        slope,  # of the negative side: d/dpower of -(h(2 - power)) is +h'
        (exponent - 1.0) * u,
    )


def _expm1_ratio(k: Array, u: Array) -> tuple[Array, Array]:
    """(exp(k u) - 1) / k and its derivative by k."""
    ku = k * u
    small = np.abs(ku) < 1e-4
    safe = np.where(small, 1.0, k)
    value = np.where(small, u * (1 + ku / 2 + ku * ku / 6), np.expm1(ku) / safe)
    slope = np.where(small, u * u * (0.5 + ku / 3), (u * np.exp(ku) - value) / safe)
    return value, slope


def kumaraswamy(x: Array, log_a: Array, log_b: Array) -> tuple[Array, Array, Array]:
    """The Kumaraswamy distribution's 1 - (1 - x^a)^b (input warping, Snoek et al. 2014) and its derivatives.

    Args:
        x: in [0, 1], shape (n, d).
        log_a, log_b: logarithms of its two powers, shape (d,); 0 and 0 is the identity.

    Returns:
        Warped x, and its derivatives by log_a and log_b, each of shape (n, d).
    """
    x = np.clip(x, 1e-9, 1 - 1e-9)
    a, b = np.exp(log_a), np.exp(log_b)
    log_x = np.log(x)
    powered = np.exp(a * log_x)
    rest = np.maximum(1 - powered, 1e-300)
    log_rest = np.log(rest)
    tail = np.exp(b * log_rest)
    by_a = b * tail / rest * powered * a * log_x
    by_b = -tail * log_rest * b
    return 1 - tail, by_a, by_b


def kumaraswamy_slope(x: Array, log_a: Array, log_b: Array) -> Array:
    """Derivative of `kumaraswamy` by x, same shape as x."""
    x = np.clip(x, 1e-9, 1 - 1e-9)
    a, b = np.exp(log_a), np.exp(log_b)
    log_x = np.log(x)
    rest = np.maximum(1 - np.exp(a * log_x), 1e-300)
    slope: Array = a * b * np.exp((a - 1) * log_x + (b - 1) * np.log(rest))
    return slope
