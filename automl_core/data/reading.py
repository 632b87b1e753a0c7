"""Tables for trainings: a file, a folder or a pattern of csv, tsv, Parquet or JSON lines, or a table of MaxCompute.

It runs in the training's own process and needs the extra ``tables``. docs/data.md has the rules by which types are
decided.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_core.data.access import Access, DataError, FromEnvironment
from automl_core.data.combining import Part, combined, with_folders
from automl_core.data.listing import DataFile, Listing, list_place
from automl_core.extras import needed_by
from automl_core.spec.places import Compression, Format, format_of, parse_place

if TYPE_CHECKING:
    import pyarrow as pa

_ALLOWED = "allowed: .csv, .tsv, .parquet, .jsonl (or .json, .ndjson); csv, tsv and jsonl also as .gz, .bz2, .xz, .zst"


def read_table(
    place: str | os.PathLike[str], *, columns: Sequence[str] | None = None, format: Format | None = None,
    types: Mapping[str, Any] | None = None, access: Access | None = None,
) -> pa.Table:  # fmt: skip
    """Read a data set, such as ``os.environ["AUTOML_DATA_TRAIN"]``, whole into memory.

    Args:
        place: a path, a pattern, an address of a bucket (fetched into this machine's cache with the keys of the
            environment) or of a table of MaxCompute (``ODPS_…`` in the environment).
        columns: those that are wanted, in that order; all when None.
        format: where the files' names don't say it.
        types: name of a column → its type (``"string"``, ``"int64"``, or one of pyarrow's), where another is wanted
            than that decided on its values.
        access: opens buckets and tables; with the environment's keys when None.

    Returns:
        The rows of all files, in the order of the files' names.

    Raises:
        DataError: there is nothing, the files don't fit together, a column is missing, or a value is none of its type.
        StorageError: the data can't be reached.
        ImportError: pyarrow is not installed.
    """
    _need_pyarrow()
    where = parse_place(os.fspath(place))
    wanted, asked = (list(columns) if columns is not None else None), access or FromEnvironment()
    if where.is_table:
        from automl_core.data.odps_tables import read_odps
        from automl_core.data.table_copies import copy_of

        copy = copy_of(where)
        if copy is not None:
            listing = Listing("file", str(copy.parent), (DataFile(copy.name, 0, 0),))
            return _read(listing, wanted, "parquet", types or {})
        return _with_types(read_odps(where, asked, wanted), types)
    listing = list_place(where, Path.cwd(), asked)
    if not where.in_bucket:
        return _read(listing, wanted, format, types or {})
    from automl_core.data.cache import Cache
    from automl_core.data.fingerprint import of_listing

    home = Path(os.environ.get("AUTOML_HOME") or tempfile.gettempdir())
    held = Cache.of(home).hold(where, listing, of_listing(where, listing, details=False).digest)
    try:
        folder = str(held.path.parent if listing.kind == "file" else held.path)
        return _read(Listing(listing.kind, folder, listing.files), wanted, format, types or {})
    finally:
        held.release()


def _need_pyarrow() -> None:
    with needed_by("read_table", "tables"):
        import pyarrow  # noqa: F401


def _read(listing: Listing, columns: list[str] | None, format: Format | None, types: Mapping[str, Any]) -> pa.Table:
    parts: list[Part] = []
    for file in listing.files:
        path = listing.key(file)
        stated, compression = format_of(file.name)
        kind = format or stated
        if kind is None:
            raise DataError(f"{path}: its name doesn't say in which format it is; {_ALLOWED}")
        if parts and (parts[0].kind == "parquet") != (kind == "parquet"):
            raise DataError(f"{path} is {kind}, and {parts[0].path} is {parts[0].kind}: one data set has one format")
        part = read_file(path, kind, compression, columns, types)
        if part is not None:
            parts.append(with_folders(part, file.name, columns))
    if not parts:
        raise DataError(f"{listing.key(listing.files[0])}: there is nothing in it, not even names of columns")
    return combined(parts, columns, types)


def read_file(
    path: str, kind: Format, compression: Compression | None, columns: list[str] | None, types: Mapping[str, Any]
) -> Part | None:
    """One file of a data set.

    Args:
        path: of the file, on this machine.
        kind, compression: of the file.
        columns: those that are wanted, as far as it has them; all when None.
        types: those that are stated, where the format has none of its own.

    Returns:
        None for a file without a byte.

    Raises:
        DataError: it can't be read.
    """
    try:
        if kind == "parquet":
            return Part(path, kind, _parquet(path, compression, columns))
        if kind == "jsonl":
            from automl_core.data.json_lines import read_json_lines

            return read_json_lines(path, compression, columns, types)
        from automl_core.data.csv_files import read_csv

        return read_csv(path, "\t" if kind == "tsv" else None, compression, columns)
    except OSError as error:
        raise DataError(f"{path} can't be read: {error.strerror or error}") from None
    except EOFError as error:
        raise DataError(f"{path} is cut off: {error}") from None


def _parquet(path: str, compression: Compression | None, columns: list[str] | None) -> pa.Table:
    import pyarrow as pa

    from automl_core.data.parquet_files import opened, plain

    if compression is not None:
        raise DataError(f"{path}: Parquet compresses its own columns; unpack the .{compression}")
    try:
        with opened(path) as file:
            known = file.schema_arrow.names
            # those that pandas adds for an index of its own are no features, unless somebody asks for them
            wanted = (
                [name for name in known if not name.startswith("__index_level_")]
                if columns is None
                else [name for name in known if name in columns]
            )
            table: pa.Table = file.read(columns=wanted, use_pandas_metadata=False)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"{path} is no Parquet file that can be read: {error}") from None
    return plain(table.select(wanted)).replace_schema_metadata(None)


def _with_types(table: pa.Table, types: Mapping[str, Any] | None) -> pa.Table:
    from automl_core.data.combining import as_type

    for name, kind in (types or {}).items():
        with suppress(KeyError):
            table = table.set_column(table.schema.get_field_index(name), name, as_type(table[name], kind, name))
    return table
