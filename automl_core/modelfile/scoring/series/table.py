"""Forecasts as rows: series, time, step, forecast, and the bounds of each level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .forecaster import Forecast, Forecaster


def columns(model: Forecaster, forecast: Forecast) -> dict[str, list[Any]]:
    """A row a series and moment, in the order of series and time.

    An hour that the clock shows twice has two rows of one step, one that it leaves out has none.

    Returns:
        The model's columns of series, its column of times (as training wrote them), ``step`` from 1, ``forecast``,
        ``lower_80``, ``upper_80`` and so on; names that the model has itself get a line under them.
    """
    taken = {*model.keys, model.time}
    names = ["step", "forecast", *(f"{side}_{name(level)}" for level in forecast.levels for side in ("lower", "upper"))]
    own = [f"{each}_" if each in taken else each for each in names]
    found: dict[str, list[Any]] = {each: [] for each in (*model.keys, model.time, *own)}
    for k, series in enumerate(forecast.names):
        first = int(forecast.last[k]) + 1
        moments, steps = model.grid.real_times(first, first + forecast.horizon)
        place = model.place[series]
        for column, values in zip(model.keys, model.key_values, strict=True):
            found[column] += [values[place]] * len(moments)
        found[model.time] += [model.grid.text(int(each)) for each in moments]
        parts = [np.arange(1, forecast.horizon + 1), forecast.values[k]]
        for level in range(len(forecast.levels)):
            parts += [forecast.lower[level, k], forecast.upper[level, k]]
        for column, part in zip(own, parts, strict=True):
            found[column] += part[steps].tolist()
    return found


def name(level: float) -> str:
    """A level in a column's name: 80 for 0.8, 97.5 for 0.975."""
    return f"{round(level * 100, 6):g}"
