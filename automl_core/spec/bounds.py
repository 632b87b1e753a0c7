"""A parameter between two others: when there is always room, and how the two are kept in order.

``x: {at_least: a, at_most: b}`` has a value only where a is not above b. Where nothing in the file says so, b is
bounded by a as well (or a by b), as if the file had ``b: {at_least: a}``; where that is not possible the file is
refused.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping
from typing import Any

from automl_core.spec.expressions import Expression, parse
from automl_core.spec.parameters import Ranged


def limits(model: Any) -> tuple[float, float]:
    """The lowest and highest number that a parameter may be; infinite for normals."""
    if model.type in ("choice", "ordinal", "fixed"):
        numbers = [model.value] if model.type == "fixed" else _options(model)
        return (min(numbers), max(numbers))
    if isinstance(model, Ranged):
        return model.allowed
    return (0.0 if model.logarithmic else -math.inf, math.inf)


def arrange(flat: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Keep what bounds one parameter from both sides in order.

    Args:
        flat: name → parameter model, without sub-spaces; names, conditions and single bounds are right.

    Returns:
        The same with the bounds that follow, and what can't be kept: each starts with the field's path.
    """
    arranged, problems = dict(flat), []
    waiting = list(flat)
    while waiting:
        name = waiting.pop(0)
        model = arranged[name]
        low, high = getattr(model, "at_least", None), getattr(model, "at_most", None)
        if low is None or high is None:
            continue
        lower, upper = parse(low), parse(high)
        low, high = lower.text, upper.text
        if not (lower.plain and upper.plain):
            problems += _between_expressions(name, model, arranged)
            continue
        if not _has_room(model, arranged[low], arranged[high]):
            problems.append(
                f"space.{name}.at_most: the values of {name!r} lie on a grid, and there may be none between {low!r} "
                f"and {high!r}; give one of them the same grid"
            )
        elif low != high and not _in_order(arranged, low, high):
            changed = _put_in_order(arranged, low, high)
            if changed is None:
                problems.append(
                    f"space.{name}.at_most: {low!r} may be {limits(arranged[low])[1]:g} and {high!r} may be "
                    f"{limits(arranged[high])[0]:g}, which leaves nothing between; give them ranges that don't "
                    f"overlap, or {high!r} at_least: {low} and limits that allow it"
                )
            else:
                waiting.append(changed)  # it may be bounded from both sides now
    return arranged, problems


def expression_problem(
    name: str, model: Any, bound: Expression, sign: int, strict: bool, flat: Mapping[str, Any], data: Container[str]
) -> str | None:
    """Why an expression can't bound a parameter, or None: each of its values has to leave room.

    Args:
        name, model: the parameter.
        bound: the expression.
        sign: 1 from below, -1 from above.
        strict: whether its value itself is left out.
        flat: name → parameter model.
        data: names of the data sets.
    """
    for each in bound.parameters:
        if each == name or each not in flat:
            hint = "; a minus sign between two names has a space on either side" if "-" in each else ""
            return f"there is no other parameter {each!r}{hint}"
        other = flat[each]
        if other.type in ("subset", "sorted_list"):
            return f"{each!r} is a list ({other.type}), and a bound is one number"
        numbers = other.options if hasattr(other, "options") else [other.value] if other.type == "fixed" else []
        if any(isinstance(number, bool) or not isinstance(number, int | float) for number in numbers):
            return f"{each!r} is not numeric"
    for data_set, _ in bound.counts:
        if data_set not in data:
            return f"there is no data set {data_set!r} under data"
    if bound.counts:
        return None  # known when a run begins (`automl_core.spec.counts`), and checked then
    low, high = bound_range(bound, flat)
    if sign < 0 and getattr(model, "logarithmic", False) and low <= 0:
        return f"{bound.text!r} may be {low:g}, and the values here are above 0"
    if not hasattr(model, "low"):
        return None
    edge, most = (high, model.allowed[1]) if sign > 0 else (low, model.allowed[0])
    reach = "the highest" if sign > 0 else "the lowest"
    if not math.isfinite(edge):
        return f"{bound.text!r} has no limit on this side, so it can leave no room here"
    if sign * (edge - most) > 0 or (strict and edge == most):
        side = "" if edge == most else f"{'above' if sign > 0 else 'below'} {most:g}, "
        searched = [each for each in bound.parameters if flat[each].type != "fixed"]
        hint = f"; narrow {' or '.join(searched)} so that there is room" if searched else ""
        return f"{bound.text!r} may be {edge:g}, {side}{reach} value here{hint}"
    if model.type == "sorted_list":
        room = model.room(edge, model.allowed[1]) if sign > 0 else model.room(model.allowed[0], edge)
        if room is not None and room < model.lengths[1]:
            return f"{bound.text!r} may be {edge:g}, which leaves {room} numbers; a list may have {model.lengths[1]}"
    return None


def bound_range(bound: Expression, flat: Mapping[str, Any]) -> tuple[float, float]:
    """The limits of an expression of parameters, whichever of them a trial has."""
    within = {each: limits(flat[each]) for each in bound.parameters if each in flat}
    return bound.range(within, absent=[each for each in within if flat[each].when])


def _between_expressions(name: str, model: Any, flat: Mapping[str, Any]) -> list[str]:
    """Of two bounds of which one is an expression: only their limits can say that there is room between them."""
    lower, upper = parse(model.at_least), parse(model.at_most)
    if lower.counts or upper.counts:
        return [
            f"space.{name}.at_most: a bound on either side, and one of them is known only when a run begins; leave "
            "one out"
        ]
    (_, least), (most, _) = bound_range(lower, flat), bound_range(upper, flat)
    whole = model.multiple_of is not None or model.power_of is not None or getattr(model, "whole", False)
    if least <= most and isinstance(model, Ranged) and whole:
        inside = model.model_copy(update={"low": max(least, model.low), "high": min(most, model.high)})
        grid = inside.values_of_grid()
        room = math.floor(inside.high) >= math.ceil(inside.low) if grid is None else len(grid) > 0
    else:
        room = least <= most
    if room:
        return []
    return [
        f"space.{name}.at_most: {lower.text!r} may be {least:g} and {upper.text!r} may be {most:g}, which leaves "
        "nothing between; give them ranges that don't overlap"
    ]


def _put_in_order(arranged: dict[str, Any], low: str, high: str) -> str | None:
    """Bound one of two parameters by the other. Returns which; None where neither can be."""
    lower, upper = arranged[low], arranged[high]
    for name, model, field, other, fits in (
        (high, upper, "at_least", low, limits(lower)[1] <= limits(upper)[1]),
        (low, lower, "at_most", high, limits(upper)[0] >= limits(lower)[0]),
    ):
        strict = {"at_least": "above", "at_most": "below"}[field]
        bound = isinstance(getattr(model, strict, None), str)
        free = (
            hasattr(model, field)
            and getattr(model, field) is None
            and not bound
            and not getattr(model, "logarithmic", False)
        )
        if free and fits and not _depends(arranged, other, name):
            arranged[name] = model.model_copy(update={field: other})
            return name
    return None


def _in_order(flat: Mapping[str, Any], low: str, high: str) -> bool:
    """Whether one parameter is never above another: by their limits, or by bounds that lead from one to the other."""
    if limits(flat[low])[1] <= limits(flat[high])[0]:
        return True

    def leads(start: str, goal: str, field: str) -> bool:
        seen = start
        while (following := _bound_of(flat[seen], field)) is not None:
            if following == goal:
                return True
            if flat[following].when:  # where it doesn't exist, neither do its bounds
                return False
            seen = following
        return False

    return leads(high, low, "at_least") or leads(low, high, "at_most")


def _bound_of(model: Any, field: str) -> str | None:
    """The parameter that bounds this one on a side, strictly or not."""
    strict = getattr(model, {"at_least": "above", "at_most": "below"}[field], None)
    found = strict if isinstance(strict, str) else getattr(model, field, None)
    bound = parse(found) if found is not None else None
    return bound.text if bound is not None and bound.plain else None


def _depends(flat: Mapping[str, Any], name: str, other: str) -> bool:
    """Whether a parameter must be known after another one."""
    from automl_core.spec.relations import parents

    waiting, seen = [name], {name}
    while waiting:
        here = waiting.pop()
        if here == other:
            return True
        more = [parent for parent in parents(flat[here]) if parent not in seen]
        seen.update(more)
        waiting += more
    return False


def _has_room(model: Any, lower: Any, upper: Any) -> bool:
    """Whether there is a value between two bounds that are in order: one of them lies on the grid, or there is none."""
    if not isinstance(model, Ranged) or (model.multiple_of is None and model.power_of is None and not model.whole):
        return True  # what q rounds is drawn to the limits
    return _lies_on(lower, model) or _lies_on(upper, model)


def _lies_on(other: Any, model: Ranged) -> bool:
    if other.type in ("choice", "ordinal", "fixed"):
        return all(_is_value(number, model) for number in ([other.value] if other.type == "fixed" else _options(other)))
    if model.power_of is not None:
        return bool(other.power_of == model.power_of)
    step = model.step[0] or 1.0
    theirs = other.multiple_of or (1.0 if getattr(other, "whole", False) else None)
    return theirs is not None and isinstance(other, Ranged) and (theirs / step).is_integer()


def _is_value(number: float, model: Ranged) -> bool:
    if model.power_of is not None:
        if number <= 0:
            return False
        exponent = round(math.log(number, model.power_of))
        return math.isclose(number, float(model.power_of) ** exponent, rel_tol=1e-12)
    ratio = number / (model.step[0] or 1.0)
    return math.isclose(ratio, round(ratio), rel_tol=0, abs_tol=1e-9)


def _options(model: Any) -> list[float]:
    return [value if isinstance(value, int | float) else value.value for value in model.values]
