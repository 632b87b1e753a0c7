"""Small changes to a combination, whatever its parameters are: what evolution, annealing and PBT share."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from automl_core.search.list_moves import moved_list, reflect
from automl_core.space import ListParameter, Parameter, Params, Space
from automl_core.space.lists import SubsetParameter


def mutate(space: Space, params: Params, rng: random.Random, width: float, chance: float) -> Params:
    """A combination near another one.

    A numeric parameter moves by a normal step on the unit interval of its distribution, to another value even
    when its grid is coarse; a categorical one is drawn anew. At least one active parameter changes, where one can.

    Args:
        space: of the combination.
        params: where to start.
        rng: makes the changes.
        width: standard deviation of a numeric step, in (0, 1].
        chance: that a parameter changes.
    """
    units = space.units(params)
    active = [parameter for parameter in space.tunable if parameter.name in params]
    chosen = [p for p in active if rng.random() < chance] or ([rng.choice(active)] if active else [])
    names = {parameter.name for parameter in chosen}
    for parameter in space.tunable:
        own = space.ranges[parameter.name]
        low, high = space.bounds(parameter, params)
        if parameter.name in names and isinstance(parameter, ListParameter):
            value = moved_list(parameter, params[parameter.name], rng, width, low, high)
            units[own] = parameter.units_of(value, low, high)
        for i in range(own.start, own.stop):
            if math.isnan(units[i]):
                units[i] = rng.random()  # counts when a change of its parent, or of the length, makes it active
            elif parameter.name in names and not isinstance(parameter, ListParameter):
                units[i] = _moved(parameter, units[i], rng, width, low, high)
    return space.near(units)


def crossover(space: Space, params: Params, other: Params, rng: random.Random) -> Params:
    """A combination whose parameters come from two others, each from either with the same chance; so a list's parts."""
    mine, theirs = space.units(params), space.units(other)
    units = []
    for a, b in zip(mine, theirs, strict=True):
        first, second = (a, b) if rng.random() < 0.5 else (b, a)
        units.append(
            rng.random() if math.isnan(first) and math.isnan(second) else second if math.isnan(first) else first
        )
    for parameter in space.tunable:
        if isinstance(parameter, SubsetParameter) and parameter.name in params and parameter.name in other:
            for i in range(space.ranges[parameter.name].start, space.ranges[parameter.name].stop):
                # where members are too many or too few for a child, those of both parents come before those of one
                units[i] = 0.6 * units[i] + 0.2 * (mine[i] + theirs[i])
    return space.near(units)


def _moved(parameter: Parameter, unit: float, rng: random.Random, width: float, low: float, high: float) -> float:
    if parameter.kind == "categorical":
        return _another(parameter, unit, rng)
    here = parameter.value_at(unit, low, high)
    for _ in range(8):
        moved = reflect(unit + rng.gauss(0.0, width))
        if parameter.value_at(moved, low, high) != here:
            return moved
        width = min(1.0, 2 * width)  # the next value of the grid is farther away
    return rng.random()


def _another(parameter: Parameter, unit: float, rng: random.Random) -> float:
    here = parameter.value_at(unit)
    for _ in range(8):
        drawn = rng.random()
        if parameter.value_at(drawn) != here:
            return drawn
    others: Sequence[object] = [
        option
        for option, weight in zip(parameter.options, parameter.weights, strict=True)
        if weight > 0 and option is not here
    ]
    return parameter.unit_of(rng.choice(others)) if others else unit  # type: ignore[arg-type]
