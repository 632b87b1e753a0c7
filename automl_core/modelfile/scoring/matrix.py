"""What models see of rows: numbers alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Matrix:
    """Rows as numbers.

    Attributes:
        values: (n, p) float64, NaN for what is missing.
        names: (p,) what each column is, for people: a column of the table, or what was made of it.
        categorical: (p,) whether a column holds codes of levels, which have no order.
    """

    values: NDArray[np.float64]
    names: tuple[str, ...]
    categorical: NDArray[np.bool_]

    @classmethod
    def of(cls, values: Any, names: Sequence[str], categorical: Any = False) -> Matrix:
        """Make one.

        Args:
            values: (n, p).
            names: p of them.
            categorical: one for all columns, or (p,).
        """
        array = np.asarray(values, dtype=np.float64)
        return cls(array, tuple(names), np.broadcast_to(np.asarray(categorical, dtype=bool), (len(names),)).copy())

    @classmethod
    def empty(cls, n: int) -> Matrix:
        """Rows of which nothing is known yet."""
        return cls.of(np.empty((n, 0)), ())

    @classmethod
    def beside(cls, parts: Sequence[Matrix]) -> Matrix:
        """All columns of some matrices of the same rows."""
        parts = [part for part in parts if part.names] or list(parts[:1])
        if len(parts) == 1:
            return parts[0]
        values = np.empty((len(parts[0]), sum(len(part.names) for part in parts)), order="F")
        np.concatenate([part.values for part in parts], axis=1, out=values)
        names = tuple(name for part in parts for name in part.names)
        return cls(values, names, np.concatenate([part.categorical for part in parts]))

    def take(self, rows: Any) -> Matrix:
        """Some rows, by position or by a mask."""
        return Matrix(self.values[rows], self.names, self.categorical)

    def columns(self, positions: Any) -> Matrix:
        """Some columns, by position or by a mask."""
        where = np.asarray(positions)
        where = np.flatnonzero(where) if where.dtype == bool else where.astype(np.int64)
        return Matrix(self.values[:, where], tuple(self.names[i] for i in where), self.categorical[where])

    def __len__(self) -> int:
        return len(self.values)
