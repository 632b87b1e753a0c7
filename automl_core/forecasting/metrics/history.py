"""What scaled metrics divide by, computed for all series at once from the values before a forecast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Histories:
    """Many series' values one behind the other; NaN where a step has none.

    Attributes:
        flat: (N,) all values.
        lengths: (S,) of each series.
    """

    flat: Floats
    lengths: Integers
    _kept: dict[tuple[str, int], Floats] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, history: Sequence[Floats]) -> Histories:
        """From one array a series."""
        lengths = np.array([len(one) for one in history], dtype=np.int64)
        flat = np.concatenate([np.asarray(one, dtype=np.float64) for one in history]) if len(history) else np.empty(0)
        return cls(flat, lengths)

    def __len__(self) -> int:
        return len(self.lengths)

    @cached_property
    def owner(self) -> Integers:
        """(N,) whose each value is."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    def mean_absolute_change(self, season: int) -> Floats:
        """Mean absolute difference of values a season apart (S,), NaN where there are no two such values.

        Where a series has none (it is shorter than a season), of neighbouring values.
        """
        if ("absolute", season) not in self._kept:
            found = self._change(season, lambda difference: np.abs(difference))
            if season > 1:
                found = np.where(np.isnan(found), self.mean_absolute_change(1), found)
            self._kept["absolute", season] = found
        return self._kept["absolute", season]

    def mean_squared_change(self) -> Floats:
        """Mean squared difference of neighbouring values from the first one that is not 0 on (S,), NaN where none."""
        if ("squared", 1) not in self._kept:
            sold = np.flatnonzero((self.flat != 0) & ~np.isnan(self.flat))
            first = np.full(len(self), len(self.flat), dtype=np.int64)
            np.minimum.at(first, self.owner[sold], sold)
            begun = np.arange(len(self.flat)) >= first[self.owner]
            self._kept["squared", 1] = self._change(1, lambda difference: difference**2, begun)
        return self._kept["squared", 1]

    def lowest(self) -> Floats:
        """Smallest value of each series (S,), infinity where there is none."""
        found = np.full(len(self), np.inf)
        np.fmin.at(found, self.owner, self.flat)
        return found

    def highest(self) -> Floats:
        """Largest value of each series (S,), minus infinity where there is none."""
        found = np.full(len(self), -np.inf)
        np.fmax.at(found, self.owner, self.flat)
        return found

    def _change(self, season: int, measure: object, counted: NDArray[np.bool_] | None = None) -> Floats:
        count = len(self)
        if len(self.flat) <= season:
            return np.full(count, np.nan)
        pairs = self.owner[season:] == self.owner[:-season]
        if counted is not None:
            pairs &= counted[:-season]
        difference = measure(self.flat[season:] - self.flat[:-season])  # type: ignore[operator]
        pairs &= ~np.isnan(difference)
        whose = self.owner[season:][pairs]
        total = np.bincount(whose, weights=difference[pairs], minlength=count)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(total / np.bincount(whose, minlength=count), dtype=np.float64)
