"""Whether a parameter of an experiment lies within what the template says of it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from pydantic import BaseModel, TypeAdapter

from automl_core.space import Space
from automl_core.spec.errors import show
from automl_core.spec.numeric import Numeric, Ranged
from automl_core.spec.parameters import Parameter
from automl_core.spec.shapes import shape_of, tags_of

BOUNDS = ("at_least", "at_most")
"""Fields that bound a parameter by another one."""

ROUNDING = ("q", "multiple_of", "power_of")
"""Fields that put a parameter's values on a grid."""


def model_of(raw: Mapping[str, Any]) -> Any:
    """A parameter's model of its plain data, without sub-spaces.

    Raises:
        ValidationError: the data are wrong.
    """
    model = _models().get(str(raw.get("type")))
    return model.model_validate(raw) if model is not None else any_model_of(raw)


def any_model_of(raw: Mapping[str, Any]) -> Any:
    """The same; errors are those that `automl_core.spec.explain` has words for.

    Raises:
        ValidationError: the data are wrong.
    """
    return _adapter().validate_python(raw)


@cache
def _models() -> dict[str, type[BaseModel]]:
    """Type → its model: a parse checks few parameters, and the schema of them all takes ten times that of one."""
    members = (member.model for member in shape_of(Parameter).members)
    return {tag: model for model in members if model is not None for tag in tags_of(shape_of(model), "type")}


@cache
def _adapter() -> TypeAdapter[Any]:
    return TypeAdapter(Parameter)


def values_of(model: Any) -> list[Any] | None:
    """The options of a parameter that has such, None for any other."""
    found = getattr(model, "options", None)
    return list(found) if found is not None else None


def wrong_value(model: Any, value: Any) -> str | None:
    """Why a value is none that a template's parameter may have, or None.

    An option of weight 0 is one that the search doesn't take by itself; it can be set.
    """
    alone: dict[str, Any] = {"when": {}, **{field: None for field in BOUNDS if field in type(model).model_fields}}
    parameter = Space.from_models({"x": model.model_copy(update=alone)}).by_name["x"]
    wrong = parameter.check(value)
    if wrong is None and values_of(model) is None:
        wrong = parameter.off_grid(value)
    return wrong


def allowed_by(model: Any) -> tuple[str, ...]:
    """What a template's parameter may be, in words: its options one by one, or its range."""
    options = values_of(model)
    if options is not None:
        return tuple(show(option) for option in options)
    if model.type == "fixed":
        return (show(model.value),)
    if isinstance(model, Ranged):
        low, high = model.allowed
        kind = "a whole number" if model.whole else "a number"
        return (f"{kind} from {low:g} to {high:g}{_grid(model)}",)
    positive = " above 0" if getattr(model, "logarithmic", False) else ""
    return (f"a number{positive}{_grid(model)}",)


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
    options = values_of(given)
    if options is not None and (given.type == own.type or values_of(own) is None):
        if given.type == own.type:
            known = values_of(own) or []
            stray = [each for each in options if not any(_same(each, other) for other in known)]
            return f"{show(stray[0])} is none of the template's values" if stray else _sizes(own, given)
        return next((wrong for each in options if (wrong := wrong_value(own, each))), None)
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
    if given.type == own.type:
        return None
    return f"it is of type {given.type}, and the template's is of type {own.type}"


def _same(a: Any, b: Any) -> bool:
    return bool(a == b) and isinstance(a, bool) == isinstance(b, bool)


def _sizes(own: Any, given: Any) -> str | None:
    """Whether what has several values at once has as many as the template allows."""
    for field, sign in (("min_size", 1), ("max_size", -1)):
        stated, limit = getattr(given, field, None), getattr(own, field, None)
        if limit is not None and (stated is None or sign * (stated - limit) < 0):
            return f"{field} is {show(stated)}, and the template's is {show(limit)}"
    return None


def _range_outside(own: Any, given: Any) -> str | None:
    if own.whole and not given.whole:
        return f"{given.type} gives decimals, and the template's values are whole numbers"
    (low, high), (lowest, highest) = given.allowed, own.allowed
    if low < lowest or high > highest:
        return f"{low:g} to {high:g} reaches beyond the template's {lowest:g} to {highest:g}"
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
