"""The search space at run time: all parameters with their conditions and bounds."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from automl_core.space.listed import how_many
from automl_core.space.lists import ListParameter, SubsetParameter
from automl_core.space.making import from_model
from automl_core.space.parameter import OPTION_KINDS, Parameter, Value
from automl_core.spec.bounds import arrange
from automl_core.spec.expressions import parse
from automl_core.spec.parameters import flatten
from automl_core.spec.relations import parents

Params: TypeAlias = dict[str, Value]
"""One hyperparameter combination: name → value, of the active parameters only."""


_LOOKS = 200_000
"""Values looked at while combinations are counted; what takes more is not counted."""

_NOTHING: Any = object()


class Space:
    """Parameters in an order in which parents come before those that depend on them.

    Attributes:
        parameters: all of them.
        by_name: the same by their names.
        dimensions: what a search moves: of each parameter that has more than one value, itself or the parts of its
            list (`Parameter.dimensions`).
        ranges: name → the parameter's part of ``dimensions``.
        tunable: parameters that have more than one value.
    """

    def __init__(self, parameters: Sequence[Parameter]) -> None:
        self.parameters: tuple[Parameter, ...] = tuple(parameters)
        self.by_name: dict[str, Parameter] = {p.name: p for p in self.parameters}
        self.ranges: dict[str, slice] = {}
        dimensions: list[Parameter] = []
        for parameter in self.parameters:
            parts = parameter.dimensions if parameter.tunable else ()
            self.ranges[parameter.name] = slice(len(dimensions), len(dimensions) + len(parts))
            dimensions += parts
        self.dimensions: tuple[Parameter, ...] = tuple(dimensions)
        self._has_lists = any(isinstance(p, ListParameter) for p in self.parameters)
        self.tunable: tuple[Parameter, ...] = tuple(p for p in self.parameters if p.tunable)

    @classmethod
    def from_models(cls, space: Mapping[str, Any]) -> Space:
        """Build from validated parameter models (``Experiment.space``)."""
        flat, _ = arrange(flatten(dict(space)))
        order: list[str] = []

        def visit(name: str) -> None:
            if name not in order:
                for parent in parents(flat[name]):
                    visit(parent)
                order.append(name)

        for name in flat:
            visit(name)
        return cls([from_model(name, flat[name]) for name in order])

    def is_active(self, parameter: Parameter, params: Mapping[str, Value]) -> bool:
        """Whether a parameter exists beside these values of its parents: of a subset, one member is enough."""
        return all(parent in params and _holds(params[parent], values) for parent, values in parameter.when.items())

    def bounds(self, parameter: Parameter, params: Mapping[str, Value]) -> tuple[float, float]:
        """Limits that other parameters' values put on this one, both included (infinite: none)."""
        if parameter.at_least is None and parameter.at_most is None:
            return -math.inf, math.inf
        low = parse(parameter.at_least).at(params) if parameter.at_least else None
        high = parse(parameter.at_most).at(params) if parameter.at_most else None
        if parameter.strict:
            low = parameter.above(low) if isinstance(low, int | float) else None
            high = parameter.below(high) if isinstance(high, int | float) else None
        return (
            float(low) if isinstance(low, int | float) else -math.inf,
            float(high) if isinstance(high, int | float) else math.inf,
        )

    def at(self, units: Sequence[float]) -> Params:
        """The combination at a point of the unit cube.

        Args:
            units: one number in [0, 1] per entry of ``dimensions``, in that order; the numbers of
                inactive parameters don't matter.
        """
        return self._at(units, exact=True)

    def near(self, units: Sequence[float]) -> Params:
        """The combination nearest to a point that was made of points of combinations (`units`).

        The same as `at` but for subsets, where `at` decides one option after the other and prefers none; here those
        with the highest numbers are members.
        """
        return self._at(units, exact=False)

    def _at(self, units: Sequence[float], *, exact: bool) -> Params:
        if len(units) != len(self.dimensions):
            raise ValueError(f"{len(units)} numbers for {len(self.dimensions)} dimensions")
        params: Params = {}
        for parameter in self.parameters:
            if self.is_active(parameter, params):
                low, high = self.bounds(parameter, params)
                own = units[self.ranges[parameter.name]]
                if not isinstance(parameter, ListParameter):
                    params[parameter.name] = parameter.value_at(own[0] if own else 0.5, low, high)
                elif not own:
                    params[parameter.name] = parameter.middle(low, high)
                else:
                    params[parameter.name] = (parameter.list_at if exact else parameter.near)(own, low, high)
        return params

    def units(self, params: Mapping[str, Value]) -> list[float]:
        """The point of the unit cube of a combination; NaN where a parameter is inactive."""
        result: list[float] = []
        for parameter in self.tunable:
            if parameter.name not in params:
                result += [math.nan] * len(parameter.dimensions)
                continue
            low, high = self.bounds(parameter, params)
            value = params[parameter.name]
            if isinstance(parameter, ListParameter):
                result += parameter.units_of(value, low, high)
            else:
                result.append(parameter.unit_of(value, low, high))
        return result

    def spread(self, params: Mapping[str, Value]) -> Mapping[str, Value]:
        """A combination by its dimensions: name of the dimension → value; lists fall into their parts."""
        if not self._has_lists:
            return params
        flat: dict[str, Value] = {}
        for name, value in params.items():
            parameter = self.by_name[name]
            if isinstance(parameter, ListParameter):
                parts = zip(parameter.dimensions, parameter.parts_of(value), strict=True)
                flat.update((part.name, each) for part, each in parts if each is not None)
            else:
                flat[name] = value
        return flat

    def sample(self, rng: random.Random) -> Params:
        """A combination drawn from the distributions of the file."""
        return self.at([rng.random() for _ in self.dimensions])

    def defaults(self) -> Params | None:
        """The combination of the file's defaults (the middle where there is none), None without any default."""
        if all(p.default is None for p in self.tunable):
            return None
        return self.complete({p.name: p.default for p in self.tunable if p.default is not None})

    def complete(self, given: Mapping[str, Value]) -> Params:
        """A whole combination from some of its values: the rest from defaults, else from the middle.

        Values of parameters that turn out inactive are dropped; a value outside what another
        parameter leaves is drawn to the nearest bound.

        Raises:
            ValueError: a parameter that doesn't exist, or a value that it can't have.
        """
        for name, value in given.items():
            if name not in self.by_name:
                raise ValueError(f"there is no parameter {name!r}; the space has {sorted(self.by_name)}")
            problem = self.by_name[name].check(value)
            if problem:
                raise ValueError(f"{name}: {problem}")
        params: Params = {}
        for parameter in self.parameters:
            if not self.is_active(parameter, params):
                continue
            low, high = self.bounds(parameter, params)
            value = given.get(parameter.name, parameter.default)
            if isinstance(parameter, ListParameter):
                params[parameter.name] = _whole_list(parameter, value, low, high)
                continue
            unit = 0.5 if value is None and parameter.name not in given else parameter.unit_of(value, low, high)
            params[parameter.name] = parameter.value_at(unit, low, high)
            continuous = parameter.gauss is not None or (parameter.step is None and parameter.power is None)
            if parameter.kind == "float" and continuous and value is not None:
                params[parameter.name] = min(max(float(value), low), high)  # type: ignore[arg-type]  # the user's own digits
        return params

    def problem(self, params: Mapping[str, Value]) -> str | None:
        """What is wrong with a whole combination, or None: unknown, missing, inactive or impossible values."""
        for name in params:
            if name not in self.by_name:
                return f"there is no parameter {name!r}"
        for parameter in self.parameters:
            active = self.is_active(parameter, params)
            if active != (parameter.name in params):
                return f"{parameter.name}: missing" if active else f"{parameter.name}: not active beside its parents"
            if active:
                low, high = self.bounds(parameter, params)
                value = params[parameter.name]
                wrong = parameter.check(value)
                if wrong:
                    return f"{parameter.name}: {wrong}"
                for number in value if isinstance(value, list) else [value]:
                    if isinstance(number, int | float) and not low <= number <= high:
                        return f"{parameter.name}: {number:g} lies outside {low:g}..{high:g}"
                if isinstance(parameter, SubsetParameter) and parameter.fit(parameter.parts_of(value)) != value:
                    return f"{parameter.name}: {value!r} is not in the order of its options {list(parameter.options)!r}"
        return None

    @staticmethod
    def key(params: Mapping[str, Value]) -> str:
        """A text that two combinations share exactly when they are the same."""
        return json.dumps(dict(params), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    def size(self, limit: int = 1_000_000) -> int | None:
        """Number of distinct combinations; None when it is infinite or above ``limit``."""
        if any(p.size is None for p in self.tunable):
            return None
        count = self.count(None, limit)
        return count if count is not None and count <= limit else None

    def count(self, resolution: int | None, limit: int) -> int | None:
        """Number of `combinations`, one more than the limit where there are more.

        They are not listed: of the values that were given so far only those are kept that a later parameter refers to,
        with the number of ways that lead there. Each way leads to a combination at least, so there are never more of
        them than combinations.

        Returns:
            None where so many conditions and bounds hang together that counting would take too long.

        Raises:
            ValueError: a parameter can't be counted and no resolution is given.
        """
        last_use: dict[str, int] = {}
        for index, parameter in enumerate(self.parameters):
            for name in (*parameter.when, *parameter.bounded_by):
                last_use[name] = index
        ways: dict[tuple[tuple[str, Any], ...], int] = {(): 1}
        looked = 0
        for index, parameter in enumerate(self.parameters):
            wanted = parameter.name in last_use
            free: Sequence[Value] | None = None
            after: dict[tuple[tuple[str, Any], ...], int] = {}
            for state, number in ways.items():
                params = dict(state)
                kept = tuple(item for item in state if last_use[item[0]] > index)
                looked += 1 + len(state)
                if not self.is_active(parameter, params):
                    after[kept] = after.get(kept, 0) + number
                    continue
                points = free
                if points is None:
                    points = self._points(parameter, params, resolution)
                    looked += 0 if resolution is None else min(how_many(points), resolution)
                    if parameter.at_least is None and parameter.at_most is None:
                        free = points
                if not wanted:
                    after[kept] = after.get(kept, 0) + number * how_many(points)
                    continue
                for value in points:
                    looked += 1
                    if looked > _LOOKS:
                        break
                    ended = (*kept, (parameter.name, tuple(value) if isinstance(value, list) else value))
                    after[ended] = after.get(ended, 0) + number
                if looked > _LOOKS:
                    break
            ways = after
            if sum(ways.values()) > limit:
                return limit + 1
            if looked > _LOOKS:
                return None
        return sum(ways.values())

    def on_grid(self, params: Mapping[str, Value], resolution: int | None) -> bool:
        """Whether a whole combination is one of `combinations`."""
        return all(
            params[parameter.name] in self._points(parameter, params, resolution)
            for parameter in self.parameters
            if parameter.name in params
        )

    def combinations(self, resolution: int | None = None) -> Iterator[Params]:
        """Every combination, in the file's order, the last parameter changing fastest.

        Args:
            resolution: points taken from a parameter whose values can't be counted, evenly over its
                distribution, both ends included; also the most points of a whole-number parameter with
                more values than that. None takes all values.

        Raises:
            ValueError: a parameter can't be counted and no resolution is given.
        """
        # parents first, yet in the file's order: a depth-first walk over the sorted parameters
        params: Params = {}
        open_ones: list[tuple[int, Iterator[Value]]] = []  # parameters whose next value has still to come
        index = 0
        while True:
            while index < len(self.parameters):
                parameter = self.parameters[index]
                if self.is_active(parameter, params):
                    points = iter(self._points(parameter, params, resolution))
                    first = next(points, _NOTHING)
                    if first is _NOTHING:
                        break
                    params[parameter.name] = first
                    open_ones.append((index, points))
                index += 1
            else:
                yield {name: list(value) if isinstance(value, list) else value for name, value in params.items()}
            while open_ones:
                place, points = open_ones[-1]
                for later in self.parameters[place:index]:
                    params.pop(later.name, None)
                index = place
                value = next(points, _NOTHING)
                if value is not _NOTHING:
                    params[self.parameters[place].name] = value
                    index = place + 1
                    break
                open_ones.pop()
            else:
                return

    def _points(self, parameter: Parameter, params: Mapping[str, Value], resolution: int | None) -> Sequence[Value]:
        low, high = self.bounds(parameter, params)
        if isinstance(parameter, ListParameter):
            values: Sequence[Value] | None = parameter.points(low, high, resolution)
        else:
            values = parameter.values_within(low, high)
        if values is not None and (
            resolution is None
            or len(values) <= resolution
            or parameter.kind in (*OPTION_KINDS, "fixed")
            or isinstance(parameter, ListParameter)
        ):
            return values
        if resolution is None:
            raise ValueError(
                f"space.{parameter.name} has endlessly many values: give it q or multiple_of, "
                "or give search.options.resolution"
            )
        if resolution == 1:
            return [parameter.value_at(0.5, low, high)]
        points = [parameter.value_at(k / (resolution - 1), low, high) for k in range(resolution)]
        return list(dict.fromkeys(points))

    def label(self, params: Mapping[str, Value], limit: int = 60) -> str:
        """A short name of a combination for people: ``lr=0.003 units=64``."""
        text = " ".join(
            f"{name}={brief(value)}" for name, value in params.items() if self.by_name[name].kind != "fixed"
        )
        return text if len(text) <= limit else text[: limit - 1] + "…"


def brief(value: Value, digits: int = 3) -> str:
    """A value for people: numbers with few digits, lists in brackets."""
    if isinstance(value, list | tuple):
        return f"[{', '.join(brief(each, digits) for each in value)}]"
    return f"{value:.{digits}g}" if isinstance(value, float) else str(value)


def in_common(combinations: Sequence[Params]) -> Params:
    """What all combinations have alike, in the order of the first; empty where there are less than two.

    Where most of a program's parameters are not searched, this is what tells no combination from another.
    """
    if len(combinations) < 2:
        return {}
    first, *others = combinations
    return {
        name: value for name, value in first.items()
        if all(name in other and _alike(other[name], value) for other in others)
    }  # fmt: skip


def _alike(one: Value, other: Value) -> bool:
    """Whether two values are the same to a program: 1, 1.0 and true are not."""
    return type(one) is type(other) and one == other


def _holds(value: Value, values: Sequence[Value]) -> bool:
    if isinstance(value, list | tuple):
        return any(member in values for member in value)
    return value in values


def _whole_list(parameter: ListParameter, value: Any, low: float, high: float) -> list[Any]:
    if value is None:
        return parameter.middle(low, high)
    continuous = parameter.kind == "sorted_list" and parameter.step is None and parameter.power is None
    if continuous and all(max(low, parameter.low) <= number <= min(high, parameter.high) for number in value):
        return [float(number) for number in value]  # the user's own digits
    return parameter.fit(parameter.parts_of(value), low, high)
