"""From the study's state to what the stop conditions look at."""

from __future__ import annotations

from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.stopping.experiment import Progress
from automl_core.study.state import State


def progress_of(state: State, experiment: Experiment, now: float) -> Progress:
    """How far an experiment is.

    Args:
        state: folded from its journal.
        experiment: its file.
        now: seconds since 1970.
    """
    states = [state.state_of(trial) for trial in state.trials]
    return Progress(
        values=tuple((state.works[slot].trial, state.works[slot].counts) for slot in state.order),
        failed=sum(s is TrialState.FAILED for s in states),
        succeeded=sum(s.has_value for s in states),
        running=sum(s is TrialState.RUNNING for s in states),
        waiting=sum(s is TrialState.WAITING for s in states),
        started=len(states),
        elapsed=now - state.created,
        cost=state.cost + running_cost(state, experiment, now),
        budgeted=bool(experiment.trials.budget and state.plan.get("units")),
        slots_left=int(state.plan["slots"]) - len(state.works),
    )


def running_cost(state: State, experiment: Experiment, now: float) -> float:
    """What the attempts that run have cost so far, by the prices per hour of their training tasks."""
    total = 0.0
    for work in state.running:
        attempt = work.last_attempt()
        if attempt is not None and attempt.state is TrialState.RUNNING:
            total += (now - attempt.started) / 3600 * experiment.tasks[attempt.task].cost_per_hour
    return total
