"""Columns as few combinations of them."""

from __future__ import annotations

import numpy as np

from ..matrix import Matrix
from .base import Cells, State, Work


class Project:
    """State: ``mean`` (p,), ``components`` (k, p), ``name``: principal components, or a truncated SVD (mean of 0)."""

    def __init__(self, state: State) -> None:
        self.mean, self.components = (np.asarray(state[name], dtype=np.float64) for name in ("mean", "components"))
        self.names = [f"{state['name']} {each + 1}" for each in range(len(self.components))]

    def __call__(self, work: Work, matrix: Matrix) -> Matrix:
        """The combinations in place of the columns."""
        return Matrix.of((matrix.values - self.mean) @ self.components.T, self.names)

    def row(self, cells: Cells, values: list[float]) -> list[float]:
        """As `__call__`, of one row."""
        found: list[float] = ((np.asarray([values]) - self.mean) @ self.components.T)[0].tolist()
        return found
