"""Columns by their ranks among the rows that were learned from."""

from __future__ import annotations

import numpy as np

from ..matrix import Matrix
from .base import Cells, State, Work


class Quantile:
    """State: ``columns`` (positions); ``knots`` (m, k), quantiles of each; ``outputs`` (k,), what they become.

    Between knots the line. Where several knots are one value, it becomes the middle of what they would.
    """

    def __init__(self, state: State) -> None:
        self.columns = np.asarray(state["columns"], dtype=np.int64)
        self.knots, self.outputs = (np.asarray(state[name], dtype=np.float64) for name in ("knots", "outputs"))

    def __call__(self, work: Work, matrix: Matrix) -> Matrix:
        """Replace the columns."""
        values = matrix.values.copy(order="F")
        for column, knots in zip(self.columns, self.knots, strict=True):
            found = values[:, column]
            upper = np.interp(found, knots, self.outputs)
            lower = -np.interp(-found, -knots[::-1], -self.outputs[::-1])
            values[:, column] = (upper + lower) / 2
        return Matrix(values, matrix.names, matrix.categorical)

    def row(self, cells: Cells, values: list[float]) -> list[float]:
        """As `__call__`, of one row."""
        matrix = Matrix.of([values], ("",) * len(values))
        found: list[float] = self(Work(1, cells), matrix).values[0].tolist()
        return found
