"""Rows as a model sees them: a schema of fields, and frames of columns that are read by it.

`Schema.read` is the one way in, in training and in scoring: what a value means does not depend on what held it. Columns
are found by name. `text_of` says which text a value of a category has.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .sources import Array, Column, UnreadableValue, source_of
from .texts import text_of, typed_text

__all__ = ["KINDS", "TYPES", "Coded", "ColumnValues", "Field", "Frame", "Schema", "SchemaError", "text_of"]

KINDS = ("number", "category", "text", "time")
"""What a column is to a model."""

TYPES = ("integer", "number", "boolean", "string", "date", "timestamp")
"""What a column was in the data of training."""


_PLAIN = ("name", "kind", "type", "missing", "low", "high", "distinct", "optional", "written")


class SchemaError(ValueError):
    """Rows that do not fit a schema: which column, what is wrong, what is allowed."""


@dataclass(frozen=True)
class Coded:
    """Texts as numbers.

    Attributes:
        codes: int32 (n,), places in `levels`; -1 for a missing value.
        levels: different texts. Their order, and whether each is used, means nothing.
    """

    codes: Array
    levels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, rows: Array) -> Coded:
        """The values of some rows."""
        return Coded(self.codes[rows], self.levels)

    def texts(self) -> list[str | None]:
        """The values themselves, None for missing ones."""
        known = (*self.levels, None)
        return [known[code] for code in self.codes.tolist()]

    def codes_in(self, levels: Sequence[str], unknown: int = -2) -> Array:
        """The values as places in other levels, as training had them; -1 for missing.

        Args:
            levels: different texts.
            unknown: what a text has that is none of them.
        """
        places = {level: place for place, level in enumerate(levels)}
        table = np.asarray([*(places.get(level, unknown) for level in self.levels), -1], dtype=np.int32)
        return np.asarray(table[self.codes])


ColumnValues = Array | Coded
"""A column: float64 (n,) of numbers or times, or coded texts."""


@dataclass(frozen=True)
class Field:
    """One column that a model reads.

    Attributes:
        name: of the column.
        kind: one of `KINDS`.
        type: one of `TYPES`: decides how texts of a file are read (``1.0`` is ``1`` in a category of integers).
        missing: whether training had missing values; None where nobody looked.
        low: smallest number or time (seconds since 1970 UTC) of training; None where there was none.
        high: largest one.
        levels: a category's texts in training, where they are few enough to list; None otherwise.
        distinct: how many different values training had; None where nobody counted.
        optional: true where rows without the column are read as if all of its values were missing.
        written: ``text`` where the values were texts though `type` says something else, such as dates of a CSV; None
            where they were not, and in models of earlier releases, which did not say.
    """

    name: str
    kind: str
    type: str = "string"
    missing: bool | None = None
    low: float | None = None
    high: float | None = None
    levels: tuple[str, ...] | None = None
    distinct: int | None = None
    optional: bool | None = None
    written: str | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise SchemaError(f"column {self.name!r} has the kind {self.kind!r} (allowed: {', '.join(KINDS)})")
        if self.type not in TYPES:
            raise SchemaError(f"column {self.name!r} has the type {self.type!r} (allowed: {', '.join(TYPES)})")

    def to_json(self) -> dict[str, Any]:
        """As plain data; what is not known is left out."""
        found = {name: getattr(self, name) for name in _PLAIN}
        if self.levels is not None:
            found["levels"] = list(self.levels)
        return {name: value for name, value in found.items() if value is not None}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Field:
        """From what `to_json` gave; members of later releases are passed over."""
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        if known.get("levels") is not None:
            known["levels"] = tuple(known["levels"])
        return cls(**known)


class Frame:
    """Columns of equal length, by name.

    Attributes:
        n: how many rows.
        columns: name → float64 (n,) or `Coded`, in the schema's order.
        usable: whether its numbers are known to be as features take them (`features.base.usable`).
    """

    __slots__ = ("columns", "n", "usable")

    def __init__(self, n: int, columns: Mapping[str, ColumnValues], usable: bool = False) -> None:
        self.n, self.usable = n, usable
        self.columns: dict[str, ColumnValues] = dict(columns)
        for name, column in self.columns.items():
            if len(column) != n:
                raise SchemaError(f"column {name!r} has {len(column)} values, the frame has {n} rows")

    def __len__(self) -> int:
        return self.n

    def numbers(self, name: str) -> Array:
        """A column of numbers or times.

        Raises:
            SchemaError: there is none of this name, or it is one of texts.
        """
        column = self._column(name)
        if isinstance(column, Coded):
            raise SchemaError(f"column {name!r} holds texts, not numbers")
        return column

    def coded(self, name: str) -> Coded:
        """A column of a category or a text.

        Raises:
            SchemaError: there is none of this name, or it is one of numbers.
        """
        column = self._column(name)
        if not isinstance(column, Coded):
            raise SchemaError(f"column {name!r} holds numbers, not texts")
        return column

    def take(self, rows: Any) -> Frame:
        """Some rows, by place or by a mask (n,) of booleans, in the order given."""
        places = np.asarray(rows)
        if places.dtype == bool:
            places = np.flatnonzero(places)
        elif places.size == 0:
            places = places.astype(np.int64)
        taken = {
            name: column.take(places) if isinstance(column, Coded) else column[places]
            for name, column in self.columns.items()
        }
        return Frame(len(places), taken, self.usable)

    def select(self, names: Iterable[str]) -> Frame:
        """Some columns, in the order given."""
        return Frame(self.n, {name: self._column(name) for name in names}, self.usable)

    def _column(self, name: str) -> ColumnValues:
        try:
            return self.columns[name]
        except KeyError:
            raise SchemaError(f"there is no column {name!r}{nearest(name, self.columns)}") from None


class Schema:
    """Fields in their order, each name once."""

    def __init__(self, fields: Iterable[Field]) -> None:
        self.fields = tuple(fields)
        self._by_name = {field.name: field for field in self.fields}
        if len(self._by_name) != len(self.fields):
            names = [field.name for field in self.fields]
            twice = next(name for name in names if names.count(name) > 1)
            raise SchemaError(f"the schema has {twice!r} twice")

    def __len__(self) -> int:
        return len(self.fields)

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __contains__(self, name: object) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Field:
        return self._by_name[name]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self.fields == other.fields

    def __hash__(self) -> int:
        return hash(self.fields)

    def __repr__(self) -> str:
        return f"Schema({list(self.fields)!r})"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the fields."""
        return tuple(self._by_name)

    def select(self, names: Iterable[str]) -> Schema:
        """Some fields, in the order given."""
        return Schema(self._by_name[name] for name in names)

    def to_json(self) -> list[dict[str, Any]]:
        """As plain data."""
        return [field.to_json() for field in self.fields]

    @classmethod
    def from_json(cls, data: Iterable[Mapping[str, Any]]) -> Schema:
        """From what `to_json` gave."""
        return cls(Field.from_json(each) for each in data)

    def read(self, source: Any) -> Frame:
        """Rows of any kind that `sources.source_of` knows, as a frame of this schema's columns.

        Columns are found by name and other columns passed over. Levels of a category that training had not are new
        levels of the frame. Of a field that is optional the rows, or some of them, need no column: it is missing
        then. A frame is given back with these columns alone.

        Raises:
            SchemaError: the rows lack a column or have it twice, or a value can't be read as its column's kind.
        """
        if isinstance(source, Frame):
            return source.select(self.names)
        try:
            rows = source_of(source)
        except SchemaError:
            raise
        except ValueError as error:
            raise SchemaError(str(error)) from None
        if rows.rows == 0 and not rows.names:  # an empty list of rows names no columns
            return Frame(0, {field.name: _all_missing(field, 0) for field in self})
        present = set(rows.names)
        for field in self.fields:
            if field.name not in present and not field.optional:
                raise SchemaError(f"the rows have no column {field.name!r}{nearest(field.name, rows.names)}")
            if rows.names.count(field.name) > 1:
                raise SchemaError(f"the rows have the column {field.name!r} {rows.names.count(field.name)} times")
        try:
            return Frame(rows.rows, {
                field.name: _all_missing(field, rows.rows) if field.name not in present
                else read_column(rows.sparse(field.name) if field.optional else rows.column(field.name), field)
                for field in self.fields
            })  # fmt: skip
        except SchemaError:
            raise
        except ValueError as error:
            raise SchemaError(str(error)) from None


def read_column(column: Column, field: Field) -> ColumnValues:
    """One column of a source as the kind that a field has.

    Raises:
        SchemaError: a value can't be read as this kind.
    """
    try:
        if field.kind == "number":
            return column.numbers()
        if field.kind == "time":
            return column.seconds()
        codes, levels = column.coded()
    except UnreadableValue as error:
        wanted = "number" if field.kind == "number" else "time (ISO 8601, such as 2026-11-29T10:00:00Z)"
        raise SchemaError(f"column {field.name!r}, row {error.row}: {error.value!r} is no {wanted}") from None
    if field.kind == "category" and field.type in ("integer", "number", "boolean") and column.type == "string":
        return _merged(codes, [typed_text(level, field.type) for level in levels])
    return Coded(codes, levels)


def _all_missing(field: Field, count: int) -> ColumnValues:
    """A column without any value."""
    return Coded(np.full(count, -1, np.int32), ()) if _is_coded(field) else np.full(count, np.nan)


def _is_coded(field: Field) -> bool:
    return field.kind in ("category", "text")


def _merged(codes: Array, levels: list[str | None]) -> Coded:
    """Codes into texts that may repeat, or be missing, as codes into different ones."""
    places: dict[str, int] = {}
    new = [-1 if level is None else places.setdefault(level, len(places)) for level in levels]
    return Coded(np.asarray([*new, -1], dtype=np.int32)[codes], tuple(places))


def nearest(name: str, allowed: Iterable[str]) -> str:
    """What to say of a column that is not there: the nearest that is."""
    names = list(dict.fromkeys(allowed))
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    listed = ", ".join(names[:20]) + (f", … {len(names)} in all" if len(names) > 20 else "")
    return (f"; did you mean {close[0]!r}?" if close else "") + f" (there are: {listed})"
