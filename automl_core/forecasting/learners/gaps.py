"""Missing values inside a series, filled for learners that take none: by level and place in the season."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def trimmed(values: Floats) -> tuple[int, int]:
    """Where the first known value stands, and the place after the last; (0, 0) where there is none."""
    known = np.flatnonzero(np.isfinite(values))
    return (int(known[0]), int(known[-1]) + 1) if len(known) else (0, 0)


def filled(values: Floats, season: int = 1) -> Floats:
    """(n,) the values with every gap filled: a line between its neighbours, on what the season leaves.

    A place in the season deviates from the level by the median of what its known values do; the level is a moving mean
    over a season. Filled values stay within the smallest and the largest known one.

    Args:
        values: (n,) NaN where a step is missing; the first and the last are known.
        season: in steps; below 2: none. It is used where two seasons are there, and each place is known once.
    """
    known = np.isfinite(values)
    if known.all():
        return np.array(values)
    at, where = np.arange(len(values)), np.flatnonzero(known)
    line = np.interp(at, where, values[where])
    if season > 1 and len(values) >= 2 * season:
        deviation = values - _moving_mean(line, season)
        places = at % season
        shape = np.array([_median(deviation[known & (places == place)]) for place in range(season)])
        if np.isfinite(shape).all():
            left = values - shape[places]
            line = np.interp(at, where, left[where]) + shape[places]
    inside = np.clip(line, values[where].min(), values[where].max())
    return np.where(known, values, inside)


def _moving_mean(values: Floats, width: int) -> Floats:
    """Means over `width` steps around each, over fewer at both ends."""
    total = np.concatenate([[0.0], np.cumsum(values)])
    at = np.arange(len(values))
    low, high = np.maximum(0, at - width // 2), np.minimum(len(values), at - width // 2 + width)
    return np.asarray((total[high] - total[low]) / (high - low))


def _median(values: Floats) -> float:
    return float(np.median(values)) if len(values) else np.nan
