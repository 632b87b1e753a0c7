"""Levels as codes."""

from __future__ import annotations

import numpy as np

from ..matrix import Matrix
from .base import Cells, Levels, State, Work


class Ordinal:
    """State: ``columns``; ``levels``, a list each; ``codes``, (levels + 2,) each; ``categorical``.

    Codes of several levels may be one (rare levels share one). The last two codes are those of an unseen level and of a
    missing value; NaN says missing.
    """

    def __init__(self, state: State) -> None:
        self.columns, self.categorical = tuple(state["columns"]), bool(state["categorical"])
        self.levels = [Levels(levels) for levels in state["levels"]]
        self.codes = [np.asarray(codes, dtype=np.float64) for codes in state["codes"]]
        self._row = list(zip(self.columns, self.levels, [codes.tolist() for codes in self.codes], strict=True))

    def __call__(self, work: Work, matrix: Matrix) -> Matrix:
        """Append a column of codes for each column."""
        values = np.empty((work.n, len(self.columns)), order="F")
        for index, (name, levels, codes) in enumerate(zip(self.columns, self.levels, self.codes, strict=True)):
            values[:, index] = codes[levels.positions(work.columns[name])]
        return Matrix.beside([matrix, Matrix.of(values, self.columns, self.categorical)])

    def row(self, cells: Cells, values: list[float]) -> list[float]:
        """As `__call__`, of one row."""
        return values + [codes[levels.position(cells[name])] for name, levels, codes in self._row]
