"""Whole experiments with several objectives and with constraints, on simulated time."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.running.simulation import SimulatedTraining
from automl_core.search.base import PastTrial
from automl_core.space import Params
from automl_core.states import ExperimentState, TrialState
from automl_core.study import Binding
from automl_core.study.history import history_of, ranking
from automl_core.study.points import front_of, point_of
from automl_core.study.state import State
from tests.unit.running.promises import experiment, simulate, told

TWO: dict[str, Any] = {
    "metric": None,
    "direction": None,
    "objectives": [{"metric": "accuracy", "direction": "maximize"}, {"metric": "latency", "direction": "minimize"}],
}
LIMITED = {"constraints": [{"metric": "latency", "max": 5.0}]}
BUDGET = {"name": "epochs", "min": 1, "max": 9, "factor": 3}
TWO_TASKS = [{"name": "train", "command": ["train"]}, {"name": "score", "command": ["score"]}]


def worth(params: Params) -> dict[str, float]:
    """The larger x, the better and the slower; one kind wastes time."""
    x = float(params["x"])  # type: ignore[arg-type]
    return {"accuracy": x**0.5, "latency": 10 * x + (3.0 if params["kind"] == "c" else 0.0)}


def trains(binding: Binding, params: Params) -> SimulatedTraining:
    final = worth(params)
    last = binding.budget or 3
    return SimulatedTraining(
        {step: {**final, "accuracy": final["accuracy"] * step / last} for step in range(1, last + 1)}
    )


@pytest.mark.parametrize("algorithm", ["random", "evolution", "tpe"])
def test_the_front_is_found_and_nothing_dominates_it(algorithm: str) -> None:
    spec = experiment(goal=TWO, search={"algorithm": algorithm}, trials={"max": 40})
    run = simulate(spec, trains)
    assert run.stop.state == ExperimentState.FINISHED
    values = {trial.number: worth(trial.params) for trial in run.study.state.trials}
    front = [trial.number for trial, _ in front_of(run.study.state, spec)]
    assert front == [
        number
        for number, own in values.items()
        if not any(
            o["accuracy"] >= own["accuracy"] and o["latency"] <= own["latency"] and o != own for o in values.values()
        )
    ]
    best = run.study.best()
    assert best is not None
    assert best[0] in front
    ranked = [trial.number for trial, _ in ranking(run.study.state, spec)]
    assert ranked[0] == best[0]
    assert set(ranked[: len(front)]) == set(front)
    assert told(simulate(spec, trains)) == told(run)


def test_a_trial_that_breaks_the_constraint_is_not_the_best() -> None:
    spec = experiment(goal=LIMITED, trials={"max": 40})
    run = simulate(spec, trains)
    best = run.study.best()
    assert best is not None
    kept = {t.number: worth(t.params) for t in run.study.state.trials if worth(t.params)["latency"] <= 5.0}
    assert best[0] == max(kept, key=lambda number: kept[number]["accuracy"])
    history = history_of(run.study.state, spec)
    assert min(history, key=lambda past: past.loss or 0.0).number == best[0]
    assert {past.number for past in history if past.constraints[0] <= 0} == kept.keys()


def test_promotions_keep_to_the_constraint() -> None:
    spec = experiment(
        goal=LIMITED, search={"algorithm": "asha"}, trials={"max": 27, "budget": BUDGET, "concurrency": 1}
    )
    run = simulate(spec, trains)
    promoted = [t for t in run.study.state.trials if len(t.slots) > 1]
    assert promoted
    first = {t.number for t in run.study.state.trials if worth(t.params)["latency"] <= 5.0}
    assert len({t.number for t in promoted} - first) <= 1  # the first promotion has few to choose from
    assert {t.number for t in promoted if len(t.slots) == 3} <= first
    past = history_of(run.study.state, spec)[promoted[0].number]
    assert past.losses_at.keys() >= {1, 3}


def test_a_later_training_task_may_measure_the_constraint() -> None:
    spec = experiment(goal=LIMITED, tasks=TWO_TASKS, trials={"max": 12})

    def by_task(binding: Binding, params: Params) -> SimulatedTraining:
        final = worth(params)
        if binding.task == 0:
            return SimulatedTraining({1: {"accuracy": final["accuracy"]}, 2: {"accuracy": 0.0}})
        return SimulatedTraining({1: {"latency": final["latency"]}})

    run = simulate(spec, by_task)
    for trial in run.study.state.trials:
        work = run.study.state.latest(trial)
        assert work.value == worth(trial.params)["accuracy"]  # the best step of the first task
        point = point_of(spec, work)
        assert point is not None
        assert point.constraints == pytest.approx((worth(trial.params)["latency"] - 5.0,))


def test_a_constraint_that_nobody_measures_fails_the_trial_with_its_name() -> None:
    run = simulate(
        experiment(goal=LIMITED, tasks=TWO_TASKS, trials={"max": 2}),
        lambda binding, _: SimulatedTraining({1: {"accuracy": 0.5} if binding.task == 0 else {"lag": 3.0}}),
    )
    works = run.study.state.works.values()
    assert {work.state for work in works} == {TrialState.FAILED}
    assert all("'latency' was never reported" in work.reason for work in works)


def test_an_early_stopped_trial_whose_constraint_was_not_measured_is_no_solution() -> None:
    rule = {"rule": "patience", "patience": 1}
    spec = experiment(goal=LIMITED, trials={"max": 6, "early_stopping": rule})

    def stalls(binding: Binding, params: Params) -> SimulatedTraining:
        if binding.trial % 2:
            return SimulatedTraining({step: {"accuracy": 0.99} for step in range(6)} | {6: {"latency": 1.0}})
        return SimulatedTraining({1: {"accuracy": 0.5, "latency": 1.0}})

    run = simulate(spec, stalls)
    stopped = [past for past in history_of(run.study.state, spec) if past.state is TrialState.EARLY_STOPPED]
    assert [past.number for past in stopped] == [1, 3, 5]
    best = run.study.best()
    assert best is not None
    assert best[0] == 0


def test_it_stops_when_the_hypervolume_stands_still() -> None:
    spec = experiment(goal=TWO, trials={"max": 300, "concurrency": 1}, stop={"no_improvement": {"trials": 5}})
    run = simulate(spec, trains)
    assert run.stop.kind == "no_improvement"
    assert "the Pareto front's hypervolume did not grow in the 5 trials finished last" in run.stop.reason
    last = {trial.number for trial in run.study.state.trials[-5:]}
    assert last.isdisjoint(trial.number for trial, _ in front_of(run.study.state, spec))


def test_a_trial_without_a_metric_of_an_objective_has_no_place() -> None:
    spec = experiment(goal=TWO, trials={"max": 3})
    run = simulate(spec, trains)
    state = State.decode(run.study.state.encode())
    work = state.works[state.trials[1].slots[0]]
    del work.metrics["latency"]
    history = history_of(state, spec)
    assert [(past.loss is None, past.objectives == ()) for past in history] == [(n == 1, n == 1) for n in range(3)]
    assert [trial.number for trial, _ in ranking(state, spec) if trial.number == 1] == []


def test_one_goal_without_constraints_is_seen_as_ever() -> None:
    run = simulate(experiment(trials={"max": 5}), trains)
    for past in history_of(run.study.state, run.study.experiment):
        assert isinstance(past, PastTrial)
        assert (past.objectives, past.constraints) == ((), ())
        assert past.loss == pytest.approx(-worth(past.params)["accuracy"])
        assert len(past.curve) == 3
