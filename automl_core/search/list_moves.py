"""Small changes to a value that is a list: a subset's members, a sorted list's numbers."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from automl_core.space.lists import ListParameter, SortedListParameter, SubsetParameter
from automl_core.spec.numeric import Scalar

_TRIES = 8
_LENGTH, _SWAP = 0.25, 0.25  # chances that a list gets longer or shorter, and that two options change places


def moved_list(
    parameter: ListParameter, value: Any, rng: random.Random, width: float, low: float, high: float
) -> list[Scalar]:
    """A list beside another one: one member more, less or another; one number more, less or elsewhere.

    Args:
        parameter: which has more than one value.
        value: where to start.
        rng: makes the change.
        width: standard deviation of a number's step on the unit interval.
        low, high: limits that other parameters put on the numbers.
    """
    if isinstance(parameter, SubsetParameter):
        return _moved_subset(parameter, value, rng)
    assert isinstance(parameter, SortedListParameter)
    return _moved_numbers(parameter, value, rng, width, low, high)


def perturbed_list(
    parameter: ListParameter, value: Any, rng: random.Random, factor: float, low: float, high: float
) -> list[Scalar]:
    """What population-based training makes of a list: a subset by one member, each number times or over a factor.

    Args:
        parameter: as in `moved_list`.
        value: where to start.
        rng: makes the change.
        factor: above 1.
        low, high: limits that other parameters put on the numbers.
    """
    if not isinstance(parameter, SortedListParameter):
        return moved_list(parameter, value, rng, 0.0, low, high)
    numbers = [number * (factor if rng.random() < 0.5 else 1 / factor) for number in value]
    found = _of_numbers(parameter, numbers, low, high)
    # on a coarse grid, and at 0, a factor leads nowhere
    return found if found != list(value) else _moved_numbers(parameter, value, rng, 0.1, low, high)


def _moved_subset(parameter: SubsetParameter, value: Sequence[Scalar], rng: random.Random) -> list[Scalar]:
    parts: list[Any] = [bool(part) for part in parameter.parts_of(value)]
    members = [place for place, part in enumerate(parts) if part]
    others = [place for place, part in enumerate(parts) if not part]
    chosen = rng.randrange(len(parts))
    fits = len(members) > parameter.fewest if parts[chosen] else len(members) < parameter.most
    if members and others and (not fits or rng.random() < _SWAP):
        partner = rng.choice(others if parts[chosen] else members)
        parts[chosen], parts[partner] = parts[partner], parts[chosen]
    elif fits:
        parts[chosen] = not parts[chosen]
    return parameter.fit(parts)


def _moved_numbers(
    parameter: SortedListParameter, value: Sequence[Any], rng: random.Random, width: float, low: float, high: float
) -> list[Scalar]:
    numbers = list(value)
    found = numbers
    for _ in range(_TRIES):
        tried = list(numbers)
        longer, shorter = len(numbers) < parameter.most, len(numbers) > parameter.fewest
        if not numbers or ((longer or shorter) and rng.random() < _LENGTH):
            if longer and (not shorter or rng.random() < 0.5):
                tried.append(parameter.number.value_at(rng.random(), low, high))
            elif tried:
                tried.pop(rng.randrange(len(tried)))
        else:
            at = rng.randrange(len(tried))
            unit = parameter.number.unit_of(tried[at], low, high) + rng.gauss(0.0, width)
            tried[at] = parameter.number.value_at(reflect(unit), low, high)
        found = _of_numbers(parameter, tried, low, high)
        if found != numbers:
            break
        width = min(1.0, 2 * width)  # the next number of the grid is farther away
    return found


def _of_numbers(parameter: SortedListParameter, numbers: Sequence[Any], low: float, high: float) -> list[Scalar]:
    padded = [*numbers, *[None] * (parameter.most - len(numbers))]
    return parameter.fit([len(numbers), *padded] if parameter.varies else padded, low, high)


def reflect(unit: float) -> float:
    """Fold a number at 0 and 1 back into the unit interval."""
    unit = abs(unit) % 2.0
    return 2.0 - unit if unit > 1.0 else unit
