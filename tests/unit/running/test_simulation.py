"""Whole experiments on simulated time: what must be true of each (`promises`), and what each ends with."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.running.simulation import SimulatedTraining, Simulation
from automl_core.search import names
from automl_core.search.registry import algorithm_class
from automl_core.space import Params
from automl_core.states import ExperimentState, TrialState
from automl_core.study import Binding
from tests.support.examples import examples
from tests.support.memory_store import MemoryStore
from tests.unit.running.promises import experiment, good, learns, moody, simulate, told

TWO_TASKS = [{"name": "train", "command": ["train"]}, {"name": "score", "command": ["score"]}]
BUDGET = {"name": "epochs", "min": 1, "max": 9, "factor": 3}
GRID = {"algorithm": "grid", "options": {"resolution": 5}}
MEDIAN = {"rule": "median", "delay": 2}


def fails_until(attempt: int) -> Any:
    def train(binding: Binding, params: Params) -> SimulatedTraining:
        return SimulatedTraining(learns(params), ending="succeeds" if binding.attempt >= attempt else "fails")

    return train


def test_hundreds_of_trials_run_to_their_end_and_the_best_is_found() -> None:
    run = simulate(experiment(trials={"max": 300, "concurrency": 8, "early_stopping": MEDIAN}))
    states = Counter(run.study.state.state_of(trial) for trial in run.study.state.trials)
    assert states[TrialState.SUCCEEDED] + states[TrialState.EARLY_STOPPED] == 300
    assert states[TrialState.EARLY_STOPPED] > 50
    assert run.stop.state == ExperimentState.FINISHED
    assert run.busiest == 8
    best = run.study.best()
    assert best is not None
    assert best[1] == max(w.counts for w in run.study.state.works.values() if w.counts is not None)


def test_no_place_stays_empty_while_there_is_work() -> None:
    run = simulate(experiment(trials={"max": 40, "concurrency": 4, "canary": False}))
    assert run.seconds == 40 / 4 * 6


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_gives_the_same_journal(seed: int) -> None:
    spec = experiment(trials={"max": 40, "retries": 1, "early_stopping": MEDIAN}, search={"seed": seed})
    assert told(simulate(spec, moody(seed))) == told(simulate(spec, moody(seed)))


STOPS = st.fixed_dictionaries(
    {"running_trials": st.sampled_from(["drain", "cancel"])},
    optional={
        "target": st.floats(0.9, 1.0),
        "max_duration": st.integers(5, 120),
        "max_cost": st.floats(0.01, 0.2),
        "no_improvement": st.fixed_dictionaries({"trials": st.integers(1, 12)}),
    },
)
RULES = st.sampled_from([
    None, MEDIAN, {"rule": "bandit", "slack_amount": 0.2}, {"rule": "truncation", "fraction": 0.3},
    {"rule": "patience", "patience": 2}, {"rule": "learning_curve"},
])  # fmt: skip
SPECS = st.fixed_dictionaries({
    "search": st.sampled_from([
        {"algorithm": "random"}, {"algorithm": "sobol"}, {"algorithm": "evolution"}, GRID,
    ]),
    "trials": st.fixed_dictionaries({
        "max": st.integers(1, 25), "concurrency": st.integers(1, 7), "retries": st.integers(0, 2),
        "max_failed": st.one_of(st.none(), st.integers(0, 6)), "early_stopping": RULES,
        "retry_delay": st.integers(0, 9),
    }),
    "stop": STOPS,
    "tasks": st.sampled_from([
        [{"name": "train", "command": ["train"], "cost_per_hour": 10.0}], TWO_TASKS,
    ]),
})  # fmt: skip


@settings(max_examples=examples(60))
@given(groups=SPECS, seed=st.integers(0, 10_000))
def test_whatever_trials_do_the_promises_hold(groups: dict[str, Any], seed: int) -> None:
    simulate(experiment(**groups), moody(seed))


@settings(max_examples=examples(25))
@given(
    algorithm=st.sampled_from(["hyperband", "asha", "pbt", "dehb", "bohb"]),
    trials=st.integers(2, 20),
    concurrency=st.integers(1, 6),
    retries=st.integers(0, 1),
    running=st.sampled_from(["drain", "cancel"]),
    target=st.one_of(st.none(), st.floats(0.9, 1.0)),
    seed=st.integers(0, 10_000),
)
def test_whatever_trials_do_the_promises_hold_with_budgets(
    algorithm: str, trials: int, concurrency: int, retries: int, running: str, target: float | None, seed: int
) -> None:
    spec = experiment(
        search={"algorithm": algorithm, "seed": seed},
        trials={"max": trials, "concurrency": concurrency, "retries": retries, "budget": BUDGET},
        stop={"target": target, "running_trials": running},
    )
    simulate(spec, moody(seed), distinct=False)


@settings(max_examples=examples(25))
@given(
    algorithm=st.sampled_from(["random", "tpe", "hyperband", "asha"]),
    concurrency=st.integers(1, 4),
    ahead=st.integers(1, 6),
    retries=st.integers(0, 2),
    seed=st.integers(0, 10_000),
)
def test_slots_that_wait_ahead_of_their_places_hold_up_nobody(
    algorithm: str, concurrency: int, ahead: int, retries: int, seed: int
) -> None:
    budget = BUDGET if algorithm_class(algorithm).uses_budget else None
    trials = {"max": 16, "concurrency": concurrency, "retries": retries, "budget": budget}
    simulate(experiment(search={"algorithm": algorithm, "seed": seed}, trials=trials), moody(seed), ahead=ahead)


def test_a_slot_that_waits_ahead_takes_a_place_in_the_moment_in_which_it_is_free() -> None:
    spec = experiment(trials={"max": 12, "concurrency": 3})
    late, soon = (simulate(spec, start_delay=4.0, ahead=ahead).seconds for ahead in (0, 3))
    assert late - soon == pytest.approx(4.0 * 3), "all but the first three start without Airflow's delay"


@pytest.mark.parametrize("algorithm", names())
def test_every_algorithm_runs_a_whole_experiment(algorithm: str) -> None:
    budget = BUDGET if algorithm_class(algorithm).uses_budget else None
    search = GRID if algorithm == "grid" else {"algorithm": algorithm}
    spec = experiment(search=search, trials={"max": 12, "concurrency": 3, "budget": budget})
    run = simulate(spec, distinct=algorithm != "pbt")
    assert run.stop.state in (ExperimentState.FINISHED, ExperimentState.NO_MORE_TRIAL)
    assert run.study.best() is not None


@pytest.mark.parametrize("algorithm", ["hyperband", "asha"])
def test_a_promoted_trial_goes_on_from_its_own_checkpoint_and_trains_only_the_difference(algorithm: str) -> None:
    seen: list[Binding] = []

    def train(binding: Binding, params: Params) -> SimulatedTraining:
        seen.append(binding)
        return good(binding, params)

    spec = experiment(search={"algorithm": algorithm}, trials={"max": 20, "concurrency": 3, "budget": BUDGET})
    run = simulate(spec, train)
    promoted = [binding for binding in seen if binding.resume_budget is not None]
    assert promoted
    for binding in promoted:
        assert binding.budget is not None
        assert binding.resume_budget is not None
        slots = run.study.state.trials[binding.trial].slots
        before = [run.study.state.works[slot].budget for slot in slots if slot < binding.slot]
        assert before[-1] == binding.resume_budget < binding.budget
    best = run.study.best()
    assert best is not None
    counted = run.study.state.counted(run.study.state.trials[best[0]])
    assert counted is not None
    assert counted.budget == 9, "a value at a higher budget is worth more than any at a lower one"


def test_a_member_of_the_next_generation_starts_from_its_parents_checkpoint() -> None:
    seen: list[Binding] = []

    def train(binding: Binding, params: Params) -> SimulatedTraining:
        seen.append(binding)
        return good(binding, params)

    spec = experiment(
        search={"algorithm": "pbt", "options": {"population": 4, "interval": 3}},
        trials={"max": 12, "concurrency": 4, "budget": BUDGET},
    )
    run = simulate(spec, train, distinct=False)
    children = [binding for binding in seen if binding.parent is not None]
    assert children
    for binding in children:
        assert binding.parent is not None
        parent, budget = binding.parent
        assert budget in {run.study.state.works[slot].budget for slot in run.study.state.trials[parent].slots}


def test_a_failed_training_is_tried_again_as_the_same_trial() -> None:
    run = simulate(experiment(trials={"max": 10, "retries": 2}), fails_until(3))
    assert run.stop.state == ExperimentState.FINISHED
    for work in run.study.state.works.values():
        assert [(a.number, a.state) for a in work.attempts] == [
            (1, TrialState.FAILED), (2, TrialState.FAILED), (3, TrialState.SUCCEEDED),
        ]  # fmt: skip


def test_a_slot_that_waits_for_its_retry_gives_its_place_to_others() -> None:
    spec = experiment(trials={"max": 2, "concurrency": 1, "retries": 1, "retry_delay": 1000})
    run = simulate(spec, fails_until(2))
    first, second = run.study.state.works.values()
    assert second.attempts[0].started < first.attempts[1].started


def test_dead_workers_cost_time_and_no_trial_and_count_as_no_failure() -> None:
    def train(binding: Binding, params: Params) -> SimulatedTraining:
        ending: Any = "worker_dies" if binding.attempt == 1 and binding.trial % 3 == 0 else "succeeds"
        return SimulatedTraining(learns(params), ending=ending)

    run = simulate(experiment(trials={"max": 20, "concurrency": 3, "max_failed": 0}), train)
    assert run.stop.state == ExperimentState.FINISHED
    assert all(work.state is TrialState.SUCCEEDED for work in run.study.state.works.values())
    assert all(work.failures == 0 for work in run.study.state.works.values())


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_no_number_fails_its_trial_at_once_and_no_other(wrong: float) -> None:
    def train(binding: Binding, params: Params) -> SimulatedTraining:
        if binding.trial == 2:
            return SimulatedTraining({0: {"accuracy": 0.5}, 1: {"accuracy": wrong}, 2: {"accuracy": 0.6}})
        return SimulatedTraining(learns(params))

    run = simulate(experiment(trials={"max": 6, "retries": 3}), train)
    failed = [work for work in run.study.state.works.values() if work.state is TrialState.FAILED]
    assert [work.trial for work in failed] == [2]
    assert len(failed[0].attempts) == 1, "another attempt can't mend it"
    assert "accuracy" in failed[0].reason
    assert "step 1" in failed[0].reason


@pytest.mark.parametrize("running", ["drain", "cancel"])
@pytest.mark.parametrize(
    ("stop", "trials", "kind"),
    [
        ({"target": 0.6}, {}, "target"),
        ({"no_improvement": {"trials": 3}}, {}, "no_improvement"),
        ({"max_duration": 15}, {}, "max_duration"),
        ({"max_cost": 0.05}, {}, "max_cost"),
        ({}, {"max_failed": 2}, "max_failed"),
    ],
)
def test_an_experiment_ends_by_each_of_its_stop_conditions(
    stop: dict[str, Any], trials: dict[str, Any], kind: str, running: str
) -> None:
    def train(binding: Binding, params: Params) -> SimulatedTraining:
        # lengths differ, so that some still run when the first end
        steps = 4 + 3 * (binding.trial % 3)
        ending: Any = "fails" if kind == "max_failed" else "succeeds"
        return SimulatedTraining(learns(params, steps), ending=ending)

    tasks = [{"name": "train", "command": ["train"], "cost_per_hour": 10.0}]
    spec = experiment(trials={"max": 60, **trials}, stop={**stop, "running_trials": running}, tasks=tasks)
    run = simulate(spec, train)
    assert run.stop.kind == kind
    assert run.stop.state == (ExperimentState.FAILED if kind == "max_failed" else ExperimentState.EARLY_STOPPED)
    assert run.skipped, "slots not yet bound are skipped"
    cancelled = [w for w in run.study.state.works.values() if w.state is TrialState.SYS_CANCELED]
    assert bool(cancelled) == (running == "cancel")
    assert all(work.reason == run.stop.reason for work in cancelled)


def test_a_person_stops_an_experiment() -> None:
    def stop(simulation: Simulation) -> None:
        simulation.at(
            10, lambda study: study.stop("user", ExperimentState.USER_CANCELED, "enough", running="cancel", by="ada")
        )

    run = simulate(experiment(), prepare=stop)
    assert run.stop.by == "ada"
    assert run.seconds <= 12
    assert Counter(w.state for w in run.study.state.works.values()) == {
        TrialState.SUCCEEDED: 4, TrialState.USER_CANCELED: 4,
    }  # fmt: skip


def test_a_person_cancels_one_trial_and_the_others_go_on() -> None:
    run = simulate(experiment(), prepare=lambda s: s.at(3, lambda study: study.cancel_trial(1, "ada")))
    states = [run.study.state.state_of(trial) for trial in run.study.state.trials]
    assert states.count(TrialState.USER_CANCELED) == 1
    assert states[1] is TrialState.USER_CANCELED
    assert states.count(TrialState.SUCCEEDED) == 29


def test_a_trial_that_waits_for_its_retry_is_ended_when_the_experiment_is_cancelled() -> None:
    def train(binding: Binding, params: Params) -> SimulatedTraining:
        return SimulatedTraining(learns(params), ending="fails" if binding.trial == 0 else "succeeds")

    spec = experiment(
        trials={"max": 8, "retries": 3, "retry_delay": 50}, stop={"max_duration": 8, "running_trials": "cancel"}
    )
    run = simulate(spec, train)
    assert run.study.state.works[0].state is TrialState.SYS_CANCELED
    assert run.study.state.works[0].reason == run.stop.reason


def test_where_the_algorithm_has_no_more_running_trials_are_not_cut_short() -> None:
    def train(binding: Binding, params: Params) -> SimulatedTraining:
        return SimulatedTraining({0: {"accuracy": 0.5}, 1: {"accuracy": 0.6}}, 1.0 + 10 * binding.trial)

    space = {"kind": {"type": "choice", "values": ["a", "b", "c"]}}
    spec = experiment(space=space, trials={"max": 10}, stop={"running_trials": "cancel"})
    run = simulate(spec, train)
    assert run.stop.state == ExperimentState.NO_MORE_TRIAL
    assert [work.state for work in run.study.state.works.values()] == [TrialState.SUCCEEDED] * 3


def test_several_training_tasks_are_one_trial_and_a_retry_repeats_only_the_one_that_failed() -> None:
    made: list[tuple[int, int, int]] = []

    def train(binding: Binding, params: Params) -> SimulatedTraining:
        made.append((binding.trial, binding.task, binding.attempt))
        if binding.task == 0:
            return SimulatedTraining({0: {"loss": 1.0}})
        return SimulatedTraining(learns(params), ending="fails" if binding.attempt == 1 else "succeeds")

    run = simulate(experiment(tasks=TWO_TASKS, trials={"max": 5, "retries": 1}), train)
    assert Counter(made) == Counter((trial, *rest) for trial in range(5) for rest in [(0, 1), (1, 1), (1, 2)])
    assert all(work.metrics.keys() == {"loss", "accuracy"} for work in run.study.state.works.values())
    assert all(work.state is TrialState.SUCCEEDED for work in run.study.state.works.values())


def test_beyond_a_thousand_slots_lanes_do_all_the_work() -> None:
    def train(binding: Binding, params: Params) -> SimulatedTraining:
        return SimulatedTraining({0: {"accuracy": float(params["x"])}})  # type: ignore[arg-type]

    spec = experiment(trials={"max": 1001, "concurrency": 50})
    simulation = Simulation(spec, train, MemoryStore())
    run = simulation.run()
    assert run.study.state.lanes == 50
    assert len(run.study.state.trials) == 1001
    assert run.busiest == 50
    assert run.stop.state == ExperimentState.FINISHED
    lanes = Counter(work.lane for work in run.study.state.works.values())
    assert set(lanes) == set(range(50))


def test_lanes_take_up_what_a_dead_worker_or_a_failure_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automl_core.study.beginning.LANE_THRESHOLD", 10)
    for seed in range(5):
        tasks = TWO_TASKS if seed % 2 else TWO_TASKS[:1]
        run = simulate(experiment(trials={"max": 30, "concurrency": 4, "retries": 1}, tasks=tasks), moody(seed))
        assert run.study.state.lanes == 4
        assert len(run.study.state.trials) == 30


def test_slots_that_wait_for_nothing_are_named() -> None:
    simulation = Simulation(experiment(trials={"max": 3, "concurrency": 1}), good, MemoryStore())
    simulation.study.ask(0)  # somebody else holds the only place for ever
    simulation._queue.popleft()
    with pytest.raises(RuntimeError, match=r"slots \[1\] wait for nothing"):
        simulation.run()
