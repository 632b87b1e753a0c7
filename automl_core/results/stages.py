"""What the stage ``conclude`` is told of all trials, and what is published of the stages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from automl_core.results.entries import controller, ended_at, has_ended, iso
from automl_core.results.names import CONTROLLER
from automl_core.states import ExperimentState, TrialState
from automl_core.storage.base import NotFound
from automl_core.study.history import best_trial
from automl_core.study.layout import MODEL_FOLDER, stage_prefix, trial_prefix
from automl_core.study.reasons import headline
from automl_core.study.stages import INPUT, TRIALS_FILE, has_gone_on, made_by

if TYPE_CHECKING:
    from automl_core.spec.models import Experiment
    from automl_core.spec.stages import StageName
    from automl_core.storage.base import ObjectStore
    from automl_core.study.stages import StageStudy
    from automl_core.study.state import State
    from automl_core.study.study import Study

_MODEL = re.compile(rf"experiment_(\d+)/{MODEL_FOLDER}")


def write_trials(study: Study, seen: Callable[[str], str]) -> None:
    """Write the file that tells the training tasks of ``conclude`` of all trials.

    It is what controller.json will be, with each trial's ``model``: its folder as the training sees it, null where it
    left none; and ``experiment.deadline``: when all has to be over (`stop.deadline`), where that is said.

    Args:
        study: of the experiment, whose search is over.
        seen: from the key of a folder in the store to its path or URL as the training sees it.

    Raises:
        StorageError: the store refuses or is away.
    """
    store, prefix = study.journal.store, study.journal.prefix
    body = controller(study.experiment, study.state)
    allowed = study.experiment.stop.deadline
    if allowed is not None:
        body["experiment"]["deadline"] = iso(study.state.created + allowed)
    keys = (key.removeprefix(prefix) for key in store.list(f"{prefix}experiment_"))
    kept = {int(found[1]) for key in keys if (found := _MODEL.match(key))}
    for entry in body["trials"]:
        number = int(entry["number"])
        folder = (prefix + trial_prefix(number) + MODEL_FOLDER).rstrip("/")
        entry["model"] = seen(folder) if number in kept else None
    key = stage_prefix(prefix, "conclude") + INPUT + TRIALS_FILE
    store.put(key, json.dumps(body, indent=1, sort_keys=True).encode())


def stage_entries(stages: Mapping[StageName, StageStudy]) -> dict[str, Any]:
    """The stages that were begun, as plain JSON by name: how each ended, when, for how much, and its attempts."""
    found = {}
    for stage, study in stages.items():
        work = study.state.works.get(0)
        if work is None:
            continue
        found[str(stage)] = {
            "state": str(work.state), "reason": work.reason or None, "started": iso(work.bound),
            "ended": iso(work.ended), "seconds": round(work.seconds, 3), "cost": round(work.cost, 6),
            "tasks": [
                {
                    "name": study.experiment.tasks[attempt.task].name, "attempt": attempt.number,
                    "state": str(attempt.state), "reason": attempt.reason or None,
                    "started": iso(attempt.started), "ended": iso(attempt.ended),
                }
                for attempt in work.attempts
            ],
        }  # fmt: skip
    return found


NEVER_BEGUN = "NEVER_BEGUN"
"""Of a ``conclude`` that was to run, and of which nothing ran."""

SKIPPED = "SKIPPED"
"""Of a ``conclude`` that was not to run, since the search was cancelled or failed, though a trial has a value."""

AGAIN = "clear the task conclude in Airflow, and it is made of the trials that there are"
"""How what ``conclude`` did not come to make is made after all."""

_ONCE_EXTENDED = "extend the run, and it is made of the trials that there are then"
_HOW = {NEVER_BEGUN: "was never begun", SKIPPED: "was skipped"}

NOT_RUN = frozenset(_HOW)
"""States of a ``conclude`` that are no trial's."""


def nothing_to_conclude(experiment: Experiment, state: State) -> str:
    """Why ``conclude`` has nothing to do once the search is over; empty where it has.

    Args:
        experiment: its file, with the run's overrides.
        state: folded from its journal.
    """
    stop = state.stop
    reason = stop.reason if stop is not None else "its run goes on"
    if best_trial(state, experiment) is None:
        return f"no trial has a value ({reason})"
    if stop is not None and stop.state == ExperimentState.FAILED:
        return f"the experiment failed: {reason}"
    if stop is not None and stop.state == ExperimentState.USER_CANCELED and stop.running == "cancel":
        return f"everything was cancelled: {reason}"
    return ""


def never_concluded(
    experiment: Experiment, state: State, stages: Mapping[StageName, StageStudy]
) -> dict[str, Any] | None:
    """The entry of a ``conclude`` of which nothing ran, though a trial has a value; None where there is no such one.

    So it is of one that had run before the search went on, and nothing of which ran once that had ended again: what it
    made of the search before stays published.

    A task of Airflow may end before it has asked the journal what to do (its executor failed, it waited too long in a
    queue, a person marked it, the store was away): without this it would look as if the file had no ``conclude``.

    Args:
        experiment: its file, with the run's overrides.
        state: folded from its journal; no task of its DAG run is to come but the reducer.
        stages: those that were begun.

    Returns:
        As an entry of `stage_entries`, with `NEVER_BEGUN` or `SKIPPED` as its state; where it had run before, with the
        attempts of then.
    """
    begun = stages.get("conclude")
    if not experiment.conclude or best_trial(state, experiment) is None:
        return None
    before = begun is not None and bool(begun.state.works)
    if begun is not None and before and not has_gone_on(state, begun):
        return None
    known: dict[str, Any] = {"seconds": 0.0, "cost": 0.0, "tasks": []}
    if before:
        known = {key: stage_entries(stages)["conclude"][key] for key in known}
    why = nothing_to_conclude(experiment, state)
    since = "the search has gone on since it ran, and " if before else ""
    return {
        "state": SKIPPED if why else NEVER_BEGUN,
        "reason": why or f"{since}its task in Airflow ended before anything ran: see its state and log there",
        "started": None, "ended": None, **known,
    }  # fmt: skip


def told_of_conclude(
    store: ObjectStore, prefix: str, experiment: Experiment, state: State, stages: Mapping[StageName, StageStudy]
) -> dict[str, Any] | None:
    """That entry as the newest result has it; None where that tells of no ``conclude`` that was to come and did not.

    Whether its task in Airflow is still to come is known to the reducer alone, which publishes.

    Args:
        store: the model storage path.
        prefix: the folder of the experiment's run.
        experiment, state, stages: as in `never_concluded`.
    """
    if not has_ended(state) or never_concluded(experiment, state, stages) is None:
        return None
    try:
        told = json.loads(store.get(prefix + CONTROLLER))["experiment"]
        entry = told["stages"]["conclude"]
    except (NotFound, ValueError, KeyError, AttributeError, TypeError):
        return None
    current = told.get("ended") == iso(ended_at(state)) and entry.get("state") in _HOW
    return dict(entry) if current else None


def unconcluded(store: ObjectStore, prefix: str) -> str:
    """Why a published result has the best trial's own model, and how to have the other made; empty where that is usual.

    Args:
        store: the model storage path.
        prefix: the folder of the experiment's run, ending with '/'.
    """
    try:
        return unconcluded_of(json.loads(store.get(prefix + CONTROLLER))["experiment"])
    except (NotFound, ValueError, KeyError, AttributeError, TypeError):  # nothing is published, or by something else
        return ""


def unconcluded_of(told: Mapping[str, Any]) -> str:
    """The same, of the ``experiment`` of controller.json.

    Args:
        told: as it was read.
    """
    stage = (told.get("stages") or {}).get("conclude")
    if stage is None or told.get("model_from") == "conclude" or stage.get("state") == TrialState.SUCCEEDED:
        return ""
    ended = str(stage.get("state") or "")
    how = _HOW.get(ended) or ended.lower().replace("_", " ")
    why = headline(str(stage.get("reason") or ""))
    number = told.get("best_trial")
    of = f"trial {number}" if number is not None else "the best trial"
    then = _ONCE_EXTENDED if ended == SKIPPED else AGAIN
    return f"conclude {how}{f' ({why})' if why else ''}, so what is published is what {of} has left: {then}"


def model_note(store: ObjectStore, prefix: str) -> str:
    """What whoever uses a run's published model should know of it; empty where there is nothing.

    Args:
        store: the model storage path.
        prefix: the folder of the experiment's run, ending with '/'.
    """
    try:
        told = json.loads(store.get(prefix + CONTROLLER))["experiment"]
        return unconcluded_of(told) or outdated_of(told)
    except (NotFound, ValueError, KeyError, AttributeError, TypeError):
        return ""


def outdated_of(told: Mapping[str, Any]) -> str:
    """Why a published model knows nothing of a run's newest trials, and how that is mended; empty where it does.

    Args:
        told: the ``experiment`` of controller.json.
    """
    stage = (told.get("stages") or {}).get("conclude") or {}
    ended = str(stage.get("state") or "")
    if told.get("model_from") != "conclude" or ended not in _HOW:
        return ""
    return (
        f"conclude {_HOW[ended]} ({headline(str(stage.get('reason') or ''))}), so what is published is what it made of "
        f"the search before: {_ONCE_EXTENDED if ended == SKIPPED else AGAIN}"
    )


def concluded_model(store: ObjectStore, prefix: str, stages: Mapping[StageName, StageStudy]) -> str | None:
    """The folder with the model that ``conclude`` has made, in place of the best trial's; None where it made none.

    Args:
        store: the model storage path.
        prefix: the folder of the experiment's run.
        stages: those that were begun.
    """
    study = stages.get("conclude")
    work = study.state.works.get(0) if study is not None else None
    if work is None or work.state is not TrialState.SUCCEEDED:
        return None
    folder = made_by(prefix, "conclude")
    return folder if store.list(folder, limit=1) else None
