"""The search space of an experiment from a template: what is searched, what has a value, and in which ranges."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from automl_core.spec.errors import Path, Problem, show
from automl_core.spec.expressions import names_in
from automl_core.spec.numeric import same
from automl_core.spec.relations import BOUNDS
from automl_core.templates.actions import Actions
from automl_core.templates.defaults import move_value
from automl_core.templates.entries import Entry, entry_of, fixed_entry, is_number, own_model, shown_of, widest_model
from automl_core.templates.model import METADATA, Known
from automl_core.templates.relations import keep_relations
from automl_core.templates.version import Template
from automl_core.templates.within import allowed_by, model_of, outside, span, wrong_value

STRICT = ("above", "below")
"""Bounds that may be numbers."""

_TEMPLATES_OWN = ("when", *BOUNDS, *METADATA)
"""What an experiment doesn't change of a template's parameter."""


def choose(
    template: Template,
    given: Mapping[str, Any],
    actions: Actions,
    data: Collection[str] = (),
    base: Mapping[str, Any] | None = None,
) -> tuple[dict[str, Any], list[Problem]]:
    """Make the search space.

    Args:
        template: the version.
        given: what the file has under ``space:``.
        actions: what it asks for.
        data: names of its data sets, which bounds may speak of.
        base: parameter → the value that ``spec_file.base`` gives it, where parameters that are not searched are left
            to it: it is where the search begins.

    Returns:
        The space as plain data, in the order of the template, what the template doesn't know behind it; and problems,
        those of the experiment's file without a line.
    """
    problems: list[Problem] = []
    entries: dict[str, Entry] = {}
    waiting: dict[str, Entry] = {}
    left = template.head.unsearched == "program"
    for known in template.parameters.values():
        stated = _begun(template, known, base) if base else known
        entry = _entry(template, stated, actions, problems)
        if entry is not None:
            entry.begun = stated is not known
            entries[known.name] = entry
        elif left and stated.default is not None:
            waiting[known.name] = fixed_entry(stated, stated.default, None)
            waiting[known.name].begun = stated is not known
    if waiting:
        removed = _bound_though_removed(entries, waiting, actions)
        entries = _with_named(template, {**entries, **removed}, waiting)
        for entry in removed.values():
            move_value(entries, entry)
    if not problems:
        problems += keep_relations(template, entries, actions, data)
    if not entries and not problems and template.parameters and not given:
        problems.append(_nothing(template))
    space: dict[str, Any] = {name: entry.data() for name, entry in entries.items()}
    for name, raw in given.items():
        if name not in template.parameters and template.head.takes(name):
            space[name] = _of_experiment(name, raw, template.head.condition_of(name), space, problems)
    return space, problems


def _of_experiment(
    name: str, raw: Any, condition: Mapping[str, list[Any]], space: Mapping[str, Any], problems: list[Problem]
) -> Any:  # fmt: skip
    """A parameter that the template doesn't know, with the condition that the template has for such."""
    when = {}
    for parent, wanted in condition.items():
        there = possible_values(space.get(parent))
        held = [value for value in wanted if value in there]
        if not held:
            values = ", ".join(show(value) for value in wanted)
            message = f"{name!r} exists only where {parent} is {values}, which is not tried"
            guess = f"space: {{{parent}: {{values: [{values}, …], weights: [1, …]}}}}"
            problems.append(Problem(message, ("space", name), suggestion=guess))
        elif len(there) > len(held):
            when[parent] = held
    if not when or not isinstance(raw, Mapping):
        return raw
    return {**raw, "when": {**when, **(raw.get("when") or {})}}


def possible_values(parameter: Any) -> list[Any]:
    """The values that a parameter of an experiment may come to have, as plain data; none of a weight of 0."""
    if not isinstance(parameter, Mapping):
        return []
    if parameter.get("type") == "fixed":
        return [parameter.get("value")]
    values, weights = parameter.get("values"), parameter.get("weights")
    if not isinstance(values, list):
        return []
    if not isinstance(weights, list) or len(weights) != len(values):
        return list(values)
    return [value for value, weight in zip(values, weights, strict=True) if weight != 0]


def searches_nothing(template: Template) -> bool:
    """Whether an experiment of it has no parameter unless it names some."""
    return template.head.unsearched == "program" and not any(
        known.searched is True for known in template.parameters.values()
    )


def _nothing(template: Template) -> Problem:
    offered = tuple(known.name for known in template.parameters.values() if known.searched == "offered")
    message = f"nothing of {template.label} is searched" + (" by default" if searches_nothing(template) else "")
    return Problem(message, ("search",), allowed=offered, suggestion="Name parameters: search: {add: […]}")


def _entry(template: Template, known: Known, actions: Actions, problems: list[Problem]) -> Entry | None:
    """One parameter; None where the experiment leaves it to the program, or what is asked for is wrong."""
    name = known.name
    place = actions.places.get(name)
    raw = actions.space.get(name)
    if name in actions.fixed or (raw is not None and raw.get("type") == "fixed" and known.type != "fixed"):
        value = actions.fixed[name] if name in actions.fixed else (raw or {}).get("value")
        return _fixed(template, known, value, place or ("space", name), problems)
    if name not in actions.remove and (known.searched is True or name in actions.add):
        if raw is not None:
            return _narrowed(template, known, raw, ("space", name), problems)
        if name in actions.add and known.type not in ("choice", "ordinal"):
            own_model(template, known)
        return entry_of(known, known.raw, place)
    if raw is not None:
        problems.append(_not_searched(known, ("space", name)))
    if template.head.unsearched == "program" or known.default is None:
        return None
    return fixed_entry(known, known.default, place)


def _begun(template: Template, known: Known, base: Mapping[str, Any]) -> Known:
    """A parameter whose default is what ``spec_file.base`` gives it, where that is a value it may have."""
    value = base.get(known.name)
    if value is None or known.free or known.type == "fixed" or wrong_value(widest_model(template, known), value):
        return known
    raw = {**known.raw, "default": value}
    try:
        model_of(raw)
    except ValidationError:  # within its bounds, and outside of what is searched by default
        raw = {key: each for key, each in raw.items() if key != "default"}
    return replace(known, raw=raw)


def _bound_though_removed(
    entries: Mapping[str, Entry], waiting: Mapping[str, Entry], actions: Actions
) -> dict[str, Entry]:
    """What is taken out, and bound by what a trial has: were it left to the program, nobody would hold the bound."""
    found: dict[str, Entry] = {}
    for _ in actions.remove:  # one may be bound by another one
        there = entries.keys() | found.keys()
        more = [
            name for name in actions.remove if name in waiting and name not in found
            and any(each in there for text in waiting[name].bounds.values() for each in names_in(text))
        ]  # fmt: skip
        found |= {name: waiting[name] for name in more}
        if not more:
            break
    return found


def _with_named(template: Template, entries: dict[str, Entry], waiting: Mapping[str, Entry]) -> dict[str, Entry]:
    """Those that are there, and of those that wait what a bound or condition of them names, in the template's order."""
    found, pending = dict(entries), list(entries.values())
    while pending:
        entry = pending.pop()
        for other in (*(name for text in entry.bounds.values() for name in names_in(text)), *entry.known.when):
            if other in waiting and other not in found:
                found[other] = waiting[other]
                pending.append(waiting[other])
    return {name: found[name] for name in template.parameters if name in found}


def _not_searched(known: Known, path: Path) -> Problem:
    if known.searched == "never":
        message = f"the template never searches {known.name!r}"
        return Problem(message, path, suggestion=f"Give it a value: set: {{{known.name}: {show(known.default)}}}")
    message = f"{known.name!r} is not searched, so its range has no meaning"
    return Problem(message, path, suggestion=f"Have it searched: search: {{add: [{known.name}]}}")


def _fixed(template: Template, known: Known, value: Any, path: Path, problems: list[Problem]) -> Entry | None:
    options = known.raw.get("values")
    if known.type in ("choice", "ordinal") and isinstance(options, list) and any(same(each, value) for each in options):
        return fixed_entry(known, value, path)  # without a model: a choice's schema has those of all types in it
    if known.free:  # `actions` has looked at it
        return fixed_entry(known, value, path)
    own = widest_model(template, known)
    wrong = wrong_value(own, value)
    if wrong is not None:
        problems.append(Problem(wrong, path, found=show(value), allowed=allowed_by(own)))
        return None
    return fixed_entry(known, value, path)


def _narrowed(
    template: Template, known: Known, given: Mapping[str, Any], path: Path, problems: list[Problem]
) -> Entry | None:
    own = widest_model(template, known)
    before = len(problems)
    for key, value in given.items():
        if key in _TEMPLATES_OWN and not (key in STRICT and is_number(value)):
            message = f"{key!r} of {known.name!r} is the template's"
            problems.append(Problem(message, (*path, key), suggestion="Leave it out"))
    problems += _beyond(own, given, path)
    if len(problems) > before:
        return None
    raw = _merged(known, given)
    entry = entry_of(known, raw, path, own_default=given.get("default") is not None)
    entry.settle_default()
    try:
        model = entry.model
    except ValidationError:
        return entry  # the check of the whole experiment says what is wrong, and where
    wrong = outside(own, model)
    if wrong is not None:
        problems.append(Problem(wrong, path, allowed=allowed_by(own)))
        return None
    return entry


def _beyond(own: Any, given: Mapping[str, Any], path: Path) -> list[Problem]:
    """Limits and options that the template doesn't have, each at its place."""
    found = []
    if hasattr(own, "low"):
        low, high = own.allowed
        for key in ("low", "high"):
            limit = given.get(key)
            if is_number(limit) and not min(low, own.low) <= limit <= max(high, own.high):
                message = f"{show(limit)} lies outside the template's {span(low, high)}"
                found.append(Problem(message, (*path, key), found=show(limit), allowed=allowed_by(own)))
    values = given.get("values")
    for index, value in enumerate(values if isinstance(values, list) else ()):
        if isinstance(value, dict):
            message = "the option alone is wanted: what hangs on it is the template's"
            found.append(Problem(message, (*path, "values", index), found="a mapping", allowed=allowed_by(own)))
        elif (
            given.get("type", own.type) == own.type
            and hasattr(own, "options")
            and not any(value == option and type(value) is type(option) for option in own.options)
        ):
            message = f"{show(value)} is none of the template's values"
            found.append(Problem(message, (*path, "values", index), found=show(value), allowed=allowed_by(own)))
    return found


def _merged(known: Known, given: Mapping[str, Any]) -> dict[str, Any]:
    """The file's fields over the template's; of another type alone."""
    if given.get("type", known.type) != known.type:
        return {**shown_of(known), **given}
    raw = {key: value for key, value in {**known.raw, **given}.items() if value is not None or key not in given}
    if known.bounds is not None and {"low", "high"} & set(given) and "description" not in given:
        raw.pop("description", None)
    values, weights = given.get("values"), known.raw.get("weights")
    options = known.raw.get("values")
    if not isinstance(values, list) or not isinstance(options, list):
        return raw
    if isinstance(weights, list) and "weights" not in given:
        pairs = list(zip(options, weights, strict=False))
        raw["weights"] = [
            next((w for option, w in pairs if option == value and type(option) is type(value)), 0.0) for value in values
        ]
    if "max" not in given and is_number(raw.get("max")):
        raw["max"] = min(raw["max"], len(values))
    return raw
