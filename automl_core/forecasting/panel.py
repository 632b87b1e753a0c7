"""A panel: many series on one grid of times, each with its own start and length."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from automl_core.forecasting.grid import Grid
from automl_core.training.problems import TrainingError, nearest

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

UNMOVED = 10
"""Values that a series needs for what has never changed in it to be called constant."""


class SeriesError(TrainingError):
    """What a table of series makes impossible: says what, in which series and rows, and what is allowed.

    Attributes:
        rows: (n,) positions of the rows that it is about, from 0, where their series are still to be named.
    """

    def __init__(self, message: str, rows: Integers | None = None) -> None:
        """What is wrong.

        Args:
            message: in words.
            rows: those whose series whoever knows them adds.
        """
        super().__init__(message)
        self.rows = rows


@dataclass(frozen=True)
class KnownColumn:
    """A column whose values are known ahead: prices that are set, holidays, weather as forecast.

    Attributes:
        name: the table's.
        kind: ``number``, or ``category``: its values are then positions in `categories`.
        categories: texts of a category, sorted; empty for numbers.
    """

    name: str
    kind: Literal["number", "category"]
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Series:
    """One series on its panel's grid.

    Attributes:
        name: the text of its value in the table's series column; several columns are joined by `` / ``; ``series``
            where the table is one series.
        start: the grid's number of the first step.
        values: (n,) the target, NaN where a step is missing or has no value. The first and the last are none of these.
        known: (n + f, k) the known columns; they go on f steps into the future where the table has rows without a
            target at its end. NaN where unknown.
    """

    name: str
    start: int
    values: Floats
    known: Floats

    @property
    def future(self) -> int:
        """Steps after the last value for which known columns are there (f)."""
        return len(self.known) - len(self.values)

    @property
    def end(self) -> int:
        """The grid's number of the first step after the last value."""
        return self.start + len(self.values)


@dataclass(frozen=True, eq=False)
class Panel:
    """Series on one grid.

    Attributes:
        series: in the order of their names' first rows; positions of arrays ``(S, …)`` everywhere.
        grid: numbers the steps.
        known: the columns of `Series.known`, in their order.
        target: the column that is forecast.
        time: the column of times.
        keys: the columns whose values tell series apart; empty for a table of one series.
        key_values: series' name → its values in these columns, as texts.
    """

    series: tuple[Series, ...]
    grid: Grid
    known: tuple[KnownColumn, ...]
    target: str
    time: str = "time"
    keys: tuple[str, ...] = ()
    key_values: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.series)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Of the series (S,)."""
        return tuple(one.name for one in self.series)

    @cached_property
    def lengths(self) -> Integers:
        """Steps from each series' first to its last value (S,)."""
        return np.array([len(one.values) for one in self.series], dtype=np.int64)

    @cached_property
    def starts(self) -> Integers:
        """The grid's numbers of first steps (S,)."""
        return np.array([one.start for one in self.series], dtype=np.int64)

    @cached_property
    def observed(self) -> Integers:
        """Values that each series really has (S,): steps without the missing ones."""
        return np.array([np.count_nonzero(~np.isnan(one.values)) for one in self.series], dtype=np.int64)

    @cached_property
    def unmoved(self) -> NDArray[np.bool_]:
        """Series that have never changed (S,), of enough values to believe it."""
        enough = self.observed >= UNMOVED
        same = [not len(each.values) or np.nanmin(each.values) == np.nanmax(each.values) for each in self.series]
        return np.asarray(enough & np.array(same, dtype=bool))

    def position(self, name: str) -> int:
        """Where a series stands.

        Raises:
            SeriesError: there is none of this name.
        """
        try:
            return self.names.index(name)
        except ValueError:
            raise SeriesError(f"there is no series {name!r}{nearest(name, self.names)}") from None

    def take(self, names: Iterable[str]) -> Panel:
        """The panel of these series, in this order.

        Raises:
            SeriesError: there is none of a name.
        """
        at = {name: position for position, name in enumerate(self.names)}
        wanted = list(names)
        missing = next((name for name in wanted if name not in at), None)
        if missing is not None:
            self.position(missing)
        kept = {name: self.key_values[name] for name in wanted if name in self.key_values}
        return replace(self, series=tuple(self.series[at[name]] for name in wanted), key_values=kept)

    def until(self, ends: Integers) -> Panel:
        """The panel as it was: of each series its first ``ends[s]`` steps, what comes later of known columns is kept.

        Args:
            ends: (S,), such as a row of `Origins.ends`; negative counts as 0. Series keep their positions, also those
                of which nothing is left.
        """
        cut = np.maximum(np.asarray(ends, dtype=np.int64), 0)
        series = tuple(
            replace(one, values=one.values[:end]) for one, end in zip(self.series, cut.tolist(), strict=True)
        )
        return replace(self, series=series)

    def window(self, ends: Integers, horizon: int) -> Floats:
        """What came after: values of the ``horizon`` steps from ``ends`` on, NaN where there are none.

        Args:
            ends: (S,) first steps of the windows, counted from each series' start; negative: NaN throughout.
            horizon: steps.

        Returns:
            (S, horizon).
        """
        found = np.full((len(self.series), horizon), np.nan)
        for row, one, end in zip(found, self.series, np.asarray(ends).tolist(), strict=True):
            if end >= 0:
                part = one.values[end : end + horizon]
                row[: len(part)] = part
        return found

    def future_known(self, ends: Integers, horizon: int) -> Floats:
        """Known columns of the ``horizon`` steps from ``ends`` (S,) on: (S, horizon, k), NaN where unknown."""
        found = np.full((len(self.series), horizon, len(self.known)), np.nan)
        for rows, one, end in zip(found, self.series, np.asarray(ends).tolist(), strict=True):
            if end >= 0:
                part = one.known[end : end + horizon]
                rows[: len(part)] = part
        return found
