"""Another branch than the best trial's: what a few unlucky trials made look bad deserves a second look.

A branch (a learner that brings parameters of its own) is first seen at two or three random places. The best of one
may then be far from what it can reach, and what the process learns in the leading branch says little of the others' own
parameters: expected improvement stays where it is, refining the winner of that draw.
"""

from __future__ import annotations

import numpy as np

from automl_core.search.bayesian.encoding import Array, Encoding, Indices, Mask

_NEVER = -1e4  # added to the logarithm of an improvement: far below any that is worth a trial, and finite


def branching(encoding: Encoding) -> Indices:
    """The categorical columns whose options bring parameters of their own."""
    dimensions = encoding.space.dimensions
    parents = {name for parameter in dimensions for name in parameter.when}
    return np.array([j for j in encoding.categorical if dimensions[j].name in parents], dtype=np.intp)


class Elsewhere:
    """A term of the acquisition that rules the branch of one row out."""

    def __init__(self, columns: Indices, row: Array) -> None:
        """Set up.

        Args:
            columns: those that tell branches apart, from `branching`.
            row: settled, shape (width,); its branch is ruled out.
        """
        self._columns, self._options = columns, row[columns]

    def inside(self, rows: Array) -> Mask:
        """Which settled rows (n, width) are in the branch, shape (n,)."""
        found: Mask = (rows[:, self._columns] == self._options).all(axis=1)
        return found

    def __call__(self, rows: Array) -> Array:
        """At settled rows (n, width), shape (n,)."""
        return np.where(self.inside(rows), _NEVER, 0.0)

    def gradient(self, row: Array, moving: Indices) -> tuple[float, Array]:
        """The same at one row; numbers move no row out of its branch."""
        return float(self(row[None])[0]), np.zeros(len(moving))
