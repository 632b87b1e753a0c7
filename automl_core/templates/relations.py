"""Conditions and bounds of a template's parameters: they hold whatever of them is set, taken out or narrowed.

A condition on a parameter that has a value is settled: it holds, and is no condition any more, or it doesn't, and the
parameter goes. A bound by a parameter that has a value, or whose bounded parameter has one, narrows the other.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import ValidationError

from automl_core.spec.errors import Problem, show
from automl_core.spec.numeric import Ranged
from automl_core.templates.actions import Actions
from automl_core.templates.entries import Entry, first_place, is_number, problem_at
from automl_core.templates.version import Template
from automl_core.templates.within import values_of


class _Order(NamedTuple):
    """One parameter is never above another.

    Attributes:
        low, high: the two.
        owner: the one whose field says so; another one, where both bound it.
        field: ``at_least`` or ``at_most``; empty where both fields of the owner do.
    """

    low: str
    high: str
    owner: str
    field: str


def keep_relations(template: Template, entries: dict[str, Entry], actions: Actions) -> list[Problem]:
    """Settle what can be settled, in place.

    Args:
        template: of the parameters.
        entries: name → parameter as far as it is put together; those that can never exist are taken out.
        actions: what the experiment file asks for.

    Returns:
        What can't hold; problems of the experiment's file have no line.
    """
    try:
        problems = _settle(template, entries, actions)
    except ValidationError:
        return []  # a parameter is wrong in itself: the check of the whole experiment says where
    return problems


def _settle(template: Template, entries: dict[str, Entry], actions: Actions) -> list[Problem]:
    changed = True
    while changed:  # what is narrowed by a bound may leave a condition that can never hold
        problems = _conditions(template, entries, actions)
        if problems:
            return problems
        changed = False
        for order in list(_orders(entries)):
            done, problem = _in_order(template, entries, order)
            changed = changed or done
            if problem is not None:
                return [problem]
    for entry in entries.values():
        entry.bounds = {
            field: other for field, other in entry.bounds.items() if other in entries and entry.takes(field)
        }
    _defaults(entries)
    return []


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
            if above.raw["value"] not in values:
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
    model = entry.model
    options = values_of(model)
    if options is not None:
        return value in options
    limits = entry.limits()
    return limits is None or (is_number(value) and limits[0] <= value <= limits[1])


def _orders(entries: Mapping[str, Entry]) -> Iterator[_Order]:
    """Every order between two parameters that both exist."""
    for name, entry in entries.items():
        low, high = entry.bounds.get("at_least"), entry.bounds.get("at_most")
        if low in entries and low != name:
            yield _Order(str(low), name, name, "at_least")
        if high in entries and high != name:
            yield _Order(name, str(high), name, "at_most")
        if low in entries and high in entries and low != high and (entries[str(low)].fixed or entries[str(high)].fixed):
            yield _Order(str(low), str(high), name, "")


def _in_order(template: Template, entries: Mapping[str, Entry], order: _Order) -> tuple[bool, Problem | None]:
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
    if kept and not isinstance(owner.model, Ranged):
        return False, None  # no limits that the other could lie beyond
    if order.high == low.bounds.get("at_most") and order.owner != order.low and low.takes("at_most"):
        return False, None  # it is said the other way round, and each trial sees to it
    if order.low == high.bounds.get("at_least") and order.owner != order.high and high.takes("at_least"):
        return False, None
    if order.field == "" or not kept:
        owner, other = (low, high) if low.fixed else (high, low)
    mine = owner.limits() or (-math.inf, math.inf)
    theirs = other.limits() or (-math.inf, math.inf)
    if other is low:
        most = mine[1] if kept else mine[0]
        fits, cap = theirs[1] <= most, (-math.inf, most)
    else:
        least = mine[0] if kept else mine[1]
        fits, cap = theirs[0] >= least, (least, math.inf)
    if fits:
        return False, None
    if not other.fixed and _capped(other, *cap, by=owner):
        return True, None
    place = first_place((owner, other, entries.get(order.owner)))
    between = "" if order.field else f" ({order.owner!r} lies between the two)"
    message = (
        f"{low.name!r} is never above {high.name!r}{between}, and {low.name!r} is {_range(below)} here, "
        f"{high.name!r} {_range(above)}"
    )
    return False, problem_at(template, place, owner.known, message)


def _range(limits: tuple[float, float]) -> str:
    low, high = limits
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _never_together(one: Entry, other: Entry) -> bool:
    """Whether no trial has both."""
    return any(
        name in other.when and not any(value in other.when[name] for value in values)
        for name, values in one.when.items()
    )


def _capped(entry: Entry, least: float, most: float, by: Entry) -> bool:
    """Narrow a parameter to the values between two limits; False where that leaves none, or can't be."""
    model = entry.model
    options = values_of(model)
    if options is not None:
        kept = [index for index, option in enumerate(options) if least <= option <= most]
        weights = entry.raw.get("weights")
        if not kept or (weights is not None and not any(weights[index] > 0 for index in kept)):
            return False
        entry.raw["values"] = [options[index] for index in kept]
        if weights is not None:
            entry.raw["weights"] = [weights[index] for index in kept]
    elif hasattr(model, "low"):
        before = dict(entry.raw)
        if most < model.allowed[1]:
            entry.raw["high"] = _limit(model, most) + (1 if model.type == "randint" else 0)
        if least > model.allowed[0]:
            entry.raw["low"] = _limit(model, least, up=True)
        if not _has_values(entry):
            entry.raw = before
            return False
    else:
        field = "at_most" if math.isfinite(most) else "at_least"
        if by.when or not by.fixed or field in entry.bounds or (getattr(model, "logarithmic", False) and most <= 0):
            return False
        entry.bounds[field] = by.name
        return True
    entry.settle_default()
    return True


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


def _defaults(entries: Mapping[str, Entry]) -> None:
    """Drop defaults of the template's that don't go with a value, or with a default, of the experiment's."""
    pairs = [(order.low, order.high) for order in _orders(entries)]
    pairs += [
        (entry.bounds["at_least"], entry.bounds["at_most"]) for entry in entries.values() if len(entry.bounds) == 2
    ]
    for below, above in pairs:
        low, high = entries[below], entries[above]
        lower, upper = (entry.raw.get("value" if entry.fixed else "default") for entry in (low, high))
        if is_number(lower) and is_number(upper) and lower > upper:
            for entry in (low, high):
                if not entry.fixed:
                    entry.without_default()
