"""Statements that make, change and drop tables."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb

from tests.standins.maxcompute.catalog import Table, quote
from tests.standins.maxcompute.engine import Engine, as_sql_error, transaction
from tests.standins.maxcompute.errors import SqlError, partition_error, semantic_error, table_not_found
from tests.standins.maxcompute.lexer import Token
from tests.standins.maxcompute.odps_types import Column, to_duckdb
from tests.standins.maxcompute.statements import Alter, CreateTable, Drop, Name, PartitionSpec, Truncate

NO_PARTITION: PartitionSpec = ()


@dataclass
class Tables:
    """The tables that a task sees, from within its project.

    Attributes:
        projects: All projects that there are.
        owner: Who will own what is made.
    """

    engine: Engine
    cursor: duckdb.DuckDBPyConnection
    project: str
    projects: frozenset[str]
    owner: str

    @contextmanager
    def errors(self, tokens: list[Token]) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            raise as_sql_error(error, self.project, tokens) from error

    def owner_of(self, name: Name) -> str:
        project = (name.project or self.project).lower()
        if project not in self.projects:
            raise SqlError("ODPS-0420111", "Project not found", f"'{project}'", name.at)
        return project

    def find(self, name: Name) -> Table:
        project = self.owner_of(name)
        table = self.engine.catalog.get(project, name.table)
        if table is None:
            raise table_not_found(project, name.table, name.at)
        return table

    def define(self, statement: CreateTable) -> Table | None:
        """The table that a CREATE asks for, not made yet; None where it is there and may be.

        Raises:
            SqlError: It is there and may not be, or two columns have one name.
        """
        project = self.owner_of(statement.name)
        if self.engine.catalog.get(project, statement.name.table):
            if statement.if_not_exists:
                return None
            raise self.exists(statement.name, project)
        table = Table(
            project,
            statement.name.table,
            statement.columns,
            statement.partitions,
            comment=statement.comment,
            lifecycle=statement.lifecycle,
            properties=statement.properties,
            owner=self.owner,
        )
        if statement.like:
            model = self.find(statement.like)
            table.columns, table.partitions = list(model.columns), list(model.partitions)
        names = [column.name for column in table.all_columns]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise semantic_error(f"column {twice} is defined more than once", statement.name.at)
        return table

    def exists(self, name: Name, project: str) -> SqlError:
        return semantic_error(f"table or view {project}.{name.table} already exists", name.at)

    def drop(self, statement: Drop) -> None:
        table = self.engine.catalog.get(self.owner_of(statement.name), statement.name.table)
        if table is None:
            if statement.if_exists:
                return
            raise table_not_found(self.owner_of(statement.name), statement.name.table, statement.name.at)
        if bool(table.view_text) is not statement.view:
            raise semantic_error(
                f"{table.project}.{table.name} is a {'view' if table.view_text else 'table'}", statement.name.at
            )
        with self.engine.write_lock, self.errors([]):
            self.engine.drop(self.cursor, table)

    def truncate(self, statement: Truncate) -> None:
        table = self.find(statement.name)
        if table.partitions and not statement.partitions:
            raise semantic_error("a partitioned table is truncated by partition", statement.name.at)
        with self.engine.write_lock, self.errors([]), transaction(self.cursor):
            for spec in statement.partitions or [NO_PARTITION]:
                where, parameters = self.engine.condition(table, self._values(table, spec)) if spec else ("TRUE", [])
                self.cursor.execute(f"DELETE FROM {table.sql_name} WHERE {where}", parameters)
        self.engine.touch(table)

    def _values(self, table: Table, spec: PartitionSpec) -> tuple[str, ...]:
        given = dict(spec)
        values = [given.pop(column.name, None) for column in table.partitions]
        if given or None in values:
            raise partition_error(
                f"partition ({', '.join(name for name, _ in spec)}) does not name the partition columns"
                f" ({', '.join(column.name for column in table.partitions)})"
            )
        return tuple(value for value in values if value is not None)

    def alter(self, statement: Alter) -> None:
        table = self.find(statement.name)
        with self.engine.write_lock, self.errors([]):
            match statement.action:
                case "lifecycle":
                    table.lifecycle = statement.number
                case "comment":
                    table.comment = statement.text
                case "rename":
                    self._rename(table, statement)
                case "add columns":
                    self._add_columns(table, statement.columns)
                case "add partitions":
                    for values in (self._values(table, spec) for spec in statement.partitions):
                        if values in table.specs and not statement.lenient:
                            raise partition_error(f"partition {table.spec_text(values)} already exists")
                        table.specs.setdefault(values, time.time())
                case "drop partitions":
                    self._drop_partitions(table, statement)
            table.ddl_modified = time.time()
            self.engine.catalog.put(table)

    def _rename(self, table: Table, statement: Alter) -> None:
        new = statement.text
        if self.engine.catalog.get(table.project, new):
            raise semantic_error(f"table or view {table.project}.{new} already exists", statement.name.at)
        self.cursor.execute(f"ALTER TABLE {table.sql_name} RENAME TO {quote(new)}")
        self.engine.catalog.remove(table)
        table.name = new

    def _add_columns(self, table: Table, columns: list[Column]) -> None:
        for column in columns:
            if column.name in {known.name for known in table.all_columns}:
                raise semantic_error(f"column {column.name} already exists")
        old = ", ".join(quote(column.name) for column in table.all_columns)
        table.columns = [*table.columns, *columns]
        # Made anew: in DuckDB partition columns are the last, and stay it.
        made = ", ".join(f"{quote(column.name)} {to_duckdb(column.type)}" for column in table.all_columns)
        with transaction(self.cursor):
            self.cursor.execute(f"CREATE TEMP TABLE _old AS SELECT * FROM {table.sql_name}")
            self.cursor.execute(f"DROP TABLE {table.sql_name}")
            self.cursor.execute(f"CREATE TABLE {table.sql_name} ({made})")
            self.cursor.execute(f"INSERT INTO {table.sql_name} ({old}) SELECT {old} FROM _old")
            self.cursor.execute("DROP TABLE _old")

    def _drop_partitions(self, table: Table, statement: Alter) -> None:
        for values in (self._values(table, spec) for spec in statement.partitions):
            if values not in table.specs and not statement.lenient:
                raise partition_error(f"partition {table.spec_text(values)} does not exist")
            where, parameters = self.engine.condition(table, values)
            self.cursor.execute(f"DELETE FROM {table.sql_name} WHERE {where}", parameters)
            table.specs.pop(values, None)
        table.modified = time.time()
