"""How large an experiment is, what it starts with, and how long and dear it will be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from automl_core.extras import needed_by
from automl_core.results.forecast import Forecast, Pace, forecast_plan
from automl_core.search import create
from automl_core.space import Params, Space
from automl_core.spec.models import Experiment
from automl_core.spec.parameters import flatten
from automl_core.spec.stages import STAGES
from automl_core.study.history import context_of
from automl_core.study.progress import reserve_of
from automl_core.study.state import State


@dataclass(frozen=True, slots=True)
class Combination:
    """One combination that is known before the start; ``budget`` is None in experiments without budgets."""

    number: int
    params: Params
    budget: int | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """An experiment before it runs.

    Attributes:
        name: of the experiment.
        algorithm: which one searches.
        note: what was chosen and why; empty when the file chose.
        size: number of distinct combinations, None when they can't be counted.
        trials: combinations at most.
        slots: pieces of work at most (with budgets, promotions count too).
        jobs: runs of training tasks at most, retries left out.
        units, unit: budget units over all trials, and what they are called; None without budgets.
        concurrency: trials at the same time.
        known: combinations that are known before any result.
        first: the first of these.
        forecast: of time and cost; None when nothing says how long a trial takes.
        basis: where the forecast's pace comes from, in words.
        max_duration, max_cost, deadline: the file's limits, None without.
        reserve: seconds of the deadline that are kept for ``conclude`` as long as no trial has ended.
        searched: parameters that are searched, with what their descriptions say of them.
        stages: ``prepare`` and ``conclude``, where there are any, with their training tasks: name and backend.
    """

    name: str
    algorithm: str
    note: str
    size: int | None
    trials: int
    slots: int
    jobs: int
    units: int | None
    unit: str | None
    concurrency: int
    known: int
    first: tuple[Combination, ...]
    forecast: Forecast | None
    basis: str
    max_duration: float | None
    max_cost: float | None
    deadline: float | None = None
    reserve: float = 0.0
    stages: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    searched: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The preview as plain JSON."""
        return asdict(self)


def preview(experiment: Experiment, pace: Pace | None = None, basis: str = "", combinations: int = 5) -> Preview:
    """Look ahead.

    Args:
        experiment: its file.
        pace: how long a trial takes, where that is known (`given_pace`, `results.forecast.pace_of`).
        basis: where the pace comes from, in words.
        combinations: how many of the first ones to show.

    Raises:
        ValueError: the algorithm doesn't exist or can't search this experiment.
    """
    space = Space.from_models(experiment.space)
    algorithm = create(experiment.search.algorithm, context_of(experiment, space))
    plan = algorithm.plan()
    with needed_by(f"the search algorithm {algorithm.name}"):
        proposed = algorithm.propose(combinations)
    size = space.size()
    budget = experiment.trials.budget if plan.units is not None else None
    return Preview(
        name=experiment.name,
        algorithm=algorithm.name,
        note=plan.note,
        size=size,
        trials=plan.trials,
        slots=plan.slots,
        jobs=plan.slots * len(experiment.tasks),
        units=plan.units,
        unit=budget.name if budget else None,
        concurrency=experiment.trials.concurrency,
        known=min(algorithm.proposals(), plan.trials, *([size] if size is not None else [])),
        first=tuple(Combination(n, new.params, new.budget) for n, new in enumerate(proposed[:combinations])),
        forecast=forecast_plan(plan, experiment, pace) if pace is not None else None,
        basis=basis,
        max_duration=experiment.stop.max_duration,
        max_cost=experiment.stop.max_cost,
        deadline=experiment.stop.deadline,
        reserve=reserve_of(State(), experiment),
        stages={
            stage: tuple((t.name, t.backend) for t in tasks)
            for stage in STAGES
            if (tasks := getattr(experiment, stage))
        },
        searched={
            name: model.description for name, model in flatten(dict(experiment.space)).items() if model.type != "fixed"
        },
    )


def given_pace(experiment: Experiment, trial_seconds: float | None, unit_seconds: float | None) -> Pace | None:
    """The pace that a user states.

    Args:
        experiment: its file.
        trial_seconds: of one whole trial, trained to its end.
        unit_seconds: of one unit of the budget.

    Returns:
        None when neither is given. Where training tasks have different prices, each is taken to
        last equally long; its price of a second is None where a task has prices that time doesn't tell.

    Raises:
        ValueError: both are given, or the experiment has no budget whose units could take time.
    """
    if trial_seconds is None and unit_seconds is None:
        return None
    if trial_seconds is not None and unit_seconds is not None:
        raise ValueError("give the time of a trial or of a unit, not both")
    budget = experiment.trials.budget
    if unit_seconds is not None and budget is None:
        raise ValueError("the experiment has no budget (trials.budget), so a trial has no units: give its whole time")
    per_unit = unit_seconds if unit_seconds is not None else (trial_seconds or 0.0) / (budget.max if budget else 1)
    if any(task.has_other_prices for task in experiment.tasks):
        return Pace(per_unit, cost_per_second=None)
    price = sum(task.hourly_price for task in experiment.tasks) / len(experiment.tasks)
    return Pace(per_unit, cost_per_second=price / 3600)
