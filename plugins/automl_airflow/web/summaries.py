"""Runs at a glance, for lists: read once a second at most while they go on, every ten minutes once they have ended."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

from automl_airflow.web.aside import in_store
from automl_airflow.web.catalog import RunInfo
from automl_airflow.web.held import held_where_there_is_room
from automl_airflow.web.opening import opening
from automl_core.results.entries import ended_at
from automl_core.results.summary import summary
from automl_core.states import ExperimentState
from automl_core.storage.base import StorageError
from automl_core.study import Study
from automl_core.study.labels import NO_LABEL, RUN
from automl_core.study.reasons import headline

_KEPT = 10_000
_PATIENCE = 5.0

_AGAIN = 15.0
"""Seconds between two readings of a run that goes on and is not held."""

_WRITTEN_ON = 600.0
"""Seconds between two readings of a run that has ended: what people write on it in another process is seen by then."""

_NO_TRIAL = "its run ended before its first trial"

log = logging.getLogger(__name__)

_STILL_READ = "its journal is still being read; look again"


class Summaries:
    """Summaries of runs that have ended, by run and by how it stood then."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[Any, ...], tuple[float, dict[str, Any]]] = OrderedDict()
        self._lasts: OrderedDict[tuple[str, str], tuple[float, dict[str, Any]]] = OrderedDict()
        self._reading: WeakKeyDictionary[
            asyncio.AbstractEventLoop, dict[tuple[Any, ...], asyncio.Task[dict[str, Any]]]
        ] = WeakKeyDictionary()

    def of(self, run: RunInfo) -> dict[str, Any]:
        """A run at a glance. Never raises: what is wrong with its journal stands in ``problem``."""
        with self._lock:
            known = self._known.get(run.version)
            if known is not None and time.monotonic() < known[0]:
                self._known.move_to_end(run.version)
                return known[1]
        found, lasts = _summary(run)
        if found["problem"] is None:
            with self._lock:
                self._lasts[run.dag_id, run.run_id] = (time.monotonic(), found)
                self._lasts.move_to_end((run.dag_id, run.run_id))
                while len(self._lasts) > self._kept:
                    self._lasts.popitem(last=False)
        if lasts:
            with self._lock:
                self._known[run.version] = (time.monotonic() + lasts, found)
                while len(self._known) > self._kept:
                    self._known.popitem(last=False)
        return found

    async def of_all(self, runs: Iterable[RunInfo]) -> list[dict[str, Any]]:
        """Several, read side by side, each in threads of its store.

        What takes too long comes as it was when it was last read, or without figures, and is there the next time.
        """
        jobs = [(run, self._job(run)) for run in runs]
        if jobs:
            await asyncio.wait([job for _, job in jobs], timeout=_PATIENCE)
        return [job.result() if job.done() else self._last(run, _STILL_READ) for run, job in jobs]

    def forget(self, run: RunInfo) -> None:
        """Read a run anew the next time: somebody has written on it."""
        with self._lock:
            self._known.pop(run.version, None)

    def _job(self, run: RunInfo) -> asyncio.Task[dict[str, Any]]:
        """The reading of a run: one at a time, however many lists wait for it."""
        reading = self._reading.setdefault(asyncio.get_running_loop(), {})
        job = reading.get(run.version)
        if job is None or job.done():
            job = reading[run.version] = asyncio.create_task(self._read(run))
            job.add_done_callback(lambda _: reading.pop(run.version, None))
        return job

    async def _read(self, run: RunInfo) -> dict[str, Any]:
        try:
            return await in_store(run.place, self.of, run)
        except StorageError as error:
            return self._last(run, str(error))

    def _last(self, run: RunInfo, problem: str) -> dict[str, Any]:
        """A run as it was when it was last read, with its age and why it is not newer."""
        with self._lock:
            last = self._lasts.get((run.dag_id, run.run_id))
        if last is None:
            return {**_blank(run), "problem": problem}
        return {**last[1], "problem": f"as it was {time.monotonic() - last[0]:.0f} s ago: {problem}"}


summaries = Summaries()
"""Those of this process."""


def _blank(run: RunInfo) -> dict[str, Any]:
    state = "QUEUED" if not run.over else str(ExperimentState.FAILED)
    return {
        "experiment": run.dag_id, "run": run.run_id, "seq": 0, "state": state, "reason": "", "headline": "",
        "airflow_state": run.state, "started": run.started, "ended": run.ended, "elapsed": None,
        "updated": run.ended or run.started or run.queued, "metric": None, "direction": None, "best": None,
        "trials": None, "done": None, "counts": None, "fraction": None, "cost": None, "seconds_left": None,
        "algorithm": None, "template": None, "name": "", "tags": [], "comment": "", "gone": run.gone, "problem": None,
    }  # fmt: skip


def _summary(run: RunInfo) -> tuple[dict[str, Any], float]:
    """A run at a glance, and for how many seconds that may be shown again."""
    try:
        if run.over:
            return _of_study(run, _read_once(run)), _WRITTEN_ON
        held = held_where_there_is_room(run)
        if held is None:
            return _of_study(run, _read_once(run)), _AGAIN
        held.read()
        return held.use(lambda view: _of_study(run, view.study)), 0.0
    except StorageError as error:
        return {**_blank(run), "problem": str(error)}, 0.0
    except LookupError as error:
        if run.over:
            return {**_blank(run), "reason": _NO_TRIAL, "headline": _NO_TRIAL, "problem": str(error)}, 0.0
        return _blank(run), 0.0
    except Exception as error:  # one damaged journal must not take the others from the list
        log.exception("%s / %s can't be summed up", run.dag_id, run.run_id)
        what = f"its journal can't be shown: {type(error).__name__}; the API server's log has more"
        return {**_blank(run), "problem": what}, 0.0


def _read_once(run: RunInfo) -> Study:
    """Read and not kept: a list of a thousand runs must not push out those that people look at."""
    from automl_airflow.session import open_journal
    from automl_airflow.stores import viewed_store

    place = run.place
    with opening(run):
        store = viewed_store(place.storage, run.connection)
        _, journal = open_journal(place.storage, run.connection, place.experiment, run.run_id, store=store)
        journal.paced = False
        return Study.load(journal)


def _of_study(run: RunInfo, study: Study) -> dict[str, Any]:
    state = study.state
    now = (
        run.ended if run.over and run.ended is not None else time.time()
    )  # it costs no more, whatever its journal holds
    found = summary(state, study.experiment, now)
    shown, reason = str(found.state), found.reason
    if run.over and not found.state.ended:
        shown, reason = str(ExperimentState.SYS_CANCELED), reason or "its run has ended in Airflow"
    best, label = found.best, state.labels.get(RUN, NO_LABEL)
    return {
        "experiment": run.dag_id, "run": run.run_id, "seq": state.seq, "state": shown, "reason": reason,
        "headline": headline(reason),
        "airflow_state": run.state, "started": state.created, "ended": ended_at(state) or run.ended,
        "elapsed": found.elapsed, "updated": state.updated, "metric": found.metric, "direction": found.direction,
        "best": {"trial": best.trial, "value": best.value, "budget": best.budget} if best else None,
        "trials": found.trials, "done": found.done,
        "counts": {str(each): number for each, number in found.counts.items()}, "fraction": found.fraction,
        "cost": found.cost, "seconds_left": found.left.seconds_left, "algorithm": state.algorithm,
        "template": study.experiment.template.label if study.experiment.template else None,
        "name": label.name, "tags": label.tags, "comment": label.comment, "gone": run.gone, "problem": None,
    }  # fmt: skip
