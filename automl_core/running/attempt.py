"""One attempt at a training task as it is read and judged, wherever it runs."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from automl_core.backends.base import Cause, Exit
from automl_core.masking import Mask
from automl_core.metrics.errors import MetricError, PatternTooSlow
from automl_core.metrics.points import News
from automl_core.metrics.sources import MetricSource
from automl_core.running.failures import (
    digest_of_end,
    digest_of_words,
    kind_of,
    lies_in_the_command,
    names_a_value,
    started_by_combination,
)
from automl_core.running.watch import Watch
from automl_core.space import Params
from automl_core.spec.maxcompute import MaxComputeTask
from automl_core.spec.stages import StageExperiment
from automl_core.states import NEVER_BEGAN, TrialState
from automl_core.study import Binding, Outcome, Study
from automl_core.study.reasons import ITS_LAST_LINES, error_line, with_error

TAIL_LINES = 40
"""Last lines of a log that a message shows."""

_SHOWN = 2000
"""Letters of such a line."""

MAX_LOG_BYTES = 20_000_000
"""Bytes of an attempt's output that are published with its trial."""

MAX_EMITTED_BYTES = 5_000_000
"""Bytes of an attempt's output that go to Airflow's task log as they are."""


class Attempt:
    """What an attempt printed, and what to make of its end. Not shared between threads.

    The output goes to a file (the trial's log), to whoever runs the attempt (Airflow's task log), and through a
    metric source to the `Watch`; the last lines are kept for messages. What is known to be secret is hidden in all that
    people read of them (`automl_core.masking`), and not in what the metric source reads: a password of Airflow's may be
    a word of it.
    """

    def __init__(
        self,
        watch: Watch,
        source: MetricSource,
        log: Path,
        emit: Callable[[str], None],
        cost: Callable[[Exit], float] | None = None,
        say: Callable[[str], None] | None = None,
        mask: Callable[[str], str] | None = None,
    ) -> None:
        """Begin to read.

        Args:
            watch: of this attempt.
            source: where its metrics are read.
            log: the file for its output; its folder exists.
            emit: takes each line of output, for Airflow's task log.
            cost: price of the attempt once it has ended; by its seconds when left out.
            say: takes what people are told that the training did not print, where that goes another way; as `emit`
                when left out.
            mask: hides secrets in lines; what this process knows when left out.
        """
        self.watch, self.source, self.log = watch, source, log
        self.ordered: tuple[TrialState, str] | None = None
        self._emit, self._say, self._mask = emit, say or emit, mask or Mask()
        self._cost = cost or (lambda status: watch.cost(status.seconds))
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._bytes = 0
        self._unreadable: PatternTooSlow | None = None

    def feed(self, lines: Sequence[str]) -> None:
        """Take in lines of output, without their line ends; people see what a line that is drawn again ends as."""
        if not lines:
            return
        with self.log.open("a", encoding="utf-8", errors="replace") as file:
            for line in lines:
                points = self._points(line)
                if (shown := last_drawn(line)) is not None:
                    self._line(shown, file.write, worth=bool(points))
                self.watch.observe(points)

    def poll(self) -> None:
        """Take in the metrics that files tell."""
        self.watch.observe(self.source.poll())

    def must_end(self) -> tuple[TrialState, str] | None:
        """Whether the attempt has to be ended now: as what, and why. Once ordered, it stays ordered."""
        if self.ordered is None and self._unreadable is not None:
            self.watch.failing_kind = self._unreadable.kind
            self.ordered = (TrialState.FAILED, str(self._unreadable))
            self.say(f"ending the training: {self._unreadable}")
        elif self.ordered is None:
            self.ordered = self.watch.verdict()
            if self.ordered is not None:
                self.say(f"ending the training: {self.ordered[1]}")
        return self.ordered

    @property
    def is_idle(self) -> bool:
        """Whether nothing is left to read, write or judge until there are new lines or orders."""
        return self.ordered is None and self._unreadable is None and self.source.reads_output and self.watch.is_idle

    def say(self, line: str) -> None:
        """Tell people something that the training did not print."""
        self._say(line)

    def outcome(self, status: Exit) -> Outcome:
        """What to record of the attempt now that it has ended."""
        tail = [self._mask(line)[:_SHOWN] for line in self._tail]
        cost = self._cost(status)
        status = replace(status, reason=self._mask(status.reason))  # of several pods it has lines of the others
        if status.cause is Cause.TERMINATED and self.ordered is not None:
            self.poll()
            state, reason = self.ordered
            if state is TrialState.FAILED:
                reason = f"{reason}. {ITS_LAST_LINES}\n" + "\n".join(tail)
                kind = self.watch.failing_kind
                failed = self.watch.ended_as(state, reason, cost=cost)
                return replace(failed, kind=kind, error=digest_of_words(self.ordered[1], self._params))
            ended = self.watch.ended_as(state, reason, cost=cost)
            return replace(ended, kind=NEVER_BEGAN) if status.kind == NEVER_BEGAN else ended
        if status.ok:
            try:
                if self._unreadable is not None:  # it ended before it could be ended
                    raise self._unreadable
                self.watch.observe(self.source.finish())
            except MetricError as error:
                missed = self.watch.without_metrics(error, tail, cost)
                return replace(missed, reason=self._mask(missed.reason))
            return self.watch.outcome(tail=tail, cost=cost)
        shown, said = "\n".join(tail), error_line(tail)
        what = with_error(status.reason, tail)
        reason = f"{what}. {ITS_LAST_LINES}\n{shown}" if shown else f"{status.reason}. It printed nothing."
        systematic = self._is_systematic(status, said)
        retryable = status.retryable and not systematic
        failed = self.watch.ended_as(TrialState.FAILED, reason, cost=cost, retryable=retryable)
        kind = kind_of(status) or ("launch" if systematic else "")
        digest = digest_of_end(status, tail, self._params)
        return replace(failed, blameless=status.blameless, error=digest, kind=kind, systematic=systematic)

    @property
    def _params(self) -> Params:
        return self.watch.study.state.trials[self.watch.binding.trial].params

    def _is_systematic(self, status: Exit, said: str) -> bool:
        """Whether no other combination would mend a failure: nothing that it names comes from this one."""
        task, names = self.watch.study.experiment.tasks[self.watch.binding.task], self.watch.study.space.by_name
        if status.blameless or self.watch.series:
            return False
        if status.systematic:
            chosen = isinstance(task, MaxComputeTask) and names_a_value(status.reason, self._params)
            return not chosen and not started_by_combination(task, names)
        return status.cause is Cause.EXITED and lies_in_the_command(task, said)

    def _points(self, line: str) -> Sequence[News]:
        """The metrics in a line; none once a pattern has taken too long, which `must_end` tells."""
        if self._unreadable is None:
            try:
                return self.source.feed(line)
            except PatternTooSlow as error:
                self._unreadable = error
        return ()

    def _line(self, line: str, write: Callable[[str], object], *, worth: bool) -> None:
        """Hand on a line of output; of a flood only what is worth it (metrics), and the end for messages."""
        self._tail.append(line[: 2 * _SHOWN])  # hidden when it is asked for: a GB of lines would take a minute
        before, self._bytes = self._bytes, self._bytes + len(line) + 1
        if worth or before < max(MAX_EMITTED_BYTES, MAX_LOG_BYTES):
            line = self._mask(line)
        if before < MAX_EMITTED_BYTES or worth:
            self._emit(line)
        if before < MAX_EMITTED_BYTES <= self._bytes:
            self._say(f"[more than {MAX_EMITTED_BYTES // 1_000_000} MB of output: from here on metrics only]")
        if before < MAX_LOG_BYTES:
            write(line + "\n")
            if self._bytes >= MAX_LOG_BYTES:
                write(f"[cut: the output has more than {MAX_LOG_BYTES // 1_000_000} MB]\n")


def not_started(study: Study, binding: Binding, error: Exception) -> Outcome:
    """What to record of an attempt that could not be started.

    Args:
        study: the experiment.
        binding: the attempt.
        error: a `StartError`, or a `PlaceholderError` where this combination's values don't fit the command.
    """
    task = study.experiment.tasks[binding.task]
    where = study.experiment.stage if isinstance(study.experiment, StageExperiment) else "tasks"
    systematic = getattr(error, "systematic", False) and not started_by_combination(task, study.space.by_name)
    return Outcome(
        TrialState.FAILED, f"{where}.{task.name}: {error}", kind="launch", systematic=systematic,
        error=digest_of_words(str(error), binding.params),
    )  # fmt: skip


def last_drawn(line: str) -> str | None:
    """What a terminal shows of a line that carriage returns have drawn again, None for a piece that wipes it out."""
    if "\r" not in line:
        return line
    return next((piece for piece in reversed(line.split("\r")) if piece.strip()), None)


def first_step(study: Study, binding: Binding) -> int:
    """Where steps that are only counted begin: after those of the trial's earlier budgets."""
    state = study.state
    slots = state.trials[binding.trial].slots
    steps = [step for slot in slots if slot != binding.slot for step, _ in state.works[slot].points]
    return math.floor(max(steps)) + 1 if steps and binding.resume_budget is not None else 0
