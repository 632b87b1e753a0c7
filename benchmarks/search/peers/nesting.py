"""A space as libraries with nested choices state it: an option's children stand inside the option."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from automl_core.space import Parameter, Params, Space, Value


def nested(
    space: Space,
    leaf: Callable[[Parameter], Any],
    choice: Callable[[str, Sequence[dict[str, Any]]], Any],
) -> dict[str, Any]:
    """The space as a tree.

    Args:
        space: whose conditions each name one parent.
        leaf: what a parameter without children becomes.
        choice: what a parameter with children becomes, from its name and one mapping an option: its own name → the
            option, and its children's names → what they became.
    """

    def made(parameter: Parameter) -> Any:
        children = [p for p in space.parameters if parameter.name in p.when]
        if not children:
            return leaf(parameter)
        branches = []
        for option in parameter.options:
            there = [child for child in children if option in child.when[parameter.name]]
            branches.append({parameter.name: option} | {child.name: made(child) for child in there})
        return choice(parameter.name, branches)

    return {parameter.name: made(parameter) for parameter in space.parameters if not parameter.when}


def flat(space: Space, tree: Mapping[str, Any]) -> Params:
    """The combination of a tree that a library filled in, with plain Python values."""
    params: Params = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            params |= flat(space, value)
        else:
            params[name] = plain(space.by_name[name], value)
    return params


def plain(parameter: Parameter, value: Any) -> Value:
    """A library's value (numpy's, a whole number as a float, a bit beyond a limit) as Python's own."""
    value = value.item() if hasattr(value, "item") else value
    if parameter.kind == "int":
        return int(min(max(round(float(value)), parameter.low), parameter.high))
    if parameter.kind == "float":
        return float(min(max(float(value), parameter.low), parameter.high))
    return next(o for o in parameter.options if o == value and isinstance(o, bool) == isinstance(value, bool))


def active(space: Space, values: Mapping[str, Any]) -> Params:
    """The combination of a library that knows no conditions: what is inactive beside its parents is left out."""
    params: Params = {}
    for parameter in space.parameters:
        if space.is_active(parameter, params):
            params[parameter.name] = plain(parameter, values[parameter.name])
    return params


def everything(space: Space, params: Params) -> dict[str, Value]:
    """The combination for a library that knows no conditions: the middle stands for what is inactive."""
    return {p.name: params.get(p.name, p.value_at(0.5)) for p in space.parameters}
