"""Levels as numbers that were learned for each: means of the target, frequencies."""

from __future__ import annotations

import numpy as np

from ..matrix import Matrix
from .base import Cells, Levels, State, Work


class Encode:
    """State: ``columns``; ``levels``, a list each; ``values``, (levels + 2, k) each; ``names``, k each.

    The last two rows are those of an unseen level and of a missing value.
    """

    def __init__(self, state: State) -> None:
        self.columns, self.names = tuple(state["columns"]), [tuple(names) for names in state["names"]]
        self.levels = [Levels(levels) for levels in state["levels"]]
        self.values = [np.asarray(values, dtype=np.float64) for values in state["values"]]
        self._row = list(zip(self.columns, self.levels, [values.tolist() for values in self.values], strict=True))

    def __call__(self, work: Work, matrix: Matrix) -> Matrix:
        """Append k columns for each column."""
        parts = [matrix]
        for name, names, levels, values in zip(self.columns, self.names, self.levels, self.values, strict=True):
            parts.append(Matrix.of(values[levels.positions(work.columns[name])], names))
        return Matrix.beside(parts)

    def row(self, cells: Cells, values: list[float]) -> list[float]:
        """As `__call__`, of one row."""
        for name, levels, learned in self._row:
            values = values + learned[levels.position(cells[name])]
        return values
