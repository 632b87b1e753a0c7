"""The ``goal:`` of an experiment file: one objective or several, and constraints on what a trial measured."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import ConfigDict, Field, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails

from automl_core.spec.base import UNTOLD, Model
from automl_core.spec.relations import RelationError

Direction: TypeAlias = Literal["maximize", "minimize"]

MOST_OBJECTIVES = 4
"""More objectives than this have no front that a person could choose from: nearly every trial is on it."""


class Objective(Model):
    """One of several goals."""

    metric: str | dict[str, float] = Field(
        description="The metric's name, or several with weights: {auc: 0.5, loss: -0.25}."
    )
    direction: Direction = Field(description="Stated, never guessed from the metric's name.")
    reference: float | None = Field(
        None, description="The worst value that still counts; a front's hypervolume is measured from it."
    )

    @model_validator(mode="after")
    def _some_metric(self) -> Objective:
        _check_metric(self.metric)
        return self

    @property
    def weights(self) -> dict[str, float]:
        """Metric name → weight in the value (a single metric weighs 1)."""
        return {self.metric: 1.0} if isinstance(self.metric, str) else dict(self.metric)

    @property
    def label(self) -> str:
        """How the value is called in front of people: ``accuracy``, or ``0.5*auc-0.25*loss``."""
        if isinstance(self.metric, str):
            return self.metric
        return "".join(f"{weight:+g}*{name}" for name, weight in self.metric.items()).removeprefix("+")

    @property
    def sign(self) -> float:
        """What a value is multiplied with to be a loss (lower is better)."""
        return -1.0 if self.direction == "maximize" else 1.0


class Constraint(Model):
    """What a metric of a trial must not exceed, or fall below, for the trial to be a solution."""

    metric: str = Field(min_length=1, description="The metric's name.")
    max: float | None = Field(None, description="The metric is at most this.")
    min: float | None = Field(None, description="The metric is at least this.")

    @model_validator(mode="after")
    def _one_limit(self) -> Constraint:
        if (self.max is None) == (self.min is None):
            raise ValueError("give exactly one of max and min")
        return self

    def excess(self, value: float) -> float:
        """By how much a value breaks the limit; satisfied when not above 0."""
        return value - self.max if self.max is not None else (self.min or 0.0) - value

    def __str__(self) -> str:
        """``latency_ms ≤ 20``."""
        return f"{self.metric} ≤ {self.max:g}" if self.max is not None else f"{self.metric} ≥ {self.min:g}"


class Goal(Model):
    """What a better trial is."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["metric", "direction"]}, {"required": ["objectives"]}]}
    )

    measured: ClassVar[bool] = True
    """Whether a trial is to report something; what belongs to no trial need not."""

    metric: Annotated[str | dict[str, float] | None, UNTOLD] = Field(
        None, description="The metric's name, or several with weights: {auc: 0.5, loss: -0.25}."
    )
    direction: Annotated[Direction | None, UNTOLD] = Field(
        None, description="Stated, never guessed from the metric's name."
    )
    objectives: Annotated[list[Objective] | None, UNTOLD] = Field(
        None, description="Two to four goals at once, instead of metric and direction: the best compromises are found."
    )
    constraints: list[Constraint] = Field(
        default_factory=list, description="What a trial must satisfy to be a solution: limits on its metrics."
    )
    final: Literal["best", "last", "mean"] = Field(
        "best",
        description="Which of a trial's periodical values is its final one. With several objectives best has no "
        "meaning, and last is the default.",
    )

    @model_validator(mode="wrap")
    @classmethod
    def _either_form(cls, data: Any, handler: ModelWrapValidatorHandler[Goal]) -> Goal:
        """Ask for metric and direction, as for any required key, unless there are objectives."""
        if not isinstance(data, Mapping):
            return handler(data)
        several = data.get("objectives") is not None
        wanted = () if several or not cls.measured else ("metric", "direction")
        missing = [key for key in wanted if data.get(key) is None]
        absent: list[InitErrorDetails] = [{"type": "missing", "loc": (key,), "input": data} for key in missing]
        given = {key: value for key, value in data.items() if key not in missing}
        if several and "final" not in data:
            given["final"] = "last"
        try:
            goal = handler(given)
        except ValidationError as error:
            found = [_again(each) for each in error.errors(include_url=False)]
            raise ValidationError.from_exception_data(cls.__name__, [*found, *absent]) from None
        if absent:
            raise ValidationError.from_exception_data(cls.__name__, absent)
        return goal

    @model_validator(mode="after")
    def _consistent(self) -> Goal:
        problems = [*_objective_problems(self), *_constraint_problems(self.constraints)]
        if problems:
            raise RelationError(problems)
        if self.objectives is None and self.metric is not None:
            _check_metric(self.metric)
        return self

    @property
    def all_objectives(self) -> tuple[Objective, ...]:
        """The objectives; of a single goal its metric and direction."""
        if self.objectives is not None:
            return tuple(self.objectives)
        assert self.metric is not None
        assert self.direction is not None
        return (Objective.model_construct(metric=self.metric, direction=self.direction, reference=None),)

    @property
    def told(self) -> dict[str, Any]:
        """What a training is told of it (``AUTOML_GOAL``): metric or weights, direction, final.

        Empty for several objectives, none of which is the one, and for stages, which have none.
        """
        if self.several or self.metric is None or self.direction is None:
            return {}
        metric = self.metric if isinstance(self.metric, str) else dict(self.metric)
        return {"metric": metric, "direction": self.direction, "final": self.final}

    @property
    def first(self) -> Objective:
        """The objective whose value is a trial's ``value``, and whose curve its curve."""
        return self.all_objectives[0]

    @property
    def several(self) -> bool:
        """Whether there is more than one objective."""
        return self.objectives is not None

    @property
    def plain(self) -> bool:
        """Whether one value says all: one objective, no constraints."""
        return not self.several and not self.constraints

    @property
    def weights(self) -> dict[str, float]:
        """Metric name → weight in the value (a single metric weighs 1); with several objectives in the first's."""
        return self.first.weights

    @property
    def metrics(self) -> tuple[str, ...]:
        """Every metric that a trial must report: those of all objectives, then those of the constraints."""
        return tuple(dict.fromkeys((*self.valued_metrics, *(each.metric for each in self.constraints))))

    @property
    def valued_metrics(self) -> tuple[str, ...]:
        """The metrics of all objectives: from the step on that knows them all, a trial has a value."""
        weighted = (name for each in self.all_objectives for name, weight in each.weights.items() if weight)
        return tuple(dict.fromkeys(weighted))

    def satisfied_by(self, metrics: Mapping[str, float]) -> bool:
        """Whether metrics satisfy every constraint; one whose metric is missing is not satisfied."""
        return all(each.excess(metrics.get(each.metric, math.nan)) <= 0 for each in self.constraints)

    @property
    def label(self) -> str:
        """How the value is called in front of people: the metric's name, or ``default`` when several are weighted."""
        return self.first.label if self.several or isinstance(self.metric, str) else "default"

    @property
    def summary(self) -> str:
        """The whole goal in a few words: ``maximize accuracy, minimize latency_ms; recall ≥ 0.8``."""
        names = [each.label if self.several else self.label for each in self.all_objectives]
        aims = ", ".join(f"{each.direction} {n}" for each, n in zip(self.all_objectives, names, strict=True))
        return "; ".join([aims, *(str(each) for each in self.constraints)])


def _check_metric(metric: str | dict[str, float]) -> None:
    if not metric or (isinstance(metric, dict) and not any(metric.values())):
        raise ValueError("metric: at least one metric with a weight other than 0 is needed")


def _objective_problems(goal: Goal) -> Iterator[str]:
    if goal.objectives is None:
        return
    for key in ("metric", "direction"):
        if getattr(goal, key) is not None:
            yield f"{key}: with objectives each of them has its own {key}; leave this one out"
    count = len(goal.objectives)
    if not 2 <= count <= MOST_OBJECTIVES:
        hint = "; give metric and direction for one" if count < 2 else ""
        yield f"objectives: found {count}; 2 to {MOST_OBJECTIVES} are allowed{hint}"
    labels = [each.label for each in goal.objectives]
    for index, label in enumerate(labels):
        if label in labels[:index]:
            yield f"objectives[{index}].metric: two objectives are {label!r}"
    if goal.final == "best":
        yield (
            "final: best has no meaning with several objectives: each would be best at another step, and no model "
            "has them all. last takes all values from the last step, mean each one's average over the steps"
        )


def _constraint_problems(constraints: Sequence[Constraint]) -> Iterator[str]:
    known: dict[tuple[str, bool], int] = {}
    for index, each in enumerate(constraints):
        kind = (each.metric, each.max is not None)
        if kind in known:
            side = "max" if kind[1] else "min"
            yield f"constraints[{index}].{side}: {each.metric} has a {side} in constraints[{known[kind]}] already"
        known.setdefault(kind, index)


def _again(details: Mapping[str, Any]) -> InitErrorDetails:
    """A line of a validation error, to be raised once more among others."""
    return {"type": details["type"], "loc": details["loc"], "input": details["input"], "ctx": details.get("ctx", {})}
