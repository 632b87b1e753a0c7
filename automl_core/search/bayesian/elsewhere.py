"""Another place than the best trial's: a second look at what a few unlucky trials made look bad.

A branch (a learner that brings parameters of its own) is first seen at two or three random places. The best of one
may then be far from what it can reach, and what the process learns in the leading branch says little of the others' own
parameters: expected improvement stays where it is, refining the winner of that draw. Likewise a basin of a multimodal
function: where its bottom is rough or noisy, the process hopes for another small improvement in it again and again. So
some suggestions leave out the best trial's branch, or the surroundings of a basin where trials are crowded.
"""

from __future__ import annotations

import numpy as np

from automl_core.search.bayesian.encoding import Array, Encoding, Indices, Mask

_NEVER = -1e4  # added to the logarithm of an improvement: far below any that is worth a trial, and finite
_CROWD = 8  # trials that crowd a basin
_BESIDE = 0.05  # of the unit interval, in every number: trials so near to the best one crowd it
_LEFT_OUT = 0.15  # of the unit interval, in every number: what is left out of a crowded basin


class Elsewhere:
    """A term of the acquisition that leaves a place out."""

    def __init__(self, row: Array, options: Indices, numbers: Indices, radius: float = np.inf) -> None:
        """Set up.

        Args:
            row: settled, shape (width,), in the middle of the place.
            options: columns in which rows of the place have its values.
            numbers: columns in which rows of the place are nearer to it than the radius.
            radius: in the unit interval.
        """
        self._row, self._options, self._numbers, self._radius = row, options, numbers, radius

    def inside(self, rows: Array) -> Mask:
        """Which settled rows (n, width) are in the place, shape (n,)."""
        same = (rows[:, self._options] == self._row[self._options]).all(axis=1)
        near: Mask = (np.abs(rows[:, self._numbers] - self._row[self._numbers]) < self._radius).all(axis=1)
        return same & near

    def __call__(self, rows: Array) -> Array:
        """At settled rows (n, width), shape (n,)."""
        return np.where(self.inside(rows), _NEVER, 0.0)

    def gradient(self, row: Array, moving: Indices) -> tuple[float, Array]:
        """The same at one row, and a gradient of nothing: it is a step."""
        return float(self(row[None])[0]), np.zeros(len(moving))


def branching(encoding: Encoding) -> Indices:
    """The categorical columns whose options bring parameters of their own."""
    dimensions = encoding.space.dimensions
    parents = {name for parameter in dimensions for name in parameter.when}
    return np.array([j for j in encoding.categorical if dimensions[j].name in parents], dtype=np.intp)


def another_branch(encoding: Encoding, best: Array) -> Elsewhere | None:
    """What leaves out the branch of a row, shape (width,); None in a space without branches."""
    columns = branching(encoding)
    return Elsewhere(best, columns, np.empty(0, dtype=np.intp)) if len(columns) else None


def another_basin(encoding: Encoding, rows: Array, best: Array) -> Elsewhere | None:
    """What leaves out the surroundings of the best row; None where trials don't crowd there.

    Args:
        encoding: of the space.
        rows: settled rows of all trials with a value, the best one among them, shape (n, width).
        best: the best one, shape (width,).
    """
    if not len(encoding.continuous):
        return None
    crowd = Elsewhere(best, encoding.categorical, encoding.numeric, _BESIDE).inside(rows)
    if crowd.sum() < _CROWD:
        return None
    return Elsewhere(best, encoding.categorical, encoding.numeric, _LEFT_OUT)
