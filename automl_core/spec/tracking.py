"""The ``mlflow:`` of an experiment file: a tracking server that is told of a run when it ends."""

from __future__ import annotations

from pydantic import Field

from automl_core.spec.base import Model


class Mlflow(Model):
    """An MLflow server, which gets the run and its trials as nested runs."""

    connection: str = Field(
        min_length=1,
        description="Airflow connection with the server's address (host, or host, port and schema); login and password "
        "are sent as they are, a password alone as a bearer token.",
    )
    experiment: str | None = Field(
        None, min_length=1, description="Experiment of MLflow, made where there is none; this one's name when left out."
    )
