"""Which runs of experiments an annotation project waits for, and what holds them."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from sqlalchemy import select
from sqlalchemy.orm import Session

from automl_airflow.annotation.names import training_runs
from automl_airflow.compat.metadata import DagModel, DagRun
from automl_airflow.web.links import AIRFLOW
from automl_core.annotation.file import AnnotationFile
from automl_core.spec.units import format_duration

_GOES_ON = ("queued", "running")


def awaited_runs(session: Session, file: AnnotationFile | None) -> list[dict[str, Any]]:
    """Runs of experiments that go on for a project, with what is to be done where one can't.

    Args:
        session: of the metadata database.
        file: the project's; nothing is known without it.
    """
    if file is None or not file.experiments:
        return []
    within = {str(each.experiment): float(each.within) for each in file.experiments}
    asked = (
        select(DagRun.dag_id, DagRun.run_id, DagRun.state, DagRun.queued_at, DagModel.is_paused, DagModel.is_stale)
        .join(DagModel, DagModel.dag_id == DagRun.dag_id)
        .where(
            DagRun.dag_id.in_(within),
            DagRun.state.in_(_GOES_ON),
            DagRun.run_id.startswith(training_runs(file.name), autoescape=True),
        )
        .order_by(DagRun.dag_id, DagRun.run_id)
    )
    return [
        {
            "experiment": dag, "run": run, "state": str(getattr(state, "value", state)),
            "since": since.timestamp() if since is not None else None, "paused": bool(paused), "gone": bool(stale),
            "words": _words(dag, run, bool(paused), bool(stale), within[dag]),
            "airflow": f"{AIRFLOW}dags/{quote(dag, safe='')}/runs/{quote(run, safe='')}",
        }
        for dag, run, state, since, paused, stale in session.execute(asked)
    ]  # fmt: skip


def _words(dag: str, run: str, paused: bool, gone: bool, within: float) -> str:
    waits = f"The run {run} of {dag} is waited for, {format_duration(within)} at most (models.within)"
    if gone:
        return f"{waits}, and Airflow has its DAG no more: bring its file back, or delete the run."
    if paused:
        return f"{waits}, and its DAG is paused: let it go on in Airflow, or delete the run."
    return f"{waits}."
