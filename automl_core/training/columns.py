"""Columns of a table as numbers: learned from the rows to learn from, kept as JSON, applied to any rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from automl_core.training.problems import TrainingError, nearest, say

if TYPE_CHECKING:
    import pyarrow as pa

MANY = 1000
"""Categories of one column from which on it looks like an identifier."""


@dataclass(frozen=True)
class Column:
    """One feature.

    Attributes:
        name: its name in the table.
        kind: ``number`` or ``category``.
        type: its type in the table that was learned from, as PyArrow calls it.
        categories: the values that were seen, in order; empty for a number.
    """

    name: str
    kind: str
    type: str
    categories: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """What model.json keeps of it."""
        told: dict[str, Any] = {"name": self.name, "kind": self.kind, "type": self.type}
        return {**told, "categories": list(self.categories)} if self.kind == "category" else told

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Column:
        """Read what `as_json` gave."""
        return cls(told["name"], told["kind"], told["type"], tuple(told.get("categories", ())))


class Columns(Sequence[Column]):
    """All features, in order."""

    def __init__(self, columns: Iterable[Column]) -> None:
        self._columns = tuple(columns)

    def __getitem__(self, index: Any) -> Any:
        return self._columns[index]

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def names(self) -> list[str]:
        """Their names."""
        return [column.name for column in self._columns]

    def positions(self, kind: str) -> list[int]:
        """Where the columns of a kind stand."""
        return [index for index, column in enumerate(self._columns) if column.kind == kind]

    @classmethod
    def learn(cls, table: pa.Table, names: Iterable[str], categorical: Iterable[str] = ()) -> Columns:
        """What a table's columns are; a column without any value is left out, and said.

        Args:
            table: the rows to learn from, and no others.
            names: the features.
            categorical: those of them that are categories though they look like numbers.

        Raises:
            TrainingError: there is no such column, a column is neither number nor text, or none is left.
        """
        wanted, forced = list(names), set(categorical)
        for name in [*wanted, *sorted(forced)]:
            _existing(table, name)
        found = []
        for name in wanted:
            column = _learn(name, table.column(name), name in forced)
            if column is None:
                say(f"column {name!r} has no value in the rows to learn from: left out")
            else:
                found.append(column)
        if not found:
            raise TrainingError("there is no column to learn from")
        return cls(found)

    def encode(self, table: pa.Table) -> NDArray[np.float64]:
        """(rows, columns): numbers as they are, categories by their position, NaN for what is missing or was not seen.

        Raises:
            TrainingError: a column is missing, or is no number where numbers were learned.
        """
        matrix = np.empty((table.num_rows, len(self)), dtype=np.float64, order="F")
        for index, column in enumerate(self._columns):
            _existing(table, column.name)
            values = table.column(column.name)
            if column.kind == "category":
                matrix[:, index] = _positions(values, column.categories)
            else:
                matrix[:, index] = numbers(values, column.name)
        return matrix

    def as_json(self) -> list[dict[str, Any]]:
        """What model.json keeps of them."""
        return [column.as_json() for column in self._columns]

    @classmethod
    def from_json(cls, told: list[dict[str, Any]]) -> Columns:
        """Read what `as_json` gave."""
        return cls(Column.from_json(each) for each in told)


def texts(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Any column as text: whole numbers without a point, text letter for letter."""
    import pyarrow as pa

    return values.cast(pa.string())


def numbers(values: pa.ChunkedArray, name: str) -> NDArray[np.float64]:
    """A column as numbers; times as seconds since 1970, what is missing or infinite as NaN.

    Raises:
        TrainingError: it has text that is no number.
    """
    import pyarrow as pa

    kind = values.type
    try:
        if pa.types.is_date(kind):
            values = values.cast(pa.timestamp("s")).cast(pa.int64())
        elif pa.types.is_timestamp(kind) or pa.types.is_duration(kind) or pa.types.is_time(kind):
            per_second = {"s": 1, "ms": 1e3, "us": 1e6, "ns": 1e9}[kind.unit]
            whole = values.cast(pa.int32() if kind.bit_width == 32 else pa.int64())
            return _floats(whole) / per_second
        elif pa.types.is_boolean(kind):
            values = values.cast(pa.uint8())
        return _floats(values)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise TrainingError(f"column {name!r} is {kind}, and its values are no numbers: {error}") from None


def _floats(values: pa.ChunkedArray) -> NDArray[np.float64]:
    import pyarrow as pa

    array: NDArray[np.float64] = np.array(values.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64)
    array[~np.isfinite(array)] = np.nan
    return array


def _learn(name: str, values: pa.ChunkedArray, forced: bool) -> Column | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = values.type
    if values.null_count == len(values):
        return None
    if forced or is_text(kind):
        seen = sorted(pc.unique(texts(values).drop_null()).to_pylist())
        if len(seen) > MANY:
            say(
                f"column {name!r} has {len(seen)} different values: an identifier is better left out (columns.features)"
            )
        return Column(name, "category", str(kind), tuple(seen))
    if not (
        pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind) or
        pa.types.is_boolean(kind) or pa.types.is_temporal(kind)
    ):  # fmt: skip
        raise TrainingError(
            f"column {name!r} is {kind}: numbers, text, times and booleans can be learned from; columns.features names "
            "those to take"
        )
    if np.isnan(numbers(values, name)).all():
        return None
    return Column(name, "number", str(kind))


def is_text(kind: pa.DataType) -> bool:
    """Whether a type's values are text, dictionaries of text included."""
    import pyarrow as pa

    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_string_view(inner))


def _positions(values: pa.ChunkedArray, categories: Sequence[str]) -> NDArray[np.float64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    found = pc.index_in(texts(values), value_set=pa.array(categories, pa.string()), skip_nulls=True)
    return np.asarray(found.cast(pa.float64()).to_numpy(), dtype=np.float64)


def _existing(table: pa.Table, name: str) -> None:
    if name not in table.column_names:
        raise TrainingError(f"there is no column {name!r}{nearest(name, table.column_names)}")
