"""What routes of a run share: the run itself, its read model, and the bounds of what may be asked."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import Depends, Path, Query, Request

from automl_airflow.web.aside import PATIENCE, in_store
from automl_airflow.web.catalog import RunInfo, find_run, reading
from automl_airflow.web.held import HeldRun, held_run, known_run
from automl_airflow.web.respond import STALE
from automl_core.storage.base import StorageUnavailable

DagId = Annotated[str, Path(description="Name of the experiment, which is the id of its DAG.", max_length=250)]
RunId = Annotated[str, Path(description="Airflow's id of the run.", max_length=250)]
TrialNumber = Annotated[int, Path(ge=0, le=10_000_000, description="Number of the trial, from 0.")]
Seq = Annotated[int, Query(ge=0, description="Answer with a state no older than this record of the journal.")]


def the_run(dag_id: DagId, run_id: RunId) -> RunInfo:
    """The run that a path names, 404 where there is none."""
    with reading() as session:
        return find_run(session, dag_id, run_id)


TheRun = Annotated[RunInfo, Depends(the_run)]


async def the_held(request: Request, run: TheRun, seq: Seq = 0) -> HeldRun:
    """The read model of the run that a path names, brought up to date; as it was, and marked so, where that hangs."""
    known = known_run(run)
    try:
        return await in_store(run.place, read_run, run, seq, patience=None if known is None else PATIENCE)
    except StorageUnavailable as error:
        if known is None or not await _free(known):
            raise
        request.scope[STALE] = (known.shared.age, str(error))
        return known


async def _free(held: HeldRun) -> bool:
    """Whether a state can be used soon: whoever writes it holds it, and a write may hang. Waits without a thread."""
    clock = asyncio.get_running_loop().time
    until = clock() + PATIENCE
    while not held.shared.lock.acquire(blocking=False):
        if clock() >= until:
            return False
        await asyncio.sleep(0.02)
    held.shared.lock.release()
    return True


async def the_fresh(run: TheRun) -> HeldRun:
    """The same for what needs the store itself: an answer of a while ago would not do."""
    return await in_store(run.place, read_run, run, 0)


def read_run(run: RunInfo, seq: int) -> HeldRun:
    """The read model of a run, no older than a record; in a thread of its store."""
    held = held_run(run)
    held.read(seq)
    return held


Held = Annotated[HeldRun, Depends(the_held)]
Fresh = Annotated[HeldRun, Depends(the_fresh)]
