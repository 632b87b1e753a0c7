"""Forecasts of quantiles and intervals against what came."""

from __future__ import annotations

import math

import numpy as np

from automl_core.forecasting.metrics.base import Floats, Metric, mean
from automl_core.forecasting.metrics.history import Histories


def pinball(level: float) -> Metric:
    """The pinball (quantile) loss of one quantile, in the target's unit; at 0.5 it is half the absolute error."""

    def measured(actual: Floats, forecast: Floats, history: Histories, season: int) -> Floats:
        above = actual - forecast
        return mean(np.maximum(level * above, (level - 1) * above))

    source = "Koenker & Bassett 1978, Econometrica 46(1), equation 3.1"
    return Metric(f"pinball({level:g})", "minimize", source, measured, level=level, unit=True)


def coverage(actual: Floats, lower: Floats, upper: Floats) -> float:
    """Share of what came that lies within intervals, their ends among them; NaN where nothing came.

    Args:
        actual: of any shape, NaN where nothing came.
        lower, upper: ends of the intervals, of the same shape.
    """
    came = ~np.isnan(actual)
    inside = (actual >= lower) & (actual <= upper)
    return float(inside[came].mean()) if came.any() else math.nan


def interval_score(actual: Floats, lower: Floats, upper: Floats, level: float) -> float:
    """Width of intervals and what is missed by them, weighted so that honest ends are the best ones; lower is better.

    Gneiting & Raftery 2007, Journal of the American Statistical Association 102(477), equation 43.

    Args:
        actual: of any shape, NaN where nothing came.
        lower, upper: ends of the intervals.
        level: the share that they are made to hold, such as 0.9.
    """
    came = ~np.isnan(actual)
    if not came.any():
        return math.nan
    missed = np.maximum(lower - actual, 0) + np.maximum(actual - upper, 0)
    return float((upper - lower + 2 / (1 - level) * missed)[came].mean())
