"""A data set piece by piece, for who needs all of its rows but never all at once; new files alone where that is enough.

Files of buckets are fetched one by one and kept in this machine's cache, each under a name of its own: a folder that
gets a file a day is not fetched again each day.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from automl_core.data.access import DataError
from automl_core.data.cache import Cache
from automl_core.data.combining import Part, with_folders
from automl_core.data.listing import DataFile, Listing
from automl_core.spec.places import DataPlace, Format, format_of

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 1 << 18
"""Rows of a Parquet file that are in memory at once."""


def newer(listing: Listing, than: float) -> Listing:
    """Those files of a listing that were written at a time or later.

    Args:
        listing: it.
        than: seconds since 1970, by the clock of the store.
    """
    return replace(listing, files=tuple(file for file in listing.files if file.modified >= than * 1e9))


def read_parts(
    place: DataPlace, listing: Listing, home: Path, *, format: Format | None = None,
    columns: Sequence[str] | None = None, say: Callable[[str], None] = lambda _: None,
) -> Iterator[tuple[DataFile, Part]]:  # fmt: skip
    """The rows of a listing's files, in the order of their names; a large Parquet file in several pieces.

    What the caller keeps of a piece is in memory, nothing else.

    Args:
        place: that was listed; no table.
        listing: of it.
        home: AUTOML_HOME.
        format: where the files' names don't say it.
        columns: those that are wanted, as far as a file has them; all when None.
        say: is told of what takes time.

    Raises:
        DataError: a file can't be read.
        StorageError: a file can't be fetched.
    """
    wanted = list(columns) if columns is not None else None
    for file in listing.files:
        stated, compression = format_of(file.name)
        kind = format or stated
        if kind is None:
            raise DataError(
                f"{listing.key(file)}: its name doesn't say in which format it is; allowed: csv, tsv, parquet, jsonl"
            )
        with _here(place, listing, file, home, say) as path:
            if kind == "parquet" and compression is None:
                for table in _pieces(path, wanted):
                    yield file, with_folders(Part(listing.key(file), kind, table), file.name, wanted)
            else:
                from automl_core.data.reading import read_file

                part = read_file(str(path), kind, compression, wanted, {})
                if part is not None:
                    yield file, replace(with_folders(part, file.name, wanted), path=listing.key(file))


@contextmanager
def _here(
    place: DataPlace, listing: Listing, file: DataFile, home: Path, say: Callable[[str], None]
) -> Iterator[Path]:  # fmt: skip
    """A file's path on this machine, for as long as it is read."""
    if not listing.in_bucket:
        yield Path(listing.key(file))
        return
    from automl_core.data.fingerprint import of_listing

    folder, _, name = file.name.rpartition("/")
    base = "/".join(part for part in (listing.base, folder) if part)
    alone = replace(listing, kind="file", base=base, files=(replace(file, name=name),))
    key = f"{base}/{name}" if base else name
    one = DataPlace(f"{place.scheme}://{place.root}/{key}", place.scheme, place.root, key)
    held = Cache.of(home).hold(one, alone, of_listing(one, alone, details=False).digest, say=say)
    try:
        yield held.path
    finally:
        held.release()


def _pieces(path: Path, columns: list[str] | None) -> Iterator[pa.Table]:
    import pyarrow as pa

    from automl_core.data.parquet_files import opened, plain

    try:
        with opened(path, pre_buffer=False) as file:  # what it reads ahead it would keep to the end
            names = [name for name in file.schema_arrow.names if not name.startswith("__index_level_")]
            wanted = names if columns is None else [name for name in names if name in columns]
            schema = pa.schema([file.schema_arrow.field(name) for name in wanted])
            for batch in file.iter_batches(ROWS, columns=wanted, use_pandas_metadata=False):
                yield plain(pa.Table.from_batches([batch.select(wanted)], schema))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"{path} is no Parquet file that can be read: {error}") from None
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from None
