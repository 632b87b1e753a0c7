"""Bounds by what a data set has (``at_most: data.train.rows``), settled when a run begins and the data are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from automl_core.space.space import Space
from automl_core.spec.counts import counts_asked, wanted_counts
from automl_core.spec.datasets import data_set_of
from automl_core.spec.errors import Problem, SpecError
from automl_core.spec.explain import own_problems
from automl_core.spec.models import Experiment
from automl_core.spec.parameters import Branch, flatten
from automl_core.spec.relations import BOUNDS, bound_of, space_problems


def with_counts(experiment: Experiment, found: Mapping[str, Mapping[str, Any]]) -> Experiment:
    """An experiment whose bounds have numbers in place of what they name of the data.

    A default above (below) such a bound becomes the nearest value that it leaves: that the data are small is no mistake
    of the file's.

    Args:
        experiment: as its file has it.
        found: name of a data set → its fingerprint as plain JSON, or as much of it as is known.

    Raises:
        SpecError: a number is not known, or leaves no room; it names parameter, bound and number.
    """
    if not wanted_counts(experiment):
        return experiment
    counts = _counts(experiment, found)
    unknown = [
        _unknown(name, field, count)
        for name, field, named in counts_asked(experiment) for count in named if count not in counts
    ]  # fmt: skip
    if unknown:
        raise SpecError(unknown)
    space = {name: _settled(model, counts) for name, model in experiment.space.items()}
    drawn = _defaults_within(space)
    space = {name: _with_defaults(model, name, drawn) for name, model in space.items()}
    problems = space_problems(space, data=experiment.data)
    if problems:
        told = ", ".join(f"data.{name}.{count} is {number:g}" for (name, count), number in sorted(counts.items()))
        raw = {"space": {name: model.model_dump() for name, model in space.items()}}
        located = (each for text in problems for each in own_problems(ValueError(text), raw))
        raise SpecError([replace(each, message=f"{each.message}; {told}") for each in located])
    return experiment.model_copy(update={"space": space})


def _counts(experiment: Experiment, found: Mapping[str, Mapping[str, Any]]) -> dict[tuple[str, str], float]:
    counts: dict[tuple[str, str], float] = {}
    for name, count in wanted_counts(experiment):
        stated = data_set_of(experiment.data[name]).rows if count == "rows" else None
        number = found.get(name, {}).get(count) if stated is None else stated
        if number is not None:
            counts[name, count] = float(number)
    return counts


def _unknown(name: str, field: str, count: tuple[str, str]) -> Problem:
    data_set, what = count
    message = f"how many {what} the data set {data_set!r} has is not known"
    how = f"Give it: data: {{{data_set}: {{place: …, rows: 1000}}}}" if what == "rows" else "A table has no files"
    return Problem(message, ("space", name, field), suggestion=how)


def _settled(model: Any, counts: Mapping[tuple[str, str], float]) -> Any:
    """A parameter, and those of its sub-spaces, with numbers in its bounds."""
    update: dict[str, Any] = {}
    for field in BOUNDS:
        bound = bound_of(model, field)
        if bound is not None and bound.counts:
            update[field] = bound.with_counts(counts).text
    if any(isinstance(value, Branch) for value in getattr(model, "values", ())):
        update["values"] = [
            each.model_copy(update={"space": {name: _settled(inner, counts) for name, inner in each.space.items()}})
            if isinstance(each, Branch) else each
            for each in model.values
        ]  # fmt: skip
    return model.model_copy(update=update) if update else model


def _defaults_within(space: Mapping[str, Any]) -> dict[str, Any]:
    """Each default that a constant bound leaves out, moved to the nearest value."""
    run_time = Space.from_models(space)
    moved: dict[str, Any] = {}
    for name, model in flatten(dict(space)).items():
        bounds = [bound for field in BOUNDS if (bound := bound_of(model, field)) is not None]
        if model.default is None or not bounds or any(bound.names for bound in bounds):
            continue
        parameter = run_time.by_name[name]
        low, high = run_time.bounds(parameter, {})
        if isinstance(model.default, int | float) and not low <= model.default <= high:
            moved[name] = parameter.value_at(parameter.unit_of(model.default, low, high), low, high)
    return moved


def _with_defaults(model: Any, name: str, moved: Mapping[str, Any]) -> Any:
    update: dict[str, Any] = {"default": moved[name]} if name in moved else {}
    if any(isinstance(value, Branch) for value in getattr(model, "values", ())):
        update["values"] = [
            each.model_copy(
                update={"space": {key: _with_defaults(inner, key, moved) for key, inner in each.space.items()}}
            )
            if isinstance(each, Branch) else each
            for each in model.values
        ]  # fmt: skip
    return model.model_copy(update=update) if update else model
