"""Autoregression by least squares: cycles without a fixed length, such as those of sunspots, which no smoothing has.

Ours, with numpy alone: an ARIMA without moving averages needs no search of a likelihood, so all its orders cost less
than one fit of AutoARIMA. What is kept is a state of the last values (`modelfile.scoring.series.models.state_space`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from automl_core.forecasting.learners.base import Floats
from automl_core.forecasting.learners.local import Kept, LocalLearner
from automl_core.forecasting.learners.shape import Shape

LONGEST = 7
"""Of the seasons that are among the lags: the state grows with them, and the time to run on with its fourth power."""

ORDER = 5
"""Neighbouring lags at most; of short series a sixth of their values."""

ENOUGH = 30
"""Values of the median series: as many as `ORDER` lags need."""

SEASONAL = 0.64
"""Strength of a season (Wang, Smith and Hyndman 2006) from which on differences are taken over it."""

LEVEL = 0.463
"""KPSS statistic (Kwiatkowski et al. 1992, table 1, 5 %) above which differences are taken."""

RIDGE = 1e-6


class Autoregression(LocalLearner):
    """Lags chosen by AICc on values whose differences were taken as often as a test of stationarity asks for."""

    name = "autoregression"
    title = "Autoregression"
    least = 10
    defaults: ClassVar[Mapping[str, Any]] = {"order": ORDER}

    def suits(self, shape: Shape) -> bool:
        """Where there are values enough for several lags, and the main season is short or there is none."""
        return shape.median >= ENOUGH and (not shape.seasons or shape.seasons[0] <= LONGEST)

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """How many neighbouring lags there may be."""
        return {"order": {"type": "ordinal", "values": [2, 5, 9], "default": ORDER}}

    def _one(self, values: Floats, seasons: Sequence[int], params: Mapping[str, Any], form: str | None) -> Kept:
        season = seasons[0] if seasons and seasons[0] <= LONGEST and len(values) >= 3 * seasons[0] else 1
        seasonal = season > 1 and _strength(values, season) > SEASONAL
        level = values[season:] - values[:-season] if seasonal else values
        differences = _differences(level, 1 if seasonal else 2)
        for _ in range(differences):
            level = np.diff(level)
        found = _best(level, season, int(params["order"]), constant=differences + seasonal <= 1)
        if found is None:
            raise ValueError("too few values for a lag")
        lags, weights, constant = found
        polynomial = np.zeros(max(lags, default=0) + 1)
        polynomial[0] = 1.0
        polynomial[list(lags)] = -weights
        for _ in range(differences):
            polynomial = np.convolve(polynomial, [1.0, -1.0])
        if seasonal:
            polynomial = np.convolve(polynomial, [1.0, *[0.0] * (season - 1), -1.0])
        chosen = f"lags {', '.join(map(str, lags)) or 'none'}; differences {differences}" + ", season" * seasonal
        return Kept(_record(-polynomial[1:], constant, values), 0, chosen)


def _strength(values: Floats, season: int) -> float:
    """How much of what moves about the trend is the season, 0 to 1."""
    window = np.full(season, 1.0) if season % 2 else np.array([0.5, *[1.0] * (season - 1), 0.5])
    trend = np.convolve(values, window / season, "valid")
    first = (len(window) - 1) // 2
    rest = values[first : first + len(trend)] - trend
    place = (np.arange(len(trend)) + first) % season
    means = np.array([rest[place == each].mean() for each in range(season)])
    spread = float(rest.var())
    return max(0.0, 1.0 - float((rest - means[place]).var()) / spread) if spread > 0 else 0.0


def _differences(values: Floats, most: int) -> int:
    """How often differences have to be taken until the KPSS test of a level passes."""
    taken = 0
    while taken < most and len(values) > 8 and values.std() > 1e-9 * max(1.0, float(np.abs(values).max())):
        if _kpss(values) <= LEVEL:
            break
        values, taken = np.diff(values), taken + 1
    return taken


def _kpss(values: Floats) -> float:
    """The statistic against a level; Bartlett's window has ``trunc(3 sqrt(n) / 13)`` lags, as in R's forecast."""
    apart = values - values.mean()
    count, total = len(values), np.cumsum(apart)
    variance = float(apart @ apart) / count
    most = math.trunc(3 * math.sqrt(count) / 13)
    for lag in range(1, most + 1):
        variance += 2 * (1 - lag / (most + 1)) * float(apart[lag:] @ apart[:-lag]) / count
    return float(total @ total) / (count**2 * max(variance, 1e-12))


def _best(values: Floats, season: int, order: int, *, constant: bool) -> tuple[tuple[int, ...], Floats, float] | None:
    """Lags, their weights and a constant with the lowest AICc, all on the same values."""
    count = len(values)
    neighbours = min(order, count // 6)
    cycles = 0 if season == 1 else 2 if count > 4 * season else 1 if count > 2 * season + 4 else 0
    first = max(neighbours, cycles * season)
    if count - first < 6:
        first, cycles = neighbours, 0
    wanted = values[first:]
    rows = len(wanted)
    if rows < 4:
        return None
    best: tuple[float, tuple[int, ...], Floats, float] | None = None
    for many in range(cycles + 1):
        for near in range(neighbours + 1):
            lags = tuple(sorted({*range(1, near + 1), *(season * each for each in range(1, many + 1))}))
            for with_constant in (False, True) if constant else (False,):
                columns = [values[first - lag : count - lag] for lag in lags] + [np.ones(rows)] * with_constant
                features = np.stack(columns, axis=1) if columns else np.empty((rows, 0))
                inner = features.T @ features + RIDGE * rows * np.eye(features.shape[1])
                weights: Floats = np.asarray(
                    np.linalg.solve(inner, features.T @ wanted) if columns else [], dtype=np.float64
                )
                left = wanted - features @ weights
                free = rows - len(weights) - 2
                if free <= 0:
                    continue
                size = len(weights) + 1
                fit = rows * math.log(max(float(left @ left) / rows, 1e-12))
                score = fit + 2 * size + 2 * size * (size + 1) / free
                if best is None or score < best[0]:
                    level = float(weights[-1]) if with_constant else 0.0
                    best = (score, lags, weights[: len(lags)], level)
    return None if best is None else best[1:]


def _record(weights: Floats, constant: float, values: Floats) -> dict[str, Any]:
    """``y_t = constant + sum of weights times the values before it``, as a state of these values and a 1."""
    count = len(weights)
    size = max(count, 1) + 1
    transition, noise = np.zeros((size, size)), np.zeros((size, size))
    transition[0, :count], transition[0, -1], transition[-1, -1] = weights, constant, 1.0
    for place in range(1, count):
        transition[place, place - 1] = 1.0
    noise[0, 0] = 1.0
    observation, state = np.zeros(size), np.zeros(size)
    observation[0], state[-1] = 1.0, 1.0
    state[: size - 1] = values[::-1][: size - 1]
    return {
        "type": "state_space", "transition": transition, "noise": noise, "observation": observation, "measured": 0.0,
        "state": state, "covariance": np.zeros((size, size)), "intercept": 0.0, "drift": 0.0,
        "steps": float(len(values)),
    }  # fmt: skip
