"""Parameters whose value is a list, at run time: subsets of options, sorted lists of numbers.

Such a parameter is searched along several dimensions, each a parameter of its own: one an option of a subset; one a
number of a sorted list, and one its length where that varies. Two ways lead from them to a value. ``value_at`` takes
independent uniform numbers to the distribution that the file states, exactly: the inverse of Rosenblatt's transform
(1952), one conditional distribution after the other. ``fit`` takes anything that is nearly a value to the nearest one:
what crossover, differences of vectors and models propose.
"""

from __future__ import annotations

import math
import random
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

from automl_core.space.listed import Lists
from automl_core.space.parameter import Parameter
from automl_core.spec.grids import nearest
from automl_core.spec.numeric import Scalar, Value, same

APART = 1e-6
"""Of the unit interval: the least distance of two distinct numbers that have no step."""

_NO_NUMBER = Parameter("", "fixed")


@dataclass(frozen=True)
class ListParameter(Parameter):
    """A parameter whose value is a list.

    Attributes:
        fewest, most: lengths.
    """

    fewest: int = 0
    most: int = 0

    @property
    @abstractmethod
    def dimensions(self) -> tuple[Parameter, ...]:
        """What it is searched by."""

    @abstractmethod
    def list_at(self, units: Sequence[float], low: float = -math.inf, high: float = math.inf) -> list[Scalar]:
        """The list at a point of the unit cube: uniform numbers give samples of the parameter's distribution.

        Args:
            units: one number in [0, 1] a dimension.
            low, high: further limits (bounds by other parameters).
        """

    @abstractmethod
    def near(self, units: Sequence[float], low: float = -math.inf, high: float = math.inf) -> list[Scalar]:
        """The list nearest to a point that was made of those of `units_of`."""

    @abstractmethod
    def units_of(self, value: Any, low: float = -math.inf, high: float = math.inf) -> list[float]:
        """A point of the unit cube that ``list_at`` and ``near`` turn into this list; NaN where it has no number."""

    @abstractmethod
    def parts_of(self, value: Any) -> list[Scalar]:
        """The value of each dimension, None where it has none."""

    @abstractmethod
    def fit(self, parts: Sequence[Any], low: float = -math.inf, high: float = math.inf) -> list[Scalar]:
        """The list nearest to values of its dimensions, which need not go together; one that fits is given back."""

    @abstractmethod
    def middle(self, low: float = -math.inf, high: float = math.inf) -> list[Scalar]:
        """What a search begins with where nothing is known."""

    @abstractmethod
    def points(self, low: float, high: float, resolution: int | None) -> Sequence[list[Scalar]] | None:
        """The lists of a grid, None where numbers have no step and there is no resolution."""

    @property
    def size(self) -> int | None:
        """Number of distinct lists, None when they can't be counted."""
        values = self.values_within(self.low, self.high)
        return None if values is None else values.total

    def values_within(self, low: float, high: float) -> Lists | None:
        """The distinct lists in order, None when they can't be counted."""
        found = self.points(low, high, None)
        return found if isinstance(found, Lists) else None

    def off_grid(self, value: Value) -> str | None:
        """Why a list of the user's (one that `check` passes) would silently become another one, or None."""
        given = value if isinstance(value, list) else []
        members = (self.dimensions[-1].off_grid(each) if self.kind == "sorted_list" else None for each in given)
        return next((problem for problem in members if problem), None)

    def _wrong_length(self, value: Sequence[Any], what: str) -> str | None:
        if self.fewest <= len(value) <= self.most:
            return None
        allowed = f"{self.fewest}" if self.fewest == self.most else f"{self.fewest} to {self.most}"
        return f"it has {len(value)} {what}; {allowed} are allowed"


@dataclass(frozen=True)
class SubsetParameter(ListParameter):
    """Some of several options, in their order; a dimension is whether one of them is a member.

    A subset is drawn with a chance proportional to the product of its members' weights (the largest counted as 1),
    among those of an allowed size: without weights each with the same.
    """

    @cached_property
    def free(self) -> tuple[int, ...]:
        """Positions of the options that may be members."""
        return tuple(i for i, weight in enumerate(self.weights) if weight > 0)

    @cached_property
    def dimensions(self) -> tuple[Parameter, ...]:
        """Whether an option is a member, one an option; its weights are the chances that it is none, and that it is."""
        return tuple(
            Parameter(
                f"{self.name}[{self._known[i]}]", "categorical", options=(False, True),
                weights=(1.0, self.weights[i] / self._heaviest), when=self.when,
            )
            for i in self.free
        )  # fmt: skip

    @property
    def _known(self) -> tuple[Any, ...]:
        return self.options

    @cached_property
    def _heaviest(self) -> float:
        return max(self.weights)

    @cached_property
    def _ways(self) -> list[list[float]]:
        """Logarithm of the total weight of what the options from one on can add to so many members so far."""
        logs = [math.log(self.weights[i] / self._heaviest) for i in self.free]
        ends = [0.0 if self.fewest <= count <= self.most else -math.inf for count in range(len(logs) + 1)]
        table = [ends]
        for log in reversed(logs):
            after = table[0]
            table.insert(0, [_log_add(after[count], log + after[count + 1]) for count in range(len(after) - 1)])
        return table

    def _chance(self, place: int, count: int) -> float:
        """That a free option is a member where so many of those before it are."""
        total = self._ways[place][count]
        without = self._ways[place + 1][count]
        return 1.0 if without == -math.inf else -math.expm1(without - total)

    def list_at(self, units: Sequence[float], low: float = -math.inf, high: float = math.inf) -> list[Scalar]:
        """One option after the other, each given those before it."""
        members: list[int] = []
        for place, unit in enumerate(units):
            chance = self._chance(place, len(members))
            if chance > 0 and unit >= 1 - chance and len(members) < self.most:
                members.append(place)
        return self._named(members)

    def near(self, units: Sequence[float], low: float = -math.inf, high: float = math.inf) -> list[Scalar]:
        """The options whose numbers are at least a half; the highest ones where that is too many or too few."""
        chosen = [place for place, unit in enumerate(units) if unit >= 0.5]
        if not self.fewest <= len(chosen) <= self.most:
            order = list(range(len(units)))
            # of equal ones no option is preferred, and every machine takes the same
            random.Random(",".join(f"{unit:.6g}" for unit in units)).shuffle(order)
            order.sort(key=lambda place: -round(units[place], 6))
            chosen = order[: min(max(len(chosen), self.fewest), self.most)]
        return self._named(sorted(chosen))

    def units_of(self, value: Any, low: float = -math.inf, high: float = math.inf) -> list[float]:
        """1 for a member, 0 for another option."""
        return [float(self._has(value, i)) for i in self.free]

    def parts_of(self, value: Any) -> list[Scalar]:
        """Whether each option is a member."""
        return [self._has(value, i) for i in self.free]

    def fit(self, parts: Sequence[Any], low: float = -math.inf, high: float = math.inf) -> list[Scalar]:
        """The members, with as many others or without as many as the size asks for."""
        return self.near([float(bool(part)) for part in parts])

    def middle(self, low: float = -math.inf, high: float = math.inf) -> list[Scalar]:
        """Half of the options, or as near to that as the size allows: the heaviest, the first of equal ones."""
        wanted = min(max((len(self.free) + 1) // 2, self.fewest), self.most)
        order = sorted(range(len(self.free)), key=lambda place: (-self.weights[self.free[place]], place))
        return self._named(sorted(order[:wanted]))

    def points(self, low: float, high: float, resolution: int | None) -> Lists:
        """Every subset, the smallest first."""
        return Lists([self._known[i] for i in self.free], self.fewest, self.most)

    def check(self, value: Value) -> str | None:
        """What is wrong with a value of the user's, or None; the members may stand in any order."""
        if not isinstance(value, list | tuple):
            return f"{value!r} is no list; it is a subset of {list(self.options)!r}"
        for at, member in enumerate(value):
            if not any(same(option, member) for option in self._known):
                return f"{member!r} is not among {list(self.options)!r}"
            if any(same(member, other) for other in value[:at]):
                return f"{member!r} stands twice in it"
        return self._wrong_length(value, "members")

    def off_grid(self, value: Value) -> str | None:
        """A member with weight 0 would be left out."""
        for member in value if isinstance(value, list) else []:
            if not any(same(self._known[i], member) for i in self.free):
                return f"{member!r} has weight 0, so it is never handed out"
        return None

    def _has(self, value: Sequence[Scalar], option: int) -> bool:
        return any(same(self._known[option], member) for member in value)

    def _named(self, places: Sequence[int]) -> list[Scalar]:
        return [self._known[self.free[place]] for place in places]


@dataclass(frozen=True)
class SortedListParameter(ListParameter):
    """An ascending list of numbers of one range; a dimension is a number, and one more is the length where it varies.

    Each length is drawn with the same chance, then the numbers, each on its own; distinct ones of a grid one after the
    other, each among those that are left.

    Attributes:
        number: the parameter that each number is.
        distinct: whether no number stands twice.
    """

    number: Parameter = field(default=_NO_NUMBER)
    distinct: bool = True

    @property
    def varies(self) -> bool:
        """Whether the length is searched too."""
        return self.fewest < self.most

    @cached_property
    def dimensions(self) -> tuple[Parameter, ...]:
        """The length where it varies, then the numbers; the last ones exist with the length that has them."""
        length = Parameter(f"{self.name}[]", "int", low=self.fewest, high=self.most, step=1, when=self.when)
        numbers = []
        for place in range(self.most):
            when = dict(self.when)
            if place >= self.fewest:
                when[length.name] = tuple(range(place + 1, self.most + 1))
            numbers.append(replace(self.number, name=f"{self.name}[{place}]", when=when, default=None))
        return (length, *numbers) if self.varies else tuple(numbers)

    def list_at(self, units: Sequence[float], low: float = -math.inf, high: float = math.inf) -> list[Scalar]:
        """Numbers drawn each on its own, then sorted; distinct ones of a grid each among those that are left."""
        chosen = self._chosen(units)
        if not self._grid(low, high) or not self.distinct:
            return self._fitted([self.number.value_at(unit, low, high) for unit in chosen], low, high)
        taken: list[tuple[float, float]] = []
        found: list[Any] = []
        for unit in chosen:
            place = unit * (1 - sum(b - a for a, b in taken))
            for a, b in taken:  # what is taken is no part of the interval any more
                if place >= a:
                    place += b - a
            value = self.number.value_at(place, low, high)
            found.append(value)
            taken = sorted([*taken, self.number.stretch(value, low, high)])  # type: ignore[arg-type]
        return self._fitted(found, low, high)

    def near(self, units: Sequence[float], low: float = -math.inf, high: float = math.inf) -> list[Scalar]:
        """The same: its numbers are near where their units are."""
        return self.list_at(units, low, high)

    def units_of(self, value: Any, low: float = -math.inf, high: float = math.inf) -> list[float]:
        """The numbers' units in ascending order; of distinct ones of a grid, among those that are left."""
        if self._grid(low, high) and self.distinct:
            units, gone = [], 0.0
            for number in value:
                a, b = self.number.stretch(number, low, high)
                left = 1 - gone
                units.append(min(max(((a + b) / 2 - gone) / left, 0.0), 1.0) if left > 1e-12 else 0.5)
                gone += b - a
        else:
            units = [self.number.unit_of(number, low, high) for number in value]
        units += [math.nan] * (self.most - len(units))
        return [self.dimensions[0].unit_of(len(value)), *units] if self.varies else units

    def parts_of(self, value: Any) -> list[Scalar]:
        """The length where it varies, and the numbers."""
        numbers = [*value, *[None] * (self.most - len(value))]
        return [len(value), *numbers] if self.varies else numbers

    def fit(self, parts: Sequence[Any], low: float = -math.inf, high: float = math.inf) -> list[Scalar]:
        """The numbers in order, moved to the grid and apart where they have to be."""
        numbers = list(parts)
        if self.varies:
            numbers = numbers[1 : 1 + int(parts[0])]
        middle = (max(low, self.low) + min(high, self.high)) / 2
        return self._fitted([middle if number is None else number for number in numbers], low, high)

    def middle(self, low: float = -math.inf, high: float = math.inf) -> list[Scalar]:
        """Numbers spread evenly over the range, of the length in the middle."""
        length = (self.fewest + self.most + 1) // 2
        units = [(place + 1) / (length + 1) for place in range(length)]
        return self._fitted([self.number.value_at(unit, low, high) for unit in units], low, high)

    def points(self, low: float, high: float, resolution: int | None) -> Lists | None:
        """Lists of the range's own grid, or of so many points of it: more than the longest list has numbers."""
        numbers: Sequence[Any] | None = self._grid(low, high)
        if resolution is not None:
            wanted = max(resolution, self.most + 1)
            if numbers is None or len(numbers) > wanted:
                spread = (self.number.value_at(k / (wanted - 1), low, high) for k in range(wanted))
                numbers = list(dict.fromkeys(spread))
        if numbers is None:
            return None
        return Lists(numbers, self.fewest, self.most, repeats=not self.distinct)

    def check(self, value: Value) -> str | None:
        """What is wrong with a value of the user's, or None."""
        if not isinstance(value, list | tuple):
            return f"{value!r} is no list; it is an ascending list of numbers"
        for number in value:
            problem = self.number.check(number)
            if problem:
                return problem
        for before, after in pairwise(value):
            if before > after:  # type: ignore[operator]
                return f"{list(value)!r} does not ascend"
            if self.distinct and before == after:
                return f"{before!r} stands twice in it (distinct: true)"
        return self._wrong_length(value, "numbers")

    def _chosen(self, units: Sequence[float]) -> list[float]:
        """The units of the numbers that the list has; NaN stands for none."""
        if self.varies:
            length = self.dimensions[0].value_at(units[0])
            units = units[1 : 1 + int(length)]  # type: ignore[arg-type]
        return [0.5 if math.isnan(unit) else unit for unit in units]

    def _grid(self, low: float, high: float) -> Sequence[Any] | None:
        """The distinct numbers, None where they have no step."""
        if self.number.kind != "int" and self.number.step is None and self.number.power is None:
            return None
        return self.number.values_within(low, high)

    def _fitted(self, numbers: Sequence[Any], low: float, high: float) -> list[Scalar]:
        low, high = max(low, self.low), min(high, self.high)
        grid = self._grid(low, high)
        if grid:
            places = sorted(_place(grid, min(max(number, low), high)) for number in numbers)
            if self.distinct:
                places = _apart(places, len(grid) - 1)
            return [grid[place] for place in places]
        found = sorted(min(max(float(number), low), high) for number in numbers)
        if not self.distinct or not found:
            return list(found)
        units = [self.number.unit_of(number, low, high) for number in found]
        if all(b - a >= APART * 0.99 for a, b in pairwise(units)):
            return list(found)
        for place in range(1, len(units)):
            units[place] = max(units[place], units[place - 1] + APART)
        units[-1] = min(units[-1], 1.0)
        for place in range(len(units) - 2, -1, -1):
            units[place] = min(units[place], units[place + 1] - APART)
        moved: list[Any] = [self.number.value_at(unit, low, high) for unit in units]
        return moved


def _place(grid: Sequence[Any], number: float) -> int:
    """Index of the nearest number of a grid."""
    if isinstance(grid, range):
        return min(max(round(number) - grid.start, 0), len(grid) - 1)
    return nearest(grid, number)


def _apart(places: Sequence[int], last: int) -> list[int]:
    """Ascending indices, none twice, moved as little as that takes; ``last`` is the highest there is."""
    moved = list(places)
    for at in range(1, len(moved)):
        moved[at] = max(moved[at], moved[at - 1] + 1)
    highest = last
    for at in range(len(moved) - 1, -1, -1):
        moved[at] = min(moved[at], highest)
        highest = moved[at] - 1
    return [place for place in moved if place >= 0]


def _log_add(a: float, b: float) -> float:
    """Logarithm of the sum of two numbers of which these are the logarithms."""
    high, low = max(a, b), min(a, b)
    return high if low == -math.inf else high + math.log1p(math.exp(low - high))
