"""Which parameters matter: functional ANOVA over a random forest, and what the forest expects along them.

Shares of the variance over the search space that each parameter, and each pair beyond its two, explains (Hutter, Hoos
and Leyton-Brown 2014), with their spread over the trees of the forest. The measure is that of the experiment file: a
parameter's prior (logarithms, weights of options) is uniform on the unit cube.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from automl_core.extras import needed_by
from automl_core.space import ListParameter, Params, Space
from automl_core.study.history import sign
from automl_core.views.parameters import axes_of
from automl_core.views.view import ExperimentView

if TYPE_CHECKING:
    from automl_core.views.forest import Array, Tree

TREES = 32
LEAST_TRIALS = 4
MOST_TRIALS = 1000
"""Trials that the forest is grown on at most: the best half of them, and others evenly spread."""

_PAIRS = 6
_GRID = 40
_OUTLIER = 3.0


@dataclass(frozen=True, slots=True)
class Observations:
    """What a forest is grown on.

    Attributes:
        seq: how far the journal was read.
        units: a point of the unit cube a trial; inactive parameters stand in the middle.
        values: on the goal's scale.
        names: of the dimensions.
    """

    seq: int
    units: Array
    values: Array
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Model:
    """A forest and what it was grown on."""

    observations: Observations
    trees: tuple[Tree, ...]


def observe(view: ExperimentView) -> Observations:
    """Copy what a forest needs, so that it can be grown without holding the experiment."""
    with needed_by("the importance of parameters"):
        import numpy as np

    space, direction = view.study.space, sign(view.experiment)
    ranked = [(trial, work) for trial, work in view.ranking if work.value is not None and math.isfinite(work.value)]
    if len(ranked) > MOST_TRIALS:
        half = MOST_TRIALS // 2
        rest = ranked[half:]
        ranked = ranked[:half] + [rest[round(k * (len(rest) - 1) / (half - 1))] for k in range(half)]
    units = [_units(space, trial.params) for trial, _ in ranked]
    losses = np.array([direction * (work.value or 0.0) for _, work in ranked], dtype=float)
    if len(losses):
        first, third = np.quantile(losses, [0.25, 0.75])
        # a diverged training would otherwise be all that the forest explains
        losses = np.minimum(losses, third + _OUTLIER * (third - first)) if third > first else losses
    return Observations(
        view.seq,
        np.array(units, dtype=float).reshape(len(units), len(space.dimensions)),
        direction * losses,
        tuple(parameter.name for parameter in space.dimensions),
    )


def fit(observations: Observations, *, seed: int = 0) -> Model | None:
    """Grow the forest, None where there is too little to learn from."""
    import numpy as np

    from automl_core.views.forest import grow

    if len(observations.values) < LEAST_TRIALS or not observations.names or np.ptp(observations.values) <= 0:
        return None
    return Model(observations, tuple(grow(observations.units, observations.values, trees=TREES, seed=seed)))


def importance(observations: Observations, model: Model | None) -> dict[str, Any]:
    """Shares of the variance by parameter and by pair, most important first, with their spread over the trees."""
    import numpy as np

    body: dict[str, Any] = {
        "method": "fANOVA", "trials": len(observations.values), "trees": TREES, "parameters": [], "pairs": [],
        "computed_at": observations.seq, "note": "",
    }  # fmt: skip
    trees = [tree for tree in (model.trees if model else ()) if tree.variance > 0]
    if not trees:
        few = len(observations.values) < LEAST_TRIALS
        body["note"] = (
            f"{len(observations.values)} trials have a value, {LEAST_TRIALS} are needed"
            if few
            else "every trial has the same value: nothing to explain"
        )
        return body
    names = observations.names
    alone = np.array([[tree.effect(d) / tree.variance for d in range(len(names))] for tree in trees])
    order = np.argsort(-alone.mean(axis=0), kind="stable")
    body["parameters"] = [
        {"name": names[d], "importance": float(alone[:, d].mean()), "std": float(alone[:, d].std())} for d in order
    ]
    pairs = []
    for one, two in combinations(order[:_PAIRS], 2):
        shares = np.array([tree.effect_pair(int(one), int(two)) / tree.variance for tree in trees])
        pairs.append({"names": [names[one], names[two]], "importance": shares.mean(), "std": shares.std()})
    pairs.sort(key=lambda pair: -float(pair["importance"]))
    body["pairs"] = [{**pair, "importance": float(pair["importance"]), "std": float(pair["std"])} for pair in pairs]
    return body


def slice_plot(view: ExperimentView, name: str, model: Model | None) -> dict[str, Any]:
    """Values over one parameter, with what the forest expects along it.

    Raises:
        LookupError: there is no such parameter.
    """
    parameter = _axis(view, name)
    spread = view.study.space.spread
    rows = [(row, params) for row in view.rows if row.value is not None and name in (params := spread(row.params))]
    return {
        "seq": view.seq,
        "parameter": parameter,
        "columns": {
            "number": [row.number for row, _ in rows], "x": [params[name] for _, params in rows],
            "value": [row.value for row, _ in rows], "state": [row.state for row, _ in rows],
        },
        "marginal": _marginal(view.study.space, name, model),
    }  # fmt: skip


def contour_plot(view: ExperimentView, x: str, y: str, model: Model | None) -> dict[str, Any]:
    """Values over two parameters, with what the forest expects on a grid of them.

    Raises:
        LookupError: there is no such parameter.
    """
    across, up = _axis(view, x), _axis(view, y)
    spread = view.study.space.spread
    shown = [(row, spread(row.params)) for row in view.rows if row.value is not None]
    rows = [(row, params) for row, params in shown if x in params and y in params]
    return {
        "seq": view.seq, "x": across, "y": up,
        "columns": {
            "number": [row.number for row, _ in rows], "x": [params[x] for _, params in rows],
            "y": [params[y] for _, params in rows], "value": [row.value for row, _ in rows],
            "state": [row.state for row, _ in rows],
        },
        "grid": _grid(view.study.space, x, y, model) if x != y else None,
    }  # fmt: skip


def _axis(view: ExperimentView, name: str) -> dict[str, Any]:
    parameters = {parameter["name"]: parameter for parameter in axes_of(view.study)}
    if name not in parameters:
        is_list = name in view.study.space.by_name
        problem = f"{name!r} is a list: name a part of it" if is_list else f"there is no parameter {name!r}"
        raise LookupError(f"{problem}; the space has {', '.join(parameters)}")
    return parameters[name]


def _units(space: Space, params: Params) -> list[float]:
    units = [0.5 if math.isnan(unit) else unit for unit in space.units(params)]
    for parameter in space.tunable:
        if isinstance(parameter, ListParameter) and parameter.name in params:  # each part where its own value lies
            own = zip(parameter.dimensions, parameter.parts_of(params[parameter.name]), strict=True)
            units[space.ranges[parameter.name]] = [0.5 if v is None else part.unit_of(v) for part, v in own]
    return units


def _places(space: Space, name: str) -> tuple[list[Any], list[float]]:
    """Values of a parameter to show, and their places on the unit interval."""
    parameter = {each.name: each for each in (*space.parameters, *space.dimensions)}[name]
    listed = parameter.values_within(-math.inf, math.inf)
    if listed is not None and len(listed) <= _GRID:
        return list(listed), [parameter.unit_of(value) for value in listed]
    units = [(k + 0.5) / _GRID for k in range(_GRID)]
    return [parameter.value_at(unit) for unit in units], units


def _marginal(space: Space, name: str, model: Model | None) -> dict[str, Any] | None:
    import numpy as np

    if model is None or name not in model.observations.names:
        return None
    values, units = _places(space, name)
    dimension = model.observations.names.index(name)
    found = np.array([tree.marginal(dimension, np.array(units)) for tree in model.trees])
    return {"x": values, "mean": found.mean(axis=0).tolist(), "std": found.std(axis=0).tolist()}


def _grid(space: Space, x: str, y: str, model: Model | None) -> dict[str, Any] | None:
    import numpy as np

    if model is None or not {x, y} <= set(model.observations.names):
        return None
    (across, columns), (up, rows) = _places(space, x), _places(space, y)
    one, two = model.observations.names.index(x), model.observations.names.index(y)
    places = np.array(columns), np.array(rows)
    found = np.array([tree.marginal_pair(one, two, *places) for tree in model.trees])
    return {"x": across, "y": up, "mean": found.mean(axis=0).tolist(), "std": found.std(axis=0).tolist()}
