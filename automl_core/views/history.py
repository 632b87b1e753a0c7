"""How an experiment went on: best so far over the trials, cost over time, and the Pareto front."""

from __future__ import annotations

from typing import Any

from automl_core.search.outcomes import finished_budget
from automl_core.study.history import sign
from automl_core.study.points import values_of
from automl_core.views.rows import Row
from automl_core.views.view import ExperimentView


def history(view: ExperimentView) -> dict[str, Any]:
    """Every piece of work in the order in which they ended, with the best value so far.

    With budgets a value at a higher finished budget is worth more than any at a lower one. With constraints only what
    satisfies them counts as best.
    """
    state, goal = view.state, view.experiment.goal
    direction, rows = sign(view.experiment), view.rows
    names = ("number", "ended", "value", "state", "best", "budget", "improved")
    columns: dict[str, list[Any]] = {name: [] for name in names}
    best: tuple[int, float] | None = None
    for slot in state.order:
        work = state.works[slot]
        value, improved = work.counts, False
        if value is not None and rows[work.trial].feasible is not False:
            rank = (-finished_budget(work), direction * value)
            improved = best is None or rank < best
            best = rank if best is None or improved else best
        shown = direction * best[1] if best is not None else None
        for name, entry in zip(
            names, (work.trial, work.ended, value, str(work.state), shown, work.budget, improved), strict=True
        ):
            columns[name].append(entry)
    return {
        "seq": view.seq, "metric": goal.label, "direction": goal.first.direction, "created": state.created,
        "columns": columns,
    }  # fmt: skip


def cost(view: ExperimentView) -> dict[str, Any]:
    """Cost, training time and best value over time, cumulated at the end of each piece of work."""
    state, found = view.state, view.summary()
    best = history(view)["columns"]["best"]
    columns: dict[str, list[Any]] = {name: [] for name in ("time", "cost", "seconds", "trials", "best")}
    total = seconds = 0.0
    for index, slot in enumerate(state.order):
        work = state.works[slot]
        total, seconds = total + work.cost, seconds + work.seconds
        for name, entry in zip(columns, (work.ended, total, seconds, index + 1, best[index]), strict=True):
            columns[name].append(entry)
    return {
        "seq": view.seq, "columns": columns, "max_cost": view.experiment.stop.max_cost,
        "cost_left": found.left.cost_left, "cost": found.cost,
    }  # fmt: skip


def pareto(view: ExperimentView) -> dict[str, Any]:
    """Every trial's value of each objective, and which trials none other dominates."""
    experiment, state = view.experiment, view.state
    objectives = experiment.goal.all_objectives
    shown: list[Row] = []
    values: list[tuple[float, ...]] = []
    for row in view.rows:
        work = state.counted(state.trials[row.number])
        point = values_of(experiment, work) if work is not None else None
        if point is not None:
            shown.append(row)
            values.append(point)
    several = experiment.goal.several
    best = view.ranking[0][0].number if view.ranking else None
    front = [row.number for row in shown if row.front] if several else [n for n in (best,) if n is not None]
    members = set(front)
    return {
        "seq": view.seq,
        "objectives": [
            {"metric": each.label, "direction": each.direction, "reference": each.reference} for each in objectives
        ],
        "constraints": [each.model_dump(mode="json") for each in experiment.goal.constraints],
        "front": front,
        "knee": best if several else None,
        "columns": {
            "number": [row.number for row in shown],
            "state": [row.state for row in shown],
            "feasible": [row.feasible for row in shown],
            "front": [row.number in members for row in shown],
            "values": {each.label: [point[k] for point in values] for k, each in enumerate(objectives)},
        },
    }
