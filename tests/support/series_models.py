"""Documents of models of series for tests: what a learner would have left, small enough to reckon with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from automl_core.modelfile.scoring.calendars.frequency import parse
from automl_core.modelfile.scoring.calendars.grid import Grid
from automl_core.modelfile.scoring.series.history import kept
from automl_core.modelfile.scoring.series.models import stacked

NAMES = ("Bonn", "Köln", "Ulm")
DAY = 86_400
BEGIN = 19_723 * DAY
"""2024-01-01."""


def grid(frequency: str = "D", zone: str | None = None, anchor: int = BEGIN, written: Any = "date") -> Grid:
    """A grid from 2024 on."""
    return Grid(parse(frequency), zone, anchor, written)


def ets(values: Any, season: int = 7) -> dict[str, Any]:
    """A record with a season."""
    return {
        "type": "ets", "error": "A", "trend": "A", "season": "A", "alpha": 0.3, "beta": 0.02, "gamma": 0.1,
        "phi": 0.95, "level": float(np.nanmean(values)), "growth": 0.1,
        "seasonal": np.arange(season) - (season - 1) / 2,
    }  # fmt: skip


def document(
    *, names: Sequence[str] = NAMES, lengths: Sequence[int] = (60, 50, 40), horizon: int = 14, keep: int = 28,
    ends: Sequence[int] | None = None, **changes: Any,
) -> dict[str, Any]:  # fmt: skip
    """A model of daily sales of shops: two members, intervals, no known columns.

    Args:
        names: of the series.
        lengths: of each; all end at the same slot.
        horizon: steps ahead.
        keep: values that are kept.
        ends: slots of last values; None: all the same.
        changes: parts of the document that are others.
    """
    noise = np.random.default_rng(0)
    values = [10 + np.arange(each) % 7 + noise.normal(size=each) for each in lengths]
    last = np.asarray(ends if ends is not None else [59] * len(names), dtype=np.int64)
    scores = np.sort(np.abs(noise.normal(size=(1, horizon, 30))), axis=2)
    found = {
        "problem": {"kind": "forecasting", "target": "sales"},
        "columns": {"time": "date", "target": "sales", "series": ["store"]},
        "grid": grid().as_json(), "horizon": horizon, "seasons": [7], "levels": [0.8, 0.95], "known": [],
        "series": {
            "names": list(names), "keys": {"store": list(names)}, "trained": len(names),
            "first": last - np.asarray(lengths) + 1, "last": last, "values": kept(values, keep),
        },
        "members": [
            {"name": "ets", "weight": 0.75, "models": stacked([ets(each) for each in values])},
            {"name": "naive", "weight": 0.25,
             "models": stacked([{"type": "seasonal_naive", "last": each[-7:]} for each in values])},
        ],
        "combine": "mean",
        "intervals": {
            "type": "conformal", "kind": "absolute", "scores": scores, "group": np.zeros(len(names), dtype=np.int64),
            "new": 0, "scale": np.linspace(1.0, 2.0, len(names)), "season": 7, "follows": False, "least": 1e-6,
        },
        "limits": {"low": 0.0, "high": None},
    }  # fmt: skip
    return {"format": 1} | found | changes


def rows(
    series: str, first: int, values: Sequence[float | None], on: Grid | None = None, **columns: Any
) -> list[dict[str, Any]]:  # fmt: skip
    """Rows of a table from a slot on."""
    where = on or grid()
    times = where.times(np.arange(first, first + len(values)))
    return [
        {"store": series, "date": where.text(int(time)), "sales": value} | {k: v[n] for k, v in columns.items()}
        for n, (time, value) in enumerate(zip(times, values, strict=True))
    ]
