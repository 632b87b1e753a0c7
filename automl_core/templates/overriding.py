"""A run's conf on an experiment from a template: it may change what it may change of any, within the template."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from automl_core.spec.bounds import bound_range
from automl_core.spec.errors import Problem, SpecError, did_you_mean, in_file
from automl_core.spec.expressions import Expression
from automl_core.spec.models import Experiment
from automl_core.spec.overrides import SOURCE, Overridden
from automl_core.spec.overrides import apply_overrides as apply_any
from automl_core.spec.parameters import flatten
from automl_core.spec.relations import BOUNDS, bound_named, bound_of
from automl_core.templates.actions import not_free
from automl_core.templates.defaults import settle_defaults
from automl_core.templates.entries import Entry, entry_of, holds, limits_of, widest_model
from automl_core.templates.places import Different, Places, Reference, Unknown
from automl_core.templates.relations import orders_of
from automl_core.templates.version import Template, read_template
from automl_core.templates.within import allowed_by, outside, values_of


def apply_overrides(experiment: Experiment, conf: Mapping[str, Any], places: Places) -> Overridden:
    """As `automl_core.spec.overrides.apply_overrides`; of an experiment from a template, within the template too.

    Args:
        experiment: as its file has it.
        conf: group → what to change in it.
        places: where its template lies.

    Raises:
        SpecError: as there; or what the run asks for lies outside the template.
    """
    if experiment.template is None or not isinstance(conf.get("space"), Mapping):
        return apply_any(experiment, conf)
    try:
        folder = places.find(Reference(experiment.template.name, experiment.template.version))
    except (Unknown, Different) as error:
        problem = Problem(f"the template's bounds are not known here: {error}", ("space",))
        raise SpecError(in_file([problem], SOURCE)) from None
    template = read_template(folder)
    there = flatten(dict(experiment.space))
    unknown = [name for name in conf["space"] if name not in there and name not in template.parameters]
    strange = [name for name in unknown if not template.head.takes(name)]
    if strange:
        raise SpecError(in_file([_unknown(template, name) for name in strange], SOURCE))
    overridden = apply_any(experiment, {**conf, "space": _narrowed(template, experiment, conf["space"])})
    problems = list(violations(template, overridden.experiment))
    if problems:
        raise SpecError(in_file(problems, SOURCE))
    return overridden


def _narrowed(template: Template, experiment: Experiment, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """What a run wants of the space; a template's default that its range no longer has is dropped, as in a file."""
    space: dict[str, Any] = dict(wanted)
    for name, fields in wanted.items():
        known, model = template.parameters.get(name), experiment.space.get(name)
        if known is None or model is None or not isinstance(fields, Mapping) or {"type", "default"} & set(fields):
            continue
        raw = {**model.model_dump(exclude_unset=True), **fields}
        entry = entry_of(known, raw, None, own_default=raw.get("default") != known.default)
        entry.settle_default()
        if "default" in raw and "default" not in entry.raw:
            space[name] = {**fields, "default": None}
    return {**space, **_moved(template, experiment, space)}


def _moved(template: Template, experiment: Experiment, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters whose default, the template's, what a run wants of others leaves out: with another one, or none."""
    entries: dict[str, Entry] = {}
    for name, model in experiment.space.items():
        known, fields = template.parameters.get(name), wanted.get(name, {})
        if known is None or not isinstance(fields, Mapping):
            continue
        other = fields.get("type", model.type) != model.type
        raw = dict(fields) if other else {**model.model_dump(exclude_unset=True), **fields}
        entry = entry_of(known, raw, None, own_default="default" in fields or raw.get("default") != known.default)
        stated = {field: getattr(model, field, None) for field in BOUNDS}
        entry.bounds = {} if other else {field: text for field, text in stated.items() if isinstance(text, str)}
        entries[name] = entry
    before = {name: entry.raw.get("default") for name, entry in entries.items()}
    try:
        settle_defaults(entries, [*orders_of(entries)])
    except ValidationError:
        return {}  # a parameter is wrong in itself, and the check of the whole says where
    after = {name: entry.raw.get("default") for name, entry in entries.items()}
    return {name: {**wanted.get(name, {}), "default": after[name]} for name in after if after[name] != before[name]}


def violations(template: Template, experiment: Experiment) -> Iterator[Problem]:
    """Where an experiment's space lies outside a template, or breaks a condition or a bound of it.

    It looks at the space alone, however it came to be.
    """
    space = flatten(dict(experiment.space))
    for name, given in space.items():
        known = template.parameters.get(name)
        path = ("space", name)
        if known is None:
            if not template.head.takes(name):
                yield _unknown(template, name)
            continue
        own = widest_model(template, known)
        if known.free and given.type == "fixed" and not not_free(known.free, given.value):
            continue
        wrong = outside(own, given)
        if wrong is not None:
            yield Problem(wrong, path, allowed=allowed_by(own))
        elif known.searched == "never" and given.type != "fixed":
            yield Problem(f"the template never searches {name!r}", path, suggestion="Give it a value: {type: fixed}")
        else:
            yield from _broken_conditions(name, known.when, space)
            yield from _broken_bounds(name, own, space)


def _unknown(template: Template, name: str) -> Problem:
    return Problem(
        f"{template.label} has no parameter {name!r}", ("space", name), found=name, allowed=tuple(template.parameters),
        suggestion=did_you_mean(name, template.parameters),
    )  # fmt: skip


def _broken_conditions(name: str, wanted: Mapping[str, list[Any]], space: Mapping[str, Any]) -> Iterator[Problem]:
    stated = space[name].when
    for parent, values in wanted.items():
        above = space.get(parent)
        possible = None if above is None else [above.value] if above.type == "fixed" else values_of(above)
        if above is not None and possible is not None and all(holds(value, values) for value in possible):
            narrower = [key for key, some in above.when.items() if not set(stated.get(key, [None])) <= set(some)]
            if not narrower:
                continue
        elif parent in stated and all(value in values for value in stated[parent]):
            continue
        allowed = f"when: {{{parent}: [{', '.join(map(str, values))}]}}"
        yield Problem(f"{name!r} exists only with some values of {parent!r}", ("space", name), allowed=(allowed,))


def _broken_bounds(name: str, own: Any, space: Mapping[str, Any]) -> Iterator[Problem]:
    given = space[name]
    for field, sign in BOUNDS.items():
        bound = bound_of(own, field)
        if bound is not None and not bound.plain:
            yield from _broken_expression(name, field, bound, space)
            continue
        other = bound_named(own, field)
        if other is None or other not in space or bound_named(given, field) == other:
            continue
        strict = field in ("above", "below")
        if name in (bound_named(space[other], each) for each in _BACK[field]):
            continue
        low, high = (space[other], given) if sign > 0 else (given, space[other])
        shared = [key for key in low.when if key in high.when]
        if any(not set(low.when[key]) & set(high.when[key]) for key in shared):
            continue  # no trial has both
        lowest, highest = limits_of(low), limits_of(high)
        if lowest is None or highest is None or lowest[1] < highest[0] or (lowest[1] == highest[0] and not strict):
            continue
        message = f"{name!r} has to be {field.replace('_', ' ')} {other!r}, and as the run has the two, it need not be"
        yield Problem(message, ("space", name), allowed=(f"{field}: {other}, or ranges that see to it",))


def _broken_expression(name: str, field: str, bound: Expression, space: Mapping[str, Any]) -> Iterator[Problem]:
    given, stated = space[name], bound_of(space[name], field)
    left = bound.without([each for each in bound.parameters if each not in space])
    own = limits_of(given)
    if left is None or own is None or left.counts or (stated is not None and stated.tree == left.tree):
        return
    low, high = bound_range(left, space)
    edge, mine, sign = (high, own[0], 1) if BOUNDS[field] > 0 else (low, own[1], -1)
    if sign * (edge - mine) > 0 or (edge == mine and field in ("above", "below")):
        message = f"{name!r} has to be {field.replace('_', ' ')} {left.text!r}, which may be {edge:g}"
        yield Problem(message, ("space", name), allowed=(f"{field}: {left.text}, or ranges that see to it",))


_BACK = {
    "at_least": ("at_most", "below"), "above": ("below",), "at_most": ("at_least", "above"), "below": ("above",)
}  # fmt: skip
"""A bound → the fields of the other parameter that say the same."""
