"""Scripts run where they can be: DuckDB, in its own dialect and the standard's, and the MaxCompute stand-in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import sqlglot

from automl_core.modelfile.scoring.scorer import Scorer
from automl_core.modelfile.sql import Script, to_sql
from automl_core.modelfile.sql.dialects import target_of
from tests.standins.maxcompute.engine import Engine, Rows
from tests.standins.maxcompute.session import Session

DIALECTS = ("duckdb", "ansi", "maxcompute")

_ODPS = {"int64": "bigint", "int32": "int", "double": "double", "float": "float", "bool": "boolean", "string": "string",
         "date32[day]": "date", "timestamp[us]": "datetime", "timestamp[ms]": "datetime"}  # fmt: skip


def _row_id(table: pa.Table) -> pa.Table:
    return table.append_column("row_id", pa.array(range(len(table)), pa.int64()))


def in_duckdb(script: Script, table: pa.Table, name: str = "rows") -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'Asia/Shanghai'")  # nothing depends on it
        connection.register("given", _row_id(table))
        connection.execute(f'CREATE TABLE "{name}" AS SELECT * FROM given')
        found: list[tuple[Any, ...]] = []
        for step in script.steps:
            found = connection.execute(step.sql).fetchall()
        if script.steps[-1].kind == "create":
            found = connection.execute(f'SELECT * FROM "{script.steps[-1].name}"').fetchall()
        for step in script.cleanup:
            connection.execute(step.sql)
        return found


def in_maxcompute(script: Script, table: pa.Table, name: str = "rows") -> list[tuple[Any, ...]]:
    table = _row_id(table)
    engine = Engine()
    try:
        engine.add_project("p")
        session = Session(engine, "p", frozenset({"p"}), hints=dict(script.settings))
        columns = ", ".join(f"`{field.name}` {_ODPS.get(str(field.type), str(field.type))}" for field in table.schema)
        session.run(f"CREATE TABLE {name} ({columns})")
        kept = engine.catalog.get("p", name)
        assert kept is not None
        engine.append(kept, None, [[list(row.values()) for row in table.to_pylist()]])
        result: Any = None
        for step in script.steps:
            result = session.run(step.sql)
        if script.steps[-1].kind == "create":
            result = session.run(f"SELECT * FROM {script.steps[-1].name}")
        for step in script.cleanup:
            session.run(step.sql)
        assert isinstance(result, Rows)
        return result.rows
    finally:
        engine.close()


def run(script: Script, table: pa.Table) -> list[tuple[Any, ...]]:
    """Rows in the table's order, the row's number left out."""
    found = in_maxcompute(script, table) if script.dialect == "maxcompute" else in_duckdb(script, table)
    return [row[1:] for row in sorted(found)]


def types_of(table: pa.Table) -> dict[str, str]:
    return {field.name: _ODPS.get(str(field.type), str(field.type)) for field in table.schema}


def written(document: Mapping[str, Any], table: pa.Table, dialect: str, **options: Any) -> Script:
    """A script of probabilities or numbers, whose statements sqlglot reads again."""
    output = "probabilities" if document["problem"]["classes"] else "prediction"
    given: dict[str, Any] = {"output": output, "keep": ["row_id"], "types": types_of(table)} | options
    script = to_sql(document, table="rows", dialect=dialect, **given)
    for step in script.steps:
        if len(step.sql) < 20_000 and "LIFECYCLE" not in step.sql:
            assert sqlglot.parse_one(step.sql, read=target_of(dialect).dialect) is not None
    return script


def _whole_seconds(table: pa.Table) -> pa.Table:
    kinds = pa.schema([(f.name, pa.timestamp("s") if pa.types.is_timestamp(f.type) else f.type) for f in table.schema])
    return table.cast(kinds, safe=False).cast(table.schema)


def agree(document: Mapping[str, Any], table: pa.Table, dialects: tuple[str, ...] = DIALECTS, **options: Any) -> None:
    """What SQL says is what numpy says, to 1e-9, in each dialect."""
    scorer = Scorer(document)
    given = table
    for dialect in dialects:
        # DuckDB's EXTRACT(SECOND …) has no fractions, other than the standard's
        table = _whole_seconds(given) if dialect == "ansi" else given
        outputs = scorer.outputs(table)
        found = run(written(document, table, dialect, **options), table)
        assert len(found) == len(table)
        if not scorer.classes:
            numbers = np.asarray([np.nan if row[0] is None else row[0] for row in found])
            np.testing.assert_allclose(numbers, outputs[:, 0], rtol=1e-9, atol=1e-9, err_msg=dialect)
            continue
        said = np.asarray([[np.nan if each is None else each for each in row[1:]] for row in found], dtype=float)
        np.testing.assert_allclose(said, outputs, rtol=1e-9, atol=1e-9, err_msg=dialect)
        classes = scorer.decide(outputs)
        for number, (row, class_) in enumerate(zip(found, classes, strict=True)):
            if row[0] != class_:  # only where two are equal but for rounding
                a, b = (outputs[number][scorer.classes.index(each)] for each in (row[0], class_))
                assert scorer.threshold is not None or abs(a - b) < 1e-12, (dialect, number, row[0], class_)
