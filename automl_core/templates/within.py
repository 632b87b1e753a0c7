"""Whether a parameter of an experiment lies within what the template says of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter

from automl_core.space import Space
from automl_core.spec.errors import show
from automl_core.spec.numeric import Numeric, Ranged, same
from automl_core.spec.parameters import Parameter
from automl_core.spec.relations import BOUNDS
from automl_core.spec.shapes import shape_of, tags_of

ROUNDING = ("q", "multiple_of", "power_of")
"""Fields that put a parameter's values on a grid."""


def model_of(raw: Mapping[str, Any]) -> Any:
    """A parameter's model of its plain data, without sub-spaces.

    Raises:
        ValidationError: the data are wrong.
    """
    model = _models().get(str(raw.get("type")))
    return model.model_validate(raw) if model is not None else any_model_of(raw)


def build_models() -> None:
    """Build the schemas of all types, for processes that are forked from this one."""
    for model in _models().values():
        model.model_rebuild()


def any_model_of(raw: Mapping[str, Any]) -> Any:
    """The same; errors are those that `automl_core.spec.explain` has words for.

    Raises:
        ValidationError: the data are wrong.
    """
    return _adapter().validate_python(raw)


def takes(raw: Mapping[str, Any], field: str) -> bool:
    """Whether a parameter of this type has a field."""
    model = _models().get(str(raw.get("type")))
    return model is not None and field in model.model_fields


@cache
def _models() -> dict[str, type[BaseModel]]:
    """Type → its model: a parse checks few parameters, and the schema of them all takes ten times that of one."""
    members = (member.model for member in shape_of(Parameter).members)
    return {tag: model for model in members if model is not None for tag in tags_of(shape_of(model), "type")}


@cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(Parameter)


def values_of(model: Any) -> list[Any] | None:
    """The options of a parameter that is one of several (a choice, an ordinal), None for any other."""
    return list(model.options) if hasattr(model, "options") and model.type != "subset" else None


def wrong_value(model: Any, value: Any) -> str | None:
    """Why a value is none that a template's parameter may have, or None.

    An option of weight 0 is one that the search doesn't take by itself; it can be set.
    """
    fields = type(model).model_fields
    alone: dict[str, Any] = {"when": {}}
    alone |= {field: None for field in BOUNDS if field in fields and isinstance(getattr(model, field), str)}
    if "weights" in fields:
        alone["weights"] = None
    parameter = Space.from_models({"x": model.model_copy(update=alone)}).by_name["x"]
    return parameter.check(value) or parameter.off_grid(value)


def allowed_by(model: Any) -> tuple[str, ...]:
    """What a template's parameter may be, in words: its options one by one, or its range."""
    options = values_of(model)
    if options is not None:
        return tuple(show(option) for option in options)
    if model.type == "fixed":
        return (show(model.value),)
    if model.type == "subset":
        return (f"a list of {_count(model.min, model.most)} of {', '.join(map(show, model.options))}",)
    if hasattr(model, "low"):
        low, high = model.allowed
        kind = "whole number" if model.whole else "number"
        reach = f"{_reach(low, high)}{_grid(model)}"
        if model.type == "sorted_list":
            return (f"an ascending list of {_count(*model.lengths)} {kind}s {reach}",)
        return (f"a {kind} {reach}",)
    positive = " above 0" if getattr(model, "logarithmic", False) else ""
    return (f"a number{positive}{_grid(model)}",)


def span(low: float, high: float) -> str:
    """Two limits in words; one that no one would write is none."""
    if low <= -ENDLESS and high >= ENDLESS:
        return "any size"
    return (
        f"highest of {high:g}"
        if low <= -ENDLESS
        else f"lowest of {low:g}"
        if high >= ENDLESS
        else f"{low:g} to {high:g}"
    )


def _reach(low: float, high: float) -> str:
    ends = (low <= -ENDLESS, high >= ENDLESS)
    if all(ends):
        return "of any size"
    return f"up to {high:g}" if ends[0] else f"of at least {low:g}" if ends[1] else f"from {low:g} to {high:g}"


ENDLESS = 2.0**53
"""Limits from which on a range counts as open."""


def _count(least: int, most: int) -> str:
    return str(least) if least == most else f"{least} to {most}"


def _grid(model: Any) -> str:
    if getattr(model, "power_of", None) is not None:
        return f", a power of {model.power_of}"
    step = getattr(model, "multiple_of", None) or getattr(model, "q", None)
    return f", a multiple of {step:g}" if step is not None else ""


def outside(own: Any, given: Any) -> str | None:
    """Why a parameter of an experiment reaches beyond the template's, in words for its author; None if it doesn't.

    Conditions and bounds by other parameters are not looked at (see `overriding.violations`).

    Args:
        own: the template's parameter.
        given: the experiment's of that name.
    """
    if given.type == "fixed":
        return wrong_value(own, given.value)
    if "subset" in (own.type, given.type) or "sorted_list" in (own.type, given.type):
        if given.type != own.type:
            return _of_another_type(own, given)
        return _subset_outside(own, given) if own.type == "subset" else _list_outside(own, given)
    options = values_of(given)
    if options is not None:
        known = values_of(own)
        if known is None:
            return next((wrong for each in options if (wrong := wrong_value(own, each))), None)
        return _stray(known, options)
    if isinstance(own, Ranged) and isinstance(given, Ranged):
        return _range_outside(own, given)
    if isinstance(own, Numeric) and not isinstance(own, Ranged) and isinstance(given, Numeric):
        if (
            getattr(own, "logarithmic", False)
            and not getattr(given, "logarithmic", False)
            and not (isinstance(given, Ranged) and given.low > 0)
        ):
            return "it may be 0 or below, and the template's values are above 0"
        return _other_grid(own, given)
    return None if given.type == own.type else _of_another_type(own, given)


def _of_another_type(own: Any, given: Any) -> str:
    return f"it is of type {given.type}, and the template's is of type {own.type}"


def _stray(known: Sequence[Any], options: Sequence[Any]) -> str | None:
    stray = [each for each in options if not any(same(each, other) for other in known)]
    return f"{show(stray[0])} is none of the template's values" if stray else None


def _subset_outside(own: Any, given: Any) -> str | None:
    stray = _stray(own.options, given.options)
    if stray is None and (given.min < own.min or given.most > own.most):
        return f"{_count(given.min, given.most)} members, and the template has {_count(own.min, own.most)}"
    return stray


def _list_outside(own: Any, given: Any) -> str | None:
    (least, most), (fewest, limit) = given.lengths, own.lengths
    if least < fewest or most > limit:
        return f"{_count(least, most)} numbers, and the template has {_count(fewest, limit)}"
    if own.distinct and not given.distinct:
        return "no number stands twice in the template's list"
    return _range_outside(own, given)


def _range_outside(own: Any, given: Any) -> str | None:
    if own.whole and not given.whole:
        return f"{given.type} gives decimals, and the template's values are whole numbers"
    (low, high), (lowest, highest) = given.allowed, own.allowed
    # what is strictly above a number begins a millionth of its own range beside it, so a narrower range begins nearer
    for field in ("above", "below"):
        strict = getattr(own, field, None)
        if strict is not None and getattr(given, field, None) == strict:
            low = max(low, lowest) if field == "above" and given.low >= own.low else low
            high = min(high, highest) if field == "below" and given.last <= own.last else high
    if low < lowest or high > highest:
        return f"{low:g} to {high:g} reaches beyond the template's {span(lowest, highest)}"
    return _other_grid(own, given)


def _other_grid(own: Any, given: Any) -> str | None:
    for field in ROUNDING:
        stated, wanted = getattr(given, field, None), getattr(own, field, None)
        if wanted is None or stated == wanted:
            continue
        if stated is not None and field == "multiple_of" and (stated / wanted).is_integer():
            continue
        return f"{field} is {show(stated)}, and the template's is {wanted:g}"
    return None
