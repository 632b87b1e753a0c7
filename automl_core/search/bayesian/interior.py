"""A doubt about the edges of the space, while more trials are awaited than are known.

A process is least sure at the edges and corners, so with few values known and many awaited expected improvement sends
most trials there; yet ranges are chosen around what works, and optima seldom lie on their ends (E. Siivola et al. 2018,
"Correcting boundary over-exploration deficiencies in Bayesian optimization with virtual derivative sign observations",
MLSP, arXiv 1704.00963). An edge beside which one of the best trials lies is not doubted.
"""

from __future__ import annotations

import numpy as np

from automl_core.search.bayesian.encoding import Array, Encoding, Indices

_WIDTH = 0.1  # of the unit interval: what counts as beside an edge
_DOUBT = 1.0  # at most, of the logarithm of the improvement, a column that lies on an edge
_BEST = 0.1  # share of the trials, the best ones, that vouch for an edge
_FEWEST = 2  # of them at least


class Interior:
    """A term of the acquisition: minus a doubt for every number that lies beside an edge of its range."""

    def __init__(self, encoding: Encoding, rows: Array, losses: Array, awaited: int) -> None:
        """Set up.

        Args:
            encoding: of the space.
            rows: settled rows of the trials with a value, shape (n, width).
            losses: theirs, shape (n,).
            awaited: trials under way: the doubt is in proportion to how many there are a known one, 1 at most.
        """
        doubt = _DOUBT * min(awaited / max(len(losses), 1), 1.0)
        self._numeric = encoding.numeric
        count = max(_FEWEST, int(_BEST * len(losses)))
        best = rows[np.argsort(losses, kind="stable")[:count]][:, self._numeric]
        self._low = np.where((best < _WIDTH).any(axis=0), 0.0, doubt)
        self._high = np.where((best > 1.0 - _WIDTH).any(axis=0), 0.0, doubt)

    def __call__(self, rows: Array) -> Array:
        """At settled rows (n, width), shape (n,)."""
        low, high = self._depths(rows[:, self._numeric])
        found: Array = -(low**2 @ self._low + high**2 @ self._high)
        return found

    def gradient(self, row: Array, moving: Indices) -> tuple[float, Array]:
        """The same at one row, and its gradient by the moving positions among the numeric columns."""
        low, high = self._depths(row[self._numeric])
        value = -float(low**2 @ self._low + high**2 @ self._high)
        slopes = 2.0 / _WIDTH * (low * self._low - high * self._high)
        return value, slopes[moving]

    @staticmethod
    def _depths(numbers: Array) -> tuple[Array, Array]:
        """How deep numbers are in the bands beside both edges: 0 inside, 1 on the edge."""
        return np.maximum(1.0 - numbers / _WIDTH, 0.0), np.maximum(1.0 - (1.0 - numbers) / _WIDTH, 0.0)
