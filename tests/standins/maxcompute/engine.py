"""DuckDB under MaxCompute's names: one database, a connection for each task, writes one after another."""

from __future__ import annotations

import re
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tests.standins.maxcompute.catalog import Catalog, PartitionValues, Table, quote
from tests.standins.maxcompute.errors import (
    SqlError,
    invalid_arguments,
    parse_error,
    semantic_error,
    table_not_found,
)
from tests.standins.maxcompute.functions import MACROS
from tests.standins.maxcompute.lexer import Token
from tests.standins.maxcompute.odps_types import Column, from_duckdb, to_duckdb
from tests.standins.maxcompute.translate import place_of


@dataclass
class Rows:
    """What a select returned, in Python's values."""

    columns: list[Column]
    rows: list[tuple[Any, ...]]


@dataclass
class Engine:
    """The database.

    Args:
        folder: Where it lies; None for memory.
    """

    folder: Path | None = None

    def __post_init__(self) -> None:
        if self.folder:
            self.folder.mkdir(parents=True, exist_ok=True)
        path = str(self.folder / "maxcompute.duckdb") if self.folder else ":memory:"
        self._database = duckdb.connect(
            path,
            config={
                "threads": 1,  # a query: what a seed gives is then always the same
                "memory_limit": "1GB",
                "temp_directory": str((self.folder or Path(tempfile.gettempdir())) / "duckdb-spill"),
                "autoinstall_known_extensions": False,  # it would ask the network
                "autoload_known_extensions": False,
            },
        )
        self._database.execute("SET TimeZone = 'UTC'")
        # Statements see tables, not the files of the machine.
        self._database.execute("SET enable_external_access = false")
        for macro in MACROS:
            self._database.execute(f"CREATE OR REPLACE MACRO {macro}")
        self.catalog = Catalog(self._database.cursor())
        self.write_lock = threading.RLock()
        self._sizes: dict[tuple[str, str], tuple[float, int]] = {}

    def close(self) -> None:
        self._database.close()

    def cursor(self) -> duckdb.DuckDBPyConnection:
        return self._database.cursor()

    def add_project(self, name: str) -> None:
        self._database.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(name.lower())}")

    # --- tables

    def create(self, cursor: duckdb.DuckDBPyConnection, table: Table) -> None:
        """Makes the table in DuckDB; ``catalog.put`` then makes it known."""
        columns = ", ".join(
            f"{quote(column.name)} {to_duckdb(column.type)}{'' if column.nullable else ' NOT NULL'}"
            for column in table.all_columns
        )
        cursor.execute(f"CREATE TABLE {table.sql_name} ({columns})")

    def drop(self, cursor: duckdb.DuckDBPyConnection, table: Table) -> None:
        cursor.execute(f"DROP {'VIEW' if table.view_text else 'TABLE'} IF EXISTS {table.sql_name}")
        self.catalog.remove(table)

    def condition(self, table: Table, values: Sequence[str | None]) -> tuple[str, list[str]]:
        """The WHERE of a partition: values by place, None where it doesn't matter."""
        pairs = [(column, value) for column, value in zip(table.partitions, values, strict=True) if value is not None]
        sql = " AND ".join(f"{quote(column.name)} = CAST(? AS {to_duckdb(column.type)})" for column, _ in pairs)
        return sql or "TRUE", [value for _, value in pairs]

    def read(
        self,
        table: Table,
        values: PartitionValues | None = None,
        columns: list[Column] | None = None,
        offset: int = 0,
        limit: int | None = None,
    ) -> list[tuple[Any, ...]]:
        """Rows in the order in which they were written."""
        where, parameters = self.condition(table, values) if values else ("TRUE", [])
        names = ", ".join(quote(column.name) for column in columns or table.columns)
        sql = f"SELECT {names} FROM {table.sql_name} WHERE {where} OFFSET {int(offset)}"
        if limit is not None:
            sql += f" LIMIT {int(limit)}"
        with self.using() as cursor:
            return cursor.execute(sql, parameters).fetchall()

    def count(self, table: Table, values: PartitionValues | None = None) -> int:
        where, parameters = self.condition(table, values) if values else ("TRUE", [])
        with self.using() as cursor:
            found = cursor.execute(f"SELECT count(*) FROM {table.sql_name} WHERE {where}", parameters).fetchone()
        return int(found[0]) if found else 0

    def append(
        self, table: Table, values: PartitionValues | None, blocks: list[list[list[Any]]], overwrite: bool = False
    ) -> None:
        """Writes uploaded rows, all or none."""
        columns = table.all_columns if values else table.columns
        rows = [[*row, *(values or ())] for block in blocks for row in block]
        with self.using() as cursor, self.write_lock, transaction(cursor):
            if overwrite:
                where, parameters = self.condition(table, values) if values else ("TRUE", [])
                cursor.execute(f"DELETE FROM {table.sql_name} WHERE {where}", parameters)
            _insert(cursor, table, columns, rows)
        self.touch(table)

    def touch(self, table: Table) -> None:
        table.modified = time.time()
        self.catalog.put(table)

    def size(self, project: str, name: str) -> int:
        """Bytes of a table, counted as eight a number and as many as UTF-8 needs a text."""
        table = self.catalog.get(project, name)
        if table is None:
            return 0
        key, cached = (project, name), self._sizes.get((project, name))
        if cached and cached[0] == table.modified and not table.view_text:
            return cached[1]
        parts = [
            f"coalesce(sum(octet_length(encode({quote(column.name)}))), 0)"
            if to_duckdb(column.type) == "VARCHAR"
            else f"count({quote(column.name)}) * 8"
            for column in table.columns
        ]
        with self.using() as cursor:
            found = cursor.execute(f"SELECT {' + '.join(parts)} FROM {table.sql_name}").fetchone()
        size = int(found[0]) if found else 0
        self._sizes[key] = (table.modified, size)
        return size

    # --- running SQL

    @contextmanager
    def using(self) -> Iterator[duckdb.DuckDBPyConnection]:
        cursor = self.cursor()
        try:
            yield cursor
        finally:
            cursor.close()


@contextmanager
def transaction(cursor: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All that happens inside, or nothing."""
    cursor.execute("BEGIN")
    try:
        yield
    except BaseException:
        cursor.execute("ROLLBACK")
        raise
    cursor.execute("COMMIT")


def fetch(cursor: duckdb.DuckDBPyConnection, sql: str) -> Rows:
    """Runs a select, and says what it returned in MaxCompute's types."""
    cursor.execute(sql)
    columns = [Column(name, from_duckdb(kind)) for name, kind, *_ in cursor.description or []]
    return Rows(columns, cursor.fetchall())


def _insert(cursor: duckdb.DuckDBPyConnection, table: Table, columns: list[Column], rows: list[list[Any]]) -> None:
    names = ", ".join(quote(column.name) for column in columns)
    kinds = [to_duckdb(column.type) for column in columns]
    if any("MAP(" in kind or "STRUCT(" in kind for kind in kinds):
        marks = ", ".join(f"CAST(? AS {kind})" for kind in kinds)
        if rows:
            cursor.executemany(f"INSERT INTO {table.sql_name} ({names}) VALUES ({marks})", rows)
        return
    # By columns: a statement a row would take DuckDB some hundred times longer.
    for start in range(0, len(rows), _BATCH):
        lists = [list(values) for values in zip(*rows[start : start + _BATCH], strict=True)]
        marks = ", ".join(f"unnest(CAST(? AS {kind}[]))" for kind in kinds)
        cursor.execute(f"INSERT INTO {table.sql_name} ({names}) SELECT {marks}", lists)


_BATCH = 50_000
_MISSING_TABLE = re.compile(r"(?:Table|View) with name \"?(.+?)\"? does not exist")
_MISSING_FUNCTION = re.compile(r"Function with name \"?(.+?)\"? does not exist")
_MISSING_COLUMN = re.compile(r"(?:Referenced column|column named|does not have a column named) \"?([^\"\s]+)\"?")
_NEAR = re.compile(r"at or near \"(.+?)\"")
_BAD_VALUE = re.compile(r"Could not convert string '(.*)' to (\w+)", re.DOTALL)


def as_sql_error(error: duckdb.Error, project: str, tokens: list[Token]) -> SqlError:
    """What DuckDB says, as MaxCompute would: its code, and the place in the user's own statement."""
    text = str(error).split("\n\nLINE ")[0]
    body = text.partition("Error: ")[2] or text
    start = tokens[0].at if tokens else (1, 1)
    if match := _MISSING_TABLE.search(text):
        return table_not_found(project, match.group(1), place_of(tokens, match.group(1)))
    if match := _MISSING_FUNCTION.search(text):
        name = match.group(1)
        return semantic_error(f"function or view '{name}' cannot be resolved", place_of(tokens, name))
    if match := _BAD_VALUE.search(text):
        kind = {"INT64": "Bigint", "INT32": "Int"}.get(match.group(2), match.group(2).capitalize())
        return invalid_arguments(f"in function cast, value '{match.group(1)}' cannot be casted from String to {kind}.")
    if isinstance(error, duckdb.ParserException):
        near = _NEAR.search(text)
        word = near.group(1) if near else "<EOF>"
        return parse_error(f"invalid token '{word}'", place_of(tokens, word))
    if isinstance(error, duckdb.BinderException | duckdb.CatalogException):
        if match := _MISSING_COLUMN.search(text):
            name = match.group(1)
            return semantic_error(f"column {name} cannot be resolved", place_of(tokens, name))
        return semantic_error(body.split("\n")[0], start)
    if isinstance(error, duckdb.ConversionException | duckdb.OutOfRangeException | duckdb.InvalidInputException):
        return invalid_arguments(body.split("\n")[0])
    if isinstance(error, duckdb.ConstraintException):
        return SqlError("ODPS-0121095", "Invalid arguments", body.split("\n")[0])
    return SqlError("ODPS-0010000", "System internal error", f"fuxi job failed, caused by: {body}")
