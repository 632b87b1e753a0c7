"""Stages: training tasks that run once, before the first trial (``prepare``) and after the last one (``conclude``).

A stage is an experiment of its own with one trial, no goal, and of the parameters those that have one value. So
whatever holds for a trial holds for it: it runs on every backend, is retried, cancelled, cleared and taken up again
after a kill, and its end stands in a journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Literal, TypeAlias

from pydantic import Field

from automl_core.spec.constants import constants_in, spec_file_of_stages
from automl_core.spec.errors import Path
from automl_core.spec.goal import Goal, Objective
from automl_core.spec.models import Experiment, Search, Stop, Trials
from automl_core.spec.parameters import Parameter, flatten
from automl_core.spec.sizes import TASK_LISTS
from automl_core.spec.tasks import TaskBase

StageName: TypeAlias = Literal["prepare", "conclude"]

STAGES: tuple[StageName, ...] = ("prepare", "conclude")
"""In the order in which they run; the trials come between them."""


class NoGoal(Goal):
    """A stage has done what it is for when its last training task has ended well; nothing is measured."""

    measured: ClassVar[bool] = False

    @property
    def all_objectives(self) -> tuple[Objective, ...]:
        """One objective that weighs no metric."""
        return (Objective.model_construct(metric={}, direction="minimize", reference=None),)


class StageExperiment(Experiment):
    """One stage of an experiment as an experiment of its own.

    Attributes:
        stage: which one.
        prepare: of the experiment, where ``stage`` is not that itself: what it made can be read.
    """

    stage: StageName
    goal: NoGoal = Field(default_factory=NoGoal)
    space: dict[str, Parameter] = Field(default_factory=dict)


def stage_of(experiment: Experiment, stage: StageName) -> StageExperiment:
    """A stage of an experiment as an experiment of its own.

    Failed training tasks are tried again as a trial's are (``trials.retries``); the time limit of a trial is none of a
    stage's.

    Args:
        experiment: it.
        stage: one that it has.
    """
    tasks = getattr(experiment, stage)
    if not tasks:
        raise ValueError(f"{experiment.name} has no {stage}")
    trials, constants = experiment.trials, constants_in(experiment.space)
    searched = [name for name in flatten(dict(experiment.space)) if name not in constants]
    return StageExperiment(
        stage=stage,
        name=experiment.name,
        template=experiment.template,
        output=experiment.output,
        data=experiment.data,
        columns=experiment.columns,
        closed=experiment.closed,
        tasks=list(tasks),
        prepare=[] if stage == "prepare" else list(experiment.prepare),
        code=experiment.code,
        environment=experiment.environment,
        space={name: experiment.space[name] for name in constants},
        spec_file=spec_file_of_stages(experiment.spec_file, searched),
        trials=Trials(max=1, concurrency=1, retries=trials.retries, retry_delay=trials.retry_delay, canary=False),
        stop=Stop(same_error=None, running_trials="cancel"),
        search=Search(algorithm="grid"),
    )


def task_ids(experiment: Experiment, stage: StageName) -> list[str]:
    """What the tasks of a stage are called: as the stage where it has one, ``stage.name`` where it has several."""
    tasks = getattr(experiment, stage)
    return [stage] if len(tasks) == 1 else [f"{stage}.{task.name}" for task in tasks]


def task_places(experiment: Experiment) -> Iterator[tuple[Path, TaskBase]]:
    """Every training task of an experiment, those of its stages too, with its place in the file."""
    for where in TASK_LISTS:
        for index, task in enumerate(getattr(experiment, where)):
            yield (where, index), task


def experiment_in(document: Mapping[str, Any]) -> Experiment:
    """The experiment that a journal's record holds: a whole one, or a stage.

    Raises:
        ValidationError: it is neither, to this release.
    """
    return (StageExperiment if "stage" in document else Experiment).model_validate(document)
