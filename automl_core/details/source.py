"""A file of predictions, Parquet or CSV, read a piece at a time: as much memory as a few columns of a piece."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from automl_core.details import BadPredictions

ID, TRUTH, PREDICTION, SCORE, WEIGHT = "id", "truth", "prediction", "score", "weight"
PER_CLASS = "score_"
"""How the name of a column begins that has the score of one class."""

INDEX = "__index_level_0__"
"""A frame's index as pandas writes it into Parquet: the id, where there is no other."""

PIECE = 65_536
"""Rows read at once."""

MOST_COLUMNS = 40
"""Further columns that are shown of a row at most."""

LONGEST = 200
"""Characters of a text that are shown."""

EXACT = 2**53
"""Above it JSON's readers lose digits of a whole number."""


class Predictions:
    """An open file.

    Attributes:
        name: of the file, for people.
        schema: names and types of its columns.
        text: whether every column is text (CSV): what is a number shows itself.
    """

    def __init__(self, path: Path) -> None:
        """Open and look at the columns.

        Raises:
            BadPredictions: it can't be read, or lacks what it must have.
        """
        self.path, self.name, self.text = path, path.name, path.suffix == ".csv"
        self._file: Any = None
        try:
            if self.text:
                with pacsv.open_csv(path, **self._options(None)) as reader:
                    self.schema: pa.Schema = reader.schema
            else:
                self._file = pq.ParquetFile(path, pre_buffer=False)
                self.schema = self._file.schema_arrow
        except (pa.ArrowException, OSError) as error:
            raise BadPredictions(f"{self.name} can't be read: {_first_line(error)}") from None
        names = self.schema.names
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise BadPredictions(f"{self.name} has several columns of the name {', '.join(twice)}")
        missing = [name for name in (TRUTH, PREDICTION) if name not in names]
        if missing:
            raise BadPredictions(
                f"{self.name} has no column {' and no column '.join(missing)}; it has {_listed(names)}. Wanted are "
                f"{TRUTH} and {PREDICTION}, and if there are any {ID}, {SCORE}, {PER_CLASS}<class> and {WEIGHT}"
            )

    @property
    def id_column(self) -> str | None:
        """The column with the rows' ids, None where rows have but their place."""
        return next((name for name in (ID, INDEX) if name in self.schema.names), None)

    @property
    def class_scores(self) -> dict[str, str]:
        """Class, as the name of its column says it → that column."""
        return {name.removeprefix(PER_CLASS): name for name in self.schema.names if name.startswith(PER_CLASS)}

    @property
    def others(self) -> list[str]:
        """Columns that are the rows' own values."""
        own = {ID, TRUTH, PREDICTION, SCORE, WEIGHT, INDEX, *self.class_scores.values()}
        return [name for name in self.schema.names if name not in own]

    def pieces(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """All rows of some columns, a piece at a time, in their order.

        Raises:
            BadPredictions: the file is damaged.
        """
        try:
            if self._file is not None:
                for piece in self._file.iter_batches(batch_size=PIECE, columns=list(columns)):
                    yield piece.select(list(columns))
                return
            with pacsv.open_csv(self.path, **self._options(columns)) as reader:
                yield from reader
        except (pa.ArrowException, OSError) as error:
            raise BadPredictions(f"{self.name} can't be read to its end: {_first_line(error)}") from None

    def rows(self, wanted: Sequence[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
        """Some rows as JSON has them, by their places.

        Args:
            wanted: places, from 0, in ascending order.
            columns: which columns.

        Raises:
            BadPredictions: the file is damaged.
        """
        found: dict[int, dict[str, Any]] = {}
        if not wanted or not columns:
            return {place: {} for place in wanted}
        start, left = 0, list(reversed(wanted))
        for piece in self.pieces(columns):
            here = []
            while left and left[-1] < start + piece.num_rows:
                here.append(left.pop())
            if here:
                taken = piece.take(pa.array([place - start for place in here], pa.int64()))
                found |= zip(here, _listed_rows(taken), strict=True)
            start += piece.num_rows
            if not left:
                break
        return found

    def _options(self, columns: Sequence[str] | None) -> dict[str, Any]:
        """How CSV is read: everything as the text that stands there, "01" and "NA" too; nothing at all is missing."""
        names = list(columns) if columns is not None else self._header()
        return {
            "read_options": pacsv.ReadOptions(block_size=4 << 20),
            "parse_options": pacsv.ParseOptions(newlines_in_values=True),
            "convert_options": pacsv.ConvertOptions(
                column_types={name: pa.string() for name in names}, include_columns=names,
                strings_can_be_null=True, quoted_strings_can_be_null=False, null_values=[""],
            ),
        }  # fmt: skip

    def _header(self) -> list[str]:
        with pacsv.open_csv(self.path, parse_options=pacsv.ParseOptions(newlines_in_values=True)) as reader:
            return list(reader.schema.names)


def as_id(value: Any) -> str | None:
    """An id as text: as a number it would lose digits on its way to a browser."""
    return None if value is None else _cut(str(value))


def _listed_rows(piece: pa.RecordBatch) -> list[dict[str, Any]]:
    columns = {name: column.to_pylist() for name, column in zip(piece.schema.names, piece.columns, strict=True)}
    return [{name: as_json(values[k]) for name, values in columns.items()} for k in range(piece.num_rows)]


def as_json(value: Any) -> Any:
    """A cell as JSON has it: bounded, and a number only where JSON's readers keep all its digits."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) <= EXACT else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, bytes):
        return f"{len(value)} bytes"
    if isinstance(value, list | dict | tuple):
        return _cut(json.dumps(value, ensure_ascii=False, default=str))
    return _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _first_line(error: Exception) -> str:
    return _cut(str(error).strip().split("\n", 1)[0])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "") if names else "none"
