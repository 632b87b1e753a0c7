"""Writes tests/assets/journal/v2_segments: a run whose snapshot (format 3) stands on segments of chunks (version 1).

It was run once:  python -m tests.unit.study.segment_assets
A release that changes either format writes another beside it; this one stays as it is, since runs do.
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

ASSET = ASSETS / "v2_segments"
TRIALS = 16


def write(store: ObjectStore) -> Study:
    """Sixteen trials with curves, failures and a label; one of them was cleared after it was set apart."""
    journal = StudyJournal(store, PREFIX, clock=Clock(), sleep=lambda _: None)
    tasks = [{"name": "train", "command": ["true"]}]
    spec = SPEC | {"tasks": tasks, "trials": {"max": 20, "concurrency": 4, "canary": False, "retries": 0}}
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
    shutil.rmtree(ASSET, ignore_errors=True)
    ASSET.mkdir(parents=True)
    with small_chunks():
        write(FolderStore(ASSET))
