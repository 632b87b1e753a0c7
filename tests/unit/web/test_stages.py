"""How prepare and conclude stand on a run's page: by name, with their attempts, read now and then."""

from __future__ import annotations

import pytest

from automl_airflow.studies import SharedStudy
from automl_airflow.web import held as held_module
from automl_airflow.web.held import HeldRun
from automl_core.spec.validation import validate
from automl_core.states import TrialState
from automl_core.study import Binding, Outcome, Study, StudyJournal
from automl_core.study.editing import edit
from automl_core.study.stages import begin_stage
from tests.support.memory_store import MemoryStore


def held(store: MemoryStore, **stages: object) -> HeldRun:
    data = {
        "name": "a", "goal": {"metric": "accuracy", "direction": "maximize"},
        "space": {"x": {"type": "choice", "values": [1, 2]}}, "tasks": [{"command": "true ${x}"}], **stages,
    }  # fmt: skip
    experiment, problems = validate(data)
    assert experiment is not None, problems
    return HeldRun(SharedStudy(store, Study.create(StudyJournal(store, "a/r/"), experiment, "r", [])))


def test_stages_are_shown_as_they_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_module, "STAGES_EVERY", 0.0)
    store = MemoryStore()
    run = held(store, prepare=[{"name": "split", "command": "true"}])
    assert run.stages() == []
    stage = begin_stage(run.shared.study, "prepare")
    binding = stage.ask(0)
    assert isinstance(binding, Binding)
    (shown,) = run.stages()
    assert (shown["name"], shown["state"], shown["tasks"][0]["name"]) == ("prepare", "RUNNING", "split")
    stage.tell(binding, Outcome(TrialState.FAILED, "no such table"))
    (shown,) = run.stages()
    assert (shown["state"], shown["tasks"][0]["reason"]) == ("FAILED", "no such table")


def test_a_conclude_that_never_began_is_shown_once_nothing_is_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_module, "STAGES_EVERY", 0.0)
    run = held(MemoryStore(), conclude=[{"name": "refit", "command": "true"}], trials={"max": 1})
    study = run.shared.study
    binding = study.ask(0)
    assert isinstance(binding, Binding)
    study.tell(binding, Outcome(TrialState.SUCCEEDED, value=0.5))
    study.finish()
    assert run.stages() == [], "its task in Airflow may be about to begin"
    (shown,) = run.stages(over=True)
    assert (shown["name"], shown["state"], shown["tasks"]) == ("conclude", "NEVER_BEGUN", [])
    stage = begin_stage(study, "conclude")
    concluding = stage.ask(0)
    assert isinstance(concluding, Binding)
    stage.tell(concluding, Outcome(TrialState.SUCCEEDED))
    (shown,) = run.stages(over=True)
    assert shown["state"] == "SUCCEEDED"
    edit(study, {"trials": {"max": 2}}, "anna", reopen=True)
    study.finish()
    (shown,) = run.stages(over=True)
    assert (shown["state"], len(shown["tasks"])) == ("NEVER_BEGUN", 1)


def test_a_run_without_stages_asks_the_store_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    run = held(store)
    monkeypatch.setattr(MemoryStore, "list", None)
    monkeypatch.setattr(MemoryStore, "get", None)
    assert run.stages() == []


def test_however_many_look_stages_are_read_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    run = held(store, conclude=[{"name": "refit", "command": "true"}])
    begin_stage(run.shared.study, "conclude").ask(0)
    first = run.stages()
    monkeypatch.setattr(MemoryStore, "list", None)
    assert run.stages() == first != []
