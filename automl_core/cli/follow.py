"""Following a run to its end, and what to say then."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from automl_core.cli.display import Display
from automl_core.cli.watcher import Watcher
from automl_core.client.airflow import AirflowClient
from automl_core.client.errors import Unreachable
from automl_core.client.records import Run
from automl_core.results.summary import Summary
from automl_core.states import ExperimentState, TrialState

GOOD_ENDS = frozenset({ExperimentState.FINISHED, ExperimentState.NO_MORE_TRIAL, ExperimentState.EARLY_STOPPED})
"""How an experiment ends when all went as its file wants."""

_PATIENCE = 180.0
"""Seconds without an answer of Airflow, before following ends."""

_QUEUED_LONG = 20.0


@dataclass(frozen=True, slots=True)
class Ending:
    """How a run ended.

    Attributes:
        run: as Airflow has it.
        summary: as its journal has it; None when it never had one.
        good: whether the experiment found what it was for.
        remarks: what went wrong, for people.
    """

    run: Run
    summary: Summary | None
    good: bool
    remarks: tuple[str, ...] = ()


def follow(
    client: AirflowClient,
    run: Run,
    watcher: Watcher,
    display: Display,
    *,
    interval: float = 1.0,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Ending:
    """Show a run until it ends.

    Args:
        client: of the Airflow that runs it.
        run: which one.
        watcher: of that run.
        display: where to show it; closed at the end.
        interval: seconds between two looks.
        sleep, clock: how to wait and how to tell the time, in seconds.

    Raises:
        Unreachable: Airflow gave no answer for minutes. The run itself goes on.
    """
    heard = asked = clock()
    hinted = False
    stage = ""
    try:
        while True:
            try:
                run = client.run(run.dag_id, run.run_id)
                now = watcher.look(run)
                heard = clock()
            except Unreachable as error:
                if clock() - heard > _PATIENCE:
                    raise
                display.note(f"{error}; trying on")
                sleep(5.0)
                continue
            display.update(now, run.state)
            if run.over:
                return _ending(client, run, now, watcher)
            if (doing := _doing(run, now)) != stage:
                stage = doing
                if doing:
                    display.note(doing)
            if run.state == "queued" and not hinted and clock() - asked > _QUEUED_LONG:
                hinted = True
                display.note(_why_queued(client, run))
            sleep(interval)
    finally:
        display.close()


def _doing(run: Run, now: Summary | None) -> str:
    """What is done while no trial is trained, for whoever sees nothing move; empty where trials tell it."""
    if run.state != "running":
        return ""
    if now is None:
        return "the search begins: the task propose writes the journal's first record"
    if now.reason and not now.counts.get(TrialState.RUNNING):
        return "no trial runs any more: the tasks after them rank them and publish the result"
    return ""


def _why_queued(client: AirflowClient, run: Run) -> str:
    others = [other for other in client.runs(run.dag_id) if other.run_id != run.run_id and not other.over]
    running = next((other for other in others if other.state == "running"), None)
    if running is not None:
        return f"waiting for the run {running.run_id}: an experiment runs once at a time"
    return "the run is still queued: does Airflow's scheduler run?"


def _ending(client: AirflowClient, run: Run, now: Summary | None, watcher: Watcher) -> Ending:
    good = run.state == "success" and now is not None and now.state in GOOD_ENDS
    if good:
        return Ending(run, now, True)
    reason = now.reason if now is not None else ""
    remarks = [line for line in watcher.failures() if line.partition(": ")[2] not in reason]
    failed = [i for i in client.task_instances(run.dag_id, run.run_id) if i.state == "failed" and i.map_index < 0]
    for instance in failed:
        if instance.task_id == "reduce" and reason and now is not None and now.state not in GOOD_ENDS:
            continue  # it is red because the experiment failed, and the reason of that is known
        why = client.failure_of(run.dag_id, run.run_id, instance.task_id, instance.tries)
        remarks.append(f"the task {instance.task_id} failed{f': {why}' if why else '; its log says why'}")
    remarks.append(f"see {client.run_url(run.dag_id, run.run_id)}")
    return Ending(run, now, False, tuple(remarks))
