"""Files of predictions: the same bytes for the same rows, seen by nobody before they are whole."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from automl_core.spec.places import format_of

FILE = "predictions.parquet"
"""What the file is called where `out` is a folder."""

ALLOWED = ".csv, .parquet, .jsonl (csv and jsonl also with .gz behind it), or a folder, which ends with '/'"


class CantWrite(ValueError):
    """Predictions that can't be written as asked. The message says which column or place, and what is allowed."""


class Write(Protocol):
    """Writes a table behind the one before it; the first one names the columns."""

    def __call__(self, table: Mapping[str, Any], rows: int) -> None:
        """Write.

        Args:
            table: column → values (a sequence, a numpy array or one of PyArrow), or a single value for all rows.
            rows: how many.
        """


def file_name(out: str) -> str:
    """The place of the file that a place of predictions stands for.

    Args:
        out: with its dates filled in.

    Raises:
        CantWrite: its ending says no format that can be written.
    """
    if out.endswith("/"):
        return out + FILE
    kind, packed = format_of(out)
    if kind in ("csv", "jsonl") and packed in (None, "gz") and not out.endswith(".json"):
        return out
    if kind == "parquet" and packed is None:
        return out
    raise CantWrite(f"out: {out} does not say in which format predictions are written; allowed: {ALLOWED}")


@contextmanager
def writer(path: Path) -> Iterator[Write]:
    """What writes a file, by its ending.

    Args:
        path: of a file that is not there yet; who calls moves it to its place.

    Raises:
        CantWrite: a value that the format can't hold.
        ImportError: a parquet file, and no PyArrow.
    """
    kind, packed = format_of(path.name)
    if kind == "parquet":
        with _parquet(path) as write:
            yield write
        return
    with path.open("wb") as raw:
        # no time and no name in the header: a retry writes the same bytes
        packer = gzip.GzipFile("", "wb", 6, raw, mtime=0) if packed == "gz" else None
        stream = io.TextIOWrapper(packer or raw, encoding="utf-8", newline="", write_through=False)
        try:
            yield _csv(stream) if kind == "csv" else _json_lines(stream)
        finally:
            stream.flush()
            stream.detach()
            if packer is not None:
                packer.close()


def _listed(values: Any, rows: int) -> Sequence[Any]:
    """A column's values as Python's own, one for each row."""
    for name in ("to_pylist", "tolist"):
        if hasattr(values, name):
            found: Sequence[Any] = getattr(values, name)()
            return found
    if isinstance(values, (list, tuple)):
        return values
    return [values] * rows


def _csv(stream: IO[str]) -> Write:
    from automl_core.modelfile.scoring.texts import text_of

    out = csv.writer(stream, lineterminator="\n")
    named = False

    def texts(values: Sequence[Any]) -> Iterator[str]:
        return (value if type(value) is str else text_of(value) or "" for value in values)

    def write(table: Mapping[str, Any], rows: int) -> None:
        nonlocal named
        if not named:
            out.writerow(table)
            named = True
        columns = []
        for values in table.values():
            if isinstance(values, (str, int, float)):
                columns.append(iter([text_of(values) or ""] * rows))
            else:
                columns.append(texts(_listed(values, rows)))
        out.writerows(zip(*columns, strict=True))

    return write


def _json_lines(stream: IO[str]) -> Write:
    def write(table: Mapping[str, Any], rows: int) -> None:
        names = list(table)
        for row in zip(*(_listed(values, rows) for values in table.values()), strict=True):
            plain = {name: _plain(value) for name, value in zip(names, row, strict=True)}
            stream.write(json.dumps(plain, ensure_ascii=False, allow_nan=False, separators=(",", ":")) + "\n")

    return write


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, int, float, bool, list, dict)):
        return value
    from automl_core.modelfile.scoring.texts import text_of

    return text_of(value)


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    held: list[Any] = []

    def write(table: Mapping[str, Any], rows: int) -> None:
        found = pa.table({name: _array(name, values, rows) for name, values in table.items()})
        if not held:
            fields = [pa.field(each.name, pa.string() if pa.types.is_null(each.type) else each.type)
                      for each in found.schema]  # fmt: skip
            held.append(pq.ParquetWriter(path, pa.schema(fields)))
        held[0].write_table(_cast(found, held[0].schema))

    try:
        yield write
    finally:
        for each in held:
            each.close()


def _array(name: str, values: Any, rows: int) -> Any:
    import pyarrow as pa

    if isinstance(values, (str, int, float)):
        return pa.repeat(pa.scalar(values), rows)
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values.cast(values.type.value_type) if pa.types.is_dictionary(values.type) else values
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise CantWrite(f"column {name!r} has values of several types ({error}): write .csv or .jsonl") from None


def _cast(table: Any, schema: Any) -> Any:
    """A later piece with the types of the first one."""
    import pyarrow as pa

    try:
        return table.cast(schema)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, ValueError) as error:
        raise CantWrite(
            f"a column has other types in later rows than in the first ones ({error}): write .csv or .jsonl"
        ) from None
