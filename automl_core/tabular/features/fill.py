"""Missing values replaced, and said, for models that know none."""

from __future__ import annotations

from typing import Any

import numpy as np

from automl_core.tabular.features.base import Rows, Transformer
from automl_core.tabular.features.numbers import median

STRATEGIES = ("median", "mean", "mode")


class Fill(Transformer):
    """All gaps of the matrix; columns with gaps in training get an indicator each."""

    def __init__(self, strategy: str = "median", *, indicators: bool = True) -> None:
        """Say how.

        Args:
            strategy: ``median``, ``mean`` or ``mode`` of what is there.
            indicators: whether missing values are said.
        """
        self.strategy, self.indicators = strategy, indicators

    def fit(self, rows: Rows) -> dict[str, Any] | None:
        """Learn what stands for a missing value of each column; also of those that have none yet."""
        if not rows.matrix.names:
            return None
        values = np.array([self._usual(column, rows.weights) for column in rows.matrix.values.T])
        gaps = np.isnan(rows.matrix.values)
        some = np.flatnonzero(gaps.any(axis=0)) if self.indicators else np.zeros(0, dtype=np.int64)
        kept: dict[bytes, int] = {}
        for each in some:  # columns that are missing together say it once
            kept.setdefault(gaps[:, each].tobytes(), int(each))
        return {"step": "fill", "values": values, "indicators": np.array(sorted(kept.values()), dtype=np.int64)}

    def _usual(self, column: Any, weights: Any) -> float:
        known = ~np.isnan(column)
        if not known.any():
            return 0.0
        if self.strategy == "mean":
            return float(np.average(column[known], weights=weights[known]))
        if self.strategy == "mode":
            values, where = np.unique(column[known], return_inverse=True)
            return float(values[np.argmax(np.bincount(where, weights[known]))])
        return median(column, weights)
