"""What a search on series has come to, from the files beside its model: picked, bounded, of plain shapes.

A training process wrote them, so nothing in them is taken for granted: what is of another shape is left out, long lists
are cut and counted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from automl_core.views.shapes import as_list, listed, mapping, number, scalar, text, text_or_none

MOST_TRIALS, MOST_FINDINGS, MOST_SERIES, MOST_METRICS, MOST_ORIGINS, MOST_NOTES = 500, 200, 1000, 60, 200, 60
MOST_STEPS, MOST_PLOTTED, MOST_VALUES, MOST_FORECASTS, MOST_LEVELS = 500, 1000, 5000, 200, 10

NONE: dict[str, Any] = {"kind": None}
"""What is answered where no series were searched, or their model is not made yet."""

KIND = "forecasting"


def forecast_of(raw: bytes) -> dict[str, Any]:
    """The parts of a report that a page shows; `NONE` where it is no report of series.

    Args:
        raw: report.json.
    """
    told = _read(raw)
    problem = mapping(mapping(told).get("problem"))
    if told is None or problem.get("kind") != KIND:
        return {**NONE, "problem": f"report.json is no {'JSON' if told is None else 'report of series'}"}
    data, test, validation = (mapping(told.get(part)) for part in ("data", "test", "validation"))
    board, trials = listed(told.get("leaderboard"), MOST_TRIALS, _trial)
    weights = {each["trial"]: each["weight"] for each in listed(told.get("ensemble"), 100, _member)[0]}
    series, there = listed(told.get("series"), MOST_SERIES, _series)
    return {
        "kind": KIND,
        **{name: text(problem.get(name)) for name in ("target", "metric", "frequency", "time")},
        "zone": text_or_none(problem.get("zone")),
        "direction": "maximize" if problem.get("direction") == "maximize" else "minimize",
        "horizon": number(problem.get("horizon")),
        "seasons": [number(each) for each in as_list(problem.get("seasons"))[:20]],
        "levels": [number(each) for each in as_list(problem.get("levels"))[:MOST_LEVELS]],
        **{name: [text(each) for each in as_list(problem.get(name))[:100]] for name in ("known",)},
        "keys": [text(each) for each in as_list(problem.get("series"))[:100]],
        **{name: number(data.get(name)) for name in ("values", "missing")},
        "series_in_all": number(data.get("series")),
        "from": text(data.get("from")), "until": text(data.get("until")),
        "test": {
            "untouched": test.get("untouched") is True,
            "series": number(test.get("series")),
            "metrics": [
                {"name": text(name), **{key: number(mapping(value).get(key)) for key in ("value", "low", "high")}}
                for name, value in list(mapping(test.get("metrics")).items())[:MOST_METRICS]
            ],
        },
        "estimate": number(told.get("estimate")),
        "validation": {
            "origins": number(validation.get("origins")), "step": number(validation.get("step")),
            "why": text_or_none(validation.get("why")),
        },
        "coverage": listed(told.get("coverage"), MOST_LEVELS, _numbers("level", "origins", "test", "width"))[0],
        "steps": listed(told.get("steps"), MOST_STEPS, _numbers("step", "mase", "bias", "values"))[0],
        "by_origin": listed(told.get("by_origin"), MOST_ORIGINS, _moment)[0],
        "guardrails": listed(told.get("guardrails"), MOST_FINDINGS, _finding)[0],
        "leaderboard": [{**each, "weight": weights.get(each["trial"])} for each in board],
        "trials": trials,
        "series": series,
        "told_series": max(there, int(number(told.get("series_in_all")) or 0)),
        "plotted": [text(each) for each in as_list(told.get("plotted"))[:MOST_PLOTTED] if isinstance(each, str)],
        "notes": [text(each) for each in as_list(told.get("notes"))[:MOST_NOTES] if isinstance(each, str)],
    }  # fmt: skip


def plot_of(raw: bytes, name: str | None) -> dict[str, Any] | None:
    """One series with its forecasts; None where the file has none of that name.

    Args:
        raw: plots.json.
        name: of the series; None: the first one, which is forecast worst.
    """
    for each in as_list(mapping(_read(raw)).get("plots")):
        if isinstance(each, Mapping) and (name is None or each.get("series") == name):
            return _plot(each)
    return None


def _plot(each: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "series": text(each.get("series")), "times": [text(one) for one in as_list(each.get("times"))[:MOST_VALUES]],
        "values": _values(each.get("values")),
        "forecasts": listed(each.get("forecasts"), MOST_FORECASTS, _forecast)[0],
    }  # fmt: skip


def _forecast(each: Mapping[str, Any]) -> dict[str, Any]:
    first = number(each.get("first"))

    def band(one: Mapping[str, Any]) -> dict[str, Any]:
        return {"level": number(one.get("level")), "low": _values(one.get("low")), "high": _values(one.get("high"))}

    return {
        "kind": text(each.get("kind")), "first": max(0, int(first)) if first is not None else 0,
        "forecast": _values(each.get("forecast")), "intervals": listed(each.get("intervals"), MOST_LEVELS, band)[0],
    }  # fmt: skip


def _read(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None


def _values(given: Any) -> list[float | int | None]:
    return [number(each) for each in as_list(given)[:MOST_VALUES]]


def _numbers(*names: str) -> Any:
    return lambda each: {name: number(each.get(name)) for name in names}


def _trial(each: Mapping[str, Any]) -> dict[str, Any]:
    params = mapping(each.get("params"))
    return {
        **_numbers("trial", "value", "seconds", "fallbacks")(each),
        **{name: text(each.get(name)) for name in ("learner", "state", "reason")},
        "origins": _values(each.get("origins"))[:MOST_ORIGINS],
        "params": {text(name): scalar(value) for name, value in list(params.items())[:100] if name != "learner"},
    }  # fmt: skip


def _member(each: Mapping[str, Any]) -> dict[str, Any]:
    return {"trial": number(each.get("trial")), "weight": number(each.get("weight"))}


def _moment(each: Mapping[str, Any]) -> dict[str, Any]:
    return {"from": text(each.get("from")), "kind": text(each.get("kind")), **_numbers("series", "value")(each)}


def _series(each: Mapping[str, Any]) -> dict[str, Any]:
    figures = ("value", "test", "mase", "rmsse", "smape", "mae", "covered", "values", "missing")
    return {
        **{name: text(each.get(name)) for name in ("series", "from", "until", "note")}, **_numbers(*figures)(each),
    }  # fmt: skip


def _finding(each: Mapping[str, Any]) -> dict[str, Any]:
    names = [text(name) for name in as_list(each.get("series"))]
    there = number(mapping(each.get("numbers")).get("series"))
    return {
        **{key: text(each.get(key)) for key in ("kind", "found", "done", "advice")},
        "certain": each.get("certainty") == "certain", "columns": names[:20],
        "columns_in_all": max(len(names), int(there or 0)),
    }  # fmt: skip
