"""What is told of an attempt's end: its record, whether the attempt is made again, and whether it was told before."""

from __future__ import annotations

from typing import Any

from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.study.answers import UNSURE, Binding, Outcome
from automl_core.study.orders import ended_by_order
from automl_core.study.state import Attempt, State, Work, pack_curve


def end_record(slot: int, task: int, attempt: int, outcome: Outcome, *, last: bool) -> dict[str, Any]:
    """What the record of an attempt's end tells, as plain JSON.

    Args:
        slot, task, attempt: which attempt.
        outcome: how it ended.
        last: whether no training task follows.
    """
    data: dict[str, Any] = {
        "slot": slot, "task": task, "attempt": attempt, "state": str(outcome.state), "reason": outcome.reason,
        "last": last, "value": outcome.value, "step": outcome.step, "metrics": dict(outcome.metrics),
        "curve": pack_curve(outcome.curve), "cost": outcome.cost, "retry": False,
    }  # fmt: skip
    return data | {
        key: found for key in ("blameless", "error", "kind", "systematic") if (found := getattr(outcome, key))
    }


def is_tried_again(state: State, experiment: Experiment, slot: int, outcome: Outcome) -> bool:
    """Whether a running attempt that ends so is to be made again."""
    work = state.works[slot]
    return (
        outcome.state is TrialState.FAILED
        and outcome.retryable
        and (outcome.blameless or work.failures < experiment.trials.retries)
        and not (
            outcome.error
            and not outcome.error.startswith(UNSURE)
            and outcome.error in [attempt.error for attempt in work.attempts]
        )
        and ended_by_order(state, slot) is None
    )


def told_before(state: State, slot: int, task: int, generation: int | None) -> Outcome | None:
    """How an attempt ended that is asked for once more though nobody wants it made anew, None if it is to be made.

    Its end is told, but whoever told it, or was to act on it, never got the answer: the worker died, or the store was
    away. A cancelled attempt is not held against a new one: a worker that is shut down cancels what it runs.
    """
    work = state.works[slot]
    last = work.last_attempt(task)
    if generation is None or last is None or last.generation != generation or last.ended is None:
        return None
    if last is work.last_attempt() and work.retry:
        return None
    if not (last.state.has_value or last.state is TrialState.FAILED):
        return None
    return outcome_of(work, last)


def end_of(state: State, slot: int, task: int) -> Outcome | None:
    """How the newest attempt of a slot at a training task ended, however it did; None where none has."""
    work = state.works.get(slot)
    last = work.last_attempt(task) if work is not None else None
    return None if work is None or last is None or last.ended is None else outcome_of(work, last)


def outcome_of(work: Work, attempt: Attempt) -> Outcome:
    """What was told of an attempt, as far as the state keeps it."""
    return Outcome(
        attempt.state, attempt.reason, value=work.value, step=work.step, metrics=work.metrics, error=attempt.error,
        kind=attempt.kind, systematic=attempt.systematic,
    )  # fmt: skip


def is_told(state: State, binding: Binding, outcome: Outcome) -> bool:
    """Whether this very end of an attempt is recorded, and no later attempt has taken over."""
    work = state.works.get(binding.slot)
    last = work.last_attempt(binding.task) if work is not None else None
    if work is None or last is None or last.number != binding.attempt or last.ended is None:
        return False
    same_value = outcome.value is None or work.value == float(outcome.value)
    return (last.state, last.reason) == (outcome.state, outcome.reason) and same_value
