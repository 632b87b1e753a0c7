"""What a table's search has come to, from the report.json beside its model: picked, bounded, of plain shapes.

A training process wrote the file, so nothing in it is taken for granted: what is of another shape is left out, long
lists are cut and counted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from automl_core.views.shapes import as_list, listed, mapping, number, scalar, text, text_or_none

MOST_PIPELINES, MOST_FINDINGS, MOST_COLUMNS, MOST_METRICS, MOST_FOLDS, MOST_NOTES = 500, 200, 200, 60, 120, 60

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
    problem = mapping(mapping(told).get("problem"))
    if not isinstance(problem.get("kind"), str):
        return {**NONE, "problem": "report.json is no report of a table"}
    test = mapping(told.get("test"))
    board, pipelines = listed(told.get("leaderboard"), MOST_PIPELINES, _pipeline)
    columns, many = listed(told.get("importance"), MOST_COLUMNS, _column)
    weights = {each["trial"]: each["weight"] for each in listed(told.get("ensemble"), 100, _member)[0]}
    return {
        "kind": text(problem["kind"]),
        "target": text(problem.get("target")),
        "metric": text(problem.get("metric")),
        "direction": "maximize" if problem.get("direction") == "maximize" else "minimize",
        "rows": number(mapping(told.get("data")).get("rows")),
        "columns": number(mapping(told.get("data")).get("columns")),
        "test": {
            "rows": number(test.get("rows")),
            "untouched": test.get("untouched") is True,
            "metrics": [
                {"name": text(name), **{key: number(mapping(value).get(key)) for key in ("value", "low", "high")}}
                for name, value in list(mapping(test.get("metrics")).items())[:MOST_METRICS]
            ],
        },
        "estimate": number(told.get("estimate")),
        "validation": {key: text_or_none(value) for key, value in _validation(told).items()},
        "guardrails": listed(told.get("guardrails"), MOST_FINDINGS, _finding)[0],
        "leaderboard": [{**each, "weight": weights.get(each["trial"])} for each in board],
        "pipelines": pipelines,
        "importance": columns,
        "columns_in_all": many,
        "notes": [text(each) for each in as_list(told.get("notes"))[:MOST_NOTES] if isinstance(each, str)],
    }


def _validation(told: Mapping[str, Any]) -> dict[str, Any]:
    found = mapping(told.get("validation"))
    return {key: found.get(key) for key in ("kind", "folds", "group", "time", "why")}


def _pipeline(each: Mapping[str, Any]) -> dict[str, Any]:
    params = mapping(each.get("params"))
    return {
        "trial": number(each.get("trial")), "learner": text(each.get("learner")), "value": number(each.get("value")),
        "state": text(each.get("state")), "reason": text(each.get("reason")), "seconds": number(each.get("seconds")),
        "folds": [number(value) for value in as_list(each.get("folds"))[:MOST_FOLDS]],
        "params": {text(name): scalar(value) for name, value in list(params.items())[:100] if name != "learner"},
    }  # fmt: skip


def _column(each: Mapping[str, Any]) -> dict[str, Any]:
    return {"column": text(each.get("column")), "value": number(each.get("value")), "std": number(each.get("std"))}


def _member(each: Mapping[str, Any]) -> dict[str, Any]:
    return {"trial": number(each.get("trial")), "weight": number(each.get("weight"))}


def _finding(each: Mapping[str, Any]) -> dict[str, Any]:
    columns = [text(name) for name in as_list(each.get("columns"))]
    return {
        **{key: text(each.get(key)) for key in ("kind", "found", "done", "advice")},
        "certain": each.get("certainty") == "certain", "columns": columns[:20], "columns_in_all": len(columns),
    }  # fmt: skip
