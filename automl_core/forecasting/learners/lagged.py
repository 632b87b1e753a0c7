"""Rows to learn from for trees over lags: origins drawn from all series, steps ahead of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.series.features import Recipe

if TYPE_CHECKING:
    from automl_core.forecasting.panel import Panel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STEPS = 6
"""Steps ahead that are drawn for each origin if not all rows can be taken: more origins tell more than more steps."""


@dataclass(frozen=True)
class Rows:
    """What a forest learns from.

    Attributes:
        features: (n, F)
        target: (n,) in units, less the base.
        series: (n,) places of the rows' series.
    """

    features: Floats
    target: Floats
    series: Ints


def histories(panel: Panel, ends: Ints, places: Ints, reach: int) -> Floats:
    """(k, reach) the last values of series before their ends, NaN before the first.

    Args:
        panel: all series.
        ends: (S,) values that may be seen.
        places: (k,) of the series.
        reach: how many.
    """
    found = np.full((len(places), reach), np.nan)
    for row, place in zip(found, places, strict=True):
        part = panel.series[place].values[max(0, int(ends[place]) - reach) : int(ends[place])]
        row[reach - len(part) :] = part
    return found


def rows_of(panel: Panel, ends: Ints, recipe: Recipe, *, most: int, rng: np.random.Generator) -> Rows:
    """Rows of all origins at which a series is long enough, or of a sample of them.

    An origin needs as many values before it as the first season has (2 without one), or half of the series where that
    is shorter. Of each origin all steps ahead are taken whose value is known; where that is more than `most`, some.

    Args:
        panel: all series.
        ends: (S,) values that may be seen; below 3: the series gives no row.
        recipe: of the features.
        most: rows at most, about.
        rng: draws origins and steps.
    """
    series, origins = _origins(panel, ends, recipe.seasons[0] if recipe.seasons else 2)
    per = recipe.block
    if len(origins) * recipe.block > most:
        per = min(recipe.block, STEPS)
        if len(origins) * per > most:
            chosen = np.sort(rng.choice(len(origins), max(1, most // per), replace=False))
            series, origins = series[chosen], origins[chosen]
    steps = np.tile(np.arange(1, recipe.block + 1), (len(origins), 1))
    if per < recipe.block:
        steps = np.sort(rng.permuted(steps, axis=1)[:, :per], axis=1)
    return _made(panel, ends, recipe, series, origins, steps)


def _origins(panel: Panel, ends: Ints, least: int) -> tuple[Ints, Ints]:
    """Places of series, and how many of their values are before each origin."""
    series, origins = [], []
    for place, (one, end) in enumerate(zip(panel.series, np.asarray(ends).tolist(), strict=True)):
        known = np.cumsum(np.isfinite(one.values[: max(0, end)]))
        if end < 3 or known[-1] < 3:
            continue
        enough = np.arange(1, end)[known[:-1] >= max(2, min(least, int(known[-1]) // 2))]
        series.append(np.full(len(enough), place))
        origins.append(enough)
    none = np.empty(0, dtype=np.int64)
    return (np.concatenate(series), np.concatenate(origins)) if series else (none, none)


def _made(panel: Panel, ends: Ints, recipe: Recipe, series: Ints, origins: Ints, steps: Ints) -> Rows:
    """Features and targets: of (o,) origins, (o, p) steps ahead."""
    offsets = np.arange(-recipe.reach, 0)
    held = np.full((len(origins), recipe.reach), np.nan)
    truth = np.full(steps.shape, np.nan)
    known = np.full((*steps.shape, recipe.known), np.nan)
    for place in np.unique(series):
        one, end, of = panel.series[place], int(ends[place]), np.flatnonzero(series == place)
        at = origins[of][:, None] + offsets
        held[of] = np.where(at >= 0, one.values[np.maximum(at, 0)], np.nan)
        ahead = origins[of][:, None] + steps[of] - 1
        inside = ahead < end
        truth[of] = np.where(inside, one.values[np.minimum(ahead, end - 1)], np.nan)
        if recipe.known:
            known[of] = np.where(inside[..., None], one.known[np.minimum(ahead, end - 1)], np.nan)
    held, truth = recipe.values(held), recipe.values(truth)
    frame = recipe.frame(held)
    many, ahead = np.repeat(np.arange(len(origins)), steps.shape[1]), steps.ravel()
    many_known, y = known.reshape(len(many), recipe.known), truth.ravel()
    there = np.isfinite(y) & np.isfinite(frame.level[many]) & (frame.unit[many] > 0)
    many, ahead, many_known, y = many[there], ahead[there], many_known[there], y[there]
    starts = panel.starts[series[many]]
    clock = panel.grid.local(starts + origins[many] + ahead - 1)
    features = recipe.features(held, frame, many, ahead, clock, many_known, series[many])
    target = (y - frame.level[many]) / frame.unit[many] - recipe.bases(held, frame, many, ahead)
    return Rows(features, target, series[many])
