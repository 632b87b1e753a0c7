"""Levels as ones and zeros."""

from __future__ import annotations

import numpy as np

from ..matrix import Matrix
from .base import Cells, Levels, State, Work


class OneHot:
    """State: ``columns``; ``levels``, a list each; ``places``, (levels + 2,) each; ``widths`` and ``names``.

    A level's place is the column that has its one, -1 for none; levels may share a place (the rare ones do). The last
    two places are those of an unseen level and of a missing value.
    """

    def __init__(self, state: State) -> None:
        self.columns, self.names = tuple(state["columns"]), [tuple(names) for names in state["names"]]
        self.levels = [Levels(levels) for levels in state["levels"]]
        self.places = [np.asarray(places, dtype=np.int64) for places in state["places"]]
        widths = [len(names) for names in self.names]
        own = [places.tolist() for places in self.places]
        self._row = list(zip(self.columns, self.levels, own, widths, strict=True))

    def __call__(self, work: Work, matrix: Matrix) -> Matrix:
        """Append as many columns as a column has places."""
        parts = [matrix]
        for name, names, levels, places in zip(self.columns, self.names, self.levels, self.places, strict=True):
            where = places[levels.positions(work.columns[name])]
            ones = np.zeros((work.n, len(names) + 1))
            ones[np.arange(work.n), where] = 1.0  # -1: the last column, which is left out
            parts.append(Matrix.of(ones[:, :-1], names))
        return Matrix.beside(parts)

    def row(self, cells: Cells, values: list[float]) -> list[float]:
        """As `__call__`, of one row."""
        for name, levels, places, width in self._row:
            ones = [0.0] * (width + 1)
            ones[places[levels.position(cells[name])]] = 1.0
            values = values + ones[:-1]
        return values
