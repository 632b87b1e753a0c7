"""Trials for other programs and other plots: what a table shows as CSV, and any two columns of it as points."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

from automl_core.results.entries import iso
from automl_core.results.leaderboard import csv_cell
from automl_core.views.parameters import parameters_of
from automl_core.views.rows import COLUMNS, Row
from automl_core.views.table import BadQuery, Query, column_reader, select
from automl_core.views.view import ExperimentView

MAX_SHEET = 100_000
"""Rows of a CSV file at most."""

MAX_POINTS = 10_000
"""Points of a scatter plot at most: the first in the query's order."""

_TIMES = ("started", "ended")


def trial_csv(view: ExperimentView, query: Query, columns: Sequence[str] = ()) -> str:
    """The rows that a query matches as CSV, whatever page it asks for.

    Times are ISO 8601 in UTC. Text that a spreadsheet would run as a formula gets an apostrophe in front.

    Args:
        view: the experiment.
        query: which rows, in which order.
        columns: which columns, in which order; every one when empty.

    Raises:
        BadQuery: an unknown column, or a filter that is none.
    """
    metrics = view.metrics
    names = list(columns) or _every(view, metrics)
    readers = [_reader(view, metrics, name) for name in names]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    writer.writerow([csv_cell(name) for name in names])
    for row in _matched(view, query, metrics)[:MAX_SHEET]:
        writer.writerow([csv_cell(read(row)) for read in readers])
    return text.getvalue()


def scatter(view: ExperimentView, query: Query, x: str, y: str) -> dict[str, Any]:
    """Any two columns of the trials that a query matches.

    Raises:
        BadQuery: an unknown column, or a filter that is none.
    """
    metrics = view.metrics
    read = column_reader(view, metrics)
    across, up = read(x), read(y)
    matched = _matched(view, query, metrics)
    rows = [row for row in matched if across(row) is not None and up(row) is not None]
    shown = rows[:MAX_POINTS]
    return {
        "seq": view.seq, "x": x, "y": y, "matched": len(matched), "total": len(rows),
        "parameters": parameters_of(view.study), "metrics": metrics,
        "columns": {
            "number": [row.number for row in shown], "x": [across(row) for row in shown],
            "y": [up(row) for row in shown], "value": [row.value for row in shown],
            "state": [row.state for row in shown],
        },
    }  # fmt: skip


def _matched(view: ExperimentView, query: Query, metrics: Sequence[str]) -> list[Row]:
    listed = {f"params.{each['name']}" for each in parameters_of(view.study) if each["values"] is not None}
    return select(view.rows, query, column_reader(view, metrics), listed)


def _every(view: ExperimentView, metrics: Sequence[str]) -> list[str]:
    parameters = [f"params.{parameter.name}" for parameter in view.study.space.parameters]
    first = ("number", "name", "state", "value", "rank")
    last = [name for name in COLUMNS if name not in (*first, "cancel", "headline")]
    return [*first, *parameters, *(f"metrics.{name}" for name in metrics), *last]


def _reader(view: ExperimentView, metrics: Sequence[str], name: str) -> Callable[[Row], Any]:
    if name in _TIMES:
        return lambda row: iso(getattr(row, name))
    if name == "tags":
        return lambda row: ", ".join(row.tags)
    if name in COLUMNS:
        return lambda row: getattr(row, name)
    try:
        return column_reader(view, metrics)(name)
    except BadQuery as error:
        more = [each for each in COLUMNS if each not in str(error)]
        raise BadQuery(f"{error}, {', '.join(more)}") from None
