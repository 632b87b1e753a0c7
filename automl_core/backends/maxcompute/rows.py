"""From the rows of a metric query to metrics: typed, aggregated, and refused with the reason."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from automl_core.backends.maxcompute.client import Answer
from automl_core.spec.maxcompute import METRIC_LINE, RowMetrics

_COMBINE: Mapping[str, Callable[[Sequence[float]], float]] = {
    "mean": statistics.fmean,
    "median": statistics.median,
    "min": min,
    "max": max,
    "sum": math.fsum,
}


class BadRows(ValueError):
    """Rows that are no metrics. The message says which column, which row and why."""


def metric_lines(answer: Answer, model: RowMetrics, step: int | None) -> list[str]:
    """The rows as lines of output that `automl_core.metrics.rows.RowSource` reads.

    Args:
        answer: what the query answered.
        model: what the file says of it.
        step: the step of rows without one; None for the file's default, 0.

    Raises:
        BadRows: no rows, a null, a column that is no number, or several rows where one is wanted.
    """
    if not answer.columns:
        raise BadRows("it is no query: it answers with text, and columns with metrics are wanted")
    if not answer.rows:
        raise BadRows("it gives no row")
    if answer.truncated:
        raise BadRows(f"it gives more than {len(answer.rows)} rows, of which the rest can't be read")
    metrics = _metric_columns(answer.columns, model)
    groups: dict[float, list[Mapping[str, float]]] = {}
    for number, row in enumerate(answer.rows, 1):
        found = dict(zip((column.lower() for column in answer.columns), row, strict=True))
        at = _step(found, model, number) if model.step else (step or 0)
        wanted = [*metrics, *([model.weight] if model.weight else [])]
        groups.setdefault(at, []).append({name: _number(found[name.lower()], name, number) for name in wanted})
    return [_line(at, _combined(at, rows, metrics, model)) for at, rows in sorted(groups.items())]


def printed(answer: Answer, limit: int = 100) -> Iterator[str]:
    """What an instance answers, as lines for people: rows as ``name=value`` pairs."""
    if not answer.columns:
        yield from answer.text.splitlines()[:limit]
        return
    for row in answer.rows[:limit]:
        yield " ".join(f"{name}={_shown(value)}" for name, value in zip(answer.columns, row, strict=True))
    if len(answer.rows) > limit:
        yield f"[{len(answer.rows) - limit} more rows]"


def _metric_columns(columns: Sequence[str], model: RowMetrics) -> list[str]:
    names = {column.lower(): column for column in columns}
    if len(names) < len(columns):
        twice = next(c for c in names.values() if sum(c.lower() == other.lower() for other in columns) > 1)
        raise BadRows(f"two columns are called {twice!r}")
    for field in ("step", "weight"):
        wanted = getattr(model, field)
        if wanted is not None and wanted.lower() not in names:
            raise BadRows(f"metrics.{field}: there is no column {wanted!r}; there are {', '.join(columns)}")
    apart = {name.lower() for name in (model.step, model.weight, *model.ignore) if name}
    found = [column for column in columns if column.lower() not in apart]
    if not found:
        raise BadRows(f"none of its columns ({', '.join(columns)}) is a metric")
    return found


def _step(row: Mapping[str, Any], model: RowMetrics, number: int) -> float:
    assert model.step is not None
    value = row[model.step.lower()]
    if isinstance(value, str):
        value = _from_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not 0 <= value < 1e18:
        raise BadRows(f"row {number}: {model.step} is {value!r}; a number of at least 0 is wanted for the step")
    return int(value) if value == int(value) else float(value)


def _number(value: Any, column: str, number: int) -> float:
    if value is None:
        raise BadRows(f"row {number}: {column} is NULL")
    given = value
    if isinstance(value, str):
        value = _from_text(value)
    if isinstance(value, int | float | Decimal):
        return float(value)
    raise BadRows(
        f"row {number}: {column} is {given!r} ({type(given).__name__}), which is no number; cast it, or name it under "
        "metrics.ignore"
    )


def _from_text(value: str) -> Any:
    try:
        return float(value)
    except ValueError:
        return value


def _combined(
    at: float, rows: Sequence[Mapping[str, float]], metrics: Sequence[str], model: RowMetrics
) -> dict[str, float]:
    if len(rows) == 1:
        return {name: rows[0][name] for name in metrics}
    if model.aggregate is None:
        where = f"for step {at}" if model.step else "and metrics.step names no column"
        raise BadRows(f"it gives {len(rows)} rows {where}; set metrics.aggregate (or metrics.step)")
    if model.weight is None:
        return {name: _COMBINE[model.aggregate]([row[name] for row in rows]) for name in metrics}
    weights = [row[model.weight] for row in rows]
    if any(weight < 0 for weight in weights) or not math.fsum(weights) > 0:
        raise BadRows(f"the weights in {model.weight} are not positive: {', '.join(f'{w:g}' for w in weights[:5])}")
    total = math.fsum(weights)
    return {name: math.fsum(row[name] * row[model.weight] for row in rows) / total for name in metrics}


def _line(step: float, values: Mapping[str, float]) -> str:
    return METRIC_LINE + json.dumps({"step": step, **values})


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
