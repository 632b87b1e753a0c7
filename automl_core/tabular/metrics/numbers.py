"""Metrics of predicted numbers, Azure's normalised ones among them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from automl_core.tabular.metrics.base import Floats, Metric, mean


def rmse(truth: Floats, outputs: Floats, weights: Floats, **_: Any) -> float:
    """Root of the mean squared error."""
    return math.sqrt(mean((truth - outputs) ** 2, weights))


def mse(truth: Floats, outputs: Floats, weights: Floats, **_: Any) -> float:
    """Mean squared error."""
    return mean((truth - outputs) ** 2, weights)


def mae(truth: Floats, outputs: Floats, weights: Floats, **_: Any) -> float:
    """Mean absolute error."""
    return mean(np.abs(truth - outputs), weights)


def median_ae(truth: Floats, outputs: Floats, weights: Floats, **_: Any) -> float:
    """Weighted median of the absolute errors: half of the weight lies at or below it."""
    errors = np.abs(truth - outputs)
    order = np.argsort(errors, kind="stable")
    reached = np.cumsum(weights[order])
    half = reached[-1] / 2
    at = int(np.searchsorted(reached, half))
    low = errors[order][at]
    if reached[at] == half and at + 1 < len(errors):
        return float((low + errors[order][at + 1]) / 2)
    return float(low)


def r2(truth: Floats, outputs: Floats, weights: Floats, **_: Any) -> float:
    """Share of the variance that is explained; of a constant truth 1 where it is hit exactly, else 0 (scikit-learn)."""
    middle = mean(truth, weights)
    error, spread = mean((truth - outputs) ** 2, weights), mean((truth - middle) ** 2, weights)
    if spread > 0:
        return 1.0 - error / spread
    return 1.0 if error == 0 else 0.0


def mape(truth: Floats, outputs: Floats, weights: Floats, **_: Any) -> float:
    """Mean absolute error by the truth, as a share (scikit-learn: a truth of 0 counts as the least number above 0)."""
    return mean(np.abs(truth - outputs) / np.maximum(np.abs(truth), np.finfo(np.float64).eps), weights)


def rmsle(truth: Floats, outputs: Floats, weights: Floats, **_: Any) -> float:
    """Root of the mean squared difference of ln(1 + y); outputs below 0 count as 0, a truth at −1 or below has none."""
    if (truth <= -1).any():
        return math.nan
    return math.sqrt(mean((np.log1p(truth) - np.log1p(np.maximum(outputs, 0.0))) ** 2, weights))


def _range(truth: Floats, low: float | None, high: float | None) -> float:
    least, most = (truth.min(), truth.max()) if low is None or high is None else (low, high)
    return float(most - least)


def nrmse(
    truth: Floats, outputs: Floats, weights: Floats, *, low: float | None = None, high: float | None = None
) -> float:
    """Azure's ``normalized_root_mean_squared_error``: by the range of the data; of a constant target, not divided."""
    return rmse(truth, outputs, weights) / (_range(truth, low, high) or 1.0)


def nmae(
    truth: Floats, outputs: Floats, weights: Floats, *, low: float | None = None, high: float | None = None
) -> float:
    """Azure's ``normalized_mean_absolute_error``: by the range of the data; of a constant target, not divided."""
    return mae(truth, outputs, weights) / (_range(truth, low, high) or 1.0)


def ranks(values: Floats) -> Floats:
    """(n,) ranks from 1, ties have the mean of theirs."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
    ends = np.r_[starts[1:], len(values)]
    found = np.empty(len(values))
    found[order] = np.repeat((starts + 1 + ends) / 2, ends - starts)
    return found


def spearman(truth: Floats, outputs: Floats, weights: Floats, **_: Any) -> float:
    """Correlation of ranks; 0 where either side is constant. Weights count in the correlation, ranks are of rows."""
    left, right = ranks(truth), ranks(outputs)
    left, right = left - mean(left, weights), right - mean(right, weights)
    below = math.sqrt(mean(left**2, weights) * mean(right**2, weights))
    return mean(left * right, weights) / below if below > 0 else 0.0


def pinball(quantile: float) -> Metric:
    """The pinball loss at a quantile (0 … 1): its best constant is that quantile of the target."""

    def measured(truth: Floats, outputs: Floats, weights: Floats, **_: Any) -> float:
        short = truth - outputs
        return mean(np.maximum(quantile * short, (quantile - 1) * short), weights)

    return Metric(f"pinball({quantile:g})", "minimize", "numbers", measured, perfect=0.0)


METRICS = (
    *(
        Metric(name, "minimize", "numbers", function, perfect=0.0)
        for name, function in {
            "rmse": rmse,
            "mse": mse,
            "mae": mae,
            "median_absolute_error": median_ae,
            "mape": mape,
            "rmsle": rmsle,
            "normalized_root_mean_squared_error": nrmse,
            "normalized_mean_absolute_error": nmae,
        }.items()
    ),
    Metric("r2_score", "maximize", "numbers", r2, perfect=1.0),
    Metric("spearman_correlation", "maximize", "numbers", spearman, perfect=1.0),
)
