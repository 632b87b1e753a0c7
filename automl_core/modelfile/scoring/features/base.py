"""What all steps share: the table at work, levels looked up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..matrix import Matrix

State = Mapping[str, Any]
"""What a step has learned: JSON values and numpy arrays."""

Floats = NDArray[np.float64]

Cells = dict[str, Any]
"""One row of a table: column → a number or a time, a text, or None for a text that is missing."""

LARGEST = 1e30
"""No column's number is beyond it: squares stay numbers, and what libraries turn into single precision does too."""


def usable(values: Floats) -> Floats:
    """(n,) numbers: what is infinite is missing, what is beyond `LARGEST` ends there."""
    large = np.abs(values) > LARGEST
    if not large.any():
        return values
    return np.where(np.isinf(values), np.nan, np.clip(values, -LARGEST, LARGEST))


@dataclass
class Work:
    """The table while steps are applied.

    Attributes:
        n: rows.
        columns: the frame's, and those that steps have added: (n,) float64, or `values.Coded`.
        usable: whether the frame's numbers are `usable` already: so it is asked once for all members of a model.
    """

    n: int
    columns: dict[str, Any]
    usable: bool = False

    @classmethod
    def of(cls, frame: Any) -> Work:
        """The beginning: all columns of a frame."""
        return cls(frame.n, dict(frame.columns), frame.usable)

    def numbers(self, name: str) -> Floats:
        """(n,) a column of numbers; what is infinite is missing, what is beyond `LARGEST` ends there."""
        values = np.asarray(self.columns[name], dtype=np.float64)
        return values if self.usable else usable(values)


class Step(Protocol):
    """A step, made from its state."""

    def __init__(self, state: State) -> None: ...

    def __call__(self, work: Work, matrix: Matrix) -> Matrix:
        """The matrix after this step; `work` may get columns."""
        ...

    def row(self, cells: Cells, values: list[float]) -> list[float]:
        """The same of one row, without numpy where it can be: the very numbers that a matrix of one row would have.

        Args:
            cells: the row; it may get columns.
            values: of the matrix before this step; may be changed.
        """
        ...


class Levels:
    """Levels that were seen in training, by their text."""

    MISSING, UNSEEN = -1, -2

    def __init__(self, levels: Sequence[str]) -> None:
        self._where = {level: position for position, level in enumerate(levels)}

    def __len__(self) -> int:
        return len(self._where)

    def positions(self, coded: Any) -> NDArray[np.int64]:
        """(n,) the level of each row: its position, -1 where it is missing, -2 where training did not see it.

        So an array with two entries more than there are levels, unseen and then missing at its end, is indexed by it.
        """
        found = np.empty(len(coded.levels) + 1, dtype=np.int64)
        find, unseen = self._where.get, self.UNSEEN
        found[:-1] = [find(level, unseen) for level in coded.levels]
        found[-1] = self.MISSING  # a missing value's code is -1
        return np.asarray(found[coded.codes])

    def position(self, text: str | None) -> int:
        """The level of one text, as `positions` has it."""
        return self.MISSING if text is None else self._where.get(text, self.UNSEEN)
