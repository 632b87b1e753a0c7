"""The parameter types whose value is a list: a subset of options, a sorted list of numbers of one range."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from automl_core.spec.grids import Number
from automl_core.spec.numeric import Numeric, ParameterBase, Prior, Ranged, Scalar, check_readable, same, short
from automl_core.spec.ranges import Int, LogInt, LogUniform, Uniform

MOST_OPTIONS = 256
"""Options of a subset at most: each is a dimension of the search."""

MOST_NUMBERS = 64
"""Numbers of a sorted list at most."""

_NARROW = 1e-5  # of its highest number; numbers of a narrower range can't be kept apart in 12 digits


def check_options(options: Sequence[Scalar]) -> None:
    """Refuse options that stand twice, or that the journal can't hold.

    Raises:
        ValueError: names the option.
    """
    seen: set[tuple[str, str]] = set()
    for option in options:
        identity = (type(option).__name__, repr(option))
        if identity in seen:
            raise ValueError(f"the value {option!r} stands twice in values")
        seen.add(identity)
        check_readable("values", option)


def check_weights(weights: Sequence[float] | None, options: int) -> None:
    """Refuse weights that are no shares of so many options.

    Raises:
        ValueError: says what is wrong.
    """
    if weights is None:
        return
    if len(weights) != options:
        raise ValueError(f"{len(weights)} weights for {options} values")
    if any(w < 0 for w in weights) or sum(weights) <= 0:
        raise ValueError("weights must not be negative, and one must be above 0")
    if not math.isfinite(sum(weights)):
        raise ValueError("weights are too large: their sum can't be written as a number")


class Subset(ParameterBase):
    """Some of several options: a list of them, in the order of ``values``."""

    type: Literal["subset"]
    values: list[Scalar] = Field(
        min_length=1, max_length=MOST_OPTIONS, description="The options that may be members, each once."
    )
    min: int = Field(0, ge=0, description="Members at least.")
    max: int | None = Field(None, ge=0, description="Members at most. Left out: all of them.")
    weights: list[float] | None = Field(
        None,
        description="Relative weights of the values; equal when left out. A subset is drawn with a chance proportional "
        "to the product of its members' weights, the largest weight counted as 1; one of weight 0 is never a member.",
    )
    default: list[Scalar] | None = Field(None, description="A list known to work; it is tried first.")  # type: ignore[assignment]

    @property
    def options(self) -> list[Scalar]:
        """The values: what may be a member."""
        return self.values

    @property
    def most(self) -> int:
        """Members at most."""
        drawn = len(self.values) if self.weights is None else sum(1 for w in self.weights if w > 0)
        return drawn if self.max is None else min(self.max, drawn)

    @model_validator(mode="after")
    def _check(self) -> Subset:
        check_options(self.values)
        check_weights(self.weights, len(self.values))
        if self.max is not None and self.max > len(self.values):
            raise ValueError(f"max is {self.max}, and there are {len(self.values)} values")
        if self.max is not None and self.min > self.max:
            raise ValueError(f"min ({self.min}) is above max ({self.max})")
        if self.min > self.most:
            with_weight = " with a weight above 0" if self.weights is not None else ""
            raise ValueError(f"min is {self.min}, and there are {self.most} values{with_weight}")
        self._check_default()
        return self

    def _check_default(self) -> None:
        if self.default is None:
            return
        places = []
        for member in self.default:
            place = next((i for i, option in enumerate(self.values) if same(option, member)), None)
            if place is None:
                raise ValueError(f"default has {member!r}, which is not among the values {self.values!r}")
            if place in places:
                raise ValueError(f"default has {member!r} twice")
            if self.weights is not None and not self.weights[place] > 0:
                raise ValueError(f"default has {member!r}, which has weight 0, so it is never handed out")
            places.append(place)
        if not self.min <= len(places) <= self.most:
            raise ValueError(f"default has {len(places)} members; {self.min} to {self.most} are allowed")


class SortedList(Numeric):
    """An ascending list of numbers of one range: the epochs at which a learning rate drops, say."""

    type: Literal["sorted_list"]
    low: float = Field(description="Lowest value of a number.")
    high: float = Field(description="Highest value of a number.")
    length: int | None = Field(None, ge=1, le=MOST_NUMBERS, description="How many numbers; or min_length, max_length.")
    min_length: int | None = Field(None, ge=0, le=MOST_NUMBERS, description="Numbers at least.")
    max_length: int | None = Field(None, ge=1, le=MOST_NUMBERS, description="Numbers at most.")
    whole: bool = Field(False, description="Whole numbers only.")
    log: bool = Field(False, description="Each number is drawn uniform in the logarithm.")
    distinct: bool = Field(True, description="No number stands twice.")
    default: list[int | float] | None = Field(None, description="A list known to work; it is tried first.")  # type: ignore[assignment]

    @field_validator("prior")
    @classmethod
    def _no_prior(cls, prior: Prior | None) -> None:
        if prior is not None:
            raise ValueError("a list has no one good value; give its parameter none, and its good list as default")

    @field_validator("default", mode="before")
    @classmethod
    def _numbers(cls, default: object) -> object:
        for number in default if isinstance(default, list) else ():
            if isinstance(number, bool) or not isinstance(number, int | float):
                raise ValueError(f"default has {number!r}, which is no number")
        return default

    @property
    def lengths(self) -> tuple[int, int]:
        """Fewest and most numbers."""
        if self.length is not None:
            return self.length, self.length
        return self.min_length or 0, self.max_length or 0

    @property
    def element(self) -> Ranged:
        """The parameter that each number is.

        Raises:
            ValueError: limits, step and scale don't fit one another.
        """
        given: dict[str, Any] = {
            "low": self.low, "high": self.high, "multiple_of": self.multiple_of, "power_of": self.power_of,
        }  # fmt: skip
        try:
            if self.whole:
                return LogInt(type="logint", **given) if self.log else Int(type="int", **given)
            return LogUniform(type="loguniform", **given) if self.log else Uniform(type="uniform", **given)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            if first["type"] == "int_from_float":
                field = str(first["loc"][0])
                raise ValueError(f"{field} must be a whole number beside whole: true, found {given[field]:g}") from None
            raise ValueError(str(first["msg"]).removeprefix("Value error, ")) from None

    @property
    def allowed(self) -> tuple[float, float]:
        """Lowest and highest number that the constraints leave."""
        return self.element.allowed

    def room(self, low: float, high: float) -> int | None:
        """How many numbers a list can have between two further limits; None: as many as it may have."""
        low, high = max(low, self.low), min(high, self.high)
        if low > high:
            return 0
        if not self.distinct:
            return None
        grid = self.element.model_copy(update={"low": low, "high": high}).values_of_grid()
        if grid is not None:
            return len(grid)
        if self.whole:
            return math.floor(high) - math.ceil(low) + 1
        return None if high - low > _NARROW * max(abs(low), abs(high)) else 1

    @model_validator(mode="after")
    def _consistent(self) -> SortedList:
        if self.length is not None and (self.min_length is not None or self.max_length is not None):
            raise ValueError("length is the number of numbers; give it, or min_length and max_length")
        if self.length is None and self.max_length is None:
            raise ValueError("length is missing: how many numbers, or min_length and max_length")
        least, most = self.lengths
        if least > most:
            raise ValueError(f"min_length ({least}) is above max_length ({most})")
        if self.at_least is not None and self.at_most is not None:
            raise ValueError(
                "at_most stands beside at_least: a list is bounded by another parameter on one side at most"
            )
        element = self.element
        room = self.room(self.low, self.high)
        if room is not None and room < most:
            raise ValueError(
                f"{most} distinct numbers are wanted, and {room} lie between {self.low:g} and {self.high:g}; lower the "
                "length, widen the range, or say distinct: false"
            )
        self._check_default(element)
        return self

    def _check_default(self, element: Ranged) -> None:
        if self.default is None:
            return
        least, most = self.lengths
        if not least <= len(self.default) <= most:
            allowed = f"{least}" if least == most else f"{least} to {most}"
            raise ValueError(f"default has {len(self.default)} numbers; {allowed} are allowed")
        grid: Sequence[Number] | None = element.values_of_grid()
        for number in self.default:
            element.model_copy(update={"default": number}).check_default(element.low, element.last, grid)
        for before, after in zip(self.default, self.default[1:], strict=False):
            if before > after or (self.distinct and before == after):
                word = "ascend" if before > after else "have no number twice (distinct: true)"
                raise ValueError(f"default must {word}, found {short(before)} before {short(after)}")
