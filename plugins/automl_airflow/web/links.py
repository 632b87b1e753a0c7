"""Addresses: into Airflow's own pages, and of downloads."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

from airflow.configuration import conf

from automl_airflow.web.catalog import RunInfo

AIRFLOW = f"{urlsplit(conf.get('api', 'base_url', fallback='') or '').path.rstrip('/')}/"
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


def log_page(run: RunInfo, place: tuple[str, int] | None, number: int) -> str | None:
    """The task instance that ran an attempt, with the log of that try; None where the task is not known any more."""
    if place is None:
        return None
    return f"{run_page(run)}/tasks/{_part(place[0])}/mapped/{place[1]}?try_number={number}"


def log_lines(run: RunInfo, place: tuple[str, int] | None, number: int) -> str | None:
    """The same log in Airflow's own REST API, which looks at the right to read task logs."""
    if place is None:
        return None
    path = f"dags/{_part(run.dag_id)}/dagRuns/{_part(run.run_id)}/taskInstances/{_part(place[0])}/logs/{number}"
    return f"{AIRFLOW}api/v2/{path}?map_index={place[1]}"


def run_api(run: RunInfo) -> str:
    """A run in this API."""
    return f"{API}/experiments/{_part(run.dag_id)}/runs/{_part(run.run_id)}"


def file_href(run: RunInfo, folder: str, path: str) -> str:
    """Where a file is downloaded from."""
    return f"{run_api(run)}/{folder}/{quote(path, safe='/')}"
