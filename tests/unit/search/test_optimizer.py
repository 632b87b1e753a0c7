"""The search from Python: ask and tell."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest

import automl_core
from automl_core import Optimizer
from automl_core.states import TrialState

SPACE: dict[str, Any] = {
    "x": {"type": "uniform", "low": -5, "high": 5},
    "kind": {"type": "choice", "values": ["a", {"value": "b", "space": {"n": {"type": "int", "low": 1, "high": 5}}}]},
}


def test_minimises() -> None:
    optimizer = Optimizer(SPACE, algorithm="tpe", max_trials=40)
    while (trial := optimizer.ask()) is not None:
        optimizer.tell(trial, (trial.params["x"] - 1) ** 2 + (trial.params["kind"] == "a"))  # type: ignore[operator]

    assert optimizer.exhausted
    assert len(optimizer.trials) == 40
    assert optimizer.best is not None
    assert abs(optimizer.best.params["x"] - 1) < 1  # type: ignore[operator]


def test_maximising_is_minimising_the_negative() -> None:
    runs = []
    for goal, sign in (("minimize", 1), ("maximize", -1)):
        optimizer = Optimizer(SPACE, goal=goal, algorithm="evolution", seed=3, max_trials=25)  # type: ignore[arg-type]
        while (trial := optimizer.ask()) is not None:
            optimizer.tell(trial, sign * trial.params["x"] ** 2)  # type: ignore[operator]
        runs.append([t.params for t in optimizer.trials])

    assert runs[0] == runs[1]


def test_a_promoted_trial_resumes_where_it_stopped() -> None:
    optimizer = Optimizer(SPACE, algorithm="hyperband", budget={"min": 1, "max": 9})
    trained: dict[int, int] = {}
    units = 0
    while (trial := optimizer.ask()) is not None:
        assert trial.resume_from == trained.get(trial.number)
        assert trial.parent == (trial.number if trial.number in trained else None)
        assert trial.budget is not None
        steps = range((trial.resume_from or 0) + 1, trial.budget + 1)
        units += len(steps)
        trained[trial.number] = trial.budget
        optimizer.tell(trial, 1 / trial.budget, values={step: 1 / step for step in steps})

    assert units == optimizer.algorithm.plan().units
    longest = max(optimizer.trials, key=lambda t: len(t.curve))
    assert [step for step, _ in longest.curve] == list(range(1, 10))
    assert longest.losses_at == {1: 1.0, 3: 1 / 3, 9: 1 / 9}


def test_what_was_stopped_early_has_finished_no_budget_however_good_it_is() -> None:
    optimizer = Optimizer(SPACE, algorithm="asha", budget={"min": 1, "max": 9}, max_trials=3)
    for _ in range(3):
        trial = optimizer.ask()
        assert trial is not None
        optimizer.tell(trial, 1.0 + trial.number)
    promoted = optimizer.ask()
    assert promoted is not None
    assert (promoted.number, promoted.budget) == (0, 3)

    optimizer.tell(promoted, 0.1, stopped_early=True)

    past = optimizer.trials[0]
    assert (past.state, past.loss, past.losses_at) == (TrialState.EARLY_STOPPED, 1.0, {1: 1.0})
    assert optimizer.ask() is None  # nothing is promoted from it


def test_a_trial_that_finished_no_budget_has_the_value_that_it_reached() -> None:
    optimizer = Optimizer(SPACE, algorithm="asha", budget={"min": 1, "max": 9})
    trial = optimizer.ask()
    assert trial is not None

    optimizer.tell(trial, 0.1, stopped_early=True)

    assert (optimizer.trials[0].loss, optimizer.trials[0].losses_at) == (0.1, {})


def test_a_pbt_child_resumes_from_its_parent() -> None:
    optimizer = Optimizer(SPACE, algorithm="pbt", budget={"min": 1, "max": 5}, max_trials=30)
    children = 0
    while (trial := optimizer.ask()) is not None:
        if trial.parent not in (None, trial.number):
            children += 1
            assert trial.resume_from == max(optimizer.trials[trial.parent].losses_at)  # type: ignore[index]
        optimizer.tell(trial, float(trial.params["x"]))  # type: ignore[arg-type]

    assert children > 0


def test_nothing_to_hand_out_now_is_none_until_a_rung_is_complete() -> None:
    optimizer = Optimizer(SPACE, algorithm="hyperband", budget={"min": 1, "max": 3})
    trials = [optimizer.ask() for _ in range(3)]

    assert optimizer.ask() is None
    assert not optimizer.exhausted
    assert "rung 0 of bracket 0 is not complete" in optimizer.reason
    for trial in trials:
        assert trial is not None
        optimizer.tell(trial, 0.0)
    promoted = optimizer.ask()
    assert promoted is not None
    assert (promoted.number, promoted.budget, promoted.resume_from) == (0, 3, 1)


@pytest.mark.parametrize("result", [{"failed": True}, {"value": math.nan}, {"value": math.inf}])
def test_a_failure_has_no_value(result: dict[str, Any]) -> None:
    optimizer = Optimizer(SPACE, algorithm="random")
    trial = optimizer.ask()
    assert trial is not None
    optimizer.tell(trial, **result)

    assert optimizer.trials[0].state is TrialState.FAILED
    assert optimizer.trials[0].loss is None
    assert optimizer.best is None


def test_the_value_may_be_left_to_the_periodical_ones() -> None:
    optimizer = Optimizer(SPACE, goal="maximize", algorithm="random")
    trial = optimizer.ask()
    assert trial is not None
    optimizer.tell(trial, values={1: 0.2, 2: 0.8, 3: 0.5}, stopped_early=True)

    assert optimizer.trials[0].loss == -0.8
    assert optimizer.trials[0].state is TrialState.EARLY_STOPPED
    assert optimizer.trials[0].curve == ((1, -0.2), (2, -0.8), (3, -0.5))


def test_steps_of_periodical_values_may_be_fractions() -> None:
    optimizer = Optimizer(SPACE, goal="maximize", algorithm="random")
    trial = optimizer.ask()
    assert trial is not None
    optimizer.tell(trial, values={0.5: 0.2, 0.75: 0.8, 1.0: 0.5})
    assert optimizer.trials[0].curve == ((0.5, -0.2), (0.75, -0.8), (1, -0.5))


def test_a_result_is_taken_once_and_only_for_what_was_asked() -> None:
    optimizer = Optimizer(SPACE, algorithm="random")
    trial = optimizer.ask()
    assert trial is not None
    with pytest.raises(ValueError, match="trial 0: give a value, or failed=True"):
        optimizer.tell(trial)
    optimizer.tell(trial, 1.0)
    with pytest.raises(ValueError, match="trial 0 is not running"):
        optimizer.tell(0, 1.0)
    with pytest.raises(ValueError, match="there is no trial 7; 1 were asked for"):
        optimizer.tell(7, 1.0)


def test_what_is_handed_out_can_be_changed_without_harm() -> None:
    optimizer = Optimizer(SPACE, algorithm="random")
    trial = optimizer.ask()
    assert trial is not None
    trial.params.clear()

    assert optimizer.trials[0].params


def test_the_warm_start_comes_first() -> None:
    optimizer = Optimizer(SPACE, algorithm="sobol", warm_start=[{"x": 0.5, "kind": "a"}])
    trial = optimizer.ask()

    assert trial is not None
    assert trial.params == {"x": 0.5, "kind": "a"}


def test_without_a_limit_a_small_space_is_searched_by_a_model_and_not_walked() -> None:
    optimizer = Optimizer({"n": {"type": "int", "low": 1, "high": 50}})

    assert "chose bayesian" in optimizer.algorithm.plan().note


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"goal": "maximise"}, "goal: found 'maximise'; allowed: minimize, maximize"),
        ({"space": {}}, "space: at least one parameter"),
        ({"space": {"x": {"type": "uniform", "low": 0}}}, r"space\.x\.uniform\.high"),
        ({"space": {"x": {"type": "int", "low": 0, "high": 1, "when": {"y": [1]}}}}, r"space\.x\.when"),
        ({"budget": {"min": 9, "max": 3}}, "budget: .*above max"),
        ({"max_trials": 0}, "max_trials: found 0"),
        ({"algorithm": "asha"}, r"trials\.budget"),
        ({"candidates": 3}, r"search\.options\.candidates"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Optimizer(**{"space": SPACE, "algorithm": "random", **arguments})


def test_importing_the_package_imports_nothing_of_it() -> None:
    script = "import sys, automl_core; print([m for m in sys.modules if m.startswith(('automl_core.', 'numpy'))])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
    with pytest.raises(AttributeError, match="no attribute 'Optimiser'"):
        _ = automl_core.Optimiser


def test_several_goals_give_a_front_and_its_best_compromise() -> None:
    optimizer = Optimizer(SPACE, ["maximize", "minimize"], "random", max_trials=6)
    told = [(0.7, 1.0), (0.9, 3.0), (0.95, 9.0), (0.8, 4.0), (math.nan, 1.0)]
    for value in told:
        trial = optimizer.ask()
        assert trial is not None
        optimizer.tell(trial, value)
    assert [past.number for past in optimizer.front()] == [0, 1, 2]
    assert optimizer.best is not None
    assert (optimizer.best.number, optimizer.best.objectives) == (1, (-0.9, 3.0))
    assert optimizer.trials[4].state is TrialState.FAILED
    assert [past.loss for past in optimizer.trials] == [0.0, 1.0, 0.0, 2.0, None]


def test_what_satisfies_the_constraints_is_better_than_what_does_not() -> None:
    optimizer = Optimizer(SPACE, "maximize", "random", constraints={"ms": {"max": 20}, "recall": {"min": 0.8}})
    for value, ms, recall in [(0.9, 40.0, 0.9), (0.8, 30.0, 0.9), (0.6, 10.0, 0.8), (0.95, 10.0, math.nan)]:
        trial = optimizer.ask()
        assert trial is not None
        if value == 0.6:
            assert optimizer.best is not None
            assert optimizer.best.number == 1  # nothing is feasible yet: the nearest to it
        optimizer.tell(trial, value, constraints={"ms": ms, "recall": recall})
    assert optimizer.best is not None
    assert optimizer.best.number == 2
    assert [past.number for past in optimizer.front()] == [2]


def test_the_front_of_an_ordinary_search_is_its_best() -> None:
    optimizer = Optimizer(SPACE, algorithm="random", max_trials=5)
    assert optimizer.front() == []
    while (trial := optimizer.ask()) is not None:
        optimizer.tell(trial, abs(trial.number - 3))
    assert [past.number for past in optimizer.front()] == [3]


def test_promotions_go_by_the_shared_order() -> None:
    optimizer = Optimizer(SPACE, ["minimize"] * 2, "asha", budget={"min": 1, "max": 9}, max_trials=27)
    while (trial := optimizer.ask()) is not None:
        good = trial.number % 3 == 0
        optimizer.tell(trial, (float(trial.number), -float(trial.number)) if good else (100.0, 100.0))
    promoted = [past.number for past in optimizer.trials if max(past.losses_at) > 1]
    assert promoted
    assert all(number % 3 == 0 for number in promoted)
    assert {max(past.losses_at) for past in optimizer.front()} == {9}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"goal": []}, "goal: found 0 objectives; 1 to 4 are allowed"),
        ({"goal": ["minimize"] * 5}, "goal: found 5 objectives"),
        ({"goal": ["minimize", "maximise"]}, "goal: found 'maximise'; allowed: minimize, maximize"),
        ({"goal": ["minimize"] * 2, "reference": [1.0]}, "reference: found 1 values; the goal has 2"),
        ({"constraints": {"ms": {}}}, r"constraints\.ms: .*exactly one of max and min"),
        ({"constraints": {"ms": {"below": 3}}}, r"constraints\.ms\.below"),
        ({"goal": ["minimize"] * 2, "earlier": [[({"x": 1.0, "kind": "a"}, 0.5)]]}, "earlier: "),
    ],
)
def test_a_goal_that_is_none_is_named(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Optimizer(SPACE, algorithm="random", **arguments)


@pytest.mark.parametrize(
    ("told", "says"),
    [
        ({"value": 1.0, "constraints": {"ms": 1.0}}, "trial 0: found 1 values; the goal has 2"),
        ({"value": (1.0, 2.0)}, "trial 0: constraints: found none; wanted: ms"),
        ({"value": (1.0, 2.0), "constraints": {"mb": 1.0}}, "constraints: found mb; wanted: ms"),
        ({"values": {1: 0.5}}, "values has one value a step, the goal has 2"),
    ],
)
def test_what_is_told_must_fit_the_goal(told: dict[str, Any], says: str) -> None:
    optimizer = Optimizer(SPACE, ["minimize"] * 2, "random", constraints={"ms": {"max": 1}})
    trial = optimizer.ask()
    assert trial is not None
    with pytest.raises(ValueError, match=says):
        optimizer.tell(trial, **told)
    optimizer.tell(trial, failed=True)


def test_a_list_that_its_owner_changes_is_no_history() -> None:
    optimizer = Optimizer({"a": {"type": "sorted_list", "low": 1, "high": 3, "length": 1, "whole": True}}, max_trials=9)
    seen = []
    while (trial := optimizer.ask()) is not None:
        seen.append(list(trial.params["a"]))  # type: ignore[arg-type]
        trial.params["a"].append("mine")  # type: ignore[union-attr]
        optimizer.tell(trial, 1.0)
    assert sorted(seen) == [[1], [2], [3]]
    assert optimizer.best is not None
    assert optimizer.best.params["a"] in seen


def test_the_last_value_counts_where_it_is_said_so() -> None:
    for final, found in (("best", 0.2), ("last", 0.7)):
        optimizer = Optimizer(SPACE, algorithm="random", final=final)
        optimizer.tell(optimizer.ask(), values={1: 0.9, 2: 0.2, 3: 0.7})  # type: ignore[arg-type]
        assert optimizer.best is not None
        assert optimizer.best.loss == found
    with pytest.raises(ValueError, match="final: found 'first'; allowed: best, last"):
        Optimizer(SPACE, final="first")
