"""Tables and partitions of MaxCompute as data: their fingerprints, and their rows by the tunnel."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from automl_core.data.access import Access, DataError
from automl_core.data.fingerprint import Fingerprint, digest_of
from automl_core.spec.places import DataPlace
from automl_core.storage.base import StorageUnavailable

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")


def table_fingerprint(place: DataPlace, access: Access, connection: str | None = None) -> Fingerprint:
    """The fingerprint of a table or of one partition of it: last change of its data, size, columns.

    Args:
        place: of a table.
        access: makes the client.
        connection: with the keys.

    Raises:
        DataError: there is no such table or partition, or it may not be looked at.
        StorageUnavailable: MaxCompute can't be asked now.
    """
    client = access.tables(place.root, connection)
    with _told(place):
        table, part = _find(client, place)
        schema = table.table_schema
        columns = tuple((column.name, str(column.type).lower()) for column in schema.columns)
        whole = part if part is not None else table
        changed = getattr(whole, "last_data_modified_time", None)
        modified = changed.timestamp() if changed is not None else None
        size, rows = _number(getattr(whole, "size", None)), _number(getattr(whole, "record_num", None))
    digest = digest_of([place.table, place.partition, modified, size, [list(each) for each in columns]])
    return Fingerprint(
        place=place.text, kind="partition" if place.partition else "table", digest=digest, by="table", bytes=size,
        modified=modified, rows=rows, columns=columns,
    )  # fmt: skip


def read_odps(place: DataPlace, access: Access, columns: list[str] | None, connection: str | None = None) -> pa.Table:
    """The rows of a table or partition.

    Args:
        place: of a table.
        access: makes the client.
        columns: those that are wanted, all when None.
        connection: with the keys.

    Raises:
        DataError: there is no such table, partition or column, or it may not be read.
        StorageUnavailable: MaxCompute can't be asked now.
    """
    client = access.tables(place.root, connection)
    with _told(place):
        table, part = _find(client, place)
        if table.table_schema.partitions and part is None:
            raise DataError(
                f"{place.text} has partitions: name one (odps://{place.root}/{place.path}/"
                f"{'/'.join(f'{each.name}=…' for each in table.table_schema.partitions)})"
            )
        known = [column.name for column in table.table_schema.simple_columns]
        wanted = known if columns is None else columns
        missing = [name for name in wanted if name not in known]
        if missing:
            raise DataError(f"{place.text} has no column {missing[0]!r}; its columns: {', '.join(known)}")
        spec = place.partition.replace("/", ",") or None
        rows = _by_arrow(table, spec, wanted)
        return _by_records(table, spec, wanted) if rows is None else rows


def _by_arrow(table: Any, partition: str | None, columns: list[str]) -> pa.Table | None:
    """The rows by the tunnel's Arrow, None where the service has none (private clouds, older releases)."""
    from odps.errors import MethodNotAllowed

    try:
        with table.open_reader(partition=partition, columns=columns, arrow=True) as reader:
            rows: pa.Table = reader.read_all()
    except MethodNotAllowed:
        return None
    return rows.select(columns)


def _by_records(table: Any, partition: str | None, columns: list[str]) -> pa.Table:
    """The rows one by one, as every tunnel has them."""
    import pyarrow as pa

    with table.open_reader(partition=partition, columns=columns) as reader:
        rows = [[record[name] for name in columns] for record in reader]
    types = {column.name: _arrow_type(str(column.type).lower()) for column in table.table_schema.simple_columns}
    made = {}
    for index, name in enumerate(columns):
        values = [row[index] for row in rows]
        made[name] = pa.array(values, types[name])
    return pa.table(made)


def _arrow_type(kind: str) -> pa.DataType | None:
    """The type of pyarrow that holds every value of a type of MaxCompute; None to let the values say (arrays, maps)."""
    import pyarrow as pa

    simple = {
        "bigint": pa.int64(), "int": pa.int32(), "smallint": pa.int16(), "tinyint": pa.int8(), "double": pa.float64(),
        "float": pa.float32(), "boolean": pa.bool_(), "string": pa.string(), "json": pa.string(), "binary": pa.binary(),
        "date": pa.date32(), "datetime": pa.timestamp("ms"), "timestamp": pa.timestamp("ns"),
        "timestamp_ntz": pa.timestamp("ns"),
    }  # fmt: skip
    name, _, arguments = kind.partition("(")
    if name in ("varchar", "char"):
        return pa.string()
    if name == "decimal":
        precision, _, scale = arguments.rstrip(")").partition(",")
        return pa.decimal128(int(precision or 38), int(scale or 18))
    return simple.get(name)


def _find(client: Any, place: DataPlace) -> tuple[Any, Any]:
    """The table, and its partition where one is named; both are asked for."""
    table = client.get_table(place.path, project=place.root)
    table.reload()
    if not place.partition:
        return table, None
    spec = place.partition.replace("/", ",")
    names = {each.partition("=")[0] for each in place.partition.split("/")}
    known = [column.name for column in table.table_schema.partitions]
    if names != set(known):
        have = f"is partitioned by {', '.join(known)}" if known else "has no partitions"
        raise DataError(f"{place.text}: {place.table} {have}; all of these have to be named, and nothing else")
    part = table.get_partition(spec)
    part.reload()
    return table, part


def _number(value: Any) -> int | None:
    """What MaxCompute states; it says -1 for what it doesn't know."""
    return int(value) if value is not None and int(value) >= 0 else None


@contextmanager
def _told(place: DataPlace) -> Iterator[None]:
    """Turns pyodps' errors into ones that say which table, and what can be done."""
    from odps.errors import BaseODPSError, NoPermission, NoSuchObject

    from automl_core.backends.maxcompute.errors import classify

    try:
        yield
    except NoSuchObject as error:
        raise DataError(f"{place.text}: there is no such table or partition ({_first_line(error)})") from None
    except NoPermission as error:
        raise DataError(f"{place.text}: these keys may not read it ({_first_line(error)})") from None
    except BaseODPSError as error:
        kind = StorageUnavailable if classify(str(error), error.code, error.status_code).blameless else DataError
        raise kind(f"{place.text}: {_first_line(error)}") from None
    except OSError as error:  # requests' errors are such
        raise StorageUnavailable(f"{place.text}: MaxCompute can't be reached: {type(error).__name__}") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
