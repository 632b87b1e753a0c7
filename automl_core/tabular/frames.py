"""Frames beside plain data: joined, kept as JSON and arrays, given back as rows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from automl_core.modelfile.scoring.values import Coded, Frame, Schema


def joined(first: Frame, second: Frame) -> Frame:
    """The rows of two frames of the same columns, one below the other."""
    columns: dict[str, Any] = {}
    for name, column in first.columns.items():
        other = second.columns[name]
        if isinstance(column, Coded):
            assert isinstance(other, Coded)
            known = set(column.levels)
            levels = (*column.levels, *(each for each in other.levels if each not in known))
            columns[name] = Coded(np.concatenate([column.codes, other.codes_in(levels)]).astype(np.int32), levels)
        else:
            columns[name] = np.concatenate([column, np.asarray(other)])
    return Frame(first.n + second.n, columns)


def as_arrays(frame: Frame) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A frame as (what it is made of, for JSON; name → array)."""
    parts, arrays = [], {}
    for number, (name, column) in enumerate(frame.columns.items()):
        key = f"column_{number}"
        part: dict[str, Any] = {"name": name, "array": key}
        if isinstance(column, Coded):
            part["levels"] = list(column.levels)
            arrays[key] = column.codes
        else:
            arrays[key] = column
        parts.append(part)
    return parts, arrays


def from_arrays(rows: int, parts: Iterable[dict[str, Any]], arrays: Any) -> Frame:
    """What `as_arrays` gave, as a frame."""
    columns: dict[str, Any] = {}
    for part in parts:
        values = arrays[part["array"]]
        columns[part["name"]] = Coded(values, tuple(part["levels"])) if "levels" in part else values
    return Frame(rows, columns)


def as_rows(frame: Frame, schema: Schema, rows: Any) -> list[dict[str, Any]]:
    """Some rows as plain values: numbers, texts, times as ISO 8601 in UTC, None for missing.

    Whole numbers of columns of integers and categories stay what they were in the data: ``7``, not ``7.0``.
    """
    taken = frame.take(rows)
    columns: dict[str, list[Any]] = {}
    for field in schema:
        column = taken.columns[field.name]
        if isinstance(column, Coded):
            columns[field.name] = list(column.texts())
        elif field.kind == "time":
            columns[field.name] = [_time(value) for value in column.tolist()]
        else:
            whole = field.type == "integer"
            columns[field.name] = [_number(value, whole) for value in column.tolist()]
    return [{name: values[row] for name, values in columns.items()} for row in range(taken.n)]


def _number(value: float, whole: bool) -> float | int | None:
    if value != value:
        return None
    return int(value) if whole and value.is_integer() else value


def _time(seconds: float) -> str | None:
    if seconds != seconds:
        return None
    moment = np.datetime64("1970-01-01T00:00:00", "us") + np.timedelta64(round(seconds * 1e6), "us")
    return str(moment)
