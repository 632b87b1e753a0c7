"""The forecast of time and cost left: right where the work is regular, and never absurd."""

from __future__ import annotations

import heapq
import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.results.forecast import Forecast, Pace, forecast, forecast_plan, makespan, pace_of, units_of
from automl_core.search.base import Plan
from automl_core.spec.models import Experiment
from automl_core.states import ExperimentState, TrialState
from tests.unit.results.lab import Lab, experiment

BUDGET = {"name": "epochs", "min": 1, "max": 9, "factor": 3}

HYPERBAND = [[(9, 1), (3, 3), (1, 9)], [(3, 3), (1, 9)]]
"""Brackets of R=9, nu=3 as (recommendations, epochs in total); 36 epochs when promoted trials resume."""


def now(lab: Lab) -> Forecast:
    return forecast(lab.state, lab.spec, lab.clock.now)


def with_concurrency(spec: Experiment, places: int) -> Experiment:
    return spec.model_copy(update={"trials": spec.trials.model_copy(update={"concurrency": places})})


def budgeted(concurrency: int = 1, **groups: Any) -> Lab:
    spec = experiment(trials={"max": 12, "concurrency": concurrency, "budget": BUDGET}, **groups)
    return Lab(spec, plan={"slots": 17, "trials": 12, "units": 36, "note": ""})


def test_before_the_first_trial_has_ended_nobody_knows() -> None:
    lab = Lab()
    assert now(lab) == Forecast(4, None, None, None, None)
    lab.bind()
    lab.clock.now += 60
    assert now(lab) == Forecast(4, None, None, None, None)


def test_what_costs_nothing_is_known_to_cost_nothing() -> None:
    lab = Lab(experiment(tasks=[{"command": ["train"]}]))
    assert now(lab).cost_left == 0.0
    assert now(lab).seconds_left is None


@pytest.mark.parametrize(("places", "seconds"), [(1, 30.0), (2, 20.0), (3, 10.0), (100, 10.0)])
def test_trials_at_once_are_taken_into_account(places: int, seconds: float) -> None:
    lab = Lab(experiment(trials={"concurrency": places}))
    lab.trial(0.5, seconds=10)
    assert now(lab) == Forecast(3, None, seconds, pytest.approx(0.3), 10.0)


def test_what_running_trials_have_done_counts() -> None:
    lab = Lab()  # four trials, two places
    lab.trial(0.5, seconds=10)
    lab.bind()
    lab.clock.now += 4
    lab.bind()
    assert now(lab).seconds_left == 16.0  # places free after 6 and 10, one trial of 10 to go
    assert now(lab).cost_left == pytest.approx(0.26)
    lab.clock.now += 60
    assert now(lab).seconds_left == 10.0, "overdue trials may end at any moment"
    assert now(lab).trials_left == 3


def test_one_trial_that_hung_does_not_spoil_the_forecast() -> None:
    lab = Lab(experiment(trials={"max": 10, "concurrency": 1}))
    for seconds in (10, 11, 3000, 9, 10):
        lab.trial(0.5, seconds=seconds)
    assert now(lab).seconds_left == 50.0


def test_failed_trials_tell_the_time_only_while_there_are_no_others() -> None:
    lab = Lab(experiment(trials={"concurrency": 1}))
    lab.trial(seconds=1)
    assert now(lab).seconds_left == 3.0
    lab.trial(0.5, seconds=10)
    assert now(lab).seconds_left == 20.0


def test_a_trial_waits_for_its_retry_with_its_whole_time_before_it() -> None:
    lab = Lab(experiment(trials={"max": 2, "concurrency": 1, "retries": 1}))
    lab.trial(0.5, seconds=10)
    slot = lab.bind()
    lab.clock.now += 7
    lab.end(slot, state=TrialState.FAILED, retry=True)
    assert (now(lab).trials_left, now(lab).seconds_left) == (1, 10.0)
    lab.attempt(slot)
    lab.clock.now += 4
    assert now(lab).seconds_left == 6.0, "time of the attempt before doesn't count"


def test_a_trial_in_a_queue_has_its_whole_time_before_it() -> None:
    lab = Lab(experiment(trials={"max": 2, "concurrency": 1}))
    lab.trial(0.5, seconds=10)
    job = {"slot": lab.bind(), "task": 0, "attempt": 1}
    lab.journal.append("external", {**job, "id": '{"queue": "team-a"}'})
    lab.clock.now += 7
    assert now(lab).seconds_left == 10.0
    lab.journal.append("external", {**job, "id": "{}", "began": lab.clock.now})
    lab.clock.now += 4
    assert now(lab).seconds_left == 6.0


def test_a_trial_of_several_training_tasks_takes_the_time_of_all() -> None:
    tasks = [{"name": "train", "command": ["a"]}, {"name": "score", "command": ["b"]}]
    lab = Lab(experiment(tasks=tasks, trials={"max": 2, "concurrency": 1}))
    for number in range(2):
        slot = lab.bind()
        lab.clock.now += 8
        lab.end(slot)
        lab.clock.now += 100  # waits for its worker: no training
        lab.attempt(slot, task=1)
        if number == 0:
            lab.clock.now += 2
            lab.end(slot, 0.5, task=1)
            assert now(lab).seconds_left == 10.0
    lab.clock.now += 1
    assert now(lab).seconds_left == 1.0


def test_a_trial_that_begins_anew_has_all_its_training_tasks_before_it() -> None:
    tasks = [{"name": "train", "command": ["a"]}, {"name": "score", "command": ["b"]}]
    lab = Lab(experiment(tasks=tasks, trials={"max": 2, "concurrency": 1}))
    for _ in range(2):
        slot = lab.bind()
        lab.clock.now += 8
        lab.end(slot)
        lab.attempt(slot, task=1)
        lab.clock.now += 2
        lab.end(slot, 0.5, task=1)
    lab.attempt(slot)  # cleared by a person
    assert now(lab).seconds_left == 10.0


def test_once_all_is_done_nothing_is_left() -> None:
    lab = Lab(experiment(trials={"max": 2}))
    lab.trial(0.5)
    lab.trial()
    assert now(lab) == Forecast(0, None, 0.0, 0.0, 10.0)
    lab.stop()
    assert now(lab) == Forecast(0, None, 0.0, 0.0, 10.0)


def test_after_a_stop_only_running_trials_are_left() -> None:
    lab = Lab()
    lab.trial(0.5, seconds=10)
    lab.bind()
    lab.clock.now += 4
    lab.stop(ExperimentState.EARLY_STOPPED, "target reached", "target", running="drain")
    assert now(lab) == Forecast(1, None, 6.0, pytest.approx(0.06), 10.0)


def test_cancelled_trials_take_no_more_time() -> None:
    lab = Lab()
    lab.trial(0.5, seconds=10)
    lab.bind()
    lab.stop(ExperimentState.USER_CANCELED, "stopped", "user", running="cancel")
    assert now(lab).seconds_left == 0.0


@pytest.mark.parametrize(("running", "seconds"), [("drain", 25.0), ("cancel", 15.0)])
def test_the_limit_on_duration_bounds_the_time(running: str, seconds: float) -> None:
    lab = Lab(experiment(trials={"max": 100}, stop={"max_duration": "25s", "running_trials": running}))
    lab.trial(0.5, seconds=10)
    assert now(lab).seconds_left == seconds


def test_drained_trials_cost_beyond_the_limit() -> None:
    lab = Lab(experiment(trials={"max": 100, "concurrency": 2}, stop={"max_cost": 0.5, "running_trials": "drain"}))
    lab.trial(0.5, seconds=10)
    assert now(lab).cost_left == pytest.approx(0.4 + 2 * 0.1), "two of them, a tenth each"


def test_the_limit_on_cost_bounds_the_cost() -> None:
    lab = Lab(experiment(trials={"max": 100}, stop={"max_cost": 0.5, "running_trials": "cancel"}))
    lab.trial(0.5, seconds=10)
    assert now(lab).cost_left == pytest.approx(0.4)
    lab.bind()
    lab.clock.now += 5
    assert now(lab).cost_left == pytest.approx(0.35), "what running trials cost so far is spent"


@pytest.mark.parametrize("per_unit", [1.0, 7.5])
def test_the_time_left_is_right_in_mid_bracket(per_unit: float) -> None:
    """At each moment of a Hyperband run at a constant pace: TAO's is not."""
    lab = budgeted(concurrency=1)
    total, trained = 36, 0
    for bracket, rungs in enumerate(HYPERBAND):
        trials: list[int] = []
        for rung, (number, budget) in enumerate(rungs):
            start = rungs[rung - 1][1] if rung else 0
            for k in range(number):
                data: dict[str, Any] = {"budget": budget, "rung": rung, "bracket": bracket}
                if rung:
                    data |= {"trial": trials[k], "resume_budget": start}
                else:
                    trials.append(len(lab.state.trials))
                slot = lab.bind(**data)
                for done in range(budget - start):
                    if trained + done:
                        left = total - trained - done
                        if len(lab.state.order):
                            assert now(lab).units_left == left
                            assert now(lab).seconds_left == pytest.approx(left * per_unit)
                    lab.clock.now += per_unit
                lab.end(slot, 0.5)
                trained += budget - start
                assert now(lab).units_left == total - trained
                assert now(lab).seconds_per_unit == pytest.approx(per_unit)
                assert now(lab).seconds_left == pytest.approx((total - trained) * per_unit)
    assert now(lab) == Forecast(0, 0, 0.0, 0.0, pytest.approx(per_unit))


def test_units_are_known_before_any_time_is() -> None:
    lab = budgeted()
    assert now(lab) == Forecast(12, 36, None, None, None)
    lab.bind(budget=1)
    assert now(lab).units_left == 36


def test_what_each_piece_of_work_needs_for_its_start_is_told_apart_from_what_grows() -> None:
    lab = budgeted(concurrency=1)
    for number in range(9):
        lab.trial(0.5, seconds=5 + 1 + 0.1 * (number - 4), budget=1)
    assert pace_of(lab.state, lab.spec) == Pace(pytest.approx(6.0), 0.0, pytest.approx(0.01))
    for number in range(3):
        lab.trial(0.5, seconds=5 + 2, trial=number, budget=3, resume_budget=1)
    assert pace_of(lab.state, lab.spec) == Pace(pytest.approx(1.0), pytest.approx(5.0), pytest.approx(0.01))
    assert now(lab).seconds_left == pytest.approx(5 * 5 + 21 * 1.0)


def test_sizes_that_contradict_a_line_are_read_as_time_per_unit() -> None:
    lab = budgeted()
    for _ in range(3):
        lab.trial(0.5, seconds=10, budget=1)
    for number in range(3):
        lab.trial(0.5, seconds=4, trial=number, budget=3, resume_budget=1)
    pace = pace_of(lab.state, lab.spec)
    assert pace is not None
    assert (pace.per_work, pace.per_unit) == (0.0, 6.0)


def test_a_trial_that_starts_from_its_parents_checkpoint_trains_the_difference() -> None:
    lab = budgeted(concurrency=2)
    lab.trial(0.5, budget=3)
    child = lab.bind(budget=9, parent=0)
    lab.clock.now += 1
    lab.trial(0.5, trial=0, budget=9, resume_budget=3)  # what the parent finishes later changes nothing
    assert units_of(lab.state, lab.spec, lab.state.works[child]) == 6
    assert units_of(lab.state, lab.spec, lab.state.works[0]) == 3


@pytest.mark.parametrize(
    ("epochs", "one_experiment", "bayesian_20", "hyperband"),
    [(80, 252, 5040, 2948.4), (100, 75, 1500, 702), (80, 60, 1200, 702), (80, 110, 2200, 1287), (80, 87, 1740, 1017.9)],
)
def test_plans_take_the_published_minutes(
    epochs: int, one_experiment: float, bayesian_20: float, hyperband: float
) -> None:
    """NVIDIA's run times of 20 Bayesian experiments and of Hyperband R=27, nu=3, resumed, one at a time."""
    spec = experiment(trials={"max": 20, "concurrency": 1})
    minutes = forecast_plan(Plan(20, 20), spec, Pace(one_experiment))
    assert minutes.seconds_left == pytest.approx(bayesian_20)

    multiplier = int(epochs ** (math.log(3) / math.log(27)))
    spec = experiment(trials={"max": 42, "concurrency": 1, "budget": BUDGET | {"max": 27}})
    found = forecast_plan(Plan(61, 42, 234), spec, Pace(one_experiment * multiplier / epochs))
    assert found.seconds_left == pytest.approx(hyperband)
    assert (found.trials_left, found.units_left) == (42, 234)


def test_a_plan_is_forecast_with_trials_at_once_and_its_price() -> None:
    spec = experiment(trials={"max": 10, "concurrency": 4}, stop={"max_duration": "1s"})
    found = forecast_plan(Plan(10, 10), spec, Pace(60.0, cost_per_second=0.01))
    assert found == Forecast(10, None, 180.0, pytest.approx(6.0), 60.0)
    assert forecast_plan(Plan(10, 10), spec, None) == Forecast(10, None, None, None, None)


def test_a_million_trials_are_forecast_at_once() -> None:
    assert makespan([0.5, 3.0], [2.0], 10**6, 0.1, 1000) == pytest.approx(100.1, rel=0.01)


@given(
    running=st.lists(st.floats(0, 100), max_size=5),
    waiting=st.lists(st.floats(0, 100), max_size=5),
    count=st.integers(0, 60),
    each=st.floats(0, 50),
    places=st.integers(1, 8),
)
def test_the_makespan_is_that_of_list_scheduling_piece_by_piece(
    running: list[float], waiting: list[float], count: int, each: float, places: int
) -> None:
    loads = running + [0.0] * (places - len(running))
    heapq.heapify(loads)
    for piece in waiting + [each] * count:
        heapq.heapreplace(loads, loads[0] + piece)
    assert makespan(running, waiting, count, each, places) == pytest.approx(max(loads), abs=1e-9)


def history(seed: int, steps: int, *, budgets: bool, stop: str | None) -> Lab:
    """An experiment with anything in it: failures, retries, promotions, early stops, lost attempts."""
    rng = random.Random(seed)
    lab = budgeted(concurrency=3) if budgets else Lab(experiment(trials={"max": 12, "concurrency": 3, "retries": 1}))
    for _ in range(steps):
        lab.clock.now += rng.choice([0.0, 0.1, 3.0, 50.0])
        works = list(lab.state.works.values())
        running = [w.slot for w in works if w.state is TrialState.RUNNING]
        waiting = [w.slot for w in works if w.state is TrialState.WAITING]
        paused = [
            t for t in lab.state.trials if lab.state.state_of(t).has_value and (lab.state.latest(t).budget or 9) < 9
        ]
        step = rng.choice(["bind", "bind", "end", "end", "end", "retry", "again", "promote"])
        if step == "bind" and len(works) < 15:
            lab.bind(**({"budget": rng.choice([1, 3, 9])} if budgets else {}))
        elif step == "end" and running:
            state = rng.choice([TrialState.SUCCEEDED, TrialState.EARLY_STOPPED, TrialState.FAILED])
            lab.end(rng.choice(running), 0.5 if state.has_value else None, state=state)
        elif step == "retry" and running:
            lab.end(rng.choice(running), state=TrialState.FAILED, retry=True)
        elif step == "again" and (running or waiting):
            lab.attempt(rng.choice(running + waiting))
        elif step == "promote" and budgets and paused:
            trial = rng.choice(paused)
            lab.bind(trial=trial.number, budget=9, resume_budget=lab.state.latest(trial).budget)
    if stop is not None:
        lab.stop(running=stop)
    lab.clock.now += rng.choice([0.0, 1.0, 1000.0])
    return lab


HISTORIES = st.builds(
    history,
    st.integers(0, 10**6),
    st.integers(0, 30),
    budgets=st.booleans(),
    stop=st.sampled_from([None, None, "drain", "cancel"]),
)


@given(HISTORIES)
def test_nothing_left_is_ever_negative(lab: Lab) -> None:
    found = now(lab)
    for value in (found.trials_left, found.units_left, found.seconds_left, found.cost_left, found.seconds_per_unit):
        assert value is None or (value >= 0 and math.isfinite(value))


@given(HISTORIES)
def test_nothing_is_left_exactly_when_all_is_done(lab: Lab) -> None:
    for slot, work in lab.state.works.items():
        if work.state is TrialState.WAITING:
            lab.attempt(slot)
        if work.state is TrialState.RUNNING:
            lab.end(slot, 0.5)
    assert now(lab).units_left in (None, 0) or lab.state.stop is None
    if lab.state.stop is None:
        lab.stop()
    found = now(lab)
    assert (found.trials_left, found.seconds_left, found.cost_left) == (0, 0.0, 0.0)
    assert found.units_left == (0 if lab.spec.trials.budget else None)


@given(HISTORIES, st.integers(1, 10), st.integers(1, 10))
def test_more_trials_at_once_never_take_longer(lab: Lab, places: int, more: int) -> None:
    few = forecast(lab.state, with_concurrency(lab.spec, places), lab.clock.now)
    many = forecast(lab.state, with_concurrency(lab.spec, places + more), lab.clock.now)
    if few.seconds_left is None:
        assert many.seconds_left is None
    else:
        assert many.seconds_left is not None
        assert many.seconds_left <= few.seconds_left * (1 + 1e-9) + 1e-9
    assert (many.trials_left, many.units_left) == (few.trials_left, few.units_left)


@given(HISTORIES, st.floats(0, 5000))
def test_time_that_passes_never_adds_to_what_is_left(lab: Lab, seconds: float) -> None:
    before, after = now(lab), forecast(lab.state, lab.spec, lab.clock.now + seconds)
    if before.seconds_left is not None:
        assert after.seconds_left is not None
        assert after.seconds_left <= before.seconds_left * (1 + 1e-9) + 1e-9
    if before.units_left is not None:
        assert after.units_left is not None
        assert after.units_left <= before.units_left
