"""From a table to a panel: each series on the grid, and everything that was found on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from automl_core.data.written import in_utc, is_instant
from automl_core.forecasting import building, checks, placing, repeats
from automl_core.forecasting.clock_changes import never_shown, twice_shown
from automl_core.forecasting.finding import SeriesFinding, listed
from automl_core.forecasting.frequency import Frequency, parse
from automl_core.forecasting.grid import Grid
from automl_core.forecasting.keys import Keys, read_keys
from automl_core.forecasting.known import read_known, read_numbers
from automl_core.forecasting.panel import Panel, SeriesError
from automl_core.forecasting.repeats import Duplicates
from automl_core.forecasting.spacing import Apart, find_grid
from automl_core.forecasting.times import TimeColumn, read_times, rows_named
from automl_core.forecasting.unusable import Rows, Unusable
from automl_core.modelfile.scoring.calendars import clock
from automl_core.training.problems import nearest

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Duplicates", "read_panel"]

_DAY = 86_400

_PARTS = frozenset({"year", "quarter", "month", "week", "day", "hour", "minute"})
"""Names of columns that hold a part of a time, where a table has it in several."""


def read_panel(
    table: pa.Table,
    *,
    target: str,
    time: str,
    series: str | Sequence[str] | None = None,
    known: Sequence[str] = (),
    frequency: str | None = None,
    zone: str | None = None,
    duplicates: Duplicates = "refuse",
    unusable: Literal["refuse", "leave_out"] = "refuse",
    like: Panel | None = None,
) -> tuple[Panel, list[SeriesFinding]]:
    """Read series from a table.

    Args:
        table: rows in any order; texts where it was a CSV.
        target: the column that is forecast. Rows at a series' end without a value are its future (known columns).
        time: the column of times: dates, moments, texts such as ``2024-03`` or ``2024Q1``, or whole numbers.
        series: the column whose values tell series apart, or several; None: the table is one series.
        known: columns whose values are known ahead.
        frequency: such as ``h``, ``D``, ``W-MON``, ``ME``; None: found.
        zone: the one whose clock counts, such as ``Europe/Berlin``; None: none is known.
        duplicates: what several values at one step become; ``refuse`` names their series and rows. Rows that are equal
            in every column that is read are one row, except for ``sum``.
        unusable: what becomes of series that can't be read (duplicates, times off the grid, another frequency):
            ``refuse`` the table and name them, or ``leave_out`` these and say so.
        like: the panel that a model was fitted on: its grid, and its categories of known columns, hold here too, and
            series without a single value are kept: they are new.

    Returns:
        The panel, its series in the order of their keys' values, and what was found, the certain first.

    Raises:
        SeriesError: in words, with series, rows, and what is allowed.
    """
    columns = [series] if isinstance(series, str) else list(series or ())
    _check(table, target, time, columns, known, duplicates, unusable)
    given = _frequency(frequency)
    if like is not None:
        zone, given = like.grid.zone, like.grid.frequency
    _check_zone(zone)
    months = given is not None and given.unit in ("month", "month_end")
    instants = is_instant(table.schema.field(time))
    with _series_named(table, columns):
        times = read_times(
            in_utc(table.column(time)) if instants and zone is not None else table.column(time), time,
            numbers=given is not None and given.unit == "step", years=months,
        )  # fmt: skip
        keys = read_keys(table, columns)
        values = read_numbers(table.column(target), target)
        before, known_columns, findings = read_known(table, known, like)
    moments = times.kind == "moment" or (instants and times.kind == "local")
    findings = [*times.findings, *keys.findings, *findings]
    if zone is None and times.zone is not None:
        zone = times.zone
        findings.append(
            SeriesFinding(
                "zone", "certain", f"the column {time} is of the zone {zone}", "its clock counts", "give another `zone`"
            )
        )  # fmt: skip
    if times.kind == "number" and zone is not None:
        raise SeriesError(f"zone: found {zone!r}, and {time} has whole numbers, which no clock shows; leave it out")
    rows = _sorted(times, keys, values, before, zone)
    rows, more = _real(rows, times, keys, zone)
    findings += more
    against = Unusable(keys.names, unusable, Grid(Frequency("second", 1), None, 0, times.written).text)
    if like is None:
        rows = placing.without_far(rows, against, given)
        if not len(rows):
            against.settle()
            raise SeriesError(_nothing_left(against))
    grid = _grid(rows, times, moments, zone, given, like)
    plain = replace(grid, zone=None, written="local" if grid.written == "moment" else grid.written)
    against.text = (grid if times.kind == "moment" else plain).text
    twice = np.zeros(len(rows), dtype=bool)
    if zone is not None and times.kind == "local" and grid.frequency.unit == "second":
        twice = twice_shown(rows.local, zone)
    if duplicates != "sum":
        rows, more = repeats.without_copies(rows, keys.names, twice)
        findings += more
    placed, more = placing.place(rows, grid, moments, duplicates, against)
    findings += more
    placed, more = repeats.one_a_step(placed, grid, duplicates, against, known_columns, moments)
    findings += more
    if columns or unusable == "leave_out":
        placing.check_frequency(placed, grid, against)
    if against.refused and not columns:
        against.advise(_telling_apart(table, rows, time, (target, *known)))
    against.settle()
    findings += against.findings
    kept = np.array([name not in against.left_out for name in keys.names], dtype=bool)
    if not kept.any():
        raise SeriesError(_nothing_left(against))
    placed = placed.take(kept[placed.rows.codes])
    panel, more = building.build(placed, grid, keys, known_columns, target, time, columns, new=like is not None)
    findings += more
    findings += checks.examine(panel, moments=moments, given=given is not None)
    return panel, sorted(findings, key=lambda one: one.certainty != "certain")


def _check(
    table: pa.Table, target: str, time: str, series: list[str], known: Sequence[str], duplicates: str, unusable: str
) -> None:
    """Columns and options before anything is read."""
    for role, name in [("target", target), ("time", time), *(("series", one) for one in series),
                       *(("known", one) for one in known)]:  # fmt: skip
        if name not in table.column_names:
            raise SeriesError(f"{role}: the table has no column {name!r}{nearest(name, table.column_names)}")
    roles = [target, time, *series, *known]
    double = next((name for at, name in enumerate(roles) if name in roles[:at]), None)
    if double is not None:
        raise SeriesError(f"column {double!r} is named for two purposes; each of target, time, series, known is one")
    if duplicates not in get_args(Duplicates):
        raise SeriesError(f"duplicates: found {duplicates!r}{nearest(str(duplicates), get_args(Duplicates))}")
    if unusable not in ("refuse", "leave_out"):
        raise SeriesError(f"unusable: found {unusable!r}{nearest(str(unusable), ('refuse', 'leave_out'))}")
    if not table.num_rows:
        raise SeriesError("the table has no rows; a series needs some")


@contextmanager
def _series_named(table: pa.Table, columns: list[str]) -> Iterator[None]:
    """What is wrong with rows, with the series that these are of."""
    try:
        yield
    except SeriesError as error:
        if error.rows is None or not columns:
            raise
        there = table.select(columns).take(error.rows).drop_null()
        if not there.num_rows:
            raise
        raise SeriesError(f"{error} (series: {listed(read_keys(there, columns).names)})") from None


def _nothing_left(against: Unusable) -> str:
    return "\n".join(["every series would be left out", *(one.found for one in against.findings)])


def _frequency(text: str | None) -> Frequency | None:
    if text is None:
        return None
    try:
        return parse(text)
    except ValueError as error:
        raise SeriesError(f"frequency: {error}") from None


def _check_zone(zone: str | None) -> None:
    if zone is None or clock.known(zone):
        return
    from zoneinfo import available_timezones

    names = available_timezones()
    hint = nearest(zone, names).partition(" (allowed")[0] if names else "; no zones are installed: add tzdata"
    raise SeriesError(f"zone: there is none of the name {zone!r}{hint} (allowed: IANA's names, such as Europe/Berlin)")


def _sorted(times: TimeColumn, keys: Keys, values: NDArray[np.float64], known: NDArray[np.float64], zone: str | None
) -> Rows:  # fmt: skip
    """Rows in the order of series and times; those of one time in the order of the table."""
    raw = times.seconds
    local = clock.to_local(raw, zone) if zone is not None and times.kind == "moment" else raw
    rows = Rows(keys.codes, raw, local, values, known, np.arange(len(raw)))
    step = np.diff(keys.codes)
    if bool(((step > 0) | ((step == 0) & (np.diff(raw) >= 0))).all()):
        return rows
    return rows.take(np.lexsort((raw, keys.codes)))


def _real(rows: Rows, times: TimeColumn, keys: Keys, zone: str | None) -> tuple[Rows, list[SeriesFinding]]:
    """Rows without those at hours that the zone's clock never showed."""
    if zone is None or times.kind != "local" or not (rows.local % _DAY).any():
        return rows, []
    never = never_shown(rows.local, zone)
    if not never.any():
        return rows, []
    names = [keys.names[code] for code in np.unique(rows.codes[never]).tolist()]
    finding = SeriesFinding(
        "clock_change", "certain",
        f"rows of hours that the clock of {zone} was set forward over: {int(never.sum()):,}, "
        f"{rows_named(np.sort(rows.number[never]))}",
        "they are left out", f"is {zone} the right zone?", tuple(names[:20]),
        {"rows": int(never.sum()), "series": len(names)},
    )  # fmt: skip
    return rows.take(~never), [finding]


def _grid(
    rows: Rows, times: TimeColumn, moments: bool, zone: str | None, given: Frequency | None, like: Panel | None
) -> Grid:
    if like is not None:
        number = like.grid.frequency.unit == "step"
        if number != (times.kind == "number"):
            raise SeriesError("times and whole numbers don't go together: the model's are of the other kind")
        if (like.grid.written == "moment") != (times.kind == "moment") and like.grid.zone is None:
            raise SeriesError(
                "times with and without offsets don't go together where no zone is known; write them alike"
            )
        return like.grid
    if moments and zone is None and (given is None or given.unit != "second"):
        _ask_for_zone(rows)
    return find_grid(
        Apart.of(rows.local, rows.codes), number=times.kind == "number", written=times.written, zone=zone, given=given
    )


def _ask_for_zone(rows: Rows) -> None:
    """Days as moments: midnights of a clock that changes are two hours in UTC."""
    hours = np.unique(rows.local % _DAY)
    if len(hours) != 2:
        return
    apart = int(hours[1] - hours[0])
    if min(apart, _DAY - apart) in (1800, 3600) and len(rows) > 2:
        raise SeriesError(
            "times are moments, all at one hour of the day of a clock that changes: days follow the clock, so its zone "
            "is needed; give `zone`, such as Europe/Berlin"
        )


def _telling_apart(table: pa.Table, rows: Rows, time: str, read: Sequence[str]) -> str:
    """A column with which each time is there once, where there is one: a part of the time, or one of the series."""
    import pyarrow as pa

    parts = [name for name in table.column_names if name.strip().casefold() in _PARTS]
    for name in [*parts, *(each for each in table.column_names if each not in parts)]:
        kind = table.column(name).type
        if name == time or name in read or not (
            name in parts or pa.types.is_string(kind) or pa.types.is_integer(kind) or pa.types.is_dictionary(kind)
        ):  # fmt: skip
            continue
        pairs = table.select([name, time]).group_by([name, time]).aggregate([]).num_rows
        distinct = table.select([name]).group_by([name]).aggregate([]).num_rows
        if pairs == table.num_rows and 1 < distinct <= table.num_rows // 2:
            if name in parts:
                return (
                    f". Is {name!r} a part of the time, beside {time!r}? Then write both into one column, such as "
                    f"2024-03-31 or 2024Q1"
                )
            return f". Does {name!r} tell series apart? Then give `series: {name}`"
    return ""
