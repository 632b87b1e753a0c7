"""Intervals from the residuals of the origins, whatever the learners: conformal prediction for panels of series.

Of a series few origins are known, of a panel many. So sizes of residuals are made comparable between series and steps,
pooled, and an interval is a quantile of the pool, brought back to the series and the step:

1. by the series' scale, the mean size of its seasonal differences, mostly as it was at the origin: what grows has had
   smaller errors when it was smaller;
2. by how errors grow with the step: the panel's means, made to grow (isotonic regression; Barlow et al. 1972);
3. by the series' own mean, as far as its origins say so: with n origins whose steps don't overlap its weight is
   n / (n + 8), so a series with one origin gets the panel's width and one with many its own. A residual itself is
   brought to size by other origins than its own: else the pool would look narrower than what comes.

Each series counts the same in the pool. Where there are few origins in all, their quantiles are drawn too narrow, by as
much as the normal distribution's are narrower than Student's t.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.forecasting.ensemble import independent

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

THEN = 0.75
"""How far residuals are measured by the scale at their origin (1) rather than by the one of today (0)."""

OWN_ORIGINS = 8.0
"""Origins from which on a series' own width counts for more than the panel's."""

FREEDOM = 0.5
"""Degrees of freedom of an origin: its steps err together, and so do series."""

FEWEST = 1.5
"""Degrees of freedom at least: a single origin must not make intervals endless."""

RANKS = 199
"""Scores that the model's file holds: any level that is a multiple of half a percent is exact."""

USUAL = 1.4
"""Mean size of errors, in units of the scale, where no origin says anything: of AutoETS on public monthly series."""


@dataclass(frozen=True)
class Intervals:
    """Widths of all series.

    Attributes:
        scale: (S,) above 0, in the target's unit.
        growth: (H,) of the mean size of errors, in units of the scale.
        sizes: (N,) sizes of errors in units of scale and growth, sorted upwards.
        shares: (N,) of the pool that lie at or below each.
        freedom: degrees of freedom that the pool has.
    """

    scale: Floats
    growth: Floats
    sizes: Floats
    shares: Floats
    freedom: float

    def reach(self, level: float) -> float:
        """How far an interval of a level goes, in units of scale and growth."""
        if not len(self.sizes):
            found = _student((1 + level) / 2, math.inf) / _MEAN_NORMAL
        else:
            found = float(np.interp(level, self.shares, self.sizes))
        return found * _student((1 + level) / 2, self.freedom) / _student((1 + level) / 2, math.inf)

    def bounds(self, forecast: Floats, levels: Sequence[float]) -> tuple[Floats, Floats]:
        """Lower and upper bounds, (S, L, H) each, of forecasts (S, H)."""
        reach = np.array([self.reach(level) for level in levels])
        width = self.scale[:, None, None] * reach[:, None] * self.growth
        return forecast[:, None, :] - width, forecast[:, None, :] + width

    def document(self, season: int, unmoved: NDArray[np.bool_]) -> dict[str, Any]:
        """As `modelfile.scoring.series.intervals` reads them.

        Args:
            season: steps, for scales of series that come later.
            unmoved: (S,) series that have never changed: no width, until they do.
        """
        moving = self.scale[~unmoved]
        reach = np.array([self.reach(rank / (RANKS + 1)) for rank in range(1, RANKS + 1)])
        return {
            "type": "conformal",
            "kind": "absolute",
            "scores": (self.growth[:, None] * np.maximum.accumulate(reach))[None],
            "group": np.zeros(len(self.scale), dtype=np.int64),
            "new": 0,
            "scale": np.where(unmoved, 0.0, self.scale),
            "season": season,
            "follows": False,
            "one": float(self.growth[0]),
            "least": float(moving.min() if len(moving) else self.scale.min()),
        }


def measure(residuals: Floats, then: Floats, now: Floats, ends: Ints, without: int | None = None) -> Intervals:
    """Intervals from what was missed at the origins.

    Args:
        residuals: (O, S, H) value less forecast, NaN where there is none.
        then: (O, S) scales of the series at the origins, above 0.
        now: (S,) the same today.
        ends: (O, S) values known at the origins, -1 where a series has none.
        without: an origin whose residuals, and those of others that overlap with it, are not used: for a look at how
            well intervals would have held there.
    """
    horizon = residuals.shape[2]
    sizes = np.abs(residuals) / (then**THEN * now ** (1.0 - THEN))[..., None]
    if without is not None:
        near = np.abs(ends - ends[without]) < horizon
        sizes = np.where((near & (ends >= 0))[..., None], np.nan, sizes)
        ends = np.where(near, -1, ends)
    there = np.isfinite(sizes)
    used = there.any(axis=2)
    origins = np.where(used.any(axis=0), independent(np.where(used, ends, -1), horizon), 0.0)
    if not there.any():
        growth = USUAL * np.sqrt(np.arange(1, horizon + 1) / max((horizon + 1) / 2, 1.0))
        return Intervals(now, growth, np.empty(0), np.empty(0), FEWEST)
    share = np.where(used, 1.0 / np.maximum(used.sum(axis=0), 1), 0.0)  # (O, S): each series counts the same
    weights = np.where(there, share[..., None], 0.0)
    total = weights.sum(axis=(0, 1))
    means = (np.where(there, sizes, 0.0) * weights).sum(axis=(0, 1)) / np.maximum(total, 1e-12)
    growth = _growing(np.maximum(_without_gaps(means, total > 0), 1e-12))
    sizes = sizes / growth
    each = np.where(used, np.where(there, sizes, 0.0).sum(axis=2) / np.maximum(there.sum(axis=2), 1), np.nan)
    sizes = sizes / _others(each, ends, horizon)[..., None]
    order = np.argsort(sizes[there], kind="stable")
    pooled, counted = sizes[there][order], np.cumsum(weights[there][order])
    freedom = max(FREEDOM * float(origins.sum()), FEWEST)
    own = _drawn(_mean(each, axis=0), origins)
    return Intervals(now * own, growth, pooled, counted / counted[-1], freedom)


def _others(each: Floats, ends: Ints, horizon: int) -> Floats:
    """(O, S) a series' width by those of its origins that don't overlap with one; 1 where there is none."""
    found = np.ones_like(each)
    for place in range(len(each)):
        apart = (np.abs(ends - ends[place]) >= horizon) & np.isfinite(each)
        low = np.where(apart, ends, np.iinfo(np.int64).max).min(axis=0)
        high = np.where(apart, ends, -1).max(axis=0)
        count = np.where(apart.any(axis=0), 1.0 + np.maximum(high - low, 0) / horizon, 0.0)
        found[place] = _drawn(_mean(np.where(apart, each, np.nan), axis=0), count)
    return found


def _drawn(means: Floats, origins: Floats) -> Floats:
    """(S,) series' own mean sizes drawn towards 1, the panel's."""
    logs = np.log(np.clip(np.where(np.isfinite(means), means, 1.0), 0.05, 20.0))
    return np.asarray(np.exp(origins / (origins + OWN_ORIGINS) * logs))


def _mean(values: Floats, axis: int) -> Floats:
    there = np.isfinite(values)
    count = there.sum(axis=axis)
    return np.asarray(
        np.where(count > 0, np.where(there, values, 0.0).sum(axis=axis) / np.maximum(count, 1), np.nan)
    )  # fmt: skip


def _without_gaps(values: Floats, there: NDArray[np.bool_]) -> Floats:
    """Values of steps that nobody has measured are those of the measured ones beside them."""
    places = np.arange(len(values))
    return np.interp(places, places[there], values[there])


def _growing(values: Floats) -> Floats:
    """The nearest values, by their squares, that never fall: neighbours that do are brought to their mean."""
    parts: list[tuple[float, int]] = []
    for value in values.tolist():
        mean, count = value, 1
        while parts and parts[-1][0] > mean:
            before, many = parts.pop()
            mean, count = (before * many + mean * count) / (many + count), many + count
        parts.append((mean, count))
    return np.concatenate([np.full(count, mean) for mean, count in parts])


def _student(probability: float, freedom: float) -> float:
    """A quantile of Student's t distribution; of the normal one where the degrees of freedom are without end."""
    from scipy.special import ndtri, stdtrit

    return float(ndtri(probability) if math.isinf(freedom) else stdtrit(freedom, probability))


_MEAN_NORMAL = math.sqrt(2.0 / math.pi)
"""Mean size of a standard normal error."""


def scale_of(values: Floats, season: int) -> float:
    """Mean size of differences one season apart, of neighbours where there are none; 0 of a constant series.

    Args:
        values: (n,) NaN where one is missing.
        season: steps, at least 1.
    """
    for lag in dict.fromkeys((season, 1)):
        steps = np.abs(values[lag:] - values[:-lag]) if len(values) > lag else np.empty(0)
        steps = steps[np.isfinite(steps)]
        if len(steps) and steps.mean() > 0:
            return float(steps.mean())
    return 0.0
