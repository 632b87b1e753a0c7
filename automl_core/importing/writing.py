"""Writing what was imported as a run that has ended: its journal is one like any other, so everything reads it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from automl_core.importing.fitting import Fitted
from automl_core.importing.trials import CannotImport, OldStudy, OldTrial, digest_of
from automl_core.spec.models import Experiment
from automl_core.states import ExperimentState, TrialState
from automl_core.storage.base import ObjectStore
from automl_core.study.answers import Outcome
from automl_core.study.environment import environment
from automl_core.study.journal import StudyJournal
from automl_core.study.layout import experiment_prefix, safe
from automl_core.study.state import State
from automl_core.study.telling import end_record

ALGORITHM = "imported"
"""What stands in place of a search algorithm in the first record of such a run."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What was written.

    Attributes:
        experiment, run: as ``search.transfer.experiments`` names it: ``experiment@run``.
        folder: where it lies, for people.
        new: whether it was written now; it was there already otherwise.
        others: other runs of the experiment that were imported from the same study.
    """

    experiment: str
    run: str
    folder: str
    new: bool
    others: tuple[str, ...]


def write(
    store: ObjectStore, experiment: Experiment, study: OldStudy, fitted: Fitted, *, again: bool = False
) -> Imported:
    """Write the trials of a study as a run of an experiment that has ended.

    The run's id follows from what is written, so the same import finds what it wrote before, and one that was
    interrupted goes on.

    Args:
        store: the model storage path.
        experiment: whose run it becomes.
        study: where the trials come from.
        fitted: what is taken of it, one trial at least.
        again: write another run where the same one is there already.

    Raises:
        CannotImport: nothing fits.
        StorageError: the store refuses or is away.
    """
    if not fitted.trials:
        raise CannotImport(
            f"nothing of {study.name!r} in {study.source} can be taken: {reasons(fitted) or 'no trials'}"
        )
    stem = f"imported-{study.tool}-{safe(study.name, 60)}"
    contents = [_bound(number, trial) | _ended(number, trial, experiment) for number, trial in enumerate(fitted.trials)]
    meaning = experiment.model_dump(mode="json", include={"goal", "space"})
    run = f"{stem}-{digest_of(experiment.name, meaning, contents)}"
    others = tuple(each for each in _runs(store, experiment.name) if each.startswith(f"{stem}-") and each != run)
    journal = _journal(store, experiment, run)
    there = journal.refresh().stop is not None
    if there and again:
        taken, count = {run, *others}, 2
        while f"{run}-{count}" in taken:
            count += 1
        run, others, there = f"{run}-{count}", tuple(sorted(taken)), False
        journal = _journal(store, experiment, run)
        journal.refresh()
    if not there:
        _write(journal, experiment, study, fitted, run)
    folder = f"{store.url.rstrip('/')}/{journal.prefix}".rstrip("/").removeprefix("file://")
    return Imported(experiment.name, run, folder, not there, others)


def _journal(store: ObjectStore, experiment: Experiment, run: str) -> StudyJournal:
    journal = StudyJournal(store, experiment_prefix(experiment.name, run))
    journal.paced = False
    return journal


def reasons(fitted: Fitted) -> str:
    """Why trials were left out, in a line."""
    return "; ".join(f"{len(places)} {reason}" for reason, places in fitted.left_out.items())


def _write(journal: StudyJournal, experiment: Experiment, study: OldStudy, fitted: Fitted, run: str) -> None:
    count = len(fitted.trials)
    origin = f"{study.tool} {study.name} in {study.source}"
    first: dict[str, Any] = {
        "experiment": experiment.model_dump(mode="json"),
        "name": experiment.name,
        "run": run,
        "identity": {"imported": _origin(study, fitted)},
        "environment": environment(),
        "overrides": [],
        "algorithm": ALGORITHM,
        "plan": {"slots": count, "trials": count, "units": None, "note": f"imported from {origin}"},
        "proposals": [],
        "lanes": None,
    }
    journal.append("created", first, valid=lambda state: not state.created)
    for number, trial in enumerate(fitted.trials):
        bound, ended = _bound(number, trial), _ended(number, trial, experiment)

        def unbound(state: State, number: int = number) -> bool:
            return number == len(state.trials)

        def running(state: State, number: int = number) -> bool:
            return state.is_running(number, 0, 1)

        journal.append("bound", bound, valid=unbound)
        journal.append("ended", ended, valid=running)
    data = {
        "kind": "imported", "state": str(ExperimentState.FINISHED), "running": "drain", "by": "",
        "reason": f"imported: {count} trials of {origin}",
    }  # fmt: skip
    journal.append("stop", data, valid=lambda state: state.stop is None)
    journal.write_snapshot()


def _origin(study: OldStudy, fitted: Fitted) -> dict[str, Any]:
    """Where the trials come from, and what was left there."""
    left_out = {reason: len(places) for reason, places in fitted.left_out.items()} | study.problems
    return {
        "tool": study.tool, "study": study.name, "source": study.source, "trials": len(study.trials),
        "taken": len(fitted.trials), "left_out": left_out,
    }  # fmt: skip


def _bound(number: int, trial: OldTrial) -> dict[str, Any]:
    return {
        "slot": number, "trial": number, "params": trial.params, "parent": None, "note": _note(trial), "seen": 0,
        "worker": "automl import",
    }  # fmt: skip


def _ended(number: int, trial: OldTrial, experiment: Experiment) -> dict[str, Any]:
    early = trial.state == "pruned"
    curve = tuple((step, value) for step, value in trial.curve if math.isfinite(value))
    outcome = Outcome(
        TrialState.EARLY_STOPPED if early else TrialState.SUCCEEDED,
        "ended early there" if early else "",
        value=trial.values[0],
        step=curve[-1][0] if curve else None,
        metrics=trial.metrics,
        curve=curve,
    )
    return end_record(number, 0, 1, outcome, last=True)


def _note(trial: OldTrial) -> str:
    """What a person wants to know of where a trial comes from: ``trial 17, 2026-11-02 10:15 UTC, 35 s``."""
    words = [trial.place]
    if trial.started is not None:
        words.append(f"{datetime.fromtimestamp(trial.started, UTC):%Y-%m-%d %H:%M} UTC")
        if trial.ended is not None:
            words.append(f"{max(0.0, trial.ended - trial.started):.6g} s")
    return ", ".join(words)


def _runs(store: ObjectStore, name: str) -> Iterator[str]:
    """Folders of an experiment's runs, a request each."""
    top, after = f"{safe(name)}/", ""
    while keys := store.list(top, start_after=after, limit=1):
        folder, slash, _ = keys[0].removeprefix(top).partition("/")
        if slash:
            yield folder
        after = f"{top}{folder}0" if slash else keys[0]  # '0' follows '/': everything below the folder is passed over
