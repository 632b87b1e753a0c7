"""What a search sees of a study: finished budgets, early stops, places and ranks."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.optimizer import Optimizer
from automl_core.results.forecast import pace_of, units_of
from automl_core.states import TrialState
from automl_core.study.binder import becomes_the_trials, binding_of, finished_budgets
from automl_core.study.history import best_trial, history_of, ranking
from automl_core.study.points import front_of
from automl_core.study.study import Study
from automl_core.views.history import history as shown_history
from automl_core.views.view import ExperimentView
from tests.unit.results.lab import Lab, experiment

BUDGET: dict[str, Any] = {"max": 9, "concurrency": 4, "budget": {"name": "epochs", "min": 1, "max": 9, "factor": 3}}
EARLY = TrialState.EARLY_STOPPED
GOALS: list[dict[str, Any]] = [
    {"metric": "accuracy", "direction": "maximize"},
    {"metric": "accuracy", "direction": "maximize", "constraints": [{"metric": "latency", "max": 20}]},
]


def climbed(goal: dict[str, Any] = GOALS[0]) -> Lab:
    """Trial 0 finished budget 1 and was stopped early, and better, on its way to 3; trial 1 finished 1 alone."""
    lab = Lab(experiment(trials=BUDGET, goal=goal))
    for value in (0.6, 0.7):
        slot = lab.bind(budget=1, rung=0)
        lab.clock.now += 10
        lab.end(slot, value, metrics={"accuracy": value, "latency": 5.0})
    slot = lab.bind(0, budget=3, rung=1, resume_budget=1)
    lab.clock.now += 3
    lab.end(slot, 0.95, state=EARLY, metrics={"accuracy": 0.95, "latency": 5.0})
    return lab


@pytest.mark.parametrize("goal", GOALS)
def test_early_stopped_work_is_no_finished_budget_in_rankings(goal: dict[str, Any]) -> None:
    lab = climbed(goal)

    ranked = [(trial.number, work.value) for trial, work in ranking(lab.state, lab.spec)]

    assert ranked == [(1, 0.7), (0, 0.6)]
    best = best_trial(lab.state, lab.spec)
    assert best is not None
    assert best.number == 1


def test_early_stopped_work_is_no_finished_budget_on_a_front() -> None:
    objectives = [{"metric": "accuracy", "direction": "maximize"}, {"metric": "latency", "direction": "minimize"}]
    lab = climbed({"metric": None, "direction": None, "objectives": objectives})

    assert [(trial.number, work.value) for trial, work in front_of(lab.state, lab.spec)] == [(1, 0.7)]


@pytest.mark.parametrize("goal", GOALS)
def test_an_algorithm_sees_it_as_stopped_with_the_loss_of_the_budget_that_it_finished(goal: dict[str, Any]) -> None:
    lab = climbed(goal)
    history = history_of(lab.state, lab.spec)

    assert history[0].state is EARLY
    assert list(history[0].losses_at) == [1]
    assert history[0].loss == history[0].losses_at[1]
    assert history[0].loss > history[1].loss  # type: ignore[operator]


def test_python_and_the_journal_tell_an_algorithm_the_same() -> None:
    lab = climbed()
    optimizer = Optimizer({"lr": {"type": "uniform", "low": 0, "high": 1}}, "maximize", "asha",
                          budget={"min": 1, "max": 9}, max_trials=3)  # fmt: skip
    for value in (0.7, 0.65, 0.6):
        trial = optimizer.ask()
        assert trial is not None
        optimizer.tell(trial, value)
    promoted = optimizer.ask()
    assert promoted is not None
    optimizer.tell(promoted, 0.95, stopped_early=True)

    told, read = optimizer.trials[promoted.number], history_of(lab.state, lab.spec)[0]

    assert (told.state, told.loss, dict(told.losses_at)) == (EARLY, -0.7, {1: -0.7})
    assert (read.state, read.loss, dict(read.losses_at)) == (EARLY, -0.6, {1: -0.6})


def test_nobody_goes_on_from_the_checkpoint_of_an_early_stop() -> None:
    lab = climbed()
    child = lab.bind(parent=0, budget=3, rung=1, params={"lr": 0.07, "solver": "sgd"})

    assert finished_budgets(lab.state, 0) == [1]
    assert binding_of(lab.state, child, 0).parent == (0, 1)
    assert units_of(lab.state, lab.spec, lab.state.works[child]) == 2


def test_the_model_stays_that_of_the_value_that_counts() -> None:
    lab = climbed()

    assert not becomes_the_trials(lab.state, 0, EARLY)
    assert becomes_the_trials(lab.state, 0, TrialState.SUCCEEDED)
    fresh = lab.bind(budget=1, rung=0)
    assert becomes_the_trials(lab.state, lab.state.works[fresh].trial, EARLY)
    assert not becomes_the_trials(lab.state, lab.state.works[fresh].trial, TrialState.FAILED)


def test_the_pace_is_that_of_work_that_trained_all_of_its_units() -> None:
    lab = climbed()
    pace = pace_of(lab.state, lab.spec)

    assert pace is not None
    assert pace.seconds(1) == pytest.approx(10)


def test_the_best_so_far_of_the_plots_is_that_of_the_ranking() -> None:
    lab = climbed()
    view = ExperimentView(Study(lab.journal, lab.spec))

    assert shown_history(view)["columns"]["best"][-1] == 0.7


def test_without_budgets_the_value_of_an_early_stop_counts_as_any_other() -> None:
    lab = Lab()
    lab.trial(0.6)
    lab.trial(0.9, state=EARLY)

    assert [(trial.number, work.value) for trial, work in ranking(lab.state, lab.spec)] == [(1, 0.9), (0, 0.6)]
    assert history_of(lab.state, lab.spec)[1].loss == -0.9
