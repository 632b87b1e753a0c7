"""Columns of PyArrow, of any type, as their writers meant them. PyArrow is not imported: columns bring what they do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

import numpy as np

from .coding import Array, by_value, coded_of
from .texts import number_of
from .times import UNITS, seconds_of


class ArrowColumn:
    """A column of PyArrow, whatever its type is.

    Attributes:
        type: of `values.TYPES`.
        texts: whether its values were texts where they came from, whatever their type has become since.
    """

    def __init__(self, column: Any, texts: bool = False) -> None:
        self.texts = texts
        self._read: Callable[[Any], Any] | None = None  # what is stored of an extension's value as the value itself
        if hasattr(column.type, "storage_type"):  # UUID and JSON of DuckDB, booleans of eight bits
            self._read = _EXTENSIONS.get(column.type.extension_name)
            column = column.cast(column.type.storage_type)
        self._column = column
        self._type = str(column.type)
        self.type = "boolean" if self._read is bool else _arrow_type(self._type)
        if self._type.startswith("time") and self.type == "string" and _whole_days(self._counts()).any():
            self.type = "number"  # no times of a day, but spans: fastparquet writes timedelta so

    def _plain(self) -> Any:
        # a dictionary's values have their own type
        return self._column.cast(self._column.type.value_type) if self._type.startswith("dictionary<") else self._column

    def _counts(self) -> Array:
        """A time of day, or a span, in seconds."""
        plain = self._plain()
        kind = str(plain.type)
        counts = (plain.cast("int32") if kind.startswith("time32") else plain).cast("int64").cast("double", safe=False)
        return _array(counts) / UNITS[kind[kind.index("[") + 1 : -1]]

    def numbers(self) -> Array:
        """As `sources.Column.numbers`; spans and times of a day are seconds."""
        kind = str(self._plain().type)
        if kind.startswith(("duration", "time32", "time64")):
            return self._counts()
        if self.type in ("integer", "number", "boolean"):
            return _array(self._plain().cast("double", safe=False)).astype(np.float64, copy=False)
        return by_value(*self._encoded(), number_of)

    def seconds(self) -> Array:
        """As `sources.Column.seconds`."""
        plain = self._plain()
        kind = str(plain.type)
        if self.type not in ("date", "timestamp"):
            return self.numbers() if self.type in ("integer", "number") else by_value(*self._encoded(), seconds_of)
        unit = "D" if kind.startswith("date32") else kind[kind.index("[") + 1 : -1].split(",")[0]
        counts = plain.cast("int32").cast("int64") if unit == "D" else plain.cast("int64")
        return _array(counts.cast("double", safe=False)) / UNITS[unit]

    def coded(self) -> tuple[Array, tuple[str, ...]]:
        """As `sources.Column.coded`."""
        if self.type == "number" and self._type.startswith("time"):  # PyArrow's own values of these begin anew each day
            values, codes = np.unique(self._counts(), return_inverse=True)
            return coded_of(codes, values)
        return coded_of(*self._encoded())

    def _encoded(self) -> tuple[Array, list[Any]]:
        codes, values = self._as_stored()
        return (
            (codes, [None if each is None else self._read(each) for each in values]) if self._read else (codes, values)
        )

    def _as_stored(self) -> tuple[Array, list[Any]]:
        try:
            column = self._column if self._type.startswith("dictionary<") else self._column.dictionary_encode()
        except NotImplementedError:  # lists and structs: what is in them is told by its text, as that of rows
            return np.arange(len(self._column), dtype=np.int32), self._column.to_pylist()
        if not hasattr(column, "chunks"):
            chunks, values = [column], column.dictionary
        elif column.num_chunks == 0:
            return np.empty(0, dtype=np.int32), []
        else:
            column = column.unify_dictionaries()
            chunks, values = column.chunks, column.chunk(0).dictionary
        codes = [_array(chunk.indices.cast("int32").fill_null(-1)) for chunk in chunks]
        return (codes[0] if len(codes) == 1 else np.concatenate(codes)), values.to_pylist()


_EXTENSIONS: Mapping[str, Callable[[Any], Any]] = {
    "arrow.uuid": lambda stored: str(UUID(bytes=stored)), "arrow.bool8": bool,
}  # fmt: skip
"""Types of Arrow whose values aren't told by what is stored of them. JSON is text."""

DAY = 86_400.0


def _whole_days(seconds: Array) -> Array:
    """Whether a span of seconds is no time of a day."""
    with np.errstate(invalid="ignore"):
        return (seconds < 0) | (seconds >= DAY)


def _array(column: Any) -> Array:
    """An array of PyArrow, in pieces or not, as one of numpy; null is NaN."""
    if hasattr(column, "chunks"):
        return np.asarray(column.to_numpy())
    return np.asarray(column.to_numpy(zero_copy_only=False))


def _arrow_type(name: str) -> str:
    if name.startswith("dictionary<"):
        name = name.removeprefix("dictionary<values=").split(", indices=")[0]
    if name.startswith(("int", "uint")):
        return "integer"
    if name.startswith(("float", "double", "halffloat", "decimal", "null", "duration")):
        return "number"
    if name.startswith("bool"):
        return "boolean"
    if name.startswith("date"):
        return "date"
    return "timestamp" if name.startswith("timestamp") else "string"
