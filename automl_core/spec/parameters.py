"""The parameter types of a search space, as they are written under ``space:``.

Names and meanings are those of NNI and PAI AutoML (choice, uniform, quniform, …); the
constraints (``multiple_of``, ``power_of``, bounds by another parameter) are TAO's
``math_cond`` and ``depends_on``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from automl_core.spec.lists import SortedList, Subset, check_options, check_weights
from automl_core.spec.numeric import (
    ParameterBase,
    ParameterModel,
    Prior,
    Ranged,
    Scalar,
    Value,
    check_readable,
    same,
)
from automl_core.spec.ranges import (
    Int,
    LogInt,
    LogNormal,
    LogUniform,
    Normal,
    QLogNormal,
    QLogUniform,
    QNormal,
    QUniform,
    RandInt,
    Uniform,
)

__all__ = [
    "PARAMETER_TYPES", "Branch", "Choice", "Fixed", "Options", "Ordinal", "Parameter", "ParameterBase", "Prior",
    "Ranged", "Scalar", "SortedList", "Subset", "Value", "flatten",
]  # fmt: skip


class Branch(ParameterModel):
    """An option of a nested choice: its value, and the parameters that exist only with it."""

    value: Scalar = Field(description="The option itself.")
    space: dict[str, Parameter] = Field(
        default_factory=dict, description="Parameters that exist only with this option."
    )


class Options(ParameterBase):
    """One of several values; an option may bring a sub-space of its own (a nested choice)."""

    values: list[Scalar | Branch] = Field(
        min_length=1, description="The options; one that brings parameters of its own is {value: …, space: {…}}."
    )
    weights: list[float] | None = Field(None, description="Relative weights of the values; equal when left out.")
    prior: Prior | None = Field(None, description="Which value is thought to be good: {center: adam, spread: 0.2}.")

    @property
    def options(self) -> list[Scalar]:
        """The values alone, without their sub-spaces."""
        return [v.value if isinstance(v, Branch) else v for v in self.values]

    @model_validator(mode="after")
    def _check(self) -> Options:
        check_options(self.options)
        check_weights(self.weights, len(self.values))
        if self.default is not None:
            places = [i for i, option in enumerate(self.options) if same(option, self.default)]
            if not places:
                raise ValueError(f"default {self.default!r} is not among the values {self.options!r}")
            if self.weights is not None and not self.weights[places[0]] > 0:
                raise ValueError(f"default ({self.default!r}) has weight 0, so it is never handed out")
        self._check_prior()
        return self

    def _check_prior(self) -> None:
        if self.prior is None:
            return
        center = self.prior.center
        places = [i for i, option in enumerate(self.options) if same(option, center)]
        if not places:
            raise ValueError(f"prior.center {center!r} is not among the values {self.options!r}")
        if self.weights is not None and not self.weights[places[0]] > 0:
            raise ValueError(f"prior.center ({center!r}) has weight 0, so it is never handed out")


class Choice(Options):
    """One of several values that have no order."""

    type: Literal["choice"]


class Ordinal(Options):
    """One of several values that stand in an order, the least first: what is near in it is thought to be alike."""

    type: Literal["ordinal"]


class Fixed(ParameterBase):
    """One value, handed to every trial and never searched."""

    type: Literal["fixed"]
    value: Value = Field(description="What every trial gets; a list where the program takes one.")

    @model_validator(mode="after")
    def _readable(self) -> Fixed:
        for value in self.value if isinstance(self.value, list) else [self.value]:
            check_readable("value", value)
        return self


Parameter = Annotated[
    Choice
    | Ordinal
    | Subset
    | SortedList
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
    "choice", "ordinal", "subset", "sorted_list", "uniform", "loguniform", "quniform", "qloguniform", "int", "logint",
    "randint", "normal", "qnormal", "lognormal", "qlognormal", "fixed",
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
