"""What has been ordered of a slot's work, and whether it can be attempted (again)."""

from __future__ import annotations

from automl_core.states import ExperimentState, TrialState
from automl_core.study.answers import Binding, Outcome
from automl_core.study.state import Attempt, State, Work


def ended_by_order(state: State, slot: int) -> tuple[TrialState, str] | None:
    """Whether a person, or the experiment's end, has ordered the work of a slot to be ended: as what, and why."""
    work = state.works[slot]
    cancelled_by = state.trials[work.trial].cancel
    if cancelled_by:
        return TrialState.USER_CANCELED, f"cancelled by {cancelled_by}"
    last, stop = work.last_attempt(), state.stop
    if stop is None or stop.running != "cancel" or (last is not None and last.afterwards):
        return None
    by_user = stop.state == ExperimentState.USER_CANCELED
    return TrialState.USER_CANCELED if by_user else TrialState.SYS_CANCELED, stop.reason


def refusal(state: State, slot: int, task: int) -> str | None:
    """Why the work of a slot can't be attempted (again) at a training task, None if it can."""
    work = state.works[slot]
    ordered = ended_by_order(state, slot)
    if ordered is not None and not work.state.ended:
        return ordered[1]
    if task > 0 and work.state.ended and work.last_attempt(task) is None:
        return f"trial {work.trial} has ended: {work.state}"
    if state.trials[work.trial].slots[-1] != slot:
        return f"trial {work.trial} has gone on to a higher budget"
    return None


def next_task(state: State, slot: int) -> int:
    """The training task at which unfinished work goes on."""
    last = state.works[slot].last_attempt()
    if last is None:
        return 0
    return last.task + 1 if last.state is TrialState.SUCCEEDED else last.task


def given_up(state: State, slot: int, task: int, attempt: int) -> tuple[TrialState, str] | None:
    """As what work ends that nobody goes on with, and why; None if somebody did after the attempt stated."""
    work = state.works[slot]
    last = work.attempts[-1]
    if (last.task, last.number) != (task, attempt):
        return None
    ordered = ended_by_order(state, slot)
    if ordered is not None:
        return ordered
    if last.state is TrialState.FAILED:
        return TrialState.FAILED, work.reason
    if last.state is TrialState.SUCCEEDED:
        return TrialState.SYS_CANCELED, "the training task after its last one was never begun"
    return TrialState.SYS_CANCELED, "lost: its worker ended without a word"


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


def outcome_of(work: Work, attempt: Attempt) -> Outcome:
    """What was told of an attempt, as far as the state keeps it."""
    return Outcome(
        attempt.state, attempt.reason, value=work.value, step=work.step, metrics=work.metrics, error=attempt.error,
        kind=attempt.kind,
    )  # fmt: skip


def is_told(state: State, binding: Binding, outcome: Outcome) -> bool:
    """Whether this very end of an attempt is recorded, and no later attempt has taken over."""
    work = state.works.get(binding.slot)
    last = work.last_attempt(binding.task) if work is not None else None
    if work is None or last is None or last.number != binding.attempt or last.ended is None:
        return False
    same_value = outcome.value is None or work.value == float(outcome.value)
    return (last.state, last.reason) == (outcome.state, outcome.reason) and same_value
