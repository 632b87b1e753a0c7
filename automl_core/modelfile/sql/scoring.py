"""A whole model as a script: the same parts in the same order as `scoring.scorer.Scorer`."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlglot import exp

from automl_core.modelfile.scoring import documents
from automl_core.modelfile.scoring.values import Schema, nearest
from automl_core.modelfile.sql.columns import Table, dates_of_texts
from automl_core.modelfile.sql.dialects import Target, output_names, target_of
from automl_core.modelfile.sql.features import matrix_of
from automl_core.modelfile.sql.links import calibrated, decided, linked
from automl_core.modelfile.sql.models import margin_of
from automl_core.modelfile.sql.nodes import Node, mul, number, total
from automl_core.modelfile.sql.program import Program
from automl_core.modelfile.sql.script import NotInSql, Output, Script, Step

MOST_STEPS = 200
"""Statements of a script: a model that needs more is better scored where Python is."""

HELP = (
    "A search is kept to what has SQL by `space: {learner: {values: [lightgbm, xgboost, histogram, linear]}}`, in "
    'Python by `allowed=["lightgbm", …]` (docs/sql-scoring.md)'
)


def to_sql(
    model: str | Path | Mapping[str, Any], *, table: str, dialect: str = "maxcompute", keep: Sequence[str] = (),
    output: str = "prediction", into: str | None = None, replace: bool = False, types: Mapping[str, str] | None = None,
    where: str | None = None, run: str = "", lifecycle: int = 1, most_bytes: int | None = None,
    absent: Collection[str] = (),
) -> Script:  # fmt: skip
    """A model as SQL that scores a table.

    Args:
        model: a model's folder, or its scorer's document (`scoring.documents`).
        table: its rows are scored; a project or schema may stand before a point.
        dialect: ``maxcompute``, ``ansi`` or ``duckdb``.
        keep: columns of the table that are given along.
        output: ``prediction``, or ``probabilities``: a column for each class as well.
        into: a table that is made of the result; None: the last statement is a SELECT.
        replace: drop ``into`` first where it is there.
        types: of the table's columns, as any of the dialects calls them; what is not named is as in training.
        where: a condition on the table's rows, in the dialect's own words: a partition.
        run: tells scripts that run at the same time apart, in names of temporary tables.
        lifecycle: days after which MaxCompute removes a temporary table that a run has left.
        most_bytes: of a statement; None: as the dialect has it. DuckDB has no limit, and gets one statement.
        absent: optional columns of the model that the table lacks: they are not read, and missing in each row.

    Raises:
        NotInSql: a part of the model has no SQL; the message names it, with what to do.
        ValueError: an argument that is none.
        OSError: the folder can't be read.
    """
    target = target_of(dialect)
    if output not in ("prediction", "probabilities"):
        raise ValueError(f"output is prediction or probabilities, not {output!r}")
    document: Mapping[str, Any] = model if isinstance(model, Mapping) else documents.load(Path(model))
    documents.check_format(document)
    classes = tuple(map(str, document["problem"].get("classes") or ()))
    if output == "probabilities" and not classes:
        raise ValueError(f"{document['problem']['target']} is a number: there are no probabilities")
    source = f"{target.table(table)} AS src" + (f" WHERE {_condition(where, target)}" if where else "")
    most = target.most_bytes if most_bytes is None or dialect == "duckdb" else most_bytes
    program = Program(target, source, piece=40_000 if most is None else min(40_000, most // 4))
    kept = [(name, program.read(name)) for name in keep]
    schema = Schema.from_json(document["schema"])
    for name in types or {}:
        if name in schema and not str((types or {})[name]).strip():
            raise ValueError(f"column {name!r} has an empty type{nearest(name, schema.names)}")
    for name in absent:
        if name not in schema or not schema[name].optional:
            optional = [each.name for each in schema if each.optional]
            raise ValueError(f"absent: {name!r} is no optional column of the model{nearest(name, optional)}")
    outputs = _outputs(program, Table(program, schema, types or {}, absent), document, len(classes) or 1)
    prediction = decided(program, outputs, classes, document.get("threshold")) if classes else outputs[0]
    columns = [Output("prediction", "string" if classes else "double", "prediction")]
    results: list[exp.Column] = [program.let(prediction)]
    if output == "probabilities":
        columns += [Output(f"probability_{each}", "double", "probability", each) for each in classes]
        results += [program.let(each) for each in outputs]
    columns = [*(Output(name, "kept", "keep") for name in keep), *columns]
    names = output_names([each.name for each in columns], target)
    if names[: len(keep)] != list(keep) and len({name.lower() for name in keep}) < len(keep):
        raise ValueError("a column is to be kept twice")
    named = [Output(name, each.type, each.of, each.class_name) for name, each in zip(names, columns, strict=True)]
    shown = list(zip(names, [*(each for _, each in kept), *results], strict=True))
    digest = _digest(document, table, dialect, keep, output, into, types, where, run, most, *absent)
    script = _script(program, shown, named, into, replace, digest, lifecycle, most)
    read = [schema[name] for name in script.reads if name in schema and name not in (types or {})]
    assumed = {each.name: each.type for each in read if dates_of_texts(each)}
    return dataclasses.replace(script, assumed=assumed)


def _condition(where: str, target: Target) -> str:
    """A condition in parentheses, which is one for the dialect.

    Raises:
        ValueError: it is none.
    """
    import sqlglot

    try:
        found = sqlglot.parse_one(where, read=target.dialect)
    except Exception as error:
        raise ValueError(f"where: {where!r} is no condition: {error}") from None
    if isinstance(found, (exp.Query, exp.DDL, exp.Command, exp.Drop, exp.Delete, exp.Update)):
        raise ValueError(f"where: {where!r} is a statement, not a condition")
    return f"({target.write(found)})"


def _outputs(program: Program, table: Table, document: Mapping[str, Any], outputs: int) -> list[Node]:
    """The weighted mean of members, calibrated."""
    members: list[tuple[float, Any, Mapping[str, Any], str]] = []
    _collect(document["members"], 1.0, None, "", members)
    weighted: list[list[Node]] = [[] for _ in range(outputs)]
    for weight, states, member, where in members:
        try:
            matrix = matrix_of(program, table, states)
            found = linked(program, margin_of(program, matrix, member["model"]), member.get("link", "identity"))
        except NotInSql as error:
            raise NotInSql(f"{where} (weight {weight:.3g}) can't be written as SQL: {error}. {HELP}") from None
        if len(found) != outputs:
            raise ValueError(f"a member gives {len(found)} outputs, the problem has {outputs}")
        for own, each in zip(weighted, found, strict=True):
            own.append(each if len(members) == 1 and weight == 1.0 else mul(program.let(each), number(weight)))
    return calibrated(program, document.get("calibration"), [program.let(total(own)) for own in weighted])


def _collect(
    members: Sequence[Mapping[str, Any]], share: float, features: Any, where: str,
    found: list[tuple[float, Any, Mapping[str, Any], str]],
) -> None:  # fmt: skip
    """Members as `scoring.members` takes them apart: a mean's weight and features are those of its members."""
    weights = [float(each.get("weight", 1.0)) for each in members]
    for place, (member, weight) in enumerate(zip(members, weights, strict=True)):
        if weight == 0.0:
            continue
        own, model = member.get("features", features), member["model"]
        name = f"{where}member {place + 1}"
        if model.get("type") == "mean":
            _collect(model["members"], share * weight / sum(weights), own, f"{name}, ", found)
        else:
            found.append((share * weight / sum(weights), own, member, f"{name}, {model.get('type')},"))


def _digest(document: Mapping[str, Any], *others: Any) -> str:
    """What names of temporary tables follow from."""
    plain, arrays = documents.flatten(document)
    found = hashlib.sha256(json.dumps([plain, list(map(repr, others))], sort_keys=True).encode())
    for name, array in arrays.items():
        found.update(name.encode() + array.tobytes())
    return found.hexdigest()[:16]


def _script(
    program: Program, shown: list[tuple[str, exp.Column]], columns: list[Output], into: str | None, replace: bool,
    digest: str, lifecycle: int, most: int | None,
) -> Script:  # fmt: skip
    target = program.target
    steps: list[Step] = []
    cleanup: list[Step] = []
    statements = program.statements(shown, most)
    if len(statements) > MOST_STEPS:
        raise NotInSql(
            f"the model would be {len(statements):,} statements (allowed: {MOST_STEPS}): take a smaller one, or "
            f"larger statements (most_bytes, now {most:,})"
        )
    before = program.source
    kept_for = f" LIFECYCLE {lifecycle}" if target.name == "maxcompute" else ""
    for number_, statement in enumerate(statements):
        last = statement is statements[-1]
        select = statement.select(before, shown if last else None)
        name = into if last else f"automl_{digest}_{number_ + 1}"
        if name is None:
            steps.append(Step("", select, "select"))
            break
        drop = Step(name, f"DROP TABLE IF EXISTS {target.table(name)}", "drop")
        if not last or replace:
            steps.append(drop)
        if not last:
            cleanup.append(drop)
        lived = "" if last else kept_for
        steps.append(Step(name, f"CREATE TABLE {target.table(name)}{lived} AS {select}", "create"))
        before = target.table(name)
    if most is not None:
        longest = max(len(step.sql.encode()) for step in steps)
        if longest > most:
            raise NotInSql(f"a statement has {longest:,} bytes and may have {most:,} (most_bytes): allow larger ones")
    return Script(tuple(steps), tuple(columns), target.name, program.columns, tuple(cleanup), dict(target.settings))
