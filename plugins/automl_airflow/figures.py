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

Each is sent with its tags, and once more with their values in its name (`Figures`).
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from automl_core.states import TrialState
from automl_core.study.queued import seconds_of

if TYPE_CHECKING:
    from automl_core.journal import Record
    from automl_core.study import Study

log = logging.getLogger(__name__)

_NO_PART = re.compile(r"[^a-zA-Z0-9_-]")


def on_record(study: Study, record: Record) -> None:
    """Count what a record that this process has written tells."""
    figures, state = Figures(_stats(), legacy=_legacy_names()), study.state
    tags = {"experiment": state.name}
    if record.kind == "bound":
        figures.incr("automl.trials.started", tags)
    elif record.kind == "ended":
        work = state.works[int(record.data["slot"])]
        attempt = work.attempts[-1]
        seconds = seconds_of(attempt, record.time)
        figures.timing("automl.trial.duration", seconds, {**tags, "state": str(attempt.state)})
        if work.retry:
            figures.incr("automl.trials.retried", tags)
        elif work.state.ended:
            figures.incr("automl.trials.ended", {**tags, "state": str(work.state)})
    elif record.kind == "closed":  # nobody ran it to its end: a lost worker, an order
        work = state.works[int(record.data["slot"])]
        figures.incr("automl.trials.ended", {**tags, "state": str(work.state)})
    elif record.kind == "stop" and state.stop is not None:
        figures.incr("automl.experiments.ended", {**tags, "state": str(state.stop.state)})
    if record.kind in ("bound", "attempt", "ended", "lost", "closed"):
        running, waiting = len(state.running), sum(work.state is TrialState.WAITING for work in state.unended)
        figures.gauge("automl.slots.running", running, tags)
        figures.gauge("automl.slots.waiting", waiting, tags)
        figures.gauge("automl.slots.used", running / study.experiment.trials.concurrency, tags)


@contextmanager
def suggesting(study: Study) -> Iterator[None]:
    """Time what a study takes to say what a slot is to do."""
    started = time.perf_counter()
    yield
    try:
        taken = time.perf_counter() - started
        tags = {"experiment": study.state.name, "algorithm": study.state.algorithm}
        Figures(_stats(), legacy=_legacy_names()).timing("automl.suggestion.duration", taken, tags)
    except Exception as error:  # figures are worth no trial
        log.debug("a figure was not sent: %s", error)


class Figures:
    """Sends each figure as Airflow sends its own: with tags, and once more with their values in its name.

    Airflow's plain StatsD client drops tags, so two experiments would share one gauge there. Airflow names its own
    metrics both ways (``ti.finish`` and ``ti.finish.<dag_id>.<task_id>.<state>``) while ``[metrics] legacy_names_on``
    holds; its table of those names is closed, so ours are made here by the same rule.
    """

    def __init__(self, stats: Any, *, legacy: bool) -> None:
        """Make ready.

        Args:
            stats: Airflow's metrics.
            legacy: whether names with the tags' values in them are sent as well.
        """
        self._stats, self._legacy = stats, legacy

    def incr(self, name: str, tags: dict[str, str]) -> None:
        """Count one more."""
        for each, further in self._names(name, tags):
            self._stats.incr(each, tags=further)

    def gauge(self, name: str, value: float, tags: dict[str, str]) -> None:
        """Say how it stands."""
        for each, further in self._names(name, tags):
            self._stats.gauge(each, value, tags=further)

    def timing(self, name: str, seconds: float, tags: dict[str, str]) -> None:
        """Say how long it took."""
        for each, further in self._names(name, tags):
            self._stats.timing(each, timedelta(seconds=seconds), tags=further)

    def _names(self, name: str, tags: dict[str, str]) -> Iterator[tuple[str, dict[str, str]]]:
        yield name, tags
        if self._legacy:
            yield ".".join([name, *(_part(value) for value in tags.values())]), {}


def _part(value: str) -> str:
    """A tag's value as one part of a name: a dot would part it (as in Airflow's own legacy names)."""
    return _NO_PART.sub("_", value.replace(".", "__"))


def _stats() -> Any:
    from airflow.sdk.observability import stats

    return stats


def _legacy_names() -> bool:
    from airflow.configuration import conf

    return conf.getboolean("metrics", "legacy_names_on", fallback=True)
