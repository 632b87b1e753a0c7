"""Watching one attempt: its metrics, the study's orders, and what to make of its end.

The same for every backend and for simulated trials: whoever runs an attempt feeds the points
that it sees, asks now and then whether to end it, and at the end asks for the outcome.
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from automl_core.metrics.errors import MetricError, MissingMetric, NotFinite
from automl_core.metrics.naming import GoalNames
from automl_core.metrics.points import News, Point, Step
from automl_core.metrics.series import Series
from automl_core.running.failures import digest_of_words
from automl_core.running.onward import Earlier
from automl_core.running.published import read_published, recorded_curve
from automl_core.states import TrialState
from automl_core.stopping.base import TrialCurve, create_rule
from automl_core.storage.base import ObjectStore, StorageError
from automl_core.study import Binding, Outcome, Study
from automl_core.study.baseline import is_baseline
from automl_core.study.history import sign
from automl_core.study.layout import METRICS_FILE, checkpoint_prefix, trial_prefix
from automl_core.study.state import Trial

log = logging.getLogger(__name__)

CURVE_POINTS = 50
"""Points of a trial's curve that the journal keeps; all of them stay in the trial's metrics file."""

HEAVY = 0.05
"""Seconds of a core for one such file, from which on it is written more seldom."""

FILES_A_SECOND = 100.0
"""Metrics files that one process writes in a second while trials run; what they end with is always written."""

SHARE = 0.02
"""Of a core's time that goes into writing one trial's metrics file, at most."""


class Watch:
    """One attempt's metrics and the decisions about it. Not shared between threads."""

    def __init__(
        self,
        study: Study,
        store: ObjectStore,
        binding: Binding,
        *,
        clock: Callable[[], float] = time.time,
        publish_every: float = 1.0,
        order_every: float = 2.0,
        max_age: float = 0.0,
        live: Mapping[int, Watch] | None = None,
    ) -> None:
        """Begin to watch.

        Args:
            study: the experiment.
            store: where the trial's metrics file is written.
            binding: the attempt.
            clock: seconds; simulated in tests.
            publish_every: least seconds between two writes of the metrics file.
            order_every: least seconds between two looks at the journal.
            max_age: seconds that the study's state may be old in such a look; for many watches of one study.
            live: by trial, the watches of the same experiment in this process: their curves need no file.

        Raises:
            StorageError: what earlier attempts have reported can't be read now. Without it the curve would lack its
                start, and its best value perhaps.
        """
        self.study = study
        self.store = store
        self.binding = binding
        self.series = Series()
        self._clock = clock
        self._publish_every, self._order_every, self._max_age = publish_every, order_every, max_age
        self._live = live if live is not None else {}
        self._published = self._ordered = float("-inf")
        self._dirty = False
        self._goal = study.experiment.goal
        self._sign = sign(study.experiment)
        early = None if is_baseline(study.experiment, binding.trial) else study.experiment.trials.early_stopping
        self._rule = create_rule(early, self._goal.first.direction)
        self._told_that_it_reported = False
        self._away: set[str] = set()
        self._publishing = 0.0
        self.failing_kind = ""
        self._names = GoalNames(self._goal.metrics)
        self._news = False
        self._resumes = False
        self._earlier = self._read_earlier()

    def observe(self, points: Iterable[News]) -> None:
        """Take in metrics; a step that comes again replaces itself.

        Training that goes on from a checkpoint reports only the rest: what the trial reported before its first
        step stays part of its curve (see `Earlier`).
        """
        news = self._earlier.shifted(self._names.apply(points))
        if not news:
            return
        whole = self._earlier.rebuilt(news)
        if whole is not None:
            self.series = whole
        else:
            self.series.add(news)
        self._dirty = self._news = True

    def verdict(self, *, force: bool = False) -> tuple[TrialState, str] | None:
        """Whether the attempt must end now, and as what: its state and the reason.

        Cheap to call often: the journal is read and the metrics file written only now and then.

        Args:
            force: look now, whatever was looked at a moment ago.
        """
        now = self._clock()
        self.publish_if_due(force=force)
        if force or now - self._ordered >= self._order_every:
            self._ordered = now
            try:
                order = self.study.order(self.binding, max_age=0.0 if force else self._max_age)
                self._away.discard("journal")
            except StorageError as error:  # a store that is away must not end a trial that trains
                self._warn_once("journal", f"the journal can't be read, the trial goes on: {error}")
                order = None
            if order is not None:
                return order
            self._tell_that_it_reported()
        return self._early_stop()

    def _tell_that_it_reported(self) -> None:
        """Let the others follow that wait until a first trial has reported the goal's value."""
        if self._told_that_it_reported or not self.series.curve(self._goal):
            return
        try:
            self.study.note_reported(self.binding)
            self._told_that_it_reported = True
        except StorageError as error:
            self._warn_once("note", f"that the goal was reported can't be noted, it will be later: {error}")

    @property
    def is_idle(self) -> bool:
        """Whether nothing that was reported waits to be written or judged."""
        return not self._dirty and not self._news and (self._told_that_it_reported or not self.series)

    def publish_if_due(self, *, force: bool = False) -> None:
        """Write the trial's metrics file, if there is news and the last time is a while ago.

        A file of a million points takes a second to make, for which nothing else of the process goes on: it is made
        the more seldom the longer that takes. So are all where very many trials are watched here.
        """
        now = self._clock()
        every = max(self._publish_every, self._publishing / SHARE, len(self._live) / FILES_A_SECOND)
        if self._dirty and (force or now - self._published >= every):
            self._published = now
            began = time.thread_time()
            self.publish()
            took = time.thread_time() - began
            self._publishing = took if took > HEAVY else 0.0

    def publish(self) -> None:
        """Write the trial's metrics file, for other trials' stopping rules and for people; later where it can't be."""
        try:
            self.keep()
            self._away.discard("metrics")
        except StorageError as error:
            number = self.binding.trial
            self._warn_once("metrics", f"the metrics of trial {number} were not written, they will be later: {error}")

    def _warn_once(self, what: str, text: str) -> None:
        """Say that something can't be done now, once until it can: a thousand watches share a log of one process."""
        if what not in self._away:
            self._away.add(what)
            log.warning("%s", text)

    def keep(self) -> None:
        """Write the trial's metrics file if there is news: what goes on from this attempt begins with it.

        Raises:
            StorageError: the store refuses or is away.
        """
        if not self._dirty:
            return
        body = {
            "trial": self.binding.trial,
            "slot": self.binding.slot,
            "task": self.binding.task,
            "attempt": self.binding.attempt,
            "points": self.series.to_json(),
        }
        key = self.study.journal.prefix + trial_prefix(self.binding.trial) + METRICS_FILE
        self.store.put(key, json.dumps(body, separators=(",", ":"), sort_keys=True).encode())
        self._dirty = False

    def outcome(self, *, tail: Sequence[str] = (), cost: float = 0.0) -> Outcome:
        """What to record of an attempt that ended well.

        Args:
            tail: last lines of its log, for the message when the metrics are wrong.
            cost: of the attempt.
        """
        self._take_over_earlier()
        if self._dirty:
            self.publish()
        if not self._goal.metrics:  # a stage: it has done what it is for
            return Outcome(TrialState.SUCCEEDED, cost=cost, metrics=self.series.latest())
        last = self._is_last
        try:
            if last:  # else another training task may give the value
                self._names.check()
        except MetricError as error:
            return self.without_metrics(error, tail, cost)
        seen, reported = self.series.latest(), set(self.series.names)
        if reported.isdisjoint(self._goal.valued_metrics) and (not last or self._value_so_far() is not None):
            return self._without_value(seen, last, tail, cost)
        self._add_earlier_metrics([name for name in self._goal.metrics if name not in reported])
        try:
            final = self.series.final(self._goal, partial=not last)
        except MissingMetric as error:
            if not last:
                return Outcome(TrialState.SUCCEEDED, cost=cost, metrics=seen)
            return self.without_metrics(error, tail, cost)
        except MetricError as error:
            return self.without_metrics(error, tail, cost)
        return Outcome(
            TrialState.SUCCEEDED,
            value=final.value,
            step=final.step,
            metrics=final.metrics,
            curve=self._curve(),
            cost=cost,
        )

    def _take_over_earlier(self) -> None:
        """Of an attempt that went on from a checkpoint and reported nothing, the trial's curve is that before it.

        So it is where the training had done all it had to when its node was lost. Without a checkpoint it has trained
        from its beginning, and that it reported nothing is its own failure.
        """
        whole = self._earlier.whole() if self._resumes and not self.series else None
        if whole is not None:
            self.series, self._dirty = whole, True

    def _without_value(self, seen: dict[str, float], last: bool, tail: Sequence[str], cost: float) -> Outcome:
        """Of a training task that reports no objective: another one gives the value."""
        work = self.study.state.works.get(self.binding.slot)
        known = {*seen, *(work.metrics if work else ())}
        missing = [name for name in self._goal.metrics if name not in known] if last else []
        if missing:
            return self.without_metrics(MissingMetric(missing, tuple(sorted(known))), tail, cost)
        return Outcome(TrialState.SUCCEEDED, cost=cost, metrics=seen)

    def without_metrics(self, error: MetricError, tail: Sequence[str], cost: float) -> Outcome:
        """What to record of an attempt that ended well, but whose metrics don't give the goal's value.

        A metric that never came, though the training went through to its end, comes from no other combination.

        Args:
            error: what is wrong with them.
            tail: last lines of its log.
            cost: of the attempt.
        """
        params = self.study.state.trials[self.binding.trial].params
        seen = {} if isinstance(error, NotFinite) else self.series.latest()
        return Outcome(
            TrialState.FAILED, error.explain(tail), cost=cost, metrics=seen, kind=error.kind,
            error=digest_of_words(str(error), params), systematic=error.kind == "metric",
        )  # fmt: skip

    def _add_earlier_metrics(self, missing: Iterable[str]) -> None:
        """Metrics that an earlier training task of the trial gave hold from this one's first step on."""
        work = self.study.state.works.get(self.binding.slot)
        earlier = {name: work.metrics[name] for name in missing if work and name in work.metrics}
        if earlier and self.series:
            first = next(iter(self.series)).step
            self.series.add([Point(first, earlier)])

    def ended_as(self, state: TrialState, reason: str, *, cost: float = 0.0, retryable: bool = False) -> Outcome:
        """What to record of an attempt that was ended, or that failed; its value so far counts if the state says so.

        The step that it was in is not over: its value doesn't count, unless there is no other.
        """
        if state.has_value:
            self._take_over_earlier()
        if self._dirty:
            self.publish()
        value = step = None
        metrics = self.series.latest()
        curve = self._curve()
        if state.has_value and self._goal.metrics:
            try:
                self.series.check(self._goal)
                series = self.series.ended(self._goal)
                final, curve = series.final(self._goal, partial=True), self._curve(series)
                value, step, metrics = final.value, final.step, dict(final.metrics)
            except MetricError as error:
                return replace(self.without_metrics(error, (), cost), systematic=False)
        return Outcome(
            state, reason, retryable=retryable, value=value, step=step, metrics=metrics,
            curve=curve, cost=cost,
        )  # fmt: skip

    def cost(self, seconds: float) -> float:
        """Price of so many seconds of this training task."""
        return seconds / 3600 * self.study.experiment.tasks[self.binding.task].hourly_price

    @property
    def _is_last(self) -> bool:
        """Whether this is the last training task: all metrics must be known after it."""
        return self.binding.task == len(self.study.experiment.tasks) - 1

    def _value_so_far(self) -> float | None:
        work = self.study.state.works.get(self.binding.slot)
        return work.value if work else None

    def _curve(self, series: Series | None = None) -> tuple[tuple[Step, float], ...]:
        return (series or self.series).thin(CURVE_POINTS, self._goal).curve(self._goal)

    def _early_stop(self) -> tuple[TrialState, str] | None:
        if not self._news:
            return None
        self._news = False
        try:
            if self._is_last:
                self._names.check()
            self.series.check(self._goal)
        except MetricError as error:  # the rest of the training can't mend it
            self.failing_kind = error.kind
            return (TrialState.FAILED, str(error))
        if self._rule is None:
            return None
        own = TrialCurve(self.binding.trial, self._losses(self.series.over(self._goal)), ended=False)
        decision = self._rule.decide(own, self._others())
        return (TrialState.EARLY_STOPPED, decision.reason) if decision else None

    def _losses(self, curve: Iterable[tuple[Step, float]]) -> tuple[tuple[Step, float], ...]:
        return tuple((step, self._sign * value) for step, value in curve)

    def _others(self) -> Iterator[TrialCurve]:
        """Curves of the other trials; read one by one, and only when a rule really asks."""
        state = self.study.state
        for trial in state.trials:
            now = state.state_of(trial)
            if trial.number == self.binding.trial or now is TrialState.FAILED:
                continue
            if now is TrialState.RUNNING:
                yield TrialCurve(trial.number, self._losses(self._curve_of_running(trial)), ended=False)
            else:
                texts = tuple(state.works[slot].curve for slot in trial.slots)
                yield recorded_curve(trial.number, texts, self._sign, now.ended)

    def _curve_of_running(self, trial: Trial) -> Sequence[tuple[Step, float]]:
        """Without the step that is going on, as one's own."""
        watch = self._live.get(trial.number)
        if watch is not None:
            return watch.series.over(self._goal)
        found = self._published_by(trial.number)
        return found[2].over(self._goal) if found else ()

    def _read_earlier(self) -> Earlier:
        """What this training task reported in the attempts before, without what made them fail."""
        binding = self.binding
        if not binding.retried and binding.resume_budget is None:
            return Earlier((), (), None, self._goal)
        lower: dict[Step, float] = {}
        for slot in self.study.state.trials[binding.trial].slots:
            if slot != binding.slot and binding.resume_budget is not None:
                lower.update(self.study.state.works[slot].points)
        found = read_published(self.store, self.study.journal.prefix, binding.trial)
        if found is None or found[0] != binding.task:
            return Earlier((), sorted(lower.items()), None, self._goal)
        _, slot, series = found
        if binding.retried and slot == binding.slot:
            own = self.study.journal.prefix + checkpoint_prefix(binding.trial, binding.budget)
            self._resumes = bool(self.store.list(own, limit=1))
        finite = (replace(p, values={n: v for n, v in p.values.items() if math.isfinite(v)}) for p in series.by_axis())
        points = [point for point in finite if point.values]
        return Earlier(points, sorted(lower.items()), series if slot != binding.slot else None, self._goal)

    def _published_by(self, trial: int) -> tuple[int, int, Series] | None:
        """Training task, slot and metrics in a trial's file, None where there is none that can be read now."""
        try:
            return read_published(self.store, self.study.journal.prefix, trial)
        except StorageError as error:
            log.warning("the metrics of trial %d can't be read now and are left out: %s", trial, error)
            return None
