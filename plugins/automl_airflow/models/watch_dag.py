"""The DAG ``NAME.watch``: look → retrain. The champion on the latest data, and what follows from it.

Parsed all day by Airflow: nothing heavy is imported here or by what is imported here.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, DeltaTriggerTimetable

from automl_airflow.models.common import dag_arguments
from automl_airflow.models.looking import LookOperator
from automl_airflow.models.names import LOOK, RETRAIN
from automl_airflow.models.retraining import RetrainOperator
from automl_airflow.models.tasks import AGAIN
from automl_core.models.file import ModelFile
from automl_core.models.file.model import WATCH
from automl_core.models.file.watch import Watch


def watch_dag(file: ModelFile, path: Path) -> DAG:
    """Make the DAG that looks at a model's champion again and again.

    Args:
        file: the model's, with ``watch``.
        path: where that lies.
    """
    assert file.watch is not None
    again: dict[str, Any] = {**AGAIN, "file": file, "path": str(path)}
    with DAG(
        schedule=_schedule(file.watch),
        max_active_runs=1,  # a look that takes longer than its time is not overtaken by the next one
        **dag_arguments(file, path, WATCH),
    ) as dag:
        look = LookOperator(task_id=LOOK, **again)
        look >> RetrainOperator(task_id=RETRAIN, trigger_rule="all_done", **again)
    return dag


def _schedule(watch: Watch) -> Any:
    if watch.cron is not None:
        return CronTriggerTimetable(watch.cron, timezone="UTC")
    return DeltaTriggerTimetable(timedelta(seconds=watch.seconds or 0.0))
