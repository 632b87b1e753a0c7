"""Files of rows in pieces, and files of predictions: CSV by the standard library, parquet by PyArrow, lines of JSON."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from automl_core.modelfile.scoring.csv_rows import PIECE
from automl_core.modelfile.scoring.csv_rows import pieces as csv_pieces

Table = Mapping[str, Sequence[Any]]

PARQUET = (".parquet", ".pq")
JSON_LINES = (".jsonl", ".ndjson")

INT96 = "us"
"""As `automl_core.data.parquet_files.INT96`: the same times as in training."""


def pieces(path: Path, wanted: Sequence[str], rows: int = PIECE, optional: Collection[str] = ()) -> Iterator[Any]:
    """A file's columns some rows at a time, each piece as `scoring.sources.source_of` takes it.

    Args:
        path: by its ending parquet, lines of JSON (objects), or CSV; CSV and JSON may be packed by gzip (.gz).
        wanted: names of the columns to read; all are where one of them is not there.
        rows: of a piece.
        optional: names of which none need be there.

    Raises:
        OSError, ValueError: the file can't be read.
        ImportError: a parquet file, and no PyArrow.
    """
    name = path.name.lower().removesuffix(".gz")
    if name.endswith(PARQUET):
        yield from _parquet(path, wanted, rows, optional)
    elif name.endswith(JSON_LINES):
        yield from _json_lines(path, rows)
    else:
        yield from csv_pieces(path, wanted, rows, optional)


def _parquet(path: Path, wanted: Sequence[str], rows: int, optional: Collection[str]) -> Iterator[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # what is read ahead stays in memory until the file is closed (PyArrow 26.0.1): all of it, in the end
        with pq.ParquetFile(path, pre_buffer=False, coerce_int96_timestamp_unit=INT96) as file:
            names = file.schema_arrow.names
            empty = True
            enough = set(wanted) - set(optional) <= set(names)
            for batch in file.iter_batches(rows, columns=sorted(set(wanted) & set(names)) if enough else names):
                empty = False
                yield batch
            if empty:
                yield file.schema_arrow.empty_table()
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} is no parquet file that can be read: {error}") from None


def _json_lines(path: Path, rows: int) -> Iterator[list[dict[str, Any]]]:
    opener: Callable[..., IO[str]] = gzip.open if path.name.endswith(".gz") else open
    held: list[dict[str, Any]] = []
    some = False
    with opener(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except ValueError as error:
                raise ValueError(f"{path}, line {number}: no JSON: {error}") from None
            if not isinstance(row, dict):
                raise ValueError(f"{path}, line {number}: no object of a row's columns")
            held.append(row)
            if len(held) == rows:
                some = True
                yield held
                held = []
    if held or not some:
        yield held


Write = Callable[[Mapping[str, Sequence[Any]]], None]


@contextmanager
def writer(path: Path | None, stream: IO[str]) -> Iterator[Write]:
    """What writes tables one after the other into one file; the first one names the columns.

    The file appears at its place when all is written.

    Args:
        path: parquet by its ending, else CSV; None for CSV on ``stream``.
        stream: standard output.

    Raises:
        ImportError: a parquet file, and no PyArrow.
    """
    if path is None:
        yield _csv_writer(stream)
        return
    unfinished = path.with_name(f".{path.name}.part")
    try:
        if path.name.lower().endswith(PARQUET):
            with _parquet_writer(unfinished) as write:
                yield write
        else:
            with unfinished.open("w", encoding="utf-8", newline="") as file:
                yield _csv_writer(file)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _csv_writer(file: IO[str]) -> Write:
    from automl_core.modelfile.scoring.texts import text_of

    out = csv.writer(file, lineterminator="\n")
    named = False

    def texts(values: Iterable[Any]) -> Iterator[str]:
        return (text_of(value) or "" for value in values)

    def write(table: Mapping[str, Sequence[Any]]) -> None:
        nonlocal named
        if not named:
            out.writerow(table)
            named = True
        out.writerows(zip(*map(texts, table.values()), strict=True))

    return write


@contextmanager
def _parquet_writer(path: Path) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    held: list[Any] = []

    def write(table: Mapping[str, Sequence[Any]]) -> None:
        found = pa.table({name: pa.array(values) for name, values in table.items()})
        if not held:
            held.append(pq.ParquetWriter(path, found.schema))
        held[0].write_table(found.cast(held[0].schema))

    try:
        yield write
    finally:
        for each in held:
            each.close()
