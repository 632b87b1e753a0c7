"""Numbers as they are."""

from __future__ import annotations

import numpy as np

from ..matrix import Matrix
from .base import Cells, State, Work


class Numbers:
    """State: ``columns``, and ``fill`` (p,): what stands for a missing value, NaN where it stays missing.

    A column without a gap in training has no way to treat one: libraries then take it for 0 or send it down a branch
    that nothing was learned for. There `fill` is the median.
    """

    def __init__(self, state: State) -> None:
        self.columns, self.fill = tuple(state["columns"]), np.asarray(state["fill"], dtype=np.float64)
        self.filled = bool(np.isfinite(self.fill).any())
        self._row = list(zip(self.columns, self.fill.tolist(), strict=True))

    def __call__(self, work: Work, matrix: Matrix) -> Matrix:
        """Append the columns."""
        values = np.empty((work.n, len(self.columns)), order="F")
        for index, name in enumerate(self.columns):
            values[:, index] = work.numbers(name)
        if self.filled:
            gaps = np.isnan(values)
            if gaps.any():
                values = np.where(gaps, self.fill, values)
        return Matrix.beside([matrix, Matrix.of(values, self.columns)])

    def row(self, cells: Cells, values: list[float]) -> list[float]:
        """As `__call__`, of one row."""
        if not self.filled:
            return values + [cells[name] for name in self.columns]
        return values + [value if (value := cells[name]) == value else fill for name, fill in self._row]
