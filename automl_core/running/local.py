"""Running one attempt of a training task as a process on this machine, from its start to its record."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from automl_core.backends.base import Exit, StartError
from automl_core.backends.contract import TrialContext, substitute
from automl_core.backends.local import LocalProcess
from automl_core.backends.ready import ReadyGuard
from automl_core.backends.substitution import PlaceholderError
from automl_core.code import CodeError
from automl_core.data.access import Access, DataError, FromEnvironment
from automl_core.data.cache import Changing, Unwanted
from automl_core.data.inputs import Opened
from automl_core.environments import EnvironmentProblem, Held, NotWanted
from automl_core.metrics.sources import open_source
from automl_core.running.attempt import Attempt, first_step, not_started
from automl_core.running.bringing import digest_of, spec_text
from automl_core.running.data import data_of, warn_of_changes
from automl_core.running.details import are_due, keep_details
from automl_core.running.environment import hold_environment, without_environment
from automl_core.running.folders import Folders
from automl_core.running.patience import PATIENCE, on_disk, patiently
from automl_core.running.watch import Watch
from automl_core.spec.dates import run_dates
from automl_core.spec.tasks import LocalTask
from automl_core.states import NEVER_BEGAN, TrialState
from automl_core.storage.base import ObjectStore, StorageError, StorageUnavailable
from automl_core.study import Binding, Outcome, Study, Told
from automl_core.study.binder import becomes_the_trials
from automl_core.study.stages import inputs_of

T = TypeVar("T")


class LocalRun:
    """One attempt on this machine.

    `run` blocks until the attempt has ended and is recorded. `kill` may be called meanwhile, from a
    signal handler too.

    Attributes:
        context: the trial as its training sees it, once its folders are laid out.
        job: its process, once there is one.
        status: how that ended, once it has.
        lines: of output so far.
    """

    def __init__(
        self, study: Study, store: ObjectStore, binding: Binding, *, home: Path, emit: Callable[[str], None],
        patience: float = PATIENCE, bundle: Path | None = None, access: Access | None = None,
        ready: ReadyGuard | None = None,
    ) -> None:  # fmt: skip
        """Make ready.

        Args:
            study: the experiment.
            store: its model storage path.
            binding: the attempt.
            home: folder to which a task's ``cwd`` is relative (AUTOML_HOME).
            emit: takes each line of the training process's output.
            patience: seconds that the store may be away before the training begins, and once it has ended.
            bundle: folder of the DAG bundle that the experiment file comes from; ``home`` where there is none.
            access: opens what data sets lie in; with the environment's keys when None.
            ready: a guard that was started ahead of the attempt; whoever gives it closes it where it was not taken.

        Raises:
            TypeError: the training task is not a local one.
            StorageError: what the attempts before have reported can't be read now.
        """
        task = study.experiment.tasks[binding.task]
        if not isinstance(task, LocalTask):
            raise TypeError(f"{task.name} is no local training task")
        self.study, self.store, self.binding, self.task, self.home = study, store, binding, task, home
        self.bundle = bundle or home
        self.folders = Folders(
            store, study.journal.prefix, binding, inputs_of(study.journal.prefix, study.experiment, study.state.inputs)
        )
        self.watch = Watch(study, store, binding)
        self.context: TrialContext | None = None
        self.job: LocalProcess | None = None
        self.status: Exit | None = None
        self.lines = 0
        self._data = data_of(study, home, bundle, access or FromEnvironment())
        self._opened = Opened()
        self._environment: Held | None = None
        self._emit, self._patience, self._ready = emit, patience, ready
        self._ordered: tuple[TrialState, str] | None = None
        self._parent = os.getppid()

    def kill(self, state: TrialState, reason: str) -> None:
        """Have the attempt ended as soon as possible, as cancelled. Safe in a signal handler."""
        self._ordered = (state, reason)
        if self.job is not None:
            self.job.terminate(self.task.grace)

    def run(self) -> tuple[Outcome, Told]:
        """Run the attempt to its end and record it.

        Raises:
            StorageError: the store was away for longer than the patience. Nothing is recorded then: to the study the
                attempt is one whose worker was lost, which is no failure of the training.
        """
        try:
            outcome = self._run()
            told = self._patiently(lambda: self.study.tell(self.binding, outcome))
            self._tell_details(outcome, told)
        finally:
            self._opened.release()
            if self._environment is not None:
                self._environment.release()
            self.folders.remove(self._emit)
        return outcome, told

    def _tell_details(self, outcome: Outcome, told: Told) -> None:
        """Sum up the predictions that the training has left, once its end stands: nobody waits for that."""
        if told.accepted and are_due(self.study, self.binding, outcome):
            model, trial = self.folders.kept_model, self.binding.trial
            keep_details(self.study, trial, model, self._emit, wanted=lambda: self._ordered is None)

    def _patiently(self, call: Callable[[], T], *, refused: bool = True) -> T:
        return patiently(
            call, patience=self._patience, refused=refused, say=self._emit, wanted=lambda: self._ordered is None
        )

    def _run(self) -> Outcome:
        self._patiently(lambda: on_disk(self.folders.prepare, "prepare the attempt's folders"), refused=False)
        try:
            self._opened = self._patiently(self._open_data)
            self.context = self._context()
            self._bring(self.context)
            self._environment = hold_environment(
                self.study.experiment, self.folders.code, self.home, say=self._emit, wanted=self._is_wanted
            )
            outcome = self._train(self.context)
        except (Unwanted, NotWanted):
            assert self._ordered is not None
            outcome = Outcome(*self._ordered, kind=NEVER_BEGAN)
        except Changing as error:
            outcome = Outcome(TrialState.FAILED, str(error), retryable=True, blameless=True, kind="data")
        except EnvironmentProblem as error:
            outcome = without_environment(self.binding, error)
        except DataError as error:
            outcome = not_started(self.study, self.binding, StartError(str(error), systematic=True))
        except (StartError, PlaceholderError) as error:
            outcome = not_started(self.study, self.binding, error)
        return self._keep(outcome)

    def _open_data(self) -> Opened:
        """The data sets, brought here; the attempt is warned of what has changed since the run began."""
        opened = self._data.open_here(say=self._emit, wanted=lambda: self._ordered is None)
        try:
            warn_of_changes(self.study, self.binding, opened.changed, self._emit)
        except BaseException:
            opened.release()
            raise
        return opened

    def _is_wanted(self) -> bool:
        """Whether the attempt is still to train: while its environment is made, nobody else looks."""
        if self._ordered is None and os.getppid() != self._parent:
            self._ordered = (TrialState.SYS_CANCELED, "the worker that ran this attempt is gone")
        if self._ordered is None:
            self._ordered = self.watch.verdict()
        return self._ordered is None

    def _context(self) -> TrialContext:
        binding, state, experiment = self.binding, self.study.state, self.study.experiment
        spec, code = experiment.spec_file, experiment.code
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
            bundle_dir=str(self.bundle.absolute()),
            prepared_dir=str(self.folders.prepared) if self.folders.prepared else None,
            trials_file=str(self.folders.trials) if self.folders.trials else None,
            dates=run_dates(state.identity),
            spec_file=str(self.folders.spec_file(spec.file_name)) if spec is not None else None,
            code_dir=str(self.folders.code) if code is not None else None,
            data=self._opened.places,
            tables=self._opened.tables,
            columns=self.study.experiment.columns,
            goal=self.study.experiment.goal.told,
        )

    def _bring(self, context: TrialContext) -> None:
        """Write the spec file and unpack the code, where the experiment has them.

        Raises:
            StartError: they can't be had.
            PlaceholderError: a ``${…}`` of the spec file has no meaning.
        """
        spec, digest = self.study.experiment.spec_file, digest_of(self.study.experiment)
        if spec is not None:
            text = spec_text(spec, context)
            self._patiently(
                lambda: on_disk(lambda: self.folders.write_spec(spec.file_name, text), "write the spec file"),
                refused=False,
            )
        if digest is not None:
            try:
                self._patiently(
                    lambda: on_disk(lambda: self.folders.unpack_code(digest), "unpack the code"), refused=False
                )
            except CodeError as error:
                raise StartError(f"code: {error}", systematic=True) from error

    def _train(self, context: TrialContext) -> Outcome:
        start = first_step(self.study, self.binding)
        source = open_source(self.task.metrics, lambda path: self._cwd(context) / substitute(path, context), start)
        python = self._environment.python if self._environment is not None else None
        limit = self.study.experiment.trials.timeout
        with LocalProcess(
            self.task, context, timeout=limit, home=self.home, python=python, ready=self._ready, as_printed=True
        ) as job:
            self.job = job
            attempt = Attempt(self.watch, source, self.folders.log, self._emit, mask=job.mask)
            if self._ordered is not None:
                job.terminate(0)  # killed before there was a job: start() starts nothing then
            job.start()
            self._follow(job, attempt)
            status = self.status = job.poll()
        assert status is not None
        attempt.ordered = attempt.ordered or self._ordered  # killed in the last moment
        return attempt.outcome(status)

    def _follow(self, job: LocalProcess, attempt: Attempt) -> None:
        polled = time.monotonic()
        for lines in job.follow(interval=0.25):
            attempt.feed(lines)
            self.lines += len(lines)
            now = time.monotonic()
            if now - polled >= 1.0:
                polled = now
                attempt.poll()
            if attempt.ordered is None:
                attempt.ordered = self._ordered
                if os.getppid() != self._parent:
                    attempt.ordered = (TrialState.SYS_CANCELED, "the worker that ran this attempt is gone")
                if attempt.must_end() is not None:
                    job.terminate(self.task.grace)

    def _cwd(self, context: TrialContext) -> Path:
        return self.home / substitute(self.task.folder(code=context.code_dir is not None), context)

    def _keep(self, outcome: Outcome) -> Outcome:
        """Bring what the attempt made into the store; nobody is to blame for a store that refuses it.

        Raises:
            StorageUnavailable: the store was away for longer than the patience.
        """
        try:
            self._patiently(lambda: on_disk(lambda: self._store(outcome), "keep what the attempt made"))
        except StorageUnavailable:
            raise
        except StorageError as error:
            reason = f"what the attempt made could not be stored: {error}"
            return Outcome(TrialState.FAILED, reason, retryable=True, blameless=True, cost=outcome.cost)
        return outcome

    def _store(self, outcome: Outcome) -> None:
        self.study.refresh()
        if not self.study.is_current(self.binding):
            return  # a later attempt has taken over: what lies there is its
        self.watch.keep()
        self.folders.keep_log()
        self.folders.keep_checkpoint()
        if becomes_the_trials(self.study.state, self.binding.trial, outcome.state):
            self.folders.keep_model()
