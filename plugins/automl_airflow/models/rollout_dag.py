"""The DAG ``NAME.rollout``: offer → evaluate → ask → accept → decide → deploy (→ roll), one run a version.

Parsed all day by Airflow: nothing heavy is imported here or by what is imported here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, BaseOperator, Param, chain

from automl_airflow.assets import in_use_asset
from automl_airflow.form import SCHEMA
from automl_airflow.models.accepting import AcceptOperator
from automl_airflow.models.asking import AskOperator
from automl_airflow.models.common import dag_arguments
from automl_airflow.models.deciding import DecideOperator
from automl_airflow.models.deploying import DeployOperator, ServedDeployOperator
from automl_airflow.models.evaluating import EvaluateOperator
from automl_airflow.models.names import ACCEPT, ASK, DECIDE, DEPLOY, EVALUATE, OFFER, ROLL
from automl_airflow.models.offering import OfferOperator
from automl_airflow.models.roll import RollOperator
from automl_airflow.models.runs import VERSION
from automl_airflow.models.schedule import rollout_schedule
from automl_airflow.models.tasks import AGAIN
from automl_airflow.session import home
from automl_core.models.file import ModelFile
from automl_core.models.file.model import ROLLOUT

MOST_RUNS = 16
"""Runs at once. One that waits for a person counts, so this is also how many versions may wait."""


def rollout_dag(file: ModelFile, path: Path) -> DAG:
    """Make the DAG that takes versions from offered to in use.

    Args:
        file: the model's.
        path: where that lies.
    """
    arguments = dag_arguments(file, path, ROLLOUT)
    again: dict[str, Any] = {**AGAIN, "file": file}
    common = {**again, "path": str(path)}
    asset = in_use_asset(file.output.storage, file.name, home())
    outlets = [asset] if asset is not None else []
    with DAG(
        **arguments,
        schedule=rollout_schedule(file),
        max_active_runs=MOST_RUNS,
        params={
            VERSION: Param(
                None, type=["integer", "null"], minimum=1, title="Version",
                description="Roll out this version; left out: what is new.", **SCHEMA,
            )
        },
    ) as dag:  # fmt: skip
        chain(
            OfferOperator(task_id=OFFER, **common),
            EvaluateOperator(task_id=EVALUATE, **common),
            AskOperator(task_id=ASK, **common),
            AcceptOperator(task_id=ACCEPT, **again),
            DecideOperator(task_id=DECIDE, trigger_rule="all_done", **common),
            *_last(file, outlets, common),
        )
    return dag


def _last(file: ModelFile, outlets: list[Asset], common: dict[str, Any]) -> list[BaseOperator]:
    """The tasks that bring an accepted version into use; what waits for that waits for the last of them."""
    if file.served is None:
        return [DeployOperator(task_id=DEPLOY, outlets=outlets, **common)]
    return [
        ServedDeployOperator(task_id=DEPLOY, **common),
        RollOperator(task_id=ROLL, outlets=outlets, **common),
    ]
