"""What mapped task instances are called."""

from __future__ import annotations

from typing import Any

from automl_airflow.labels import ended_label, running_label
from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.study import Binding, Outcome, Study, StudyJournal
from tests.support.memory_store import MemoryStore
from tests.unit.plugins.files import body


def study(**groups: Any) -> Study:
    space = {"lr": {"type": "loguniform", "low": 1e-4, "high": 0.1}}
    return Study.create(
        StudyJournal(MemoryStore(), "e/r/"), Experiment.model_validate(body(**{"space": space, **groups})), "r", []
    )


def binding(**changes: Any) -> Binding:
    return Binding(**{"slot": 7, "trial": 7, "task": 0, "attempt": 1, "params": {"lr": 0.003}, **changes})


def test_a_running_trial_is_called_by_its_number_and_combination() -> None:
    assert running_label(study(), binding()) == "7 · lr=0.003"


def test_a_new_attempt_and_a_budget_are_told() -> None:
    budgeted = study(
        trials={"max": 9, "budget": {"name": "epochs", "min": 1, "max": 9}}, search={"algorithm": "hyperband"}
    )
    assert running_label(budgeted, binding(attempt=2, budget=3)) == "7 · lr=0.003 · epochs 3 · attempt 2"


def test_a_trial_that_has_ended_shows_its_value_and_how_it_ended_if_not_well() -> None:
    ended = [
        (Outcome(TrialState.SUCCEEDED, value=0.94123), "7 · lr=0.003 · accuracy 0.9412"),
        (Outcome(TrialState.EARLY_STOPPED, value=0.5), "7 · lr=0.003 · accuracy 0.5 · early stopped"),
        (Outcome(TrialState.FAILED), "7 · lr=0.003 · failed"),
        (Outcome(TrialState.USER_CANCELED), "7 · lr=0.003 · user canceled"),
    ]
    for outcome, label in ended:
        assert ended_label(study(), binding(), outcome) == label


def test_every_objective_is_shown_and_the_constraint_that_is_broken() -> None:
    objectives = [{"metric": "accuracy", "direction": "maximize"}, {"metric": "ms", "direction": "minimize"}]
    several = study(
        goal={"metric": None, "direction": None, "objectives": objectives, "constraints": [{"metric": "mb", "max": 9}]}
    )
    outcome = Outcome(TrialState.SUCCEEDED, value=0.9, metrics={"accuracy": 0.9, "ms": 12.0, "mb": 10.0})
    assert ended_label(several, binding(), outcome) == "7 · lr=0.003 · accuracy 0.9 · ms 12 · not mb ≤ 9"
    early = Outcome(TrialState.EARLY_STOPPED, value=0.9, metrics={"accuracy": 0.9})
    assert ended_label(several, binding(), early) == "7 · lr=0.003 · accuracy 0.9 · ms unknown · early stopped"
