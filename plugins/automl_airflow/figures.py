"""Figures for operators, through Airflow's own metrics (StatsD, Datadog or OpenTelemetry, as its configuration says).

| metric | kind | tags | what |
|---|---|---|---|
| ``automl.trials.started`` | counter | experiment | trials (with budgets: pieces of work) that were bound |
| ``automl.trials.ended`` | counter | experiment, state | attempts that ended for good, by the state of their trial |
| ``automl.trials.retried`` | counter | experiment | attempts that failed and are tried again |
| ``automl.trial.duration`` | timing | experiment, state | of an attempt |
| ``automl.suggestion.duration`` | timing | experiment, algorithm | from asking to the answer |
| ``automl.slots.running`` | gauge | experiment | trials that run now |
| ``automl.slots.waiting`` | gauge | experiment | trials that wait for a new attempt |
| ``automl.slots.used`` | gauge | experiment | part of the places in use, 0 to 1 |
| ``automl.experiments.ended`` | counter | experiment, state | experiments that stopped |
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from automl_core.states import TrialState

if TYPE_CHECKING:
    from automl_core.journal import Record
    from automl_core.study import Study

log = logging.getLogger(__name__)


def on_record(study: Study, record: Record) -> None:
    """Count what a record that this process has written tells."""
    stats, state = _stats(), study.state
    tags = {"experiment": state.name}
    if record.kind == "bound":
        stats.incr("automl.trials.started", tags=tags)
    elif record.kind == "ended":
        work = state.works[int(record.data["slot"])]
        attempt = work.attempts[-1]
        told = {**tags, "state": str(attempt.state)}
        seconds = max(0.0, record.time - attempt.started)
        stats.timing("automl.trial.duration", timedelta(seconds=seconds), tags=told)
        if work.retry:
            stats.incr("automl.trials.retried", tags=tags)
        elif work.state.ended:
            stats.incr("automl.trials.ended", tags={**tags, "state": str(work.state)})
    elif record.kind == "closed":  # nobody ran it to its end: a lost worker, an order
        work = state.works[int(record.data["slot"])]
        stats.incr("automl.trials.ended", tags={**tags, "state": str(work.state)})
    elif record.kind == "stop" and state.stop is not None:
        stats.incr("automl.experiments.ended", tags={**tags, "state": state.stop.state})
    if record.kind in ("bound", "attempt", "ended", "lost", "closed"):
        works = state.works.values()
        running = sum(work.state is TrialState.RUNNING for work in works)
        stats.gauge("automl.slots.running", running, tags=tags)
        stats.gauge("automl.slots.waiting", sum(work.state is TrialState.WAITING for work in works), tags=tags)
        stats.gauge("automl.slots.used", running / study.experiment.trials.concurrency, tags=tags)


@contextmanager
def suggesting(study: Study) -> Iterator[None]:
    """Time what a study takes to say what a slot is to do."""
    started = time.perf_counter()
    yield
    try:
        taken = timedelta(seconds=time.perf_counter() - started)
        tags = {"experiment": study.state.name, "algorithm": study.state.algorithm}
        _stats().timing("automl.suggestion.duration", taken, tags=tags)
    except Exception as error:  # figures are worth no trial
        log.debug("a figure was not sent: %s", error)


def _stats() -> Any:
    from airflow.sdk.observability import stats

    return stats
