"""Whole experiments on simulated time: hundreds of trials with early stops, failures and retries at once.

Nothing is simulated but the training and the clock: study, journal, search, stopping rules and
metrics are the ones that run in Airflow. Slots behave as mapped task instances do: as many at
once as the file allows, tried again after a while when a training failed or a worker died (their
place is free meanwhile, and the training task that they were at is where they go on).
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Literal, TypeAlias

from automl_core.metrics.series import Point
from automl_core.running.watch import Watch
from automl_core.space import Params
from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.storage.base import ObjectStore
from automl_core.study import Answer, Binding, NotNow, Outcome, Study, StudyJournal
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

    metrics: Mapping[float, Mapping[str, float]]
    seconds_per_step: float = 1.0
    ending: Literal["succeeds", "fails", "worker_dies"] = "succeeds"
    reason: str = "simulated failure"


Trainer: TypeAlias = Callable[[Binding, Params], SimulatedTraining]
"""From an attempt and its combination to what it does."""


@dataclass(slots=True)
class _Attempt:
    binding: Binding
    watch: Watch
    steps: list[tuple[float, Mapping[str, float]]]
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
        ahead: int = 0,
    ) -> None:
        """Make ready.

        Args:
            experiment: the file.
            trainer: what each attempt does.
            store: where the journal is kept (in memory, for speed).
            run: the run's id.
            start_delay: seconds from a free place to the next slot's start, as Airflow needs some.
            worker_timeout: seconds after which the death of a worker is noticed and its slot tried again.
            ahead: slots that are started beyond the places, and wait for one.
        """
        self.now = 1_000_000.0
        self._trainer, self._start_delay, self._worker_timeout = trainer, start_delay, worker_timeout
        self._ahead = ahead
        journal = StudyJournal(
            store, experiment_prefix(experiment.name, run), clock=lambda: self.now, sleep=lambda _: None
        )
        self.study = Study.create(journal, experiment, run, [])
        self._store = store
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = itertools.count()
        self._active = 0
        self._busiest = 0
        lanes = self.study.state.lanes
        self._queue = deque((slot, 0) for slot in range(lanes or int(self.study.state.plan["slots"])))
        self._waiting: list[tuple[int, int, int]] = []  # slot, training task, what of the journal it has seen
        self._skipped: list[int] = []
        self._lost: set[int] = set()

    def at(self, seconds: float, action: Callable[[Study], object]) -> None:
        """Have something done so many simulated seconds from now, as by a person: a stop, a cancelled trial."""

        def act() -> None:
            action(self.study)
            self._wake()

        self._later(seconds, act)

    def run(self) -> SimulatedRun:
        """Run to the end.

        Raises:
            RuntimeError: slots wait for one another for ever; names them.
        """
        started = ended = self.now
        self._fill()
        while self._events:
            self.now, _, action = heapq.heappop(self._events)
            before = self.study.state.seq
            action()
            if self.study.state.seq != before:
                ended = self.now
            if not self._events and self._waiting:
                if all(seen == self.study.state.seq for _, _, seen in self._waiting):
                    slots = sorted(slot for slot, _, _ in self._waiting)
                    raise RuntimeError(f"slots {slots} wait for nothing, after {before} records of the journal")
                self._wake()
        stop = self.study.finish()
        return SimulatedRun(self.study, stop, ended - started, self._busiest, sorted(self._skipped))

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._events, (self.now + seconds, next(self._count), action))

    def _fill(self) -> None:
        """Start queued slots while there are free places; a slot that waits holds its place, as in Airflow."""
        limit = self.study.experiment.trials.concurrency + self._ahead
        while self._queue and self._active < limit:
            self._active += 1
            self._later(self._start_delay, partial(self._start, *self._queue.popleft()))

    def _start(self, slot: int, task: int) -> None:
        self._lost.discard(slot)
        answer = self._ask(slot, task)
        if isinstance(answer, NotNow) and self._lost:
            for lost in sorted(self._lost):
                self.study.release(lost)
            self._lost.clear()
            answer = self._ask(slot, task)
        if isinstance(answer, NotNow) and answer.give_way:
            self._try_again(slot, task, self._worker_timeout)
            return
        if isinstance(answer, NotNow):
            self._waiting.append((slot, task, answer.seq))
            if answer.patience is not None:
                self._later(answer.patience, self._wake)
            return
        if not isinstance(answer, Binding):
            if slot not in self.study.state.works:
                self._skipped.append(slot)
            self._release()
            return
        self._attempt(slot, answer)

    def _ask(self, slot: int, task: int) -> Answer:
        if self.study.state.lanes is not None:
            return self.study.ask(lane=slot)
        return self.study.resume(slot, task) if task else self.study.ask(slot)

    def _attempt(self, slot: int, binding: Binding) -> None:
        training = self._trainer(binding, binding.params)
        watch = Watch(
            self.study, self._store, binding, clock=lambda: self.now, publish_every=0.0, order_every=0.0
        )  # fmt: skip
        attempt = _Attempt(binding, watch, list(training.metrics.items()), training, self.now)
        self._busiest = max(self._busiest, len(self.study.state.running))
        self._later(training.seconds_per_step, partial(self._step, slot, attempt))

    def _step(self, slot: int, attempt: _Attempt) -> None:
        if attempt.steps:
            step, metrics = attempt.steps.pop(0)
            attempt.watch.observe([Point(step, dict(metrics))])
            seq = self.study.state.seq
            verdict = attempt.watch.verdict()
            if self.study.state.seq != seq:  # it has said that the goal was reported
                self._wake()
            if verdict is not None:
                self._end(
                    slot, attempt, attempt.watch.ended_as(*verdict, cost=attempt.watch.cost(self.now - attempt.started))
                )
            elif attempt.steps:
                self._later(attempt.training.seconds_per_step, partial(self._step, slot, attempt))
            else:
                self._finish(slot, attempt)
        else:
            self._finish(slot, attempt)

    def _finish(self, slot: int, attempt: _Attempt) -> None:
        cost = attempt.watch.cost(self.now - attempt.started)
        ending = attempt.training.ending
        if ending == "worker_dies":
            self._later(self._worker_timeout, partial(self._notice, slot, attempt.binding))
        elif ending == "fails":
            failed = attempt.watch.ended_as(TrialState.FAILED, attempt.training.reason, cost=cost, retryable=True)
            self._end(slot, attempt, failed)
        else:
            self._end(slot, attempt, attempt.watch.outcome(cost=cost))

    def _end(self, slot: int, attempt: _Attempt, outcome: Outcome) -> None:
        told = self.study.tell(attempt.binding, outcome)
        if told.stop is not None and self.study.state.lanes is None:
            self._skip(set(told.unbound))
        more_tasks = attempt.binding.task < len(self.study.experiment.tasks) - 1
        if told.retry:
            self._try_again(slot, attempt.binding.task, self.study.experiment.trials.retry_delay)
        elif told.accepted and more_tasks and outcome.state is TrialState.SUCCEEDED:
            answer = self.study.resume(attempt.binding.slot, attempt.binding.task + 1)
            if isinstance(answer, Binding):
                self._attempt(slot, answer)
            else:
                self._release()
        elif self.study.state.lanes is not None:
            self._later(0.0, partial(self._start, slot, 0))
        else:
            self._release()
        self._wake()

    def _skip(self, unbound: set[int]) -> None:
        self._skipped += [item[0] for item in (*self._queue, *self._waiting) if item[0] in unbound]
        self._active -= sum(1 for item in self._waiting if item[0] in unbound)
        self._queue = deque(item for item in self._queue if item[0] not in unbound)
        self._waiting = [item for item in self._waiting if item[0] not in unbound]

    def _notice(self, slot: int, binding: Binding) -> None:
        """Airflow has seen that a worker is dead; the journal learns it from whoever finds no place free."""
        if self.study.state.lanes is None:
            self._lost.add(binding.slot)
        self._try_again(slot, binding.task, self.study.experiment.trials.retry_delay)
        self._wake()

    def _try_again(self, slot: int, task: int, delay: float) -> None:
        """Give the place to others until the slot's time has come; then it is the first in the queue."""

        def queue() -> None:
            self._queue.appendleft((slot, task))
            self._fill()

        self._later(delay, queue)
        self._release()

    def _release(self) -> None:
        self._active -= 1
        self._fill()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for slot, task, _ in waiting:
            self._later(0.0, partial(self._start, slot, task))
