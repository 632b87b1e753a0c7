"""The last values of series, as a model keeps them: what features, scales and plots need of the past."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def kept(series: list[Floats], count: int) -> Floats:
    """(S, K) the last values of each, NaN before the first.

    Args:
        series: values of each, oldest first.
        count: K.
    """
    found = np.full((len(series), count), np.nan)
    for row, values in zip(found, series, strict=True):
        last = np.asarray(values, dtype=np.float64)[-count:] if count else ()
        if len(last):
            row[-len(last) :] = last
    return found


def pushed(history: Floats, rows: Ints, values: Floats) -> None:
    """Append a value each to some rows of a history, whose oldest go."""
    if history.shape[1]:
        history[rows] = np.column_stack([history[rows, 1:], values])


def seasonal_naive(history: Floats, season: int, horizon: int) -> Floats:
    """(k, H) the last season again, of what is kept: its latest known value at each place of the season.

    Args:
        history: (k, K).
        season: its length; 1: the last value.
        horizon: steps.

    Returns:
        Where a place of the season has no value, the last value; 0 where there is none at all.
    """
    rows, kept_ = history.shape
    season = max(1, min(season, kept_))
    last, of_season = np.zeros(rows), np.full((rows, season), np.nan)
    found = np.zeros(rows, dtype=bool)
    for back in range(1, kept_ + 1):
        values = history[:, -back]
        there = ~np.isnan(values)
        last[there & ~found] = values[there & ~found]
        found |= there
        place = (-back) % season
        take = there & np.isnan(of_season[:, place])
        of_season[take, place] = values[take]
        if found.all() and not np.isnan(of_season).any():
            break
    of_season = np.where(np.isnan(of_season), last[:, None], of_season)
    return np.asarray(of_season[:, np.arange(horizon) % season])
