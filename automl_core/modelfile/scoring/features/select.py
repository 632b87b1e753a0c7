"""Some of the columns, in the order given."""

from __future__ import annotations

import numpy as np

from ..matrix import Matrix
from .base import State, Work


class Select:
    """State: ``columns``, the positions that are kept."""

    def __init__(self, state: State) -> None:
        self.columns = np.asarray(state["columns"], dtype=np.int64)

    def __call__(self, work: Work, matrix: Matrix) -> Matrix:
        """Keep these."""
        return matrix.columns(self.columns)
