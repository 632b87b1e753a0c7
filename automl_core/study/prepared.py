"""What ``prepare`` has made in an earlier run of an experiment, taken again while all that it depends on is the same.

`propose` decides: it knows a key of what ``prepare`` depends on (fingerprints, training tasks, code), looks for an
earlier run with the same key whose ``prepare`` ended well, and writes into the first record whose is taken. The stage
then begins as one that has ended.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from automl_core.journal import JOURNAL, BadRecord, decode, key_of
from automl_core.states import TrialState
from automl_core.storage.base import NotFound, ObjectStore, StorageError, StorageUnavailable
from automl_core.study.layout import MODEL_FOLDER, safe, stage_prefix, trial_prefix
from automl_core.study.reasons import headline

if TYPE_CHECKING:
    from automl_core.spec.models import Experiment
    from automl_core.study.stages import StageStudy

PREPARE, TAKEN = "prepare", "taken"
"""Kind of `State.inputs` that tells of ``prepare``, and its key for what was taken."""

OVER = "over"
"""Under `PREPARE`, why one trial stands for all: what was prepared says so (`NOTHING_TO_SEARCH`)."""

NOTHING_TO_SEARCH = "nothing_to_search.json"
"""What ``prepare`` may leave, ``{"reason": words}``: any combination gives the same, so one trial stands for all."""

GONE = "housekeeping.json"
"""Name of housekeeping's mark in the folder of a run that is being deleted."""

_NOT_OF_THE_RESULT = frozenset(
    {"airflow", "timeout", "grace", "cost_per_hour", "metrics", "name", "prices", "pending", "kueue", "preload"}
)
"""Fields of a training task that say how it is run, and nothing of what it makes."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What an earlier run has prepared.

    Attributes:
        run: its id.
        prefix: its folder, ending with '/'.
    """

    run: str
    prefix: str

    @property
    def prepared(self) -> str:
        """The folder with what its ``prepare`` has left, ending with '/'."""
        return stage_prefix(self.prefix, PREPARE) + trial_prefix(0) + MODEL_FOLDER

    def to_json(self) -> dict[str, str]:
        """As the first record has it."""
        return {"run": self.run, "prefix": self.prefix}


def taken_in(inputs: Mapping[str, Any]) -> Taken | None:
    """What a run has taken of an earlier one, None where it prepares itself.

    Args:
        inputs: of its state.
    """
    found = inputs.get(PREPARE, {}).get(TAKEN)
    return Taken(str(found["run"]), str(found["prefix"])) if found else None


def over_in(inputs: Mapping[str, Any]) -> str:
    """Why one trial stands for all, by what was prepared; empty where there is something to search.

    Args:
        inputs: of the experiment's state.
    """
    return str(inputs.get(PREPARE, {}).get(OVER) or "")


def nothing_to_search(store: ObjectStore, prepared: str) -> str:
    """What ``prepare`` has left word of: why one trial stands for all, in one line; empty where it says nothing of it.

    Args:
        store: the model storage path.
        prepared: the folder that it left, ending with '/'.

    Raises:
        StorageUnavailable: the store is away.
    """
    try:
        said = json.loads(store.get(prepared + NOTHING_TO_SEARCH))
    except (NotFound, ValueError, RecursionError):  # any program may have written it, and anything
        return ""
    reason = said.get("reason") if isinstance(said, dict) else None
    return headline(reason) if isinstance(reason, str) else ""


def prepare_key(experiment: Experiment, data: Mapping[str, Any], code: str, dates: Mapping[str, str]) -> str:
    """A digest of all that ``prepare`` depends on.

    Args:
        experiment: its file.
        data: fingerprints of its data sets, by name.
        code: digest of what its training tasks run.
        dates: of the run; those that the training tasks name count.
    """
    from automl_core.spec.constants import constants_in
    from automl_core.spec.placeholders import placeholders, texts_of

    tasks = [
        {name: value for name, value in task.model_dump(mode="json").items() if name not in _NOT_OF_THE_RESULT}
        for task in experiment.prepare
    ]
    named = {
        name for index, task in enumerate(tasks) for _, text in texts_of(task, (PREPARE, index))
        for name, _ in placeholders(text)
    }  # fmt: skip
    body = {
        "tasks": tasks, "code": code, "columns": experiment.columns,
        "data": {name: each.get("digest") for name, each in data.items()},
        "dates": {name: dates[name] for name in sorted(named & dates.keys())},
        "spec_file": experiment.spec_file.model_dump(mode="json") if experiment.spec_file is not None else None,
    }  # fmt: skip
    if experiment.environment is not None:  # its lock file is part of the code
        body["environment"] = experiment.environment.model_dump(mode="json")
    constants = {
        name: experiment.space[name].model_dump(mode="json")["value"] for name in constants_in(experiment.space)
    }
    if constants:
        body["constants"] = constants
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]


def find_prepared(store: ObjectStore, name: str, key: str, own_prefix: str, team: str | None = None) -> Taken | None:
    """The newest earlier run of an experiment that has prepared the same, and whose folder still holds it.

    Two requests for each earlier run; a run that can't be read is passed over.

    Args:
        store: the model storage path.
        name: of the experiment.
        key: see `prepare_key`.
        own_prefix: folder of today's run.
        team: whose experiment it is: another team's run is not taken.

    Raises:
        StorageUnavailable: the store is away.
    """
    candidates: list[tuple[float, Taken]] = []
    top, after = f"{safe(name)}/", ""
    while keys := store.list(top, start_after=after, limit=1):
        folder, slash, _ = keys[0].removeprefix(top).partition("/")
        after = f"{top}{folder}0" if slash else keys[0]  # '0' follows '/': everything below is passed over
        prefix = f"{top}{folder}/"
        if not slash or prefix == own_prefix:
            continue
        try:
            record = decode(store.get(f"{prefix}{JOURNAL}{key_of(1)}"), 1).record
        except (NotFound, BadRecord):
            continue
        inputs = record.data.get("inputs") or {}
        theirs = (record.data.get("identity") or {}).get("team")
        if (inputs.get(PREPARE) or {}).get("key") == key and theirs == team and TAKEN not in inputs[PREPARE]:
            candidates.append((record.time, Taken(str(record.data.get("run", folder)), prefix)))
    for _, taken in sorted(candidates, key=lambda each: each[0], reverse=True):
        try:
            if _is_there(store, taken):
                return taken
        except StorageUnavailable:
            raise
        except (StorageError, LookupError, ValueError):
            continue
    return None


def _is_there(store: ObjectStore, taken: Taken) -> bool:
    """Whether a run's ``prepare`` ended well, with something in its folder, and nobody is deleting it."""
    from automl_core.study.journal import StudyJournal

    state = StudyJournal(store, stage_prefix(taken.prefix, PREPARE), sleep=lambda _: None).refresh()
    work = state.works.get(0)
    if work is None or work.state is not TrialState.SUCCEEDED:
        return False
    return has_prepared(store, taken)


def has_prepared(store: ObjectStore, taken: Taken) -> bool:
    """Whether the folder with what an earlier run has prepared still holds something, and stays."""
    return bool(store.list(taken.prepared, limit=1)) and not store.list(f"{taken.prefix}{GONE}", limit=1)


def hold(store: ObjectStore, taken: Taken, run: str) -> bool:
    """Note in an earlier run's journal that its ``prepare`` is used, so that nobody who was about to delete it does.

    Args:
        store: the model storage path.
        taken: what is taken.
        run: who takes it, for people.

    Returns:
        False where it is being deleted already.
    """
    from automl_core.study.journal import StudyJournal

    journal = StudyJournal(store, taken.prefix)
    journal.refresh()
    noted = journal.append(
        "note", {"text": f"what its prepare has made is used by the run {run}"},
        valid=lambda state: not (state.acts and state.acts[-1].act == "gc"),
    )  # fmt: skip
    return noted is not None and has_prepared(store, taken)


def take_over(stage: StageStudy, taken: Taken, generation: int | None) -> None:
    """Tell the end of a ``prepare`` that an earlier run has made, as that of this run's own.

    Args:
        stage: of today's run; one that a person has cleared since is left to prepare anew.
        taken: what is taken.
        generation: how often people had cleared the task that asks.
    """
    from automl_core.study.answers import Binding, Outcome

    work = stage.state.works.get(0)
    if work is not None and (work.state.ended or work.attempts[-1].generation != generation):
        return
    stage.taking = True
    try:
        for task in range(len(stage.experiment.tasks)):
            answer = stage.resume(0, task, generation=generation) if task else stage.ask(0, generation=generation)
            if isinstance(answer, Binding):
                stage.tell(answer, Outcome(TrialState.SUCCEEDED, f"what the run {taken.run} has prepared is taken"))
    finally:
        stage.taking = False
