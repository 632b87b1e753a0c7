"""The pool: items that may be asked about, with what models say of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SUM = 1e-3
"""How far from 1 the probabilities of an item may sum up: what models keep in 16 or 32 bits is rounded."""

PIECE = 100_000
"""Rows that are worked on at a time: intermediate results of a large pool stay small."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Items, and what is known of them.

    An id that occurs twice is one item: its first row counts. Rows may come in any order, which changes no choice.

    Attributes:
        ids: of items, one a row: an item's own name, such as a digest of its content.
        probabilities: (n, k) of the classes by one model, or None before there is one. A row with a NaN is an item that
            the model could not predict.
        second: the same by a second model, for a committee; the same classes in the same order.
        features: (n, d) numbers that say how items resemble each other, on any scales. NaN: not known.
        closed: ids never to be chosen again: sent, labelled, taken, retired. They need not be among `ids`.
        bad: ids of open bad cases: a model was wrong on them.
        classes: their names, for reasons; their numbers where None.
    """

    ids: Sequence[str]
    probabilities: Floats | None = None
    second: Floats | None = None
    features: Floats | None = None
    closed: Collection[str] = frozenset()
    bad: Collection[str] = frozenset()
    classes: Sequence[str] | None = None

    def __post_init__(self) -> None:
        """Check what was given, and keep arrays as such.

        Raises:
            ValueError: a table has other rows than there are items, numbers are no probabilities, or models know
                other classes than each other. The message names table and item.
        """
        for name in ("probabilities", "second", "features"):
            if (given := getattr(self, name)) is not None:
                object.__setattr__(self, name, self._table(name, given))
        for name in ("probabilities", "second"):
            if (given := getattr(self, name)) is not None:
                self._check_probabilities(name, given)
        if self.features is not None and np.isinf(self.features).any():
            row = int(np.flatnonzero(np.isinf(self.features).any(axis=1))[0])
            raise ValueError(f"features of item {self.ids[row]!r}: a number is infinite (NaN is what is not known)")
        if self.second is not None:
            if self.probabilities is None:
                raise ValueError("second: there is no first model (probabilities)")
            if self.second.shape != self.probabilities.shape:
                raise ValueError(
                    f"second: {self.second.shape[1]} classes, and probabilities has {self.probabilities.shape[1]}:"
                    " a committee speaks of the same classes in the same order"
                )
        if (
            self.classes is not None
            and self.probabilities is not None
            and len(self.classes) != self.probabilities.shape[1]
        ):
            raise ValueError(f"classes: {len(self.classes)} names for {self.probabilities.shape[1]} classes")

    def _table(self, name: str, given: Floats) -> Floats:
        try:
            table = np.asarray(given)
            if table.dtype.kind != "f":
                table = table.astype(np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"{name}: numbers in rows and columns are needed") from None
        if table.ndim != 2:
            raise ValueError(f"{name}: {table.ndim} dimensions, not two (a row for each item)")
        if len(table) != len(self.ids):
            raise ValueError(f"{name}: {len(table)} rows for {len(self.ids)} items")
        return table

    def _check_probabilities(self, name: str, table: Floats) -> None:
        for start in range(0, len(table), PIECE):
            rows = table[start : start + PIECE].astype(np.float64)
            known = ~np.isnan(rows).any(axis=1)
            wrong = known & ((rows < 0).any(axis=1) | ~(np.abs(rows.sum(axis=1) - 1) <= SUM))
            if wrong.any():
                place = int(np.flatnonzero(wrong)[0])
                found = ", ".join(f"{each:g}" for each in rows[place][:6])
                raise ValueError(
                    f"{name} of item {self.ids[start + place]!r}: {found}{', …' if rows.shape[1] > 6 else ''} are no"
                    " probabilities: none below 0, and a sum of 1"
                )

    def name(self, number: int) -> str:
        """What a class is called."""
        return str(self.classes[number]) if self.classes is not None else str(number)
