"""Rows and columns of data, where they are cheap to have: Parquet's footers, a CSV's first line.

pyarrow is there where the extra ``tables`` is installed; without it nothing is known of Parquet, and nothing fails.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from automl_core.data.csv_files import delimiter_of
from automl_core.spec.places import Format, format_of
from automl_core.storage.base import StorageError

if TYPE_CHECKING:
    from automl_core.data.listing import DataFile, Listing
    from automl_core.storage.base import ObjectStore

Columns: TypeAlias = tuple[tuple[str, str], ...]

MOST_FOOTERS, MOST_FOOTERS_IN_BUCKETS = 200, 20
"""Files whose footers are read for one fingerprint; of a bucket each costs a request or two."""

_MOST_COLUMNS = 1_000
_FIRST_LINE = 64 << 10


class RangeFile(io.RawIOBase):
    """An object of a bucket as a file that is read in parts, a request each."""

    def __init__(self, store: ObjectStore, key: str, size: int) -> None:
        super().__init__()
        self._store, self._key, self._size, self._at = store, key, size, 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, without a request."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self) -> int:
        """Where it stands."""
        return self._at

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        """Read on: one request."""
        found = self._store.get_range(self._key, self._at, min(len(buffer), self._size - self._at))
        buffer[: len(found)] = found
        self._at += len(found)
        return len(found)


def rows_and_columns(listing: Listing, format: Format) -> tuple[int | None, Columns | None]:
    """Rows of all files, and columns of the first.

    Args:
        listing: the files.
        format: theirs.

    Returns:
        None for what is not known: without pyarrow, of too many files, of files that can't be read.
    """
    try:
        if format == "parquet":
            return _footers(listing)
        if format in ("csv", "tsv") and format_of(listing.files[0].name)[1] is None:
            return None, _header(listing, format)
    except (ImportError, OSError, ValueError, StorageError):  # pyarrow's are ValueErrors; whoever reads it says more
        pass
    return None, None


def _opened(listing: Listing, file: DataFile) -> BinaryIO | RangeFile:
    key = listing.key(file)
    return RangeFile(listing.store, key, file.size) if listing.store is not None else open(key, "rb")


def _footers(listing: Listing) -> tuple[int | None, Columns | None]:
    from automl_core.data.parquet_files import opened, plain_schema

    most = MOST_FOOTERS if listing.store is None else MOST_FOOTERS_IN_BUCKETS
    rows, columns = 0, None
    for file in listing.files if len(listing.files) <= most else listing.files[:1]:
        with _opened(listing, file) as source, opened(source) as found:
            rows += found.metadata.num_rows
            if columns is None:
                columns = tuple((field.name, str(field.type)) for field in plain_schema(found.schema_arrow))[
                    :_MOST_COLUMNS
                ]
    return (rows if len(listing.files) <= most else None), columns


def _header(listing: Listing, format: Format) -> Columns | None:
    """Names of a CSV's columns; their types need all of its rows."""
    with _opened(listing, listing.files[0]) as file:
        text = (file.read(_FIRST_LINE) or b"").decode("utf-8-sig", "ignore").lstrip("\r\n")
    first = text.partition("\n")[0].rstrip("\r")
    if first.count('"') % 2:
        return None  # a line's end in a name
    names = next(csv.reader([first], delimiter="\t" if format == "tsv" else delimiter_of(first)), [])
    return tuple((name, "") for name in names[:_MOST_COLUMNS]) or None
