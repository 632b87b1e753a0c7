"""Some of the columns, in the order given."""

from __future__ import annotations

import numpy as np

from ..matrix import Matrix
from .base import Cells, State, Work


class Select:
    """State: ``columns``, the positions that are kept."""

    def __init__(self, state: State) -> None:
        self.columns = np.asarray(state["columns"], dtype=np.int64)
        self._row: list[int] = self.columns.tolist()

    def __call__(self, work: Work, matrix: Matrix) -> Matrix:
        """Keep these."""
        return matrix.columns(self.columns)

    def row(self, cells: Cells, values: list[float]) -> list[float]:
        """As `__call__`, of one row."""
        return [values[each] for each in self._row]
