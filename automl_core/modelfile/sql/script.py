"""What a model becomes: SQL statements in their order, and what the last one gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


class NotInSql(ValueError):
    """A part of a model that has no SQL: which, why, and what to do."""


@dataclass(frozen=True)
class Step:
    """One statement.

    Attributes:
        name: the table that it makes or drops; empty for the last one where that is a SELECT.
        sql: without a semicolon at its end.
        kind: ``create`` (a table as a select), ``drop`` (a table, if it exists) or ``select``.
    """

    name: str
    sql: str
    kind: str


@dataclass(frozen=True)
class Output:
    """A column that the last statement gives.

    Attributes:
        name: of the column.
        type: ``kept`` (as it is in the table), ``double`` or ``string``.
        of: ``keep``, ``prediction``, or ``probability``.
        class_name: whose probability it is; empty for other columns.
    """

    name: str
    type: str
    of: str
    class_name: str = ""


@dataclass(frozen=True)
class Script:
    """Statements that score a table, to be run in order, each by itself (no script mode is needed).

    Run `steps`, then `cleanup`, which is to run after a failure too. Names of temporary tables follow from the model,
    the table and ``run``, and each is dropped before it is made: a repeated run gives what the first one gave.

    Attributes:
        steps: the last one is a SELECT, or makes the table ``into``.
        cleanup: drops temporary tables.
        columns: what the last step gives.
        dialect: ``maxcompute``, ``ansi`` or ``duckdb``.
        reads: the table's columns that the model reads.
        settings: what MaxCompute has to be told with each statement (hints), empty elsewhere.
        assumed: column that it reads → ``date`` or ``timestamp``, which the table's column is taken for: a category
            that training read from texts, so that the table may have texts too (then its type has to be given).
    """

    steps: tuple[Step, ...]
    columns: tuple[Output, ...]
    dialect: str
    reads: tuple[str, ...] = ()
    cleanup: tuple[Step, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    assumed: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """All as one text: settings, steps, cleanup, a semicolon behind each."""
        lines = [f"SET {name}={value};" for name, value in self.settings.items()]
        return "\n".join([*lines, *(f"{step.sql};" for step in (*self.steps, *self.cleanup)), ""])
