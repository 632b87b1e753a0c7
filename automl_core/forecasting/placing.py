"""Rows on the grid: which step each has, which lie beside it, and series that have another frequency."""

from __future__ import annotations

import numpy as np

from automl_core.forecasting.finding import MOST_NAMES, SeriesFinding, listed
from automl_core.forecasting.frequency import Frequency
from automl_core.forecasting.grid import Grid
from automl_core.forecasting.panel import SeriesError
from automl_core.forecasting.repeats import Duplicates, Placed
from automl_core.forecasting.times import rows_named
from automl_core.forecasting.unusable import Integers, Rows, Unusable, by_series

_DAY = 86_400
_FEW, _ENOUGH, _HOLE = 3, 10, 1_000
"""Times are far where up to three are beyond a hole of so many usual distances, and ten or more on its other side."""
_EVEN = 0.12
"""By so much the distances of one frequency may differ: months have 28 to 31 days."""


def place(
    rows: Rows, grid: Grid, moments: bool, how: Duplicates, unusable: Unusable
) -> tuple[Placed, list[SeriesFinding]]:
    """Give each row its step.

    Args:
        rows: in the order of series and times.
        grid: their grid.
        moments: whether times are moments in UTC.
        how: with anything but ``refuse``, times between two steps belong to the one before them.
        unusable: told of series with times beside the grid.

    Raises:
        SeriesError: steps of hours keep to UTC, where a zone's clock was asked for.
    """
    plain = Grid(grid.frequency, None, grid.anchor, grid.written)  # rows have what the clock showed
    steps = plain.index(rows.local)
    off = ~plain.on(rows.local)
    if moments and grid.zone is not None and off.any():
        off[off] = ~grid.on(rows.raw[off])
    at = np.flatnonzero(off)
    if not len(at):
        return Placed(rows, steps), []
    whose, shown = by_series(rows.codes[at])
    if how != "refuse":
        names = [unusable.names[code] for code in whose.tolist()]
        finding = SeriesFinding(
            "off_grid", "certain",
            f"{len(at):,} of {len(rows):,} times lie between two steps ({grid.frequency.words}): {listed(names)}",
            "their values belong to the step before them", "", tuple(names[:MOST_NAMES]),
            {"rows": len(at), "series": len(names)},
        )  # fmt: skip
        return Placed(rows, steps), [finding]
    if moments and grid.zone is not None and grid.frequency.unit == "second" and len(at) > len(rows) // 10:
        raw = rows.raw % grid.frequency.count
        if bool((raw == raw[0]).all()):
            raise SeriesError(
                f"times are {grid.frequency.alias} apart in UTC, not by the clock of {grid.zone}: leave `zone` out"
            )
    what = {code: _beside(rows, at[found], unusable) for code, found in shown.items()}
    unusable.against(
        "off_grid", whose, what, f"times lie beside the frequency {grid.frequency.alias}",
        "Mend them, give another `frequency`, or say by `duplicates` (mean, sum, last) what the values within a step "
        "become",
    )  # fmt: skip
    kept = ~np.isin(rows.codes, whose)
    return Placed(rows.take(kept), steps[kept]), []


def _beside(rows: Rows, at: Integers, unusable: Unusable) -> str:
    times = ", ".join(unusable.text(int(time)) for time in rows.raw[at[:3]])
    return f"{times}{' …' if len(at) > 3 else ''} in {rows_named(np.sort(rows.number[at]))}"


def without_far(rows: Rows, unusable: Unusable, given: Frequency | None = None) -> Rows:
    """Rows without those of series with times that can't be right: 9999-12-31, 1970-01-01, a digit too many.

    Up to three different times are beyond a hole of the whole table that is longer than all that lies on its other
    side, and of more than a thousand usual distances: what is closer costs little as a gap, and may be right. A
    frequency that the user gives is no word for such a time, which is a slip in the data; but it says what the usual
    distance is where times are closer than its steps: a week without a sale is no hole of a day's thousand sales.

    Args:
        rows: of all series; no frequency is found yet, and such times would hide it.
        unusable: told of series that have such rows.
        given: the user's frequency.
    """
    times = np.unique(rows.local)
    low, high = 0, len(times)
    while high - low > _ENOUGH:
        holes = np.diff(times[low:high])
        at = low + int(holes.argmax()) + 1
        kept = (low, at) if at - low >= high - at else (at, high)
        few = (high - low) - (kept[1] - kept[0]) <= _FEW
        span = int(times[kept[1] - 1] - times[kept[0]])
        if not few or kept[1] - kept[0] < _ENOUGH or int(holes.max()) <= max(_HOLE * float(np.median(holes)), span):
            break
        if given is not None and _steps(given, times[at - 1 : at + 1]) <= _HOLE:
            break
        low, high = kept
    if high - low == len(times):
        return rows
    far = np.flatnonzero((rows.local < times[low]) | (rows.local > times[high - 1]))
    whose, shown = by_series(rows.codes[far])
    what = {code: _beside(rows, far[found], unusable) for code, found in shown.items()}
    unusable.against(
        "far_times", whose, what, "times lie far from all others of the table",
        "Mend them, or leave these rows out"
        + ("; if they are right, give the `frequency` to forecast by: a hole of 1,000 of its steps or less is a gap"
           if given is None else f": a hole of more than 1,000 steps ({given.words}) is taken for a slip"),
    )  # fmt: skip
    return rows.take(~np.isin(rows.codes, whose))


def _steps(frequency: Frequency, hole: Integers) -> int:
    """Steps between two times, by the calendar: a thousand business days are 1,400 days. At most one too few."""
    first, last = Grid(frequency, None, int(hole[0])).index(hole).tolist()
    return int(last - first)


def check_frequency(placed: Placed, grid: Grid, unusable: Unusable) -> None:
    """Note series whose values lie several steps apart throughout: they have another frequency than most.

    Args:
        placed: rows of all series.
        grid: the one of most series.
        unusable: told of them.
    """
    codes, steps = placed.rows.codes, placed.steps
    there = ~np.isnan(placed.rows.values)
    codes, steps = codes[there], steps[there]
    if not len(codes):
        return
    same = np.diff(codes) == 0
    distance, whose = np.diff(steps)[same], codes[1:][same]
    count = np.bincount(whose, minlength=len(unusable.names))
    total = np.bincount(whose, weights=distance, minlength=len(unusable.names))
    least = np.full(len(unusable.names), np.iinfo(np.int64).max)
    np.minimum.at(least, whose, distance)
    with np.errstate(invalid="ignore", divide="ignore"):
        usual = np.round(total / count)
    expected = np.nan_to_num(usual)[whose]
    even = np.abs(distance - expected) <= _EVEN * expected
    regular = np.bincount(whose, weights=even, minlength=len(unusable.names))
    coarse = np.flatnonzero((count >= 4) & (least >= 2) & (regular >= 0.9 * count))
    if not len(coarse) or len(coarse) == int((count > 0).sum()):
        return
    what = {int(code): f"a value every {int(usual[code])} steps{_as(grid, int(usual[code]))}" for code in coarse[:3]}
    unusable.against(
        "other_frequency", coarse.astype(np.int64), what,
        f"series have another frequency than most, which are {grid.frequency.words}",
        "Forecast them apart, in a table of their own",
    )  # fmt: skip


def _as(grid: Grid, steps: int) -> str:
    frequency = Frequency(grid.frequency.unit, grid.frequency.count * steps)
    return "" if grid.frequency.unit == "step" else f" ({frequency.words})"
