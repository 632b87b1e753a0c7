"""The first trials go ahead of the others: a mistake that all share costs two trainings, not all of them."""

from __future__ import annotations

from automl_core.spec.models import Experiment
from automl_core.spec.units import format_duration
from automl_core.study.answers import NotNow
from automl_core.study.state import State

CANARIES = 2
"""Trials that are at work at the same time until one has shown that the training can give the goal's value."""


def matters(experiment: Experiment) -> bool:
    """Whether any trial of an experiment may have to wait for the first ones."""
    trials = experiment.trials
    return trials.canary_wait is not None and min(trials.concurrency, trials.max) > CANARIES


def waits_for_the_first(state: State, experiment: Experiment, now: float) -> NotNow | None:
    """The answer to a slot that is to wait for the first trials, None where it need not.

    Args:
        state: as last read.
        experiment: its file.
        now: seconds since 1970.
    """
    allowed = experiment.trials.canary_wait
    if allowed is None or not matters(experiment):
        return None
    at_work = len(state.unended)
    if at_work < CANARIES or state.proven:
        return None
    left = min(work.bound for work in state.works.values()) + allowed - now
    if left <= 0:
        return None
    reason = (
        f"{at_work} trials go first; the others follow once one has reported {experiment.goal.label}, "
        f"{format_duration(allowed)} after the first one's start at the latest (trials.canary)"
    )
    retry_due = any(work.retry for work in state.unended)
    return NotNow(reason, state.seq, give_way=retry_due, patience=left)
