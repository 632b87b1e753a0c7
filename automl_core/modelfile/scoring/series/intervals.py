"""Intervals from residuals of the rolling origins, at any level (split conformal prediction, Vovk et al. 2005).

Document::

    {"type": "conformal",
     "kind": "absolute" | "signed",
     "scores": (G, H, N) float64,       of each group and step ahead, sorted upwards, NaN behind where there are fewer:
                                        residuals (value less forecast) by the series' scale; their sizes if absolute
     "group": (S,) int64,               the group of each series
     "new": 0,                          the group of series that training had not
     "scale": (S,) float64,             of each series; 0 of one that has never changed: as soon as it does, it has that
                                        of its kept values
     "season": m,                       the scale of a new series, and of one that was updated where "follows" says so,
     "follows": bool,                   is its mean absolute difference of kept values m apart; where a new one has no
     "least": float,                    differences, the middle one of the others; none goes below "least"
     "one": float}                      mean size of errors one step ahead, by the scale; where it is there, scales
                                        follow the errors of newer values (`Conformal.learn`)

An absolute interval of level L goes as far as the ceil(L (n + 1))-th of n scores, up and down; a signed one from the
floor((1 - L) / 2 (n + 1))-th to the ceil((1 + L) / 2 (n + 1))-th. Where n is too small for a level, the outermost score
is widened as the quantiles of a normal distribution stand. Steps beyond H have the last one's scores times
sqrt(step / H): what a random walk's errors do.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MEMORY = 20.0
"""Newer values that a scale is a mean of, older ones fading: the last one counts for 1 / MEMORY of it."""

SHOCK = 5.0
"""Times the usual size that an error counts for at most: one outlier says little of the errors to come."""

_NEAR = 1e-9
"""A rank that is a whole number but for rounding is that number."""


class Conformal:
    """Intervals of a model's series."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Make them of their document.

        Raises:
            ValueError: it is none that is known.
        """
        if document.get("type") != "conformal" or document.get("kind") not in ("absolute", "signed"):
            raise ValueError(
                f"there are no intervals of the type {document.get('type')!r}, kind {document.get('kind')!r} (known: "
                "conformal, absolute or signed); a later release wrote them"
            )
        self.document = document
        self.signed = document["kind"] == "signed"
        self.scores = np.asarray(document["scores"], dtype=np.float64)
        if self.scores.ndim != 3:
            raise ValueError(f"scores of intervals have the shape {self.scores.shape}, not (groups, steps, n)")
        self.counts = np.isfinite(self.scores).sum(axis=2)
        self.group = np.asarray(document["group"], dtype=np.int64).copy()
        self.scale = np.asarray(document["scale"], dtype=np.float64).copy()
        self.season, self.follows = int(document["season"]), bool(document["follows"])
        self.least = float(document["least"])
        self.one = float(document.get("one") or 0.0)
        moving = self.scale[self.scale > 0]
        self.middle = max(float(np.median(moving)), self.least) if len(moving) else self.least

    @property
    def horizon(self) -> int:
        """Steps ahead for which residuals were measured."""
        return int(self.scores.shape[1])

    @property
    def learns(self) -> bool:
        """Whether scales follow errors (`learn`); those that follow values don't."""
        return self.one > 0 and not self.follows

    def as_document(self) -> dict[str, Any]:
        """The document with the scales as they are now."""
        return dict(self.document) | {"group": self.group.copy(), "scale": self.scale.copy()}

    def add(self, count: int) -> None:
        """Have series more that training had not; `follow` gives them their scales."""
        self.group = np.append(self.group, np.full(count, int(self.document["new"]), dtype=np.int64))
        self.scale = np.append(self.scale, np.full(count, self.middle))

    def follow(self, places: Ints, values: Floats) -> None:
        """Scales of series by their kept values.

        Args:
            places: of the series.
            values: (len(places), K) kept values.
        """
        found = scale_of(values, self.season, self.least)
        self.scale[places] = np.where(np.isnan(found), self.scale[places], found)

    def learn(self, places: Ints, errors: Floats) -> None:
        """Scales follow the errors that newer values show: widths are those of today, not of training.

        A score is a residual by its series' scale (locally weighted conformal prediction: Lei et al. 2018,
        "Distribution-free predictive inference for regression", section 5.2). The scale becomes a mean of sizes of
        errors whose weights fall by a constant factor with age, the weights that Barber et al. 2023 ("Conformal
        prediction beyond exchangeability", section 4) have for what drifts. How errors grow with the step stays as
        training saw it.

        Args:
            places: of the series.
            errors: (len(places),) of forecasts one step ahead, NaN where nothing came.
        """
        scale = self.scale[places]
        take = np.isfinite(errors) & (scale > 0)
        if not self.learns or not take.any():
            return
        scale = scale[take]
        size = np.minimum(np.abs(errors[take]) / (self.one * scale), SHOCK)
        self.scale[places[take]] = np.maximum(scale * (1.0 + (size - 1.0) / MEMORY), self.least)

    def bounds(
        self, places: Ints, forecast: Floats, levels: Sequence[float], values: Floats | None = None
    ) -> tuple[Floats, Floats]:
        """Lower and upper bounds, (L, k, H) each.

        Args:
            places: (k,) of the series.
            forecast: (k, H).
            levels: (L,) between 0 and 1.
            values: (k, K) kept values; None: a series that has never changed doesn't now.
        """
        lower, upper = (np.empty((len(levels), *forecast.shape)) for _ in range(2))
        groups, where = np.unique(self.group[places], return_inverse=True)
        scale = self.scale[places]
        still = scale == 0
        if values is not None and still.any():
            scale[still] = np.nan_to_num(scale_of(values[still], self.season, self.least))
        scale = scale[:, None]
        for number, level in enumerate(levels):
            down, up = (np.empty((len(groups), forecast.shape[1])) for _ in range(2))
            for place, group in enumerate(groups):
                for step in range(forecast.shape[1]):
                    down[place, step], up[place, step] = self._reach(int(group), step, float(level))
            lower[number] = forecast + down[where] * scale
            upper[number] = forecast + up[where] * scale
        return lower, upper

    def _reach(self, group: int, step: int, level: float) -> tuple[float, float]:
        """How far an interval goes down (below 0) and up, in units of the scale."""
        at = min(step, self.horizon - 1)
        wider = math.sqrt((step + 1) / self.horizon) if step >= self.horizon else 1.0
        n = int(self.counts[group, at])
        scores = self.scores[group, at, :n]
        if not n:
            return math.nan, math.nan
        if not self.signed:
            reach = _quantile(scores, level, (1.0 + level) / 2.0) * wider
            return -reach, reach
        tail = (1.0 - level) / 2.0
        return -_quantile(-scores[::-1], 1.0 - tail, 1.0 - tail) * wider, _quantile(
            scores, 1.0 - tail, 1.0 - tail
        ) * wider


def _quantile(scores: Floats, share: float, tail: float) -> float:
    """The ceil(share (n + 1))-th score.

    Args:
        scores: (n,) sorted upwards.
        share: of scores that are to lie at or below it.
        tail: the normal distribution's probability that stands for it where n is too small.
    """
    n = len(scores)
    rank = math.ceil(share * (n + 1) - _NEAR)
    if rank <= n:
        return float(scores[max(rank, 1) - 1])
    most = n / (n + 1)  # the share that the outermost score stands for
    reached = most + (tail - share) * (1.0 - most) / max(1.0 - share, _NEAR)
    normal = NormalDist()
    outermost = normal.inv_cdf(min(max(reached, 0.5 + _NEAR), 1.0 - _NEAR))
    return float(scores[-1]) * max(1.0, normal.inv_cdf(min(tail, 1.0 - _NEAR)) / outermost)


def scale_of(values: Floats, season: int, least: float) -> Floats:
    """(k,) mean absolute differences of values a season apart, or of neighbours; NaN where there are none but 0.

    Args:
        values: (k, K), NaN where there is none.
        season: steps.
        least: what others are at least.
    """
    found = np.full(len(values), np.nan)
    for lag in dict.fromkeys((season, 1)):
        if values.shape[1] <= lag:
            continue
        steps = np.abs(values[:, lag:] - values[:, :-lag])
        there = np.isfinite(steps)
        count = there.sum(axis=1)
        mean = np.where(there, steps, 0.0).sum(axis=1) / np.maximum(count, 1)
        take = np.isnan(found) & (count > 0) & (mean > 0)
        found[take] = mean[take]
    return np.asarray(np.maximum(found, least))
