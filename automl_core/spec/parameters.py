"""The parameter types of a search space, as they are written under ``space:``.

Names and meanings are those of NNI and PAI AutoML (choice, uniform, quniform, …); the
constraints (``multiple_of``, ``power_of``, bounds by another parameter) are TAO's
``math_cond`` and ``depends_on``.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, model_validator

Scalar: TypeAlias = bool | int | float | str | None
"""What a parameter's value may be: JSON's scalars."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


class ParameterBase(_Model):
    """What every parameter type has."""

    default: Scalar = Field(None, description="A value known to work; it is tried first.")
    when: dict[str, list[Scalar]] = Field(
        default_factory=dict,
        description="Active only when each parameter named here has one of the values listed: {solver: [sgd]}.",
    )
    description: str = Field("", description="For people; shown beside the parameter.")


class Numeric(ParameterBase):
    """What every numeric parameter type has: TAO's constraints."""

    multiple_of: float | None = Field(None, gt=0, description="Round to a multiple of this number.")
    power_of: int | None = Field(None, ge=2, description="Round to a power of this number.")
    at_least: str | None = Field(None, description="Name of a parameter whose value is a lower bound of this one.")
    at_most: str | None = Field(None, description="Name of a parameter whose value is an upper bound of this one.")

    @model_validator(mode="after")
    def _one_rounding(self) -> Numeric:
        if self.multiple_of is not None and self.power_of is not None:
            raise ValueError("multiple_of and power_of exclude each other")
        return self


class Ranged(Numeric):
    """A numeric parameter between ``low`` and ``high``, both included."""

    low: float = Field(description="Lowest value.")
    high: float = Field(description="Highest value.")

    @model_validator(mode="after")
    def _ordered(self) -> Ranged:
        if self.low > self.high:
            raise ValueError(f"low ({self.low:g}) is above high ({self.high:g})")
        if isinstance(self.default, bool) or (self.default is not None and not isinstance(self.default, int | float)):
            raise ValueError(f"default must be a number, found {self.default!r}")
        if isinstance(self.default, int | float) and not self.low <= self.default <= self.high:
            raise ValueError(f"default ({self.default:g}) lies outside low..high ({self.low:g}..{self.high:g})")
        low, high = self.allowed
        if low > high:
            rule = f"multiple of {self.multiple_of:g}" if self.multiple_of is not None else f"power of {self.power_of}"
            raise ValueError(f"no {rule} lies between {self.low:g} and {self.high:g}")
        return self

    @property
    def allowed(self) -> tuple[float, float]:
        """Lowest and highest value that the constraints leave; lowest above highest when they leave none."""
        if self.multiple_of is not None:
            step = self.multiple_of
            return (math.ceil(self.low / step - 1e-9) * step, math.floor(self.high / step + 1e-9) * step)
        if self.power_of is not None:
            if self.high <= 0:
                return (math.inf, -math.inf)
            least = self.low if self.low > 0 else (1 if isinstance(self.high, int) else self.high / self.power_of**30)
            base = float(self.power_of)
            first = math.ceil(math.log(least, base) - 1e-9)
            last = math.floor(math.log(self.high, base) + 1e-9)
            return (base**first, base**last) if first <= last else (math.inf, -math.inf)
        return (self.low, self.high)


class _Log(Ranged):
    @model_validator(mode="after")
    def _positive(self) -> _Log:
        if self.low <= 0:
            raise ValueError(f"a logarithmic range wants low > 0, found {self.low:g}")
        return self


class Uniform(Ranged):
    """Uniform between low and high."""

    type: Literal["uniform"]


class LogUniform(_Log):
    """Uniform in the logarithm between low and high."""

    type: Literal["loguniform"]


class QUniform(Ranged):
    """``clip(round(u / q) * q, low, high)`` with u uniform between low and high."""

    type: Literal["quniform"]
    q: float = Field(gt=0, description="Distance between two values.")


class QLogUniform(_Log):
    """``clip(round(u / q) * q, low, high)`` with u loguniform between low and high."""

    type: Literal["qloguniform"]
    q: float = Field(gt=0, description="Distance between two values.")


class _IntRange(Ranged):
    low: int = Field(description="Lowest value.")
    high: int = Field(description="Highest value.")

    @model_validator(mode="after")
    def _whole_default(self) -> _IntRange:
        if isinstance(self.default, float) and not self.default.is_integer():
            raise ValueError(f"default must be a whole number, found {self.default:g}")
        if self.multiple_of is not None and not float(self.multiple_of).is_integer():
            raise ValueError("multiple_of must be a whole number for a whole-number parameter")
        return self


class Int(_IntRange):
    """A whole number between low and high, both included."""

    type: Literal["int"]


class LogInt(_IntRange):
    """A whole number between low and high, both included, uniform in the logarithm."""

    type: Literal["logint"]

    @model_validator(mode="after")
    def _positive_int(self) -> LogInt:
        if self.low <= 0:
            raise ValueError(f"a logarithmic range wants low > 0, found {self.low}")
        return self


class RandInt(_IntRange):
    """NNI's randint: a whole number with low included and high excluded."""

    type: Literal["randint"]

    @property
    def allowed(self) -> tuple[float, float]:
        """As for the other ranges, ``high`` left out."""
        low, high = super().allowed
        if high < self.high:
            return (low, high)
        step = self.multiple_of or 1
        return (low, high / self.power_of if self.power_of else high - step)

    @model_validator(mode="after")
    def _not_empty(self) -> RandInt:
        if self.low >= self.high:
            raise ValueError(f"randint leaves out high, so low ({self.low}) must be below high ({self.high})")
        return self


class _Gauss(Numeric):
    mu: float = Field(description="Mean (of the logarithm, for lognormal).")
    sigma: float = Field(gt=0, description="Standard deviation (of the logarithm, for lognormal).")

    @model_validator(mode="after")
    def _no_powers(self) -> _Gauss:
        if self.power_of is not None:
            raise ValueError("power_of wants a range: take a type with low and high")
        return self


class Normal(_Gauss):
    """Normal with mean mu and standard deviation sigma."""

    type: Literal["normal"]


class QNormal(_Gauss):
    """``round(normal(mu, sigma) / q) * q``."""

    type: Literal["qnormal"]
    q: float = Field(gt=0, description="Distance between two values.")


class LogNormal(_Gauss):
    """``exp(normal(mu, sigma))``."""

    type: Literal["lognormal"]


class QLogNormal(_Gauss):
    """``round(exp(normal(mu, sigma)) / q) * q``."""

    type: Literal["qlognormal"]
    q: float = Field(gt=0, description="Distance between two values.")


class Branch(_Model):
    """An option of a nested choice: its value, and the parameters that exist only with it."""

    value: Scalar = Field(description="The option itself.")
    space: dict[str, Parameter] = Field(
        default_factory=dict, description="Parameters that exist only with this option."
    )


class Choice(ParameterBase):
    """One of several values; an option may bring a sub-space of its own (a nested choice)."""

    type: Literal["choice"]
    values: list[Scalar | Branch] = Field(
        min_length=1, description="The options; one that brings parameters of its own is {value: …, space: {…}}."
    )
    weights: list[float] | None = Field(None, description="Relative weights of the values; equal when left out.")

    @property
    def options(self) -> list[Scalar]:
        """The values alone, without their sub-spaces."""
        return [v.value if isinstance(v, Branch) else v for v in self.values]

    @model_validator(mode="after")
    def _check(self) -> Choice:
        seen: set[tuple[str, str]] = set()
        for option in self.options:
            identity = (type(option).__name__, repr(option))
            if identity in seen:
                raise ValueError(f"the value {option!r} stands twice in values")
            seen.add(identity)
        if self.weights is not None:
            if len(self.weights) != len(self.values):
                raise ValueError(f"{len(self.weights)} weights for {len(self.values)} values")
            if any(w < 0 for w in self.weights) or sum(self.weights) <= 0:
                raise ValueError("weights must not be negative, and one must be above 0")
        if self.default is not None and self.default not in self.options:
            raise ValueError(f"default {self.default!r} is not among the values {self.options!r}")
        return self


class Fixed(ParameterBase):
    """One value, handed to every trial and never searched."""

    type: Literal["fixed"]
    value: Scalar = Field(description="What every trial gets.")


Parameter = Annotated[
    Choice
    | Uniform
    | LogUniform
    | QUniform
    | QLogUniform
    | Int
    | LogInt
    | RandInt
    | Normal
    | QNormal
    | LogNormal
    | QLogNormal
    | Fixed,
    Field(discriminator="type"),
]
"""One parameter of a search space, told apart by its ``type``."""


PARAMETER_TYPES: tuple[str, ...] = (
    "choice", "uniform", "loguniform", "quniform", "qloguniform", "int", "logint", "randint",
    "normal", "qnormal", "lognormal", "qlognormal", "fixed",
)  # fmt: skip
"""Every ``type`` a parameter may have."""


def flatten(space: dict[str, Any]) -> dict[str, Any]:
    """Lay the sub-spaces of nested choices beside their parents, as parameters with a condition.

    Args:
        space: name → parameter model, as under ``space:``.

    Returns:
        name → parameter model, without sub-spaces; a nested parameter's ``when`` names its parent's value.

    Raises:
        ValueError: a name is used twice.
    """
    flat: dict[str, Any] = {}

    def add(name: str, parameter: Any, when: dict[str, list[Scalar]]) -> None:
        if name in flat:
            raise ValueError(
                f"space.{name}: the parameter {name!r} is defined twice; give the nested one a name of its own"
            )
        clash = set(when) & set(parameter.when)
        if clash:
            raise ValueError(f"space.{name}.when: repeats the condition on {sorted(clash)[0]!r} that its place implies")
        branches = [v for v in getattr(parameter, "values", ()) if isinstance(v, Branch)]
        update: dict[str, Any] = {"when": {**when, **parameter.when}}
        if branches:
            update["values"] = parameter.options
        flat[name] = parameter.model_copy(update=update)
        for branch in branches:
            for child, model in branch.space.items():
                add(child, model, {name: [branch.value]})

    for name, parameter in space.items():
        add(name, parameter, {})
    return flat
