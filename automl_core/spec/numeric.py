"""What all parameter types of a search space share: defaults, conditions, limits, constraints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from automl_core.spec.grids import LARGEST_WHOLE, MOST_STEPS, Number, StepGrid, nearest, powers, tidy

Scalar: TypeAlias = bool | int | float | str | None
"""JSON's scalars: what a parameter's value is, or one member of it."""

Value: TypeAlias = Scalar | list[Scalar]
"""What a parameter's value may be: a scalar, or a list of them (subsets and sorted lists)."""

_LARGEST_INT = 2**63  # of the journal's format, and of most programs that read it


def check_readable(field: str, value: Scalar) -> None:
    """Refuse whole numbers that the journal can't hold.

    Raises:
        ValueError: names the field.
    """
    if isinstance(value, int) and not -_LARGEST_INT <= value < _LARGEST_INT:
        raise ValueError(f"{field} has {short(value)}: whole numbers of 64 bits are allowed; write it as text")


def short(number: int | float) -> str:
    """A number for a message, however large."""
    try:
        return f"{number:g}"
    except OverflowError:
        return f"a number of some {math.ceil(int(number).bit_length() * 0.30103)} digits"


def same(a: Scalar, b: Scalar) -> bool:
    """Whether two options are one; True and 1 are two."""
    return a == b and isinstance(a, bool) == isinstance(b, bool)


def beyond(number: float, step: float | None, power: int | None, gap: float, *, whole: bool) -> float:
    """The least value above a number that a parameter may have.

    Args:
        number: which is not to be reached.
        step, power: the parameter's, None where it has none.
        gap: how far above a parameter without either begins.
        whole: whether its values are whole numbers.
    """
    if power is not None:
        return number * (1 + 1e-9) if number > 0 else number  # powers themselves are above 0
    if whole and step is None:
        return math.floor(number) + 1
    if step is not None:
        above = (math.floor(number / step + 1e-9) + 1) * step
        return above if whole else tidy(above)
    return number + max(gap, abs(number) * 1e-9)


class ParameterModel(BaseModel):
    """How all of them are read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


class Prior(ParameterModel):
    """What somebody believes of a parameter's good values before the search has seen any."""

    center: Scalar = Field(description="The value that is thought to be good.")
    spread: float = Field(
        0.15, gt=0, le=1,
        description="How sure that is: of a number the standard deviation, as a share of the range on the parameter's "
        "scale; of options the chance that it is another one.",
    )  # fmt: skip


class ParameterBase(ParameterModel):
    """What every parameter type has."""

    default: Scalar = Field(None, description="A value known to work; it is tried first.")
    when: dict[str, list[Scalar]] = Field(
        default_factory=dict,
        description="Active only when each parameter named here has one of the values listed: {solver: [sgd]}.",
    )
    help: str = Field("", description="A line for people: what the parameter does; shown beside it.")
    description: str = Field("", description="For people; shown beside the parameter.")


class Numeric(ParameterBase):
    """What every numeric parameter type has: TAO's constraints."""

    multiple_of: float | None = Field(None, gt=0, description="Round to a multiple of this number.")
    power_of: int | None = Field(None, ge=2, le=LARGEST_WHOLE, description="Round to a power of this number.")
    prior: Prior | None = Field(None, description="Where good values are thought to lie: {center: 0.001, spread: 0.1}.")
    at_least: str | None = Field(
        None,
        description="A parameter whose value is a lower bound of this one, or a small expression: a + 2 * b.",
    )
    at_most: str | None = Field(
        None,
        description="A parameter whose value is an upper bound of this one, or a small expression: min(a, a * b - 1). "
        "data.NAME.rows and data.NAME.files are what a data set has when the run begins.",
    )

    @model_validator(mode="after")
    def _one_rounding(self) -> Numeric:
        if self.multiple_of is not None and self.power_of is not None:
            raise ValueError("multiple_of and power_of exclude each other")
        return self

    @property
    def step(self) -> tuple[float | None, str]:
        """Distance of two values and the field that gives it; None without one."""
        if self.multiple_of is not None:
            return (float(self.multiple_of), "multiple_of")
        return (getattr(self, "q", None), "q")

    def check_prior(self, low: float, high: float) -> None:
        """A belief's centre must be a number within the limits, both included; a step's nearest value is meant."""
        if self.prior is None:
            return
        center = self.prior.center
        if isinstance(center, bool) or not isinstance(center, int | float):
            raise ValueError(f"prior.center must be a number, found {center!r}")
        if not low <= center <= high:
            raise ValueError(f"prior.center ({short(center)}) lies outside low..high ({low:g}..{high:g})")

    def check_default(self, low: float, high: float, values: Sequence[Number] | None) -> None:
        """A default must be a value that the parameter can have, or a search would silently take another one.

        Args:
            low, high: limits, both included.
            values: all there are, where they lie on a grid.
        """
        default = self.default
        if default is None:
            return
        if isinstance(default, bool) or not isinstance(default, int | float):
            raise ValueError(f"default must be a number, found {default!r}")
        if not low <= default <= high:
            raise ValueError(f"default ({short(default)}) lies outside low..high ({low:g}..{high:g})")
        if isinstance(self, Ranged) and self.whole and default != int(default):
            raise ValueError(f"default must be a whole number, found {default:g}")
        if not values:
            return
        place = nearest(values, default)
        if not math.isclose(values[place], default, rel_tol=1e-9):
            other = place + (1 if values[place] < default else -1)
            around = sorted(values[i] for i in (place, other) if 0 <= i < len(values))
            rule = f"power of {self.power_of}" if self.power_of is not None else f"{self.step[1]} ({self.step[0]:g})"
            raise ValueError(
                f"default ({default:g}) is not on the parameter's grid, {rule}; the nearest: "
                + " and ".join(f"{value:g}" for value in around)
            )


class Ranged(Numeric):
    """A numeric parameter between ``low`` and ``high``, both included."""

    whole: ClassVar[bool] = False

    low: float = Field(description="Lowest value.")
    high: float = Field(description="Highest value.")
    above: float | str | None = Field(
        None, description="A number, or a parameter (or expression): every value here is above it, never the same."
    )
    below: float | str | None = Field(
        None, description="A number, or a parameter (or expression): every value here is below it, never the same."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Ranged:
        if self.low > self.high:
            raise ValueError(f"low ({self.low:g}) is above high ({self.high:g})")
        self._check_step()
        self._check_strict()
        if self.ends[0] > self.ends[1]:
            raise ValueError(
                f"above and below leave nothing between low ({self.low:g}) and high ({self.high:g}): "
                f"{self._strict_words()}"
            )
        if self.allowed[0] > self.allowed[1]:
            rule = f"multiple of {self.multiple_of:g}" if self.multiple_of is not None else f"power of {self.power_of}"
            raise ValueError(f"no {rule} lies between {self.low:g} and {self.high:g}")
        self.check_default(*self.ends, self.values_of_grid())
        self.check_prior(*self.ends)
        return self

    def _strict_words(self) -> str:
        given = {"above": self.above, "below": self.below}
        return ", ".join(f"{side} {short(each)}" for side, each in given.items() if isinstance(each, int | float))

    def _check_strict(self) -> None:
        for strict, other in (("above", "at_least"), ("below", "at_most")):
            if isinstance(getattr(self, strict), str) and getattr(self, other) is not None:
                raise ValueError(f"{strict} and {other} name a parameter each: give one of them")
        named = [isinstance(each, str) for each in (self.above, self.below)]
        if any(named) and (all(named) or self.at_least is not None or self.at_most is not None):
            field = "above" if named[0] else "below"
            raise ValueError(
                f"{field} names a parameter, and so does a bound on the other side; between two parameters take "
                "at_least and at_most"
            )

    @property
    def ends(self) -> tuple[float, float]:
        """Lowest and highest value with ``above`` and ``below`` where they are numbers, before steps and powers.

        A number without a step that is to be above (below) another one begins a millionth of the range beside it.
        """
        low, high = self.low, self.last
        gap = 1e-6 * (high - low) if math.isfinite(high - low) else 0.0
        if isinstance(self.above, int | float) and self.above >= low:
            low = beyond(self.above, self.step[0], self.power_of, gap, whole=self.whole)
        if isinstance(self.below, int | float) and self.below <= high:
            high = -beyond(-self.below, self.step[0], None, gap, whole=self.whole)
            if self.power_of is not None and isinstance(self.below, int | float):
                high = self.below * (1 - 1e-9)
        return low, high

    def _check_step(self) -> None:
        step, name = self.step
        if step is None:
            return
        if self.whole:
            if not step.is_integer():
                raise ValueError(f"{name} must be a whole number for a whole-number parameter")
            return
        steps = max(abs(self.low), abs(self.high)) / step
        if steps > MOST_STEPS:
            reach = max(abs(self.low), abs(self.high))
            raise ValueError(
                f"{name} ({step:g}) is too fine for values up to {reach:g}: {steps:.3g} steps from 0, and "
                f"{MOST_STEPS:g} can be told apart; leave it out"
            )

    @property
    def last(self) -> float:
        """The highest value that may be handed out, before constraints."""
        return self.high

    def values_of_grid(self) -> Sequence[Number] | None:
        """The values of a grid or of powers, None where there are no such."""
        if self.power_of is not None:
            return powers(self.power_of, *self.ends, self.whole)
        step, name = self.step
        if step is None:
            return None
        return StepGrid(step, *self.ends, whole=self.whole, ends=name == "q")

    @property
    def allowed(self) -> tuple[float, float]:
        """Lowest and highest value that the constraints leave; lowest above highest when they leave none."""
        values = self.values_of_grid()
        if values is None:
            return self.ends
        return (values[0], values[-1]) if values else (math.inf, -math.inf)
