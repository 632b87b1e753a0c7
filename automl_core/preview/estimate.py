"""What the SQL of an experiment would read, as MaxCompute itself estimates it, without running any of it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from automl_core.backends.base import BackendError
from automl_core.backends.contract import TrialContext
from automl_core.backends.substitution import PlaceholderError
from automl_core.data.inputs import DataOfRun
from automl_core.space import Space
from automl_core.spec.dates import dates_of_now, run_dates
from automl_core.spec.maxcompute import MaxComputeTask
from automl_core.spec.models import Experiment
from automl_core.spec.parameters import Value

if TYPE_CHECKING:
    from automl_core.backends.maxcompute.client import Client


@dataclass(frozen=True, slots=True)
class StatementEstimate:
    """One statement of the first trial.

    Attributes:
        task: name of its training task.
        label: what people call the statement.
        once: whether it runs once for all trials.
        input_bytes: what it would read; None where the service can't tell.
        complexity: the service's factor for the statement.
        price: of the input, at the file's price.
        problem: why there is no estimate, in the service's words; mostly that a table isn't there yet.
    """

    task: str
    label: str
    once: bool
    input_bytes: int | None = None
    complexity: float = 0.0
    price: float = 0.0
    problem: str = ""

    def __str__(self) -> str:
        """For people, in one line."""
        head = f"{self.task}, {self.label}{' (once for all trials)' if self.once else ''}"
        if self.input_bytes is None:
            return f"{head}: no estimate: {self.problem}"
        price = f", {self.price:.4g} at the file's price" if self.price else ""
        return f"{head}: reads {self.input_bytes / 1e9:.3g} GB, complexity {self.complexity:g}{price}"


def some_combination(experiment: Experiment) -> Mapping[str, Value]:
    """A combination for an experiment that knows none before its start."""
    space = Space.from_models(experiment.space)
    return space.defaults() or space.sample(random.Random(0))


def estimate(experiment: Experiment, params: Mapping[str, Value], client: Client) -> Iterator[StatementEstimate]:
    """Ask for the cost of each SQL statement of a trial.

    Args:
        experiment: its file.
        params: the combination.
        client: of the project.
    """
    from automl_core.backends.maxcompute.plan import plan

    names = frozenset(Space.from_models(experiment.space).by_name)
    dates = run_dates(dates_of_now(experiment))
    context = TrialContext(
        experiment.name, "preview", 0, 1, params, "/checkpoints", "/model", inactive=names - params.keys(),
        dates=dates, data=DataOfRun(experiment, dates, Path()).seen_by_sql(), columns=experiment.columns,
    )  # fmt: skip
    for task in experiment.tasks:
        if not isinstance(task, MaxComputeTask):
            continue
        try:
            steps = plan(task, context)
        except PlaceholderError as error:
            yield StatementEstimate(task.name, "sql", False, problem=str(error))
            continue
        for step in steps:
            if step.command is not None:
                continue
            try:
                size, complexity = client.estimate(step.text, dict(step.hints))
            except BackendError as error:
                yield StatementEstimate(task.name, step.label, step.once, problem=str(error).splitlines()[0])
                continue
            price = size / 1e9 * complexity * task.prices.input_gb
            yield StatementEstimate(task.name, step.label, step.once, size, complexity, price)
