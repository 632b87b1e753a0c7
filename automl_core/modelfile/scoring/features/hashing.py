"""Levels as ones and zeros in few columns, by a hash: nothing is learned, so levels of later days have their place."""

from __future__ import annotations

import zlib

import numpy as np

from ..matrix import Matrix
from .base import Cells, State, Work


def bucket(column: str, level: str, buckets: int) -> int:
    """The bucket of a level (Weinberger et al. 2009, Feature Hashing for Large Scale Multitask Learning).

    CRC-32, which is the same in each process and on each machine, unlike `hash`.
    """
    return zlib.crc32(f"{column}\0{level}".encode()) % buckets


class Hashing:
    """State: ``columns`` and ``buckets``, a number for all of them. A missing value has no one."""

    def __init__(self, state: State) -> None:
        self.columns, self.buckets = tuple(state["columns"]), int(state["buckets"])

    def __call__(self, work: Work, matrix: Matrix) -> Matrix:
        """Append ``buckets`` columns for each column."""
        parts = [matrix]
        for name in self.columns:
            coded = work.columns[name]
            places = np.full(len(coded.levels) + 1, -1, dtype=np.int64)
            places[:-1] = [bucket(name, level, self.buckets) for level in coded.levels]
            ones = np.zeros((work.n, self.buckets + 1))
            ones[np.arange(work.n), places[coded.codes]] = 1.0
            parts.append(Matrix.of(ones[:, :-1], [f"{name} (hash {each})" for each in range(self.buckets)]))
        return Matrix.beside(parts)

    def row(self, cells: Cells, values: list[float]) -> list[float]:
        """As `__call__`, of one row."""
        for name in self.columns:
            ones = [0.0] * self.buckets
            if cells[name] is not None:
                ones[bucket(name, cells[name], self.buckets)] = 1.0
            values = values + ones
        return values
