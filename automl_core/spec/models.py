"""The experiment file as validated models. The keys are the product's interface."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from automl_core.spec.alerts import Alerts
from automl_core.spec.base import Model
from automl_core.spec.baseline import baseline_problems
from automl_core.spec.code import Code, code_problems
from automl_core.spec.datasets import DataSet, data_problems
from automl_core.spec.environment import Environment, environment_problems
from automl_core.spec.goal import Goal
from automl_core.spec.parameters import Parameter, Value
from automl_core.spec.placement import Placement
from automl_core.spec.predictions import Predict, predict_problems
from automl_core.spec.relations import (
    STORAGE_KEYS,
    RelationError,
    goal_problems,
    space_problems,
    storage_problems,
    task_name_problems,
)
from automl_core.spec.spec_files import SpecFile
from automl_core.spec.storage_paths import check_storage_path
from automl_core.spec.tasks import Name
from automl_core.spec.template import TemplateVersion
from automl_core.spec.tracking import Mlflow
from automl_core.spec.training import TrainingTask
from automl_core.spec.transfer import Transfer
from automl_core.spec.units import Duration


class Output(Model):
    """Where the journal, the models and the published result go."""

    storage: str = Field(
        "file://./runs",
        description="Model storage path: file://folder, s3://bucket/prefix or oss://bucket/prefix. "
        "A relative folder is relative to the AUTOML_HOME of the deployment.",
    )
    connection: str | None = Field(None, description="Airflow connection with the storage's credentials and end point.")
    keep_models: Literal["best", "all"] | Annotated[int, Field(ge=1)] = Field(
        "best", description="Models kept when the experiment ends: best, all, or the number of best ones."
    )

    @field_validator("storage")
    @classmethod
    def _known_scheme(cls, storage: str) -> str:
        return check_storage_path(storage)


class Search(Model):
    """Which algorithm searches."""

    algorithm: str = Field("auto", description="See `automl algorithms` for the list.")
    seed: int = Field(0, ge=0, description="Same seed and same history: same suggestions.")
    options: dict[str, Any] = Field(default_factory=dict, description="Options of the algorithm.")
    warm_start: list[dict[str, Value]] = Field(
        default_factory=list, description="Combinations to try first, each a mapping of parameter to value."
    )
    transfer: Transfer | None = Field(None, description="Earlier runs to learn from.")
    baseline: bool = Field(
        False,
        description="Try the defaults first, trained to the end: the result says what the search gains over them.",
    )


class Budget(Model):
    """The resource that a multi-fidelity algorithm spreads over trials."""

    name: str = Field("epochs", description="What is counted, for people and forecasts.")
    min: int = Field(1, ge=1, description="Budget of the lowest rung.")
    max: int = Field(ge=1, description="Budget of a trial that is trained to its end.")
    factor: int = Field(3, ge=2, description="One in this many trials is promoted to the next rung (nu, eta).")

    @model_validator(mode="after")
    def _ordered(self) -> Budget:
        if self.min > self.max:
            raise ValueError(f"min ({self.min}) is above max ({self.max})")
        return self


class EarlyStoppingBase(Model):
    """When a rule is asked: at steps ``delay``, ``delay + interval`` and so on."""

    interval: int = Field(1, ge=1, description="Asked every so many reported steps.")
    delay: int = Field(0, ge=0, description="Not asked before this many steps were reported.")


class MedianRule(EarlyStoppingBase):
    """Stop a trial whose best value so far is worse than the median of the others' running averages at that step."""

    rule: Literal["median"]
    min_trials: int = Field(3, ge=1, description="Trials that must have reported the step before the rule acts.")
    proportion: float = Field(0.5, gt=0, lt=1, description="0.5 is the median; 0.25 stops only the worst quarter.")
    window: int | None = Field(None, ge=1, description="Average the others over their last so many steps only.")


class BanditRule(EarlyStoppingBase):
    """Stop a trial that lags the best one at the same step by more than a slack."""

    rule: Literal["bandit"]
    slack_factor: float | None = Field(None, gt=0, description="Allowed lag as a ratio of the best value.")
    slack_amount: float | None = Field(None, gt=0, description="Allowed lag as an absolute amount.")

    @model_validator(mode="after")
    def _one_slack(self) -> BanditRule:
        if (self.slack_factor is None) == (self.slack_amount is None):
            raise ValueError("give exactly one of slack_factor and slack_amount")
        return self


class TruncationRule(EarlyStoppingBase):
    """Stop the worst share of the trials at each evaluation."""

    rule: Literal["truncation"]
    fraction: float = Field(0.2, gt=0, lt=1, description="Share of the trials that is stopped at each evaluation.")
    min_trials: int = Field(5, ge=2, description="Trials that must have reported the step before the rule acts.")


class PatienceRule(EarlyStoppingBase):
    """Stop a trial whose own value has not improved for so many steps."""

    rule: Literal["patience"]
    patience: int = Field(ge=1, description="Reported steps without improvement.")
    min_delta: float = Field(0.0, ge=0, description="What counts as an improvement.")


class LearningCurveRule(EarlyStoppingBase):
    """Stop a trial whose learning curve, extrapolated with its uncertainty, is too unlikely to become the best."""

    rule: Literal["learning_curve"]
    probability: float = Field(0.05, gt=0, lt=1, description="Stopped when the chance falls below this.")
    last_step: int | None = Field(
        None,
        ge=1,
        description="Step at which training ends; when left out, the highest one that an ended trial has reported.",
    )
    min_trials: int = Field(3, ge=1, description="Trials that must have trained to the end before the rule acts.")


EarlyStopping = Annotated[
    MedianRule | BanditRule | TruncationRule | PatienceRule | LearningCurveRule, Field(discriminator="rule")
]


class Canary(Model):
    """The first trials go ahead of the others."""

    after: Duration = Field(
        600.0, description="The others follow at the latest so long after the start of the first one."
    )


class Trials(Model):
    """How many trials, how many at once, and what one may take."""

    max: int = Field(20, ge=1, le=1_000_000, description="Trials at most.")
    concurrency: int = Field(1, ge=1, le=1000, description="Trials running at the same time.")
    max_failed: int | None = Field(
        None, ge=0, description="Failed trials allowed; one more ends the experiment as failed."
    )
    retries: int = Field(0, ge=0, le=100, description="New attempts at a trial whose training failed.")
    retry_delay: Duration = Field(5.0, description="Wait before a new attempt.")
    timeout: Duration | None = Field(None, description="Time limit of one attempt at a trial.")
    budget: Budget | None = Field(None, description="What multi-fidelity algorithms spread over trials.")
    early_stopping: EarlyStopping | None = Field(None, description="When a running trial is ended early.")
    canary: bool | Canary = Field(
        True,
        description="Two trials go first; the others follow once one has reported the goal. false: all at once.",
    )

    @property
    def canary_wait(self) -> float | None:
        """Seconds after the first trial's start at which the others follow at the latest; None: at once."""
        if isinstance(self.canary, bool):
            return Canary().after if self.canary else None
        return self.canary.after


class NoImprovement(Model):
    """Stop when the best value has stood still."""

    trials: int = Field(ge=1, description="Finished trials without an improvement.")
    min_delta: float = Field(0.0, ge=0, description="What counts as an improvement.")


class Stop(Model):
    """When the experiment ends before all its trials have run."""

    target: float | None = Field(None, description="The value that is good enough.")
    max_duration: Duration | None = Field(None, description="Time from the experiment's start.")
    deadline: Duration | None = Field(
        None,
        description="Time from the experiment's start to the end of everything, prepare and conclude among it; trials "
        "that run when the search has to end are cancelled.",
    )
    max_cost: float | None = Field(None, gt=0, description="In the currency of the prices.")
    same_error: int | None = Field(
        5, ge=2, description="Stop as failed when so many trials running fail with the same error. null: never."
    )
    no_improvement: NoImprovement | None = Field(None, description="Stop when the best value has stood still.")
    running_trials: Literal["drain", "cancel"] = Field(
        "drain", description="What becomes of running trials then: they finish, or they are ended."
    )


class Schedule(Model):
    """Run at the times of a cron line in a time zone, or when Airflow assets are updated."""

    cron: str | None = Field(None, description="A cron line or preset such as @daily.")
    timezone: str | None = Field(
        None, description="Time zone of `cron`, such as Europe/Berlin; Airflow's default_timezone when left out."
    )
    assets: list[str] | None = Field(
        None, min_length=1, description="Names or URIs of assets that DAGs of this Airflow define."
    )
    wait_for: Literal["all", "any"] = Field("all", description="Which of `assets` must have been updated.")

    @model_validator(mode="after")
    def _one_kind(self) -> Schedule:
        if (self.cron is None) == (self.assets is None):
            raise ValueError("give exactly one of cron and assets")
        if self.timezone is not None and self.cron is None:
            raise ValueError("timezone is that of cron, and assets are updated at no certain time")
        return self


class Experiment(Model):
    """One experiment file."""

    name: Name = Field(description="Name of the experiment, of its DAG and of its folder.")
    template: TemplateVersion | None = Field(
        None, description="The template and its version, `name@version`, that gives what the file leaves out."
    )
    description: str = Field("", description="What it is for; shown in the Airflow UI.")
    owner: str = Field("automl", description="Owner of the DAG.")
    tags: list[str] = Field(default_factory=list, description="Tags of the DAG.")
    output: Output = Field(default_factory=Output)
    goal: Goal
    search: Search = Field(default_factory=Search)
    space: dict[str, Parameter] = Field(min_length=1, description="The search space: name → parameter.")
    data: dict[str, str | DataSet] = Field(
        default_factory=dict, description="What the trainings read: name → place, or a group with its connection."
    )
    columns: dict[str, str | list[str]] = Field(
        default_factory=dict, description="What columns of the data are for: role (such as target) → name or names."
    )
    trials: Trials = Field(default_factory=Trials)
    stop: Stop = Field(default_factory=Stop)
    tasks: list[TrainingTask] = Field(min_length=1, description="The training tasks of a trial, run in order.")
    prepare: list[TrainingTask] = Field(
        default_factory=list, description="Training tasks that run once, in order, before the first trial."
    )
    conclude: list[TrainingTask] = Field(
        default_factory=list,
        description="Training tasks that run once, in order, after the last trial and before the result is published.",
    )
    code: str | Code | None = Field(
        None,
        description="Folder with the training's code, relative to this file: packed when a run begins, unpacked where "
        "the training runs. A path; or a group, with what is left out of it.",
    )
    environment: Environment | None = Field(
        None,
        description="Lock file of an environment that each machine makes once, for local training tasks; Airflow's own "
        "when left out.",
    )
    spec_file: SpecFile | None = Field(
        None, description="A file with the trial's parameters, written for its training in the format that it reads."
    )
    reuse_prepared: bool = Field(
        True,
        description="Whether what `prepare` left in an earlier run is taken, where the data sets, its training tasks "
        "and its code are still the same. false: prepare anew in each run.",
    )
    schedule: str | Schedule | None = Field(
        None, description="A cron line or preset such as @daily; or a group, with a time zone or with assets."
    )

    @property
    def pools(self) -> tuple[str, ...]:
        """The Airflow pools that it names."""
        places = [self.airflow, *(task.airflow for task in (*self.prepare, *self.tasks, *self.conclude))]
        return tuple(dict.fromkeys(place.pool for place in places if place.pool is not None))

    @property
    def program(self) -> Code | None:
        """The folder with the training's code, None where none goes along."""
        return Code(folder=self.code) if isinstance(self.code, str) else self.code

    @property
    def cron(self) -> str | None:
        """The cron line or preset by which it runs, None where none does."""
        return self.schedule.cron if isinstance(self.schedule, Schedule) else self.schedule

    airflow: Placement = Field(
        default_factory=Placement,
        description="Queue, pool, executor and weight of all its tasks in Airflow; a training task's own go first.",
    )
    predict: Predict | None = Field(
        None, description="A table of MaxCompute that the published model scores, by SQL, at the end of each run."
    )
    alerts: Alerts | None = Field(None, description="Who is told of failures, a new best and the end.")
    mlflow: Mlflow | None = Field(None, description="MLflow server that gets the trials as runs when a run ends.")
    closed: bool = Field(
        False, description="Run in the deployment's closed environment; where that is closed as a whole, each does."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Experiment:
        lists = {"tasks": self.tasks, "prepare": self.prepare, "conclude": self.conclude}
        problems = [
            *(each for where, tasks in lists.items() for each in task_name_problems([t.name for t in tasks], where)),
            *space_problems(self.space, data=self.data),
            *baseline_problems(self.search.baseline, self.trials.max, self.space),
            *data_problems(self.data, self.columns),
            *predict_problems(self.predict),
            *environment_problems(self.environment, self.code),
            *goal_problems(
                several=self.goal.several,
                early_stopping=self.trials.early_stopping is not None,
                target=self.stop.target is not None,
            ),
            *(
                each
                for where, tasks in lists.items()
                for each in storage_problems(
                    self.output.storage, [{key: getattr(t, key, None) for key in STORAGE_KEYS} for t in tasks], where
                )
            ),
            *(
                f"{where}[{index}].lane: {where} runs once in a run: no trial comes after it in its pod; leave it out"
                for where in ("prepare", "conclude")
                for index, task in enumerate(lists[where])
                if getattr(task, "lane", False)
            ),
            *(
                each
                for where, tasks in lists.items()
                for each in code_problems(
                    self.code, [{key: getattr(t, key, None) for key in ("backend", "cwd")} for t in tasks], where
                )
            ),
        ]
        if problems:
            raise RelationError(problems)
        return self
