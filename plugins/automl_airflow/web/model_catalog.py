"""Which models there are, from Airflow's metadata database, and where their journals lie.

A model's file makes up to three DAGs. The one that offers, evaluates and asks (``NAME.rollout``) is there for every
model: its first operator says, in the serialized DAG, where the journal lies.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

from fastapi import HTTPException
from sqlalchemy import select
from sqlalchemy.orm import Session

from automl_airflow.compat.metadata import DagModel, team_of
from automl_airflow.teams import ConnectionName
from automl_airflow.web.access import rollout_of
from automl_airflow.web.bundles import many_teams
from automl_airflow.web.catalog import Place
from automl_airflow.web.told_dags import DagsRead, KnownDag, Told, known_dag, told_by
from automl_core.models.file.model import ROLLOUT, SCORE, WATCH, dag_id

ROLLOUT_END = f".{ROLLOUT}"

KINDS = (ROLLOUT, SCORE, WATCH)
"""The DAGs of a model, by what stands behind the point in their ids."""


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


_read: DagsRead[Told] = DagsRead(partial(told_by, "model"))


def models(session: Session, allowed: set[str], *, gone: bool = False) -> list[ModelInfo]:
    """Every model whose rollout DAG is among those allowed, by name.

    Args:
        session: of the metadata database.
        allowed: ids of DAGs.
        gone: those whose file was deleted too.
    """
    named = _read.ending(session, ROLLOUT_END, allowed, gone=gone)
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
    found = _read.one(session, dag)
    if found is None or rollout_of(found[1].name) != dag:
        return None
    return _info(*found, _dags(session, [found[1].name]))
