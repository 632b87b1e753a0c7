"""What DAGs of models and annotation projects say of themselves, from Airflow's metadata database.

Operators of such a DAG say, in the serialized DAG, where the journal lies that it works on: fields ``model`` or
``annotation`` (a name), ``storage`` and ``connection``.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from automl_airflow.compat.metadata import DagModel, SerializedDagModel
from automl_airflow.web.catalog import newest_versions, seconds_of, tasks_in

_KEPT = 1024

T = TypeVar("T")


class Told(NamedTuple):
    """Where the journal of a model or an annotation project lies, by its DAG."""

    storage: str
    connection: str | None
    name: str


@dataclass(frozen=True, slots=True)
class KnownDag:
    """A DAG of a model or an annotation project, as Airflow has it.

    Attributes:
        next_run: when Airflow begins the next run, seconds since 1970; None where nothing is planned.
    """

    dag_id: str
    paused: bool
    broken: bool
    schedule: str | None
    next_run: float | None

    def to_json(self) -> dict[str, Any]:
        """As pages get it."""
        return {
            "dag": self.dag_id, "paused": self.paused, "broken": self.broken, "schedule": self.schedule,
            "next_run": self.next_run,
        }  # fmt: skip


def known_dag(model: DagModel) -> KnownDag:
    """A DAG as pages need it, free of its session."""
    schedule = model.timetable_summary if model.timetable_summary != "None" else None
    return KnownDag(
        model.dag_id, bool(model.is_paused), bool(model.has_import_errors), schedule,
        seconds_of(model.next_dagrun_create_after),
    )  # fmt: skip


def told_by(field: str, data: Mapping[str, Any]) -> Told | None:
    """What a serialized DAG says; None for one of another kind.

    Args:
        field: of its operators, with the name of what it is about: ``model`` or ``annotation``.
        data: the serialized DAG.
    """
    for task in tasks_in(data):
        fields = task.get("partial_kwargs", task)
        if isinstance(fields.get(field), str) and isinstance(fields.get("storage"), str):
            return Told(fields["storage"], fields.get("connection"), fields[field])
    return None


class DagsRead(Generic[T]):
    """What serialized DAGs say, by version and digest: each is read once."""

    def __init__(self, tell: Callable[[Mapping[str, Any]], T | None]) -> None:
        """Read none yet.

        Args:
            tell: what a serialized DAG says; None for one of another kind.
        """
        self._tell, self._lock = tell, threading.Lock()
        self._known: OrderedDict[Any, T | None] = OrderedDict()

    def get(self, session: Session, version: Any) -> T | None:
        """What one version of a DAG says, as `newest_versions` names it."""
        with self._lock:
            if version in self._known:
                self._known.move_to_end(version)
                return self._known[version]
        row = session.scalar(select(SerializedDagModel).where(SerializedDagModel.dag_version_id == version[0]))
        found = self._tell(row.data) if row is not None and row.data else None
        with self._lock:
            self._known[version] = found
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found

    def ending(self, session: Session, end: str, allowed: set[str], *, gone: bool) -> list[tuple[DagModel, T]]:
        """The DAGs whose ids end so and that say anything, with what they say, by id.

        Args:
            session: of the metadata database.
            end: of their ids.
            allowed: ids of DAGs.
            gone: those whose file was deleted too.
        """
        wanted = (
            select(DagModel)
            .where(DagModel.dag_id.like(f"%{end}"))
            .options(selectinload(DagModel.tags))
            .order_by(DagModel.dag_id)
        )
        if not gone:
            wanted = wanted.where(DagModel.is_stale.is_(False))
        dags = [dag for dag in session.scalars(wanted) if dag.dag_id in allowed]
        versions = newest_versions(session, [dag.dag_id for dag in dags])
        return [
            (dag, told)
            for dag in dags
            if (version := versions.get(dag.dag_id)) is not None and (told := self.get(session, version)) is not None
        ]

    def one(self, session: Session, dag_id: str) -> tuple[DagModel, T] | None:
        """One DAG, with what it says; None where there is none or it says nothing."""
        dag = session.scalar(select(DagModel).where(DagModel.dag_id == dag_id).options(selectinload(DagModel.tags)))
        version = newest_versions(session, [dag_id]).get(dag_id) if dag is not None else None
        told = self.get(session, version) if version is not None else None
        return (dag, told) if dag is not None and told is not None else None
