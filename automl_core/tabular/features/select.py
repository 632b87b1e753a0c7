"""Columns that say something of the target."""

from __future__ import annotations

from typing import Any

import numpy as np

from automl_core.tabular.features.base import Rows, Transformer
from automl_core.tabular.features.relevance import relevance, sample


class Select(Transformer):
    """Keeps a share of the columns, those that alone explain the target best."""

    def __init__(self, share: float, *, least: int = 2) -> None:
        """Say how many.

        Args:
            share: of the columns, 0 to 1.
            least: columns that are kept in any case.
        """
        self.share, self.least = share, least

    def fit(self, rows: Rows) -> dict[str, Any] | None:
        """Judge the columns one by one, on some rows."""
        p = len(rows.matrix.names)
        keep = max(self.least, round(self.share * p))
        if keep >= p:
            return None
        some = sample(len(rows.weights), rows.rng("select"))
        targets, weights = rows.targets[some], rows.weights[some]
        found = np.array([relevance(column[some], targets, weights) for column in rows.matrix.values.T])
        return {"step": "select", "columns": np.sort(np.argsort(-found, kind="stable")[:keep])}
