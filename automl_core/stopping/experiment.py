"""When an experiment stops: one definition of every stop condition, and of the words for it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from automl_core.spec.goal import Goal
from automl_core.spec.models import Experiment, NoImprovement
from automl_core.spec.units import format_duration
from automl_core.states import ExperimentState

StopKind: TypeAlias = Literal[
    "user",
    "max_failed",
    "same_error",
    "target",
    "max_trials",
    "exhausted",
    "max_duration",
    "deadline",
    "max_cost",
    "no_improvement",
]

OVERDUE: frozenset[str] = frozenset({"max_duration", "deadline", "max_cost"})
"""Conditions that come to hold while trials run, without any of them ending."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an experiment has come.

    Attributes:
        values: (trial, value on the goal's scale or None) of every piece of work in the order in which they
            ended; a trial that was promoted to a higher budget comes once a budget. Empty where no condition asks for
            them.
        ended: pieces of work that have ended.
        infeasible: positions in ``values`` of what breaks a constraint: it is no target reached and no improvement.
        gains: with several objectives (trial, what it added to the front's hypervolume) of the last pieces of work
            with values, as many as ``stop.no_improvement.trials``; None with one objective.
        failed: trials that failed for good.
        succeeded: trials with a value that counts, early-stopped ones among them.
        running, waiting: trials being worked on, and waiting for a new attempt.
        jobless: running trials whose cluster or service has taken no job of theirs yet.
        started: combinations bound so far.
        elapsed: seconds since the experiment was created.
        reserve: seconds before the deadline that are kept for what follows the search.
        cost: so far, what runs included, in the currency of the prices.
        budgeted: whether trials are promoted to higher budgets, so that the last trial's start is not the end.
        slots_left: pieces of work not yet handed out, None where their number is not known.
        exhausted: why the algorithm has nothing more to hand out, None while it has.
        cancelled_by: who stopped the experiment, None if nobody.
        failed_alike: how many trials running, the newest included, failed with the same error, and its text.
        systematic: a trial that failed as every other will (its number, the kind of failure, why in one line),
            while none has shown that the training can give the goal's value; None without one.
    """

    values: tuple[tuple[int, float | None], ...] = ()
    ended: int = 0
    infeasible: frozenset[int] = frozenset()
    gains: tuple[tuple[int, float], ...] | None = None
    failed: int = 0
    succeeded: int = 0
    running: int = 0
    waiting: int = 0
    jobless: int = 0
    started: int = 0
    elapsed: float = 0.0
    reserve: float = 0.0
    cost: float = 0.0
    budgeted: bool = False
    slots_left: int | None = None
    exhausted: str | None = None
    cancelled_by: str | None = None
    failed_alike: tuple[int, str] = (0, "")
    systematic: tuple[int, str, str] | None = None

    @property
    def idle(self) -> bool:
        """Whether nothing runs and nothing waits to run again."""
        return self.running == 0 and self.waiting == 0


@dataclass(frozen=True, slots=True)
class Verdict:
    """An experiment is to stop.

    Attributes:
        kind: the condition that holds.
        state: what the experiment's state becomes.
        reason: why, in words with numbers.
    """

    kind: StopKind
    state: ExperimentState
    reason: str

    @property
    def cuts_short(self) -> bool:
        """Whether work is cut short; where everything has been handed out, what still runs goes on to its end."""
        return self.kind not in ("max_trials", "exhausted")


def judge(progress: Progress, experiment: Experiment) -> Verdict | None:
    """Whether an experiment is to stop, and why.

    Where several conditions hold, the first of these is named: stopped by a user, too many failures, the same failure
    as every other trial's or again and again, target
    reached, everything done (all trials or all that the algorithm has), duration, cost, no improvement. The
    most trials allowed holds from the start of the last one, after all others: nothing new is started then.

    Args:
        progress: how far it has come.
        experiment: its file, with the overrides of its run.
    """
    for condition in _CONDITIONS:
        verdict = condition(progress, experiment)
        if verdict is not None:
            return verdict
    return None


def _user(progress: Progress, experiment: Experiment) -> Verdict | None:
    if progress.cancelled_by is None:
        return None
    return Verdict("user", ExperimentState.USER_CANCELED, f"stopped by {progress.cancelled_by or 'a person'}")


def _max_failed(progress: Progress, experiment: Experiment) -> Verdict | None:
    allowed = experiment.trials.max_failed
    if allowed is None or progress.failed <= allowed:
        return None
    reason = f"{_trials(progress.failed)} failed, at most {allowed} may (trials.max_failed)"
    return Verdict("max_failed", ExperimentState.FAILED, reason)


def _same_error(progress: Progress, experiment: Experiment) -> Verdict | None:
    allowed, (count, error) = experiment.stop.same_error, progress.failed_alike
    if allowed is None:
        return None
    if progress.systematic is not None:
        trial, kind, why = progress.systematic
        remedy = _REMEDIES.get(kind, "mend that and start it again")
        reason = f"trial {trial} failed as every other would (stop.same_error): {_sentence(why)} To go on, {remedy}"
        return Verdict("same_error", ExperimentState.FAILED, reason)
    if count < allowed:
        return None
    reason = f"{_trials(count)} in a row failed with the same error (stop.same_error): {error}"
    return Verdict("same_error", ExperimentState.FAILED, reason)


_REMEDIES = {
    "metric": "name in goal.metric what the training reports, or let it report that metric, and start it again",
    "launch": "mend the command, or what it needs where it runs, and start it again",
}
"""Kind of a failure that every trial shares → what to do about it."""


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _target(progress: Progress, experiment: Experiment) -> Verdict | None:
    target, goal = experiment.stop.target, experiment.goal
    if target is None:
        return None
    for trial, value, feasible in _finite(progress):
        if feasible and (value >= target if goal.direction == "maximize" else value <= target):
            wanted = "more" if goal.direction == "maximize" else "less"
            reason = (
                f"trial {trial} reached {goal.label} {value:.6g}, the target is {target:g} or {wanted} (stop.target)"
            )
            return Verdict("target", ExperimentState.EARLY_STOPPED, reason)
    return None


def _all_done(progress: Progress, experiment: Experiment) -> Verdict | None:
    if not progress.idle:
        return None
    handed_out = progress.slots_left == 0 or progress.exhausted is not None
    if progress.started >= experiment.trials.max and (handed_out or not progress.budgeted):
        reason = f"{progress.started} of at most {_trials(experiment.trials.max)} have ended (trials.max)"
        return Verdict("max_trials", *_with_state(progress, ExperimentState.FINISHED, reason))
    if handed_out:
        why = progress.exhausted or "the algorithm has handed out all it planned"
        reason = f"{why}; {_trials(progress.started)} of at most {experiment.trials.max} were run"
        return Verdict("exhausted", *_with_state(progress, ExperimentState.NO_MORE_TRIAL, reason))
    return None


def _max_duration(progress: Progress, experiment: Experiment) -> Verdict | None:
    allowed = experiment.stop.max_duration
    if allowed is None or progress.elapsed < allowed:
        return None
    reason = (
        f"it ran for {format_duration(progress.elapsed)}, {format_duration(allowed)} is allowed (stop.max_duration)"
    )
    return Verdict("max_duration", ExperimentState.EARLY_STOPPED, reason + _why_nothing_came(progress, experiment))


def _why_nothing_came(progress: Progress, experiment: Experiment) -> str:
    """Of an experiment whose time is over before a trial has ended: what it spent the time on, as far as is known."""
    if progress.succeeded or progress.failed or progress.ended:
        return ""
    if progress.started == 0 and experiment.prepare:
        return "; no trial was bound: prepare took that time (its log says for what), or Airflow started no slot since"
    if progress.started == 0:
        return (
            "; no trial was bound: Airflow started none of its slots in that time (look for what its trial tasks wait "
            "for: a pool, the executor's slots, limits of the DAG, a paused DAG or a scheduler that is away)"
        )
    if progress.jobless:
        return (
            f"; no trial has ended, and of {progress.jobless} of {progress.started} that were bound no job could be "
            "started (the logs of their tasks say what refused it: a quota, say)"
        )
    return f"; none of the {_trials(progress.started)} bound has ended (their logs say what they wait for)"


def _deadline(progress: Progress, experiment: Experiment) -> Verdict | None:
    allowed, reserve = experiment.stop.deadline, progress.reserve
    if allowed is None or progress.elapsed < allowed - reserve:
        return None
    kept = f" less {format_duration(reserve)} that are kept for conclude" if reserve else ""
    reason = f"after {format_duration(progress.elapsed)} of {format_duration(allowed)}{kept} (stop.deadline)"
    return Verdict("deadline", ExperimentState.EARLY_STOPPED, f"the search ends {reason}")


def _max_cost(progress: Progress, experiment: Experiment) -> Verdict | None:
    allowed = experiment.stop.max_cost
    if allowed is None or progress.cost < allowed:
        return None
    reason = f"it cost {progress.cost:.2f}, {allowed:.2f} is allowed (stop.max_cost)"
    return Verdict("max_cost", ExperimentState.EARLY_STOPPED, reason)


def _no_improvement(progress: Progress, experiment: Experiment) -> Verdict | None:
    condition = experiment.stop.no_improvement
    if condition is None:
        return None
    if progress.gains is not None:
        return _front_stands_still(progress.gains, condition)
    since = _since_improvement(progress, condition, experiment.goal)
    if since is None or len(since[2]) < condition.trials:
        return None
    best, value, still = since
    by = f" by more than {condition.min_delta:g}" if condition.min_delta else ""
    reason = (
        f"no improvement{by} on {experiment.goal.label} {value:.6g} of trial {best} in the {_trials(len(still))} "
        f"finished since, {condition.trials} may pass without (stop.no_improvement)"
    )
    return Verdict("no_improvement", ExperimentState.EARLY_STOPPED, reason)


def _front_stands_still(gains: Sequence[tuple[int, float]], condition: NoImprovement) -> Verdict | None:
    """With several objectives an improvement is a larger hypervolume (see `Progress.gains`)."""
    if len(gains) < condition.trials or any(gained > condition.min_delta for _, gained in gains):
        return None
    by = f" by more than {condition.min_delta:g} of its box" if condition.min_delta else ""
    reason = (
        f"the Pareto front's hypervolume did not grow{by} in the {_trials(len(gains))} finished last, "
        f"{condition.trials} may pass without (stop.no_improvement)"
    )
    return Verdict("no_improvement", ExperimentState.EARLY_STOPPED, reason)


def _all_started(progress: Progress, experiment: Experiment) -> Verdict | None:
    if progress.budgeted or progress.started < experiment.trials.max:
        return None
    busy = progress.running + progress.waiting
    reason = f"{progress.started} of at most {_trials(experiment.trials.max)} have started, {busy} go on (trials.max)"
    return Verdict("max_trials", ExperimentState.FINISHED, reason)


_CONDITIONS: tuple[Callable[[Progress, Experiment], Verdict | None], ...] = (
    _user, _max_failed, _same_error, _target, _all_done, _max_duration, _deadline, _max_cost, _no_improvement,
    _all_started,
)  # fmt: skip


def _since_improvement(
    progress: Progress, condition: NoImprovement, goal: Goal
) -> tuple[int, float, frozenset[int]] | None:
    """The trial that improved last, its value, and the other trials that have finished since."""
    sign = goal.first.sign
    best: tuple[int, float] | None = None
    since: set[int] = set()
    for trial, value, feasible in _finite(progress):
        if feasible and (best is None or sign * value < sign * best[1] - condition.min_delta):
            best, since = (trial, value), set()
        elif best is not None and trial != best[0]:
            since.add(trial)
    return (*best, frozenset(since)) if best else None


def _finite(progress: Progress) -> list[tuple[int, float, bool]]:
    """Trial, value and whether it satisfies the constraints, of every piece of work that ended with a value."""
    return [
        (trial, value, place not in progress.infeasible)
        for place, (trial, value) in enumerate(progress.values)
        if value is not None and math.isfinite(value)
    ]


def _with_state(progress: Progress, state: ExperimentState, reason: str) -> tuple[ExperimentState, str]:
    """An experiment that ends without a single value has failed, whatever ended it."""
    if progress.succeeded or not progress.failed:
        return state, reason
    return ExperimentState.FAILED, f"{reason}, none with a value: {_trials(progress.failed)} failed"


def _trials(count: int) -> str:
    return f"{count} trial" if count == 1 else f"{count} trials"
