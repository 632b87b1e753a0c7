"""Running one attempt of a training task as a process on this machine, from its start to its record."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from automl_core.backends.base import Cause, Exit, StartError
from automl_core.backends.contract import TrialContext, substitute
from automl_core.backends.local import LocalProcess
from automl_core.backends.template import TemplateError
from automl_core.metrics.errors import MetricError
from automl_core.metrics.sources import MetricSource, open_source
from automl_core.running.folders import Folders
from automl_core.running.watch import Watch
from automl_core.spec.models import LocalTask
from automl_core.states import TrialState
from automl_core.storage.base import ObjectStore, StorageError
from automl_core.study import Binding, Outcome, Study, Told

TAIL_LINES = 40
"""Last lines of a log that a message shows."""

MAX_LOG_BYTES = 20_000_000
"""Bytes of an attempt's output that are published with its trial."""

MAX_EMITTED_BYTES = 5_000_000
"""Bytes of an attempt's output that go to Airflow's task log as they are."""


class LocalRun:
    """One attempt on this machine.

    `run` blocks until the attempt has ended and is recorded. `kill` may be called meanwhile, from a
    signal handler too.
    """

    def __init__(
        self, study: Study, store: ObjectStore, binding: Binding, *, home: Path, emit: Callable[[str], None]
    ) -> None:
        """Make ready.

        Args:
            study: the experiment.
            store: its model storage path.
            binding: the attempt.
            home: folder to which a task's ``cwd`` is relative (AUTOML_HOME).
            emit: takes each line of the training process's output.

        Raises:
            TypeError: the training task is not a local one.
        """
        task = study.experiment.tasks[binding.task]
        if not isinstance(task, LocalTask):
            raise TypeError(f"{task.name} is no local training task")
        self.study, self.store, self.binding, self.task, self.home = study, store, binding, task, home
        self.folders = Folders(store, study.journal.prefix, binding)
        self.watch = Watch(study, store, binding)
        self._emit = emit
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._ordered: tuple[TrialState, str] | None = None
        self._job: LocalProcess | None = None
        self._parent = os.getppid()

    def kill(self, state: TrialState, reason: str) -> None:
        """Have the attempt ended as soon as possible, as cancelled. Safe in a signal handler."""
        self._ordered = (state, reason)
        if self._job is not None:
            self._job.terminate(self.task.grace)

    def run(self) -> tuple[Outcome, Told]:
        """Run the attempt to its end and record it."""
        try:
            outcome = self._run()
        finally:
            self.folders.remove(self._emit)
        return outcome, self.study.tell(self.binding, outcome)

    def _run(self) -> Outcome:
        self.folders.prepare()
        context = self._context()
        with self.folders.log.open("w", encoding="utf-8", errors="replace") as self._log_file:
            self._bytes = 0
            try:
                outcome = self._train(context)
            except (StartError, TemplateError) as error:
                outcome = Outcome(TrialState.FAILED, f"tasks.{self.task.name}: {error}")
        return self._keep(outcome)

    def _context(self) -> TrialContext:
        binding, state = self.binding, self.study.state
        return TrialContext(
            experiment_id=state.name,
            run_id=state.run,
            trial=binding.trial,
            attempt=binding.attempt,
            params=binding.params,
            budget=binding.budget,
            resume_from=str(self.folders.resume_from) if self.folders.resume_from else None,
            checkpoint_dir=str(self.folders.checkpoint),
            model_dir=str(self.folders.model),
            inactive=frozenset(self.study.space.by_name) - binding.params.keys(),
        )

    def _train(self, context: TrialContext) -> Outcome:
        source = open_source(
            self.task.metrics, lambda path: self._cwd(context) / substitute(path, context), start=self._first_step()
        )
        with LocalProcess(self.task, context, timeout=self.study.experiment.trials.timeout, home=self.home) as job:
            self._job = job
            if self._ordered is not None:
                job.terminate(0)  # killed before there was a job: start() starts nothing then
            job.start()
            self._follow(job, source)
            status = job.poll()
        assert status is not None
        return self._judge(status, source)

    def _follow(self, job: LocalProcess, source: MetricSource) -> None:
        polled = time.monotonic()
        for lines in job.follow(interval=0.25):
            for line in lines:
                points = source.feed(line)
                self._line(line, worth=bool(points))
                self.watch.observe(points)
            now = time.monotonic()
            if now - polled >= 1.0:
                polled = now
                self.watch.observe(source.poll())
            if self._ordered is None:
                self._ordered = self._must_end()
                if self._ordered is not None:
                    self._emit(f"ending the training: {self._ordered[1]}")
                    job.terminate(self.task.grace)

    def _must_end(self) -> tuple[TrialState, str] | None:
        if os.getppid() != self._parent:
            return (TrialState.SYS_CANCELED, "the worker that ran this attempt is gone")
        return self.watch.verdict()

    def _judge(self, status: Exit, source: MetricSource) -> Outcome:
        seconds, tail = status.seconds, list(self._tail)
        if status.cause is Cause.TERMINATED and self._ordered is not None:
            self.watch.observe(source.poll())
            state, reason = self._ordered
            if state is TrialState.FAILED:
                reason = f"{reason}. Its last lines:\n" + "\n".join(tail)
            return self.watch.ended_as(state, reason, seconds=seconds)
        if status.ok:
            try:
                self.watch.observe(source.finish())
            except MetricError as error:
                return Outcome(TrialState.FAILED, error.explain(tail), cost=self.watch.cost(seconds))
            return self.watch.outcome(tail=tail, seconds=seconds)
        shown = "\n".join(tail)
        reason = f"{status.reason}. Its last lines:\n{shown}" if shown else f"{status.reason}. It printed nothing."
        retryable = status.cause is not Cause.TIMEOUT
        return self.watch.ended_as(TrialState.FAILED, reason, seconds=seconds, retryable=retryable)

    def _first_step(self) -> int:
        """Where steps that are only counted begin: after those of the trial's earlier budgets."""
        state = self.study.state
        slots = state.trials[self.binding.trial].slots
        steps = [step for slot in slots if slot != self.binding.slot for step, _ in state.works[slot].points]
        return max(steps) + 1 if steps and self.binding.resume_budget is not None else 0

    def _cwd(self, context: TrialContext) -> Path:
        return self.home / substitute(self.task.cwd or ".", context)

    def _line(self, line: str, *, worth: bool) -> None:
        """Hand on a line of output; of a flood only what is worth it (metrics), and the end for messages."""
        self._tail.append(line[:2000])
        before, self._bytes = self._bytes, self._bytes + len(line) + 1
        if before < MAX_EMITTED_BYTES or worth:
            self._emit(line)
        if before < MAX_EMITTED_BYTES <= self._bytes:
            self._emit(f"[more than {MAX_EMITTED_BYTES // 1_000_000} MB of output: from here on metrics only]")
        if before < MAX_LOG_BYTES:
            self._log_file.write(line + "\n")
            if self._bytes >= MAX_LOG_BYTES:
                self._log_file.write(f"[cut: the output has more than {MAX_LOG_BYTES // 1_000_000} MB]\n")

    def _keep(self, outcome: Outcome) -> Outcome:
        """Bring what the attempt made into the store; a store that refuses fails the attempt, to be tried again."""
        try:
            self.study.refresh()
            if not self.study.is_current(self.binding):
                return outcome  # a later attempt has taken over: what lies there is its
            self.folders.keep_log()
            self.folders.keep_checkpoint()
            if outcome.state.has_value:
                self.folders.keep_model()
        except (StorageError, OSError) as error:
            reason = f"what the attempt made could not be stored: {error}"
            return Outcome(TrialState.FAILED, reason, retryable=True, cost=outcome.cost)
        return outcome
