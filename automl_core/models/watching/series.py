"""Looks over time as plain JSON, for pages, clients and programs: the estimate, drift by column, the live tests.

What a `Look` has of each, small enough to be repeated by the 200 looks after it::

    estimate   {state: estimated|cant_tell|none, why, metric, direction, value, low, high, rows, accepted,
                loss: {value, low, high}, limit, worse: true|false|null, words,
                checked: {rows, estimated, low, high, spread, measured, within} | null,
                record: {checks, within, error, excess}}
                none: it was not asked for, or the model is no classifier. `checked`: the rows of this look that have
                labels, estimated without them and measured with them. `worse`: null where that can't be told.
    drift      {state: drifted|holds|cant_tell, why, rows, p, alpha, columns: {NAME: distance}, drifted: [NAME..],
                words: [text..]}
                `columns`: 20 at most, the furthest first; what the model says is among them, as "probability of CLASS".
    live       {state: passed|failed|not_told, cause, why, url, version, record, other, tests, failed, requests,
                seconds: {median, p95} | null}
                cause: of not_told: away|slow|unauthorized|tls|refused|unavailable|no_tests|no_rows|… ; other: words
                where an answer was not by a version of the journal.

In full, of the newest look alone (`Looks.details`): ``drift`` has further ``attribution`` and each column's words,
``live`` its tests as an evidence has them, ``estimate`` its ``parts`` and ``calibration``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from automl_core.models.watching.looks import Look, Looks

MOST_COLUMNS = 20
"""Columns whose distances a look keeps."""


def series_of(looks: Looks) -> dict[str, Any]:
    """The looks of a model over time, the oldest first.

    Returns:
        ``estimate``: ``{metric, points: [{time, version, value, low, high, rows, worse, measured}], newest}``;
        ``drift``: ``{least, columns: [{name, points: [[time, distance]..]}], looks: [{time, version, state, p, alpha,
        rows, drifted, words}], newest}``; ``live``: ``{looks: [{time, version, state, why}], newest}``. Times are
        seconds since 1970; each ``newest`` is that look's in full, null where there is none. Columns stand in the order
        of their greatest distance.
    """
    told = list(reversed(looks.looks))
    return {"estimate": _estimates(told, looks), "drift": _drifts(told, looks), "live": _lives(told, looks)}


def _estimates(told: list[Look], looks: Looks) -> dict[str, Any]:
    metrics = [str(each.estimate.get("metric")) for each in told if each.estimate.get("value") is not None]
    metric = metrics[-1] if metrics else None  # values of another metric can't stand on the same axis
    points = [
        {"time": each.time, "version": each.version,
         **{name: each.estimate.get(name) for name in ("value", "low", "high", "rows", "worse")},
         "measured": (each.estimate.get("checked") or {}).get("measured")}
        for each in told if each.estimate.get("value") is not None and each.estimate.get("metric") == metric
    ]  # fmt: skip
    return {"metric": metric, "points": points, "newest": _newest(looks, "estimate")}


def _drifts(told: list[Look], looks: Looks) -> dict[str, Any]:
    from automl_core.models.drift.comparing import LEAST

    columns: dict[str, list[list[float]]] = {}
    for look in told:
        for name, distance in (look.drift.get("columns") or {}).items():
            columns.setdefault(name, []).append([look.time, distance])
    order = sorted(columns, key=lambda name: (-max(each[1] for each in columns[name]), name))
    return {
        "least": LEAST, "columns": [{"name": name, "points": columns[name]} for name in order],
        "looks": [
            {"time": each.time, "version": each.version,
             **{name: each.drift.get(name) for name in ("state", "p", "alpha", "rows", "drifted", "words")}}
            for each in told if each.drift
        ],
        "newest": _newest(looks, "drift"),
    }  # fmt: skip


def _lives(told: list[Look], looks: Looks) -> dict[str, Any]:
    seen = [
        {"time": each.time, "version": each.live.get("version"), "state": each.live["state"],
         "why": each.live.get("why", "")}
        for each in told if each.live
    ]  # fmt: skip
    return {"looks": seen, "newest": _newest(looks, "live")}


def _newest(looks: Looks, what: str) -> Any:
    found = looks.details.get(what) or (getattr(looks.newest, what) if looks.newest is not None else None)
    return found or None


_OF_ESTIMATE = (
    "state", "why", "metric", "direction", "value", "low", "high", "rows", "accepted", "loss", "limit", "worse",
    "words", "checked", "record",
)  # fmt: skip
_OF_LIVE = ("state", "cause", "why", "url", "version", "record", "other", "failed", "requests", "seconds")


def short_of(details: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What a `Look` keeps of its details, by their names.

    Args:
        details: ``estimate``, ``drift`` and ``live`` in full, each where it was looked at.
    """
    found: dict[str, dict[str, Any]] = {}
    if "estimate" in details:
        found["estimate"] = {name: details["estimate"].get(name) for name in _OF_ESTIMATE}
    if "live" in details:
        live = details["live"]
        found["live"] = {name: live.get(name) for name in _OF_LIVE} | {"tests": len(live.get("tests") or ())}
    if "drift" in details:
        found["drift"] = _short_drift(details["drift"])
    return found


def _short_drift(drift: Mapping[str, Any]) -> dict[str, Any]:
    from automl_core.models.evaluation.columns import drift_words

    state = {True: "drifted", False: "holds", None: "cant_tell"}[drift["drifted"]]
    columns = list(drift["columns"])[:MOST_COLUMNS]
    return {
        "state": state, "why": drift["why"], "rows": drift["rows"], "p": drift["p"], "alpha": drift["alpha"],
        "columns": {each["name"]: round(float(each["distance"]), 4) for each in columns},
        "drifted": [each["name"] for each in drift["columns"] if each["drifted"]][:MOST_COLUMNS],
        "words": drift_words(drift),
    }  # fmt: skip


def in_a_row(looks: Iterable[Look], version: int) -> int:
    """How many looks at a version, the newest first, have found drift one after the other.

    Looks that could not tell are passed over: they are no sign that it is gone.

    Args:
        looks: the newest first.
        version: that is in use.
    """
    found = 0
    for look in looks:
        state = look.drift.get("state")
        if look.version != version or state == "holds":
            break
        found += state == "drifted"
    return found
