"""Two categories as one: each pair of their levels is a level."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..matrix import Matrix
from .base import Cells, State, Work

BETWEEN = "\x1f"
"""Stands between the two levels' texts: the separator of units, which no text of a table has."""


@dataclass(frozen=True)
class Crossed:
    """A column as `values.Coded` is one."""

    codes: NDArray[np.int32]
    levels: tuple[str, ...]


def crossed(first: Any, second: Any) -> Crossed:
    """Both columns as one; a missing value is a level of its own, missing only where both are."""
    width = len(second.levels) + 1
    pairs = (first.codes.astype(np.int64) + 1) * width + second.codes + 1
    found, places = np.unique(pairs, return_inverse=True)
    names = [("", *first.levels), ("", *second.levels)]
    levels = [f"{names[0][pair // width]}{BETWEEN}{names[1][pair % width]}" for pair in found.tolist()]
    codes: NDArray[np.int32] = places.astype(np.int32)
    if len(found) and found[0] == 0:  # both missing
        codes, levels = codes - np.int32(1), levels[1:]
    return Crossed(codes, tuple(levels))


def name_of(first: str, second: str) -> str:
    """The name of the column that two make."""
    return f"{first} & {second}"


class Cross:
    """State: ``pairs`` of names of columns. Adds their crossed columns to the table, for steps that follow."""

    def __init__(self, state: State) -> None:
        self.pairs = [(str(first), str(second)) for first, second in state["pairs"]]

    def __call__(self, work: Work, matrix: Matrix) -> Matrix:
        """Add the columns; the matrix stays."""
        for first, second in self.pairs:
            work.columns[name_of(first, second)] = crossed(work.columns[first], work.columns[second])
        return matrix

    def row(self, cells: Cells, values: list[float]) -> list[float]:
        """As `__call__`, of one row."""
        for first, second in self.pairs:
            one, other = cells[first], cells[second]
            both = None if one is None and other is None else f"{one or ''}{BETWEEN}{other or ''}"
            cells[name_of(first, second)] = both
        return values
