"""Trials as lines over all parameters."""

from __future__ import annotations

from typing import Any

from automl_core.views.parameters import axes_of
from automl_core.views.view import ExperimentView


def parallel(view: ExperimentView, limit: int) -> dict[str, Any]:
    """Trials with a value as lines over all parameters: every one, or the best and others evenly spread."""
    goal, rows = view.experiment.goal, [row for row in view.rows if row.value is not None]
    total = len(rows)
    if total > limit:
        rows.sort(key=lambda row: row.rank or total)
        half = limit // 2
        rest = rows[half:]
        rows = rows[:half] + [rest[round(k * (len(rest) - 1) / max(1, limit - half - 1))] for k in range(limit - half)]
    axes = axes_of(view.study)
    params = [view.study.space.spread(row.params) for row in rows]
    return {
        "seq": view.seq, "dimensions": axes, "metric": goal.label,
        "direction": goal.first.direction, "total": total, "thinned": total > limit,
        "columns": {
            "number": [row.number for row in rows], "state": [row.state for row in rows],
            "value": [row.value for row in rows],
            "params": {axis["name"]: [each.get(axis["name"]) for each in params] for axis in axes},
        },
    }  # fmt: skip
