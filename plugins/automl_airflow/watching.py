"""Watching trials that run outside Airflow: one trigger an attempt, many in one triggerer, no worker held.

The trigger follows the output, reports metrics to the study, obeys its orders within a poll, records the end, and
ends the task by itself. Only where a worker has to act (Airflow is to try again, slots are to be skipped, a lane goes
on) the task's own process is started once more.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from abc import abstractmethod
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import BaseTrigger, TriggerEvent

from automl_airflow.ending import clear_away, has_ended, insist, remove, to_its_end
from automl_airflow.idle import ORDER_AGE, is_idle
from automl_airflow.queued import left_queue, waits
from automl_airflow.slices import slices
from automl_airflow.task_events import BY_AIRFLOW, recorded_end, task_event
from automl_airflow.task_log import TaskLog
from automl_airflow.threads import Threads, reading_threads, threads_of
from automl_airflow.triggers import LEAST_WAIT
from automl_airflow.waiting import until_done

if TYPE_CHECKING:
    from automl_airflow.studies import SharedStudy
    from automl_core.backends.base import Exit
    from automl_core.backends.remote import RemoteJob, Report
    from automl_core.metrics.sources import MetricSource
    from automl_core.running.attempt import Attempt
    from automl_core.running.places import Places
    from automl_core.study import Binding, Outcome, Told

PUBLISH_EVERY = 5.0
"""Seconds between two writes of a trial's metrics file, at least."""

LOOK_AFTER = 1.0
"""Seconds of reading a flood after which the study is asked for orders all the same."""

TELL_FIRST = 5.0
"""Seconds that recording who ended an attempt may take before the job is ended all the same."""

RESTARTED_AFTER = 60.0
"""Seconds after an attempt's start from which on a trigger that begins is one that was begun before."""


class TrialTrigger(BaseTrigger):
    """Watches one attempt at one training task to its end and records it. A subclass knows the backend.

    Whatever happens to the triggerer, the same trigger starts again somewhere and reads from the beginning:
    metrics that come twice change nothing, and the end is recorded once.
    """

    def __init__(
        self, *, storage: str, connection: str | None, experiment: str, run: str, slot: int, task: int, attempt: int,
        root: str, job: dict[str, Any], poll: float = 5.0, grace: float = 5.0, stage: str | None = None,
    ) -> None:  # fmt: skip
        """State which attempt.

        Args:
            storage, connection, experiment, run: where the journal lies.
            slot, task, attempt: which attempt it is.
            root: the model storage path as the training sees it.
            job: where the job is to be found; plain JSON without secrets.
            poll: seconds between two looks at the job.
            grace: seconds that the training has to end by itself when it is ended.
            stage: the stage of the experiment whose attempt it is, None for a trial's.
        """
        super().__init__()
        self.stage = stage
        self.storage, self.connection, self.experiment, self.run_id = storage, connection, experiment, run
        self.slot, self.task_index, self.attempt = slot, task, attempt
        self.root, self.job, self.poll, self.grace = root, job, poll, grace
        self._shared: SharedStudy | None = None
        self._binding: Binding | None = None
        self._watched: Attempt | None = None
        self._places: Places | None = None
        self._remote: RemoteJob | None = None
        self._spool: Path | None = None
        self._had_stopped = False
        self._replaying = False
        self._closed = False
        self._telling: asyncio.Task[None] | None = None
        self._lines: TaskLog | None = None
        self._removal: asyncio.Task[None] | None = None

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Class path and arguments, without any credentials."""
        kind = type(self)
        return f"{kind.__module__}.{kind.__qualname__}", {
            "storage": self.storage, "connection": self.connection, "experiment": self.experiment, "run": self.run_id,
            "slot": self.slot, "task": self.task_index, "attempt": self.attempt, "root": self.root, "job": self.job,
            "poll": self.poll, "grace": self.grace, **({"stage": self.stage} if self.stage else {}),
        }  # fmt: skip

    @property
    def lines(self) -> TaskLog:
        """The task's log; never waited for. To be asked for in the trigger's own task first."""
        if self._lines is None:
            self._lines = TaskLog(self.log)
        return self._lines

    @property
    def threads(self) -> Threads:
        """Where all that touches the store is done."""
        return threads_of(self.storage, self.connection)

    @abstractmethod
    async def find(self) -> RemoteJob:
        """The job that `job` names."""

    async def _find(self) -> RemoteJob:
        """As `find`, however long the store is away that says where the job is."""
        found: RemoteJob = await self._patiently(self.find)
        return found

    def source(self, binding: Binding, spool: Path) -> MetricSource:
        """Where the metrics are read: from the output, or from files in the store. Called in a thread.

        Args:
            binding: the attempt.
            spool: a folder of this machine for what has to be fetched.
        """
        from automl_core.running.attempt import first_step
        from automl_core.running.fetched import source_in_store
        from automl_core.spec.metrics import JsonMetrics, StdoutMetrics, TaoMetrics, TensorBoardMetrics

        assert self._shared is not None
        assert self._places is not None
        study = self._shared.study
        metrics = study.experiment.tasks[self.task_index].metrics
        if not isinstance(metrics, StdoutMetrics | JsonMetrics | TensorBoardMetrics | TaoMetrics):
            raise TypeError(f"metrics.source {metrics.source} is for its own backend to read")
        return source_in_store(metrics, study, binding, self._places, spool, first_step(study, binding))

    def interval(self) -> float:
        """Seconds between two looks at the job."""
        return self.poll

    def price(self, status: Exit) -> float:
        """What the attempt cost; by its seconds and the task's price per hour by default."""
        assert self._shared is not None
        return status.seconds / 3600 * self._shared.study.experiment.tasks[self.task_index].hourly_price

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Watch to the end; yields one event."""
        clock = asyncio.get_running_loop().time
        started = clock()
        lines = self.lines
        watched = await self._patiently(self._begin)
        if watched is None:
            recorded = await self.threads.call(self._recorded)
            await clear_away(self._find, self.grace, lines)  # a triggerer that died before it came to that
            await asyncio.sleep(max(0.0, LEAST_WAIT - (clock() - started)))
            event = await self.threads.call(self._event, *recorded) if recorded else TriggerEvent({"superseded": True})
            await lines.close()
            yield event
            return
        self._remote = await self._find()
        status = await self._follow(self._remote, watched)
        outcome, told = await self._patiently(self._record, status)
        self._removal = asyncio.create_task(remove(self._remote, lines))  # `cleanup` waits for it, Airflow need not
        await asyncio.sleep(max(0.0, LEAST_WAIT - (clock() - started)))
        superseded = not told.accepted and await self.threads.call(self._recorded) is None
        event = (
            TriggerEvent({"superseded": True}) if superseded else await self.threads.call(self._event, outcome, told)
        )
        await lines.close()
        yield event

    async def cleanup(self) -> None:
        """Let go of what is held here. The job goes on: another triggerer may be watching it already."""
        self._closed = True
        await to_its_end(self.close())

    async def close(self) -> None:
        """What `cleanup` does. A subclass lets go of more after it."""
        if self._removal is not None:
            await asyncio.wait([self._removal])
        if self._remote is not None:
            await self._remote.close()
        self._let_go()

    def _let_go(self) -> None:
        """Forget the watch, unless another trigger's has taken its place, and what was fetched for it."""
        self._unwatch()
        if self._spool is not None:
            shutil.rmtree(self._spool, ignore_errors=True)

    async def on_kill(self) -> None:
        """A person cleared or marked the task: end the job, and record who ended it. Neither waits for the other."""
        remote = self._remote = self._remote or await self._find()
        # first, since the reducer may follow at once
        told = self._telling = asyncio.create_task(self._tell_who_ended_it())
        await asyncio.wait([told], timeout=TELL_FIRST)
        await insist(remote, self.grace, self.lines)
        if await has_ended(remote, self.grace):  # else the cluster goes on with it: to forget it would leave it running
            await remove(remote, self.lines)
        await told
        await self.lines.close()

    async def _tell_who_ended_it(self) -> None:
        from automl_core.states import TrialState

        watched = self._watched
        if watched is None:  # it was not taken up yet: the study finds out when the task asks anew
            return

        def tell() -> None:
            self._tell(watched.watch.ended_as(TrialState.USER_CANCELED, BY_AIRFLOW))

        try:
            await self._patiently(tell)
        except Exception as error:  # the job has to be ended all the same
            self.lines.error("who ended the trial was not recorded: %s: %s", type(error).__name__, error)

    # --- the parts that block, each in a thread ----------------------------------------------------

    def _begin(self) -> Attempt | None:
        """Open the study and make ready to read; None when this attempt is not the one that counts any more."""
        from automl_airflow.studies import shared_study
        from automl_core.running.attempt import Attempt
        from automl_core.running.places import Places
        from automl_core.running.watch import Watch

        self._shared = shared = shared_study(self.storage, self.connection, self.experiment, self.run_id, self.stage)
        with shared.lock:
            binding = shared.study.unfinished(self.slot, self.task_index)
        if binding is None or binding.attempt != self.attempt:
            shared.read(max_age=0)
        with shared.lock:
            binding = shared.study.unfinished(self.slot, self.task_index)
            if binding is None or binding.attempt != self.attempt:
                return None
            watch = Watch(
                shared.study, shared.store, binding, publish_every=PUBLISH_EVERY, order_every=0.0, max_age=ORDER_AGE,
                live=shared.watches,
            )  # fmt: skip
            shared.watches[binding.trial] = watch
            self._binding = binding
            self._places = Places(shared.store, shared.study.journal.prefix, binding, self.root)
            self._spool = Path(tempfile.mkdtemp(prefix="automl-"))
            source = self.source(binding, self._spool)
            begun = shared.study.state.works[self.slot].last_attempt(self.task_index)
        log = self._spool / "log.txt"
        self._watched = Attempt(watch, source, log, self._emit, cost=self.price, say=self.lines.say)
        if begun is not None and time.time() - begun.started > RESTARTED_AFTER:
            self._watched.say(
                "the watching was taken up again: the output is read from its beginning, only news is shown"
            )
            self._replaying = True
        if self._closed:  # it was cancelled meanwhile, which no thread hears of
            self._let_go()
        return self._watched

    def _emit(self, line: str) -> None:
        if not self._replaying:
            self.lines.line(line)

    def _take(self, watched: Attempt, lines: list[str], notes: list[str], ended: bool) -> bool:
        """Take in what is new. Returns whether the job has to be ended."""
        assert self._shared is not None
        watched.feed(lines)
        for note in notes:
            watched.say(note)
        watched.poll()
        watched.watch.publish_if_due()
        if ended:
            return False
        with self._shared.lock:
            return watched.must_end() is not None

    def _record(self, status: Exit) -> tuple[Outcome, Told]:
        """Keep what the attempt made and tell the study how it ended."""
        from automl_core.backends.base import Cause
        from automl_core.states import TrialState
        from automl_core.storage.base import AccessRefused, StorageError, StorageUnavailable
        from automl_core.study import Outcome
        from automl_core.study.binder import becomes_the_trials

        assert self._watched is not None
        assert self._shared is not None
        assert self._places is not None
        with self._shared.lock:
            self._shared.study.refresh()
            if status.blameless and self._watched.must_end() is not None:
                status = replace(status, cause=Cause.TERMINATED)  # ended by an order given before a restart
            outcome = self._watched.outcome(status)
            current = self._binding is not None and self._shared.study.is_current(self._binding)
        if current:
            try:
                self._watched.watch.keep()
                if self._watched.log.is_file():
                    self._places.keep_log(self._watched.log)
                if becomes_the_trials(self._shared.study.state, self._watched.watch.binding.trial, outcome.state):
                    self._places.keep_model()
            except (StorageUnavailable, AccessRefused):  # a result is not given up for that: it is tried again
                raise
            except StorageError as error:
                reason = f"what the attempt made could not be stored: {error}"
                outcome = Outcome(TrialState.FAILED, reason, retryable=True, blameless=True, cost=outcome.cost)
            try:
                self._places.remove()
            except StorageError as error:  # a result is not given up because that fails
                self.lines.warning("what only the attempt needed was not removed: %s", error)
        return outcome, self._tell(outcome)

    def _tell(self, outcome: Outcome) -> Told:
        assert self._shared is not None
        assert self._binding is not None
        with self._shared.lock:
            self._had_stopped = self._shared.study.state.stop is not None
            told = self._shared.study.tell(self._binding, outcome)
        self._unwatch()
        return told

    def _unwatch(self) -> None:
        shared, binding, watched = self._shared, self._binding, self._watched
        if shared is None or binding is None or watched is None:
            return
        if shared.watches.get(binding.trial) is watched.watch:
            del shared.watches[binding.trial]

    def _recorded(self) -> tuple[Outcome, Told] | None:
        """What was recorded of this attempt by a trigger that came no further; None where a worker is to ask anew."""
        assert self._shared is not None
        with self._shared.lock:
            study = self._shared.study
            found = recorded_end(study, self.slot, self.task_index, self.attempt)
            self._binding = study.binding(self.slot, self.task_index) if found is not None else self._binding
            return found

    def _event(self, outcome: Outcome, told: Told) -> TriggerEvent:
        """How the task goes on."""
        assert self._shared is not None
        assert self._binding is not None
        with self._shared.lock:
            lane = self._shared.study.state.lanes is not None
        ends = told.stop is not None and not self._had_stopped
        return task_event(
            self._binding, self.attempt, outcome, told, lane=lane, ends=ends, log=self.lines, stage=self.stage
        )

    # --- the loop --------------------------------------------------------------------------------

    async def _follow(self, remote: RemoteJob, watched: Attempt) -> Exit:
        """Poll until the job has ended; ends it when the study says so."""
        from automl_core.backends.remote import Unreachable

        asked_to_end, unreachable = False, False
        clock = asyncio.get_running_loop().time
        while True:
            began = clock()
            try:
                report = await remote.poll()
                if unreachable:
                    watched.say("it can be reached again")
                unreachable = False
                async for must_end in self._read(watched, report):
                    if must_end and not asked_to_end:
                        await remote.end(self.grace)
                        asked_to_end = True
                if report.exit is not None:
                    return report.exit
            except Unreachable as error:
                if not unreachable:
                    watched.say(f"it can't be reached, the trial goes on and is asked again: {error}")
                unreachable = True
            wait = min(1.0, self.interval()) if asked_to_end else self.interval()
            await remote.wait(max(0.1, wait - (clock() - began)))

    async def _read(self, watched: Attempt, report: Report) -> AsyncIterator[bool]:
        """Take in a report, the trials of a process in turns. Yields now and then whether the job has to be ended."""
        clock = asyncio.get_running_loop().time
        looked = clock()
        *many, rest = slices(report.lines)
        if report.began is not None and waits(self.job) and self._binding is not None:
            self.job = await self.threads.call(left_queue, self._shared, self._binding, self.job, report.began)
        for lines in many:  # work for the processor alone: other trials' turns come between two slices
            await reading_threads().call(watched.feed, lines)
            if report.exit is None and clock() - looked >= max(LOOK_AFTER, self.interval()):
                yield await self.threads.call(self._take, watched, [], [], False)
                looked = clock()
        if not self._replaying and is_idle(self._shared, self._binding, watched, report):
            return
        must_end = await self.threads.call(self._take, watched, rest, report.notes, report.exit is not None)
        self._replaying = self._replaying and not report.current
        yield must_end

    async def _patiently(self, function: Any, *args: Any) -> Any:
        """Do something with the store that must be done, however long the store is away."""
        return await until_done(function, *args, log=self.lines, threads=self.threads)
