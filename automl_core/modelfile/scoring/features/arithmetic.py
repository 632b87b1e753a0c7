"""What two numbers give together: trees can't add, and need many cuts to see a ratio."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..matrix import Matrix
from .base import LARGEST, Cells, Floats, State, Work


def _divide(first: Floats, second: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = first / second
    return np.where(np.abs(ratio) <= LARGEST, ratio, np.nan)


def _multiply(first: Floats, second: Floats) -> Floats:
    product = first * second
    return np.where(np.abs(product) <= LARGEST, product, np.nan)


OPERATIONS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": lambda first, second: first + second,
    "−": lambda first, second: first - second,
    "×": _multiply,
    "÷": _divide,
}
"""Sign → two columns to one; what is no number, or beyond `LARGEST`, is missing."""


def _within(value: float) -> float:
    return value if -LARGEST <= value <= LARGEST else math.nan


ROW_OPERATIONS: dict[str, Callable[[float, float], float]] = {
    "+": lambda first, second: first + second,
    "−": lambda first, second: first - second,
    "×": lambda first, second: _within(first * second),
    "÷": lambda first, second: _within(first / second) if second else math.nan,
}
"""The same of two numbers."""


class Arithmetic:
    """State: ``pairs``, each an operation's sign and two positions."""

    def __init__(self, state: State) -> None:
        self.pairs = [(str(sign), int(first), int(second)) for sign, first, second in state["pairs"]]

    def __call__(self, work: Work, matrix: Matrix) -> Matrix:
        """Append a column for each pair."""
        if not self.pairs:
            return matrix
        values = np.empty((len(matrix), len(self.pairs)), order="F")
        for index, (sign, first, second) in enumerate(self.pairs):
            values[:, index] = OPERATIONS[sign](matrix.values[:, first], matrix.values[:, second])
        names = [f"{matrix.names[first]} {sign} {matrix.names[second]}" for sign, first, second in self.pairs]
        return Matrix.beside([matrix, Matrix.of(values, names)])

    def row(self, cells: Cells, values: list[float]) -> list[float]:
        """As `__call__`, of one row."""
        return values + [ROW_OPERATIONS[sign](values[first], values[second]) for sign, first, second in self.pairs]
