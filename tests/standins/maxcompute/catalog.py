"""The tables of the projects: columns, partitions, lifecycles. Their rows lie in DuckDB."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import duckdb

from tests.standins.maxcompute.odps_types import Column

PartitionValues = tuple[str, ...]


@dataclass
class Table:
    """A table or a view.

    Attributes:
        partitions: Columns that it is partitioned by; DuckDB has them as ordinary columns, last.
        specs: The partitions that exist, by their values in the order of ``partitions``, and when each was made.
        lifecycle: Days until data that nobody touched is dropped; -1 for ever.
        view_text: Of a view its query, else None.
    """

    project: str
    name: str
    columns: list[Column]
    partitions: list[Column] = field(default_factory=list)
    specs: dict[PartitionValues, float] = field(default_factory=dict)
    comment: str = ""
    lifecycle: int = -1
    properties: dict[str, str] = field(default_factory=dict)
    owner: str = ""
    created: float = field(default_factory=time.time)
    modified: float = field(default_factory=time.time)
    ddl_modified: float = field(default_factory=time.time)
    view_text: str | None = None

    @property
    def sql_name(self) -> str:
        """As DuckDB calls it."""
        return f"{quote(self.project)}.{quote(self.name)}"

    @property
    def all_columns(self) -> list[Column]:
        return [*self.columns, *self.partitions]

    def spec_text(self, values: PartitionValues, quoted: bool = False) -> str:
        """``ds=a/hour=1``, or quoted ``ds='a',hour='1'``."""
        pairs = zip((column.name for column in self.partitions), values, strict=True)
        return ",".join(f"{k}='{v}'" for k, v in pairs) if quoted else "/".join(f"{k}={v}" for k, v in pairs)

    def schema_json(self) -> dict[str, Any]:
        """The part of a schema that the tunnel sends too."""
        return {
            "columns": [column.to_json() for column in self.columns],
            "partitionKeys": [column.to_json() for column in self.partitions],
        }

    def to_json(self) -> str:
        fields = {**self.__dict__}
        fields["columns"] = [column.to_dict() for column in self.columns]
        fields["partitions"] = [column.to_dict() for column in self.partitions]
        fields["specs"] = [[list(values), made] for values, made in self.specs.items()]
        return json.dumps(fields)

    @classmethod
    def from_json(cls, text: str) -> Table:
        fields = json.loads(text)
        fields["columns"] = [Column(**column) for column in fields["columns"]]
        fields["partitions"] = [Column(**column) for column in fields["partitions"]]
        fields["specs"] = {tuple(values): made for values, made in fields["specs"]}
        return cls(**fields)


class Catalog:
    """The tables by project and name; kept in the database itself, so that a folder of data can be opened again."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._lock = threading.RLock()
        self._tables: dict[tuple[str, str], Table] = {}
        connection.execute("CREATE SCHEMA IF NOT EXISTS _standin")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS _standin.tables (project VARCHAR, name VARCHAR, meta VARCHAR,"
            " PRIMARY KEY (project, name))"
        )
        for (meta,) in connection.execute("SELECT meta FROM _standin.tables").fetchall():
            table = Table.from_json(meta)
            self._tables[table.project, table.name] = table

    def get(self, project: str, name: str) -> Table | None:
        with self._lock:
            return self._tables.get((project.lower(), name.lower()))

    def of(self, project: str) -> Iterator[Table]:
        """The tables of a project, by name."""
        with self._lock:
            tables = [table for (owner, _), table in self._tables.items() if owner == project.lower()]
        yield from sorted(tables, key=lambda table: table.name)

    def put(self, table: Table) -> None:
        with self._lock:
            self._tables[table.project, table.name] = table
            self._connection.execute(
                "INSERT OR REPLACE INTO _standin.tables VALUES (?, ?, ?)", [table.project, table.name, table.to_json()]
            )

    def remove(self, table: Table) -> None:
        with self._lock:
            self._tables.pop((table.project, table.name), None)
            self._connection.execute(
                "DELETE FROM _standin.tables WHERE project = ? AND name = ?", [table.project, table.name]
            )


def quote(name: str) -> str:
    """A name as DuckDB reads it, whatever signs are in it."""
    return '"' + name.replace('"', '""') + '"'
