"""Warps: of losses, so that a Gaussian process fits them; of inputs, so that it may be stationary."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from automl_core.search.bayesian.encoding import Array, Indices

_FAR = 0.85  # quantile of the losses that stands for what is far from good
_FLOOR = 0.05  # share of that below which ratios of losses no longer matter
_CAP = 30.0  # normalised losses above this say "very bad" and nothing more
_CROWDED = 0.1  # of the way from the median to what is far: no zoom into a better half that is narrower
_CROWDED_CLOSE = 1e-6  # the same, looked at closely
_TAIL = 3.0  # normalised losses above this grow with the logarithm, looked at closely
_CLOSER = 2.0  # the close look is another one where it shows the better half so many times wider, or cuts the tail


@dataclass(frozen=True)
class Scaled:
    """Losses on a scale that a Gaussian process may model.

    Attributes:
        values: normalised losses, shape (n,): the median near 0, the better half about 1 wide.
        log_slopes: log of their derivative by the losses, shape (n,); exact for the better half alone, whose
            density on the losses' own scale it gives (the far tail is cut and has none).
    """

    values: Array
    log_slopes: Array

    def of(self, chosen: Indices) -> Scaled:
        """The same of some of the losses."""
        return Scaled(self.values[chosen], self.log_slopes[chosen])


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
    return _normalised(losses, ratios, close=False).values


def views(losses: Array) -> tuple[Scaled, ...]:
    """The scales on which losses may be modelled: that of `normalise`, and a closer look where that is another one.

    Where the losses' tail reaches orders of magnitude beyond the better half (a penalty outside of a region, an
    attractive sector), the robust scale has the whole better half in one place. The closer look is as wide as the
    better half itself, and the tail grows with the logarithm (so that how bad the worst trials are bends nothing
    where the good ones lie). Which of them is better depends on whether what differs in the better half is structure
    or noise: the data tell (`gp.left_out`).

    Args:
        losses: finite, shape (n,).

    Returns:
        One or two.
    """
    robust = _normalised(losses, True, close=False)
    close = _normalised(losses, True, close=True)
    better = losses <= np.median(losses)
    wider = float(np.median(close.log_slopes[better] - robust.log_slopes[better]))
    return (robust, close) if wider > np.log(_CLOSER) or robust.values.max() > _TAIL else (robust,)


def _normalised(losses: Array, ratios: bool, *, close: bool) -> Scaled:
    low, high = float(losses.min()), float(losses.max())
    if low == high:
        return Scaled(np.zeros_like(losses), np.zeros_like(losses))
    middle = float(np.median(losses))
    if ratios and low > 0 and middle / low > 10:
        floor = _FLOOR * float(np.quantile(losses, _FAR))
        raised = losses + (min(floor, middle) if close else floor)
        return _scaled(np.log(raised), -np.log(raised), close=close)
    exponent = float(np.floor(np.log2(max(abs(low), abs(high)))))
    scaled = losses / 2.0**exponent  # exact, and differences can't overflow
    if scaled.max() - scaled.min() < 1e-290:
        ranks = np.argsort(np.argsort(losses, kind="stable"), kind="stable").astype(np.float64)
        return _scaled(ranks, np.zeros_like(losses), close=False)
    return _scaled(scaled, np.full_like(losses, -exponent * np.log(2.0)), close=close)


def _scaled(values: Array, log_slopes: Array, *, close: bool) -> Scaled:
    middle = float(np.median(values))
    spread = middle - float(np.quantile(values, 0.1))
    if spread <= 1e-12 * max(abs(middle), 1e-300):  # half of them are equal
        spread = float(values.std()) or 1.0
    crowded = _CROWDED_CLOSE if close else _CROWDED
    spread = max(spread, crowded * (float(np.quantile(values, _FAR)) - middle))
    spread = max(spread, 1e-15 * (middle - float(values.min())), 1e-290)
    if close:
        z = (values - middle) / spread
        z = np.where(z > _TAIL, _TAIL * (1.0 + np.log(np.maximum(z, _TAIL) / _TAIL)), z)
    else:
        z = (np.minimum(values, middle + _CAP * spread) - middle) / spread
    log_slopes = log_slopes - np.log(spread)
    if z.min() < -_CAP:  # far below the rest: keep the order, draw it in
        drawn = np.log(np.maximum(-z, 1.0))
        z, log_slopes = np.where(z < -1, -1 - drawn, z), log_slopes - drawn
    return Scaled(z, log_slopes)


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


def kumaraswamy_at(x: Array, a: Array, b: Array) -> tuple[Array, Array]:
    """`kumaraswamy` of one row under several warps, and its derivative by x.

    Args:
        x: in [0, 1], shape (d,).
        a, b: the powers themselves, shape (k, d).

    Returns:
        Each of shape (k, d).
    """
    x = np.minimum(np.maximum(x, 1e-9), 1 - 1e-9)
    powered = np.exp(a * np.log(x))
    rest = np.maximum(1 - powered, 1e-300)
    tail = np.exp(b * np.log(rest))
    slope = a * powered / x
    slope *= b * tail / rest
    return 1 - tail, slope
