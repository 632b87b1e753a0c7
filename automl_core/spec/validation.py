"""From plain data to an `Experiment`, or to everything that is wrong with the data."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from automl_core.spec.baseline import baseline_problems
from automl_core.spec.code import code_problems
from automl_core.spec.constants import constants_in, why_not_in_stages
from automl_core.spec.datanames import input_names
from automl_core.spec.datasets import data_problems, sql_problems
from automl_core.spec.environment import environment_problems, image_problems
from automl_core.spec.errors import Problem, show
from automl_core.spec.explain import explain, nested_spaces, own_problems
from automl_core.spec.models import Experiment
from automl_core.spec.parameters import Parameter
from automl_core.spec.placeholders import placeholder_problems
from automl_core.spec.relations import goal_problems, space_problems, storage_problems, task_name_problems
from automl_core.spec.schedule import schedule_problems
from automl_core.spec.shapes import Shape
from automl_core.spec.sizes import PROBLEMS, TASK_LISTS, size_problems
from automl_core.spec.spec_files import spec_file_problems

Experiment.model_rebuild()  # built here once: a process that forks (Airflow's DAG processor) shares it


def validate(data: Any) -> tuple[Experiment | None, list[Problem]]:
    """Check the plain data of an experiment file.

    Args:
        data: what the file holds, keys as text.

    Returns:
        The experiment, or None; and every problem, without file and line. There is no experiment
        exactly when there are problems.
    """
    if not isinstance(data, dict):
        message = "the file is empty" if data is None else f"found {show(data)} where the file's keys are wanted"
        return None, [Problem(message, suggestion="An experiment has at least: name, goal, space, tasks")]
    experiment: Experiment | None = None
    problems = size_problems(data)
    if problems:
        return None, problems
    try:
        experiment = Experiment.model_validate(data)
    except ValidationError as error:
        problems = explain(error, Shape(Experiment), data)
        problems += [problem for problem in _unreached(data) if problem not in problems]
    problems += _unknown_placeholders(data)
    if experiment is not None:
        problems += schedule_problems(experiment.schedule)
        problems += spec_file_problems(experiment)
    return (None if problems else experiment), problems


def _unreached(data: dict[str, Any]) -> Iterator[Problem]:
    """What validators of the whole file would say: pydantic doesn't ask them when a part is wrong."""
    output = data.get("output")
    storage = str((output.get("storage") if isinstance(output, dict) else None) or "file://./runs")
    for where in TASK_LISTS:
        tasks = data.get(where)
        if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
            continue
        yield from _own(data, task_name_problems([str(task.get("name", "train")) for task in tasks], where))
        yield from _own(data, storage_problems(storage, tasks, where))
        yield from _own(data, code_problems(data.get("code"), tasks, where))
        yield from _own(data, image_problems(data.get("environment"), tasks, where))
    yield from _own(data, environment_problems(data.get("environment"), data.get("code")))
    yield from _own(data, goal_problems(**_said_of_goal(data)))
    space = data.get("space")
    yield from _own(data, data_problems(*_inputs(data)))
    if not isinstance(space, dict):
        return
    readable: dict[str, Any] = {}
    unreadable: set[str] = set()
    for name, raw in space.items():
        try:
            readable[name] = _parameter_adapter().validate_python(raw)
        except ValidationError:
            unreadable.add(name)
            unreadable.update(child for _, inner in nested_spaces({name: raw}) for child in inner)
    yield from _own(data, space_problems(readable, unreadable, _inputs(data)[0]))
    search, trials = _group(data, "search"), _group(data, "trials")
    wanted = search.get("baseline") is True
    yield from _own(data, baseline_problems(wanted, trials.get("max"), readable))


def _group(data: dict[str, Any], name: str) -> dict[str, Any]:
    found = data.get(name)
    return found if isinstance(found, dict) else {}


def _said_of_goal(data: dict[str, Any]) -> dict[str, bool]:
    def has(group: str, key: str) -> bool:
        return _group(data, group).get(key) is not None

    return {
        "several": has("goal", "objectives"),
        "early_stopping": has("trials", "early_stopping"),
        "target": has("stop", "target"),
    }


def _own(data: dict[str, Any], messages: list[str]) -> Iterator[Problem]:
    for message in messages:
        yield from own_problems(ValueError(message), data)


@cache
def _parameter_adapter() -> TypeAdapter[Any]:
    return TypeAdapter(Parameter)


def _unknown_placeholders(data: dict[str, Any]) -> Iterator[Problem]:
    space = data.get("space")
    if not isinstance(space, dict):
        return
    names, inputs, same = list(_parameter_names(space)), input_names(*_inputs(data)), constants_in(space)
    refusal = why_not_in_stages(data.get("spec_file"), [name for name in names if name not in same])
    left = PROBLEMS
    for where in TASK_LISTS:
        tasks = data.get(where)
        for index, task in enumerate(tasks if isinstance(tasks, list) else ()):
            found = placeholder_problems(
                task, (where, index), names, prepared=bool(data.get("prepare")), code=data.get("code") is not None,
                spec_file=data.get("spec_file") is not None, inputs=inputs, constants=same,
                not_in_stages=refusal, guesses=left,
            )  # fmt: skip
            left = max(0, left - len(found))
            yield from found
        if isinstance(tasks, list):
            yield from sql_problems(_inputs(data)[0], tasks, where)


def _parameter_names(space: dict[str, Any]) -> Iterator[str]:
    yield from space
    yield from (name for _, inner in nested_spaces(space) for name in inner)


def _inputs(data: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What stands under ``data:`` and ``columns:``, whatever else is wrong there."""
    groups = (data.get("data"), data.get("columns"))
    found = [{str(name): each for name, each in group.items()} if isinstance(group, dict) else {} for group in groups]
    return found[0], found[1]
