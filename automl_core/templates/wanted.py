"""The data sets and columns that a template's program knows, and what an experiment file gives of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from automl_core.spec.errors import Problem, did_you_mean, show
from automl_core.templates.model import Wanted
from automl_core.templates.version import Template

_WORDS = {"data": ("data set", "a mapping of name → place"), "columns": ("column", "a mapping of name → column")}


def check_wanted(template: Template, key: str, wanted: Mapping[str, Wanted] | None, given: Any) -> list[Problem]:
    """See that a file gives what the program needs, and nothing that it doesn't know.

    Args:
        template: the version.
        key: ``data`` or ``columns``.
        wanted: what the program knows; None where it takes anything.
        given: what the file has under the key.
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
    for name in stated:
        if name not in wanted:
            message = f"{template.label} knows no {what} {name!r}"
            guess = did_you_mean(str(name), wanted)
            problems.append(Problem(message, (key, name), found=str(name), allowed=tuple(wanted), suggestion=guess))
    return problems
