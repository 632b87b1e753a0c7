"""Errors as they are, and relative to what came."""

from __future__ import annotations

import numpy as np

from automl_core.forecasting.metrics.base import Floats, Metric, mean
from automl_core.forecasting.metrics.history import Histories


def mae(actual: Floats, forecast: Floats, history: Histories, season: int) -> Floats:
    """Mean absolute error, in the target's unit."""
    return mean(np.abs(actual - forecast))


def mse(actual: Floats, forecast: Floats, history: Histories, season: int) -> Floats:
    """Mean squared error."""
    return mean((actual - forecast) ** 2)


def rmse(actual: Floats, forecast: Floats, history: Histories, season: int) -> Floats:
    """Root of the mean squared error, in the target's unit."""
    return np.sqrt(mse(actual, forecast, history, season))


def mape(actual: Floats, forecast: Floats, history: Histories, season: int) -> Floats:
    """Mean absolute error by what came, as a share: 0.1 is 10 %. Steps at which 0 came have no such error."""
    return mean(np.where(actual == 0, np.nan, np.abs(actual - forecast) / np.abs(actual)))


def smape(actual: Floats, forecast: Floats, history: Histories, season: int) -> Floats:
    """Mean of ``2 |actual - forecast| / (|actual| + |forecast|)``, from 0 to 2; 0 where both are 0.

    As in the M4 competition, which writes it in percent (Makridakis, Spiliotis & Assimakopoulos 2020, "The M4
    Competition: 100,000 time series and 61 forecasting methods", section 2.2).
    """
    both = np.abs(actual) + np.abs(forecast)
    return mean(np.where(both == 0, 0.0, 2 * np.abs(actual - forecast) / both))


def wape(actual: Floats, forecast: Floats, history: Histories, season: int) -> Floats:
    """Sum of absolute errors by the sum of what came, as a share: defined with zeros, where not all are."""
    size = mean(np.abs(actual))
    return np.where(size > 0, mean(np.abs(actual - forecast)) / size, np.nan)


_USUAL = "Hyndman & Athanasopoulos 2021, Forecasting: Principles and Practice, section 5.8"
_M4 = "Makridakis, Spiliotis & Assimakopoulos 2020, International Journal of Forecasting 36(1), section 2.2"
_WAPE = "Kolassa & Schütz 2007, Foresight 6: the ratio of the mean absolute error to the mean"

METRICS = (
    Metric("mae", "minimize", _USUAL, mae, unit=True),
    Metric("mse", "minimize", _USUAL, mse, unit=True),
    Metric("rmse", "minimize", _USUAL, rmse, unit=True),
    Metric("mape", "minimize", _USUAL, mape),
    Metric("smape", "minimize", _M4, smape),
    Metric("wape", "minimize", _WAPE, wape),
)
