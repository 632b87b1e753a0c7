"""The data sets and columns that a template's program knows, and what an experiment file gives of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from automl_core.spec.errors import Problem, did_you_mean, show
from automl_core.templates.choosing import possible_values
from automl_core.templates.model import Wanted
from automl_core.templates.version import Template

_WORDS = {"data": ("data set", "a mapping of name → place"), "columns": ("column", "a mapping of name → column")}


def check_wanted(
    template: Template, key: str, wanted: Mapping[str, Wanted] | None, given: Any, space: Mapping[str, Any]
) -> list[Problem]:
    """See that a file gives what the program needs, and nothing that it doesn't know.

    Args:
        template: the version.
        key: ``data`` or ``columns``.
        wanted: what the program knows; None where it takes anything.
        given: what the file has under the key.
        space: of the whole experiment, as plain data.
    """
    what, form = _WORDS[key]
    if wanted is None:
        return []
    if given is not None and not isinstance(given, Mapping):
        return [Problem(f"found {show(given)}", (key,), found=show(given), allowed=(form,))]
    stated = given or {}
    problems = []
    for name, each in wanted.items():
        if each.required and stated.get(name) is None:
            about = f" ({each.help})" if each.help else ""
            message = f"{template.label} needs the {what} {name!r}{about}"
            problems.append(Problem(message, (key, name), suggestion=f"Add {key}: {{{name}: …}}"))
        problems += _conditional(key, name, each, stated.get(name) is not None, space)
    for name in stated:
        if name not in wanted:
            message = f"{template.label} knows no {what} {name!r}"
            guess = did_you_mean(str(name), wanted)
            problems.append(Problem(message, (key, name), found=str(name), allowed=tuple(wanted), suggestion=guess))
    return problems


def _conditional(key: str, name: str, wanted: Wanted, given: bool, space: Mapping[str, Any]) -> Iterator[Problem]:
    """See that what goes with some values of parameters is there with them, and not without."""
    for parent, values in wanted.when.items():
        tried = [value for value in possible_values(space.get(parent)) if value in values]
        said = ", ".join(map(show, values))
        about = f" ({wanted.help})" if wanted.help else ""
        if tried and not given:
            message = f"{parent} {said} needs {key}.{name}{about}"
            yield Problem(message, (key, name), suggestion=f"Add {key}: {{{name}: …}}")
        elif given and not tried:
            message = f"{key}.{name} is of use with {parent} {said} alone, which is not tried"
            guess = f"space: {{{parent}: {{values: [{said}, …], weights: [1, …]}}}}"
            yield Problem(message, (key, name), suggestion=guess)
