"""What an experiment file says of its template's parameters: searched or not, set to a value, narrowed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from automl_core.spec.errors import Path, Problem, did_you_mean, show
from automl_core.spec.sizes import PARAMETERS, PROBLEMS
from automl_core.templates.model import FREE, Known
from automl_core.templates.version import Template


@dataclass(slots=True)
class Actions:
    """What is asked for, each with its place in the file, as far as it can be read.

    Attributes:
        add, remove: parameters that the search is to have, and is not to have.
        fixed: parameter → the value that it is set to.
        space: parameter → what `space:` says of it.
        places: parameter → where the file speaks of it; of several places the first.
        problems: what can't be read, or contradicts itself.
    """

    add: dict[str, Path] = field(default_factory=dict)
    remove: dict[str, Path] = field(default_factory=dict)
    fixed: dict[str, Any] = field(default_factory=dict)
    space: dict[str, dict[str, Any]] = field(default_factory=dict)
    places: dict[str, Path] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def asked_for(self, name: str) -> bool:
        """Whether somebody wants a parameter to have an effect: added, set or narrowed."""
        return name in self.add or name in self.fixed or name in self.space


def actions_in(data: Mapping[str, Any], template: Template) -> Actions:
    """Read them from an experiment file's plain data.

    Args:
        data: of the file.
        template: that it names.
    """
    found = Actions()
    _read_set(data.get("set"), template, found)
    search = data.get("search")
    if isinstance(search, Mapping):
        for key, target in (("add", found.add), ("remove", found.remove)):
            _read_names(search.get(key), ("search", key), template, found, target)
    _read_space(data.get("space"), template, found)
    for name in found.add:
        if name in found.remove:
            found.problems.append(
                Problem(f"{name!r} is added as well", found.remove[name], suggestion="Keep one of them")
            )
        if name in found.fixed:
            found.problems.append(_set_and_searched(name, found.add[name]))
    for name in found.space:
        if name in found.fixed:
            found.problems.append(_set_and_searched(name, ("space", name)))
        elif name in found.remove:
            message = f"{name!r} is taken out of the search (search.remove), so its range has no meaning"
            found.problems.append(Problem(message, ("space", name), suggestion="Keep one of them"))
    return found


def _set_and_searched(name: str, path: Path) -> Problem:
    return Problem(
        f"{name!r} is set to a value, so it is not searched", path, suggestion=f"Remove it here, or set.{name}"
    )


def _read_set(given: Any, template: Template, found: Actions) -> None:
    if given is None:
        return
    if not isinstance(given, Mapping):
        message = f"found {show(given)}"
        found.problems.append(
            Problem(message, ("set",), found=show(given), allowed=("a mapping of parameter → value",))
        )
        return
    if _too_many(given, ("set",), found):
        return
    for name, value in given.items():
        found.places.setdefault(name, ("set", name))
        known = _known(name, ("set", name), template, found, list(template.parameters))
        if known is None:
            continue
        found.fixed[name] = value
        if known.free:
            wrong = not_free(known.free, value)
            if wrong:
                found.problems.append(Problem(wrong, ("set", name), found=show(value), allowed=(FREE[known.free],)))
                del found.fixed[name]
        elif known.type == "fixed" and value != known.default:
            found.problems.append(
                Problem("the template has one value for it", ("set", name), found=show(value),
                        allowed=(show(known.default),))
            )  # fmt: skip


def _read_names(given: Any, path: Path, template: Template, found: Actions, target: dict[str, Path]) -> None:
    if given is None:
        return
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        message = f"found {show(given)}"
        found.problems.append(Problem(message, path, found=show(given), allowed=("a list of parameters",)))
        return
    if _too_many(names, path, found):
        return
    adding = path[-1] == "add"
    possible = [each.name for each in template.parameters.values() if not adding or each.searched != "never"]
    for index, name in enumerate(names):
        here = path if isinstance(given, str) else (*path, index)
        found.places.setdefault(name, here)
        known = _known(name, here, template, found, possible)
        if known is None:
            continue
        if adding and known.searched == "never":
            guess = f"Give it a value: set: {{{name}: {show(known.default)}}}" if known.type != "fixed" else ""
            message = f"the template never searches {name!r}"
            found.problems.append(Problem(message, here, found=name, allowed=tuple(possible), suggestion=guess))
            continue
        target.setdefault(name, here)


def _read_space(given: Any, template: Template, found: Actions) -> None:
    if given is None:
        return
    if not isinstance(given, Mapping):
        message = f"found {show(given)}"
        allowed = ("a mapping of parameter → what of its range is searched",)
        found.problems.append(Problem(message, ("space",), found=show(given), allowed=allowed))
        return
    if _too_many(given, ("space",), found):
        return
    for name, raw in given.items():
        path = ("space", name)
        found.places.setdefault(name, path)
        if name not in template.parameters and template.head.takes(name):
            continue  # as in a file without a template; `choosing` takes it as it is
        known = _known(name, path, template, found, list(template.parameters))
        if known is None:
            continue
        if not isinstance(raw, dict):
            allowed = ("a mapping, such as {low: …, high: …} or {values: […]}",)
            found.problems.append(Problem(f"found {show(raw)}", path, found=show(raw), allowed=allowed))
            continue
        found.space[name] = dict(raw)


def _known(name: str, path: Path, template: Template, found: Actions, possible: list[str]) -> Known | None:
    known = template.parameters.get(name)
    if known is not None:
        return known
    if len(found.problems) < PROBLEMS:  # looking for the nearest name of a thousand takes its time
        message = f"{template.label} has no parameter {name!r}"
        guess = did_you_mean(name, possible)
        found.problems.append(Problem(message, path, found=name, allowed=tuple(possible), suggestion=guess))
    return None


def not_free(free: str, value: Any) -> str:
    """Why a value is none that a free parameter can be set to; empty where it is one."""
    members = value if isinstance(value, list) else [value]
    if any(isinstance(each, Mapping | list) for each in members):
        return "a mapping, or a list of such, goes into spec_file.base"
    kinds = {"text": str, "number": int | float, "list": list, "any": object}
    fits = isinstance(value, kinds[free]) and not (free == "number" and isinstance(value, bool))
    return "" if fits else f"found {show(value)}"


def _too_many(given: Any, path: Path, found: Actions) -> bool:
    if len(given) <= PARAMETERS:
        return False
    message = f"{len(given):,} parameters are too many"
    found.problems.append(Problem(message, path, found=f"{len(given):,}", allowed=(f"at most {PARAMETERS:,}",)))
    return True
