"""Columns brought to a common size: five ways."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.tabular.features.base import Floats, Rows, Transformer
from automl_core.tabular.features.numbers import quantiles

KINDS = ("standard", "minmax", "maxabs", "robust", "quantile", "none")
BEYOND = 4.0
"""Scaled values of later rows end this far, in spans of the training, beyond those of the training."""
KNOTS = 256


class Scale(Transformer):
    """Columns that have more than two values; ones and zeros are of a common size already."""

    def __init__(self, kind: str = "standard") -> None:
        """Say which.

        Args:
            kind: ``standard`` (mean 0, deviation 1), ``minmax`` (0 to 1), ``maxabs`` (−1 to 1, 0 stays), ``robust``
                (median 0, quartiles 1 apart), ``quantile`` (a normal distribution by ranks) or ``none``.

        Raises:
            ValueError: another one.
        """
        if kind not in KINDS:
            raise ValueError(f"there is no scaler {kind!r} (allowed: {', '.join(KINDS)})")
        self.kind = kind

    def fit(self, rows: Rows) -> dict[str, Any] | None:
        """Learn from columns without gaps."""
        values = rows.matrix.values
        columns = np.array([i for i, column in enumerate(values.T) if _many(column)], dtype=np.int64)
        if not len(columns) or self.kind == "none":
            return None
        if self.kind == "quantile":
            return _quantile(values, rows.weights, columns)
        center, scale = np.array([self._size(values[:, each], rows.weights) for each in columns]).T
        scale = np.where((scale > 0) & np.isfinite(scale), scale, 1.0)
        scaled = (values[:, columns] - center) / scale
        low, high = scaled.min(axis=0), scaled.max(axis=0)
        span = BEYOND * np.maximum(high - low, 1.0)
        if self.kind == "robust":  # what lies far out in training itself
            low, high = np.maximum(low, -BEYOND * 2), np.minimum(high, BEYOND * 2)
            span = np.zeros(len(low))
        found = {"center": center, "scale": scale, "low": low - span, "high": high + span}
        return {"step": "scale", "columns": columns, **found}

    def _size(self, column: Floats, weights: Floats) -> tuple[float, float]:
        if self.kind == "standard":
            center = float(np.average(column, weights=weights))
            return center, float(np.sqrt(np.average((column - center) ** 2, weights=weights)))
        if self.kind == "minmax":
            return float(column.min()), float(column.max() - column.min())
        if self.kind == "maxabs":
            return 0.0, float(np.abs(column).max())
        quarter, half, three = quantiles(column, weights, np.array([0.25, 0.5, 0.75]))
        spread = float(three - quarter)
        return float(half), spread if spread > 0 else float(np.std(column))


def _many(column: Floats) -> bool:
    """Whether a column has more than two values."""
    low, high = column.min(), column.max()
    return bool(np.any((column != low) & (column != high)))


def _quantile(values: Floats, weights: Floats, columns: NDArray[np.int64]) -> dict[str, Any]:
    from scipy.special import ndtri

    count = min(KNOTS, len(values))
    shares = np.linspace(0, 1, count)
    knots = np.array([quantiles(values[:, each], weights, shares) for each in columns])
    edge = 0.5 / len(values)  # the least of n values has half a row below it
    return {"step": "quantile", "columns": columns, "knots": knots, "outputs": ndtri(np.clip(shares, edge, 1 - edge))}
