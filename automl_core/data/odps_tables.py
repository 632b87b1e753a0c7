"""Tables and partitions of MaxCompute as data: their fingerprints, and their rows by the tunnel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

from automl_core.data.access import Access, DataError
from automl_core.data.fingerprint import Fingerprint, digest_of
from automl_core.spec.errors import did_you_mean
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
    """The rows of a table or partition, all of them as they were at one moment.

    Args:
        place: of a table.
        access: makes the client.
        columns: those that are wanted, all (partition columns last) when None.
        connection: with the keys.

    Raises:
        DataError: there is no such table, partition or column, or it may not be read.
        StorageUnavailable: MaxCompute can't be asked now.
    """
    import pyarrow as pa

    for turn in range(TURNS):
        try:
            with open_rows(place, access, connection) as rows:
                batches = list(rows.read(columns))
                return pa.Table.from_batches(batches, rows.schema_of(columns))
        except Changed:
            if turn == TURNS - 1:
                raise
    raise AssertionError


TURNS = 3
"""Readings of a table that is written to meanwhile, at most: it has to stay as it is for as long as one takes."""

ROWS = 65_536
"""Rows a piece."""

RANGE = 1_000_000
"""Rows that one request asks for: a connection that lasts for minutes is cut by what lies between."""


class Changed(DataError):
    """The table was written to while it was read: what was read so far is none of its states."""


class OdpsRows:
    """The rows of a table or of one partition of it, through one session of the tunnel: as they were when it began.

    Attributes:
        schema: all columns, partition columns last.
        count: how many rows there are.
    """

    def __init__(self, place: DataPlace, client: Any, table: Any, partition: str | None) -> None:
        """Begin a session.

        Args:
            place: of the table.
            client: pyodps' own.
            table: pyodps' own.
            partition: as pyodps writes it, None for all of a table without partitions.
        """
        import pyarrow as pa
        from odps.tunnel import TableTunnel

        self._place = place
        schema = table.table_schema
        self._kinds = {each.name: str(each.type).lower() for each in schema.simple_columns}
        types = {name: _arrow_type(kind) for name, kind in self._kinds.items()}
        nested = [name for name, kind in types.items() if kind is None]
        if nested:
            from odps.tunnel.io.types import odps_schema_to_arrow_schema

            whole = odps_schema_to_arrow_schema(schema)
            types |= {name: whole.field(name).type for name in nested}
        self._fixed = {
            each.name: pa.scalar(
                int(value) if str(each.type).lower() in ("bigint", "int", "smallint", "tinyint") else value,
                _arrow_type(str(each.type).lower()),
            )
            for each in schema.partitions
            for value in [dict(part.split("=", 1) for part in (partition or "").split(",") if part).get(each.name)]
            if value is not None
        }
        types |= {name: value.type for name, value in self._fixed.items()}
        self.schema: pa.Schema = pa.schema(list(types.items()))
        tunnel = TableTunnel(client, project=table.project, endpoint=client.tunnel_endpoint)
        self._session = tunnel.create_download_session(table, partition_spec=partition)
        self.count = int(self._session.count)

    def schema_of(self, columns: Sequence[str] | None) -> pa.Schema:
        """The schema of some columns, in their order.

        Raises:
            DataError: one is not there.
        """
        import pyarrow as pa

        names = self.schema.names
        missing = [name for name in columns or () if name not in names]
        if missing:
            raise DataError(
                f"{self._place.text} has no column {missing[0]!r}; its columns: {', '.join(names)}"
                f"{did_you_mean(missing[0], names)}"
            )
        return self.schema if columns is None else pa.schema([self.schema.field(name) for name in columns])

    def read(self, columns: Sequence[str] | None = None, rows: int = ROWS) -> Iterator[pa.RecordBatch]:
        """Pieces, one after the other.

        Args:
            columns: those that are wanted, in that order; all when None.
            rows: a piece, at most.

        Raises:
            DataError: a column is not there, or a value has no place in its column's type.
            Changed: the table was written to meanwhile.
            StorageUnavailable: MaxCompute can't be asked now.
        """
        schema = self.schema_of(columns)
        stored = [name for name in schema.names if name not in self._fixed]
        if not stored:  # the rows are counted all the same
            stored = [next(iter(self._kinds))]
        with _told(self._place):
            pieces = self._by_arrow(stored)
            for piece in self._by_records(stored, rows) if pieces is None else pieces:
                for start in range(0, piece.num_rows, rows):
                    yield self._whole(piece.slice(start, rows), schema)

    def _whole(self, piece: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
        """A piece with the partition's columns, in the types of the schema."""
        import pyarrow as pa

        arrays = []
        for field in schema:
            if field.name in self._fixed:
                arrays.append(pa.repeat(self._fixed[field.name], piece.num_rows))
                continue
            column = piece.column(piece.schema.names.index(field.name))
            if pa.types.is_timestamp(column.type) and column.type.tz is not None:
                column = column.cast(pa.timestamp(column.type.unit, "UTC")).cast(pa.timestamp(column.type.unit))
            arrays.append(column if column.type == field.type else column.cast(field.type))
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _by_arrow(self, columns: list[str]) -> Iterator[pa.RecordBatch] | None:
        """By the tunnel's Arrow, None where the service has none (private clouds, older releases)."""
        from odps.errors import MethodNotAllowed

        try:
            batches = self._batches(columns)
            first = next(batches, None)
        except MethodNotAllowed:
            return None
        return chain([first], batches) if first is not None else batches

    def _batches(self, columns: list[str]) -> Iterator[pa.RecordBatch]:
        for start in range(0, self.count, RANGE):
            reader = self._session.open_arrow_reader(start, min(RANGE, self.count - start), columns=columns)
            yield from iter(reader.read_next_batch, None)
            reader.close()

    def _by_records(self, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        """Row by row, as every tunnel has them."""
        import pyarrow as pa

        schema = self.schema_of(columns)
        for start in range(0, self.count, RANGE):
            reader = self._session.open_record_reader(start, min(RANGE, self.count - start), columns=columns)
            records = iter(reader)
            while held := [[record[name] for name in columns] for record in islice(records, rows)]:
                arrays = [pa.array([row[place] for row in held], field.type) for place, field in enumerate(schema)]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
            reader.close()


@contextmanager
def open_rows(place: DataPlace, access: Access, connection: str | None = None) -> Iterator[OdpsRows]:
    """A table or partition, to be read in pieces. Times are read in UTC, whatever the machine's zone is.

    Args:
        place: of a table.
        access: makes the client.
        connection: with the keys.

    Raises:
        DataError: there is no such table or partition, it may not be read, it is a view, or no partition is named.
        StorageUnavailable: MaxCompute can't be asked now.
    """
    from odps.config import option_context

    client = access.tables(place.root, connection)
    with _told(place), option_context({"local_timezone": False}):
        table, part = _find(client, place)
        if getattr(table, "is_virtual_view", False):
            raise DataError(
                f"{place.text} is a view, and the tunnel reads tables alone: make a table of it (CREATE TABLE … "
                "LIFECYCLE 7 AS SELECT …) and name that"
            )
        if table.table_schema.partitions and part is None:
            raise DataError(
                f"{place.text} has partitions: name one (odps://{place.root}/{place.path}/"
                f"{'/'.join(f'{each.name}=…' for each in table.table_schema.partitions)})"
            )
        yield OdpsRows(place, client, table, place.partition.replace("/", ",") or None)


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
        if "TableModified" in f"{error.code} {error}":
            raise Changed(f"{place.text} was written to while it was read; read it again") from None
        kind = StorageUnavailable if classify(str(error), error.code, error.status_code).blameless else DataError
        raise kind(f"{place.text}: {_first_line(error)}") from None
    except OSError as error:  # requests' errors are such
        raise StorageUnavailable(f"{place.text}: MaxCompute can't be reached: {type(error).__name__}") from None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:300]
