"""Numbers as they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from automl_core.tabular.features.base import Floats, Rows, Transformer


class Numbers(Transformer):
    """Takes columns of numbers; those with one value in all rows, or none, are left out."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = columns

    def fit(self, rows: Rows) -> dict[str, Any] | None:
        """Learn which columns vary, and the median of those without a gap."""
        kept, fill = [], []
        for name in self.columns:
            values = rows.work.numbers(name)
            known = ~np.isnan(values)
            if not known.any():
                continue
            complete = bool(known.all())
            if complete and values.min() == values.max():
                continue
            kept.append(name)
            fill.append(median(values, rows.weights) if complete else np.nan)
        return {"step": "numbers", "columns": kept, "fill": np.array(fill)} if kept else None


def median(values: Floats, weights: Floats) -> float:
    """The weighted median of what is there: half of the weight is on either side."""
    return float(quantiles(values, weights, np.array([0.5]))[0])


def quantiles(values: Floats, weights: Floats, shares: Floats) -> Floats:
    """(shares,) weighted quantiles of what is there; with equal weights those of `numpy.quantile`."""
    known = ~np.isnan(values)
    values, weights = values[known], weights[known]
    if not len(values):
        return np.zeros(len(shares))
    order = np.argsort(values, kind="stable")
    values, weights = values[order], weights[order]
    before = np.cumsum(weights) - weights
    total = before[-1]
    if total <= 0:
        return np.full(len(shares), values[0])
    return np.asarray(np.interp(shares, before / total, values))
