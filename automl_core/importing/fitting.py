"""What of another tool's trials an experiment can take, and the experiment of a study that has none."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from automl_core.importing.distributions import make_scalars, space_of
from automl_core.importing.trials import CannotImport, OldStudy, OldTrial
from automl_core.space import ListParameter, Parameter, Params, Space, Value
from automl_core.space.lists import SubsetParameter
from automl_core.spec.models import Experiment
from automl_core.spec.validation import validate

_STATES = {"failed": "failed", "running": "had not ended", "waiting": "never began"}
_USED = ("complete", "pruned")


@dataclass(slots=True)
class Fitted:
    """What is taken of a study.

    Attributes:
        trials: those that fit, in their order, with parameters as the experiment has them.
        left_out: why others were not taken → where they stand.
        notes: what else is worth knowing.
    """

    trials: list[OldTrial] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class _Unfit(Exception):
    """A trial can't be taken. The message says why, without its values: reasons are counted."""


def check_goal(study: OldStudy, experiment: Experiment) -> None:
    """Make sure that values of a study are values of an experiment's goal.

    Raises:
        CannotImport: there are more or fewer objectives, or one goes in the other direction.
    """
    goal = experiment.goal
    wanted = tuple(each.direction for each in goal.all_objectives)
    if len(wanted) != len(study.directions):
        raise CannotImport(
            f"{study.name!r} has {len(study.directions)} objectives, and the goal of {experiment.name} has "
            f"{len(wanted)} ({goal.summary})"
        )
    for index, (theirs, ours) in enumerate(zip(study.directions, wanted, strict=True)):
        if theirs != ours:
            which = f"objective {index + 1} of {study.name!r}" if goal.several else repr(study.name)
            raise CannotImport(
                f"{which} is to {theirs}, and {experiment.name} is to {ours} {goal.all_objectives[index].label}: its "
                "values mean something else. Import it without --experiment, under a --name of its own"
            )
    if goal.several and any(not isinstance(each.metric, str) for each in goal.all_objectives[1:]):
        raise CannotImport(
            f"the goal of {experiment.name} weighs several metrics in one objective ({goal.summary}): a study has "
            "values of objectives, not of metrics"
        )


def fit(study: OldStudy, experiment: Experiment, *, gaps: bool = False) -> Fitted:
    """Those trials of a study that an experiment's space and goal can hold.

    A parameter that no trial has is left out of all of them (``search.transfer`` takes its default); one that the
    experiment does not have is dropped.

    Args:
        study: where they come from.
        experiment: whose run they are to become.
        gaps: whether a trial may lack a parameter that others have: the space was made of the study (`experiment_of`),
            and does not know all conditions under which the study's program asked for it.
    """
    fitted, space = Fitted(), Space.from_models(experiment.space)
    known = {name for trial in study.trials for name in trial.params}
    for trial in study.trials:
        try:
            params = _params(space, trial.params, set() if gaps else known)
            _check(trial, study, experiment)
        except _Unfit as reason:
            fitted.left_out.setdefault(_state(trial) or str(reason), []).append(trial.place)
            continue
        metrics = _metrics(trial, experiment)
        fitted.trials.append(_with(trial, params, metrics))
    absent = [each.name for each in space.tunable if each.name not in known]
    if absent:
        fitted.notes.append(f"no trial has {', '.join(absent)}: transfer takes the default, where there is one")
    dropped = sorted(known - set(space.by_name))
    if dropped:
        fitted.notes.append(f"dropped, for the experiment has no such parameter: {', '.join(dropped)}")
    return fitted


def _state(trial: OldTrial) -> str | None:
    """Why a trial that did not end with a value is left out, None for one that did."""
    return None if trial.state in _USED else _STATES.get(trial.state, trial.state)


def _check(trial: OldTrial, study: OldStudy, experiment: Experiment) -> None:
    if _state(trial):
        raise _Unfit(_state(trial))
    if len(trial.values) != len(study.directions):
        raise _Unfit("ended early before it had a value" if trial.state == "pruned" else "no value")
    if not all(math.isfinite(value) for value in trial.values):
        raise _Unfit("no finite value")
    named = {each.metric for each in experiment.goal.constraints}
    broken = [name for name, value in trial.constraints.items() if value > 0 and constraint_metric(name) not in named]
    if broken and not named:
        raise _Unfit("breaks a constraint of the study")


def _params(space: Space, given: Mapping[str, Any], known: set[str]) -> Params:
    """A combination with the experiment's types.

    Raises:
        _Unfit: a value is missing, or none of the experiment's.
    """
    params: Params = {}
    for parameter in space.parameters:  # parents stand before their children
        name = parameter.name
        if not space.is_active(parameter, params):
            continue
        low, high = space.bounds(parameter, params)
        if name in given:
            params[name] = _value(parameter, given[name], low, high)
        elif not parameter.tunable:
            params[name] = (
                parameter.middle(low, high)
                if isinstance(parameter, ListParameter)
                else parameter.value_at(0.5, low, high)
            )
        elif name in known:
            raise _Unfit(f"has no {name}")
    return params


def _value(parameter: Parameter, value: Value, low: float, high: float) -> Value:
    """A value with the parameter's type.

    Raises:
        _Unfit: it is none of the parameter's, or another one's value keeps it out.
    """
    problem = parameter.check(value)
    numbers = [each for each in (value if isinstance(value, list) else [value]) if _is_number(each)]
    if problem is None and not all(low <= each <= high for each in numbers):  # type: ignore[operator]
        problem = "beyond the parameter that bounds it"
    if problem is not None:
        raise _Unfit(f"{parameter.name} lies outside the experiment's values")
    if isinstance(parameter, SubsetParameter):
        return parameter.fit(parameter.parts_of(value))  # in the order of its options
    if parameter.kind == "int":
        return int(value)  # type: ignore[arg-type]
    return float(value) if parameter.kind == "float" else value  # type: ignore[arg-type]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _metrics(trial: OldTrial, experiment: Experiment) -> dict[str, float]:
    """What a trial measured, under the names of the experiment's goal."""
    objectives = experiment.goal.all_objectives
    named = {
        objective.metric: value
        for objective, value in zip(objectives, trial.values, strict=True)
        if isinstance(objective.metric, str)
    }
    broken = {constraint_metric(name): value for name, value in trial.constraints.items()}
    return {**broken, **trial.metrics, **named}


def constraint_metric(name: str) -> str:
    """The metric that a constraint of a study becomes."""
    return f"constraint_{name}"


def _with(trial: OldTrial, params: Params, metrics: dict[str, float]) -> OldTrial:
    return OldTrial(
        trial.place, trial.state, params, trial.distributions, trial.values, trial.curve, metrics, trial.constraints,
        trial.started, trial.ended,
    )  # fmt: skip


def experiment_of(study: OldStudy, name: str, storage: str, metrics: Sequence[str] = ()) -> Experiment:
    """An experiment whose goal and space are those of a study.

    Args:
        study: with distributions.
        name: of the experiment.
        storage: the model storage path.
        metrics: what the objectives are called; by default as the study says, else ``value``.

    Raises:
        CannotImport: nothing in the study can be used, or no experiment can have its goal or space.
    """
    usable = [trial for trial in study.trials if trial.state in _USED and trial.params]
    for trial in study.trials:
        make_scalars(trial)
    if not usable:
        raise CannotImport(f"{study.name!r} in {study.source} has no trial that ended with a value")
    count = len(study.directions)
    called = (
        tuple(metrics) or study.metrics or (("value",) if count == 1 else tuple(f"value_{i}" for i in range(count)))
    )
    if len(called) != count:
        raise CannotImport(f"{study.name!r} has {count} objectives; --metric was given {len(called)} times")
    constraints = dict.fromkeys(constraint_metric(each) for trial in usable for each in trial.constraints)
    goals = [{"metric": m, "direction": d} for m, d in zip(called, study.directions, strict=True)]
    goal: dict[str, Any] = goals[0] if count == 1 else {"objectives": goals}
    if constraints:
        goal["constraints"] = [{"metric": metric, "max": 0.0} for metric in constraints]
    document = {
        "name": name,
        "description": f"Imported from {study.tool}: {study.name} in {study.source}. Nothing was trained here.",
        "output": {"storage": storage},
        "goal": goal,
        "search": {"algorithm": "random"},
        "space": space_of(usable),
        "trials": {"max": len(usable)},
        "tasks": [{"name": "imported", "command": ["false"]}],
    }
    experiment, problems = validate(document)
    if experiment is None:
        said = "; ".join(str(problem) for problem in problems[:3])
        raise CannotImport(
            f"{study.name!r} can't be an experiment: {said}. Give the experiment that it is for: --experiment"
        )
    return experiment
