"""Writes the journals in tests/assets/journal: every kind of record, a torn one, a foreign object, a snapshot.

It was run once with each format of records and each version of the state (``v2_state3``: the second format, with the
state's version 3):  python -m tests.unit.study.journal_assets
A release that changes either adds one beside them; the others stay as they are, since old experiments do.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from automl_core.journal import JOURNAL, key_of
from automl_core.journal.records import FORMAT_VERSION
from automl_core.spec.models import Experiment
from automl_core.states import ExperimentState, TrialState
from automl_core.storage.base import ObjectStore
from automl_core.storage.folder import FolderStore
from automl_core.study import Binding, Outcome, Study, StudyJournal
from automl_core.study.state import STATE_VERSION

ASSETS = Path(__file__).resolve().parents[2] / "assets" / "journal"
ASSET, ASSET_V2, ASSET_STATE_3 = ASSETS / "v1", ASSETS / "v2", ASSETS / "v2_state3"
PREFIX = "digits/manual__2026-11-21T04_00_00_00_00/"
START = 1_795_000_000.0

SPEC = {
    "name": "digits",
    "description": "the first released format",
    "goal": {"metric": {"accuracy": 1.0, "loss": -0.25}, "direction": "maximize"},
    "search": {"algorithm": "random", "seed": 7},
    "space": {
        "lr": {"type": "loguniform", "low": 1e-4, "high": 0.1},
        "solver": {"type": "choice", "values": ["adam", "sgd"]},
        "momentum": {"type": "uniform", "low": 0.0, "high": 0.99, "when": {"solver": ["sgd"]}},
    },
    "trials": {"max": 6, "concurrency": 3, "retries": 1},
    "tasks": [
        {"name": "train", "command": ["train", "--lr", "${lr}"], "cost_per_hour": 3.6},
        {"name": "score", "command": "score ${model_dir}"},
    ],
}


INPUTS = {"data": {"train": {"place": "s3://lake/digits.parquet", "digest": "0123456789abcdef", "files": 1}}}
WARNING = "data.train has changed since the run began"


class Clock:
    """Ten seconds pass between two looks."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        self.now += 10
        return self.now


def write_on_data(store: ObjectStore) -> Study:
    """The same experiment, of a run that knows what it works on, and an attempt that found it changed."""
    return write(store, INPUTS)


def write(store: ObjectStore, inputs: dict[str, Any] | None = None) -> Study:
    """Live through a small experiment in which everything happens once."""
    journal = StudyJournal(store, PREFIX, clock=Clock(), sleep=lambda _: None)
    overrides = [{"path": "trials.max", "old": 20, "new": 6}]
    identity = {"run_after": "2026-11-21T04:00:00+00:00"}
    study = Study.create(
        journal,
        Experiment.model_validate(SPEC),
        "manual__2026-11-21T04:00:00+00:00",
        overrides,
        identity,
        inputs=inputs,
    )
    trained = Outcome(TrialState.SUCCEEDED, metrics={"loss": 0.4}, cost=0.05)
    broken = Outcome(TrialState.FAILED, "exit code 1", retryable=True, cost=0.01)

    first = _bound(study.ask(0, worker="host-1:11"))  # trial 0 succeeds
    study.external(first, "pod-0-1")
    if inputs:
        study.warn(first, WARNING)
    study.tell(first, trained)
    study.tell(_bound(study.resume(0, 1, worker="host-1:12")), _scored(0.9))

    study.tell(_bound(study.ask(1, worker="host-2:21")), broken)  # trial 1 fails twice
    study.tell(_bound(study.ask(1, worker="host-2:22")), broken)

    journal.write_snapshot()
    third = _bound(study.ask(2, worker="host-3:31"))  # trial 2 loses its worker, is tried again, is ended early
    study.release(third.slot)
    study.tell(
        _bound(study.ask(2, worker="host-3:32")),
        Outcome(TrialState.EARLY_STOPPED, "worse than the median", value=0.2, step=1, metrics={"accuracy": 0.3},
                curve=((0, 0.1), (1, 0.2)), cost=0.02),
    )  # fmt: skip
    store.put(PREFIX + JOURNAL + key_of(study.state.seq + 1), b'{"version":1,"seq":')
    store.put(PREFIX + JOURNAL + "0000000003.json.bak", b"a copy that somebody made")

    fourth = _bound(study.ask(3, worker="host-1:13"))  # trial 3 is cancelled by a person
    study.cancel_trial(fourth.trial, "ada")
    study.tell(fourth, Outcome(TrialState.USER_CANCELED, "cancelled by ada", cost=0.01))
    journal.append("note", {"text": "the machine room was warm"})

    study.tell(_bound(study.ask(4, worker="host-2:23")), broken)  # trial 4 waits for a retry that never comes
    study.stop("user", ExperimentState.USER_CANCELED, "stopped by grace", running="cancel", by="grace")
    study.finish()
    return study


def _bound(answer: object) -> Binding:
    assert isinstance(answer, Binding), answer
    return answer


def _scored(accuracy: float) -> Outcome:
    return Outcome(
        TrialState.SUCCEEDED, value=accuracy - 0.1, step=2, metrics={"accuracy": accuracy, "loss": 0.4},
        curve=((0, 0.25), (1, 0.5), (2, accuracy - 0.1)),
    )  # fmt: skip


if __name__ == "__main__":
    newest = ASSETS / f"v{FORMAT_VERSION}_state{STATE_VERSION}"
    shutil.rmtree(newest, ignore_errors=True)
    newest.mkdir(parents=True)
    write_on_data(FolderStore(newest))
