"""Airflow's metadata database, which Airflow declares private: read by the web view, in the API server's process.

Pages list experiments with their latest runs, and find the try that ran an attempt; by REST that would be a request for
each of them. What is written are rows of the audit log alone (`noted`): Airflow's own routes write theirs so.
"""

from __future__ import annotations

from typing import Any

from airflow.models.dag import DagModel
from airflow.models.dagcode import DagCode
from airflow.models.dagrun import DagRun
from airflow.models.errors import ParseImportError
from airflow.models.log import Log
from airflow.models.pool import Pool
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from airflow.models.taskinstancehistory import TaskInstanceHistory
from airflow.models.xcom import XComModel
from airflow.utils.session import create_session

__all__ = [
    "DagCode", "DagModel", "DagRun", "ParseImportError", "Pool", "SerializedDagModel", "TaskInstance",
    "TaskInstanceHistory", "XComModel", "create_session", "noted", "team_of",
]  # fmt: skip


def noted(event: str, owner: str, dag_id: str, extra: str) -> Any:
    """A row of Airflow's audit log, for acts whose path names no DAG (`action_logging` writes the others)."""
    return Log(event=event, owner=owner, dag_id=dag_id, extra=extra)


def team_of(dag_id: str) -> str | None:
    """The team of a DAG's bundle; None where it is no team's, or there is no such DAG."""
    return DagModel.get_team_name(dag_id)
