"""What acts ask of Airflow, through the code that its own REST routes run: begin a run, run tasks again, add some.

An experiment that gets more trials needs more mapped task instances. Airflow makes them itself when the task that they
are mapped over runs again and returns a longer list, but only looks for it where an instance of the mapped task waits
to be scheduled. So the first new instance is made here, in the way in which Airflow makes the others, and `propose` is
cleared: it returns the longer list, and the scheduler adds the rest (models/dagrun.py, _revise_map_indexes_if_mapped).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.sdk import DagRunState, TaskInstanceState
from fastapi import HTTPException, Request
from sqlalchemy import select
from sqlalchemy.orm import Session

from automl_airflow.compat.acts import (
    ClearTaskInstancesBody,
    TriggerDAGRunPostBody,
    create_dag_bag,
    post_clear_task_instances,
    task_instance_mutation_hook,
    trigger_dag_run,
)
from automl_airflow.compat.metadata import DagRun, Pool, TaskInstance
from automl_airflow.web.catalog import RunInfo, place_of_dag

PROPOSE, REDUCE = "propose", "reduce"

_GOES_ON = {
    TaskInstanceState.RUNNING, TaskInstanceState.QUEUED, TaskInstanceState.SCHEDULED, TaskInstanceState.DEFERRED,
    TaskInstanceState.UP_FOR_RETRY, TaskInstanceState.UP_FOR_RESCHEDULE, TaskInstanceState.RESTARTING,
}  # fmt: skip


@cache
def _dag_bag() -> Any:
    return create_dag_bag()


def _dag_of(dag_run: DagRun, session: Session) -> Any:
    dag = _dag_bag().get_dag_for_run(dag_run, session=session)
    if dag is None:
        raise HTTPException(404, f"Airflow has no DAG of the run {dag_run.run_id!r} any more")
    return dag


def trigger(
    request: Request, session: Session, user: BaseUser, dag_id: str, conf: Mapping[str, Any], run_id: str | None,
    logical_date: datetime | None = None,
) -> str:  # fmt: skip
    """Begin a run of an experiment as Airflow's own route does. Returns its id.

    Raises:
        HTTPException: 404 no such DAG, 400 it can't be run (with that conf), 409 there is a run of that id or date, or
            a pool that its tasks are in is missing.
    """
    missing = missing_pools(session, dag_id)
    if missing:
        raise HTTPException(409, f"Airflow has no pool {', '.join(missing)}, so tasks in it would never start")
    return begin(request, session, user, dag_id, conf, run_id, logical_date)


def begin(
    request: Request, session: Session, user: BaseUser, dag_id: str, conf: Mapping[str, Any], run_id: str | None,
    logical_date: datetime | None = None,
) -> str:  # fmt: skip
    """Begin a run of any DAG as Airflow's own route does. Returns its id.

    Raises:
        HTTPException: 404 no such DAG, 400 it can't be run (with that conf), 409 there is a run of that id or date.
    """
    if run_id is not None and session.scalar(select(DagRun.id).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)):
        raise HTTPException(409, f"{dag_id} has a run {run_id!r} already")
    if logical_date is not None and session.scalar(
        select(DagRun.run_id).where(DagRun.dag_id == dag_id, DagRun.logical_date == logical_date)
    ):
        raise HTTPException(409, f"{dag_id} has a run of {logical_date.isoformat()} already")
    body = TriggerDAGRunPostBody(logical_date=logical_date, conf=dict(conf), dag_run_id=run_id)
    run: Any = trigger_dag_run(
        dag_id=dag_id, body=body, dag_bag=_dag_bag(), user=user, session=session, request=request
    )  # fmt: skip
    session.flush()
    return str(run.run_id)


def missing_pools(session: Session, dag_id: str) -> list[str]:
    """Pools that an experiment's tasks are in and Airflow doesn't have: only the scheduler's log speaks of them."""
    pools = set(place_of_dag(session, dag_id).pools)
    return sorted(pools - set(session.scalars(select(Pool.pool).where(Pool.pool.in_(pools))))) if pools else []


def clear(session: Session, user: BaseUser, run: RunInfo, tasks: Sequence[str | tuple[str, int]], note: str) -> int:
    """Run task instances again, as Airflow's own route does; its DAG run goes on. Returns how many."""
    body = ClearTaskInstancesBody(
        dry_run=False, only_failed=False, reset_dag_runs=True, dag_run_id=run.run_id, task_ids=list(tasks), note=note
    )
    found = post_clear_task_instances(
        dag_id=run.dag_id, dag_bag=_dag_bag(), body=body, session=session, user=user
    )  # fmt: skip
    return int(found.total_entries or 0)


def has_dag_run(session: Session, dag_id: str, run_id: str) -> bool:
    """Whether Airflow has a run."""
    return session.scalar(select(DagRun.id).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)) is not None


def is_on(session: Session, dag_id: str, run_id: str) -> bool:
    """Whether a run is queued or running; one that waits for people is."""
    state = session.scalar(select(DagRun.state).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    return state in (DagRunState.QUEUED, DagRunState.RUNNING)


def goes_on(session: Session, run: RunInfo, task_id: str, map_index: int) -> bool:
    """Whether Airflow is at a task instance, or will come to it by itself."""
    state = session.scalar(
        select(TaskInstance.state).where(
            TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id,
            TaskInstance.task_id == task_id, TaskInstance.map_index == map_index,
        )
    )  # fmt: skip
    return state in _GOES_ON


def has_run(session: Session, run: RunInfo, task_id: str) -> bool:
    """Whether a task of a run (not a mapped one) has ended."""
    state = session.scalar(
        select(TaskInstance.state).where(
            TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id, TaskInstance.task_id == task_id,
        )
    )  # fmt: skip
    return state in (TaskInstanceState.SUCCESS, TaskInstanceState.FAILED, TaskInstanceState.SKIPPED)


def mapped(session: Session, run: RunInfo, task_id: str) -> set[int]:
    """Indexes of a task's mapped instances."""
    wanted = select(TaskInstance.map_index).where(
        TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id, TaskInstance.task_id == task_id
    )
    return set(session.scalars(wanted))


def add_slots(session: Session, run: RunInfo, slots: int) -> None:
    """Make the first of the mapped task instances that a longer list needs (see the module's text)."""
    dag_run = session.scalar(select(DagRun).where(DagRun.dag_id == run.dag_id, DagRun.run_id == run.run_id))
    if dag_run is None:
        raise HTTPException(404, f"{run.dag_id} has no run {run.run_id!r}")
    dag = _dag_of(dag_run, session)
    for step in run.place.steps:
        present = mapped(session, run, step)
        first = max(present, default=-1) + 1
        if first >= slots or -1 in present:  # there already, or not mapped yet: `propose` has still to run
            continue
        task = dag.get_task(step)
        version = session.scalar(
            select(TaskInstance.dag_version_id).where(
                TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id, TaskInstance.task_id == step
            )
        )
        new = TaskInstance(task, run_id=run.run_id, map_index=first, state=None, dag_version_id=version)
        task_instance_mutation_hook(new, dag_run=dag_run)
        new = session.merge(new)
        new.refresh_from_task(task, dag_run=dag_run)
    session.flush()


def end_run(session: Session, run: RunInfo) -> None:
    """Mark a run as failed, which ends its tasks: where there is no journal yet, nothing is to be drained."""
    from automl_airflow.compat.acts import patch_dag_run_state

    dag_run = session.scalar(select(DagRun).where(DagRun.dag_id == run.dag_id, DagRun.run_id == run.run_id))
    if dag_run is None:
        raise HTTPException(404, f"{run.dag_id} has no run {run.run_id!r}")
    dag = _dag_of(dag_run, session)
    failed: Any = DagRunState.FAILED  # which the route's own enumeration is made of
    patch_dag_run_state(dag=dag, dag_run=dag_run, state=failed, session=session)
