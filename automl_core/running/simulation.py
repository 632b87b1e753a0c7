"""Whole experiments on simulated time: hundreds of trials with early stops, failures and retries at once.

Nothing is simulated but the training and the clock: study, journal, search, stopping rules and
metrics are the ones that run in Airflow. Slots behave as mapped task instances do: as many at
once as the file allows, tried again after a while when a training failed or a worker died.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from automl_core.metrics.series import Point
from automl_core.running.watch import Watch
from automl_core.space import Params
from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.storage.base import ObjectStore
from automl_core.study import Binding, Journal, NotNow, Outcome, Study
from automl_core.study.layout import experiment_prefix
from automl_core.study.state import StopRecord


@dataclass(frozen=True, slots=True)
class SimulatedTraining:
    """What an attempt at a training task does.

    Attributes:
        metrics: step → metrics, reported in this order; each step takes ``seconds_per_step``.
        seconds_per_step: simulated seconds of one step.
        ending: how it ends after its last step: well, with a failure worth another attempt, or with its
            worker gone without a word.
    """

    metrics: Mapping[int, Mapping[str, float]]
    seconds_per_step: float = 1.0
    ending: Literal["succeeds", "fails", "worker_dies"] = "succeeds"


Trainer: TypeAlias = Callable[[Binding, Params], SimulatedTraining]
"""From an attempt and its combination to what it does."""


@dataclass(slots=True)
class _Attempt:
    binding: Binding
    watch: Watch
    steps: list[tuple[int, Mapping[str, float]]]
    training: SimulatedTraining
    started: float


@dataclass(slots=True)
class SimulatedRun:
    """What a simulation ended with.

    Attributes:
        study: the study, to be looked into.
        stop: why it ended.
        seconds: simulated seconds from its start to its end.
        busiest: most trials that ran at the same time.
        skipped: slots that were never bound.
    """

    study: Study
    stop: StopRecord
    seconds: float
    busiest: int
    skipped: list[int] = field(default_factory=list)


class Simulation:
    """One experiment on simulated time."""

    def __init__(
        self,
        experiment: Experiment,
        trainer: Trainer,
        store: ObjectStore,
        *,
        run: str = "simulated",
        start_delay: float = 0.0,
        worker_timeout: float = 20.0,
    ) -> None:
        """Make ready.

        Args:
            experiment: the file.
            trainer: what each attempt does.
            store: where the journal is kept (in memory, for speed).
            run: the run's id.
            start_delay: seconds from a free place to the next slot's start, as Airflow needs some.
            worker_timeout: seconds after which the death of a worker is noticed and its slot tried again.
        """
        self.now = 1_000_000.0
        self._trainer, self._start_delay, self._worker_timeout = trainer, start_delay, worker_timeout
        journal = Journal(store, experiment_prefix(experiment.name, run), clock=lambda: self.now, sleep=lambda _: None)
        self.study = Study.create(journal, experiment, run, [])
        self._store = store
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._active = 0
        self._busiest = 0
        lanes = self.study.state.lanes
        self._queue: list[int] = list(range(lanes or int(self.study.state.plan["slots"])))
        self._waiting: list[int] = []
        self._skipped: list[int] = []

    def run(self) -> SimulatedRun:
        """Run to the end.

        Raises:
            RuntimeError: slots wait for one another for ever; names them.
        """
        started = self.now
        self._fill()
        while self._events:
            self.now, _, action = heapq.heappop(self._events)
            action()
            if not self._events and self._waiting:
                before = self.study.state.seq
                self._wake()
                if not self._events and self.study.state.seq == before and self._waiting:
                    raise RuntimeError(f"slots {self._waiting} wait for nothing: {self.study.state.seq} records")
        stop = self.study.finish()
        return SimulatedRun(self.study, stop, self.now - started, self._busiest, sorted(self._skipped))

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._count), action))

    def _fill(self) -> None:
        """Start queued slots while there are free places; a slot that waits holds its place, as in Airflow."""
        limit = self.study.experiment.trials.concurrency
        while self._queue and self._active < limit:
            slot = self._queue.pop(0)
            self._active += 1
            self._later(self._start_delay, lambda slot=slot: self._start(slot))  # type: ignore[misc]

    def _start(self, slot: int) -> None:
        laned = self.study.state.lanes is not None
        answer = self.study.ask(None if laned else slot, lane=slot if laned else None)
        if isinstance(answer, NotNow):
            self._waiting.append(slot)
            return
        if not isinstance(answer, Binding):
            self._skipped.append(slot)
            self._release()
            return
        self._attempt(slot, answer)

    def _attempt(self, slot: int, binding: Binding) -> None:
        training = self._trainer(binding, binding.params)
        watch = Watch(
            self.study, self._store, binding, clock=lambda: self.now, publish_every=0.0, order_every=0.0
        )  # fmt: skip
        attempt = _Attempt(binding, watch, list(training.metrics.items()), training, self.now)
        self._busiest = max(self._busiest, len(self.study.state.running))
        self._later(training.seconds_per_step, lambda: self._step(slot, attempt))

    def _step(self, slot: int, attempt: _Attempt) -> None:
        if attempt.steps:
            step, metrics = attempt.steps.pop(0)
            attempt.watch.observe([Point(step, dict(metrics))])
            verdict = attempt.watch.verdict()
            if verdict is not None:
                self._end(slot, attempt, attempt.watch.ended_as(*verdict, seconds=self.now - attempt.started))
            elif attempt.steps:
                self._later(attempt.training.seconds_per_step, lambda: self._step(slot, attempt))
            else:
                self._finish(slot, attempt)
        else:
            self._finish(slot, attempt)

    def _finish(self, slot: int, attempt: _Attempt) -> None:
        seconds = self.now - attempt.started
        ending = attempt.training.ending
        if ending == "worker_dies":
            self._later(self._worker_timeout, lambda: self._start(slot))
        elif ending == "fails":
            self._end(
                slot, attempt,
                attempt.watch.ended_as(TrialState.FAILED, "simulated failure", seconds=seconds, retryable=True),
            )  # fmt: skip
        else:
            self._end(slot, attempt, attempt.watch.outcome(seconds=seconds))

    def _end(self, slot: int, attempt: _Attempt, outcome: Outcome) -> None:
        told = self.study.tell(attempt.binding, outcome)
        if told.stop is not None and self.study.state.lanes is None:
            unbound = set(told.unbound) - {slot}
            self._skipped += [s for s in (*self._queue, *self._waiting) if s in unbound]
            self._active -= sum(1 for s in self._waiting if s in unbound)
            self._queue = [s for s in self._queue if s not in unbound]
            self._waiting = [s for s in self._waiting if s not in unbound]
        more_tasks = attempt.binding.task < len(self.study.experiment.tasks) - 1
        if told.retry:
            self._later(self.study.experiment.trials.retry_delay, lambda: self._start(slot))
        elif told.accepted and more_tasks and outcome.state is TrialState.SUCCEEDED:
            answer = self.study.resume(attempt.binding.slot, attempt.binding.task + 1)
            if isinstance(answer, Binding):
                self._attempt(slot, answer)
            else:
                self._release()
        elif self.study.state.lanes is not None:
            self._later(0.0, lambda: self._start(slot))
        else:
            self._release()
        self._wake()

    def _release(self) -> None:
        self._active -= 1
        self._fill()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for slot in waiting:
            self._later(0.0, lambda slot=slot: self._start(slot))  # type: ignore[misc]
