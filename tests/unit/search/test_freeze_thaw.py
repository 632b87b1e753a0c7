"""The freeze-thaw search: its curve model, what a combination is worth, what the plan allows, and what it chooses."""

from __future__ import annotations

import math
from statistics import fmean
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core import Optimizer
from automl_core.search import BudgetRange, NewTrial, PastTrial, Promote, Wait, create
from automl_core.search.base import Context
from automl_core.search.freeze_thaw import model as curve_model
from automl_core.search.freeze_thaw.allowance import Allowance
from automl_core.search.freeze_thaw.model import NEW, CurveModel, Hyper, Points, fit
from automl_core.search.freeze_thaw.observations import observe, standardise
from automl_core.search.freeze_thaw.rate import expected_improvement, rates, stages
from automl_core.states import TrialState
from tests.contract.search_suite import SPACES, Simulation, build
from tests.support.examples import examples

BUDGET = BudgetRange(1, 27, 3)
LEVELS = (1, 3, 9, 27)


def some_points(count: int, seed: int = 0) -> tuple[Points, np.ndarray, np.ndarray]:
    """Two results a trial, of combinations of two numbers and an option; standardised losses; which column it is."""
    rng = np.random.default_rng(seed)
    trials = np.arange(count) // 2
    rows = rng.random((count // 2 + 1, 3))[trials]
    rows[:, 2] = trials % 3
    losses = rng.standard_normal(count)
    return (
        Points(rows, np.arange(count) % 2 * 0.5 + 0.25 * (trials % 2), trials),
        losses,
        np.array([False, False, True]),
    )


# the curve model


@given(st.lists(st.floats(-1, 1), min_size=9, max_size=9), st.integers(0, 100))
@settings(max_examples=examples(15), deadline=None)
def test_the_gradient_of_the_fit_is_that_of_its_objective(theta: list[float], seed: int) -> None:
    points, losses, categorical = some_points(12, seed)
    mode, spread, _ = curve_model._prior(3)
    squares = curve_model._column_squares(points.rows, points.rows, categorical)
    here = np.array(theta)

    _, gradient = curve_model._objective(here, points, losses, squares, mode, spread)

    for index in range(9):
        step = np.zeros(9)
        step[index] = 1e-5
        above, below = (
            curve_model._objective(here + s, points, losses, squares, mode, spread)[0] for s in (step, -step)
        )
        assert gradient[index] == pytest.approx((above - below) / 2e-5, rel=1e-3, abs=1e-4)


def test_a_fitted_model_goes_through_what_it_knows_and_doubts_what_it_does_not() -> None:
    points, losses, categorical = some_points(30)
    hyper = Hyper(np.zeros(3), shared=0.0, own=-1.0, noise=-9.0, shared_time=0.4, own_time=0.0, growth=0.0)
    known = CurveModel(points, losses, categorical, hyper)

    mean, deviation = known.predict(points)
    _, elsewhere = known.predict(Points(np.full((1, 3), 5.0), np.ones(1), np.array([NEW])))

    assert np.abs(mean - losses).max() < 0.6
    assert np.corrcoef(mean, losses)[0, 1] > 0.95
    assert elsewhere[0] > 3 * deviation.mean()


def test_the_covariance_along_a_curve_is_that_of_its_points() -> None:
    points, losses, categorical = some_points(20)
    known = CurveModel(points, losses, categorical, fit(points, losses, categorical))
    rows, trials, times = points.rows[[0, 4]], np.array([0, NEW]), np.array([0.0, 0.5, 1.0])

    mean, covariance = known.curves(rows, trials, times)

    for curve in range(2):
        np.testing.assert_allclose(covariance[curve], covariance[curve].T, atol=1e-9)
        assert np.linalg.eigvalsh(covariance[curve]).min() > -1e-8
        for place, time in enumerate(times):
            at, sure = known.predict(Points(rows[[curve]], np.array([time]), trials[[curve]]))
            assert mean[curve, place] == pytest.approx(at[0])
            assert covariance[curve, place, place] == pytest.approx(sure[0] ** 2, rel=1e-6)


def test_a_short_training_tells_of_a_long_one_as_much_as_earlier_trials_had_it() -> None:
    """Ten trials whose end mirrors their beginning: of two newer ones, the better beginning is trusted."""
    rng = np.random.default_rng(3)
    start = rng.standard_normal(12)
    trials = np.array([*range(10), *range(10), 10, 11])
    times = np.array([0.0] * 10 + [1.0] * 10 + [0.0, 0.0])
    losses = np.array([*start[:10], *start[:10], -1.5, 1.5])
    points = Points(rng.random((12, 2))[trials], times, trials)
    categorical = np.zeros(2, dtype=np.bool_)
    known = CurveModel(points, losses, categorical, fit(points, losses, categorical))

    mean, _ = known.predict(Points(points.rows[[20, 21]], np.ones(2), np.array([10, 11])))

    assert mean[0] < mean[1] - 1


@given(st.lists(st.floats(-1.7e308, 1.7e308), min_size=1, max_size=40))
@settings(deadline=None)
def test_any_losses_are_standardised_in_their_order(losses: list[float]) -> None:
    found = standardise(losses)

    assert np.isfinite(found).all()
    assert abs(found.mean()) < 1e-6
    order = np.argsort(losses, kind="stable")
    assert (np.diff(found[order]) >= -1e-9).all()


def test_a_diverged_training_does_not_flatten_the_others() -> None:
    found = standardise([0.1, 0.2, 0.3, 0.4, 1e300])

    assert found[3] - found[0] > 0.5


def test_what_is_observed_is_every_finite_loss_at_a_finished_budget() -> None:
    history = [
        PastTrial(0, {}, TrialState.SUCCEEDED, loss=0.2, budget=3, losses_at={1: 0.5, 3: 0.2}),
        PastTrial(1, {}, TrialState.SUCCEEDED, loss=math.nan, budget=1, losses_at={1: math.nan}),
        PastTrial(2, {}, TrialState.RUNNING, budget=1),
        PastTrial(3, {}, TrialState.FAILED, budget=3, losses_at={1: 0.9}),
    ]

    found = observe(history, BUDGET)

    assert found.trials.tolist() == [0, 0, 3]
    assert found.times.tolist() == pytest.approx([0, 1 / 3, 0])
    assert found.best_trials(5) == [0, 3]


# what a combination is worth


def test_the_rate_of_one_stage_is_expected_improvement_per_unit() -> None:
    means, deviation, cost = np.array([0.3, -0.2]), np.array([[0.5], [1.0]]), np.array([[2.0], [5.0]])

    found = rates(means, deviation, cost, np.zeros(2))

    np.testing.assert_allclose(found, expected_improvement(-means, deviation[:, 0]) / cost[:, 0])


@pytest.mark.parametrize("mean", [-0.5, 0.5, 2.0])
def test_a_stage_that_tells_all_is_worth_what_the_best_threshold_makes_of_it(mean: float) -> None:
    """Cost 1, then the loss is known; its 26 further units are spent only where they pay."""
    x = np.linspace(-9, 9, 200_001)
    density = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi) * (x[1] - x[0])
    gain = np.maximum(x - mean, 0)
    ratios = [
        (gain * density)[gain > least].sum() / (1 + 26 * density[gain > least].sum())
        for least in np.linspace(0, 4, 801)
    ]

    found = rates(np.array([mean]), np.array([[1.0, 0.0]]), np.array([[1.0, 26.0]]), np.zeros(1))

    assert found[0] == pytest.approx(max(ratios), rel=0.25)


def test_a_combination_that_is_paused_has_its_rate_at_the_fixpoint_too() -> None:
    """At the fixpoint the price equals the winner's own rate; the value is that of a sum over 3,201 points."""
    paused = rates(
        np.array([-1.1367]), np.array([[0, 0.9663, 0.5226, 0.2879]]), np.array([[0, 2.0, 6, 18]]), np.array([-0.9089])
    )
    never_started = rates(
        np.array([-1.1367]), np.array([[0.9663, 0.5226, 0.2879]]), np.array([[2.0, 6, 18]]), np.array([-0.9089])
    )

    assert paused[0] == pytest.approx(0.04777, rel=0.02)
    assert paused[0] == pytest.approx(never_started[0], rel=1e-5)  # what lies behind it costs nothing and tells nothing


def test_a_better_paused_trial_is_never_passed_over() -> None:
    rng = np.random.default_rng(0)
    for _ in range(300):
        count = int(rng.integers(1, 8))
        deviations, costs = rng.uniform(0.05, 1.2, (count, 4)), np.tile([1.0, 2, 6, 18], (count, 1))
        behind = np.arange(4) <= rng.integers(-1, 3, count)[:, None]
        deviations[behind] = costs[behind] = 0.0
        means, best = rng.normal(-0.3, 1, count), np.full(count, rng.normal(-1, 0.5))

        together = rates(means, deviations, costs, best)

        places = [slice(index, index + 1) for index in range(count)]
        alone = np.array([rates(means[at], deviations[at], costs[at], best[at])[0] for at in places])
        assert alone.max() > 0
        assert alone[np.argmax(together)] >= alone.max() * (1 - 2e-3)


def test_a_cheap_telling_stage_is_worth_more_than_an_empty_one() -> None:
    costs = np.array([[1.0, 26.0]] * 3)
    deviations = np.array([[0.9, math.sqrt(1 - 0.81)], [0.5, math.sqrt(0.75)], [0.0, 1.0]])

    telling, less, empty = rates(np.ones(3), deviations, costs, np.zeros(3))

    assert telling > less >= empty >= 0


def test_stages_explain_the_whole_variance_and_cost_the_whole_training() -> None:
    points, losses, categorical = some_points(20)
    known = CurveModel(points, losses, categorical, fit(points, losses, categorical))
    times = np.array([0, 1, 2, 3]) / 3
    _, covariance = known.curves(points.rows[[0, 2, 4]], np.array([NEW, NEW, NEW]), times)
    reached, targets = np.array([-1, 1, -1]), np.array([3, 3, 2])

    deviations, costs = stages(covariance, np.zeros(4), reached, targets, np.array(LEVELS, dtype=float))

    variance = (deviations**2).sum(axis=1)
    assert variance[0] == pytest.approx(covariance[0, 3, 3], rel=1e-6)
    assert variance[1] == pytest.approx(covariance[1, 3, 3], rel=1e-6)
    assert variance[2] == pytest.approx(covariance[2, 2, 2], rel=1e-6)
    assert costs.tolist() == [[1, 2, 6, 18], [0, 0, 6, 18], [0, 1, 2, 6]]


# what the plan allows


def test_the_totals_are_those_of_halved_rungs() -> None:
    allowed = Allowance(LEVELS, 40)

    assert allowed.slots == 40 + 20 + 10 + 5
    assert allowed.units == 40 * 1 + 20 * 2 + 10 * 6 + 5 * 18


def test_one_training_to_the_end_is_set_aside() -> None:
    allowed = Allowance((1, 9), 3)  # 3 starts, 1 climb: 4 slots, 11 units
    three = [PastTrial(n, {}, TrialState.SUCCEEDED, budget=1, losses_at={1: 0.0}) for n in range(3)]

    assert allowed.affordable([]) == [True, True]
    assert allowed.affordable(three[:2]) == [True, True]
    assert allowed.affordable(three) == [False, True]


# what it chooses


def trained(number: int, params: dict[str, Any], losses: dict[int, float]) -> PastTrial:
    budget = max(losses)
    return PastTrial(number, params, TrialState.SUCCEEDED, loss=losses[budget], budget=budget, losses_at=losses)


def searcher(space: dict[str, Any] | str = "bowl", name: str = "freeze_thaw", **more: Any) -> Any:
    mapping = BOWL if space == "bowl" else SPACES[space] if isinstance(space, str) else space
    return create(name, Context(build(mapping), budget=BUDGET, **{"max_trials": 60, **more}))


BOWL = {"x": {"type": "uniform", "low": 0, "high": 1}, "y": {"type": "uniform", "low": 0, "high": 1}}


def bowl(trial: PastTrial, budget: int | None) -> tuple[TrialState, float]:
    """A valley of final losses; every training comes down to it as 1 / sqrt(budget)."""
    x, y = float(trial.params["x"]), float(trial.params["y"])  # type: ignore[arg-type]
    end = (x - 0.3) ** 2 + 2 * (y - 0.7) ** 2
    return TrialState.SUCCEEDED, end + (0.3 + 0.2 * x) / math.sqrt(budget or 1)


def test_goes_on_with_the_one_that_stands_out() -> None:
    params = [{"x": 0.1 * n, "y": 0.5} for n in range(10)]
    history = [trained(n, p, {1: 1.0 + 0.01 * (n % 3)}) for n, p in enumerate(params)]
    history[6] = trained(6, params[6], {1: 0.2})

    decision = searcher(max_trials=10).suggest(history)

    assert isinstance(decision, Promote)
    assert (decision.trial, decision.budget, decision.rung) == (6, 3, 1)
    assert "chance" in decision.note


def test_starts_new_ones_where_those_that_are_paused_are_hopeless() -> None:
    good = trained(0, {"x": 0.1, "y": 0.1}, {1: 0.5, 3: 0.3, 9: 0.2, 27: 0.1})
    bad = [trained(n, {"x": 0.9, "y": 0.1 * n}, {1: 5.0}) for n in range(1, 6)]

    assert isinstance(searcher().suggest([good, *bad]), NewTrial)


def test_a_running_trial_is_not_handed_out_again() -> None:
    run = Simulation(searcher(concurrency=4), bowl, workers=4)
    for _ in range(20):
        while len(run.running) < 4:
            decision = run.ask()
            if isinstance(decision, Promote):
                assert run.running.count(decision.trial) == 1
        run.finish(run.running[0])


def test_is_ahead_of_random_halving_on_a_smooth_space() -> None:
    best: dict[str, list[float]] = {"asha": [], "freeze_thaw": []}
    for name, found in best.items():
        for seed in range(2):
            run = Simulation(searcher(name=name, seed=seed, max_trials=1000), bowl)
            spent, ends = 0, []
            while spent < 4 * 27:  # four trainings' worth
                decision = run.ask()
                assert isinstance(decision, NewTrial | Promote)
                number = run.running[0]
                spent += (decision.budget or 0) - max(run.trials[number].losses_at, default=0)
                run.finish(number)
                if decision.budget == 27:
                    ends.append(run.trials[number].loss)
            found.append(min((loss for loss in ends if loss is not None), default=1.0))

    assert fmean(best["freeze_thaw"]) < fmean(best["asha"])


def test_goes_on_drawing_where_no_training_gives_a_loss() -> None:
    run = Simulation(searcher(max_trials=30), lambda trial, budget: (TrialState.SUCCEEDED, math.nan)).run()

    assert len(run.trials) == 30


def test_waits_for_running_trials_when_the_space_is_exhausted() -> None:
    run = Simulation(searcher({"a": {"type": "choice", "values": [1, 2, 3, 4]}}, concurrency=4))
    for _ in range(4):
        assert isinstance(run.ask(), NewTrial)

    assert isinstance(run.ask(), Wait)
    run.finish(0)
    assert isinstance(run.ask(), Promote)


def test_takes_trials_at_budgets_that_are_none_of_its_rungs() -> None:
    history = [trained(n, {"x": 0.1 * n, "y": 0.2}, {5: 0.1 * n}) for n in range(6)]

    decision = searcher(max_trials=40).suggest(history)

    assert isinstance(decision, NewTrial | Promote)
    if isinstance(decision, Promote):
        assert decision.budget == 9


def test_the_plan_names_the_rungs() -> None:
    assert "rungs 1, 3, 9, 27" in searcher().plan().note


@pytest.mark.parametrize("with_curve", [True, False])
@pytest.mark.parametrize("workers", [1, 4])
def test_ask_and_tell_with_and_without_the_values_on_the_way(workers: int, with_curve: bool) -> None:
    optimizer = Optimizer(
        BOWL, algorithm="freeze_thaw", budget={"min": 1, "max": 27}, max_trials=12, concurrency=workers
    )
    open_trials: list[Any] = []
    reached: dict[int, int] = {}
    units = 0
    while True:
        while len(open_trials) < workers and (trial := optimizer.ask()) is not None:
            assert (trial.resume_from or 0) == reached.get(trial.number, 0)
            open_trials.append(trial)
        if not open_trials:
            break
        trial = open_trials.pop(0)
        start = trial.resume_from or 0
        units += trial.budget - start
        reached[trial.number] = trial.budget
        curve = {step: 1 / step + trial.params["x"] for step in range(start + 1, trial.budget + 1)}
        optimizer.tell(trial, curve[trial.budget], values=curve if with_curve else None)

    plan = optimizer.algorithm.plan()
    assert optimizer.exhausted
    assert plan.units is not None
    assert plan.units - 27 < units <= plan.units
    assert max(reached.values()) == 27


def test_the_curve_told_on_the_way_changes_nothing_for_the_loss_at_the_end() -> None:
    """Steps of a curve may be batches: only losses at budgets are compared."""
    with_curve = trained(0, {"x": 0.1, "y": 0.2}, {1: 0.5})
    other = trained(1, {"x": 0.6, "y": 0.2}, {1: 0.7})
    history = [with_curve, other]
    decisions = []
    for curve in ((), ((100, 0.9), (200, 0.5))):
        first = PastTrial(0, with_curve.params, with_curve.state, 0.5, 1, {1: 0.5}, curve)
        decisions.append(searcher().suggest([first, history[1]]))

    assert decisions[0] == decisions[1]
