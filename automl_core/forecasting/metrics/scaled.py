"""Errors by the size of a series' own changes, or by its range: without a unit, so that series can be averaged."""

from __future__ import annotations

import numpy as np

from automl_core.forecasting.metrics.base import Floats, Metric, mean
from automl_core.forecasting.metrics.history import Histories


def mase(actual: Floats, forecast: Floats, history: Histories, season: int) -> Floats:
    """Mean absolute error by the mean absolute error of seasonal naive forecasts within the history.

    A history shorter than a season is scaled by its neighbouring values; one that never changes has no scale.
    """
    return _by(mean(np.abs(actual - forecast)), history.mean_absolute_change(season))


def rmsse(actual: Floats, forecast: Floats, history: Histories, season: int) -> Floats:
    """Root of the mean squared error by the mean squared error of naive forecasts within the history.

    As in the M5 competition: one step back whatever the season, and from the first value on that is not 0.
    """
    return np.sqrt(_by(mean((actual - forecast) ** 2), history.mean_squared_change()))


def normalized_rmse(actual: Floats, forecast: Floats, history: Histories, season: int) -> Floats:
    """Root of the mean squared error by the range of the series, its history and what came."""
    return _by(np.sqrt(mean((actual - forecast) ** 2)), _range(actual, history))


def normalized_mae(actual: Floats, forecast: Floats, history: Histories, season: int) -> Floats:
    """Mean absolute error by the range of the series, its history and what came."""
    return _by(mean(np.abs(actual - forecast)), _range(actual, history))


def _by(error: Floats, scale: Floats) -> Floats:
    return np.where(scale > 0, error / scale, np.nan)


def _range(actual: Floats, history: Histories) -> Floats:
    there = ~np.isnan(actual)
    high = np.maximum(np.where(there, actual, -np.inf).max(axis=1, initial=-np.inf), history.highest())
    low = np.minimum(np.where(there, actual, np.inf).min(axis=1, initial=np.inf), history.lowest())
    found: Floats = high - low
    return found


_AZURE = "Azure automated ML, evaluation of experiments: error / (y_max - y_min), per time series ID"

METRICS = (
    Metric("mase", "minimize", "Hyndman & Koehler 2006, International Journal of Forecasting 22(4), section 3", mase),
    Metric(
        "rmsse", "minimize", "Makridakis et al. 2022, International Journal of Forecasting 38(4): M5 accuracy", rmsse
    ),
    Metric("normalized_root_mean_squared_error", "minimize", _AZURE, normalized_rmse),
    Metric("normalized_mean_absolute_error", "minimize", _AZURE, normalized_mae),
)
