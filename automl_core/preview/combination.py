"""One combination to be looked at before anything runs: the defaults, some values of a person's, or a proposal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automl_core.search import create
from automl_core.space import Parameter, Params, Space, Value
from automl_core.space.lists import SubsetParameter
from automl_core.spec.models import Experiment
from automl_core.study.history import context_of


def chosen_combination(
    experiment: Experiment, given: Mapping[str, Any], proposal: int | None
) -> tuple[Params, int | None, str]:
    """The combination to be tried.

    Args:
        experiment: its file.
        given: values of parameters; the rest come from the proposal, or else from the defaults.
        proposal: number of one that the search makes before any result; None: the defaults.

    Returns:
        The combination, how far to train it (the lowest budget; None without budgets), and where it comes from.

    Raises:
        ValueError: there is no such parameter or proposal, or a value is not one that it can have.
    """
    space = Space.from_models(experiment.space)
    budget = experiment.trials.budget
    smallest = budget.min if budget is not None else None
    if proposal is not None:
        proposed = create(experiment.search.algorithm, context_of(experiment, space)).propose()
        if not 0 <= proposal < len(proposed):
            known = f"0 to {len(proposed) - 1} are" if proposed else "none is"
            raise ValueError(f"there is no proposal {proposal}; {known} known before any result")
        base, where = dict(proposed[proposal].params), f"proposal {proposal} of the search"
        smallest = proposed[proposal].budget or smallest
    else:
        base, where = dict(space.defaults() or space.complete({})), "the defaults of the file"
        if space.defaults() is None:
            where = "the middle of the space, for the file has no defaults"
    if not given:
        return base, smallest, where
    params = space.complete({**{name: base[name] for name in base if name not in given}, **given})
    missing = [name for name in given if name not in params]
    if missing:
        raise ValueError(f"{missing[0]} doesn't exist beside the other values (its condition doesn't hold)")
    wrong = space.problem(params)
    if wrong:
        raise ValueError(wrong)
    changed = [name for name in given if not _is_same(space.by_name[name], params[name], given[name])]
    if changed:
        name = changed[0]
        raise ValueError(f"{name} can't be {given[name]!r} here; the nearest value is {params[name]!r}")
    return params, smallest, f"as given{'' if len(given) == len(params) else f', else {where}'}"


def _is_same(parameter: Parameter, value: Value, given: Value) -> bool:
    """Whether a value is what was given; the members of a subset may stand in any order there."""
    if isinstance(parameter, SubsetParameter):
        return parameter.parts_of(value) == parameter.parts_of(given)
    return value == given
