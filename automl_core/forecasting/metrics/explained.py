"""How much of what came is explained, and whether its order is right."""

from __future__ import annotations

import numpy as np

from automl_core.forecasting.metrics.base import Floats, Metric, mean
from automl_core.forecasting.metrics.history import Histories


def r2(actual: Floats, forecast: Floats, history: Histories, season: int) -> Floats:
    """Share of the variance that is explained; of what came constant 1 where it is hit exactly, else 0; NaN of one."""
    error = mean((actual - forecast) ** 2)
    spread = mean((actual - mean(actual)[:, None]) ** 2)
    found = np.where(spread > 0, 1 - error / spread, np.where(error == 0, 1.0, 0.0))
    return np.where((~np.isnan(actual)).sum(axis=1) > 1, found, np.nan)


def spearman(actual: Floats, forecast: Floats, history: Histories, season: int) -> Floats:
    """Pearson's correlation of ranks, ties sharing their mean rank; NaN where one side is constant."""
    found = np.full(len(actual), np.nan)
    for row, (came, said) in enumerate(zip(actual, forecast, strict=True)):
        there = ~np.isnan(came)
        first, second = _ranks(came[there]), _ranks(said[there])
        first, second = first - first.mean() if len(first) else first, second - second.mean() if len(second) else second
        size = np.sqrt((first**2).sum() * (second**2).sum())
        if size > 0:
            found[row] = (first * second).sum() / size
    return found


def _ranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], dtype=np.float64)


_AZURE = "Azure automated ML, evaluation of experiments: over all time series together"

METRICS = (
    Metric("r2_score", "maximize", _AZURE, r2, pooled=True),
    Metric("spearman_correlation", "maximize", _AZURE, spearman, pooled=True),
)
