"""Addresses: into Airflow's own pages, and of downloads."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.api_fastapi.app import API_ROOT_PATH

from automl_airflow.web.catalog import RunInfo

if TYPE_CHECKING:
    from automl_core.study.state import Attempt, Work

AIRFLOW = API_ROOT_PATH or "/"
"""Base path of Airflow's pages, ending with '/'."""

PREFIX = "/automl"
"""Where the app is mounted below it."""

BASE = f"{AIRFLOW.rstrip('/')}{PREFIX}/"

API = f"{BASE}api/v1"


def _part(text: str) -> str:
    return quote(text, safe="")


def run_page(run: RunInfo) -> str:
    """A run in Airflow's own pages."""
    return f"{AIRFLOW}dags/{_part(run.dag_id)}/runs/{_part(run.run_id)}"


def log_page(run: RunInfo, work: Work, attempt: Attempt) -> str | None:
    """The task instance that ran an attempt, with its log; None where the task is not known any more."""
    if attempt.task >= len(run.place.steps):
        return None
    step = run.place.steps[attempt.task] if work.lane is None else run.place.steps[0]
    index = work.slot if work.lane is None else work.lane
    return f"{run_page(run)}/tasks/{_part(step)}/mapped/{index}"


def run_api(run: RunInfo) -> str:
    """A run in this API."""
    return f"{API}/experiments/{_part(run.dag_id)}/runs/{_part(run.run_id)}"


def file_href(run: RunInfo, folder: str, path: str) -> str:
    """Where a file is downloaded from."""
    return f"{run_api(run)}/{folder}/{quote(path, safe='/')}"
