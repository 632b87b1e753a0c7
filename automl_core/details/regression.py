"""Where numbers were predicted: errors at a glance, how they are spread, and where they grow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.details.curves import listed
from automl_core.details.figures import rounded, share

Floats = NDArray[np.float64]

RESIDUAL_BINS = 40
GRID = 30
"""Bins of truth and of prediction."""

GROUPS = 10
"""Groups of rows with equal counts, by what was predicted."""

SHARES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
"""Quantiles that are told."""

WORST = 50
"""Errors that are listed."""


def summary(truth: Floats, prediction: Floats, weights: Floats) -> dict[str, Any]:
    """What there is to say of predicted numbers.

    Args:
        truth, prediction: finite, one a row, at least one row.
        weights: of the rows, positive.
    """
    errors = prediction - truth
    size = np.abs(errors)
    total = float(weights.sum())
    mean = float(np.average(truth, weights=weights))
    squares, spread = float(np.sum(weights * errors**2)), float(np.sum(weights * (truth - mean) ** 2))
    return {
        "overall": {
            "r2": rounded(1 - squares / spread) if spread > 0 else None,
            "rmse": rounded(float(np.sqrt(squares / total))),
            "mae": rounded(float(np.sum(weights * size) / total)),
            "median_absolute_error": rounded(float(np.median(size))),
            "bias": rounded(float(np.sum(weights * errors) / total)),
            "max_error": rounded(float(size.max())),
        },
        "residuals": _residuals(errors),
        "quantiles": {
            "share": list(SHARES),
            "residual": listed(np.quantile(errors, SHARES)),
            "absolute": listed(np.quantile(size, SHARES)),
        },
        "grid": _grid(truth, prediction),
        "groups": _groups(truth, prediction, weights),
    }


def worst(truth: Floats, prediction: Floats) -> NDArray[np.intp]:
    """Rows with the largest errors, the largest first; of equal ones the earlier."""
    size = np.abs(prediction - truth)
    count = min(WORST, int(np.count_nonzero(size)))
    return np.argsort(-size, kind="stable")[:count]


def _residuals(errors: Floats) -> dict[str, Any]:
    """A histogram of the middle 99 %, and how many lie beyond it on either side."""
    low, high = (float(each) for each in np.quantile(errors, (0.005, 0.995)))
    low, high = _apart(low, high)
    counts, edges = np.histogram(errors, RESIDUAL_BINS, (low, high))
    return {
        "edges": listed(edges), "rows": counts.tolist(), "below": int(np.sum(errors < low)),
        "above": int(np.sum(errors > high)),
    }  # fmt: skip


def _grid(truth: Floats, prediction: Floats) -> dict[str, Any]:
    """Rows by truth and prediction, on the same edges: what is right lies on the diagonal."""
    low, high = _apart(float(min(truth.min(), prediction.min())), float(max(truth.max(), prediction.max())))
    edges = np.linspace(low, high, GRID + 1)
    counts, _, _ = np.histogram2d(truth, prediction, bins=(edges, edges))
    at_truth, at_prediction = np.nonzero(counts)
    return {
        "edges": listed(edges), "truth": at_truth.tolist(), "prediction": at_prediction.tolist(),
        "rows": counts[at_truth, at_prediction].astype(int).tolist(),
    }  # fmt: skip


def _groups(truth: Floats, prediction: Floats, weights: Floats) -> list[dict[str, Any]]:
    """Mean truth beside mean prediction, from those predicted lowest to those predicted highest."""
    order = np.argsort(prediction, kind="stable")
    return [
        {
            "rows": len(part),
            "prediction": share(float(np.sum(weights[part] * prediction[part])), float(weights[part].sum())),
            "truth": share(float(np.sum(weights[part] * truth[part])), float(weights[part].sum())),
        }
        for part in np.array_split(order, min(GROUPS, len(order)))
    ]


def _apart(low: float, high: float) -> tuple[float, float]:
    """Limits that leave room for bins between them."""
    if high - low > 1e-9 * max(abs(low), abs(high)):
        return low, high
    room = max(0.5, 1e-6 * max(abs(low), abs(high)))
    return low - room, high + room
