"""What all parameter types of a search space share: defaults, conditions, limits, constraints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

from automl_core.spec.grids import LARGEST_WHOLE, MOST_STEPS, Number, StepGrid, nearest, powers

Scalar: TypeAlias = bool | int | float | str | None
"""What a parameter's value may be: JSON's scalars."""

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


class ParameterModel(BaseModel):
    """How all of them are read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


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
    at_least: str | None = Field(None, description="Name of a parameter whose value is a lower bound of this one.")
    at_most: str | None = Field(None, description="Name of a parameter whose value is an upper bound of this one.")

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

    @model_validator(mode="after")
    def _consistent(self) -> Ranged:
        if self.low > self.high:
            raise ValueError(f"low ({self.low:g}) is above high ({self.high:g})")
        self._check_step()
        if self.allowed[0] > self.allowed[1]:
            rule = f"multiple of {self.multiple_of:g}" if self.multiple_of is not None else f"power of {self.power_of}"
            raise ValueError(f"no {rule} lies between {self.low:g} and {self.high:g}")
        self.check_default(self.low, self.last, self._values())
        return self

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

    def _values(self) -> Sequence[Number] | None:
        """The values of a grid or of powers, None where there are no such."""
        if self.power_of is not None:
            return powers(self.power_of, self.low, self.last, self.whole)
        step, name = self.step
        if step is None:
            return None
        return StepGrid(step, self.low, self.last, whole=self.whole, ends=name == "q")

    @property
    def allowed(self) -> tuple[float, float]:
        """Lowest and highest value that the constraints leave; lowest above highest when they leave none."""
        values = self._values()
        if values is None:
            return (self.low, self.last)
        return (values[0], values[-1]) if values else (math.inf, -math.inf)
