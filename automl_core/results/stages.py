"""What the stage ``conclude`` is told of all trials, and what is published of the stages."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from automl_core.results.entries import controller, iso
from automl_core.results.names import CONTROLLER
from automl_core.states import TrialState
from automl_core.storage.base import NotFound
from automl_core.study.layout import MODEL_FOLDER, stage_prefix, trial_prefix
from automl_core.study.reasons import headline
from automl_core.study.stages import INPUT, TRIALS_FILE, made_by

if TYPE_CHECKING:
    from automl_core.spec.stages import StageName
    from automl_core.storage.base import ObjectStore
    from automl_core.study.stages import StageStudy
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


AGAIN = "clear the task conclude in Airflow, and it is made of the trials that there are"
"""How what ``conclude`` did not come to make is made after all."""


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
    how = str(stage.get("state") or "").lower().replace("_", " ")
    why = headline(str(stage.get("reason") or ""))
    number = told.get("best_trial")
    of = f"trial {number}" if number is not None else "the best trial"
    return f"conclude {how}{f' ({why})' if why else ''}, so what is published is what {of} has left: {AGAIN}"


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
