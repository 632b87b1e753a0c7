"""A number beside what is usual in its row's group."""

from __future__ import annotations

import numpy as np

from ..matrix import Matrix
from .base import Cells, Levels, State, Work


class Group:
    """State: ``pairs``, each a category's and a number's name; ``levels``, a list each; ``means``, (levels + 2,) each.

    The last two means are those for an unseen level and a missing one: the mean of all rows.
    """

    def __init__(self, state: State) -> None:
        self.pairs = [(str(category), str(number)) for category, number in state["pairs"]]
        self.levels = [Levels(levels) for levels in state["levels"]]
        self.means = [np.asarray(means, dtype=np.float64) for means in state["means"]]
        self._row = list(zip(self.pairs, self.levels, [means.tolist() for means in self.means], strict=True))

    def __call__(self, work: Work, matrix: Matrix) -> Matrix:
        """Append, for each pair, the group's mean and the distance to it."""
        if not self.pairs:
            return matrix
        values = np.empty((work.n, 2 * len(self.pairs)), order="F")
        names = []
        for index, ((category, number), levels, means) in enumerate(
            zip(self.pairs, self.levels, self.means, strict=True)
        ):
            usual = means[levels.positions(work.columns[category])]
            values[:, 2 * index] = usual
            values[:, 2 * index + 1] = work.numbers(number) - usual
            names += [f"mean of {number} by {category}", f"{number} − its mean by {category}"]
        return Matrix.beside([matrix, Matrix.of(values, names)])

    def row(self, cells: Cells, values: list[float]) -> list[float]:
        """As `__call__`, of one row."""
        found = list(values)
        for (category, number), levels, means in self._row:
            usual = means[levels.position(cells[category])]
            found += (usual, cells[number] - usual)
        return found
