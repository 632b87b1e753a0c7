"""A model's file as validated models. The keys are the product's interface."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from automl_core.models.file.accept import Accept
from automl_core.models.file.alerts import ModelAlerts
from automl_core.models.file.deploy import Batch, Deploy
from automl_core.models.file.evaluate import Evaluate
from automl_core.models.file.feedback import Feedback
from automl_core.models.file.serve import Rolling
from automl_core.models.file.values import Data, Period
from automl_core.models.file.watch import Watch
from automl_core.spec.base import Model
from automl_core.spec.datasets import DataSet
from automl_core.spec.placement import Placement
from automl_core.spec.storage_paths import check_storage_path
from automl_core.spec.tasks import Name
from automl_core.spec.values import connection_for, data_set_beside

ROLLOUT, SCORE, WATCH = "rollout", "score", "watch"
"""What a model's DAGs are called, behind its name and a dot."""


LOGGED = "answers/"
"""The servers' log of answers, below the model's folder."""

ANSWERED = "answered_at"
"""Column of that log with when an answer was given."""


class Output(Model):
    """Where the model's journal, versions and evidence lie."""

    storage: str = Field(
        "file://./runs",
        description="Model storage path: file://folder, s3://bucket/prefix or oss://bucket/prefix; the model lies "
        "below _models/NAME. A relative folder is relative to the AUTOML_HOME of the deployment.",
    )
    connection: str | None = Field(None, description="Airflow connection with the storage's credentials and end point.")

    _known_scheme = field_validator("storage")(check_storage_path)


class Candidate(Model):
    """An experiment whose published results are offered."""

    experiment: Name = Field(description="Name of the experiment.")
    storage: str | None = Field(None, description="Model storage path of the experiment; this file's when left out.")
    connection: str | None = Field(
        None, description="Airflow connection of that path. Left out: this file's, where it has the same scheme."
    )

    @field_validator("storage")
    @classmethod
    def _known_scheme(cls, storage: str | None) -> str | None:
        return None if storage is None else check_storage_path(storage)


class Candidates(Model):
    """Which results become versions."""

    experiments: list[Name | Candidate] = Field(
        min_length=1, description="Experiments whose published results are offered: names, or groups with their place."
    )
    look: Period = Field(86400.0, description="They are listed so often, whatever assets say.")


class Registry(Model):
    """A registered model of an MLflow server that gets versions and aliases."""

    connection: str = Field(
        min_length=1,
        description="Airflow connection with the server's address (host, or host, port and schema); login and password "
        "are sent as they are, a password alone as a bearer token.",
    )
    name: str | None = Field(
        None, min_length=1, description="The registered model, made where there is none; this one's name when left out."
    )


class ModelFile(Model):
    """One model's file."""

    kind: Literal["model"] = Field(description="model: tells this file from an experiment's.")
    name: Name = Field(description="Name of the model, of its folder below _models, and of its DAGs before the dot.")
    description: str = Field("", description="What it is for; shown in the Airflow UI.")
    owner: str = Field("automl", description="Owner of the DAGs.")
    tags: list[str] = Field(default_factory=list, description="Tags of the DAGs.")
    output: Output = Field(default_factory=Output, description="Where the model lies.")
    candidates: Candidates = Field(description="Whose published results become versions.")
    evaluate: Evaluate = Field(description="How a version is evaluated.")
    accept: Accept = Field(default_factory=Accept, description="Who accepts a version, and when people are asked.")
    deploy: Deploy | None = Field(None, description="What the champion is used for; nothing by itself when left out.")
    feedback: Feedback | None = Field(None, description="What became of what the model said.")
    watch: Watch | None = Field(None, description="How often the champion is looked at.")
    mlflow: Registry | None = Field(None, description="MLflow server that gets versions and aliases.")
    airflow: Placement = Field(
        default_factory=Placement, description="Queue, pool, executor and weight of all its tasks in Airflow."
    )
    alerts: ModelAlerts | None = Field(None, description="Who is told of failures and of what waits for an answer.")
    closed: bool = Field(
        False, description="Run in the deployment's closed environment; where that is closed as a whole, each does."
    )

    @property
    def sources(self) -> tuple[Candidate, ...]:
        """The candidates with what they leave out: each has its storage, and the connection that goes with it."""
        found = []
        for given in self.candidates.experiments:
            candidate = Candidate(experiment=given) if isinstance(given, str) else given
            storage = candidate.storage or self.output.storage
            found.append(
                Candidate(
                    experiment=candidate.experiment,
                    storage=storage,
                    connection=candidate.connection or self.connection_for(storage),
                )
            )
        return tuple(found)

    def connection_for(self, text: str) -> str | None:
        """The connection of `output` for another place, where it is one of the same scheme; else None.

        Args:
            text: a model storage path, or a place of data.
        """
        return connection_for(self.output, text)

    def data_set(self, given: str | Data) -> DataSet:
        """A place of this file in full, its connection among it."""
        return data_set_beside(self.output, given)

    @property
    def batch(self) -> Batch | None:
        """What is scored on a schedule; None where nothing is."""
        return self.deploy if isinstance(self.deploy, Batch) else None

    @property
    def served(self) -> Rolling | None:
        """How a version comes to the traffic of servers, whoever runs these; None where no server answers."""
        return self.deploy if isinstance(self.deploy, Rolling) else None

    @property
    def answers(self) -> str | Data | None:
        """Where answers are logged: as `feedback` says, else by the batches or the servers; None where nothing is."""
        if self.feedback is not None and self.feedback.answers is not None:
            return self.feedback.answers
        if self.batch is not None:
            return self.batch.out
        return self.logged if self.served is not None else None

    @property
    def answered(self) -> str | None:
        """Column of the logged answers with when they were given; None where their interval says it."""
        if self.feedback is not None and (self.feedback.answered is not None or self.feedback.answers is not None):
            return self.feedback.answered
        return ANSWERED if self.served is not None else None

    @property
    def logged(self) -> Data:
        """Where servers log their answers: in the model's own folder (see `automl_core.serving.answers`)."""
        storage = self.output.storage.rstrip("/")
        return Data(place=f"{storage}/_models/{self.name}/{LOGGED}", connection=self.output.connection, format="jsonl")

    @property
    def retrained(self) -> str | None:
        """The experiment that trains it anew, None where none does."""
        if self.watch is None or self.watch.retrain is None:
            return None
        return self.watch.retrain.experiment or self.sources[0].experiment

    @property
    def dag_ids(self) -> tuple[str, ...]:
        """The ids of the DAGs that are made from it."""
        wanted = {ROLLOUT: True, SCORE: self.batch is not None, WATCH: self.watch is not None}
        return tuple(dag_id(self.name, what) for what, has in wanted.items() if has)

    def plain(self) -> dict[str, Any]:
        """The file as plain JSON, defaults filled in, by the names that a file has: what the model's journal keeps."""
        return self.model_dump(mode="json", by_alias=True)


def dag_id(name: str, what: str) -> str:
    """The id of a model's DAG: ``churn.rollout``.

    Args:
        name: of the model.
        what: `ROLLOUT`, `SCORE` or `WATCH`.
    """
    return f"{name}.{what}"
