"""The experiment file as validated models. The keys are the product's interface."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

from automl_core.spec.parameters import Parameter, Scalar
from automl_core.spec.relations import RelationError, space_problems, task_name_problems
from automl_core.spec.units import Duration


class Model(BaseModel):
    """Base of every group of the file: unknown keys are errors, values never change."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)


_NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,119}"


def _check_name(value: str) -> str:
    if not re.fullmatch(_NAME, value):
        raise ValueError(
            "a name starts with a letter or digit and has letters, digits, '_', '-' and '.' only (120 at most)"
        )
    return value


Name = Annotated[str, AfterValidator(_check_name), Field(json_schema_extra={"pattern": f"^{_NAME}$"})]


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
        scheme = storage.split("://", 1)[0] if "://" in storage else "file"
        if scheme not in ("file", "s3", "oss"):
            raise ValueError(f"{scheme}:// is not known; allowed: file://, s3://, oss://")
        if scheme != "file" and not storage.split("://", 1)[1].strip("/"):
            raise ValueError(f"{storage} names no bucket")
        if "@" in storage.split("://", 1)[-1].split("/", 1)[0]:
            raise ValueError("credentials don't belong in the path; name an Airflow connection instead")
        return storage


class Goal(Model):
    """What a better trial is."""

    metric: str | dict[str, float] = Field(
        description="The metric's name, or several with weights: {auc: 0.5, loss: -0.25}."
    )
    direction: Literal["maximize", "minimize"] = Field(description="Stated, never guessed from the metric's name.")
    final: Literal["best", "last", "mean"] = Field(
        "best", description="Which of a trial's periodical values is its final value."
    )

    @model_validator(mode="after")
    def _some_metric(self) -> Goal:
        if not self.metric or (isinstance(self.metric, dict) and not any(self.metric.values())):
            raise ValueError("metric: at least one metric with a weight other than 0 is needed")
        return self

    @property
    def weights(self) -> dict[str, float]:
        """Metric name → weight in the value (a single metric weighs 1)."""
        return {self.metric: 1.0} if isinstance(self.metric, str) else dict(self.metric)

    @property
    def label(self) -> str:
        """How the value is called in front of people: the metric's name, or ``default`` when several are weighted."""
        return self.metric if isinstance(self.metric, str) else "default"


class Search(Model):
    """Which algorithm searches."""

    algorithm: str = Field("auto", description="See `automl algorithms` for the list.")
    seed: int = Field(0, ge=0, description="Same seed and same history: same suggestions.")
    options: dict[str, Any] = Field(default_factory=dict, description="Options of the algorithm.")
    warm_start: list[dict[str, Scalar]] = Field(
        default_factory=list, description="Combinations to try first, each a mapping of parameter to value."
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


class NoImprovement(Model):
    """Stop when the best value has stood still."""

    trials: int = Field(ge=1, description="Finished trials without an improvement.")
    min_delta: float = Field(0.0, ge=0, description="What counts as an improvement.")


class Stop(Model):
    """When the experiment ends before all its trials have run."""

    target: float | None = Field(None, description="The value that is good enough.")
    max_duration: Duration | None = Field(None, description="Time from the experiment's start.")
    max_cost: float | None = Field(None, gt=0, description="In the currency of the prices.")
    no_improvement: NoImprovement | None = Field(None, description="Stop when the best value has stood still.")
    running_trials: Literal["drain", "cancel"] = Field(
        "drain", description="What becomes of running trials then: they finish, or they are ended."
    )


class StdoutMetrics(Model):
    """Metrics from standard output: ``accuracy=0.93 step=4`` lines, JSON lines, or patterns of the user's."""

    source: Literal["stdout"] = "stdout"
    patterns: dict[str, str] = Field(
        default_factory=dict,
        description=r"Metric → regular expression with one group: {accuracy: 'validation: accuracy=([0-9\.]+)'}. "
        "Given, only these are read.",
    )
    step: list[str] = Field(
        default_factory=lambda: ["step", "epoch", "iteration"],
        description="Names under which a line gives its step; without one, the occurrences are counted.",
    )

    @model_validator(mode="after")
    def _one_group(self) -> StdoutMetrics:
        for metric, pattern in self.patterns.items():
            try:
                groups = re.compile(pattern).groups
            except re.error as error:
                raise ValueError(f"patterns.{metric}: not a regular expression: {error}") from None
            if groups != 1:
                raise ValueError(f"patterns.{metric}: one group is wanted, found {groups}")
        return self


class JsonMetrics(Model):
    """Metrics from a JSON file: one object, a list of objects with a step each, or JSON lines."""

    source: Literal["json"]
    path: str = Field("${model_dir}/metrics.json", description="The file; ${…} as in commands.")
    step: list[str] = Field(
        default_factory=lambda: ["step", "epoch", "iteration"], description="Keys under which an object gives its step."
    )


class TensorBoardMetrics(Model):
    """Metrics from TensorBoard event files (PAI's `summary`): a scalar's tag is the metric's name."""

    source: Literal["tensorboard"]
    path: str = Field("${model_dir}", description="The folder with the event files; ${…} as in commands.")


Metrics = Annotated[StdoutMetrics | JsonMetrics | TensorBoardMetrics, Field(discriminator="source")]


class TaskBase(Model):
    """What every training task has."""

    name: Name = Field("train", description="Name of the training task, and of its Airflow task.")
    env: dict[str, str] = Field(default_factory=dict, description="Environment variables; ${…} as in commands.")
    timeout: Duration | None = Field(None, description="Time limit of this training task.")
    metrics: Metrics = Field(default_factory=StdoutMetrics, description="Where the metrics come from.")
    cost_per_hour: float = Field(0.0, ge=0, description="Price of one hour of this training task.")


class LocalTask(TaskBase):
    """A training task that is a process on the worker's machine."""

    backend: Literal["local"] = "local"
    command: list[str] | str = Field(
        description="An argument list, run as it is; or text, run by /bin/sh with substituted values quoted."
    )
    cwd: str | None = Field(None, description="Working directory; relative to AUTOML_HOME. AUTOML_HOME when left out.")
    grace: Duration = Field(5.0, description="Between asking the processes to end and killing them.")

    @model_validator(mode="after")
    def _some_command(self) -> LocalTask:
        if not self.command or (isinstance(self.command, list) and not self.command[0]):
            raise ValueError("command: an empty command can't be run")
        return self


TrainingTask = LocalTask
"""Any training task, told apart by its ``backend``."""


class AssetSchedule(Model):
    """Run when Airflow assets are updated."""

    assets: list[str] = Field(min_length=1, description="Names or URIs of assets; all must be updated.")


class Experiment(Model):
    """One experiment file."""

    name: Name = Field(description="Name of the experiment, of its DAG and of its folder.")
    description: str = Field("", description="What it is for; shown in the Airflow UI.")
    owner: str = Field("automl", description="Owner of the DAG.")
    tags: list[str] = Field(default_factory=list, description="Tags of the DAG.")
    output: Output = Field(default_factory=Output)
    goal: Goal
    search: Search = Field(default_factory=Search)
    space: dict[str, Parameter] = Field(min_length=1, description="The search space: name → parameter.")
    trials: Trials = Field(default_factory=Trials)
    stop: Stop = Field(default_factory=Stop)
    tasks: list[TrainingTask] = Field(min_length=1, description="The training tasks of a trial, run in order.")
    schedule: str | AssetSchedule | None = Field(None, description="A cron line or preset such as @daily, or assets.")

    @model_validator(mode="after")
    def _consistent(self) -> Experiment:
        problems = [*task_name_problems([task.name for task in self.tasks]), *space_problems(self.space)]
        if problems:
            raise RelationError(problems)
        return self
