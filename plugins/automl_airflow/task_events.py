"""How a task goes on whose training a trigger has watched to its end: it ends there, or in a worker."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.triggers.base import TaskFailedEvent, TaskSkippedEvent, TaskSuccessEvent, TriggerEvent

if TYPE_CHECKING:
    from automl_airflow.task_log import TaskLog
    from automl_core.study import Binding, Outcome, Study, Told


BY_AIRFLOW = "ended from Airflow (cleared or marked)"
"""Why an attempt ended whose task a person cleared or marked: the task itself may go on, with a new attempt."""


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


def recorded_end(study: Study, slot: int, task: int, attempt: int) -> tuple[Outcome, Told] | None:
    """The recorded end of an attempt whose trigger came no further; None where a worker is to ask anew.

    Args:
        study: as last read.
        slot, task, attempt: which attempt.
    """
    from automl_core.study import Outcome, Told

    work = study.state.works.get(slot)
    last = work.last_attempt(task) if work else None
    if work is None or last is None or last.number != attempt or not last.state.ended:
        return None
    if last.reason == BY_AIRFLOW:  # by the trigger before this one: a cleared task began anew before it knew
        return None
    outcome = Outcome(last.state, last.reason, value=work.value, step=work.step, metrics=work.metrics, kind=last.kind)
    return outcome, Told(accepted=True, retry=work.retry)
