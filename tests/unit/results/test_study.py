"""A real study, from its first record to its published result."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automl_core.results import leaderboard, publish_study, summary
from automl_core.states import ExperimentState, TrialState
from automl_core.storage.folder import FolderStore
from automl_core.study import Binding, Outcome, Over, Study, StudyJournal
from tests.unit.results.lab import Clock, experiment


@pytest.mark.parametrize("algorithm", ["random", "grid"])
@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_from_the_first_record_to_the_result(tmp_path: Path, algorithm: str, direction: str) -> None:
    spec = experiment(
        search={"algorithm": algorithm, "options": {"resolution": 3} if algorithm == "grid" else {}},
        goal={"direction": direction},
        trials={"max": 6, "concurrency": 2, "retries": 1},
    )
    clock = Clock()
    study = Study.create(StudyJournal(FolderStore(tmp_path), "digits/run-1/", clock=clock), spec, "run-1", [])
    values: dict[int, float] = {}
    while isinstance(work := study.ask(), Binding):
        clock.now += 10
        if work.trial == 2 and not work.retried:
            told = study.tell(work, Outcome(TrialState.FAILED, "exit code 137", retryable=True))
            assert told.retry
            work = study.ask(work.slot)
            assert isinstance(work, Binding)
            clock.now += 10
        values[work.trial] = 1.0 / (1 + abs(work.trial - 3))
        study.tell(work, Outcome(TrialState.SUCCEEDED, value=values[work.trial], metrics={"accuracy": 0.5}))
        before = summary(study.state, spec, clock.now)
        assert before.done == len(values)
    assert isinstance(work, Over)
    stop = study.finish()

    published = publish_study(study)

    assert published.state is ExperimentState(stop.state)
    assert published.best_trial == (3 if direction == "maximize" else 0)
    assert study.best() == (published.best_trial, published.best_value)
    with open(f"{published.folder}/controller.json", encoding="utf-8") as file:
        body = json.load(file)
    assert {trial["number"]: trial["value"] for trial in body["trials"]} == values
    assert [len(trial["attempts"]) for trial in body["trials"]] == [1, 1, 2, 1, 1, 1]
    assert leaderboard(tmp_path / "digits").rows[0].trial == published.best_trial

    first = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if "journal" not in str(path)}
    again = Study.load(StudyJournal(FolderStore(tmp_path), "digits/run-1/", clock=clock))
    again.finish()
    publish_study(again)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*") if "journal" not in str(path)} == first
