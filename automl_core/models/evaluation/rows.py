"""The rows that models are measured on: columns of any kind, some of them taken, one of them replaced."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.sources import Column, UnreadableValue, column_of
from automl_core.modelfile.scoring.texts import text_of
from automl_core.modelfile.scoring.values import Coded, Frame, Schema, nearest
from automl_core.models.evaluation.options import NotEvaluated

Mask = NDArray[np.bool_]
Places = NDArray[np.intp]

LONGEST = 200
"""Characters of a text that is shown of a row."""

MOST_COLUMNS = 100
"""Columns that are shown of a row beside those that a model reads."""


class Rows:
    """Rows by columns.

    Attributes:
        n: how many.
        columns: name → values: a column of PyArrow, an array of numpy or a list.
    """

    def __init__(self, n: int, columns: Mapping[str, Any]) -> None:
        self.n, self.columns = n, dict(columns)

    @classmethod
    def of(cls, table: Any) -> Rows:
        """Rows of a table of PyArrow, a frame, a dict of columns or a list of dicts.

        Raises:
            NotEvaluated: it is none of them, or a column is there twice.
        """
        if isinstance(table, Rows):
            return table
        if hasattr(table, "column_names") and hasattr(table, "schema"):
            names = list(table.column_names)
            twice = next((name for name in names if names.count(name) > 1), None)
            if twice is not None:
                raise NotEvaluated(f"the data have the column {twice!r} {names.count(twice)} times")
            return cls(table.num_rows, {name: _plainly(table.column(name)) for name in names})
        if hasattr(table, "iloc") and hasattr(table, "columns"):
            return cls(len(table), {str(name): table.iloc[:, k] for k, name in enumerate(table.columns)})
        if isinstance(table, Mapping):
            lengths = {len(values) for values in table.values()}
            if len(lengths) > 1:
                raise NotEvaluated("the data's columns have different lengths")
            return cls(lengths.pop() if lengths else 0, {str(name): values for name, values in table.items()})
        if isinstance(table, Sequence) and not isinstance(table, (str, bytes)):
            names = list(dict.fromkeys(str(name) for row in table for name in row))
            return cls(len(table), {name: [row.get(name) for row in table] for name in names})
        if hasattr(table, "to_arrow"):
            return cls.of(table.to_arrow())
        raise NotEvaluated(f"{type(table).__name__} holds no rows that are known")

    def __len__(self) -> int:
        return self.n

    def column(self, name: str) -> Column:
        """One column, to be read.

        Raises:
            NotEvaluated: there is none; says the nearest.
        """
        if name not in self.columns:
            raise NotEvaluated(f"the data have no column {name!r}{nearest(name, self.columns)}")
        return column_of(self.columns[name])

    def coded(self, name: str) -> Coded:
        """One column as codes into its different texts.

        Raises:
            NotEvaluated: there is none.
        """
        return Coded(*self.column(name).coded())

    def take(self, places: NDArray[Any]) -> Rows:
        """Some rows, by place or by a mask."""
        at = np.flatnonzero(places) if places.dtype == bool else places
        return Rows(len(at), {name: _taken(values, at) for name, values in self.columns.items()})

    def with_column(self, name: str, values: Any) -> Rows:
        """The same with other values of one column."""
        return Rows(self.n, self.columns | {name: values})

    def value(self, name: str, place: int) -> Any:
        """One value, as Python has it."""
        value = self.columns[name]
        value = value.iloc[place] if hasattr(value, "iloc") else value[place]
        if hasattr(value, "as_py"):
            try:
                value = value.as_py()
            except ValueError:  # a time with nanoseconds, where there is no pandas
                value = str(value)
        elif isinstance(value, np.generic):
            value = value.item()
        return value

    def shown(self, place: int, first: Sequence[str] = ()) -> dict[str, Any]:
        """A row as plain JSON, long texts cut.

        Args:
            place: which.
            first: columns that stand in it whatever their number is: those that models read.
        """
        names = list(dict.fromkeys([name for name in first if name in self.columns]))
        names += [name for name in self.columns if name not in set(names)][:MOST_COLUMNS]
        return {name: _plain(self.value(name, place)) for name in names}

    def unreadable(self, schema: Schema) -> dict[str, Mask]:
        """Which rows have a value that a model can't read: column → (n,) mask; columns without such a row are left out.

        Raises:
            NotEvaluated: a column is not there.
        """
        found: dict[str, Mask] = {}
        for each in schema:
            if each.optional and each.name not in self.columns:
                continue
            column = self.column(each.name)
            if each.kind not in ("number", "time"):
                continue
            read = column_of(self.columns[each.name]).numbers if each.kind == "number" else column.seconds
            try:
                read()
            except UnreadableValue:
                found[each.name] = self._not_read(each.name, each.kind)
        return found

    def _not_read(self, name: str, kind: str) -> Mask:
        values = self.columns[name]
        codes, levels = column_of(values).coded()
        bad = np.zeros(len(levels) + 1, dtype=bool)  # the last is -1's: missing values can be read
        for k, level in enumerate(levels):
            one = column_of([level])
            try:
                one.numbers() if kind == "number" else one.seconds()
            except UnreadableValue:
                bad[k] = True
        return np.asarray(bad[codes])


def _plainly(column: Any) -> Any:
    """A column of PyArrow; one of lists or groups as Python's, since PyArrow finds no different values among these."""
    nested = ("list", "large_list", "fixed_size_list", "struct", "map")
    return column.to_pylist() if str(column.type).startswith(nested) else column


def _taken(values: Any, places: NDArray[Any]) -> Any:
    if hasattr(values, "iloc"):
        return values.iloc[places]
    if hasattr(values, "dictionary_encode") or hasattr(values, "dictionary"):
        import pyarrow as pa

        return values.take(pa.array(places, pa.int64()))
    if isinstance(values, np.ndarray):
        return values[places]
    return [values[place] for place in places.tolist()]


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= 2**53 else str(value)
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    text = text_of(value)
    return text if text is None or len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def digests(frame: Frame) -> list[str]:
    """(n,) a digest of each row as a model reads it: 16 hexadecimal digits, the same wherever the row was read from.

    A number is its shortest text, a category its level, a missing value none of them; columns stand by name, so their
    order in the data means nothing.
    """
    names = sorted(frame.columns)
    parts = [_texts(frame.columns[name]) for name in names]
    head = "\x1f".join(names)
    if not parts:
        return [hashlib.sha256(head.encode()).hexdigest()[:16]] * frame.n
    return [
        hashlib.sha256("\x1f".join((head, *row)).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        for row in zip(*parts, strict=True)
    ]


def _texts(column: Any) -> list[str]:
    if isinstance(column, Coded):
        # "\x00" before a text, so that no text is taken for a missing value
        table = [*(f"\x00{level}" for level in column.levels), ""]
        return [table[code] for code in column.codes.tolist()]
    values, codes = np.unique(column + 0.0, return_inverse=True)  # -0.0 is 0.0
    table = ["" if value != value else repr(value) for value in values.tolist()]
    return [table[code] for code in codes.tolist()]
