"""Housekeeping with what Airflow knows: which storages there are, which runs go on or are gone, who may delete what."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity
from airflow.sdk import DagRunState
from airflow.sdk.exceptions import AirflowNotFoundException
from fastapi import HTTPException
from sqlalchemy import select
from sqlalchemy.orm import Session

from automl_airflow.compat.metadata import DagCode, DagModel, DagRun, team_of
from automl_airflow.session import open_viewed_store
from automl_airflow.teams import ConnectionName, OfTeam, named
from automl_airflow.web.access import may
from automl_airflow.web.bundles import many_teams, places_in
from automl_airflow.web.catalog import TAG, place_of_dag, reading
from automl_core.housekeeping import Done, ExperimentFile, Item, Options, Plan, carry_out, look, make_plan
from automl_core.housekeeping.inventory import InAirflow, Inventory, Run
from automl_core.storage.base import ObjectStore, StorageError

WITHIN = 45.0
"""Seconds after which nothing more is begun: proxies give up on an answer after a minute."""

_CHUNK = 500
_ACTIVE = {DagRunState.RUNNING, DagRunState.QUEUED}


@dataclass(frozen=True, slots=True)
class Plans:
    """What goes from every storage."""

    at: int
    plans: tuple[Plan, ...]
    stores: tuple[ObjectStore, ...]
    problems: tuple[str, ...]

    @property
    def id(self) -> str:
        """Names what goes from all of them (see `Plan.id`)."""
        if len(self.plans) == 1:
            return self.plans[0].id
        text = "\n".join(sorted(f"{plan.url} {plan.id}" for plan in self.plans))
        return f"{self.at}.{hashlib.sha256(text.encode()).hexdigest()[:32]}"

    def to_json(self) -> dict[str, Any]:
        """As one answer, each thing with the storage that it lies in."""
        bodies = [plan.to_json() for plan in self.plans]
        return {
            "plan": self.id, "at": self.at,
            "storages": [body["storage"] for body in bodies],
            "objects": sum(body["objects"] for body in bodies), "bytes": sum(body["bytes"] for body in bodies),
            "items": [{"storage": body["storage"], **item} for body in bodies for item in body["items"]],
            "spared": [{"storage": body["storage"], **each} for body in bodies for each in body["spared"]],
            "problems": [*self.problems, *(problem for body in bodies for problem in body["problems"])],
        }  # fmt: skip


def planned(user: BaseUser, options: Options, at: int) -> Plans:
    """What can go of the experiments that a user may delete runs of.

    Args:
        user: who asks.
        options: what is asked for; an experiment that is named there must be one of those.
        at: the time to tell ages from, whole seconds since 1970.

    Raises:
        HTTPException: 403, runs of an experiment that is named are not this user's to delete.
    """
    for name in sorted(options.experiments or ()):
        if not may(user, "DELETE", DagAccessEntity.RUN, name):
            raise HTTPException(403, f"Forbidden: cleaning up {name} needs the right to delete runs of its DAG")
    with reading() as session:
        storages, files = _storages(session, user)
    plans: list[Plan] = []
    stores: list[ObjectStore] = []
    problems = []
    for storage, connection in storages:
        try:
            store = open_viewed_store(storage, connection)
            if store.url in [other.url for other in stores]:
                continue
            plans.append(_planned(user, store, files, options, at))
            stores.append(store)
        except AirflowNotFoundException:
            missing = connection.name if isinstance(connection, OfTeam) else connection
            problems.append(f"{storage}: the connection {missing!r} is not defined in Airflow")
        except StorageError as error:
            problems.append(str(error))
    return Plans(at, tuple(plans), tuple(stores), tuple(problems))


def clean(user: BaseUser, plans: Plans, options: Options) -> dict[str, Any]:
    """Delete what plans name, looking again before each thing. Returns what came of it, as plain data."""
    begun, by = time.monotonic(), str(user.get_name())
    found: dict[str, Any] = {"deleted": [], "spared": [], "failed": [], "objects": 0, "bytes": 0, "left": 0}
    with reading() as session:
        _, files = _storages(session, user)
    for store, plan in zip(plans.stores, plans.plans, strict=True):

        def again(store: ObjectStore = store) -> Plan:
            return _planned(user, store, files, options, plans.at)

        done: Done = carry_out(
            store, plan, again, by=by, forbidden=lambda item: _forbidden(user, item),
            within=WITHIN - (time.monotonic() - begun),
        )  # fmt: skip
        body = done.to_json()
        for name, value in body.items():
            found[name] += [{"storage": plan.url, **each} for each in value] if isinstance(value, list) else value
    return found


def _planned(user: BaseUser, store: ObjectStore, files: Sequence[ExperimentFile], options: Options, at: int) -> Plan:
    inventory = look(store, files)
    with reading() as session:
        inventory = in_airflow(session, inventory)
    known = {run.experiment for run in inventory.runs} | {part.key.partition("/")[0] for part in inventory.parts}
    known |= {each.source.experiment for model in inventory.models for each in model.life.versions.values()}
    wanted = known if options.experiments is None else known & options.experiments
    allowed = frozenset(name for name in wanted if may(user, "DELETE", DagAccessEntity.RUN, name))
    return make_plan(inventory, replace(options, experiments=allowed), at)


def in_airflow(session: Session, inventory: Inventory) -> Inventory:
    """The inventory with how each run stands in Airflow."""
    states: dict[tuple[str, str], str] = {}
    for names in _chunks(sorted({run.experiment for run in inventory.runs})):
        wanted = select(DagRun.dag_id, DagRun.run_id, DagRun.state).where(DagRun.dag_id.in_(names))
        states |= {(row[0], row[1]): str(row[2]) for row in session.execute(wanted)}

    def state_of(run: Run) -> InAirflow:
        state = states.get((run.experiment, run.run))
        return "gone" if state is None else "goes on" if state in _ACTIVE else "there"

    return replace(inventory, runs=tuple(replace(run, in_airflow=state_of(run)) for run in inventory.runs))


def _forbidden(user: BaseUser, item: Item) -> str:
    """Why a thing must not go, by what Airflow says now."""
    if not may(user, "DELETE", DagAccessEntity.RUN, item.experiment):
        return "deleting it needs the right to delete runs of its DAG"
    if not item.run:
        return ""
    with reading() as session:
        state = session.scalar(
            select(DagRun.state).where(DagRun.dag_id == item.experiment, DagRun.run_id == item.run)
        )  # fmt: skip
    if state in _ACTIVE:
        return "its DAG run goes on in Airflow"
    return "Airflow has its run again" if state is not None and item.why.startswith("orphaned") else ""


def _storages(session: Session, user: BaseUser) -> tuple[list[tuple[str, ConnectionName]], list[ExperimentFile]]:
    """Where runs of experiments lie that a user may delete runs of (without a file now, too), and the files of all.

    Other experiments' storages are nothing to look at, nor to be named: they may be another team's.
    """
    ids = sorted(session.scalars(select(DagModel.dag_id).where(DagModel.tags.any(name=TAG))))
    places: dict[tuple[str, ConnectionName], None] = {}
    for dag_id in ids:
        if not may(user, "DELETE", DagAccessEntity.RUN, dag_id):
            continue
        try:
            place = place_of_dag(session, dag_id)
        except HTTPException:
            continue  # another DAG that bears the tag
        team = team_of(dag_id) if many_teams() else None
        places.setdefault((place.storage, named(place.connection, team)))
    return list(places), list(_files(session, ids))


def _files(session: Session, ids: Iterable[str]) -> Iterator[ExperimentFile]:
    """The text of each experiment's file as Airflow has read it last; of those whose file is gone, none."""
    for names in _chunks(list(ids)):
        current = select(DagModel.dag_id, DagModel.bundle_name).where(DagModel.dag_id.in_(names), ~DagModel.is_stale)
        there = {row[0]: row[1] for row in session.execute(current)}
        wanted = (
            select(DagCode.dag_id, DagCode.source_code)
            .where(DagCode.dag_id.in_(there))
            .order_by(DagCode.dag_id, DagCode.last_updated)
        )
        newest = {row[0]: str(row[1]) for row in session.execute(wanted)}
        templates = {bundle: places_in(bundle) for bundle in set(there.values())}
        yield from (ExperimentFile(dag_id, text, templates[there[dag_id]]) for dag_id, text in newest.items())


def _chunks(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + _CHUNK] for start in range(0, len(names), _CHUNK))
