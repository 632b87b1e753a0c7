"""A data set read piece by piece: Parquet, Arrow and csv files, of which never more than a piece is in memory.

A table of MaxCompute comes through the tunnel once, into a Parquet file of this process: every pass has to see the same
rows in the same order, and the table may be written to in between.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_core.data.access import NOT_READ, DataError, FromEnvironment
from automl_core.data.csv_files import delimiter_of
from automl_core.data.listing import list_place
from automl_core.data.parquet_files import opened, plain_batch, plain_schema
from automl_core.data.table_copies import copy_of
from automl_core.data.written import as_text
from automl_core.spec.places import DataPlace, format_of, parse_place
from automl_core.training.problems import TrainingError, say

if TYPE_CHECKING:
    import pyarrow as pa

    from automl_core.data.odps_tables import OdpsRows

ROWS = 65_536
"""Rows a piece."""

GUESSED = 4_000_000
"""Bytes of a csv file by which its columns' types are decided, and its rows estimated."""

ARROW = (".arrow", ".feather", ".ipc")


class NotInPieces(TrainingError):
    """A source that can't be read piece by piece: why, and what can."""


@dataclass(frozen=True)
class Pieces:
    """Files of one format.

    Attributes:
        kind: ``parquet``, ``arrow``, ``csv`` or ``table``.
        files: paths, in the order of their names; none of a table.
        delimiter: of csv.
        table: of MaxCompute.
    """

    kind: str
    files: tuple[Path, ...]
    delimiter: str = ","
    table: DataPlace | None = None

    @classmethod
    def of(cls, source: Any) -> Pieces:
        """The files of a place.

        Args:
            source: a path, a folder, a pattern.

        Raises:
            NotInPieces: rows that are in memory already, a bucket, or a format that has to be read whole.
        """
        if not isinstance(source, str | os.PathLike):
            raise NotInPieces(f"rows that lie in memory ({type(source).__name__}) can't be read in pieces; give a file")
        if str(source).endswith(ARROW):
            return cls("arrow", (Path(source),))
        where = parse_place(os.fspath(source))
        if where.is_table:
            copy = copy_of(where)
            if copy is not None:
                return cls("parquet", (copy,))
            return cls("table", (), table=where)
        if where.in_bucket:
            raise NotInPieces(f"{source}: only files of this machine are read in pieces; copy them here first")
        try:
            listing = list_place(where, Path.cwd(), FromEnvironment())
        except DataError as error:
            raise NotInPieces(str(error)) from None
        formats = {format_of(each.name) for each in listing.files}
        if len(formats) != 1:
            raise NotInPieces(f"{source}: files of several formats can't be read in pieces")
        kind, compression = formats.pop()
        files = tuple(Path(listing.key(each)) for each in listing.files)
        if kind == "parquet" and compression is None:
            return cls("parquet", files)
        if kind in ("csv", "tsv") and compression is None:
            return cls("csv", files, "\t" if kind == "tsv" else _delimiter(files[0]))
        told = f"{kind}.{compression}" if compression else str(kind)
        raise NotInPieces(f"{source}: {told} is read whole; Parquet, Arrow and plain csv can be read in pieces")

    @property
    def bytes(self) -> int:
        """Of all files."""
        if self.table is not None:
            return self._copy().bytes
        return sum(path.stat().st_size for path in self.files)

    def names(self) -> list[str]:
        """Columns, in their order."""
        return list(self.schema().names)

    def schema(self) -> pa.Schema:
        """Columns with their types; of csv by the file's beginning."""
        import pyarrow as pa

        if self.table is not None:
            with _opened_table(self.table) as rows:
                return rows.schema
        if self.kind == "parquet":
            with opened(self.files[0]) as file:
                return plain_schema(file.schema_arrow)
        if self.kind == "arrow":
            with pa.memory_map(str(self.files[0])) as file:
                return plain_schema(pa.ipc.open_file(file).schema)
        return self._beginning().schema

    def rows(self) -> tuple[int, bool]:
        """How many rows there are, and whether that is exact (of csv it is an estimate)."""
        import pyarrow as pa
        from pyarrow import parquet

        if self.table is not None:
            with _opened_table(self.table) as opened:
                return opened.count, True
        if self.kind == "parquet":
            return sum(parquet.read_metadata(path).num_rows for path in self.files), True
        if self.kind == "arrow":
            with pa.memory_map(str(self.files[0])) as file:
                reader = pa.ipc.open_file(file)
                return sum(reader.get_batch(place).num_rows for place in range(reader.num_record_batches)), True
        beginning = self._beginning()
        looked = min(self.files[0].stat().st_size, GUESSED)
        return max(round(beginning.num_rows * self.bytes / max(looked, 1)), beginning.num_rows), False

    def read(self, columns: Sequence[str] | None = None, rows: int = ROWS) -> Iterator[pa.RecordBatch]:
        """Pieces, one after the other, on this thread alone.

        Args:
            columns: those that are wanted; all when None.
            rows: a piece, at most.

        Raises:
            TrainingError: a file can't be read on; says which, and where it stopped.
        """
        import pyarrow as pa

        if self.table is not None:
            yield from self._copy().read(columns, rows)
            return
        seen = 0
        for path in self.files:
            try:
                with self._opened(path, columns, rows) as batches:
                    for batch in batches:
                        for start in range(0, batch.num_rows, rows):
                            piece = plain_batch(batch.slice(start, rows))
                            seen += piece.num_rows
                            yield piece
            except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
                raise TrainingError(f"{path}: can't be read on after {seen:,} rows: {error}") from None

    @contextmanager
    def _opened(self, path: Path, columns: Sequence[str] | None, rows: int) -> Iterator[Iterator[pa.RecordBatch]]:
        import pyarrow as pa
        from pyarrow import csv

        if self.kind == "parquet":
            with opened(path, pre_buffer=False) as file:
                wanted = list(columns) if columns is not None else None
                yield file.iter_batches(batch_size=rows, columns=wanted, use_threads=False)
        elif self.kind == "arrow":
            with pa.memory_map(str(path)) as mapped:
                reader = pa.ipc.open_file(mapped)
                each = (reader.get_batch(place) for place in range(reader.num_record_batches))
                yield each if columns is None else (batch.select(list(columns)) for batch in each)
        else:
            types = {field.name: field.type for field in self._beginning().schema}
            # a column that begins with whole numbers may go on with others
            types = {name: pa.float64() if pa.types.is_integer(kind) else kind for name, kind in types.items()}
            types = {name: pa.string() if pa.types.is_null(kind) else kind for name, kind in types.items()}
            with csv.open_csv(
                path,
                read_options=csv.ReadOptions(use_threads=False, block_size=4 << 20),
                parse_options=csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
                convert_options=csv.ConvertOptions(
                    column_types=types, include_columns=list(columns) if columns is not None else None,
                    strings_can_be_null=True,
                ),
            ) as reader:  # fmt: skip
                written = pa.schema([as_text(field) for field in reader.schema])
                yield (pa.RecordBatch.from_arrays(batch.columns, schema=written) for batch in reader)

    def _copy(self) -> Pieces:
        """The rows of a table as a file of this process.

        Raises:
            TrainingError: they can't be read, or there is no room for them.
        """
        assert self.table is not None
        if self.table.text not in _COPIES:
            _COPIES[self.table.text] = _copy_of(self.table)
        return Pieces("parquet", (_COPIES[self.table.text] / COPY,))

    def _beginning(self) -> pa.Table:
        import io

        from pyarrow import csv

        with self.files[0].open("rb") as file:
            head = file.read(GUESSED)
        whole = head if len(head) < GUESSED else head[: head.rfind(b"\n") + 1]
        return csv.read_csv(
            io.BytesIO(whole),
            read_options=csv.ReadOptions(use_threads=False),
            parse_options=csv.ParseOptions(delimiter=self.delimiter, newlines_in_values=True),
            convert_options=csv.ConvertOptions(strings_can_be_null=True),
        )


def _delimiter(path: Path) -> str:
    """What stands between a csv's values, as where such a file is read whole."""
    with path.open("rb") as file:
        return delimiter_of(file.readline(GUESSED).decode("utf-8", "replace"))


COPY = "rows.parquet"

_COPIES: dict[str, Path] = {}
"""Place of a table → folder of its rows, as this process has read them; removed as it ends."""


@contextmanager
def _opened_table(place: DataPlace) -> Iterator[OdpsRows]:
    from automl_core.data.odps_tables import open_rows

    try:
        with open_rows(place, FromEnvironment()) as rows:
            yield rows
    except NOT_READ as error:
        raise TrainingError(str(error)) from None


def _copy_of(place: DataPlace) -> Path:
    from pyarrow import parquet

    folder = Path(tempfile.mkdtemp(prefix="automl-rows-"))
    atexit.register(_remove, folder, os.getpid())
    try:
        with _opened_table(place) as rows, parquet.ParquetWriter(folder / COPY, rows.schema) as writer:
            say(f"{place.text}: {rows.count:,} rows are read into {folder}")
            for piece in rows.read(rows=ROWS):
                writer.write_batch(piece)
    except OSError as error:
        _remove(folder, os.getpid())
        raise TrainingError(f"{place.text} can't be kept in {folder}: {error.strerror or error}") from None
    except TrainingError:
        _remove(folder, os.getpid())
        raise
    return folder


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # not in what was forked from it
        shutil.rmtree(folder, ignore_errors=True)
