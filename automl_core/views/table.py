"""The trial table of ten thousand rows: sorted, filtered, searched and paged where it lies."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from automl_core.space.parameter import Value
from automl_core.study.labels import RUN
from automl_core.views.parameters import axes_of, parameters_of
from automl_core.views.rows import Row
from automl_core.views.view import ExperimentView

MAX_ROWS = 10_000
"""Rows of one page at most."""

SORTABLE = (
    "number", "name", "state", "value", "rank", "budget", "step", "started", "ended", "seconds", "cost", "attempts",
    "tags", "comment", "headline",
)  # fmt: skip
"""Columns that a table can be sorted and filtered by, besides ``params.<name>`` and ``metrics.<name>``."""


class BadQuery(ValueError):
    """A table was asked for in a way that has no meaning. The message says what is allowed."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which rows, in which order.

    Attributes:
        sort: a column; '-' before it turns the order round. Rows without a value come last either way.
        states: only trials in one of these, all when empty.
        search: text that the number, name, state, reason, a tag, a comment or a parameter's value has in it.
        filters: ``column:low..high`` (either end may be left out) or ``column:value,value``; all must hold. Of tags
            and of lists, one member is enough.
        offset, limit: which page.
    """

    sort: str = "number"
    states: tuple[str, ...] = ()
    search: str = ""
    filters: tuple[str, ...] = ()
    offset: int = 0
    limit: int = 100


def trial_table(view: ExperimentView, query: Query) -> dict[str, Any]:
    """A page of the trial table, as columns.

    Raises:
        BadQuery: an unknown column, or a filter that is none.
    """
    rows: Sequence[Row] = view.rows
    metrics = view.metrics
    parameters = parameters_of(view.study)
    listed = {f"params.{each['name']}" for each in parameters if each["values"] is not None}
    matched = select(rows, query, column_reader(view, metrics), listed)
    page = matched[query.offset : query.offset + min(query.limit, MAX_ROWS)]
    return {
        "seq": view.seq,
        "total": len(rows),
        "matched": len(matched),
        "offset": query.offset,
        "limit": query.limit,
        "parameters": parameters,
        "metrics": metrics,
        "labelled": any(key != RUN for key in view.state.labels),
        "columns": view.columns(page, metrics),
    }


def column_reader(view: ExperimentView, metrics: Sequence[str]) -> Callable[[str], Callable[[Row], Any]]:
    """From a column's name to what reads it from a row."""
    space = view.study.space
    parameters = [parameter.name for parameter in space.parameters]
    parts = {axis["name"] for axis in axes_of(view.study)}.difference(parameters)

    def reader(name: str) -> Callable[[Row], Any]:
        group, dot, inner = name.partition(".")
        if dot and group == "params" and inner in parameters:
            return lambda row: row.params.get(inner)
        if dot and group == "params" and inner in parts:  # of a list
            return lambda row: space.spread(row.params).get(inner)
        if dot and group == "metrics" and inner in metrics:
            return lambda row: row.metrics.get(inner)
        if name in SORTABLE:
            return lambda row: getattr(row, name)
        known = [*SORTABLE, *(f"params.{p}" for p in parameters), *(f"metrics.{m}" for m in metrics)]
        raise BadQuery(f"there is no column {name!r}; allowed: {', '.join(known)}")

    return reader


def select(
    rows: Sequence[Row],
    query: Query,
    reader: Callable[[str], Callable[[Row], Any]],
    listed: Container[str] = (),
) -> list[Row]:
    """Rows that match a query, in its order.

    Args:
        rows: all of them.
        query: which are wanted.
        reader: from a column's name to what reads it.
        listed: columns whose values are options, which may have any text in them, dots too.
    """
    found: Iterable[Row] = rows
    if query.states:
        states = set(query.states)
        found = (row for row in found if row.state in states)
    for text in query.filters:
        column, colon, condition = text.partition(":")
        if not colon:
            raise BadQuery(f"the filter {text!r} is none: column:low..high or column:value,value is wanted")
        read, holds = reader(column), _condition(condition, column in listed)
        found = [row for row in found if holds(read(row))]
    if query.search:
        wanted = query.search.casefold()
        found = (row for row in found if wanted in _text(row))
    descending, column = query.sort.startswith("-"), query.sort.removeprefix("-")
    read = reader(column)
    known: list[tuple[Any, Row]] = []
    unknown: list[Row] = []
    for row in found:
        value = read(row)
        if value in (None, "", ()) or (isinstance(value, float) and math.isnan(value)):
            unknown.append(row)
        else:
            known.append((_key(value), row))
    known.sort(key=lambda item: item[0], reverse=descending)
    return [row for _, row in known] + unknown


def _key(value: Value | tuple[str, ...]) -> tuple[int, Any]:
    """One order over values of different types: numbers before texts, texts before lists."""
    if isinstance(value, tuple):
        return (1, "\n".join(value))
    if isinstance(value, list):
        return (2, [_key(member) for member in value])
    return (0, float(value)) if isinstance(value, bool | int | float) else (1, str(value))


def _condition(text: str, listed: bool) -> Callable[[Any], bool]:
    low, dots, high = text.partition("..")
    if dots:
        try:
            least = float(low) if low.strip() else -math.inf
            most = float(high) if high.strip() else math.inf
        except ValueError:
            if not listed:
                raise BadQuery(f"the range {text!r} is none: two numbers are wanted, such as 0.1..0.5") from None
        else:
            return lambda value: any(_is_number(each) and least <= each <= most for each in _members(value))
    values = {text, *(part.strip() for part in text.split(","))}
    numbers = {float(value) for value in values if _NUMBER.fullmatch(value)}

    def holds(value: Any) -> bool:
        if isinstance(value, tuple):  # tags
            return not values.isdisjoint(value)
        return any(_shown(each) in values or (_is_number(each) and each in numbers) for each in _members(value))

    return holds


def _members(value: Any) -> Sequence[Any]:
    """The value itself; of a list the whole and its members."""
    return [value, *value] if isinstance(value, list) else [value]


_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?", re.ASCII)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _text(row: Row) -> str:
    parts = [str(row.number), row.state, row.reason, row.note, row.name, *row.tags, row.comment]
    parts += [f"{name}={_shown(value)}" for name, value in row.params.items()]
    return "\n".join(parts).casefold()
