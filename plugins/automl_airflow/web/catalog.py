"""Which experiments and runs there are, from Airflow's metadata database, and where their journals lie."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import HTTPException
from sqlalchemy import func, select
from sqlalchemy.orm import Session, selectinload

from automl_airflow.began import KEY, Beginning
from automl_airflow.compat.metadata import (
    DagModel,
    DagRun,
    Pool,
    SerializedDagModel,
    XComModel,
    create_session,
    team_of,
)
from automl_airflow.teams import ConnectionName, named
from automl_airflow.web.bundles import many_teams

TAG = "automl"


@contextmanager
def reading() -> Iterator[Session]:
    """A session for a moment.

    A connection that a request keeps from one step of its handling to the next is one that others wait for, in threads
    that the request needs for its next step: enough viewers at once, and none of them goes on.
    """
    with create_session(scoped=False) as session:
        yield session


_KEPT = 4096
_FEW = 500


@dataclass(frozen=True, slots=True)
class Place:
    """Where an experiment's runs lie, and how its DAG names what runs them.

    Attributes:
        storage, connection, experiment: as the experiment's file has them.
        steps: ids of the tasks that run a trial's training tasks, in order.
        pools: those that its tasks are in, without the default one.
        team: whose the experiment is; None where it is no team's, or that does not matter.
    """

    storage: str
    connection: str | None
    experiment: str
    steps: tuple[str, ...]
    pools: tuple[str, ...] = ()
    team: str | None = None

    @property
    def team_connection(self) -> ConnectionName:
        """The connection as its team has it: another team's of the same name may lead elsewhere."""
        return named(self.connection, self.team)


@dataclass(frozen=True, slots=True)
class RunInfo:
    """A DAG run as far as pages need it; free of the session that it was read in.

    Attributes:
        gone: whether the experiment's file was deleted: what the journal says can be read, and nothing be run.
    """

    dag_id: str
    run_id: str
    state: str
    queued: float | None
    started: float | None
    ended: float | None
    note: str | None
    conf: Mapping[str, Any]
    clears: int
    place: Place
    gone: bool = False

    @property
    def team(self) -> str | None:
        """Whose the experiment is; None where it is no team's."""
        return self.place.team

    @property
    def connection(self) -> ConnectionName:
        """The connection to where it lies, as its team has it."""
        return self.place.team_connection

    @property
    def over(self) -> bool:
        """Whether Airflow does nothing more of it by itself."""
        return self.state in ("success", "failed")

    @property
    def version(self) -> tuple[Any, ...]:
        """Changes when the run is begun anew."""
        return (self.dag_id, self.run_id, self.state, self.ended, self.clears)


class _Places:
    """Places by version of the DAG.

    Airflow writes a version anew as long as no task instance has it (serialized_dag.py:735, Airflow 3.3.2), so the
    latest one is known by its digest too; that of a run never changes.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[UUID, str | None], Place | None] = OrderedDict()

    def get(self, session: Session, version: UUID, digest: str | None = None) -> Place | None:
        """The place that a version names.

        Args:
            session: of the metadata database.
            version: of the DAG.
            digest: the serialized DAG's; None for the version of a run.
        """
        key = (version, digest)
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
                return self._known[key]
        row = session.scalar(select(SerializedDagModel).where(SerializedDagModel.dag_version_id == version))
        found = place_in(row.data) if row is not None and row.data else None
        with self._lock:
            self._known[key] = found
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return found


_places = _Places()


def place_in(data: Mapping[str, Any]) -> Place | None:
    """The place of an experiment that its serialized DAG names; None for a DAG that is no experiment."""
    tasks = {task["task_id"]: task for task in tasks_in(data)}
    propose = tasks.get("propose")
    if propose is None or propose.get("task_type") != "ProposeOperator":
        return None
    trials = [task for name, task in tasks.items() if name == "trial" or name.startswith("trial.")]
    steps: Sequence[str] = ()
    fields = propose
    for task in trials:
        partial = task.get("partial_kwargs", task)
        steps = partial.get("step_ids") or steps
        if "storage" not in fields:  # DAGs that were read before `propose` bore these
            fields = partial
    if "storage" not in fields or "experiment" not in fields:
        return None
    if not steps:
        steps = [task["task_id"] for task in trials]
    # where a field stands is Airflow's affair: a mapped task's are in its partial arguments
    pools = {str(pool) for task in tasks.values() if (pool := task.get("partial_kwargs", task).get("pool"))}
    return Place(
        str(fields["storage"]), fields.get("connection"), str(fields["experiment"]), tuple(steps),
        tuple(sorted(pools - {Pool.DEFAULT_POOL_NAME})),
    )  # fmt: skip


def tasks_in(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The tasks of a serialized DAG, each with its fields."""
    tasks = data.get("dag", {}).get("tasks", [])
    return [task.get("__var", task) for task in tasks if isinstance(task, dict)]


def place_of_dag(session: Session, dag_id: str) -> Place:
    """Where the next run of an experiment will lie.

    Raises:
        HTTPException: 404, there is no such experiment.
    """
    version = session.execute(
        select(SerializedDagModel.dag_version_id, SerializedDagModel.dag_hash)
        .where(SerializedDagModel.dag_id == dag_id)
        .order_by(SerializedDagModel.created_at.desc())
        .limit(1)
    ).first()
    place = _places.get(session, *version) if version is not None else None
    if place is None:
        raise HTTPException(404, f"{dag_id!r} is no AutoML experiment")
    return place


def find_run(session: Session, dag_id: str, run_id: str) -> RunInfo:
    """One run of an experiment.

    Raises:
        HTTPException: 404, there is no such run, or it is none of an experiment.
    """
    run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    if run is None:
        place_of_dag(session, dag_id)
        raise HTTPException(404, f"{dag_id} has no run {run_id!r}")
    info = info_of(session, run, _latest_place(session, dag_id))
    if info is None:
        raise HTTPException(404, f"{dag_id!r} is no AutoML experiment")
    return info


def info_of(session: Session, run: DagRun, latest: Place | None = None) -> RunInfo | None:
    """A DAG run as pages need it; None where it is none of an experiment.

    Args:
        session: of the metadata database.
        run: it.
        latest: where the DAG says now that its runs lie: where that is elsewhere, the file was edited, and the run is
            where its first task has told.
    """
    version = run.created_dag_version_id
    place = _places.get(session, version) if version is not None else None
    if place is None:
        try:
            place = place_of_dag(session, run.dag_id)
        except HTTPException:
            return None
    if latest is not None and Beginning.of(latest) != Beginning.of(place):
        place = _told_place(session, run, place)
    if many_teams():
        place = replace(place, team=team_of(run.dag_id))
    model = session.get(DagModel, run.dag_id)
    return RunInfo(
        dag_id=run.dag_id, run_id=run.run_id, state=str(run.state), queued=seconds_of(run.queued_at),
        started=seconds_of(run.start_date), ended=seconds_of(run.end_date), note=run.note, conf=dict(run.conf or {}),
        clears=run.clear_number or 0, place=place, gone=model is None or bool(model.is_stale),
    )  # fmt: skip


def _latest_place(session: Session, dag_id: str) -> Place | None:
    try:
        return place_of_dag(session, dag_id)
    except HTTPException:  # the DAG of that id is another one now
        return None


def _told_place(session: Session, run: DagRun, place: Place) -> Place:
    """Where `propose` says that the run lies, which is what its tasks go by; ``place`` where it has told nothing."""
    wanted = XComModel.get_many(run_id=run.run_id, key="search", task_ids="propose", dag_ids=run.dag_id, limit=1)
    found = session.scalar(wanted)
    value = XComModel.deserialize_value(found) if found is not None else None
    began = Beginning.read(value.get(KEY)) if isinstance(value, Mapping) else None
    if began is None:
        return place
    return replace(place, storage=began.storage, connection=began.connection, experiment=began.experiment)


def runs_of(session: Session, dag_id: str, offset: int, limit: int) -> tuple[int, list[RunInfo]]:
    """How many runs an experiment has, and a page of them, newest first."""
    latest = place_of_dag(session, dag_id)
    total = session.scalar(select(func.count()).select_from(DagRun).where(DagRun.dag_id == dag_id)) or 0
    wanted = select(DagRun).where(DagRun.dag_id == dag_id).order_by(DagRun.run_after.desc(), DagRun.id.desc())
    found = [info_of(session, run, latest) for run in session.scalars(wanted.offset(offset).limit(limit))]
    return total, [info for info in found if info is not None]


@dataclass(frozen=True, slots=True)
class Listed:
    """An experiment in the list.

    Attributes:
        schedule: as Airflow sums it up, None for one that only people start.
        next_run: when Airflow begins the next run, seconds since 1970 (of a paused one: would); None where nothing is
            planned.
        gone: whether its file was deleted, so that only its runs are left to be looked at.
    """

    dag_id: str
    description: str
    paused: bool
    schedule: str | None
    broken: bool
    file: str | None
    bundle: str | None
    tags: tuple[str, ...]
    runs: int
    latest: RunInfo | None
    next_run: float | None = None
    gone: bool = False


def experiments(session: Session, allowed: set[str], *, gone: bool = False) -> list[Listed]:
    """Every experiment whose DAG is among those allowed, by name, with its latest run.

    Args:
        session: of the metadata database.
        allowed: ids of DAGs.
        gone: those with runs whose file was deleted too.
    """
    wanted = (
        select(DagModel)
        .where(DagModel.tags.any(name=TAG))
        .options(selectinload(DagModel.tags))
        .order_by(DagModel.dag_id)
    )
    if not gone:
        wanted = wanted.where(DagModel.is_stale.is_(False))
    counted = select(DagRun.dag_id, func.count(), func.max(DagRun.id)).group_by(DagRun.dag_id)
    if len(allowed) <= _FEW:
        wanted, counted = wanted.where(DagModel.dag_id.in_(allowed)), counted.where(DagRun.dag_id.in_(allowed))
    models = [model for model in session.scalars(wanted) if model.dag_id in allowed]
    ids = {model.dag_id for model in models}
    counts = {dag_id: (count, last) for dag_id, count, last in session.execute(counted) if dag_id in ids}
    newest = [last for _, last in counts.values()]
    runs = {
        run.dag_id: run
        for start in range(0, len(newest), 500)
        for run in session.scalars(select(DagRun).where(DagRun.id.in_(newest[start : start + 500])))
    }
    versions = newest_versions(session, list(ids))
    listed = []
    for model in models:
        version = versions.get(model.dag_id)
        place = _places.get(session, *version) if version is not None else None
        if place is None:
            continue  # another DAG that bears the tag
        run = runs.get(model.dag_id)
        if model.is_stale and run is None:
            continue  # nothing is left of it
        listed.append(
            Listed(
                dag_id=model.dag_id, description=model.description or "", paused=bool(model.is_paused),
                schedule=model.timetable_summary if model.timetable_summary != "None" else None,
                broken=bool(model.has_import_errors), file=model.relative_fileloc, bundle=model.bundle_name,
                tags=tuple(sorted(tag.name for tag in model.tags)), runs=counts.get(model.dag_id, (0, 0))[0],
                latest=info_of(session, run, place) if run is not None else None, gone=bool(model.is_stale),
                next_run=seconds_of(model.next_dagrun_create_after) if not model.is_stale else None,
            )
        )  # fmt: skip
    return listed


def newest_versions(session: Session, dag_ids: Sequence[str]) -> dict[str, tuple[UUID, str]]:
    """The newest version of each DAG, and its digest, in a few queries however many there are."""
    found: dict[str, tuple[UUID, str]] = {}
    for start in range(0, len(dag_ids), _FEW):
        newest = (
            select(SerializedDagModel.dag_id, func.max(SerializedDagModel.created_at).label("created_at"))
            .where(SerializedDagModel.dag_id.in_(dag_ids[start : start + _FEW]))
            .group_by(SerializedDagModel.dag_id)
            .subquery()
        )
        wanted = select(SerializedDagModel.dag_id, SerializedDagModel.dag_version_id, SerializedDagModel.dag_hash).join(
            newest,
            (SerializedDagModel.dag_id == newest.c.dag_id) & (SerializedDagModel.created_at == newest.c.created_at),
        )
        found.update((row[0], (row[1], row[2])) for row in session.execute(wanted))
    return found


def seconds_of(moment: datetime | None) -> float | None:
    """A time of the database as seconds since 1970."""
    return moment.timestamp() if moment is not None else None
