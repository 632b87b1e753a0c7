"""From a table to a panel: each series on the grid, and everything that was found on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from automl_core.forecasting.finding import SeriesFinding
from automl_core.forecasting.panel import Panel

if TYPE_CHECKING:
    import pyarrow as pa

Duplicates = Literal["refuse", "mean", "sum", "last"]


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
            in every column that is read are one row, whatever is said here.
        unusable: what becomes of series that can't be read (duplicates, times off the grid, another frequency):
            ``refuse`` the table and name them, or ``leave_out`` these and say so.
        like: the panel that a model was fitted on: its grid, and its categories of known columns, hold here too.

    Returns:
        The panel, and what was found, the certain first.

    Raises:
        SeriesError: in words, with series, rows, and what is allowed.
    """
    raise NotImplementedError
