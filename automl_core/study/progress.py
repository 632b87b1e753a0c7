"""From the study's state to what the stop conditions look at."""

from __future__ import annotations

from collections.abc import Sequence

from automl_core.search.hypervolume import shares
from automl_core.search.pareto import Point
from automl_core.spec.models import Experiment
from automl_core.spec.stages import StageExperiment
from automl_core.spec.tasks import OUT_OF_MEMORY
from automl_core.states import TrialState
from automl_core.stopping.experiment import Progress
from automl_core.study.points import point_of
from automl_core.study.prepared import over_in
from automl_core.study.queued import seconds_of
from automl_core.study.reasons import headline
from automl_core.study.state import State, Work


def progress_of(state: State, experiment: Experiment, now: float) -> Progress:
    """How far an experiment is.

    Args:
        state: folded from its journal.
        experiment: its file.
        now: seconds since 1970.
    """
    states, goal, stop = state.states(), experiment.goal, experiment.stop
    valued = stop.target is not None or stop.no_improvement is not None  # else nobody looks at any value
    ended = [state.works[slot] for slot in state.order] if valued and not goal.plain else []
    points = [point_of(experiment, work) for work in ended]
    return Progress(
        values=tuple(state.ended_values()) if valued else (),
        ended=len(state.order),
        infeasible=frozenset(place for place, point in enumerate(points) if point is None or not point.feasible),
        gains=_gains(experiment, ended, points) if goal.several else None,
        failed=states[TrialState.FAILED],
        succeeded=sum(count for each, count in states.items() if each.has_value),
        running=states[TrialState.RUNNING],
        waiting=states[TrialState.WAITING],
        jobless=sum(_has_no_job(work, experiment) for work in state.running),
        started=len(state.trials),
        exhausted=exhausted_by(state, experiment) or None,
        elapsed=max(0.0, now - state.created),
        reserve=reserve_of(state, experiment),
        cost=spent(state, experiment, now),
        budgeted=bool(experiment.trials.budget and state.plan.get("units")),
        slots_left=int(state.plan["slots"]) - len(state.works),
        failed_alike=failed_alike(state),
        systematic=systematic_failure(state),
    )


def exhausted_by(state: State, experiment: Experiment) -> str:
    """Why no combination is handed out any more, empty while some are.

    The algorithm has no more, or ``prepare`` found that any gives the same: the first is tried then, since a model
    needs one, and stands for all.
    """
    if state.exhausted or isinstance(experiment, StageExperiment) or not state.trials:
        return state.exhausted
    return over_in(state.inputs)


def _has_no_job(work: Work, experiment: Experiment) -> bool:
    """Whether a trial runs whose training was not taken yet by the cluster or service where it is to run."""
    attempt = work.last_attempt()
    return attempt is not None and experiment.tasks[attempt.task].backend != "local" and not attempt.external


SHARE_OF_DEADLINE = 0.1
"""Share of the deadline that is kept for each training task of ``conclude`` that has no time limit of its own."""

HANDOVER = 10.0
"""Seconds beside these that Airflow may take to start ``conclude`` once the search is over: running trials are ended,
their tasks with them, and a scheduler that is busy looks at the run's next task when its turn comes."""

MOST_OF_DEADLINE = 0.5
"""Share of the deadline that is kept for ``conclude`` at most: a search that never begins is no search."""


def reserve_of(state: State, experiment: Experiment) -> float:
    """Seconds before the deadline that are kept for ``conclude``; 0 where there is no deadline or no such stage.

    A training task with a time limit may take all of it. One without is taken to need a tenth of the deadline, or what
    the trials that ended well took, if that is more: it often trains the best of them once more.
    """
    deadline, tasks = experiment.stop.deadline, experiment.conclude
    if deadline is None or not tasks:
        return 0.0
    took = sorted(state.took(TrialState.SUCCEEDED))
    typical = took[len(took) // 2] if took else 0.0
    guess = max(SHARE_OF_DEADLINE * deadline, typical)
    needed = HANDOVER + sum(guess if task.timeout is None else task.timeout for task in tasks)
    return min(MOST_OF_DEADLINE * deadline, needed)


CHANCY = frozenset({"oom", "timeout", "not_finite"})
"""Kinds of failure that may well be the combination's: once a trial went well, a row of them means nothing."""


def systematic_failure(state: State) -> tuple[int, str, str] | None:
    """The first trial that failed as every other will: its number, the kind of failure, and why in one line.

    Nothing of the kind is believed once a trial has shown that the training can give the goal's value.
    """
    if state.proven:
        return None
    for slot in state.order:
        work = state.works[slot]
        attempt = work.last_attempt()
        if work.state is TrialState.FAILED and attempt is not None and attempt.systematic:
            return work.trial, attempt.kind, headline(work.reason)
    return None


def failed_alike(state: State) -> tuple[int, str]:
    """How many trials running, the newest included, failed with the same error, and its text in one line."""
    trials: set[int] = set()
    error = text = ""
    chance = state.proven
    for slot in reversed(state.order):
        work = state.works[slot]
        attempt = work.last_attempt()
        if work.state is not TrialState.FAILED or attempt is None or not attempt.error:
            break
        if (error and attempt.error != error) or (chance and attempt.kind in CHANCY):
            break
        trials.add(work.trial)
        error, text = attempt.error, text or headline(work.reason)
    return len(trials), text


def _gains(
    experiment: Experiment, ended: Sequence[Work], points: Sequence[Point | None]
) -> tuple[tuple[int, float], ...]:
    """What the trials that ended last added to the front's hypervolume: as many as the stop condition looks at."""
    condition = experiment.stop.no_improvement
    if condition is None:
        return ()
    valued = [(work.trial, point) for work, point in zip(ended, points, strict=True) if point is not None]
    looked_at = valued[-condition.trials :]
    feasible = [point.objectives for _, point in valued if point.feasible]
    latest = [trial for trial, point in looked_at if point.feasible]
    given = [each.reference and each.sign * each.reference for each in experiment.goal.all_objectives]
    added = dict(zip(latest, shares(feasible, len(latest), given), strict=True))
    return tuple((trial, added.get(trial, 0.0)) for trial, _ in looked_at)


def spent(state: State, experiment: Experiment, now: float) -> float:
    """Cost so far: of what has ended as it was recorded, of attempts that run by their prices per hour.

    Everybody who tells or judges a cost takes it from here: stop conditions, forecasts, summaries, pages.

    Args:
        state: folded from the journal.
        experiment: its file; what a backend charges but by the hour is not known before an attempt has ended.
        now: seconds since 1970.
    """
    total = state.cost
    for work in state.running:
        attempt = work.last_attempt()
        if attempt is not None and attempt.state is TrialState.RUNNING:
            price = experiment.tasks[attempt.task].hourly_price_after(out_of_memory(work, attempt.task))
            total += seconds_of(attempt, now) / 3600 * price
    return total


def out_of_memory(work: Work, task: int) -> int:
    """How many attempts at a training task have run out of memory so far: the next one may get more of it."""
    return sum(attempt.task == task and attempt.kind == OUT_OF_MEMORY for attempt in work.attempts)
