"""Which learners a model is made of, and how much each says of each series: by their errors at the origins.

Origins are few, and a learner that was best at three of them is often not at the fourth: weights that follow errors
closely lose to equal ones (Smith and Wallis 2009, the "forecast combination puzzle"; benchmarks/README.md has our
figures). So every weight starts from what the learner is worth on most data, moves with the series' own errors by a
moderate power, and these errors are drawn towards those of the whole panel where a series has few origins. A learner is
left out only where it is clearly worse on the panel as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

PRIOR: Mapping[str, float] = {
    "ets": 1.0,
    "theta": 1.0,
    "ces": 0.8,
    "autoregression": 0.4,
    "boosted": 0.7,
    "decomposed": 0.7,
    "arima": 1.0,
    "seasonal_naive": 0.8,
    "intermittent": 0.4,
}
"""What a learner's forecasts are worth in a mean with others, before anything is known of the panel."""

OTHERS = 0.5
"""Of a learner that is not in `PRIOR`."""

POWER = 0.5
"""Weights go with the errors' inverse to this power (Bates and Granger 1969 take squared errors to the first)."""

PRIOR_ORIGINS = 1.0
"""Origins that the panel's errors count for beside a series' own."""

CLEARLY = 2.0
"""Standard errors by which a learner has to be worse than the best mean to be left out."""

WORSE = 1.25
"""Times the best learner's error that a learner's must be, beside that."""

FEWEST_LOOKS = 3
"""Origins whose steps don't overlap that one series alone needs for a learner to be called clearly worse on it."""

LEAST = 1e-3
"""Error, in units of the scale, below which learners are equally good: no division by nearly nothing."""


@dataclass(frozen=True)
class Members:
    """A choice.

    Attributes:
        chosen: positions of the learners that are taken, best first.
        weights: (S, len(chosen)), each row sums to 1.
        why: learner's position → why it is not taken, in words.
    """

    chosen: tuple[int, ...]
    weights: Floats
    why: Mapping[int, str]


def errors(forecasts: Floats, actual: Floats, scale: Floats) -> Floats:
    """Mean absolute errors at the origins in units of each series' scale.

    Args:
        forecasts: (M, O, S, H), NaN where there is none.
        actual: (O, S, H), NaN where nothing came.
        scale: (O, S), above 0.

    Returns:
        (M, S), NaN of series that have no origin.
    """
    sizes = np.abs(forecasts - actual) / scale[..., None]
    there = np.isfinite(sizes)
    counts = there.sum(axis=(1, 3))
    total = np.where(there, sizes, 0.0).sum(axis=(1, 3))
    return np.asarray(np.where(counts > 0, total / np.maximum(counts, 1), np.nan))


def independent(ends: NDArray[np.int64], horizon: int) -> Floats:
    """(S,) origins whose steps don't overlap that a series has: overlapping ones count by what they add.

    Args:
        ends: (O, S) of the origins, -1 where a series has none.
        horizon: steps of each.
    """
    there = ends >= 0
    low = np.where(there, ends, np.iinfo(np.int64).max).min(axis=0)
    high = np.where(there, ends, -1).max(axis=0)
    return np.where(there.any(axis=0), 1.0 + np.maximum(high - low, 0) / horizon, 0.0)


def by_origin(forecasts: Floats, actual: Floats, scale: Floats) -> Floats:
    """As `errors`, (M, O) of each origin over all series; NaN where nothing came."""
    sizes = np.abs(forecasts - actual) / scale[..., None]
    there = np.isfinite(sizes)
    counts = there.sum(axis=(2, 3))
    total = np.where(there, sizes, 0.0).sum(axis=(2, 3))
    return np.asarray(np.where(counts > 0, total / np.maximum(counts, 1), np.nan))


def choose(names: Sequence[str], found: Floats, origins: Floats, most: int, looks: Floats | None = None) -> Members:
    """Members and weights.

    Whether a learner is clearly worse is seen by how its errors vary from series to series; where there is one series,
    by how they vary from origin to origin, each of which counts by what it adds to the others.

    Args:
        names: (M,) of the learners.
        found: (M, S) of `errors`.
        origins: (S,) of `independent`.
        most: members at most.
        looks: (M, O) of `by_origin`.
    """
    logs = np.log(np.maximum(found, LEAST))
    known = np.isfinite(logs).all(axis=0)
    prior = np.array([PRIOR.get(name, OTHERS) for name in names])
    whole = logs[:, known].mean(axis=1) if known.any() else np.zeros(len(names))
    best = int(np.argmin(whole))
    why: dict[int, str] = {}
    for place, name in enumerate(names):
        if place == best or not known.any():
            continue
        apart = logs[place, known] - logs[best, known]
        ratio = math.exp(apart.mean())
        if len(apart) > 1:
            error = apart.std(ddof=1) / math.sqrt(len(apart))
        else:
            error = _error_of_one(looks, place, best, float(origins[known][0]))
        if ratio > WORSE and apart.mean() > CLEARLY * error:
            why[place] = f"{name}'s errors are {ratio:.2f} times those of {names[best]}"
    order = sorted(
        (place for place in range(len(names)) if place not in why),
        key=lambda place: (whole[place] - math.log(prior[place]) / POWER, place),
    )
    for place in order[most:]:
        why[place] = f"{most} others are better"
    chosen = order[:most]
    series = np.where(known, logs[chosen], 0.0)
    series = series - series.mean(axis=0)
    panel = whole[chosen] - whole[chosen].mean()
    count = np.where(known, origins, 0.0)
    drawn = (count * series + PRIOR_ORIGINS * panel[:, None]) / (count + PRIOR_ORIGINS)
    weights = prior[chosen][:, None] * np.exp(-POWER * drawn)
    return Members(tuple(chosen), np.ascontiguousarray((weights / weights.sum(axis=0)).T), why)


def _error_of_one(looks: Floats | None, place: int, best: int, origins: float) -> float:
    """Standard error of a learner's log error against the best one's on one series; without end where few looks are."""
    if looks is None or origins < FEWEST_LOOKS:
        return math.inf
    apart = np.log(np.maximum(looks[place], LEAST)) - np.log(np.maximum(looks[best], LEAST))
    apart = apart[np.isfinite(apart)]
    if len(apart) < FEWEST_LOOKS:
        return math.inf
    return float(apart.std(ddof=1)) / math.sqrt(min(origins, len(apart)))


def combined(forecasts: Floats, weights: Floats) -> Floats:
    """The mean of the members' forecasts, each series by its weights; members without a forecast don't count.

    Args:
        forecasts: (M, …, S, H).
        weights: (S, M).
    """
    share = weights.T.reshape(len(forecasts), *[1] * (forecasts.ndim - 3), -1, 1)
    there = np.isfinite(forecasts)
    share = np.where(there, share, 0.0)
    total = share.sum(axis=0)
    found = (np.where(there, forecasts, 0.0) * share).sum(axis=0)
    return np.asarray(np.where(total > 0, found / np.where(total > 0, total, 1.0), np.nan))
