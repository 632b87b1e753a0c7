"""What a table's search has come to, from the report.json beside its model: picked, bounded, of plain shapes.

A training process wrote the file, so nothing in it is taken for granted: what is of another shape is left out, long
lists are cut and counted.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

MOST_BYTES = 8 << 20
"""Bytes of a report that is read at all."""

MOST_PIPELINES, MOST_FINDINGS, MOST_COLUMNS, MOST_METRICS, MOST_FOLDS, MOST_NOTES = 500, 200, 200, 60, 120, 60
LONGEST = 2000
"""Characters of a text."""

NONE: dict[str, Any] = {"kind": None}
"""What is answered where no table was searched, or its model is not made yet."""


def table_of(raw: bytes) -> dict[str, Any]:
    """The parts of a report that a page shows; `NONE` where it is no report of a table.

    Args:
        raw: report.json.
    """
    try:
        told = json.loads(raw)
    except (ValueError, RecursionError):
        return {**NONE, "problem": "report.json is no JSON"}
    problem = _mapping(_mapping(told).get("problem"))
    if not isinstance(problem.get("kind"), str):
        return {**NONE, "problem": "report.json is no report of a table"}
    test = _mapping(told.get("test"))
    board, pipelines = _listed(told.get("leaderboard"), MOST_PIPELINES, _pipeline)
    columns, many = _listed(told.get("importance"), MOST_COLUMNS, _column)
    weights = {each["trial"]: each["weight"] for each in _listed(told.get("ensemble"), 100, _member)[0]}
    return {
        "kind": _text(problem["kind"]),
        "target": _text(problem.get("target")),
        "metric": _text(problem.get("metric")),
        "direction": "maximize" if problem.get("direction") == "maximize" else "minimize",
        "rows": _number(_mapping(told.get("data")).get("rows")),
        "columns": _number(_mapping(told.get("data")).get("columns")),
        "test": {
            "rows": _number(test.get("rows")),
            "untouched": test.get("untouched") is True,
            "metrics": [
                {"name": _text(name), **{key: _number(_mapping(value).get(key)) for key in ("value", "low", "high")}}
                for name, value in list(_mapping(test.get("metrics")).items())[:MOST_METRICS]
            ],
        },
        "estimate": _number(told.get("estimate")),
        "validation": {key: _text_or_none(value) for key, value in _validation(told).items()},
        "guardrails": _listed(told.get("guardrails"), MOST_FINDINGS, _finding)[0],
        "leaderboard": [{**each, "weight": weights.get(each["trial"])} for each in board],
        "pipelines": pipelines,
        "importance": columns,
        "columns_in_all": many,
        "notes": [_text(each) for each in _list(told.get("notes"))[:MOST_NOTES] if isinstance(each, str)],
    }


def _validation(told: Mapping[str, Any]) -> dict[str, Any]:
    found = _mapping(told.get("validation"))
    return {key: found.get(key) for key in ("kind", "folds", "group", "time", "why")}


def _pipeline(each: Mapping[str, Any]) -> dict[str, Any]:
    params = _mapping(each.get("params"))
    return {
        "trial": _number(each.get("trial")), "learner": _text(each.get("learner")), "value": _number(each.get("value")),
        "state": _text(each.get("state")), "reason": _text(each.get("reason")), "seconds": _number(each.get("seconds")),
        "folds": [_number(value) for value in _list(each.get("folds"))[:MOST_FOLDS]],
        "params": {_text(name): _scalar(value) for name, value in list(params.items())[:100] if name != "learner"},
    }  # fmt: skip


def _column(each: Mapping[str, Any]) -> dict[str, Any]:
    return {"column": _text(each.get("column")), "value": _number(each.get("value")), "std": _number(each.get("std"))}


def _member(each: Mapping[str, Any]) -> dict[str, Any]:
    return {"trial": _number(each.get("trial")), "weight": _number(each.get("weight"))}


def _finding(each: Mapping[str, Any]) -> dict[str, Any]:
    columns = [_text(name) for name in _list(each.get("columns"))]
    return {
        **{key: _text(each.get(key)) for key in ("kind", "found", "done", "advice")},
        "certain": each.get("certainty") == "certain", "columns": columns[:20], "columns_in_all": len(columns),
    }  # fmt: skip


def _listed(
    given: Any, most: int, make: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> tuple[list[dict[str, Any]], int]:
    whole = [each for each in _list(given) if isinstance(each, Mapping)]
    return [make(each) for each in whole[:most]], len(whole)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any) -> float | int | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < 1e300 and math.isfinite(value) else None


def _text(value: Any) -> str:
    return "" if value is None else str(value)[:LONGEST] if isinstance(value, str | int | float) else ""


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)


def _scalar(value: Any) -> str | float | int | bool | None:
    if isinstance(value, str):
        return _text(value)
    return value if isinstance(value, bool) or value is None else _number(value)
