"""How much work, time and money an experiment still takes.

Time is that of training alone: the remaining work is laid on as many places as trials may run at once, each piece
on the place that is free first (list scheduling; Graham 1969, "Bounds on Multiprocessing Timing Anomalies"). What
can't be known, such as early stops, retries and a target reached, is left out.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import median

from automl_core.search import outcomes
from automl_core.search.base import Plan
from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.study.progress import exhausted_by, reserve_of, spent
from automl_core.study.queued import seconds_of
from automl_core.study.state import State, Work

_SAMPLES = 3
"""Works of one size that make its median worth a line through it."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What is left. A unit is one unit of the budget, or one trial in experiments without budgets.

    Attributes:
        trials_left: trials that run, wait or are still to be proposed, at most.
        units_left: budget units still to train (a promoted trial trains only the difference), the remaining
            part of running trials included; None in experiments without budgets.
        seconds_left: training time, trials at once taken into account; None before the first trial has ended.
        cost_left: in the currency of the prices; None like ``seconds_left``, and where the time doesn't tell it.
        seconds_per_unit: of one trial alone; None like ``seconds_left``.
    """

    trials_left: int
    units_left: int | None
    seconds_left: float | None
    cost_left: float | None
    seconds_per_unit: float | None


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a piece of work takes: a part that each one has, such as loading data, and one that grows.

    Attributes:
        per_work: seconds of each piece of work, whatever its size.
        per_unit: seconds of each unit of it.
        cost_per_second: price of a second of training; None where its time doesn't tell it.
    """

    per_unit: float
    per_work: float = 0.0
    cost_per_second: float | None = 0.0

    def seconds(self, units: float) -> float:
        """Training time of a piece of work of so many units."""
        return self.per_work + self.per_unit * units


def pace_of(state: State, experiment: Experiment) -> Pace | None:
    """The pace of an experiment's finished work, None before any has finished.

    The median time per unit. Once two sizes of work have been done often enough, the line through their
    medians (Theil 1950, Sen 1968), which tells what a piece of work costs before its first unit.

    Args:
        state: of this experiment, or of an earlier one of the same file.
        experiment: its file.
    """
    finished = [w for w in state.works.values() if w.state.has_value]
    if experiment.trials.budget is not None:  # what was stopped early did not train all of its units
        finished = [w for w in finished if outcomes.finished(w)]
    finished = finished or [w for w in state.works.values() if w.state is TrialState.FAILED]
    if not finished:
        return None
    by_units: dict[int, list[float]] = {}
    for work in finished:
        by_units.setdefault(units_of(state, experiment, work), []).append(_last_pass(work, state.updated))
    per_work, per_unit = _line(by_units)
    return Pace(per_unit, per_work, state.cost / state.seconds if state.seconds else 0.0)


def forecast(state: State, experiment: Experiment, now: float) -> Forecast:
    """What is left of an experiment, at most: by its plan, and by its limits on duration and cost.

    Args:
        state: the experiment's state.
        experiment: its file, with the run's overrides.
        now: seconds since 1970.
    """
    left, pace = _left_of(state, experiment, now), pace_of(state, experiment)
    trials = sum(number for each, number in state.states().items() if not each.ended)
    if state.stop is None and state.plan and not exhausted_by(state, experiment):
        trials += max(0, int(state.plan["trials"]) - len(state.trials))
    found = _forecast(left, trials, experiment, pace)
    if pace is None or state.stop is not None:
        return found
    return _within_limits(found, left, state, experiment, pace, now)


def forecast_plan(plan: Plan, experiment: Experiment, pace: Pace | None) -> Forecast:
    """What a search will take from its start to the end of its plan, before it has started.

    Args:
        plan: of its algorithm.
        experiment: its file. Its limits on duration and cost are left out, so that they can be compared.
        pace: from an earlier run (`pace_of`), or made from a figure of the user's; None when unknown.
    """
    left = _Left([], [], plan.slots, _planned_units(plan, experiment))
    return _forecast(left, plan.trials, experiment, pace)


def units_of(state: State, experiment: Experiment, work: Work) -> int:
    """Units that a piece of work trains: up to its budget, from the checkpoint that it goes on from."""
    budget = experiment.trials.budget
    if budget is None:
        return 1
    trial = state.trials[work.trial]
    start = work.resume_budget or 0
    if trial.parent is not None and work.slot == trial.slots[0]:
        ready = [w for w in map(state.works.__getitem__, state.trials[trial.parent].slots) if outcomes.finished(w)]
        start = max((w.budget or 0 for w in ready if w.ended is not None and w.ended <= work.bound), default=0)
    return max(0, (work.budget or budget.max) - start)


@dataclass(frozen=True, slots=True)
class _Left:
    """The work that is left.

    Attributes:
        running: (units, seconds that it has trained already) of each running piece.
        waiting: units of each piece that waits for a new attempt.
        slots: pieces still to be bound.
        units: units of all those together.
    """

    running: Sequence[tuple[int, float]]
    waiting: Sequence[int]
    slots: int
    units: float

    def running_seconds(self, pace: Pace) -> list[float]:
        return [max(0.0, pace.seconds(units) - elapsed) for units, elapsed in self.running]

    def units_left(self, pace: Pace | None) -> int:
        left = self.units + sum(self.waiting)
        for units, elapsed in self.running:
            whole = pace.seconds(units) if pace else 0.0
            left += units * max(0.0, 1 - elapsed / whole) if whole else units
        return math.ceil(left - 1e-9)

    def longest(self, pace: Pace) -> float:
        sizes = [*(units for units, _ in self.running), *self.waiting, self.units / self.slots if self.slots else 0]
        return pace.seconds(max(sizes))


def _left_of(state: State, experiment: Experiment, now: float) -> _Left:
    if state.stop is not None and state.stop.running == "cancel":
        return _Left([], [], 0, 0)
    running = [(units_of(state, experiment, work), _last_pass(work, now)) for work in state.running]
    waiting = [units_of(state, experiment, w) for w in state.unended if w.state is TrialState.WAITING]
    if state.stop is not None or not state.plan or exhausted_by(state, experiment):
        return _Left(running, waiting, 0, 0)
    plan = Plan(state.plan["slots"], state.plan["trials"], state.plan.get("units"))
    slots = max(0, plan.slots - len(state.works))
    if experiment.trials.budget is None:  # an edit may have lowered the number of trials, and slots stay
        slots = min(slots, max(0, experiment.trials.max - len(state.trials)))
    bound = sum(units_of(state, experiment, work) for work in state.works.values())
    units = max(0.0, _planned_units(plan, experiment) - bound) if slots else 0.0
    return _Left(running, waiting, slots, units)


def _planned_units(plan: Plan, experiment: Experiment) -> float:
    if experiment.trials.budget is None:
        return plan.slots
    return plan.units if plan.units is not None else plan.slots * experiment.trials.budget.max


def _forecast(left: _Left, trials: int, experiment: Experiment, pace: Pace | None) -> Forecast:
    units = left.units_left(pace) if experiment.trials.budget is not None else None
    per_unit = None if pace is None else pace.per_unit
    if not (left.running or left.waiting or left.slots):
        return Forecast(trials, units, 0.0, 0.0, per_unit)
    if pace is None:
        free = not any(task.hourly_price or task.has_other_prices for task in experiment.tasks)
        return Forecast(trials, units, None, 0.0 if free else None, None)
    running, waiting = left.running_seconds(pace), [pace.seconds(units) for units in left.waiting]
    each = pace.seconds(left.units / left.slots) if left.slots else 0.0
    seconds = makespan(running, waiting, left.slots, each, experiment.trials.concurrency)
    work = math.fsum(running) + math.fsum(waiting) + left.slots * each
    cost = None if pace.cost_per_second is None else work * pace.cost_per_second
    return Forecast(trials, units, seconds, cost, per_unit)


def _within_limits(
    found: Forecast, left: _Left, state: State, experiment: Experiment, pace: Pace, now: float
) -> Forecast:
    """The forecast, no longer and no dearer than the stop conditions let it become."""
    stop = experiment.stop
    # drained trials go on beyond the limit, at most for as long as the longest of them takes
    drained = left.longest(pace) if stop.running_trials == "drain" else 0.0
    if stop.max_duration is not None and found.seconds_left is not None:
        remaining = max(0.0, state.created + stop.max_duration - now)
        found = replace(found, seconds_left=min(found.seconds_left, remaining + drained))
    if stop.deadline is not None and found.seconds_left is not None:
        remaining = max(0.0, state.created + stop.deadline - reserve_of(state, experiment) - now)
        found = replace(found, seconds_left=min(found.seconds_left, remaining))
    if stop.max_cost is not None and found.cost_left is not None and pace.cost_per_second is not None:
        remaining = max(0.0, stop.max_cost - spent(state, experiment, now))
        drained_cost = drained * experiment.trials.concurrency * pace.cost_per_second
        found = replace(found, cost_left=min(found.cost_left, remaining + drained_cost))
    return found


def makespan(running: Sequence[float], waiting: Sequence[float], count: int, each: float, places: int) -> float:
    """Seconds until the last piece of work has ended, by list scheduling.

    Args:
        running: what is left of each running piece; each has a place.
        waiting: pieces to do next, in order.
        count, each: how many equal pieces follow, and how long one takes.
        places: pieces at once; more when more are running.
    """
    loads = [*running, *([0.0] * (places - len(running)))]
    heapq.heapify(loads)
    for piece in waiting:
        heapq.heapreplace(loads, loads[0] + piece)
    longest = max(loads)
    if not count or not each:
        return longest
    # equal pieces without a loop over them: first what ends no later than the longest load, then whole rounds
    fitting = [int(min(count, (longest - load) // each)) for load in loads]
    if sum(fitting) >= count:
        return longest
    loads = sorted(load + n * each for load, n in zip(loads, fitting, strict=True))
    rounds, rest = divmod(count - sum(fitting), len(loads))
    return (loads[rest - 1] + each if rest else loads[-1]) + rounds * each


def _line(by_units: Mapping[int, Sequence[float]]) -> tuple[float, float]:
    """Seconds of each piece of work and of each unit, from (units → seconds of the works of that size)."""
    middles = {units: median(seconds) for units, seconds in by_units.items() if len(seconds) >= _SAMPLES}
    slopes = [(middles[b] - middles[a]) / (b - a) for a, b in combinations(sorted(middles), 2)]
    if slopes and (per_unit := median(slopes)) > 0:
        per_work = median(seconds - per_unit * units for units, seconds in middles.items())
        if per_work >= 0:
            return per_work, per_unit
    every = [seconds / units for units, group in by_units.items() for seconds in group if units]
    if every:
        return 0.0, median(every)
    return median(seconds for group in by_units.values() for seconds in group), 0.0


def _last_pass(work: Work, now: float) -> float:
    """Training time of the newest attempt at each training task, since the first task was last begun."""
    newest: dict[int, float] = {}
    for attempt in work.attempts:
        if attempt.task == 0:
            newest.clear()
        newest[attempt.task] = seconds_of(attempt, attempt.ended if attempt.ended is not None else now)
    return math.fsum(newest.values())
