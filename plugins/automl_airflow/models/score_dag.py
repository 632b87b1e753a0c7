"""The DAG of a model that scores: ``plan`` notes what is owed, and an instance of ``score`` scores each interval.

Parsed all day by Airflow: nothing heavy is imported here.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, Asset, AssetAny, CronDataIntervalTimetable, CronTriggerTimetable, Param

from automl_airflow.form import SCHEMA
from automl_airflow.models.common import dag_arguments
from automl_airflow.models.score_tasks import PLAN, SCORE_TASK, PlanOperator, ScoreOperator
from automl_airflow.retrying import again
from automl_core.models.file import ModelFile
from automl_core.models.file.deploy import KubernetesBatch, MaxComputeBatch
from automl_core.models.file.model import SCORE
from automl_core.spec.models import Schedule

AGAIN = again(timedelta(seconds=30), at_most=5)
"""How one interval is tried again: for workers that die and stores that are away."""

AT_ONCE = {"local": 1, "kubernetes": 4, "maxcompute": 4}
"""Intervals of one run that are scored at the same time: on the worker one, since each has a model in memory."""


def score_dag(file: ModelFile, path: Path) -> DAG:
    """Make the DAG that scores new data by a model's champion.

    Args:
        file: the model's, with ``deploy: {to: batch}``.
        path: where that lies.
    """
    deploy: Any = file.batch
    assert deploy is not None
    dag = DAG(
        schedule=schedule_of(deploy.schedule),
        max_active_runs=16,  # one that waits for its data holds up nobody
        max_active_tasks=32,
        params=_params(),
        render_template_as_native_obj=True,
        **dag_arguments(file, path, SCORE),
    )
    inlets, outlets = _assets(file)
    operator, own = _operator(file, path)
    with dag:
        plan = PlanOperator(task_id=PLAN, file=file, inlets=inlets, **AGAIN)
        operator.partial(
            task_id=SCORE_TASK, file=file, map_index_template="{{ label }}",
            max_active_tis_per_dagrun=AT_ONCE[deploy.backend], inlets=inlets, outlets=outlets, **AGAIN, **own,
        ).expand(interval=plan.output)  # fmt: skip
    return dag


def schedule_of(schedule: Any) -> Any:
    """What makes runs: a cron line, a timetable where it has a time zone, or references to assets."""
    if not isinstance(schedule, Schedule):
        return schedule
    if schedule.assets is not None:
        refs = [Asset.ref(uri=each) if "://" in each else Asset.ref(name=each) for each in schedule.assets]
        return AssetAny(*refs) if schedule.wait_for == "any" else refs
    if schedule.cron is None or schedule.timezone is None:
        return schedule.cron
    timetable = CronDataIntervalTimetable if spans() else CronTriggerTimetable
    return timetable(schedule.cron, timezone=schedule.timezone)


def spans() -> bool:
    """Whether intervals of a cron line reach from one point to the next, as this Airflow makes them."""
    from airflow.configuration import conf

    return conf.getboolean("scheduler", "create_cron_data_intervals")


def _operator(file: ModelFile, path: Path) -> tuple[type[Any], dict[str, Any]]:
    """The operator that scores, and what it takes. Imported only where a file needs it."""
    deploy = file.deploy
    if isinstance(deploy, KubernetesBatch):
        from automl_airflow.models.score_pods import PodScoreOperator

        return PodScoreOperator, {"cluster": deploy.connection}
    if isinstance(deploy, MaxComputeBatch):
        from automl_airflow.models.score_sql import SqlScoreOperator

        return SqlScoreOperator, {}
    return ScoreOperator, {"path": str(path)}


def _params() -> dict[str, Any]:
    return {
        "version": Param(
            None, type=["null", "string", "integer"], title="Score again, by",
            description="then: the version that was in use at the interval's end; now: the champion; or a number that "
            "was in use then or is now. Left out: what was scored stays as it is.", **SCHEMA,
        ),
        "interval": Param(
            None, type=["null", "string", "array"], title="Intervals",
            description="Dates or moments (2026-11-01), where the run has none of its own.", **SCHEMA,
        ),
    }  # fmt: skip


def _assets(file: ModelFile) -> tuple[list[Asset], list[Asset]]:
    """What is read and written, as assets of ours: the folders above what has dates in it."""
    from automl_airflow.assets import asset_of
    from automl_airflow.session import home
    from automl_core.models.file.values import data_set_of

    deploy = file.batch
    assert deploy is not None
    found = []
    for name, given in (("data", deploy.data), ("out", deploy.out)):
        asset = asset_of(data_set_of(given).place, home(), f"{file.name}.{SCORE}.{name}")
        found.append([asset] if asset is not None else [])
    return found[0], found[1]
