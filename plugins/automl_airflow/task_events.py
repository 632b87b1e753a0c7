"""How a task goes on whose training a trigger has watched to its end: it ends there, or in a worker."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import TaskFailedEvent, TaskSkippedEvent, TaskSuccessEvent, TriggerEvent

if TYPE_CHECKING:
    from automl_airflow.task_log import TaskLog
    from automl_core.study import Binding, Outcome, Told


def task_event(
    binding: Binding, attempt: int, outcome: Outcome, told: Told, *, lane: bool, ends: bool, log: TaskLog,
    stage: str | None = None,
) -> TriggerEvent:  # fmt: skip
    """The event that a trigger ends with: the task's end, or what a worker is to conclude where one has to act.

    To Airflow a TaskFailedEvent is a failure to be tried again (models/trigger.py:651 of 3.3.2): the end for a
    trial that is, and for one that failed for good only a worker can say so (AirflowFailException).

    Args:
        binding: the attempt.
        attempt: its number.
        outcome: how it ended.
        told: what the study made of it.
        lane: whether a lane goes on with the next trial.
        ends: whether the experiment ends by it, so that the slots left are to be skipped.
        log: told how the trial ended.
        stage: the stage whose attempt it is, None for a trial's.
    """
    from automl_airflow.slots import result_of
    from automl_core.states import TrialState

    failed = outcome.state is TrialState.FAILED
    if lane or not told.accepted or ends or (failed and not told.retry):
        return TriggerEvent(
            {"slot": binding.slot, "outcome": _plain(outcome), "accepted": told.accepted, "retry": told.retry}
        )
    summary = f"{stage or f'trial {binding.trial}'}, attempt {attempt}: {outcome.state} {outcome.reason}"
    if failed:
        log.error(f"{summary}\nit is tried again")
        return TaskFailedEvent()
    log.info(summary)
    if not outcome.state.has_value and outcome.state is not TrialState.SUCCEEDED:
        return TaskSkippedEvent()
    return TaskSuccessEvent(xcoms={"return_value": result_of(binding, outcome)})


def _plain(outcome: Outcome) -> dict[str, Any]:
    """An outcome as plain JSON, for the worker that concludes it."""
    return {**asdict(outcome), "state": str(outcome.state), "curve": []}
