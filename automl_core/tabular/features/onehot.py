"""Levels as ones and zeros, the frequent ones each a column of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from automl_core.tabular.features.base import Rows, Transformer
from automl_core.tabular.features.levels import count


class OneHot(Transformer):
    """For models of sums and distances."""

    def __init__(self, columns: Sequence[str], *, rare: int = 1, most: int = 64) -> None:
        """Say how.

        Args:
            columns: categories.
            rare: levels of fewer rows share a column, with the unseen ones.
            most: columns a category at most; the rarest levels share the last.
        """
        self.columns, self.rare, self.most = columns, rare, most

    def fit(self, rows: Rows) -> dict[str, Any] | None:
        """Learn the levels."""
        columns, names, levels, places = [], [], [], []
        for name in self.columns:
            found = count(rows.work.columns[name], rows.weights)
            if len(found.levels) + (found.missing > 0) < 2:
                continue
            own = min(int((found.counts >= self.rare).sum()), self.most)
            if own < len(found.levels):
                own = min(own, self.most - 1)
            told, place = [f"{name} = {level}" for level in found.levels[:own]], own
            other = missing = -1
            if own < len(found.levels):
                other, place = place, place + 1
                told.append(f"{name} = (rare)")
            if found.missing:
                missing, place = place, place + 1
                told.append(f"{name} (missing)")
            if len(found.levels) == 2 and own == 2 and not found.missing:
                # the second says all
                told, where = told[1:], np.array([-1, 0, other, missing])
            else:
                where = np.array([*range(own), other, missing])
            columns.append(name)
            names.append(told)
            levels.append(list(found.levels[:own]))
            places.append(where)
        if not columns:
            return None
        return {"step": "onehot", "columns": columns, "names": names, "levels": levels, "places": places}
