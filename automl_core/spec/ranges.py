"""The numeric parameter types: ranges, whole numbers, logarithms, steps, and normals."""

from __future__ import annotations

import math
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from automl_core.spec.grids import LARGEST_WHOLE, MOST_STEPS, StepGrid
from automl_core.spec.numeric import Numeric, Ranged, short

TAILS = 6.0
"""Standard deviations on either side of mu that a normal is drawn from."""

MOST_EXPONENT = 690.0
"""Largest exponent of a lognormal: exp(690) is 1e299.6."""


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
    whole: ClassVar[bool] = True

    low: int = Field(description="Lowest value.")
    high: int = Field(description="Highest value.")

    @field_validator("low", "high")
    @classmethod
    def _told_apart(cls, limit: int) -> int:
        if abs(limit) > LARGEST_WHOLE:
            raise ValueError(
                f"{short(limit)} is too large: whole numbers up to 2^53 ({LARGEST_WHOLE}) are told apart by every "
                "program that reads them; take uniform or loguniform beyond"
            )
        return limit


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
    def last(self) -> float:
        """``high`` is left out."""
        return self.high - 1

    @model_validator(mode="before")
    @classmethod
    def _not_empty(cls, data: Any) -> Any:
        low, high = (data.get("low"), data.get("high")) if isinstance(data, dict) else (None, None)
        if isinstance(low, int) and isinstance(high, int) and low == high:
            raise ValueError(f"randint leaves out high, so low ({low}) must be below high ({high})")
        return data


class _Gauss(Numeric):
    mu: float = Field(description="Mean (of the logarithm, for lognormal).")
    sigma: float = Field(gt=0, description="Standard deviation (of the logarithm, for lognormal).")

    @model_validator(mode="after")
    def _no_powers(self) -> _Gauss:
        if self.power_of is not None:
            raise ValueError("power_of wants a range: take a type with low and high")
        return self

    logarithmic: ClassVar[bool] = False

    @model_validator(mode="after")
    def _within_numbers(self) -> _Gauss:
        low, high = self.mu - TAILS * self.sigma, self.mu + TAILS * self.sigma
        most = MOST_EXPONENT if self.logarithmic else 1e300
        if max(abs(low), abs(high)) > most:
            what = "exp(mu ± 6·sigma)" if self.logarithmic else "mu ± 6·sigma"
            field = "mu" if abs(self.mu) > most / 2 else "sigma"
            raise ValueError(
                f"{field} is too large: {what} must be numbers that can be written; mu {self.mu:g} and sigma "
                f"{self.sigma:g} give {'exponents' if self.logarithmic else 'values'} from {low:g} to {high:g}, and "
                f"{most:g} is the most"
            )
        step, name = self.step
        reach = max(abs(low), abs(high)) if not self.logarithmic else math.exp(high)
        if step is not None and reach / step > LARGEST_WHOLE:
            raise ValueError(
                f"{name} ({step:g}) is too fine for values up to {reach:g}: {reach / step:.3g} steps from 0, and "
                f"{LARGEST_WHOLE:.0e} can be told apart; leave it out"
            )
        self.check_default(0.0 if self.logarithmic else -math.inf, math.inf, None)
        self.check_prior(math.exp(low) if self.logarithmic else low, math.exp(high) if self.logarithmic else high)
        number = self.default
        if isinstance(number, int | float) and step is not None and abs(number) / step <= MOST_STEPS:
            reach = max(abs(number), step)
            self.check_default(-reach, reach, StepGrid(step, -reach - step, reach + step, whole=False))
        if self.logarithmic and number == 0 and step is None:
            raise ValueError("default must be above 0: the values are exp(n)")
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

    logarithmic: ClassVar[bool] = True

    type: Literal["lognormal"]


class QLogNormal(_Gauss):
    """``round(exp(normal(mu, sigma)) / q) * q``."""

    logarithmic: ClassVar[bool] = True

    type: Literal["qlognormal"]
    q: float = Field(gt=0, description="Distance between two values.")
