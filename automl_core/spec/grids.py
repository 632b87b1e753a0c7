"""The values of a parameter that has steps or powers: counted and found by arithmetic, never listed.

A grid of 16 million steps costs what one of ten does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, TypeAlias, overload

Number: TypeAlias = int | float

LARGEST_WHOLE = 2**53
"""Whole numbers up to here are told apart by floats, and by everybody who reads JSON."""

MOST_STEPS = 10**11
"""Steps between 0 and a limit: with more, 12 significant digits (`tidy`) would make two neighbours the same."""

_LEAST_POWERS = 30  # of a range that goes down to 0, so many powers below the highest


def tidy(value: float) -> float:
    """Round to 12 significant digits, so that the journal shows the same number on every machine."""
    return float(f"{value:.12g}")


class StepGrid(Sequence[Number]):
    """The multiples of a step between two limits, in order.

    Attributes:
        first, last: the lowest and highest factor of the step; ``first > last`` when there is no multiple.
    """

    def __init__(self, step: float, low: float, high: float, *, whole: bool, ends: bool = False) -> None:
        """Count.

        Args:
            step: distance of two values, above 0.
            low, high: limits, finite, both included.
            whole: whether the values are whole numbers; the step is one then.
            ends: whether the limits are values too, multiples or not (NNI's clip).
        """
        self.step: Number = int(step) if whole else float(step)
        self.low, self.high, self._whole = low, high, whole
        if whole:
            self.first, self.last = -(-math.ceil(low) // int(step)), math.floor(high) // int(step)
        else:
            below, above = low / step, high / step
            self.first, self.last = math.ceil(below - _slack(below)), math.floor(above + _slack(above))
        inside = max(0, self.last - self.first + 1)
        self._before = int(ends and (not inside or self._at(self.first) > self._ends(low)))
        self._after = int(ends and low < high and (not inside or self._at(self.last) < self._ends(high)))
        self._inside = inside

    def __len__(self) -> int:
        return self._before + self._inside + self._after

    @overload
    def __getitem__(self, index: int) -> Number: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Number]: ...

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        if self._before and place == 0:
            return self._ends(self.low)
        if self._after and place == len(self) - 1:
            return self._ends(self.high)
        return self._at(self.first + place - self._before)

    def nearest(self, number: float) -> int:
        """Index of the multiple nearest to a number (limits that are none left out)."""
        ratio = number / self.step
        low, high = self.first, self.last
        around = high if ratio >= high else low if ratio <= low else math.floor(ratio)
        factors = {min(max(factor, low), high) for factor in (around, around + 1)}
        return min(factors, key=lambda factor: (abs(self._at(factor) - number), factor)) - self.first + self._before

    def middle_edge(self, index: int) -> float:
        """The place in the middle between the value at an index and the one before it."""
        return (self.first + index - self._before - 0.5) * self.step

    def _at(self, factor: int) -> Number:
        if self._whole:
            return factor * int(self.step)
        return min(max(tidy(factor * self.step), self.low), self.high)  # rounding must not cross a limit

    def _ends(self, limit: float) -> Number:
        return round(limit) if self._whole else min(max(tidy(limit), self.low), self.high)


def _slack(ratio: float) -> float:
    """How much a quotient of two decimals may miss a whole number: 1000 / 0.00001 is 99999999.99999999."""
    return max(1e-9, abs(ratio) * 4e-15)


def nearest(values: Sequence[Number], number: float) -> int:
    """Index of the value nearest to a number, the lower one of two."""
    if isinstance(values, StepGrid):
        inside = values.nearest(number)
        return min({0, inside, len(values) - 1}, key=lambda i: (abs(values[i] - number), i))
    return min(range(len(values)), key=lambda i: (abs(values[i] - number), i))


@lru_cache(maxsize=512)
def powers(base: int, low: float, high: float, whole: bool) -> tuple[Number, ...]:
    """The powers of a whole number between two limits, both included, in order.

    Args:
        base: 2 or more.
        low, high: limits. Below a ``low`` of 0 or less there is no end: whole numbers begin at 1, others 30 powers
            below the highest.
        whole: whether only whole numbers count.
    """
    if high <= 0 or not math.isfinite(high):
        return ()
    found: list[Number] = []
    exponent = math.floor(math.log(high, base)) + 1  # logarithms miss by a little: one more, and then compare
    while True:
        value = _power(base, exponent)
        exponent -= 1
        if value is None or value > high:
            continue
        if value < low or value <= 0 or (whole and value < 1):
            break
        if low <= 0 and not whole and len(found) > _LEAST_POWERS:
            break
        found.append(value if whole else float(value))
    return tuple(reversed(found))


def _power(base: int, exponent: int) -> Number | None:
    """None where it is too large for a float."""
    value = int(base ** abs(exponent))
    if exponent < 0:
        try:
            return 1 / value  # rounded once: what a file writes as 0.001 is this very number
        except OverflowError:
            return 0.0
    return value if value < 2**1023 else None
