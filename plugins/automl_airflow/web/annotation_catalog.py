"""Which annotation projects there are, from Airflow's metadata database, and where their journals lie.

A project's file makes one DAG, ``NAME.annotation``, which says where the journal lies (`told_dags`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from fastapi import HTTPException
from sqlalchemy.orm import Session

from automl_airflow.compat.metadata import DagModel, team_of
from automl_airflow.teams import ConnectionName
from automl_airflow.web.access import ANNOTATION_END, annotation_of
from automl_airflow.web.bundles import many_teams
from automl_airflow.web.catalog import Place
from automl_airflow.web.told_dags import DagsRead, KnownDag, Told, known_dag, told_by


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


_read: DagsRead[Told] = DagsRead(partial(told_by, "annotation"))


def projects(session: Session, allowed: set[str], *, gone: bool = False) -> list[ProjectInfo]:
    """Every annotation project whose DAG is among those allowed, by name.

    Args:
        session: of the metadata database.
        allowed: ids of DAGs.
        gone: those whose file was deleted too.
    """
    found = (_info(*each) for each in _read.ending(session, ANNOTATION_END, allowed, gone=gone))
    return [each for each in found if each is not None]


def find_project(session: Session, name: str) -> ProjectInfo:
    """One annotation project.

    Raises:
        HTTPException: 404, there is no such project.
    """
    read = _read.one(session, annotation_of(name))
    found = _info(*read) if read is not None else None
    if found is None:
        raise HTTPException(404, f"{name!r} is no AutoML annotation project")
    return found


def _info(dag: DagModel, told: Told) -> ProjectInfo | None:
    if annotation_of(told.name) != dag.dag_id:
        return None
    team = team_of(dag.dag_id) if many_teams() else None
    return ProjectInfo(
        name=told.name, place=Place(told.storage, told.connection, told.name, (), team=team),
        description=dag.description or "", tags=tuple(sorted(tag.name for tag in dag.tags)),
        file=dag.relative_fileloc, bundle=dag.bundle_name, dag=known_dag(dag), gone=bool(dag.is_stale),
    )  # fmt: skip
