"""One parameter at run time: from a number in [0, 1) to a value, and back.

Every algorithm sees a parameter through this: ``value_at(u)`` is the inverse of the
parameter's cumulative distribution, so uniform numbers give samples of the prior that the
file states (weights of options and logarithms included).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Literal, TypeAlias

from automl_core.spec.expressions import parse
from automl_core.spec.grids import LARGEST_WHOLE, MOST_STEPS, StepGrid, nearest, powers, tidy
from automl_core.spec.numeric import Value, beyond

__all__ = ["OPTION_KINDS", "Kind", "Parameter", "Value"]

Kind: TypeAlias = Literal["float", "int", "categorical", "ordinal", "fixed", "subset", "sorted_list"]
"""What a parameter's value is: a number, an option (ordinal: options in an order), or a list of either."""

OPTION_KINDS = ("categorical", "ordinal")

_TAIL = 1e-9  # a normal is cut at this probability on both sides, about six sigma


@dataclass(frozen=True)
class Parameter:
    """A parameter of a space, with its distribution, constraints and condition.

    Attributes:
        name: as in the file.
        kind: float, int, categorical, ordinal or fixed; those whose value is a list are `space.lists`.
        log: whether the scale is logarithmic.
        low, high: limits, both included (infinite for normals).
        step: distance of a grid of values (q or multiple_of), or None.
        power: values are powers of this number, or None.
        gauss: (mu, sigma) of a normal (of the logarithm when ``log``), or None.
        options: values of a categorical or ordinal, in the file's order.
        weights: relative weights of the options.
        when: parent's name → values with which this parameter exists.
        at_least, at_most: names of parameters that bound this one, or expressions of several (`spec.expressions`).
        strict: whether it is never the same as those.
        default: a value known to work, or None.
        prior: (the value that is thought to be good, how far others may be as good: see `spec.numeric.Prior`), or None.
    """

    name: str
    kind: Kind
    log: bool = False
    low: float = -math.inf
    high: float = math.inf
    step: float | None = None
    power: int | None = None
    gauss: tuple[float, float] | None = None
    nni_quantum: bool = False
    options: tuple[Value, ...] = ()
    weights: tuple[float, ...] = ()
    when: dict[str, tuple[Value, ...]] = field(default_factory=dict)
    at_least: str | None = None
    at_most: str | None = None
    strict: bool = False
    default: Value = None
    prior: tuple[Value, float] | None = None

    @property
    def dimensions(self) -> tuple[Parameter, ...]:
        """What it is searched by, one number in [0, 1] each: itself; of a list, its parts."""
        return (self,)

    @property
    def bounded_by(self) -> tuple[str, ...]:
        """Names of the parameters that bound this one."""
        return tuple(name for text in (self.at_least, self.at_most) if text for name in parse(text).parameters)

    @property
    def tunable(self) -> bool:
        """Whether there is anything to search."""
        return self.kind != "fixed" and self.size != 1

    @property
    def size(self) -> int | None:
        """Number of distinct values, None when they can't be counted."""
        if self.kind == "fixed":
            return 1
        if self.kind in OPTION_KINDS:
            return sum(1 for w in self.weights if w > 0)
        if self.low == self.high:
            return 1
        values = self.values_within(self.low, self.high)
        return None if values is None else len(values)

    @property
    def _listed(self) -> bool:
        """Whether values are picked from a list; plain whole numbers are rounded instead, however many there are."""
        plain = self.step is None or (self.kind == "int" and self.step == 1)
        return self.power is not None or not (plain or self.nni_quantum or self.gauss is not None)

    def values_within(self, low: float, high: float) -> Sequence[Value] | None:
        """The distinct values between two limits in order, or None when they can't be counted.

        However many there are, they cost nothing: those of a grid are counted and found by arithmetic.

        Args:
            low, high: limits, both included, on top of the parameter's own.
        """
        if self.kind == "fixed":
            return self.options
        if self.kind in OPTION_KINDS:
            return [o for o, w in zip(self.options, self.weights, strict=True) if w > 0]
        low, high = max(low, self.low), min(high, self.high)
        if self.power is not None:
            return powers(self.power, low, high, self.kind == "int")
        if not (math.isfinite(low) and math.isfinite(high)):
            return None
        if self.step is not None and not (self.kind == "int" and self.step == 1):
            return StepGrid(self.step, low, high, whole=self.kind == "int", ends=self.nni_quantum)
        if self.kind == "int":
            return range(math.ceil(low), math.floor(high) + 1)
        return [self._number(low)] if low == high else None

    def value_at(self, u: float, low: float = -math.inf, high: float = math.inf) -> Value:
        """The value at a point of the unit interval.

        Args:
            u: in [0, 1]; a uniform number gives a sample of the parameter's distribution.
            low, high: further limits (bounds by other parameters).
        """
        if self.kind == "fixed":
            only = self.options[0]
            return list(only) if isinstance(only, list) else only  # whose trial has it may change it
        if self.kind in OPTION_KINDS:
            return self._option_at(u)
        low, high = max(low, self.low), min(high, self.high)
        u = min(max(u, 0.0), 1.0)
        if self._listed:
            values = self.values_within(low, high)
            if values:
                return self._pick(values, u)
        value = self._number(self._snap(self._raw(u, low, high), low, high))
        return min(max(value, low), high) if self.kind == "float" else value  # rounding must not cross a limit

    def unit_of(self, value: Value, low: float = -math.inf, high: float = math.inf) -> float:
        """A point of the unit interval that ``value_at`` turns into this value (the middle of its stretch).

        Raises:
            ValueError: the value is not one of a categorical's options.
        """
        if self.kind == "fixed":
            return 0.5
        if self.kind in OPTION_KINDS:
            return self._unit_of_option(value)
        low, high = max(low, self.low), min(high, self.high)
        number = float(value)  # type: ignore[arg-type]
        if self._listed:
            values = self.values_within(low, high)
            if values:
                return self._unit_of_pick(values, number)
        return self._unit_raw(number, low, high)

    def stretch(self, value: float, low: float = -math.inf, high: float = math.inf) -> tuple[float, float]:
        """The part of the unit interval that ``value_at`` turns into this number; a point where there is no step."""
        low, high = max(low, self.low), min(high, self.high)
        if self._listed:
            values = self.values_within(low, high)
            if values:
                return self._stretch_of_pick(values, value)
        if self.kind == "int":
            below, above = (self._unit_raw(edge, low, high) for edge in (value - 0.5, value + 0.5))
            return below, above
        unit = self._unit_raw(value, low, high)
        return unit, unit

    def above(self, number: float) -> float:
        """The least value here that is above a number."""
        width = self.high - self.low
        gap = 1e-9 * width if math.isfinite(width) else 0.0
        return beyond(number, self.step, self.power, gap, whole=self.kind == "int")

    def below(self, number: float) -> float:
        """The highest value here that is below a number."""
        if self.power is not None:
            return number * (1 - 1e-9)
        width = self.high - self.low
        gap = 1e-9 * width if math.isfinite(width) else 0.0
        return -beyond(-number, self.step, None, gap, whole=self.kind == "int")

    def check(self, value: Value) -> str | None:
        """What is wrong with a value of the user's, or None."""
        if self.kind in (*OPTION_KINDS, "fixed"):
            same = [o for o in self.options if o == value and isinstance(o, bool) == isinstance(value, bool)]
            return None if same else f"{value!r} is not among {list(self.options)!r}"
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < math.inf:
            return f"{value!r} is not a number"
        if isinstance(value, int) and abs(value) > sys.float_info.max:
            return f"a whole number of {value.bit_length()} bits lies outside {self.low:g}..{self.high:g}"
        if self.kind == "int" and float(value) != int(value):
            return f"{value!r} is not a whole number"
        if not self.low <= value <= self.high and not self._is_limit(value):
            return f"{value:g} lies outside {self.low:g}..{self.high:g}"
        return None

    def _is_limit(self, value: float) -> bool:
        """Whether a number is an end of the grid as the user wrote it: the grid's own have 12 digits."""
        if self.step is None and self.power is None:
            return False
        return any(math.isclose(value, limit, rel_tol=1e-9) for limit in (self.low, self.high))

    def off_grid(self, value: Value) -> str | None:
        """Why a value of the user's (one that `check` passes) would silently become another one, or None."""
        if self.kind in OPTION_KINDS:
            drawn = self.values_within(self.low, self.high) or ()
            known = any(o == value and isinstance(o, bool) == isinstance(value, bool) for o in drawn)
            return None if known else f"{value!r} has weight 0, so it is never handed out"
        if not isinstance(value, int | float) or (self.step is None and self.power is None):
            return None
        values = self.values_within(self.low, self.high)
        if self.gauss is not None and self.step is not None and abs(value) / self.step < MOST_STEPS:
            values = StepGrid(self.step, value - self.step, value + self.step, whole=False)
        if not values or isinstance(values, range):
            return None
        close = values[nearest(values, value)]  # type: ignore[arg-type]
        if math.isclose(float(close), value, rel_tol=1e-9):  # type: ignore[arg-type]
            return None
        return f"{value:g} is not on the parameter's grid; the nearest value is {close:g}"

    def _number(self, value: float) -> int | float:
        return round(value) if self.kind == "int" else tidy(value)

    def _raw(self, u: float, low: float, high: float) -> float:
        if self.gauss is not None:
            normal = NormalDist(*self.gauss)
            below, above = (math.log(max(x, 1e-300)) for x in (low, high)) if self.log else (low, high)
            first = max(normal.cdf(below), _TAIL) if math.isfinite(below) else _TAIL
            last = min(normal.cdf(above), 1 - _TAIL) if math.isfinite(above) else 1 - _TAIL
            if first >= last:  # beyond the tails: the limit that is nearer to the distribution
                return high if math.isfinite(high) and normal.mean >= above else low
            x = normal.inv_cdf(first + u * (last - first))
            return math.exp(x) if self.log else x
        if self.kind == "int" and self.step in (None, 1):
            return self._pick_int(u, low, high)
        if self.log:
            return math.exp(math.log(low) + u * (math.log(high) - math.log(low)))
        width = high - low
        return low + u * width if math.isfinite(width) else low * (1 - u) + high * u

    def _pick_int(self, u: float, low: float, high: float) -> float:
        # every whole number gets the stretch from half below to half above it
        first, last = math.ceil(low) - 0.5, math.floor(high) + 0.5
        if self.log:
            x = math.exp(math.log(first) + u * (math.log(last) - math.log(first)))
        else:
            x = first + u * (last - first)
        return min(max(math.floor(x + 0.5), math.ceil(low)), math.floor(high))

    def _unit_raw(self, number: float, low: float, high: float) -> float:
        if self.gauss is not None:
            normal = NormalDist(*self.gauss)
            below, above = (math.log(max(x, 1e-300)) for x in (low, high)) if self.log else (low, high)
            first = max(normal.cdf(below), _TAIL) if math.isfinite(below) else _TAIL
            last = min(normal.cdf(above), 1 - _TAIL) if math.isfinite(above) else 1 - _TAIL
            x = math.log(max(number, 1e-300)) if self.log else number
            u = (normal.cdf(x) - first) / (last - first) if last > first else 0.5
        elif self.kind == "int" and self.step in (None, 1):
            first, last = math.ceil(low) - 0.5, math.floor(high) + 0.5
            if self.log:
                u = (math.log(max(number, first)) - math.log(first)) / (math.log(last) - math.log(first))
            else:
                u = (number - first) / (last - first)
        elif low >= high:
            u = 0.5
        elif self.log:
            u = (math.log(max(number, low)) - math.log(low)) / (math.log(high) - math.log(low))
        elif math.isfinite(high - low):
            u = (number - low) / (high - low)
        else:
            u = (number / 2 - low / 2) / (high / 2 - low / 2)
        return min(max(u, 0.0), 1.0)

    def _snap(self, x: float, low: float, high: float) -> float:
        if self.step is not None:
            factor = x / self.step
            x = round(factor) * self.step if abs(factor) < LARGEST_WHOLE else x  # floats are multiples from there on
        return min(max(x, low), high)

    def _pick(self, values: Sequence[Value], u: float) -> Value:
        """The value whose stretch has a point of the unit interval; each reaches half-way to its neighbours."""
        count = len(values)
        if not isinstance(values, StepGrid) or not self.log or count == 1:  # stretches of one length
            return values[min(math.floor(u * count), count - 1)]
        first, last = self._log_edge(values, 0), self._log_edge(values, count)
        x = math.exp(first + u * (last - first))
        return values[min(max(math.floor(x / values.step + 0.5) - values.first, 0), count - 1)]

    def _unit_of_pick(self, values: Sequence[Value], number: float) -> float:
        index, count = nearest(values, number), len(values)  # type: ignore[arg-type]
        if not isinstance(values, StepGrid) or not self.log or count == 1:
            return (index + 0.5) / count
        first, last = self._log_edge(values, 0), self._log_edge(values, count)
        middle = (self._log_edge(values, index) + self._log_edge(values, index + 1)) / 2
        return (middle - first) / (last - first)

    def _stretch_of_pick(self, values: Sequence[Value], number: float) -> tuple[float, float]:
        index, count = nearest(values, number), len(values)  # type: ignore[arg-type]
        if not isinstance(values, StepGrid) or not self.log or count == 1:
            return index / count, (index + 1) / count
        first, last = self._log_edge(values, 0), self._log_edge(values, count)
        below, above = (self._log_edge(values, edge) for edge in (index, index + 1))
        return (below - first) / (last - first), (above - first) / (last - first)

    @staticmethod
    def _log_edge(values: StepGrid, index: int) -> float:
        """Logarithm of the lower edge of a value's stretch; that of the first never comes near 0."""
        return math.log(max(values.middle_edge(index), values[0] / 4))

    def _option_at(self, u: float) -> Value:
        x, total = u * sum(self.weights), 0.0
        chosen = None
        for option, weight in zip(self.options, self.weights, strict=True):
            if weight <= 0:
                continue
            chosen, total = option, total + weight
            if x < total:
                break
        return chosen

    def _unit_of_option(self, value: Value) -> float:
        total, below = sum(self.weights), 0.0
        for option, weight in zip(self.options, self.weights, strict=True):
            if option == value and isinstance(option, bool) == isinstance(value, bool):
                return (below + weight / 2) / total
            below += weight
        raise ValueError(f"{self.name}: {value!r} is not among {list(self.options)!r}")
