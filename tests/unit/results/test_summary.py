"""The summary that progress displays show."""

from __future__ import annotations

import json

import pytest

from automl_core.cli.display import best_text
from automl_core.results import Best, Summary, summary
from automl_core.states import ExperimentState, TrialState
from automl_core.study.state import State
from tests.unit.results.lab import Lab, experiment


def of(lab: Lab) -> Summary:
    return summary(lab.state, lab.spec, lab.clock.now)


def test_before_anything_has_happened() -> None:
    found = of(Lab())
    assert (found.state, found.reason, found.best, found.done, found.fraction) == (
        ExperimentState.CREATED, "", None, 0, 0.0,
    )  # fmt: skip
    assert (found.trials, found.slots, found.left.trials_left, found.elapsed) == (4, 4, 4, 0.0)


def test_an_experiment_that_is_not_in_the_journal_yet() -> None:
    found = summary(State(), experiment(), 1000.0)
    assert (found.trials, found.slots, found.fraction, found.elapsed) == (0, 0, 0.0, 0.0)


def test_in_the_middle() -> None:
    lab = Lab(experiment(trials={"max": 10, "concurrency": 3}))
    lab.trial(0.5)
    lab.trial(0.9)
    lab.trial()
    lab.trial(0.3, state=TrialState.EARLY_STOPPED)
    lab.trial(state=TrialState.USER_CANCELED)
    waiting = lab.bind()
    lab.end(waiting, state=TrialState.FAILED, retry=True)
    lab.bind()
    lab.clock.now += 5

    found = of(lab)

    assert (found.done, found.running, found.waiting, found.failed, found.early_stopped) == (5, 1, 1, 1, 1)
    assert found.counts[TrialState.SUCCEEDED] == 2
    assert (found.slots, found.slots_ended, found.fraction) == (10, 5, 0.5)
    assert found.best == Best(1, 0.9, {"lr": 0.002, "solver": "adam"})
    assert (found.elapsed, found.units) == (55.0, None)
    assert found.cost == pytest.approx(0.5 + 0.05), "36 an hour: one in a hundred seconds, what runs included"
    assert found.left.trials_left == 5
    assert found.left.seconds_left == 20.0


def test_at_the_end() -> None:
    lab = Lab(experiment(trials={"max": 10}))
    lab.trial(0.99)
    lab.stop(ExperimentState.EARLY_STOPPED, "accuracy 0.99 reached the target 0.9", "target")
    lab.clock.now += 3600
    found = of(lab)
    assert (found.state, found.reason) == (ExperimentState.EARLY_STOPPED, "accuracy 0.99 reached the target 0.9")
    assert (found.elapsed, found.fraction, found.left.trials_left, found.left.seconds_left) == (10.0, 1.0, 0, 0.0)


def test_with_a_budget() -> None:
    budget = {"name": "epochs", "min": 1, "max": 9, "factor": 3}
    lab = Lab(experiment(trials={"budget": budget}), plan={"slots": 3, "trials": 2, "units": 10, "note": ""})
    lab.trial(0.5, budget=1)
    lab.trial(0.7, budget=1)
    lab.trial(0.6, trial=0, budget=9, resume_budget=1)
    found = of(lab)
    assert (found.units, found.left.units_left, found.trials, found.slots_ended) == ("epochs", 0, 2, 3)
    assert found.best is not None
    assert (found.best.trial, found.best.budget) == (0, 9)


def test_what_nothing_searches_is_told_apart() -> None:
    lab = Lab(experiment(space={"lr": {"type": "fixed", "value": 0.1}}))
    lab.trial(0.5)
    assert of(lab).unsearched == ("lr",)
    assert of(lab).best is not None
    assert best_text(of(lab)) == "best accuracy 0.5 (trial 0: solver=adam)"
    assert of(lab).template is None


def test_it_is_plain_json() -> None:
    lab = Lab()
    lab.trial(0.5)
    lab.bind()
    body = of(lab).to_json()
    assert json.loads(json.dumps(body, allow_nan=False)) == body
    assert (body["state"], body["done"], body["counts"]["RUNNING"]) == ("RUNNING", 1, 1)
    assert body["best"] == {
        "trial": 0, "value": 0.5, "params": {"lr": 0.001, "solver": "adam"}, "budget": None, "values": {},
        "feasible": True,
    }  # fmt: skip
    assert body["left"]["seconds_left"] == 20.0
