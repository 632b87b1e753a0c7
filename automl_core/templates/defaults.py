"""Defaults of a template's parameters beside values of the experiment's that bound them.

A default that such a value leaves out becomes the nearest one that it allows: with 100 queries a search begins with 100
of the best guesses, where the template says 300. Where there is no such value, or the file gives both, nothing is
tried first.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from automl_core.spec.expressions import BadExpression, Expression, parse
from automl_core.spec.relations import BOUNDS
from automl_core.templates.entries import Entry, entry_of, is_number

STRICT = ("above", "below")
"""Bounds that leave out the other's value itself."""


class Order(NamedTuple):
    """One parameter is never above another.

    Attributes:
        low, high: the two.
        owner: the one whose field says so; another one, where both bound it.
        field: ``at_least``, ``below`` and so on; empty where two fields of the owner do.
        strict: whether the two are never the same either.
    """

    low: str
    high: str
    owner: str
    field: str
    strict: bool = False


def settle_defaults(entries: Mapping[str, Entry], orders: Sequence[Order]) -> None:
    """Move, or else drop, the template's defaults that don't go with the experiment's values and defaults.

    Args:
        entries: name → parameter, its bounds as they are left; changed in place.
        orders: those that hold between two of them.
    """
    for _ in entries:  # what is moved may bound another one
        if not _move_all(entries):
            break
    for entry in entries.values():
        for field in entry.bounds:
            _dropped(entries, entry, field)
    pairs = [(order.low, order.high, order.strict) for order in orders]
    pairs += [
        (entry.bounds["at_least"], entry.bounds["at_most"], False)
        for entry in entries.values() if {"at_least", "at_most"} <= entry.bounds.keys()
        and entry.bounds["at_least"] in entries and entry.bounds["at_most"] in entries
    ]  # fmt: skip
    for below, above, strict in pairs:
        low, high = entries[below], entries[above]
        lower, upper = _default_of(low, highest=True), _default_of(high, highest=False)
        if lower is not None and upper is not None and (lower > upper or (strict and lower == upper)):
            for entry, other in ((low, high), (high, low)):
                if not entry.fixed and (other.begun or not entry.begun):
                    entry.without_default()


def move_value(entries: Mapping[str, Entry], entry: Entry) -> None:
    """Make a template's default, which a parameter has as its value, the nearest one that its bounds allow.

    Args:
        entries: name → parameter.
        entry: of a parameter that is not searched; changed in place.
    """
    like = entry_of(entry.known, entry.known.raw, None)
    like.begun = entry.begun
    for field in like.bounds:
        _moved(entries, like, field)
    entry.raw["value"] = like.raw.get("default", entry.raw["value"])


def _move_all(entries: Mapping[str, Entry]) -> bool:
    """Move every default that has to be; whether any was."""
    moved = False
    for entry in entries.values():
        for field in entry.bounds:
            moved = _moved(entries, entry, field) or moved
    return moved


def _moved(entries: Mapping[str, Entry], entry: Entry, field: str) -> bool:
    """Make a default that a bound leaves out the nearest one that it allows; False where that isn't to be, or can't."""
    value, edge = entry.raw.get("default"), _edge(entries, entry, field)
    if edge is None or not is_number(value) or not _left_out(field, value, edge):
        return False
    if entry.own_default or entry.begun:
        return False
    nearest: float = edge
    if isinstance(value, int):
        nearest = math.ceil(edge) if BOUNDS[field] > 0 else math.floor(edge)
        nearest += BOUNDS[field] if field in STRICT and nearest == edge else 0
    if _left_out(field, nearest, edge):
        return False  # there is no nearest number above a limit
    try:
        Entry(entry.known, {**entry.raw, "default": nearest}).model  # noqa: B018
    except ValidationError:
        return False
    entry.raw["default"] = nearest
    return True


def _dropped(entries: Mapping[str, Entry], entry: Entry, field: str) -> None:
    """Drop a default that an expression of the others' values and defaults leaves out."""
    bound, own = _bound(entry.bounds[field]), _default_of(entry, highest=BOUNDS[field] < 0)
    edge = _edge(entries, entry, field)
    if bound is None or bound.plain or own is None or edge is None or not _left_out(field, own, edge):
        return
    around = [entry, *(entries[name] for name in bound.parameters)]
    for each in around:
        if not each.fixed and (not each.begun or all(other.begun or other.fixed for other in around)):
            each.without_default()


def _left_out(field: str, value: float, edge: float) -> bool:
    return BOUNDS[field] * (value - edge) < 0 or (field in STRICT and value == edge)


def _edge(entries: Mapping[str, Entry], entry: Entry, field: str) -> float | None:
    """What a bound is beside the others' values and defaults; None where one has neither, or nobody knows yet."""
    bound = _bound(entry.bounds[field])
    if bound is None or bound.counts or not all(name in entries for name in bound.parameters):
        return None
    known = {name: entries[name].raw.get("value" if entries[name].fixed else "default") for name in bound.parameters}
    return bound.at(known) if all(is_number(value) for value in known.values()) else None


def _bound(text: str) -> Expression | None:
    try:
        return parse(text)
    except BadExpression:
        return None


def _default_of(entry: Entry, *, highest: bool) -> float | None:
    """The number that is tried first, or that it always has; of a list one of its ends."""
    value: Any = entry.raw.get("value" if entry.fixed else "default")
    numbers = [number for number in (value if isinstance(value, list) else [value]) if is_number(number)]
    return (max if highest else min)(numbers, default=None)
