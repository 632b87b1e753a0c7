"""Columns of whatever holds rows: tables of PyArrow, frames of pandas or polars, arrays, lists, rows as dicts.

None of these libraries is imported: what a source is, is told by what it can do. A column gives its values in one of
three forms: numbers (float64, NaN for missing), times (seconds since 1970 UTC) or texts as codes and levels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import numpy as np

from .arrow_columns import ArrowColumn
from .coding import Array, UnreadableValue, by_value, coded_of
from .texts import is_missing, number_of
from .times import seconds_of, seconds_of_array

__all__ = [
    "Array", "Column", "Source", "UnreadableValue", "coded_of", "column_of", "source_of", "type_of_values",
]  # fmt: skip


class Column(Protocol):
    """The values of one column of a source."""

    @property
    def type(self) -> str:
        """What the source calls it: integer, number, boolean, string, date or timestamp; `string` where it mixes."""
        ...

    def numbers(self) -> Array:
        """As float64, NaN for missing; booleans are 1 and 0.

        Raises:
            UnreadableValue: a value that is no number.
        """
        ...

    def seconds(self) -> Array:
        """As seconds since 1970 UTC, float64, NaN for missing.

        Raises:
            UnreadableValue: a value that is no time.
        """
        ...

    def coded(self) -> tuple[Array, tuple[str, ...]]:
        """As codes (int32, -1 for missing) and levels: different canonical texts, in no order that means anything."""
        ...


class Source:
    """Rows of any kind: how many they are, which columns they have, and each column when it is asked for."""

    def __init__(
        self, rows: int, names: Sequence[str], column: Callable[[str], Column],
        sparse: Callable[[str], Column] | None = None,
    ) -> None:  # fmt: skip
        self.rows = rows
        self.names = tuple(names)
        self._column, self._sparse = column, sparse or column

    def column(self, name: str) -> Column:
        """The column of a name that `names` has once."""
        return self._column(name)

    def sparse(self, name: str) -> Column:
        """The same, where rows may lack it: a value that is not there is a missing one."""
        return self._sparse(name)


def source_of(data: Any) -> Source:
    """Rows of any kind that is known, as a source.

    Args:
        data: a table or batch of PyArrow, a frame of pandas, whatever has ``to_arrow()`` (polars), a dict of columns, a
            dict of single values (one row), or a sequence of dicts (rows).

    Raises:
        ValueError: something else, columns of different lengths, or rows without a column that others have.
    """
    if isinstance(data, Source):
        return data
    if hasattr(data, "column_names") and hasattr(data, "schema"):  # a Table; a RecordBatch, too
        return Source(
            data.num_rows, data.column_names,
            lambda name: ArrowColumn(data.column(name), written(data.schema, name) == b"text"),
        )  # fmt: skip
    if hasattr(data, "to_arrow"):
        return source_of(data.to_arrow())
    if hasattr(data, "iloc") and hasattr(data, "columns"):
        places = {str(name): place for place, name in enumerate(data.columns)}
        names = [str(name) for name in data.columns]
        return Source(len(data), names, lambda name: _pandas_column(data.iloc[:, places[name]]))
    if isinstance(data, Mapping):
        return _of_columns(data)
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _of_rows(data)
    raise ValueError(
        f"{type(data).__name__} holds no rows that are known (allowed: a table of PyArrow, a frame of pandas or polars,"
        " a dict of columns, a list of dicts)"
    )


def _of_columns(data: Mapping[Any, Any]) -> Source:
    columns = {str(name): values for name, values in data.items()}
    single = [name for name, values in columns.items() if _is_single(values)]
    if single and len(single) < len(columns):
        raise ValueError(f"a dict of columns has a single value as {single[0]!r}: give each column all of its values")
    if single:
        columns = {name: [value] for name, value in columns.items()}
    lengths = {name: len(values) for name, values in columns.items()}
    rows = next(iter(lengths.values()), 0)
    for name, length in lengths.items():
        if length != rows:
            raise ValueError(f"column {name!r} has {length} values, {next(iter(lengths))!r} has {rows}")
    return Source(rows, list(columns), lambda name: column_of(columns[name]))


def _of_rows(data: Sequence[Any]) -> Source:
    if not data:
        return Source(0, (), lambda _: _ListColumn([]))
    for number, row in enumerate(data):
        if not isinstance(row, Mapping):
            raise ValueError(f"row {number} is a {type(row).__name__}, not a dict of its columns' values")
    names = list(dict.fromkeys(str(name) for row in data for name in row))

    def column(name: str) -> Column:
        try:
            return _ListColumn([row[name] for row in data])
        except KeyError:
            number = next(number for number, row in enumerate(data) if name not in row)
            raise ValueError(
                f"row {number} has no value for {name!r}, which other rows have: give None for a missing one"
            ) from None

    return Source(len(data), names, column, lambda name: _ListColumn([row.get(name) for row in data]))


def column_of(values: Any) -> Column:
    """A column of values that lie in a list, an array, or a column of PyArrow or pandas."""
    if hasattr(values, "dictionary_encode") or hasattr(values, "dictionary"):
        return ArrowColumn(values)
    if hasattr(values, "iloc"):
        return _pandas_column(values)
    if isinstance(values, np.ndarray):
        if values.ndim != 1:
            raise ValueError(f"a column is one array of values, this has the shape {values.shape}")
        if values.dtype.kind in "biufM":
            return _ArrayColumn(values)
        if values.dtype.kind == "m" and np.datetime_data(values.dtype)[0] not in ("generic", "Y", "M"):
            return _ArrayColumn(values / np.timedelta64(1, "s"))  # a list of these has numbers of its unit
        return _ListColumn(values.tolist())
    return _ListColumn(values if isinstance(values, list) else list(values))


def _is_single(values: Any) -> bool:
    return isinstance(values, (str, bytes, Mapping)) or not hasattr(values, "__len__")


def were_texts(column: Column) -> bool:
    """Whether a column's values were texts where they came from, whatever their type has become since."""
    return column.type == "string" or bool(getattr(column, "texts", False))


def written(schema: Any, name: str) -> bytes | None:
    """What a schema of PyArrow remembers of a column beside its type: see `automl_core.data.written`."""
    found: bytes | None = (schema.field(name).metadata or {}).get(b"automl.written")
    return found


def _pandas_column(series: Any) -> Column:
    """A column of pandas: as an array of numpy where it is one, by its values otherwise."""
    dtype = series.dtype
    kind = getattr(dtype, "kind", "O")
    if getattr(dtype, "tz", None) is not None:
        return _ArrayColumn(np.asarray(series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()))
    if hasattr(series, "cat"):
        codes = np.asarray(series.cat.codes.to_numpy(), dtype=np.int32)
        return _CodedColumn(codes, list(series.cat.categories))
    if isinstance(dtype, np.dtype) and kind in "biufM":
        return _ArrayColumn(np.asarray(series.to_numpy()))
    if isinstance(dtype, np.dtype):
        return _ListColumn(series.tolist())
    codes, values = series.factorize()  # extension types: nullable numbers, strings, columns of Arrow
    return _CodedColumn(np.asarray(codes, dtype=np.int32), list(values), _VALUE_TYPES.get(kind))


_VALUE_TYPES = {"i": "integer", "u": "integer", "f": "number", "b": "boolean", "M": "timestamp"}


class _CodedColumn:
    """A column that is codes into values already."""

    def __init__(self, codes: Array, values: list[Any], type_: str | None = None) -> None:
        self._codes, self._values = codes, values
        self.type = type_ or type_of_values(values)

    def numbers(self) -> Array:
        return by_value(self._codes, self._values, number_of)

    def seconds(self) -> Array:
        return by_value(self._codes, self._values, seconds_of)

    def coded(self) -> tuple[Array, tuple[str, ...]]:
        return coded_of(self._codes, self._values)


class _ArrayColumn:
    """A column that is an array of numbers, booleans or times of numpy."""

    def __init__(self, values: Array) -> None:
        self._values = values
        self.type = _VALUE_TYPES[values.dtype.kind]

    def numbers(self) -> Array:
        if self._values.dtype.kind == "M":
            _refuse(self._values)
        return self._values.astype(np.float64)

    def seconds(self) -> Array:
        if self._values.dtype.kind == "M":
            return seconds_of_array(self._values)
        return self._values.astype(np.float64)

    def coded(self) -> tuple[Array, tuple[str, ...]]:
        values, codes = np.unique(self._values, return_inverse=True)
        return coded_of(codes, values if values.dtype.kind != "M" else values.astype("datetime64[us]").tolist())


def _refuse(values: Array) -> None:
    """Times where numbers are wanted: the first one that is there is named."""
    there = np.flatnonzero(~np.isnat(values))
    if there.size:
        raise UnreadableValue(str(values[there[0]]), int(there[0]))


class _ListColumn:
    """A column that is a list of values of any kind."""

    def __init__(self, values: list[Any]) -> None:
        self._values = values

    @property
    def type(self) -> str:
        return type_of_values(self._values)

    def numbers(self) -> Array:
        return self._each(number_of)

    def seconds(self) -> Array:
        return self._each(seconds_of)

    def coded(self) -> tuple[Array, tuple[str, ...]]:
        # True and 1 are equal as keys, and have different texts: the type belongs to the key where a column mixes them
        mixed = bool in set(map(type, self._values)) and len(set(map(type, self._values))) > 1
        keys: list[Any] = [(type(value), value) for value in self._values] if mixed else self._values
        places: dict[Any, int] = {}
        try:
            codes = [places.setdefault(key, len(places)) for key in keys]
        except TypeError:  # lists and dicts are no keys
            return coded_of(np.arange(len(keys), dtype=np.int32), self._values)
        values = [key[1] for key in places] if mixed else list(places)
        return coded_of(np.asarray(codes, dtype=np.int32), values)

    def _each(self, read: Callable[[Any], float]) -> Array:
        try:
            if read is number_of and None not in self._values and not any(map(_is_text, self._values)):
                return np.asarray(self._values, dtype=np.float64)
        except (TypeError, ValueError):
            pass  # something among them that one by one is known, or named
        found = np.empty(len(self._values))
        for row, value in enumerate(self._values):
            try:
                found[row] = read(value)
            except (ValueError, OverflowError):
                raise UnreadableValue(value, row) from None
        return found


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def type_of_values(values: Iterable[Any]) -> str:
    """What values of Python, missing ones apart, are together: a field's type."""
    kinds = {_kind(value) for value in values if not is_missing(value)}
    if len(kinds) == 1:
        return kinds.pop()
    if kinds <= {"integer", "number"}:
        return "number"
    return "timestamp" if kinds == {"date", "timestamp"} else "string"


def _kind(value: Any) -> str:
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    if kind in _VALUE_TYPES:
        return _VALUE_TYPES[kind]
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    if isinstance(value, (float, Decimal, timedelta)):
        return "number"
    if isinstance(value, datetime):
        return "timestamp"
    return "date" if isinstance(value, date) else "string"
