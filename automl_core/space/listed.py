"""The values of subsets and sorted lists: counted and found by arithmetic, never listed.

The subsets of a hundred options are 2^100: more than a length can be (``len`` stops at 2^63), so `how_many` counts.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from math import comb
from typing import Any, overload

from automl_core.spec.numeric import Scalar


class Lists(Sequence[list[Scalar]]):
    """Lists of items in the items' order: by length, then as ``itertools.combinations`` would give them.

    Attributes:
        total: how many there are.
    """

    def __init__(self, items: Sequence[Scalar], fewest: int, most: int, *, repeats: bool = False) -> None:
        """Count.

        Args:
            items: in order, none twice.
            fewest, most: lengths.
            repeats: whether an item may stand in a list more than once.
        """
        self.items, self.fewest, self.repeats = items, fewest, repeats
        self._counts = [self._lists(len(items), length) for length in range(fewest, most + 1)]
        self.total = sum(self._counts)

    def __len__(self) -> int:
        return min(self.total, sys.maxsize)

    @overload
    def __getitem__(self, index: int) -> list[Scalar]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[list[Scalar]]: ...

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        left = index + self.total if index < 0 else index
        if not 0 <= left < self.total:
            raise IndexError(index)
        length = self.fewest
        for count in self._counts:
            if left < count:
                break
            left, length = left - count, length + 1
        found: list[Scalar] = []
        first = 0
        for wanted in range(length, 0, -1):  # how many lists begin with the item tried, until the index is among them
            while left >= (with_it := self._lists(len(self.items) - first - (not self.repeats), wanted - 1)):
                left, first = left - with_it, first + 1
            found.append(self.items[first])
            first += not self.repeats
        return found

    def __contains__(self, value: object) -> bool:
        if not isinstance(value, list | tuple) or not self.fewest <= len(value) < self.fewest + len(self._counts):
            return False
        first = 0
        for each in value:
            while first < len(self.items) and not _same(self.items[first], each):
                first += 1
            if first == len(self.items):
                return False
            first += not self.repeats
        return True

    def _lists(self, items: int, length: int) -> int:
        if length == 0:
            return 1
        if items <= 0:
            return 0
        return comb(items + length - 1, length) if self.repeats else comb(items, length)


def how_many(values: Sequence[Any]) -> int:
    """The number of values, however large."""
    return values.total if isinstance(values, Lists) else len(values)


def _same(a: object, b: object) -> bool:
    return a == b and isinstance(a, bool) == isinstance(b, bool)
