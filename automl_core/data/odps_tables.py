"""Tables and partitions of MaxCompute as data: their fingerprints, and their rows by the tunnel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

from automl_core.data.access import Access, DataError
from automl_core.data.fingerprint import Fingerprint, digest_of
from automl_core.data.written import as_instant
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
        size = _number(getattr(whole, "size", None))
        rows = None if place.has_many else _number(getattr(whole, "record_num", None))  # those of some partitions
    digest = digest_of([place.table, place.partition, modified, size, [list(each) for each in columns]])
    return Fingerprint(
        place=place.text, kind="partition" if part is not None else "table", digest=digest, by="table", bytes=size,
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


WHOLE = ("bigint", "int", "smallint", "tinyint")

INSTANTS = ("datetime", "timestamp")
"""Types of MaxCompute that are moments, which it shows by the clock of a project's zone; TIMESTAMP_NTZ is none."""


class Changed(DataError):
    """The table was written to while it was read: what was read so far is none of its states."""


class OdpsRows:
    """The rows of a table, or of some partitions, through a session of the tunnel each: as they were when it began.

    Attributes:
        schema: all columns, partition columns last.
        count: how many rows there are.
    """

    def __init__(self, place: DataPlace, client: Any, table: Any, partitions: Sequence[str]) -> None:
        """Begin the sessions.

        Args:
            place: of the table.
            client: pyodps' own.
            table: pyodps' own.
            partitions: as pyodps writes them, in their order; none: all of a table without partitions.
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
        parts = [_parts_of(each) for each in partitions]
        of_parts = {each.name: str(each.type).lower() for each in schema.partitions if parts}
        types |= {name: _arrow_type(kind) for name, kind in of_parts.items()}
        self._fixed = [
            {name: pa.scalar(int(each[name]) if kind in WHOLE else each[name], types[name])
             for name, kind in of_parts.items()}
            for each in parts
        ] or [{}]  # fmt: skip
        self.schema: pa.Schema = pa.schema(
            as_instant(pa.field(name, type_)) if self._kinds.get(name) in INSTANTS else pa.field(name, type_)
            for name, type_ in types.items()
        )
        tunnel = TableTunnel(client, project=table.project, endpoint=client.tunnel_endpoint)
        wanted: list[str | None] = [*partitions] if partitions else [None]
        self._sessions = [tunnel.create_download_session(table, partition_spec=each) for each in wanted]
        self.count = sum(int(each.count) for each in self._sessions)

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
        stored = [name for name in schema.names if name not in self._fixed[0]]
        if not stored:  # the rows are counted all the same
            stored = [next(iter(self._kinds))]
        with _told(self._place):
            for session, fixed in zip(self._sessions, self._fixed, strict=True):
                pieces = self._by_arrow(session, stored)
                for piece in self._by_records(session, stored, rows) if pieces is None else pieces:
                    for start in range(0, piece.num_rows, rows):
                        yield self._whole(piece.slice(start, rows), schema, fixed)

    def _whole(self, piece: pa.RecordBatch, schema: pa.Schema, fixed: Mapping[str, Any]) -> pa.RecordBatch:
        """A piece with its partition's columns, in the types of the schema."""
        import pyarrow as pa

        arrays = []
        for field in schema:
            if field.name in fixed:
                arrays.append(pa.repeat(fixed[field.name], piece.num_rows))
                continue
            column = piece.column(piece.schema.names.index(field.name))
            if pa.types.is_timestamp(column.type) and column.type.tz is not None:
                column = column.cast(pa.timestamp(column.type.unit, "UTC")).cast(pa.timestamp(column.type.unit))
            arrays.append(column if column.type == field.type else column.cast(field.type))
        return pa.RecordBatch.from_arrays(arrays, schema=schema)

    def _by_arrow(self, session: Any, columns: list[str]) -> Iterator[pa.RecordBatch] | None:
        """By the tunnel's Arrow, None where the service has none (private clouds, older releases)."""
        from odps.errors import MethodNotAllowed

        try:
            batches = self._batches(session, columns)
            first = next(batches, None)
        except MethodNotAllowed:
            return None
        return chain([first], batches) if first is not None else batches

    def _batches(self, session: Any, columns: list[str]) -> Iterator[pa.RecordBatch]:
        count = int(session.count)
        for start in range(0, count, RANGE):
            reader = session.open_arrow_reader(start, min(RANGE, count - start), columns=columns)
            yield from iter(reader.read_next_batch, None)
            reader.close()

    def _by_records(self, session: Any, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
        """Row by row, as every tunnel has them."""
        import pyarrow as pa

        schema = self.schema_of(columns)
        count = int(session.count)
        for start in range(0, count, RANGE):
            reader = session.open_record_reader(start, min(RANGE, count - start), columns=columns)
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
        table, _ = _find(client, place)
        if getattr(table, "is_virtual_view", False):
            raise DataError(
                f"{place.text} is a view, and the tunnel reads tables alone: make a table of it (CREATE TABLE … "
                "LIFECYCLE 7 AS SELECT …) and name that"
            )
        if table.table_schema.partitions and not place.partition:
            names = [each.name for each in table.table_schema.partitions]
            raise DataError(
                f"{place.text} has partitions: name one (odps://{place.root}/{place.path}/"
                f"{'/'.join(f'{name}=…' for name in names)}), or several by a pattern "
                f"({'/'.join(f'{name}=*' for name in names)})"
            )
        yield OdpsRows(place, client, table, _matching(table, place))


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
    names = {each.partition("=")[0] for each in place.partition.split("/")}
    known = [column.name for column in table.table_schema.partitions]
    if names != set(known):
        have = f"is partitioned by {', '.join(known)}" if known else "has no partitions"
        raise DataError(f"{place.text}: {place.table} {have}; all of these have to be named, and nothing else")
    if place.has_many:
        return table, None
    part = table.get_partition(place.partition.replace("/", ","))
    part.reload()
    return table, part


def _parts_of(partition: str) -> dict[str, str]:
    """Names and values of a partition as pyodps writes it: ``ds='20261101',region='eu'``, with quotes or without."""
    pairs = (part.split("=", 1) for part in partition.split(",") if part)
    return {name.strip(): value.strip().strip("'\"") for name, value in pairs}


def _matching(table: Any, place: DataPlace) -> list[str]:
    """A table's partitions that a place names, in the order of their values; none of a table that has none.

    Raises:
        DataError: a pattern that no partition matches.
    """
    if not place.partition:
        return []
    if not place.has_many:
        return [place.partition.replace("/", ",")]
    names = [each.name for each in table.table_schema.partitions]
    wanted = _parts_of(place.partition.replace("/", ","))
    there = [_parts_of(str(each.partition_spec)) for each in table.partitions]
    found = [each for each in there if all(fnmatchcase(each[name], wanted[name]) for name in names)]
    if not found:
        raise DataError(f"{place.text}: no partition of {len(there):,} matches")
    found.sort(key=lambda each: [each[name] for name in names])
    return [",".join(f"{name}={each[name]}" for name in names) for each in found]


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
