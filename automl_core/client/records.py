"""What Airflow's REST API answers, as far as it is used here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from automl_core.client.errors import ClientError


@dataclass(frozen=True, slots=True)
class DagInfo:
    """A DAG that Airflow knows."""

    dag_id: str
    paused: bool
    file: str
    has_import_errors: bool = False

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> DagInfo:
        """Read Airflow's answer."""
        return cls(
            _text(body, "dag_id"),
            bool(body.get("is_paused")),
            str(body.get("relative_fileloc") or body.get("fileloc") or ""),
            bool(body.get("has_import_errors")),
        )


@dataclass(frozen=True, slots=True)
class Run:
    """A DAG run."""

    dag_id: str
    run_id: str
    state: str
    queued: datetime | None = None
    started: datetime | None = None
    ended: datetime | None = None

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self.state in ("success", "failed")

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Run:
        """Read Airflow's answer."""
        return cls(
            _text(body, "dag_id"), _text(body, "dag_run_id"), _text(body, "state"),
            _time(body, "queued_at"), _time(body, "start_date"), _time(body, "end_date"),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class TaskInstance:
    """A task instance; ``map_index`` is -1 where the task is not mapped, ``state`` None before it is scheduled."""

    task_id: str
    map_index: int
    state: str | None
    label: str = ""
    started: datetime | None = None
    ended: datetime | None = None
    tries: int = 1

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> TaskInstance:
        """Read Airflow's answer."""
        return cls(
            _text(body, "task_id"), int(body.get("map_index", -1)), body.get("state"),
            str(body.get("rendered_map_index") or ""), _time(body, "start_date"), _time(body, "end_date"),
            int(body.get("try_number") or 1),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class ImportProblem:
    """Why Airflow could not read a DAG file."""

    file: str
    text: str
    time: datetime | None = None

    def is_of(self, changed: datetime | None) -> bool:
        """Whether Airflow found it in the file as it is since ``changed``, not in what the file was before."""
        return changed is None or self.time is None or self.time >= changed

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> ImportProblem:
        """Read Airflow's answer."""
        return cls(_text(body, "filename"), str(body.get("stack_trace") or "").strip(), _time(body, "timestamp"))


def _text(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str):
        raise ClientError(f"an answer without {key!r}: is this Airflow's API, version 2?")
    return value


def _time(body: Mapping[str, Any], key: str) -> datetime | None:
    value = body.get(key)
    return datetime.fromisoformat(value.replace("Z", "+00:00")) if isinstance(value, str) else None
