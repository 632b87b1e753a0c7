"""The Pareto front of an experiment with several objectives, as published: pareto_front.json."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from automl_core.results.names import recommendation
from automl_core.search.hypervolume import gain, hypervolume, reference_of
from automl_core.search.pareto import Losses, distances

_WHY = (
    "the member of the front nearest to the ideal point, which has the best value of every objective; distances are "
    "shares of the front's range in each objective"
)


def pareto_front(body: Mapping[str, Any]) -> dict[str, Any]:
    """The front of an experiment as plain JSON.

    Args:
        body: of `entries.controller`, of an experiment with several objectives.

    Returns:
        ``front``: its members by trial number, each with its combination, its distance from the ideal point and the
        hypervolume that it alone adds; ``recommended``: which of them is the best compromise, whose model is in
        best_model/; ``hypervolume`` over ``reference`` (stated in the file, else a tenth of the range beyond the
        worst value of a feasible trial), null where it is no finite number; ``trials``: every trial with values.
    """
    experiment, trials = body["experiment"], body["trials"]
    objectives = experiment["goal"]["objectives"]
    valued = [trial for trial in trials if trial["values"] is not None]
    members = [trial for trial in valued if trial["front"]]
    losses = [_losses(trial, objectives) for trial in members]
    feasible = [_losses(trial, objectives) for trial in valued if trial.get("feasible", True)]
    signs = [_sign(objective) for objective in objectives]
    given = [None if each["reference"] is None else _sign(each) * each["reference"] for each in objectives]
    reference = reference_of(feasible, given) if feasible else ()
    return {
        "format_version": experiment["format_version"],
        "name": experiment["name"],
        "run": experiment["run"],
        "objectives": [
            {"name": each["name"], "direction": each["direction"], "reference": _finite(sign * worst)}
            for each, sign, worst in zip(objectives, signs, reference or (math.nan,) * len(signs), strict=True)
        ],
        "constraints": experiment["goal"].get("constraints", []),
        "hypervolume": _finite(hypervolume(losses, reference)) if losses else None,
        "recommended": experiment["best_trial"] if members else None,
        "why": _WHY if members else "no trial satisfies the constraints" if valued else "no trial has values",
        "front": [
            _member(trial, distance, gain(own, [each for each in losses if each is not own], reference))
            for trial, own, distance in zip(members, losses, distances(losses), strict=True)
        ],
        "trials": [
            {"trial": trial["number"], "values": trial["values"], "feasible": trial.get("feasible", True),
             "front": trial["front"], "rank": trial["rank"]}
            for trial in valued
        ],
    }  # fmt: skip


def _member(trial: Mapping[str, Any], distance: float, contribution: float) -> dict[str, Any]:
    member = {
        "trial": trial["number"],
        "values": trial["values"],
        "feasible": trial.get("feasible", True),
        "params": trial["params"],
        "distance": round(distance, 9),
        "hypervolume": _finite(contribution),
        "recommendation": recommendation(trial["number"]),
    }
    return member | ({"budget": trial["budget"]} if "budget" in trial else {})


def _losses(trial: Mapping[str, Any], objectives: Sequence[Mapping[str, Any]]) -> Losses:
    return tuple(_sign(each) * trial["values"][each["name"]] for each in objectives)


def _sign(objective: Mapping[str, Any]) -> float:
    return -1.0 if objective["direction"] == "maximize" else 1.0


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
