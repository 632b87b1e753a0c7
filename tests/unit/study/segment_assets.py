"""Writes runs whose snapshot (format 3) stands on segments of chunks (version 1) into tests/assets/journal.

``v2_segments`` has records of the second format. ``v3_segments`` goes on for so long after its snapshot that records
repeat only the newest and name the one that has the others (the third).

Each was run once:  python -m tests.unit.study.segment_assets
A release that changes a format writes another beside them; these stay as they are, since runs do.
"""

from __future__ import annotations

import shutil

from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.storage.base import ObjectStore
from automl_core.storage.folder import FolderStore
from automl_core.study import Binding, Outcome, Study, StudyJournal
from tests.unit.study.journal_assets import ASSETS, PREFIX, SPEC, Clock
from tests.unit.study.test_sealed import small_chunks

ASSET, ASSET_V3 = ASSETS / "v2_segments", ASSETS / "v3_segments"
TRIALS = 16
MORE = 30
"""Trials in the third format."""


def write_on(store: ObjectStore) -> Study:
    """The same, and fourteen trials more since its last snapshot."""
    study = write(store, MORE + 4)
    for number in range(TRIALS, MORE):
        binding = study.ask(number)
        assert isinstance(binding, Binding), binding
        value = number / MORE
        assert study.tell(binding, Outcome(TrialState.SUCCEEDED, value=value, curve=((0, value),))).accepted
    return study


def write(store: ObjectStore, most: int = 20) -> Study:
    """Sixteen trials with curves, failures and a label; one of them was cleared after it was set apart."""
    journal = StudyJournal(store, PREFIX, clock=Clock(), sleep=lambda _: None)
    tasks = [{"name": "train", "command": ["true"]}]
    spec = SPEC | {"tasks": tasks, "trials": {"max": most, "concurrency": 4, "canary": False, "retries": 0}}
    study = Study.create(journal, Experiment.model_validate(spec), "manual__2026-11-21T04:00:00+00:00", [])
    for number in range(TRIALS):
        binding = study.ask(number)
        assert isinstance(binding, Binding), binding
        value = (number * 7 % TRIALS) / TRIALS
        study.tell(
            binding,
            Outcome(TrialState.FAILED, "exit code 1")
            if number % 5 == 4
            else Outcome(
                TrialState.SUCCEEDED, value=value, step=1, metrics={"accuracy": value}, curve=((0, 0.5), (1, value)),
                cost=0.25,
            ),
        )  # fmt: skip
    journal.write_snapshot()
    assert study.state.sealed.trials
    journal.append("attempt", {"slot": 1, "task": 0, "worker": "ann"})
    journal.append("note", {"trial": 2, "label": {"name": "the one"}, "by": "ben"})
    journal.write_snapshot()
    return study


if __name__ == "__main__":
    newest = ASSET_V3
    shutil.rmtree(newest, ignore_errors=True)
    newest.mkdir(parents=True)
    with small_chunks():
        write_on(FolderStore(newest))
