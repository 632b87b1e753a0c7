"""Which models there are, from Airflow's metadata database, and where their journals lie.

A model's file makes up to three DAGs. The one that offers, evaluates and asks (``NAME.rollout``) is there for every
model: its first operator says, in the serialized DAG, where the journal lies.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

from fastapi import HTTPException
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from automl_airflow.compat.metadata import DagModel, SerializedDagModel, team_of
from automl_airflow.teams import ConnectionName
from automl_airflow.web.access import rollout_of
from automl_airflow.web.bundles import many_teams
from automl_airflow.web.catalog import Place, newest_versions, seconds_of, tasks_in
from automl_core.models.file.model import ROLLOUT, SCORE, WATCH, dag_id

ROLLOUT_END = f".{ROLLOUT}"

KINDS = (ROLLOUT, SCORE, WATCH)
"""The DAGs of a model, by what stands behind the point in their ids."""

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


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model as Airflow knows it; free of the session that it was read in.

    Attributes:
        dags: those of its DAGs that there are, by what stands behind the point in their ids.
        gone: whether its file was deleted: what the journal says can be read, and nothing be run.
    """

    name: str
    place: Place
    description: str
    tags: tuple[str, ...]
    file: str | None
    bundle: str | None
    dags: Mapping[str, KnownDag]
    gone: bool

    @property
    def connection(self) -> ConnectionName:
        """The connection to where it lies, as its team has it."""
        return self.place.team_connection

    @property
    def broken(self) -> bool:
        """Whether Airflow can't read its file as it is now."""
        return any(each.broken for each in self.dags.values())


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


def told_in(data: Mapping[str, Any]) -> Told | None:
    """What the serialized DAG of a model says; None for a DAG that is no model's."""
    for task in tasks_in(data):
        fields = task.get("partial_kwargs", task)
        if isinstance(fields.get("model"), str) and isinstance(fields.get("storage"), str):
            return Told(fields["storage"], fields.get("connection"), fields["model"])
    return None


_read: DagsRead[Told] = DagsRead(told_in)


def models(session: Session, allowed: set[str], *, gone: bool = False) -> list[ModelInfo]:
    """Every model whose rollout DAG is among those allowed, by name.

    Args:
        session: of the metadata database.
        allowed: ids of DAGs.
        gone: those whose file was deleted too.
    """
    wanted = (
        select(DagModel)
        .where(DagModel.dag_id.like(f"%{ROLLOUT_END}"))
        .options(selectinload(DagModel.tags))
        .order_by(DagModel.dag_id)
    )
    if not gone:
        wanted = wanted.where(DagModel.is_stale.is_(False))
    rollouts = [model for model in session.scalars(wanted) if model.dag_id in allowed]
    versions = newest_versions(session, [model.dag_id for model in rollouts])
    named = [
        (model, told)
        for model in rollouts
        if (version := versions.get(model.dag_id)) is not None and (told := _read.get(session, version)) is not None
    ]
    dags = _dags(session, [told.name for _, told in named])
    return [_info(model, told, dags) for model, told in named if rollout_of(told.name) == model.dag_id]


def _dags(session: Session, names: list[str]) -> dict[str, KnownDag]:
    """The DAGs of some models, by id."""
    ids = [dag_id(name, kind) for name in names for kind in KINDS]
    found: dict[str, KnownDag] = {}
    for start in range(0, len(ids), 500):
        for model in session.scalars(select(DagModel).where(DagModel.dag_id.in_(ids[start : start + 500]))):
            if model.is_stale:
                continue
            found[model.dag_id] = known_dag(model)
    return found


def known_dag(model: DagModel) -> KnownDag:
    """A DAG as pages need it, free of its session."""
    schedule = model.timetable_summary if model.timetable_summary != "None" else None
    return KnownDag(
        model.dag_id, bool(model.is_paused), bool(model.has_import_errors), schedule,
        seconds_of(model.next_dagrun_create_after),
    )  # fmt: skip


def _info(model: DagModel, told: Told, dags: Mapping[str, KnownDag]) -> ModelInfo:
    team = team_of(model.dag_id) if many_teams() else None
    return ModelInfo(
        name=told.name, place=Place(told.storage, told.connection, told.name, (), team=team),
        description=model.description or "", tags=tuple(sorted(tag.name for tag in model.tags)),
        file=model.relative_fileloc, bundle=model.bundle_name,
        dags={kind: dag for kind in KINDS if (dag := dags.get(dag_id(told.name, kind))) is not None},
        gone=bool(model.is_stale),
    )  # fmt: skip


def find_model(session: Session, name: str) -> ModelInfo:
    """One model.

    Raises:
        HTTPException: 404, there is no such model.
    """
    found = model_of_dag(session, rollout_of(name))
    if found is None:
        raise HTTPException(404, f"{name!r} is no AutoML model")
    return found


def model_of_dag(session: Session, dag: str) -> ModelInfo | None:
    """The model of a rollout DAG; None where there is none."""
    model = session.scalar(select(DagModel).where(DagModel.dag_id == dag).options(selectinload(DagModel.tags)))
    version = newest_versions(session, [dag]).get(dag) if model is not None else None
    told = _read.get(session, version) if version is not None else None
    if model is None or told is None or rollout_of(told.name) != dag:
        return None
    return _info(model, told, _dags(session, [told.name]))
