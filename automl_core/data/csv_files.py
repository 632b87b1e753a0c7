"""CSV files as columns of text: types are decided later, on all values of all files."""

from __future__ import annotations

import csv
import io
import re
from contextlib import AbstractContextManager
from typing import IO, TYPE_CHECKING, Any

from automl_core.data.access import DataError
from automl_core.data.combining import Part
from automl_core.spec.places import Compression

if TYPE_CHECKING:
    import pyarrow as pa

_FIRST = 1 << 20


def read_csv(
    path: str, delimiter: str | None, compression: Compression | None, columns: list[str] | None
) -> Part | None:
    """A CSV file: UTF-8, names of the columns in its first line, fields in double quotes where they need them.

    Args:
        path: of the file.
        delimiter: None for a comma, or the semicolon where the first line has only these.
        compression: of the file.
        columns: those that are wanted; all when None.

    Returns:
        Columns of text, in which a field that is empty and not in quotes is missing; None for a file without a byte.

    Raises:
        DataError: the file is none, or two columns have one name.
    """
    import pyarrow as pa
    from pyarrow import csv as arrow

    with opened(path, compression) as file:
        head = _first_line(file, path)
    if head is None:
        return None
    empty = len(head) - len(head.lstrip("\r\n"))  # lines above the names
    above, head = head[:empty].count("\n"), head[empty:]
    first = head.partition("\n")[0]
    delimiter = delimiter or delimiter_of(first)
    names = _names(head, delimiter, path)
    single = len(names) == 1
    kinds = {name: pa.string() for name in names}
    wanted = [name for name in names if columns is None or name in columns]
    try:
        with opened(path, compression) as file:
            table = arrow.read_csv(
                file,
                read_options=arrow.ReadOptions(column_names=names, skip_rows=above, skip_rows_after_names=1),
                parse_options=arrow.ParseOptions(
                    delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=not single
                ),
                convert_options=arrow.ConvertOptions(
                    column_types=kinds, include_columns=wanted or names[:1], null_values=[""],
                    strings_can_be_null=True, quoted_strings_can_be_null=False,
                ),
            )  # fmt: skip
    except pa.ArrowInvalid as error:
        raise DataError(f"{path} is no CSV file that can be read: {_plain(str(error))}") from None
    if single:  # an empty line is a missing value; at the end it is only an empty line
        table = table.slice(0, _rows_without_end(table.column(0)))
    return Part(path, "csv", table.select(wanted), text=True)


def opened(path: str, compression: Compression | None) -> AbstractContextManager[Any]:
    """A file's bytes, unpacked. A packed file that is cut off is an error, whoever unpacks it."""
    import pyarrow as pa

    if compression == "xz":
        import lzma

        return lzma.open(path, "rb")
    names = {"gz": "gzip", "bz2": "bz2", "zst": "zstd", None: None}
    return pa.input_stream(path, compression=names[compression])  # type: ignore[no-any-return]


def _first_line(file: IO[bytes], path: str) -> str | None:
    """The beginning of a file, with its first line; None for a file in which nothing stands."""
    head = file.read(_FIRST)
    if not head.strip():
        return None
    try:
        text = head.decode("utf-8-sig", "strict" if len(head) < _FIRST else "ignore")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path} is not UTF-8: byte 0x{head[error.start]:02x} at {error.start:,}; convert it, such as by "
            "`iconv -f LATIN1 -t UTF-8`"
        ) from None
    return text


def delimiter_of(first: str) -> str:
    """What stands between the values of a CSV, by its first line: a semicolon where it has only these."""
    return ";" if ";" in first and "," not in first else ","


def _names(head: str, delimiter: str, path: str) -> list[str]:
    first = next(csv.reader(io.StringIO(head, newline=""), delimiter=delimiter), [])
    names = [name if name else f"column_{index + 1}" for index, name in enumerate(first)]
    double = next((name for index, name in enumerate(names) if name in names[:index]), None)
    if double is not None:
        raise DataError(f"{path}: two columns are called {double!r}; give one another name")
    return names


def _rows_without_end(column: pa.ChunkedArray) -> int:
    rows = len(column)
    while rows and not column[rows - 1].is_valid:
        rows -= 1
    return rows


def _plain(text: str) -> str:
    """What pyarrow says, without the row that it repeats: a log is no place for data."""
    return re.sub(r"(got \d+): .*", r"\1", text, flags=re.DOTALL).removeprefix("CSV parse error: ")[:300]
