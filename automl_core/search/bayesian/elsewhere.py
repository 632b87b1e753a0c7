"""Another basin than the best trial's, where trials crowd around it.

Where the bottom of a basin is rough or noisy, a process hopes for another small improvement in it again and again, and
the search never leaves it. So some suggestions leave the surroundings of a crowded best trial out, as tabu search does
(F. Glover 1989, "Tabu Search, part I", ORSA Journal on Computing 1).
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

    def __init__(self, row: Array, options: Indices, numbers: Indices, radius: float) -> None:
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
        same = np.all(rows[:, self._options] == self._row[self._options], axis=1)
        near = np.all(np.abs(rows[:, self._numbers] - self._row[self._numbers]) < self._radius, axis=1)
        return np.asarray(same & near, dtype=np.bool_)

    def __call__(self, rows: Array) -> Array:
        """At settled rows (n, width), shape (n,)."""
        return np.where(self.inside(rows), _NEVER, 0.0)

    def gradient(self, row: Array, moving: Indices) -> tuple[float, Array]:
        """The same at one row, and a gradient of nothing: it is a step."""
        return float(self(row[None])[0]), np.zeros(len(moving))


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
