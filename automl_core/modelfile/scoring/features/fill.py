"""Missing values replaced, and said."""

from __future__ import annotations

import numpy as np

from ..matrix import Matrix
from .base import Cells, State, Work


class Fill:
    """State: ``values`` (p,), what stands for a missing value of each column; ``indicators``, positions of columns.

    For each of these another column says whether the value was missing (1) or there (0).
    """

    def __init__(self, state: State) -> None:
        self.values = np.asarray(state["values"], dtype=np.float64)
        self.indicators = np.asarray(state["indicators"], dtype=np.int64)
        self._row: tuple[list[float], list[int]] = (self.values.tolist(), self.indicators.tolist())

    def __call__(self, work: Work, matrix: Matrix) -> Matrix:
        """Fill all gaps; append the indicators."""
        gaps = np.isnan(matrix.values)
        filled = Matrix(np.where(gaps, self.values, matrix.values), matrix.names, matrix.categorical)
        if not len(self.indicators):
            return filled
        names = [f"{matrix.names[each]} (missing)" for each in self.indicators]
        return Matrix.beside([filled, Matrix.of(gaps[:, self.indicators], names)])

    def row(self, cells: Cells, values: list[float]) -> list[float]:
        """As `__call__`, of one row."""
        filled, indicators = self._row
        found = [value if value == value else fill for value, fill in zip(values, filled, strict=True)]
        return found + [float(values[each] != values[each]) for each in indicators]
