"""What is forecast where a learner's own is not possible: the last season again, or the last value."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def naive(values: Floats, horizon: int, season: int = 1, level: float = 0.0) -> Floats:
    """(H,) the seasonal naive forecast: each step as the newest known value of its place in the season.

    Args:
        values: (n,) up to the origin; NaN where a step is missing.
        horizon: steps ahead.
        season: in steps. A place of the season of which no value is known has the last value that is known.
        level: where no value is known at all.
    """
    n = len(values)
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return np.full(horizon, level)
    newest = np.full(season, float(values[known[-1]]))
    if season > 1 and n >= season:
        newest[known % season] = values[known]  # of two of one place the later stays
    return np.asarray(newest[(n + np.arange(horizon)) % season])
