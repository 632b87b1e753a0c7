"""Levels as codes, the most frequent first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from automl_core.tabular.features.base import Rows, Transformer
from automl_core.tabular.features.levels import count


class Ordinal(Transformer):
    """A code for each level: for trees, with or without categories of their own."""

    def __init__(self, columns: Sequence[str], *, native: bool, rare: int = 1, most: int = 1_000_000) -> None:
        """Say how.

        Args:
            columns: categories.
            native: whether the learner knows categories; else codes are numbers to it.
            rare: levels of fewer rows share one code, which unseen levels get too.
            most: codes at most; beyond these the rarest levels share one.
        """
        self.columns, self.native, self.rare, self.most = columns, native, rare, most

    def fit(self, rows: Rows) -> dict[str, Any] | None:
        """Learn the levels."""
        columns, levels, codes = [], [], []
        for name in self.columns:
            found = count(rows.work.columns[name], rows.weights)
            if len(found.levels) + (found.missing > 0) < 2:
                continue
            own = int((found.counts >= self.rare).sum())
            own = min(own, self.most - 1) if len(found.levels) > self.most else own
            shared = own < len(found.levels)
            each = np.minimum(np.arange(len(found.levels)), own).astype(np.float64)
            columns.append(name)
            levels.append(list(found.levels[:own]))
            # a shared code needs no list of its levels: it is that of all that are not listed
            codes.append(np.array([*each[:own], own if shared else np.nan, np.nan]))
        if not columns:
            return None
        return {"step": "ordinal", "columns": columns, "levels": levels, "codes": codes, "categorical": self.native}
