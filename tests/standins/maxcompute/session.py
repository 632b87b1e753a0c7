"""One task's statements, run one after another."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from tests.standins.maxcompute import describe
from tests.standins.maxcompute.catalog import Table, quote
from tests.standins.maxcompute.ddl import Tables
from tests.standins.maxcompute.engine import Engine, Rows, fetch, transaction
from tests.standins.maxcompute.errors import (
    SqlError,
    parse_error,
    partition_error,
    permission_error,
    semantic_error,
    table_not_found,
)
from tests.standins.maxcompute.lexer import Token
from tests.standins.maxcompute.limits import check_text, check_types
from tests.standins.maxcompute.parser import parse_script
from tests.standins.maxcompute.statements import (
    Alter,
    CreateTable,
    CreateView,
    Describe,
    Drop,
    Insert,
    Query,
    SetFlag,
    ShowPartitions,
    ShowTables,
    Statement,
    Truncate,
)
from tests.standins.maxcompute.translate import Translated, place_of, translate

Result = Rows | str
"""Rows of a select, or the text of any other statement."""


@dataclass
class Session:
    """Runs scripts in a project.

    Attributes:
        hints: Settings of the instance; SET adds to them.
        denied: Tables (``project.table``) that may not be read.
        input_bytes: Size of the tables read so far.
    """

    engine: Engine
    project: str
    projects: frozenset[str]
    owner: str = ""
    hints: dict[str, str] = field(default_factory=dict)
    denied: frozenset[str] = frozenset()
    input_bytes: int = 0

    def __post_init__(self) -> None:
        self.cursor = self.engine.cursor()
        self.tables = Tables(self.engine, self.cursor, self.project, self.projects, self.owner)
        self._variables: dict[str, str] = {}

    def close(self) -> None:
        self.cursor.close()

    def interrupt(self) -> None:
        """Ends the statement that runs, from another thread."""
        self.cursor.interrupt()

    def run(self, sql: str) -> Result:
        """Runs a script and answers with what its last statement gave.

        Raises:
            SqlError: What stopped it; the statements before have taken effect.
        """
        check_text(sql)
        statements = parse_script(sql)
        acting = [statement for statement in statements if not isinstance(statement, SetFlag)]
        if len(acting) > 1 and self.hints.get("odps.sql.submit.mode", "").lower() != "script":
            raise parse_error(
                "only one statement is allowed; to run several, submit with the hint odps.sql.submit.mode=script"
            )
        result: Result = ""
        for statement in statements:
            result = self._run(statement)
        return result

    def cost(self, sql: str) -> tuple[int, float]:
        """Bytes that the queries of a script would read, and their complexity; nothing runs.

        Complexity by the number of keywords (join, group by, order by, distinct, window, insert …): up to 3 it is
        1, up to 6 it is 1.5, up to 19 it is 2, beyond 4 (MaxCompute's billing documentation).
        """
        size = keywords = 0
        for statement in parse_script(sql):
            tokens = getattr(statement, "tokens", None) or getattr(statement, "select", None)
            if tokens:
                found = self._translate(tokens)
                with self.tables.errors(tokens):
                    self.cursor.execute(f"EXPLAIN {found.sql}")
                size += sum(self.engine.size(*table) for table in found.tables)
                keywords += found.keywords + isinstance(statement, Insert)
        return size, 1.0 if keywords <= 3 else 1.5 if keywords <= 6 else 2.0 if keywords <= 19 else 4.0

    def _run(self, statement: Statement) -> Result:
        match statement:
            case Query():
                return self._query(statement)
            case Insert():
                self._insert(statement)
            case CreateTable():
                self._create(statement)
            case CreateView():
                self._create_view(statement)
            case Drop():
                self.tables.drop(statement)
            case Alter():
                self.tables.alter(statement)
            case Truncate():
                self.tables.truncate(statement)
            case Describe():
                return describe.table_text(self.engine, self.tables.find(statement.name))
            case ShowTables():
                return describe.tables_text(self.engine.catalog.of(self.project), self.owner, statement.pattern)
            case ShowPartitions():
                return describe.partitions_text(self.tables.find(statement.name))
            case SetFlag():
                self.hints[statement.key] = statement.value
        return ""

    # --- queries

    def _translate(self, tokens: list[Token]) -> Translated:
        found = translate(tokens, self.project, self.hints, self._variables, self._keys)
        for project, name in found.tables:
            at = place_of(tokens, name)
            if project not in self.projects:
                raise SqlError("ODPS-0420111", "Project not found", f"'{project}'", at)
            if self.engine.catalog.get(project, name) is None:
                raise table_not_found(project, name, at)
            if f"{project}.{name}" in self.denied:
                raise permission_error(project, f"tables/{name}")
        return found

    def _keys(self, project: str, name: str) -> frozenset[str]:
        table = self.engine.catalog.get(project, name)
        return frozenset(column.name.lower() for column in table.partitions) if table is not None else frozenset()

    def _prepare(self, tokens: list[Token]) -> str:
        found = self._translate(tokens)
        self.input_bytes += sum(self.engine.size(*table) for table in found.tables)
        if found.seed is not None:
            self.cursor.execute("SELECT setseed(?)", [(found.seed % 1_000_003) / 1_000_003])
        return found.sql

    def _query(self, statement: Query) -> Result:
        sql = self._prepare(statement.tokens)
        with self.tables.errors(statement.tokens):
            if statement.into is None:
                return fetch(self.cursor, sql)
            kept = f"_variable_{len(self._variables)}"
            self.cursor.execute(f"CREATE TEMP TABLE {kept} AS SELECT * FROM ({sql}) AS q")
            self._variables[statement.into] = kept
        return ""

    @contextmanager
    def _staged(self, tokens: list[Token]) -> Iterator[Rows]:
        """The rows of a query in a temporary table ``_stage``, computed before anybody has to wait for the lock."""
        sql = self._prepare(tokens)
        with self.tables.errors(tokens):
            self.cursor.execute(f"CREATE OR REPLACE TEMP TABLE _stage AS SELECT * FROM ({sql}) AS q")
            try:
                yield fetch(self.cursor, "SELECT * FROM _stage LIMIT 0")
            finally:
                self.cursor.execute("DROP TABLE _stage")

    # --- what makes and fills tables

    def _create(self, statement: CreateTable) -> None:
        check_types([*statement.columns, *statement.partitions], self.hints, statement.name.at)
        table = self.tables.define(statement)
        if table is None:
            return
        if statement.select is None:
            with self.engine.write_lock, self.tables.errors([]):
                self.engine.create(self.cursor, table)
                self.engine.catalog.put(table)
            return
        with self._staged(statement.select) as staged:
            table.columns = [replace(column, name=column.name.lower()) for column in staged.columns]
            with self.engine.write_lock:
                with transaction(self.cursor):
                    self.engine.create(self.cursor, table)
                    self.cursor.execute(f"INSERT INTO {table.sql_name} SELECT * FROM _stage")
                self.engine.catalog.put(table)

    def _create_view(self, statement: CreateView) -> None:
        project = self.tables.owner_of(statement.name)
        present = self.engine.catalog.get(project, statement.name.table)
        if present and not statement.replace:
            if statement.if_not_exists:
                return
            raise self.tables.exists(statement.name, project)
        sql = self._translate(statement.select).sql
        with self.engine.write_lock, self.tables.errors(statement.select):
            columns = fetch(self.cursor, f"SELECT * FROM ({sql}) AS q LIMIT 0").columns
            table = Table(project, statement.name.table, columns, owner=self.owner, view_text=statement.text)
            self.cursor.execute(f"CREATE OR REPLACE VIEW {table.sql_name} AS {sql}")
            self.engine.catalog.put(table)

    def _insert(self, statement: Insert) -> None:
        table = self.tables.find(statement.name)
        given = dict(statement.partition)
        known = [column.name for column in table.partitions]
        if set(given) - set(known) or (known and not given and not statement.columns):
            raise semantic_error(
                f"partition columns of {table.project}.{table.name} are ({', '.join(known)})", statement.name.at
            )
        static = {name: value for name, value in given.items() if value is not None}
        dynamic = [name for name in known if name not in static]
        columns = statement.columns or [column.name for column in table.columns] + dynamic
        if statement.columns and not set(dynamic) <= set(columns):
            columns = columns + [name for name in dynamic if name not in columns]
        types = {column.name: column.type for column in table.all_columns}
        if unknown := [name for name in columns if name not in types]:
            raise semantic_error(f"column {unknown[0]} cannot be resolved", statement.name.at)
        with self._staged(statement.select) as staged:
            if len(staged.columns) != len(columns):
                raise semantic_error(
                    f"wrong columns count {len(staged.columns)} in data source, requires {len(columns)} columns"
                    " (includes dynamic partitions if any)",
                    statement.select[0].at,
                )
            source = self.cursor.execute("SELECT column_name FROM (DESCRIBE _stage)").fetchall()
            values = [_converted(quote(name), types[column]) for (name,), column in zip(source, columns, strict=True)]
            with self.engine.write_lock:
                self._write(table, static, dict(zip(columns, values, strict=True)), statement.overwrite)

    def _write(self, table: Table, static: dict[str, str], values: dict[str, str], overwrite: bool) -> None:
        """Moves the staged rows into a table.

        Args:
            static: Partition columns whose value the statement gives.
            values: For each other column the SQL of its value.
        """
        keys = [column.name for column in table.partitions]
        specs: set[tuple[str, ...]] = set()
        if keys:
            chosen = ", ".join(
                "CAST(? AS VARCHAR)" if key in static else f"CAST({values[key]} AS VARCHAR)" for key in keys
            )
            source = "" if len(static) == len(keys) else " FROM _stage"
            found = self.cursor.execute(
                f"SELECT DISTINCT {chosen}{source}", [static[key] for key in keys if key in static]
            ).fetchall()
            specs = set(found)
            if any(value in (None, "") for spec in specs for value in spec):
                raise partition_error("a dynamic partition value must be neither null nor empty")
        names = ", ".join(map(quote, [*values, *static]))
        marks = ", ".join([*values.values(), *("?" for _ in static)])
        with transaction(self.cursor):
            if overwrite:
                for spec in specs or [()]:
                    where, parameters = self.engine.condition(table, spec) if keys else ("TRUE", [])
                    self.cursor.execute(f"DELETE FROM {table.sql_name} WHERE {where}", parameters)
            self.cursor.execute(
                f"INSERT INTO {table.sql_name} ({names}) SELECT {marks} FROM _stage", list(static.values())
            )
        for spec in specs:
            table.specs.setdefault(spec, time.time())
        self.engine.touch(table)


def _converted(value: str, kind: str) -> str:
    """SQL of a value on its way into a column: fractions are cut off, not rounded."""
    return f"mc_bigint({value})" if kind in ("bigint", "int", "smallint", "tinyint") else value
