"""Optuna's distributions: from their JSON and its internal numbers to values, and to a space of ours.

In Optuna's storages a parameter's value is one number, whatever its kind: of a categorical one the index of its choice
(optuna/distributions.py, ``to_internal_repr``; 2.10 to 5.0 alike). The classes of releases before 3.0 are read too.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from automl_core.importing.trials import Distribution, OldTrial
from automl_core.space import Value

_NUMBERS = {
    # class → kind, logarithmic (None: as its attribute says), name of the step
    "FloatDistribution": ("float", None, "step"),
    "IntDistribution": ("int", None, "step"),
    "UniformDistribution": ("float", False, "step"),
    "LogUniformDistribution": ("float", True, "step"),
    "DiscreteUniformDistribution": ("float", False, "q"),
    "IntUniformDistribution": ("int", False, "step"),
    "IntLogUniformDistribution": ("int", True, "step"),
}


def read_distribution(text: str) -> Distribution:
    """A distribution from Optuna's JSON.

    Raises:
        ValueError: it is none that is known.
    """
    try:
        body = json.loads(text)
        name, attributes = body["name"], body["attributes"]
        if name == "CategoricalDistribution":
            return Distribution("categorical", choices=tuple(attributes["choices"]))
        kind, log, step = _NUMBERS[name]
        low, high = float(attributes["low"]), float(attributes["high"])
        log = bool(attributes.get("log")) if log is None else log
        found = attributes.get(step)
    except (KeyError, TypeError, ValueError):
        raise ValueError(f"no distribution of Optuna's: {text:.80}") from None
    step_size = None if found is None or (kind == "int" and found == 1) else float(found)
    return Distribution("int" if kind == "int" else "float", low, high, step_size, log)


def value_of(distribution: Distribution, internal: float) -> Value:
    """A parameter's value from the number that stands for it in a storage.

    Raises:
        ValueError: no choice has that index, or it is no number.
    """
    if distribution.kind == "categorical":
        if not 0 <= internal < len(distribution.choices):
            raise ValueError(f"choice {internal:g} of {len(distribution.choices)}")
        choice: Value = distribution.choices[int(internal)]
        return choice
    if not math.isfinite(internal):
        raise ValueError(f"{internal} is no finite number")
    return int(internal) if distribution.kind == "int" else float(internal)


def compatible(before: Distribution, after: Distribution) -> bool:
    """Whether Optuna takes both for one parameter of a study: ranges may differ, choices may not."""
    return (before.kind, before.log) == (after.kind, after.log) and _same(before.choices, after.choices)


def space_of(trials: Sequence[OldTrial]) -> dict[str, Any]:
    """A space that holds every trial, as under ``space:`` of an experiment file.

    Ranges that changed from trial to trial are joined. A parameter that some trials have not becomes one with a
    condition, where the values of a categorical one tell exactly which.
    """
    found: dict[str, list[Distribution]] = {}
    for trial in trials:
        for name, distribution in trial.distributions.items():
            found.setdefault(name, []).append(distribution)
    space = {name: _parameter(distributions) for name, distributions in found.items()}
    count = {name: sum(name in trial.params for trial in trials) for name in found}
    for name, model in space.items():
        if count[name] < len(trials) and (condition := _condition(name, space, trials)):
            model["when"] = condition
    return {name: space[name] for name in sorted(space, key=lambda each: -count[each])}  # parents before their children


def _parameter(distributions: Iterable[Distribution]) -> dict[str, Any]:
    """The narrowest parameter of ours that holds all values that these allowed."""
    known = list(distributions)
    kinds = {each.kind for each in known}
    if "categorical" in kinds:
        options = {json.dumps(choice): choice for each in known for choice in each.choices}
        return {"type": "choice", "values": list(options.values())}
    whole = kinds == {"int"}
    low, high = min(each.low for each in known), max(each.high for each in known)
    if low == high:
        return {"type": "fixed", "value": int(low) if whole else low}
    log = all(each.log for each in known) and low > 0
    if whole:
        model: dict[str, Any] = {"type": "logint" if log else "int", "low": int(low), "high": int(high)}
    else:
        model = {"type": "loguniform" if log else "uniform", "low": low, "high": high}
    steps = {each.step for each in known}
    step = next(iter(steps)) if len(steps) == 1 else None
    # our grids are multiples of the step, theirs are counted from the lowest value
    if step and not log and math.isclose(low / step, round(low / step), rel_tol=1e-9, abs_tol=1e-9):
        model |= {"multiple_of": int(step)} if whole else {"type": "quniform", "q": step}
    return model


def _condition(name: str, space: Mapping[str, Mapping[str, Any]], trials: Sequence[OldTrial]) -> dict[str, Any] | None:
    """On which values of which other parameter it depends whether a trial has this one, None where on none."""
    having = [trial for trial in trials if name in trial.params]
    for parent, model in space.items():
        if model["type"] != "choice" or not all(parent in trial.params for trial in having):
            continue
        there = {json.dumps(trial.params[parent]) for trial in having}
        others = (trial for trial in trials if name not in trial.params)
        absent = {json.dumps(trial.params[parent]) for trial in others if parent in trial.params}
        if absent and not there & absent:  # a parent is where its child is not: so no two are each other's
            return {parent: [value for value in model["values"] if json.dumps(value) in there]}
    return None


def make_scalars(trial: OldTrial) -> None:
    """Turn choices that are lists or objects into their JSON: Optuna warns of such ones and keeps them."""
    for name, distribution in trial.distributions.items():
        if any(isinstance(choice, list | dict) for choice in distribution.choices):
            choices = tuple(map(_scalar, distribution.choices))
            trial.distributions[name] = replace(distribution, choices=choices)
            trial.params[name] = _scalar(trial.params[name])


def _scalar(choice: Any) -> Any:
    return json.dumps(choice, ensure_ascii=False) if isinstance(choice, list | dict) else choice


def _same(one: Sequence[Any], other: Sequence[Any]) -> bool:
    def equal(a: Any, b: Any) -> bool:
        return bool(a == b) or (a != a and b != b)  # NaN

    return len(one) == len(other) and all(map(equal, one, other))
