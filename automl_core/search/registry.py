"""Search algorithms by name. A new algorithm is one line here; its module is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from pydantic import ValidationError

from automl_core.search.base import Algorithm, Context, Options
from automl_core.spec.errors import Problem, SpecError, did_you_mean, show
from automl_core.spec.explain import explain
from automl_core.spec.shapes import Shape

_ALGORITHMS = {
    "auto": "automl_core.search.auto:Auto",
    "annealing": "automl_core.search.annealing:Annealing",
    "asha": "automl_core.search.asha:Asha",
    "bayesian": "automl_core.search.bayesian:Bayesian",
    "bohb": "automl_core.search.bohb:Bohb",
    "dehb": "automl_core.search.dehb:Dehb",
    "evolution": "automl_core.search.evolution:Evolution",
    "freeze_thaw": "automl_core.search.freeze_thaw:FreezeThaw",
    "grid": "automl_core.search.grid:Grid",
    "hyperband": "automl_core.search.hyperband:Hyperband",
    "mobster": "automl_core.search.mobster:Mobster",
    "pbt": "automl_core.search.pbt:Pbt",
    "random": "automl_core.search.random:Random",
    "sobol": "automl_core.search.sobol:Sobol",
    "tpe": "automl_core.search.tpe:Tpe",
}


def names() -> list[str]:
    """Every name that ``search.algorithm`` may have, without importing an algorithm."""
    return [name for name, target in _ALGORITHMS.items() if find_spec(target.partition(":")[0])]


def available() -> list[tuple[str, str]]:
    """Name and one-line summary of every algorithm (imports them all)."""
    return [(name, algorithm_class(name).summary) for name in names()]


def algorithm_class(name: str) -> type[Algorithm]:
    """The class of an algorithm.

    Raises:
        SpecError: there is no such algorithm; it gives the nearest name and the list.
    """
    known = names()
    if name not in known:
        path, guess = ("search", "algorithm"), did_you_mean(str(name), known)
        message = f"there is no algorithm {name!r}"
        raise SpecError([Problem(message, path, found=show(name), allowed=tuple(known), suggestion=guess)])
    module, _, attribute = _ALGORITHMS[name].partition(":")
    found: type[Algorithm] = getattr(import_module(module), attribute)
    return found


def create(name: str, context: Context) -> Algorithm:
    """Make an algorithm for an experiment.

    Raises:
        SpecError: there is no such algorithm, or options are wrong; it names the fields, what was found
            and what is allowed.
        ValueError: the algorithm can't search this experiment; the message says what is missing.
    """
    found = algorithm_class(name)
    try:
        return found(context)
    except ValidationError as error:
        raise SpecError(_option_problems(name, found.options_model, error, context.options)) from None


def _option_problems(
    name: str, model: type[Options], error: ValidationError, options: Mapping[str, Any]
) -> list[Problem]:
    problems = explain(error, Shape(model), dict(options), base=("search", "options"))
    unknown = f"{name} has no such option"
    return [replace(p, message=unknown) if p.message.startswith("the key ") else p for p in problems]
