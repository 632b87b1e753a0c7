"""Which annotation projects there are, from Airflow's metadata database, and where their journals lie.

A project's file makes one DAG, ``NAME.annotation``. Operators of it say, in the serialized DAG, where the journal lies,
as those of a model do: fields ``annotation`` (the project's name), ``storage`` and ``connection``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import HTTPException
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from automl_airflow.compat.metadata import DagModel, team_of
from automl_airflow.teams import ConnectionName
from automl_airflow.web.access import ANNOTATION_END, annotation_of
from automl_airflow.web.bundles import many_teams
from automl_airflow.web.catalog import Place, newest_versions, tasks_in
from automl_airflow.web.model_catalog import DagsRead, KnownDag, Told, known_dag


@dataclass(frozen=True, slots=True)
class ProjectInfo:
    """An annotation project as Airflow knows it; free of the session that it was read in.

    Attributes:
        dag: its DAG.
        gone: whether its file was deleted: what the journal says can be read, and nothing be run or labelled.
    """

    name: str
    place: Place
    description: str
    tags: tuple[str, ...]
    file: str | None
    bundle: str | None
    dag: KnownDag
    gone: bool

    @property
    def connection(self) -> ConnectionName:
        """The connection to where it lies, as its team has it."""
        return self.place.team_connection


def told_in(data: Mapping[str, Any]) -> Told | None:
    """What the serialized DAG of a project says; None for a DAG of another kind."""
    for task in tasks_in(data):
        fields = task.get("partial_kwargs", task)
        if isinstance(fields.get("annotation"), str) and isinstance(fields.get("storage"), str):
            return Told(fields["storage"], fields.get("connection"), fields["annotation"])
    return None


_read: DagsRead[Told] = DagsRead(told_in)


def projects(session: Session, allowed: set[str], *, gone: bool = False) -> list[ProjectInfo]:
    """Every annotation project whose DAG is among those allowed, by name.

    Args:
        session: of the metadata database.
        allowed: ids of DAGs.
        gone: those whose file was deleted too.
    """
    wanted = (
        select(DagModel)
        .where(DagModel.dag_id.like(f"%{ANNOTATION_END}"))
        .options(selectinload(DagModel.tags))
        .order_by(DagModel.dag_id)
    )
    if not gone:
        wanted = wanted.where(DagModel.is_stale.is_(False))
    dags = [dag for dag in session.scalars(wanted) if dag.dag_id in allowed]
    versions = newest_versions(session, [dag.dag_id for dag in dags])
    found = (_info(dag, _told(session, versions.get(dag.dag_id))) for dag in dags)
    return [each for each in found if each is not None]


def find_project(session: Session, name: str) -> ProjectInfo:
    """One annotation project.

    Raises:
        HTTPException: 404, there is no such project.
    """
    dag_id = annotation_of(name)
    dag = session.scalar(select(DagModel).where(DagModel.dag_id == dag_id).options(selectinload(DagModel.tags)))
    found = _info(dag, _told(session, newest_versions(session, [dag_id]).get(dag_id))) if dag is not None else None
    if found is None:
        raise HTTPException(404, f"{name!r} is no AutoML annotation project")
    return found


def _told(session: Session, version: Any) -> Told | None:
    return _read.get(session, version) if version is not None else None


def _info(dag: DagModel, told: Told | None) -> ProjectInfo | None:
    if told is None or annotation_of(told.name) != dag.dag_id:
        return None
    team = team_of(dag.dag_id) if many_teams() else None
    return ProjectInfo(
        name=told.name, place=Place(told.storage, told.connection, told.name, (), team=team),
        description=dag.description or "", tags=tuple(sorted(tag.name for tag in dag.tags)),
        file=dag.relative_fileloc, bundle=dag.bundle_name, dag=known_dag(dag), gone=bool(dag.is_stale),
    )  # fmt: skip
