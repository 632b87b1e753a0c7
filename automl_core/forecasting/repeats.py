"""Several rows of one step: copies, values that contradict each other, and hours that a clock shows twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from automl_core.forecasting.clock_changes import explained, twice_shown
from automl_core.forecasting.finding import MOST_NAMES, SeriesFinding, listed
from automl_core.forecasting.grid import Grid
from automl_core.forecasting.panel import Floats, KnownColumn
from automl_core.forecasting.times import rows_named
from automl_core.forecasting.unusable import Integers, Rows, Unusable, by_series
from automl_core.modelfile.scoring.calendars.clock import to_moments

Duplicates = Literal["refuse", "mean", "sum", "last"]


@dataclass(frozen=True, eq=False)
class Placed:
    """Rows with their steps, in the order of series and steps.

    Attributes:
        rows: the rows.
        steps: (N,) the grid's numbers.
    """

    rows: Rows
    steps: Integers

    def take(self, which: NDArray[np.bool_] | Integers) -> Placed:
        """Some of them."""
        return Placed(self.rows.take(which), self.steps[which])


def without_copies(rows: Rows, names: tuple[str, ...], twice: NDArray[np.bool_]) -> tuple[Rows, list[SeriesFinding]]:
    """Rows without those that repeat another one in all that is read.

    Args:
        rows: in the order of series and times, those of one time in the order of the table.
        names: of the series.
        twice: (N,) times that the clock shows twice: two rows of such a time are two hours.
    """
    same = (np.diff(rows.codes) == 0) & (np.diff(rows.raw) == 0)
    if not same.any():
        return rows, []
    group = np.concatenate([[0], np.cumsum(~same)])
    size = np.bincount(group)[group]
    at = np.flatnonzero((size > 1) & ~(twice & (size == 2)))
    keys = [rows.number[at], *(rows.known[at, column] for column in range(rows.known.shape[1])), rows.values[at],
            group[at]]  # fmt: skip
    at = at[np.lexsort(keys)]
    equal = np.zeros(len(at), dtype=bool)
    equal[1:] = (np.diff(group[at]) == 0) & _equal(rows.values[at])
    for column in range(rows.known.shape[1]):
        equal[1:] &= _equal(rows.known[at, column])
    dropped = at[equal]
    if not len(dropped):
        return rows, []
    kept = np.ones(len(rows), dtype=bool)
    kept[dropped] = False
    whose = [names[code] for code in np.unique(rows.codes[dropped]).tolist()]
    finding = SeriesFinding(
        "copies", "certain",
        f"rows that repeat another one in all that is read: {len(dropped):,}, of {listed(whose)}",
        "of each only one is kept", "", tuple(whose[:MOST_NAMES]), {"rows": len(dropped), "series": len(whose)},
    )  # fmt: skip
    return rows.take(kept), [finding]


def _equal(values: Floats) -> NDArray[np.bool_]:
    """Whether neighbours are equal, missing ones too (n - 1,)."""
    return np.asarray((values[1:] == values[:-1]) | (np.isnan(values[1:]) & np.isnan(values[:-1])))


def one_a_step(
    placed: Placed, grid: Grid, how: Duplicates, unusable: Unusable, known: tuple[KnownColumn, ...], moments: bool
) -> tuple[Placed, list[SeriesFinding]]:
    """One row a step: what is repeated is refused or aggregated, hours that a clock shows twice become their mean.

    Args:
        placed: the rows, copies are gone.
        grid: their grid.
        how: what several values of one time become.
        unusable: told of series whose values contradict each other.
        known: the known columns.
        moments: whether the table's times are moments, so that two hours of one clock time differ.
    """
    zoned = grid.zone is not None and grid.frequency.unit == "second"
    second = _second(placed, grid) if zoned and moments else np.zeros(len(placed.steps), dtype=bool)
    same = _same(placed, second)
    findings: list[SeriesFinding] = []
    if same.any():
        twice = np.zeros(len(placed.steps), dtype=bool)
        if zoned and not moments:
            twice = twice_shown(grid.local(placed.steps), str(grid.zone))
        local = not moments and grid.zone is None and grid.frequency.unit == "second" and grid.written == "local"
        placed, second, findings = _one_a_time(placed, second, same, twice, local, how, unusable, known)
    same = _same(placed, np.zeros(len(placed.steps), dtype=bool))
    if same.any():  # only hours of one clock time are left
        placed = _together(placed, same, "mean", known)
    return placed, findings


def _second(placed: Placed, grid: Grid) -> NDArray[np.bool_]:
    """Whether moments (N,) lie in the second of two hours of one clock time."""
    _, last, count = _moments(placed, grid)
    return np.asarray((count == 2) & (placed.rows.raw >= last))


def _moments(placed: Placed, grid: Grid) -> tuple[Integers, Integers, NDArray[np.int8]]:
    return to_moments(grid.local(placed.steps), str(grid.zone))


def _same(placed: Placed, second: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether neighbours are of one series, step and hour (N - 1,)."""
    return np.asarray((np.diff(placed.rows.codes) == 0) & (np.diff(placed.steps) == 0) & (second[1:] == second[:-1]))


def _one_a_time(
    placed: Placed, second: NDArray[np.bool_], same: NDArray[np.bool_], twice: NDArray[np.bool_], local: bool,
    how: Duplicates, unusable: Unusable, known: tuple[KnownColumn, ...],
) -> tuple[Placed, NDArray[np.bool_], list[SeriesFinding]]:  # fmt: skip
    """Rows of one moment: refused or aggregated. Local: hours of a clock that may be set back, and no zone is known."""
    group = np.concatenate([[0], np.cumsum(~same)])
    size = np.bincount(group)[group]
    repeated = (size > 1) & ~(twice & (size == 2))
    if not repeated.any():
        return placed, second, []
    rows = placed.rows
    whose = np.unique(rows.codes[repeated])
    findings = []
    by_clock, zone = np.zeros(len(rows), dtype=bool), None
    if local:
        at = np.flatnonzero(repeated & (size == 2))
        zone, found = explained(rows.local[at])
        by_clock[at[found]] = True
    if how == "refuse":
        _refuse_clock(placed, by_clock, zone, unusable)
        _refuse(placed, repeated & ~by_clock, unusable)
        kept = ~np.isin(rows.codes, whose)
        return placed.take(kept), second[kept], []
    names = [unusable.names[code] for code in whose.tolist()]
    steps = len(np.unique(group[repeated]))
    findings.append(
        SeriesFinding(
            "duplicates", "certain", f"steps with several values: {steps:,}, in series {listed(names)}",
            f"each became the {how} of them", "", tuple(names[:MOST_NAMES]),
            {"steps": steps, "rows": int(repeated.sum()), "series": len(names)},
        )
    )  # fmt: skip
    if by_clock.any():
        findings.append(_clock_doubt(placed, by_clock, zone, unusable))
    first = np.concatenate([[True], ~same])
    return _together(placed, same, how, known), second[first], findings


def _refuse(placed: Placed, repeated: NDArray[np.bool_], unusable: Unusable) -> None:
    rows, at = placed.rows, np.flatnonzero(repeated)
    whose, shown = by_series(rows.codes[at])
    what = {code: _rows_of(placed, at[found], unusable.text) for code, found in shown.items()}
    advice = "Mend them, or say what they become: `duplicates` (allowed: mean, sum, last)"
    unusable.against("duplicates", whose, what, "several rows of one time have different values", advice)


def _refuse_clock(placed: Placed, by_clock: NDArray[np.bool_], zone: str | None, unusable: Unusable) -> None:
    rows, at = placed.rows, np.flatnonzero(by_clock)
    whose, shown = by_series(rows.codes[at])
    what = {code: _rows_of(placed, at[found], unusable.text) for code, found in shown.items()}
    advice = f"Give the `zone` whose clock this is, such as {zone}, or times with their offsets"
    unusable.against(
        "clock_change", whose, what, "an hour is there twice, where clocks are set back, and no zone is known", advice
    )


def _clock_doubt(placed: Placed, by_clock: NDArray[np.bool_], zone: str | None, unusable: Unusable) -> SeriesFinding:
    at = np.flatnonzero(by_clock)
    whose = [unusable.names[code] for code in np.unique(placed.rows.codes[at]).tolist()]
    return SeriesFinding(
        "clock_change", "doubtful",
        f"hours that are there twice, where clocks are set back, and no zone is known: {len(at) // 2}, "
        f"{_rows_of(placed, at, unusable.text)}",
        "they were taken together, and forecasts have 24 hours every day", f"give the `zone`, such as {zone}",
        tuple(whose[:MOST_NAMES]), {"hours": len(at) // 2, "series": len(whose)},
    )  # fmt: skip


def _rows_of(placed: Placed, at: Integers, text: Callable[[int], str]) -> str:
    """The first time of some rows, and which rows have it."""
    rows = placed.rows
    here = at[(rows.raw[at] == rows.raw[at[0]])]
    more = len(np.unique(rows.raw[at])) - 1
    times = "time" if more == 1 else "times"
    return f"{text(int(rows.raw[at[0]]))} in {rows_named(np.sort(rows.number[here]))}" + (
        f", {more:,} more {times}" if more else ""
    )


def _together(placed: Placed, same: NDArray[np.bool_], how: Duplicates, known: tuple[KnownColumn, ...]) -> Placed:
    """One row of each run of rows: the target's mean, sum or last; known numbers' mean, categories' last."""
    rows = placed.rows
    first = np.flatnonzero(np.concatenate([[True], ~same]))
    last = np.append(first[1:], len(rows)) - 1
    kept = rows.take(last)
    values = kept.values if how == "last" else _aggregated(rows.values, first, how)
    table = kept.known.copy()
    for column, each in enumerate(known):
        if each.kind == "number":
            table[:, column] = _aggregated(rows.known[:, column], first, "mean")
    return Placed(Rows(kept.codes, kept.raw, kept.local, values, table, kept.number), placed.steps[last])


def _aggregated(values: Floats, first: Integers, how: str) -> Floats:
    """Sum or mean of runs of values, passing over missing ones; of nothing but these NaN, never 0."""
    there = ~np.isnan(values)
    count = np.add.reduceat(there.astype(np.int64), first)
    total = np.add.reduceat(np.where(there, values, 0.0), first)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(count == 0, np.nan, total if how == "sum" else total / count)
