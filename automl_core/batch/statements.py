"""The statements that score golden rows, and those that score a table into another."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from automl_core.backends.maxcompute.plan import Step
from automl_core.backends.maxcompute.rendering import literal
from automl_core.backends.maxcompute.tables import TableInfo, quoted
from automl_core.batch.golden import ROW, Golden
from automl_core.batch.wanted import CantScore, Tables, Wanted, create_sql, result_of

if TYPE_CHECKING:
    from automl_core.modelfile.model import Model
    from automl_core.modelfile.sql.script import Output, Script

HINTS = {
    "odps.sql.type.system.odps2": "true", "odps.sql.decimal.odps2": "true", "odps.sql.timezone": "UTC"
}  # fmt: skip
"""A project of the first type system has neither DATE nor DECIMAL(10,2); times are read in UTC, as in training."""

FULL_SCAN = "odps.sql.allow.fullscan"


@dataclass(frozen=True, slots=True)
class Statements:
    """What runs, one instance a step.

    Attributes:
        steps: in order.
        columns: that the model's SQL gives.
        temporary: tables that are dropped at the end.
        result: columns of the table of predictions, name → type; empty for golden rows.
    """

    steps: tuple[Step, ...]
    columns: tuple[Output, ...]
    temporary: tuple[str, ...]
    result: Mapping[str, str]

    def named(self, end: str) -> Statements:
        """The same for a try: its temporary tables have names that no other's have.

        Writing a large model's SQL takes seconds; this does not.

        Args:
            end: of their names: letters, digits and ``_``.
        """
        names = re.compile(rf"\b({'|'.join(map(re.escape, self.temporary))})\b") if self.temporary else None
        texts = [
            (step.label, names.sub(rf"\g<1>_{end}", step.text) if names is not None else step.text, step.hints)
            for step in self.steps
        ]
        temporary = tuple(f"{name}_{end}" for name in self.temporary)
        return replace(self, steps=_numbered_steps(texts), temporary=temporary)


def golden_statements(model: Model, wanted: Wanted, golden: Golden, prefix: str) -> Statements:
    """Golden rows into a table, scored by the statements of any table; the last one answers with what came out.

    Raises:
        CantScore: the model has no SQL.
    """
    table = f"{prefix}_rows"
    types = {each.name: golden.types[each.name.lower()] for each in model.schema.fields} | {ROW: "bigint"}
    script = _script(model, table, types, (ROW,), bool(model.classes), None, f"{prefix}_")
    hints = _hints(script, wanted)
    texts = [
        ("golden rows", f"CREATE TABLE IF NOT EXISTS {quoted(table)} LIFECYCLE 1 AS\n{golden.sql}"),
        *_made(script),
        ("answer", script.steps[-1].sql),
    ]
    return Statements(_steps(texts, hints), script.columns, (table, *_temporary(script)), {})


def scoring_statements(
    model: Model, wanted: Wanted, tables: Tables, types: Mapping[str, str], prefix: str
) -> Statements:
    """The table of predictions, made and filled; the last statement counts the rows of both.

    Raises:
        CantScore: the model has no SQL, or the table of predictions can't have its columns.
    """
    where = tables.rows.predicate(tables.parts) or None
    name = f"{wanted.rows.root}.{wanted.rows.path}"
    absent = tuple(each.name for each in model.schema.fields if each.name.lower() not in tables.rows.all_columns)
    script = _script(model, name, types, wanted.keep, wanted.proba, where, f"{prefix}_", absent)
    result = result_of(script.columns, tables, wanted.constants)
    hints = _hints(script, wanted)
    if tables.rows.partitions and len(tables.parts) < len(tables.rows.partitions):
        hints.setdefault(FULL_SCAN, "true")  # asked for by name: the place is the whole table
    written = f"{quoted(wanted.out.root)}.{quoted(wanted.out.path)}"
    out = tables.out if tables.out is not None else _to_be(tables, wanted, result)
    given = [quoted(each.name) for each in script.columns] + [_literal(value) for value in wanted.constants.values()]
    chosen = ", ".join(f"{value} AS {quoted(column)}" for value, column in zip(given, result, strict=True))
    texts = [
        ("table of predictions", create_sql(result, tables, wanted.out)),
        *_made(script),
        (
            "predictions",
            f"INSERT OVERWRITE TABLE {written}{out.clause(tables.out_parts)}\n"
            f"SELECT {chosen} FROM (\n{script.steps[-1].sql}\n) {quoted('scored')}",
        ),
        ("count", _count(tables, wanted, written, out.predicate(tables.out_parts))),
    ]
    return Statements(_steps(texts, hints), script.columns, _temporary(script), result)


def _script(
    model: Model, table: str, types: Mapping[str, str], keep: tuple[str, ...], proba: bool, where: str | None, run: str,
    absent: tuple[str, ...] = (),
) -> Script:  # fmt: skip
    from automl_core.modelfile.sql import NotInSql, to_sql

    try:
        return to_sql(
            model.folder, table=table, dialect="maxcompute", keep=keep, where=where, run=run, types=types,
            output="probabilities" if proba else "prediction", absent=absent,
        )  # fmt: skip
    except NotInSql as error:
        raise CantScore(f"the model can't be scored in SQL: {error}") from None


def _made(script: Script) -> list[tuple[str, str]]:
    """The tables before the last statement; nothing is dropped first, since each try has names of its own."""
    return [(f"step {number}", each.sql) for number, each in enumerate(script.steps[:-1], 1) if each.kind == "create"]


def _temporary(script: Script) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.name for each in script.cleanup))


def _literal(value: str | int) -> str:
    """A constant as SQL writes it."""
    return f"CAST({value} AS BIGINT)" if isinstance(value, int) else literal(value)


def _hints(script: Script, wanted: Wanted) -> dict[str, str]:
    return {**HINTS, **script.settings, **wanted.hints}


def _count(tables: Tables, wanted: Wanted, written: str, condition: str) -> str:
    where = tables.rows.predicate(tables.parts)
    rows, out = (f" WHERE {each}" if each else "" for each in (where, condition))
    return (
        f"SELECT 'rows' AS `what`, COUNT(*) AS `n` FROM {tables.rows.sql}{rows}\n"  # noqa: S608
        f"UNION ALL SELECT 'out' AS `what`, COUNT(*) AS `n` FROM {written}{out}"
    )  # names are quoted, values literals


def _to_be(tables: Tables, wanted: Wanted, result: Mapping[str, str]) -> TableInfo:
    """The table of predictions that is about to be made."""
    partitions = {name.lower(): "string" for name in tables.out_parts}
    return TableInfo(wanted.out.root, wanted.out.path.lower(), result, partitions)


def _steps(texts: list[tuple[str, str]], hints: Mapping[str, str]) -> tuple[Step, ...]:
    return _numbered_steps([(label, text, hints) for label, text in texts])


def _numbered_steps(texts: list[tuple[str, str, Mapping[str, str]]]) -> tuple[Step, ...]:
    made = []
    for number, (label, text, hints) in enumerate(texts, 1):
        digest = hashlib.sha256(json.dumps([text, sorted(hints.items())]).encode()).hexdigest()[:16]
        made.append(Step(number, label, text, digest, dict(hints)))
    return tuple(made)
