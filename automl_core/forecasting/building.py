"""Rows with their steps as series: all arrays of all series are filled at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from automl_core.forecasting.finding import MOST_NAMES, SeriesFinding, listed
from automl_core.forecasting.grid import Grid
from automl_core.forecasting.keys import Keys
from automl_core.forecasting.panel import KnownColumn, Panel, Series, SeriesError
from automl_core.forecasting.repeats import Placed
from automl_core.forecasting.unusable import Integers

_MOST_STEPS, _MOST_STRETCHED = 5_000_000, 200
"""A panel of more steps, so many times its rows, has a time that is wrong."""


def build(
    placed: Placed, grid: Grid, keys: Keys, known: tuple[KnownColumn, ...], target: str, time: str,
    columns: Sequence[str], *, new: bool,
) -> tuple[Panel, list[SeriesFinding]]:  # fmt: skip
    """The panel of rows.

    Args:
        placed: one row a step, in order.
        grid: their grid.
        keys: names of the series.
        known: the known columns.
        target, time: names of columns.
        columns: those that tell series apart.
        new: whether series without a value are kept.

    Raises:
        SeriesError: no series has a value, or a series' times lie impossibly far apart.
    """
    codes, steps, values = placed.rows.codes, placed.steps, placed.rows.values
    count = len(keys.names)
    there = ~np.isnan(values)
    low, high = np.full(count, np.iinfo(np.int64).max), np.full(count, np.iinfo(np.int64).min)
    first, last = low.copy(), high.copy()
    np.minimum.at(low, codes, steps)
    np.maximum.at(high, codes, steps)
    np.minimum.at(first, codes[there], steps[there])
    np.maximum.at(last, codes[there], steps[there])
    valued = last >= first
    present = high >= low
    first, last = np.where(valued, first, low), np.where(valued, last, low - 1)
    kept = np.flatnonzero(present if new else present & valued)
    findings = _told(codes, steps, there, first, last, present & ~valued, keys.names, new, bool(known))
    if not len(kept):
        raise SeriesError(f"no series has a value of {target!r}")
    length, end = (last - first + 1)[kept], (high - first + 1)[kept]
    _check_stretch(end, np.bincount(codes, minlength=count)[kept], kept, keys.names, grid, first[kept])
    offset = np.concatenate([[0], np.cumsum(end)])
    position = np.full(count, -1, dtype=np.int64)
    position[kept] = np.arange(len(kept))
    inside = (position[codes] >= 0) & (steps >= first[codes])
    whose = position[codes[inside]]
    at = offset[whose] + steps[inside] - first[codes[inside]]
    flat = np.full(int(offset[-1]), np.nan)
    flat[at] = values[inside]
    table = np.full((int(offset[-1]), len(known)), np.nan)
    table[at] = placed.rows.known[inside]
    series = tuple(
        Series(keys.names[code], start, flat[begin : begin + size].copy(), table[begin : begin + whole].copy())
        for code, start, begin, size, whole in zip(
            kept.tolist(), first[kept].tolist(), offset[:-1].tolist(), length.tolist(), end.tolist(), strict=True
        )
    )
    texts = {keys.names[code]: keys.values[code] for code in kept.tolist()} if columns else {}
    return Panel(series, grid, known, target, time, tuple(columns), texts), findings


def _told(
    codes: Integers, steps: Integers, there: NDArray[np.bool_], first: Integers, last: Integers,
    empty: NDArray[np.bool_], names: tuple[str, ...], new: bool, known: bool,
) -> list[SeriesFinding]:  # fmt: skip
    """Rows without a value before and behind a series, and series without any."""
    findings = []
    valueless = np.flatnonzero(empty)
    if len(valueless):
        whose = [names[code] for code in valueless.tolist()]
        findings.append(
            SeriesFinding(
                "no_values", "certain", f"series without any value: {len(whose):,}: {listed(whose)}",
                "they count as new" if new else "left out", "", tuple(whose[:MOST_NAMES]), {"series": len(whose)},
                left_out=not new,
            )
        )  # fmt: skip
    inner = ~there & ~empty[codes]
    before = inner & (steps < first[codes])
    behind = inner & (steps > last[codes])
    for which, kind, found, done in (
        (before, "begins_empty", "rows before the first value of their series", "they are left out"),
        (
            behind,
            "future",
            "rows behind the last value of their series",
            "they are its future" if known else "no known column says anything of them",
        ),
    ):
        if which.any():
            whose = [names[code] for code in np.unique(codes[which]).tolist()]
            findings.append(
                SeriesFinding(
                    kind, "certain", f"{found}: {int(which.sum()):,}, of {listed(whose)}", done, "",
                    tuple(whose[:MOST_NAMES]), {"rows": int(which.sum()), "series": len(whose)},
                )
            )  # fmt: skip
    return findings


def _check_stretch(
    steps: Integers, rows: Integers, kept: Integers, names: tuple[str, ...], grid: Grid, first: Integers
) -> None:
    """That times don't lie so far apart that one of them must be wrong."""
    if int(steps.sum()) <= max(_MOST_STEPS, _MOST_STRETCHED * int(rows.sum())):
        return
    at = int((steps / rows).argmax())
    begin, end = (grid.text(int(time)) for time in grid.times(np.array([first[at], first[at] + steps[at] - 1])))
    raise SeriesError(
        f"{names[kept[at]]}: {int(rows[at]):,} rows from {begin} to {end} would be {int(steps[at]):,} steps "
        f"({grid.frequency.words}); is a time wrong? Else give a coarser `frequency`"
    )
