"""What routes of a run share: the run itself, its read model, and the bounds of what may be asked."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query

from automl_airflow.web.catalog import RunInfo, find_run, reading
from automl_airflow.web.held import HeldRun, held_run

DagId = Annotated[str, Path(description="Name of the experiment, which is the id of its DAG.", max_length=250)]
RunId = Annotated[str, Path(description="Airflow's id of the run.", max_length=250)]
TrialNumber = Annotated[int, Path(ge=0, le=10_000_000, description="Number of the trial, from 0.")]
Seq = Annotated[int, Query(ge=0, description="Answer with a state no older than this record of the journal.")]


def the_run(dag_id: DagId, run_id: RunId) -> RunInfo:
    """The run that a path names, 404 where there is none."""
    with reading() as session:
        return find_run(session, dag_id, run_id)


TheRun = Annotated[RunInfo, Depends(the_run)]


def the_held(run: TheRun, seq: Seq = 0) -> HeldRun:
    """The read model of the run that a path names, brought up to date."""
    held = held_run(run)
    held.read(seq)
    return held


Held = Annotated[HeldRun, Depends(the_held)]
