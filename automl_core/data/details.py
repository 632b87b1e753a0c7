"""Rows and columns of data, where they are cheap to have: Parquet's footers, a CSV's first line.

pyarrow is there where the extra ``tables`` is installed; without it nothing is known, and nothing fails.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from automl_core.spec.places import Format, format_of

Columns: TypeAlias = tuple[tuple[str, str], ...]

MOST_FOOTERS = 200
"""Files whose footers are read for one fingerprint."""

_MOST_COLUMNS = 5_000
_FIRST_LINE = 1 << 20


def rows_and_columns(paths: Sequence[str], format: Format) -> tuple[int | None, Columns | None]:
    """Rows of all files, and columns of the first.

    Args:
        paths: of files on this machine.
        format: theirs.

    Returns:
        None for what is not known: without pyarrow, of too many files, of files that can't be read.
    """
    try:
        if format == "parquet":
            return _footers(paths)
        if format in ("csv", "tsv") and format_of(paths[0])[1] is None:
            return None, _header(paths[0], format)
    except (ImportError, OSError, ValueError):  # pyarrow's errors are ValueErrors; whoever reads the data says more
        pass
    return None, None


def _footers(paths: Sequence[str]) -> tuple[int | None, Columns | None]:
    from pyarrow import parquet

    schema = parquet.read_schema(paths[0])
    columns = tuple((field.name, str(field.type)) for field in schema)[:_MOST_COLUMNS]
    if len(paths) > MOST_FOOTERS:
        return None, columns
    return sum(parquet.read_metadata(path).num_rows for path in paths), columns


def _header(path: str, format: Format) -> Columns | None:
    """Names of a CSV's columns; their types need all of its rows."""
    import csv

    with open(path, encoding="utf-8-sig", newline="") as file:
        first = file.readline(_FIRST_LINE)
    names = next(csv.reader([first], delimiter="\t" if format == "tsv" else ","), [])
    return tuple((name, "") for name in names[:_MOST_COLUMNS]) or None
