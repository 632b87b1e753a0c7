"""Conditions and bounds of a template's parameters: they hold whatever of them is set, taken out or narrowed.

A condition on a parameter that has a value is settled: it holds, and is no condition any more, or it doesn't, and the
parameter goes. A bound by a parameter that has a value, or whose bounded parameter has one, narrows the other.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from automl_core.spec.errors import Problem, show
from automl_core.spec.expressions import BadExpression, Expression, parse
from automl_core.spec.numeric import Ranged
from automl_core.spec.relations import BOUNDS
from automl_core.templates.actions import Actions
from automl_core.templates.defaults import STRICT, Order, settle_defaults
from automl_core.templates.entries import Entry, first_place, holds, is_number, problem_at
from automl_core.templates.version import Template
from automl_core.templates.within import values_of


def keep_relations(
    template: Template, entries: dict[str, Entry], actions: Actions, data: Collection[str] = ()
) -> list[Problem]:
    """Settle what can be settled, in place.

    Args:
        template: of the parameters.
        entries: name → parameter as far as it is put together; those that can never exist are taken out.
        actions: what the experiment file asks for.
        data: names of its data sets.

    Returns:
        What can't hold; problems of the experiment's file have no line.
    """
    try:
        problems = _settle(template, entries, actions, data)
    except ValidationError:
        return []  # a parameter is wrong in itself: the check of the whole experiment says where
    return problems


def _settle(template: Template, entries: dict[str, Entry], actions: Actions, data: Collection[str]) -> list[Problem]:
    changed = True
    while changed:  # what is narrowed by a bound may leave a condition that can never hold
        problems = _conditions(template, entries, actions)
        if problems:
            return problems
        changed = False
        for order in list(orders_of(entries)):
            done, problem = _in_order(template, entries, order)
            changed = changed or done
            if problem is not None:
                return [problem]
    for entry in entries.values():
        problem = _broken_expression(template, entries, entry)
        if problem is not None:
            return [problem]
        entry.bounds = {
            field: left
            for field, text in entry.bounds.items()
            if entry.takes(field) and (left := _left_of(text, entries, data)) is not None
        }
    settle_defaults(entries, [*orders_of(entries)])
    return []


def _left_of(text: str, entries: Mapping[str, Entry], data: Collection[str]) -> str | None:
    """What is left of a bound beside these parameters and data sets."""
    bound = _bound(text)
    if bound is None:
        return text  # the check of the whole experiment says what is wrong with it
    missing = [name for name in bound.parameters if name not in entries]
    missing += [f"data.{name}.{count}" for name, count in bound.counts if name not in data]
    left = bound.without(missing) if missing else bound
    return None if left is None else left.text if missing else text


def _bound(text: str) -> Expression | None:
    try:
        return parse(text)
    except BadExpression:
        return None


def _broken_expression(template: Template, entries: Mapping[str, Entry], entry: Entry) -> Problem | None:
    """A value that an expression of what is searched may leave out: no trial could see to it."""
    for field, text in entry.bounds.items():
        bound, limits = _bound(text), entry.limits()
        if bound is None or bound.plain or bound.counts or entry.takes(field) or limits is None:
            continue
        bound = bound.without([name for name in bound.parameters if name not in entries])
        if bound is None:
            continue
        within = {name: reach for name in bound.parameters if (reach := entries[name].limits()) is not None}
        low, high = bound.range(within, absent=[name for name in within if entries[name].when])
        edge, own = (high, limits[0]) if BOUNDS[field] > 0 else (low, limits[1])
        if BOUNDS[field] * (edge - own) < 0 or (edge == own and field not in STRICT):
            continue
        place = first_place((entry, *(entries[name] for name in within)))
        words = f"{entry.name!r} has to be {field.replace('_', ' ')} {bound.text!r}, which may be {edge:g} here"
        searched = [name for name in within if not entries[name].fixed]
        hint = f"Narrow {' or '.join(searched)} under space:, or set it, so that there is room" if searched else ""
        return problem_at(template, place, entry.known, f"{words}, and it is {_range(limits)}", suggestion=hint)
    return None


def _conditions(template: Template, entries: dict[str, Entry], actions: Actions) -> list[Problem]:
    """Settle every condition; parameters that can never exist are taken out."""
    problems: list[Problem] = []
    state: dict[str, bool] = {}  # False while it is looked at: a circle, which the check of the experiment tells

    def look(name: str) -> None:
        if name in state:
            return
        state[name] = False
        entry = entries.get(name)
        if entry is None:
            state[name] = True
            return
        for parent in entry.known.when:
            look(parent)
        state[name] = True
        settled, why = _settled(template, entries, entry)
        if settled is not None:
            entry.when = settled
            return
        del entries[name]
        if actions.asked_for(name):
            problems.append(problem_at(template, entry.place, entry.known, why, suggestion="Leave it out"))

    for name in list(entries):
        look(name)
    return problems


def _settled(template: Template, entries: Mapping[str, Entry], entry: Entry) -> tuple[dict[str, list[Any]] | None, str]:
    """The conditions that are left of a parameter's; None where they can never hold, and why."""
    left: dict[str, list[Any]] = {}
    for parent, values in entry.known.when.items():
        if parent not in template.parameters or not isinstance(values, list):
            left[parent] = values  # the check of the experiment says what is wrong with it
            continue
        above = entries.get(parent)
        wanted = f"{entry.name!r} exists only with {parent} one of {', '.join(map(show, values))}, and {parent} "
        if above is None:
            return None, f"{wanted}has no value here"
        if above.fixed:
            if not holds(above.raw["value"], values):
                return None, f"{wanted}is {show(above.raw['value'])} here"
            more = above.when
        else:
            possible = [value for value in values if _can_be(above, value)]
            if not possible:
                return None, f"{wanted}is none of these here"
            more = {**above.when, parent: possible}
        for name, allowed in more.items():
            both = [value for value in left[name] if value in allowed] if name in left else allowed
            if not both:
                return None, f"{wanted}{name} would have to have two values at once"
            left[name] = both
    return left, ""


def _can_be(entry: Entry, value: Any) -> bool:
    options = entry.raw.get("values")
    if isinstance(options, list):  # of a subset one member is enough
        return value in options
    limits = entry.limits()
    return limits is None or (is_number(value) and limits[0] <= value <= limits[1])


def orders_of(entries: Mapping[str, Entry]) -> Iterator[Order]:
    """Every order between two parameters that both exist."""
    for name, entry in entries.items():
        around: dict[int, str] = {}
        for field, text in entry.bounds.items():
            bound = _bound(text)
            limits = entry.limits() if bound is not None and not bound.plain else None
            past = limits[1 if BOUNDS[field] > 0 else 0] if limits is not None else None
            for other in bound.each_of("max" if BOUNDS[field] > 0 else "min", past) if bound is not None else ():
                if other not in entries or other == name:
                    continue
                around[BOUNDS[field]] = other
                low, high = (other, name) if BOUNDS[field] > 0 else (name, other)
                yield Order(low, high, name, field, field in STRICT)
        low, high = around.get(1, name), around.get(-1, name)
        if len(around) == 2 and low != high and (entries[low].fixed or entries[high].fixed):
            yield Order(low, high, name, "")


def _in_order(template: Template, entries: Mapping[str, Entry], order: Order) -> tuple[bool, Problem | None]:
    """Narrow what has to be narrowed for one order to hold.

    Returns:
        Whether something was narrowed; and what is wrong where it can't hold.
    """
    low, high = entries[order.low], entries[order.high]
    below, above = low.limits(), high.limits()
    if below is None or above is None or _never_together(low, high):
        return False, None
    kept = order.field and entries[order.owner].takes(order.field)  # then each trial sees to it, within these limits
    other, owner = (low, high) if order.owner == order.high else (high, low)
    if (kept and not owner.takes("low")) or _said_otherwise(low, high, order):
        return False, None  # no limits that the other could lie beyond
    if order.field == "" or not kept:
        owner, other = (low, high) if low.fixed else (high, low)
    mine = owner.limits() or (-math.inf, math.inf)
    theirs = other.limits() or (-math.inf, math.inf)
    if other is low:
        most = mine[1] if kept else mine[0]
        fits, cap = theirs[1] < most or (theirs[1] == most and not order.strict), (-math.inf, most)
    else:
        least = mine[0] if kept else mine[1]
        fits, cap = theirs[0] > least or (theirs[0] == least and not order.strict), (least, math.inf)
    if fits:
        return False, None
    if not other.fixed and _capped(other, *cap, by=owner, strict=order.strict):
        return True, None
    place = first_place((owner, other, entries.get(order.owner)))
    between = "" if order.field else f" ({order.owner!r} lies between the two)"
    never = "always below" if order.strict else "never above"
    message = (
        f"{low.name!r} is {never} {high.name!r}{between}, and {low.name!r} is {_range(below)} here, "
        f"{high.name!r} {_range(above)}"
    )
    return False, problem_at(template, place, owner.known, message)


def _said_otherwise(low: Entry, high: Entry, order: Order) -> bool:
    """Whether another field says the same, so that each trial sees to it."""
    said = [("below", low, high), ("above", high, low)]
    said += [] if order.strict else [("at_most", low, high), ("at_least", high, low)]
    return any(
        one.bounds.get(field) == other.name and one.takes(field) and (one.name, field) != (order.owner, order.field)
        for field, one, other in said
    )


def _range(limits: tuple[float, float]) -> str:
    low, high = limits
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _never_together(one: Entry, other: Entry) -> bool:
    """Whether no trial has both."""
    return any(
        name in other.when and not any(value in other.when[name] for value in values)
        for name, values in one.when.items()
    )


def _capped(entry: Entry, least: float, most: float, *, by: Entry, strict: bool) -> bool:
    """Narrow a parameter to the values between two limits; False where that leaves none, or can't be.

    Args:
        entry: the parameter; changed in place.
        least, most: the limits, one of them infinite.
        by: the parameter whose limit it is.
        strict: whether the limit itself is left out.
    """
    model = entry.model
    options = values_of(model)
    if options is not None:
        inside = [least < option < most if strict else least <= option <= most for option in options]
        kept = [index for index, fits in enumerate(inside) if fits]
        weights = entry.raw.get("weights")
        if not kept or (weights is not None and not any(weights[index] > 0 for index in kept)):
            return False
        entry.raw["values"] = [options[index] for index in kept]
        if weights is not None:
            entry.raw["weights"] = [weights[index] for index in kept]
    elif isinstance(model, Ranged):
        before = dict(entry.raw)
        if not (_strictly(entry, least, most) if strict else _within(entry, model, least, most)):
            entry.raw = before
            return False
    else:
        field = "at_most" if math.isfinite(most) else "at_least"
        if strict or by.when or not by.fixed or field in entry.bounds:
            return False
        if getattr(model, "logarithmic", False) and most <= 0:
            return False
        entry.bounds[field] = by.name
        return True
    entry.settle_default()
    return True


def _strictly(entry: Entry, least: float, most: float) -> bool:
    """Leave out everything from a limit on; False where that leaves nothing, or the field has another meaning."""
    field, limit = ("below", most) if math.isfinite(most) else ("above", least)
    stated = entry.raw.get(field)
    if field in entry.bounds:
        return False
    entry.raw[field] = limit if stated is None else min(stated, limit) if field == "below" else max(stated, limit)
    return _has_values(entry)


def _within(entry: Entry, model: Any, least: float, most: float) -> bool:
    """Draw its limits in; False where that leaves nothing."""
    if most < model.allowed[1]:
        entry.raw["high"] = _limit(model, most) + (1 if model.type == "randint" else 0)
    if least > model.allowed[0]:
        entry.raw["low"] = _limit(model, least, up=True)
    return _has_values(entry)


def _limit(model: Ranged, limit: float, *, up: bool = False) -> float:
    if not model.whole:
        return limit
    return math.ceil(limit) if up else math.floor(limit)


def _has_values(entry: Entry) -> bool:
    bare = {key: value for key, value in entry.raw.items() if key != "default"}
    if bare["low"] > bare["high"]:
        return False
    try:
        low, high = Entry(entry.known, bare).model.allowed
    except ValidationError:
        return False
    return bool(low <= high)
