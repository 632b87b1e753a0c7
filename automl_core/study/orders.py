"""What has been ordered of a slot's work, and whether it can be attempted (again)."""

from __future__ import annotations

from automl_core.states import ExperimentState, TrialState
from automl_core.study.state import State


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


def unfinished_of_lane(state: State, lane: int | None) -> int | None:
    """The slot whose work a lane has begun and not ended, None where there is none."""
    return next((work.slot for work in state.unended if lane is not None and work.lane == lane), None)
