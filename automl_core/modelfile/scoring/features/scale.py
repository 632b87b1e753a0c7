"""Columns shifted and stretched to a common size."""

from __future__ import annotations

import numpy as np

from ..matrix import Matrix
from .base import Cells, State, Work


class Scale:
    """State: ``columns`` (positions), and (m,) each ``center``, ``scale``, ``low``, ``high``.

    A value becomes (value − center) / scale, then the nearest between low and high: a number far beyond all that was
    learned from would outvote the rest of its row.
    """

    def __init__(self, state: State) -> None:
        self.columns = np.asarray(state["columns"], dtype=np.int64)
        self.center, self.scale, self.low, self.high = (
            np.asarray(state[name], dtype=np.float64) for name in ("center", "scale", "low", "high")
        )

    def __call__(self, work: Work, matrix: Matrix) -> Matrix:
        """Replace the columns."""
        values = matrix.values.copy(order="F")
        scaled = (values[:, self.columns] - self.center) / self.scale
        values[:, self.columns] = np.clip(scaled, self.low, self.high)
        return Matrix(values, matrix.names, matrix.categorical)

    def row(self, cells: Cells, values: list[float]) -> list[float]:
        """As `__call__`, of one row."""
        where = self.columns
        array = np.asarray(values)
        array[where] = np.clip((array[where] - self.center) / self.scale, self.low, self.high)
        found: list[float] = array.tolist()
        return found
