"""A model's golden rows as a relation of SQL, and whether SQL says of them what the model said when it was written."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from automl_core.backends.maxcompute.rendering import LEAST_INT, MOST_INT, literal
from automl_core.backends.maxcompute.tables import quoted
from automl_core.batch.wanted import CantScore

if TYPE_CHECKING:
    from automl_core.backends.maxcompute.client import Answer
    from automl_core.modelfile.model import Model
    from automl_core.modelfile.scoring.values import Field
    from automl_core.modelfile.sql.script import Output

ROW = "automl_row"
"""The column that numbers the golden rows."""

MOST = 256
"""Rows at most: a UNION ALL of MaxCompute has as many branches."""

NATURAL = {
    "integer": "bigint", "number": "double", "boolean": "boolean", "string": "string", "date": "string",
    "timestamp": "string",
}  # fmt: skip
"""What a column was in the data of training → the type that holds its golden values, whatever table is scored."""

SHOWN = 5
"""Rows that differ which a message shows."""


@dataclass(frozen=True)
class Golden:
    """Golden rows in SQL.

    Attributes:
        sql: a query whose rows they are, with the column `ROW`.
        types: column → type, in small letters, as the query gives it.
        outputs: row → what the model said: probabilities in the order of its classes, or a number.
        predictions: row → class or number.
        natural: columns that don't have the type that the table has which is scored: it doesn't hold the golden values.
    """

    sql: str
    types: Mapping[str, str]
    outputs: tuple[tuple[float, ...], ...]
    predictions: tuple[Any, ...]
    natural: tuple[str, ...] = ()


def golden_of(model: Model, types: Mapping[str, str]) -> Golden:
    """The golden rows of a model, typed as the table that is scored where its types hold their values.

    Args:
        model: it.
        types: of the table's columns, by name in small letters.

    Raises:
        CantScore: the model has none.
    """
    from automl_core.modelfile.scoring.golden import FILE

    told = json.loads((Path(model.folder) / FILE).read_text(encoding="utf-8"))
    rows = told["rows"][:MOST]
    if not rows:
        raise CantScore("the model has no golden rows: nothing proves that SQL says what it says")
    columns: dict[str, tuple[str, list[str]]] = {}
    natural = []
    for field in model.schema.fields:
        values, name = [row[field.name] for row in rows], field.name.lower()
        wanted = types.get(name) or _natural(field)  # an optional column need not be in the table
        cells = [cell(value, wanted) for value in values]
        if None in cells:
            natural.append(field.name)
            wanted = _natural(field)
            cells = [cell(value, wanted) for value in values]
        if None in cells:
            value = values[cells.index(None)]
            raise CantScore(f"the golden value {value!r} of the column {field.name!r} can't be written in SQL")
        columns[name] = (wanted, [str(each) for each in cells])
    branches = [
        f"SELECT {_bigint(number)} AS {quoted(ROW)}"
        + "".join(f", {cells[number]} AS {quoted(name)}" for name, (_, cells) in columns.items())
        for number in range(len(rows))
    ]
    return Golden(
        "\nUNION ALL ".join(branches),
        {ROW: "bigint", **{name: kind for name, (kind, _) in columns.items()}},
        tuple(tuple(float(each) for each in row) for row in told["outputs"][:MOST]),
        tuple(told["predictions"][:MOST]),
        tuple(natural),
    )


def _natural(field: Field) -> str:
    # a date of training may have been one of text: texts hold all of both, and are read as such by SQL and scorer alike
    return "string" if field.kind in ("category", "text") and field.type == "number" else NATURAL[field.type]


def cell(value: Any, kind: str) -> str | None:
    """A golden value as an expression of a type; None where the type doesn't hold it.

    Args:
        value: as JSON has it.
        kind: of MaxCompute, in small letters.
    """
    from automl_core.modelfile.scoring.texts import text_of

    name = kind.partition("(")[0]
    text = text_of(value)
    if text is None:
        return f"CAST(NULL AS {kind.upper()})"
    if name in ("string", "varchar", "char"):
        return literal(text) if name == "string" else f"CAST({literal(text)} AS {kind.upper()})"
    if name in ("date", "datetime", "timestamp", "timestamp_ntz"):
        return _time(value, kind)
    if name == "boolean":
        return None if not isinstance(value, bool) else ("TRUE" if value else "FALSE")
    if isinstance(value, (str, bool)):
        return None  # 007 is no number, and a boolean of training is none of 0 and 1
    if name in ("bigint", "int", "smallint", "tinyint"):
        whole = float(value).is_integer() and LEAST_INT <= value <= MOST_INT
        return f"CAST({_bigint(int(value))} AS {kind.upper()})" if whole else None
    if name == "double":
        return f"CAST({literal(text)} AS DOUBLE)"
    if name == "decimal":
        return _decimal(text, kind)
    return None  # float, and all that no number is: the value would become another


def differences(golden: Golden, answer: Answer, classes: Sequence[str], columns: Sequence[Output]) -> list[str]:
    """What SQL says of the golden rows otherwise than the model did, a line for each row.

    Args:
        golden: the rows.
        answer: of the query, with `ROW` among its columns.
        classes: of the model; none where it predicts numbers.
        columns: that the query gives.
    """
    from automl_core.modelfile.scoring.golden import TOLERANCE, largest

    places = {name.lower(): place for place, name in enumerate(answer.columns)}
    named = {each.class_name if each.of == "probability" else each.of: each.name.lower() for each in columns}
    outputs_of = [places[named[name]] for name in classes or ("prediction",)]
    decided = places[named["prediction"]]
    found = {int(row[places[ROW]]): row for row in answer.rows}
    lines = []
    for number, (outputs, prediction) in enumerate(zip(golden.outputs, golden.predictions, strict=True)):
        row = found.get(number)
        if row is None:
            lines.append(f"golden row {number}: SQL gives no row for it")
            continue
        said = [row[place] for place in outputs_of]
        label = row[decided]
        numbers = [float("nan") if each is None else float(each) for each in said]
        if largest(numbers, outputs) > TOLERANCE:
            lines.append(f"golden row {number}: the model said {_shown(outputs)}, SQL says {_shown(said)}")
        elif classes and str(label) != str(prediction):
            lines.append(f"golden row {number}: the model said {prediction!r}, SQL says {label!r}")
    if len(answer.rows) != len(golden.outputs):
        lines.append(f"SQL gives {len(answer.rows)} rows for {len(golden.outputs)} golden rows")
    return lines


def _shown(values: Sequence[Any]) -> str:
    return ", ".join("NULL" if each is None else f"{float(each):.12g}" for each in values)


def _bigint(value: int) -> str:
    return f"{value}L" if value >= 0 else f"({value}L)"


def _decimal(text: str, kind: str) -> str | None:
    from decimal import Decimal

    numbers = kind.partition("(")[2].rstrip(")").split(",") if "(" in kind else ["38", "18"]
    precision, scale = int(numbers[0]), int(numbers[1]) if len(numbers) > 1 else 0
    value = Decimal(text)
    _, digits, exponent = value.as_tuple()
    fits = isinstance(exponent, int) and -exponent <= scale and len(digits) + exponent <= precision - scale
    return f"CAST({literal(format(value, 'f'))} AS {kind.upper()})" if fits else None


def _time(value: Any, kind: str) -> str | None:
    """A time of ISO 8601, in UTC as the scorer reads it."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    if found.tzinfo is not None:
        found = found.astimezone(UTC).replace(tzinfo=None)
    if kind == "date":
        whole = found.time() == datetime.min.time() and len(value) == len(date.min.isoformat())
        return f"CAST({literal(found.date().isoformat())} AS DATE)" if whole else None
    if kind == "datetime":
        if found.microsecond:
            return None
        return f"CAST({literal(found.strftime('%Y-%m-%d %H:%M:%S'))} AS DATETIME)"
    return f"CAST({literal(found.isoformat(sep=' '))} AS {kind.upper()})"
