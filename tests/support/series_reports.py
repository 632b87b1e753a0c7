"""A whole report of a search on series, as `conclude` writes it."""

from __future__ import annotations

import copy
from typing import Any

DAYS = [f"2026-11-{day:02d}" for day in range(1, 29)]


def plot(name: str, place: str, level: float = 10.0) -> dict[str, Any]:
    """Three weeks of a series, a week before the end that was forecast, and a week ahead."""
    values: list[float | None] = [level + day % 7 for day in range(21)]
    values[3] = None

    def forecast(kind: str, first: int) -> dict[str, Any]:
        said = [level + day % 7 for day in range(first, first + 7)]
        bands = [
            {"level": level_, "low": [each - width for each in said], "high": [each + width for each in said]}
            for level_, width in ((0.8, 1.0), (0.95, 2.0))
        ]
        return {"kind": kind, "first": first, "forecast": said, "intervals": bands}

    return {
        "series": name, "place": place, "times": DAYS, "values": values,
        "forecasts": [forecast("origin", 7), forecast("test", 14), forecast("ahead", 21)],
    }  # fmt: skip


SALES: dict[str, Any] = {
    "problem": {"kind": "forecasting", "target": "sales", "metric": "mase", "direction": "minimize", "horizon": 7,
                "frequency": "daily", "zone": None, "seasons": [7], "time": "day", "series": ["shop"],
                "known": ["holiday"], "levels": [0.8, 0.95]},
    "data": {"series": 3, "values": 62, "missing": 1, "from": DAYS[0], "until": DAYS[20]},
    "guardrails": [
        {"kind": "gaps", "certainty": "certain", "series": ["north"], "found": "1 day of north is missing",
         "done": "left open for trees, interpolated for others", "advice": ""},
        {"kind": "short", "certainty": "doubtful", "series": ["new"], "found": "new has fewer days than two seasons",
         "done": "", "advice": "Give more of its past."},
    ],
    "leaderboard": [
        {"trial": 2, "learner": "ets", "value": 0.71, "state": "succeeded", "origins": [0.7, 0.72], "seconds": 1.5,
         "params": {"learner": "ets", "ets.damped": True}, "reason": "", "fallbacks": 1},
        {"trial": 0, "learner": "seasonal_naive", "value": 0.9, "state": "succeeded", "origins": [0.8, 1.0],
         "seconds": 0.1, "params": {"learner": "seasonal_naive"}, "reason": "", "fallbacks": 0},
        {"trial": 1, "learner": "theta", "value": None, "state": "failed", "origins": [], "seconds": 0.1,
         "params": {"learner": "theta"}, "reason": "theta needs statsforecast", "fallbacks": 0},
    ],
    "ensemble": [{"trial": 2, "weight": 0.75}, {"trial": 0, "weight": 0.25}],
    "validation": {"origins": 2, "step": 7, "ends": [DAYS[6], DAYS[13]], "why": "two weeks are all there is room for"},
    "estimate": 0.7,
    "test": {"untouched": True, "series": 3, "values": 21,
             "metrics": {"mase": {"value": 0.69, "low": 0.61, "high": 0.78}, "smape": {"value": 11.5}}},
    "coverage": [{"level": 0.8, "origins": 0.81, "test": 0.79, "width": 1.2, "values": 42},
                 {"level": 0.95, "origins": 0.94, "test": 0.96, "width": 2.4, "values": 42}],
    "steps": [{"step": step, "mase": 0.5 + step / 20, "bias": 0.1, "values": 9} for step in range(1, 8)],
    "by_origin": [{"from": DAYS[6], "kind": "origin", "series": 3, "value": 0.7},
                  {"from": DAYS[13], "kind": "test", "series": 3, "value": 0.69}],
    "series": [
        {"series": "north", "value": 0.9, "mase": 0.9, "rmsse": 0.95, "smape": 12.0, "covered": 0.9, "values": 20,
         "missing": 1, "note": ""},
        {"series": "new", "value": 0.7, "mase": 0.7, "rmsse": 0.7, "smape": 10.0, "covered": 1.0, "values": 21,
         "missing": 0, "note": "ets: too short, seasonal naive"},
        {"series": "south", "value": 0.5, "mase": 0.5, "rmsse": 0.6, "smape": 9.0, "covered": 1.0, "values": 21,
         "missing": 0, "note": ""},
    ],
    "series_in_all": 3,
    "plotted": ["north", "new", "south"],
    "plots": [plot("north", "worst"), plot("new", "median", 5.0), plot("south", "best", 100.0)],
    "notes": ["a season of 7 steps was found"],
    "search": {"why": "the deadline", "trials": 3, "failed": 1},
    "times": {"total": 61.0, "conclude": 12.0},
}  # fmt: skip


def report(base: dict[str, Any] = SALES, **other: Any) -> dict[str, Any]:
    """A copy of a report, with other parts."""
    return {**copy.deepcopy(base), **other}
