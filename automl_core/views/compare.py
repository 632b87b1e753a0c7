"""Up to five runs side by side: best so far over time and over trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from automl_core.views.history import history
from automl_core.views.overview import goal_of, template_of
from automl_core.views.view import ExperimentView

MOST = 5
"""Runs that can be compared at once."""

_POINTS = 500

NO_SIDE: dict[str, Any] = {
    "goal": None, "template": None, "best": None, "parameters": [],
    "history": {"columns": {"elapsed": [], "trials": [], "best": []}},
}  # fmt: skip
"""A run of a comparison of which nothing is known."""


def side(view: ExperimentView) -> dict[str, Any]:
    """One run of a comparison."""
    columns = history(view)["columns"]
    count = len(columns["number"])
    # every improvement, and evenly spread points between them
    shown = {k for k, improved in enumerate(columns["improved"]) if improved}
    shown |= {round(k * (count - 1) / (_POINTS - 1)) for k in range(_POINTS)} if count > _POINTS else set(range(count))
    order = sorted(shown)
    created = view.state.created
    best = view.ranking[0] if view.ranking else None
    return {
        "goal": goal_of(view.experiment.goal),
        "template": template_of(view.experiment),
        "best": {"trial": best[0].number, "value": best[1].value, "params": best[0].params} if best else None,
        "parameters": [parameter.name for parameter in view.study.space.parameters],
        "history": {
            "columns": {
                "elapsed": [(columns["ended"][k] or created) - created for k in order],
                "trials": [k + 1 for k in order],
                "best": [columns["best"][k] for k in order],
            }
        },
    }


def comparable(goals: Sequence[dict[str, Any]]) -> tuple[bool, str]:
    """Whether values of runs can be held against each other, and why not."""
    aims = [tuple((each["metric"], each["direction"]) for each in goal["objectives"]) for goal in goals]
    for aim in aims:
        if aim != aims[0]:
            return False, f"one searches for {_words(aims[0])}, another for {_words(aim)}"
    return True, ""


def _words(aim: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(f"{direction} {metric}" for metric, direction in aim)
