"""Levels as how frequent they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from automl_core.tabular.features.base import Rows, Transformer
from automl_core.tabular.features.levels import count


class Frequency(Transformer):
    """The logarithm of a level's share of the rows; an unseen level has that of half a row."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns = columns

    def fit(self, rows: Rows) -> dict[str, Any] | None:
        """Count."""
        columns, names, levels, values = [], [], [], []
        total = float(rows.weights.sum())
        for name in self.columns:
            found = count(rows.work.columns[name], rows.weights)
            if len(found.levels) + (found.missing > 0) < 2:
                continue
            missing = total - float(found.weights.sum())
            least = 0.5 * total / len(rows.weights)
            shares = np.array([*found.weights, least, missing if found.missing else least]) / total
            columns.append(name)
            names.append([f"frequency of {name}"])
            levels.append(list(found.levels))
            values.append(np.log(np.maximum(shares, 1e-300))[:, None])
        if not columns:
            return None
        return {"step": "encode", "columns": columns, "names": names, "levels": levels, "values": values}
