"""``evaluate.tests`` of a model's file: what a version must be able to do, whatever its metric says.

Five kinds, told apart by ``test:``. Each has a severity: one that refuses makes a verdict false when it fails, one
that warns is told. The models are plain data; `testing` runs them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from automl_core.spec.base import Model

Scalar = bool | int | float | str | None
"""A value of a row."""

Severity = Literal["refuse", "warn"]


class _Test(Model):
    name: str | None = Field(
        None, description="How it is called; made of what it asks for when left out.", min_length=1
    )
    severity: Severity = Field("refuse", description="What a failure does: the version is refused, or it is told.")

    def title(self) -> str:
        """Its name, or what it asks for in a few words."""
        return self.name or self._said()

    def _said(self) -> str:
        raise NotImplementedError


class Case(Model):
    """A row, and what a model must say of it."""

    row: dict[str, Scalar] = Field(description="Values of all columns that the model reads.", min_length=1)
    expect: bool | int | float | str | None = Field(None, description="The class, or the number, that is predicted.")
    tolerance: float = Field(0.0, ge=0, description="How far a predicted number may be from `expect`.")
    least: dict[str, float] = Field(default_factory=dict, description="Class → its probability at least.")
    most: dict[str, float] = Field(default_factory=dict, description="Class → its probability at most.")
    between: tuple[float, float] | None = Field(None, description="Least and greatest number that may be predicted.")

    @model_validator(mode="after")
    def _asks(self) -> Case:
        if self.expect is None and not self.least and not self.most and self.between is None:
            raise ValueError("it asks for nothing: give expect, least, most or between")
        for name, bounds in (("least", self.least), ("most", self.most)):
            wrong = next((each for each in bounds.values() if not 0 <= each <= 1), None)
            if wrong is not None:
                raise ValueError(f"{name}: {wrong} is no probability; allowed: 0 … 1")
        if self.between is not None and self.between[0] > self.between[1]:
            raise ValueError("between: the first number is greater than the second")
        return self


class CasesTest(_Test):
    """Rows whose answers are known."""

    test: Literal["cases"] = "cases"
    cases: list[Case] = Field(description="Rows with what is expected of them.", min_length=1)

    def _said(self) -> str:
        return f"{len(self.cases)} case{'' if len(self.cases) == 1 else 's'}"


class InvariantTest(_Test):
    """What is said of a row does not change when a column does."""

    test: Literal["invariant"]
    column: str = Field(description="The column that changes.")
    values: list[Scalar] | None = Field(
        None, description="What it is set to, one after the other; values of other rows, shuffled, when left out."
    )
    tolerance: float = Field(0.0, ge=0, description="By how much a probability or a predicted number may change.")
    share: float = Field(0.0, ge=0, lt=1, description="Share of the rows that may change by more.")
    rows: int = Field(500, ge=1, le=100_000, description="Rows of the data that it is tried on at most.")

    def _said(self) -> str:
        return f"invariant to {self.column}"


class MonotoneTest(_Test):
    """What is said of a row only grows, or only falls, with a column."""

    test: Literal["monotone"]
    column: str = Field(description="A column of numbers.")
    direction: Literal["increasing", "decreasing"] = Field(description="Of the prediction, as the column grows.")
    of: str | None = Field(None, description="The class whose probability it is; of two the second when left out.")
    points: int = Field(10, ge=2, le=100, description="Values of the column that are tried: quantiles of the data.")
    tolerance: float = Field(0.0, ge=0, description="By how much a step may go the wrong way.")
    share: float = Field(0.0, ge=0, lt=1, description="Share of the rows on which a step may go the wrong way by more.")
    rows: int = Field(200, ge=1, le=100_000, description="Rows of the data that it is tried on at most.")

    def _said(self) -> str:
        return f"{self.direction} in {self.column}"


class GoldenTest(_Test):
    """The model says of its own golden rows what it said when it was written."""

    test: Literal["golden"]
    tolerance: float = Field(1e-9, ge=0, description="Largest difference, relative above 1 and absolute below.")

    def _said(self) -> str:
        return "golden rows"


class MetricTest(_Test):
    """A metric of the latest data, or of a slice of it, within limits."""

    test: Literal["metric"]
    metric: str = Field(description="Its name.")
    at_least: float | None = Field(None, description="The least value that passes.")
    at_most: float | None = Field(None, description="The greatest value that passes.")
    slice: dict[str, Scalar] = Field(default_factory=dict, description="Column → value: only rows that have them.")
    least_rows: int = Field(30, ge=1, description="With fewer rows it says that it can't tell.")

    @model_validator(mode="after")
    def _limits(self) -> MetricTest:
        if self.at_least is None and self.at_most is None:
            raise ValueError("it asks for nothing: give at_least or at_most")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError("at_least is greater than at_most")
        return self

    def _said(self) -> str:
        limits = [
            f"{word} {value:g}"
            for word, value in (("at least", self.at_least), ("at most", self.at_most))
            if value is not None
        ]
        where = ", ".join(f"{name} = {value}" for name, value in self.slice.items())
        return f"{self.metric} {' and '.join(limits)}" + (f" where {where}" if where else "")


RegressionTest = Annotated[
    CasesTest | InvariantTest | MonotoneTest | GoldenTest | MetricTest, Field(discriminator="test")
]
"""One test, as the file has it."""


def tests_of(documents: list[dict[str, Any]]) -> tuple[RegressionTest, ...]:
    """Tests of plain data, as a request has them.

    Raises:
        pydantic.ValidationError: one is none; says which and why.
    """
    from pydantic import TypeAdapter

    return TypeAdapter(tuple[RegressionTest, ...]).validate_python(documents)


def as_json(tests: tuple[RegressionTest, ...]) -> list[dict[str, Any]]:
    """Tests as plain data: `tests_of` makes them again."""
    return [test.model_dump(mode="json") for test in tests]
