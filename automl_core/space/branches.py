"""Branches of a space: choices by whose options other parameters exist or not."""

from __future__ import annotations

from collections.abc import Iterable

from automl_core.space.space import Space


def branching(space: Space) -> tuple[str, ...]:
    """Names of the choices that every combination has and by whose options other parameters exist or not."""
    deciding = {parent for parameter in space.parameters for parent in parameter.when}
    return tuple(p.name for p in space.tunable if p.kind == "categorical" and p.name in deciding and not p.when)


def hanging_on(space: Space, names: Iterable[str]) -> set[str]:
    """Names of the parameters that exist or not by the values of some, at any remove."""
    deciding = set(names)
    given = frozenset(deciding)
    for parameter in space.parameters:  # parents stand before their children
        if not deciding.isdisjoint(parameter.when):
            deciding.add(parameter.name)
    return deciding - given
