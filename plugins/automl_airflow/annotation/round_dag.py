"""The DAG ``NAME.annotation``: a run is one round, from new items to the decision whether another round is to come.

Parsed all day by Airflow: nothing heavy is imported here or by what is imported here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow.sdk import DAG, chain

from automl_airflow.annotation.choosing import ChooseOperator, SendOperator
from automl_airflow.annotation.collecting import CollectOperator
from automl_airflow.annotation.common import dag_arguments
from automl_airflow.annotation.deciding import DecideOperator
from automl_airflow.annotation.learning import EvaluateOperator, WriteSetOperator
from automl_airflow.annotation.names import (
    CHOOSE,
    COLLECT,
    DECIDE,
    EVALUATE,
    PREDICT,
    SEND,
    SETTLE,
    TRAIN,
    WAIT,
    WRITE_SET,
)
from automl_airflow.annotation.predicting import PredictOperator, SettleOperator
from automl_airflow.annotation.training import TrainOperator
from automl_airflow.annotation.waiting import WaitOperator
from automl_airflow.journal_tasks import AGAIN
from automl_airflow.models.score_dag import schedule_of
from automl_core.annotation.file import AnnotationFile

MOST_RUNS = 4
"""Runs at once: the round that is on, which may wait for people for days, and looks for new items beside it."""


def round_dag(file: AnnotationFile, path: Path) -> DAG:
    """Make the DAG that goes round.

    Args:
        file: the project's.
        path: where that lies.
    """
    common: dict[str, Any] = {**AGAIN, "file": file, "path": str(path)}
    with DAG(
        schedule=schedule_of(file.schedule), max_active_runs=MOST_RUNS, **dag_arguments(file, path)
    ) as dag:  # fmt: skip
        chain(
            CollectOperator(task_id=COLLECT, **common),
            PredictOperator(task_id=PREDICT, **common),
            SettleOperator(task_id=SETTLE, **common),
            ChooseOperator(task_id=CHOOSE, **common),
            SendOperator(task_id=SEND, **common),
            WaitOperator(task_id=WAIT, **common),
            WriteSetOperator(task_id=WRITE_SET, **common),
            TrainOperator(task_id=TRAIN, **common),
            EvaluateOperator(task_id=EVALUATE, **common),
            DecideOperator(task_id=DECIDE, **common),
        )
    return dag
