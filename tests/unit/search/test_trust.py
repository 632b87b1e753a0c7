"""How far a curve model is trusted, and what mobster does with the trust and with the value that counts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.search import BudgetRange, NewTrial, PastTrial, Promote, create
from automl_core.search.base import Context, rng_for
from automl_core.search.freeze_thaw import surrogate
from automl_core.search.freeze_thaw.model import CurveModel, Points, prior_mode
from automl_core.search.freeze_thaw.skill import rank_skill, trust
from automl_core.search.turning import has_turned
from automl_core.states import TrialState
from tests.contract.search_suite import Simulation, build
from tests.support.examples import examples

BUDGET = BudgetRange(1, 27, 3)
BOWL = {"x": {"type": "uniform", "low": 0, "high": 1}, "y": {"type": "uniform", "low": 0, "high": 1}}


def searcher(name: str = "mobster", **more: Any) -> Any:
    return create(name, Context(build(BOWL), **{"budget": BUDGET, "max_trials": 60, **more}))


def model_of(losses: np.ndarray, rows: np.ndarray) -> CurveModel:
    """Each trial at the lowest budget, every third at the next one too."""
    trials = np.concatenate([np.arange(len(rows)), np.arange(0, len(rows), 3)])
    times = np.where(np.arange(len(trials)) < len(rows), 0.0, 1 / 3)
    known = losses[trials] - 0.5 * times
    return CurveModel(Points(rows[trials], times, trials), known, np.zeros(2, dtype=np.bool_), prior_mode(2))


def test_what_is_left_out_is_what_a_model_without_the_trial_predicts() -> None:
    rng = np.random.default_rng(0)
    model = model_of(rng.standard_normal(9), rng.random((9, 2)))
    left_out = model.left_out()

    for trial in range(9):
        own = model.points.trials == trial
        others = np.flatnonzero(~own)
        without = CurveModel(model.points.at(others), model.losses[others], model.categorical, model.hyper)
        assert left_out[own] == pytest.approx(without.predict(model.points.at(np.flatnonzero(own)))[0])


def test_skill_is_the_order_within_each_time() -> None:
    losses = np.array([1.0, 2, 3, 4, 5, 6, 7, 8])
    times = np.repeat([0.0, 1.0], 4)

    assert rank_skill(losses, losses, times) == 1
    assert rank_skill(-losses, losses, times) == -1
    assert rank_skill(times, losses, times) == 0, "a trend along training says nothing of combinations"
    assert rank_skill(np.array([1.0, 2, 3, 4, 8, 7, 6, 5]), losses, times) == 0
    assert rank_skill(losses[:3], losses[:3], times[:3]) == 0, "three are too few"


@settings(max_examples=examples(50), deadline=None)
@given(st.lists(st.tuples(st.floats(-9, 9), st.floats(-9, 9), st.sampled_from([0.0, 0.5, 1.0])), max_size=20))
def test_skill_lies_between_minus_one_and_one(points: list[tuple[float, float, float]]) -> None:
    predicted, losses, times = (
        (np.array(column) for column in zip(*points, strict=True)) if points else [np.zeros(0)] * 3
    )

    assert -1 <= rank_skill(predicted, losses, times) <= 1


def test_a_model_is_trusted_where_it_foretells_and_not_where_losses_are_chance() -> None:
    rows = np.random.default_rng(1).random((40, 2))
    valley = (rows[:, 0] - 0.3) ** 2 + (rows[:, 1] - 0.7) ** 2
    valley = (valley - valley.mean()) / valley.std()
    chance = [trust(model_of(np.random.default_rng(seed).standard_normal(40), rows)) for seed in range(20)]

    assert trust(model_of(valley, rows)) == 1
    assert np.mean(chance) < 0.2


@pytest.mark.parametrize("final", ["best", "last"])
def test_without_trust_every_decision_is_ashas(final: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surrogate, "trust", lambda model: 0.0)

    def outcome(trial: PastTrial, budget: int | None) -> tuple[TrialState, float]:
        level = rng_for(0, "level", trial.number).random()
        return TrialState.SUCCEEDED, level / math.sqrt(budget or 1)

    mine = Simulation(searcher(final=final), outcome).run()
    asha = Simulation(searcher("asha", final=final), outcome).run()

    assert mine.decisions == asha.decisions
    assert len(mine.decisions) > 80


def from_the_model(decisions: list[Any]) -> int:
    """How many new combinations ASHA would not have drawn."""
    asha = searcher("asha")
    new = [decision for decision in decisions if isinstance(decision, NewTrial)]
    return sum(1 for number, each in enumerate(new) if each.params != asha.draw([None] * number, set()))


def test_less_comes_from_the_model_where_losses_are_chance() -> None:
    def chance(trial: PastTrial, budget: int | None) -> tuple[TrialState, float]:
        return TrialState.SUCCEEDED, rng_for(0, "loss", trial.number).random() - 0.01 * (budget or 1)

    def valley(trial: PastTrial, budget: int | None) -> tuple[TrialState, float]:
        x, y = float(trial.params["x"]), float(trial.params["y"])  # type: ignore[arg-type]
        return TrialState.SUCCEEDED, (x - 0.3) ** 2 + (y - 0.7) ** 2 - 0.01 * (budget or 1)

    drawn = [from_the_model(Simulation(searcher(), outcome).run(trials=45).decisions) for outcome in (chance, valley)]

    assert drawn[1] > 12, "of 25 that follow the initial ones three in four"
    assert drawn[0] < drawn[1] / 2


def past(number: int, losses: dict[int, float], curve: tuple[tuple[float, float], ...] = ()) -> PastTrial:
    rung = {1: 0, 3: 1, 9: 2, 27: 3}[max(losses)]
    params = {"x": 0.1 * number, "y": 0.5}
    budget = max(losses)
    return PastTrial(number, params, TrialState.SUCCEEDED, losses[budget], budget, losses, curve, rung=rung)


@pytest.mark.parametrize(
    ("losses", "curve", "turned"),
    [
        ({1: 0.5, 3: 0.6}, (), True),
        ({1: 0.5, 3: 0.5}, (), True),
        ({1: 0.5, 3: 0.4}, (), False),
        ({1: 0.5, 3: 0.6}, ((1, 0.5), (2, 0.3), (3, 0.6)), False),  # it has improved on the way
        ({1: 0.5, 3: 0.4}, ((1, 0.3), (2, 0.5), (3, 0.4)), True),
        ({1: 0.5, 3: 0.4}, ((100, 0.1), (300, 0.9)), False),  # batches: the losses at the budgets decide
        ({1: 0.5, 3: 0.4}, ((1, 0.8), (2, 0.9), (3, 1.0), (200, 0.5), (600, 0.4)), False),  # each batch from the first
        ({1: 0.5, 3: 0.4}, ((1, math.nan), (3, 0.4)), False),
        ({1: 0.4, 3: 0.5}, ((2, 0.6), (3, 0.5)), True),  # what went on from a checkpoint tells only its own steps
    ],
)
def test_a_curve_has_turned_when_the_last_stretch_brought_nothing(losses: Any, curve: Any, turned: bool) -> None:
    assert has_turned(past(0, losses, curve), before=1) == turned


def test_a_trial_is_not_promoted_for_its_past_where_the_best_counts() -> None:
    """The first has the lowest loss on its way, and got nothing from the last stretch."""
    curves = [((1, 0.1), (3, 0.5)), ((1, 0.6), (3, 0.3)), ((1, 0.7), (3, 0.4))]
    history = [past(number, {1: curve[0][1], 3: curve[1][1]}, curve) for number, curve in enumerate(curves)]

    decision = searcher(final="best", options={"initial_trials": 3}).suggest(history)

    assert isinstance(decision, Promote)
    assert (decision.trial, decision.budget) == (1, 9)


def turning(trial: PastTrial, budget: int | None) -> tuple[TrialState, float]:
    """The faster (x) it comes down the worse it ends: the order at the end is that of the start turned round."""
    x, y = float(trial.params["x"]), float(trial.params["y"])  # type: ignore[arg-type]
    along = math.log(budget or 1) / math.log(27)
    return TrialState.SUCCEEDED, (1 - x) * (1 - along) + x * along + 0.1 * (y - 0.5) ** 2


def ends(name: str, seed: int) -> list[float]:
    """Losses at the highest budget, of work worth twelve full trainings."""
    run = Simulation(searcher(name, final="last", seed=seed, max_trials=1000), turning)
    spent = 0
    while spent < 12 * 27:
        decision = run.ask()
        assert isinstance(decision, NewTrial | Promote)
        number = run.running[0]
        spent += (decision.budget or 0) - max(run.trials[number].losses_at, default=0)
        run.finish(number)
    return [trial.losses_at[27] for trial in run.trials if 27 in trial.losses_at]


def test_where_the_last_value_counts_the_slow_ones_that_end_well_get_there() -> None:
    for seed in range(2):
        assert min(ends("asha", seed)) > 0.5
        assert min(ends("mobster", seed)) < 0.2


def test_what_is_decided_by_prediction_stays_within_ashas_plan_and_every_trial_is_started() -> None:
    run = Simulation(searcher(final="last", max_trials=45), turning, workers=4).run()
    plan = searcher("asha", max_trials=45).plan()
    spent = sum(trial.budget or 0 for trial in run.trials)

    assert len(run.trials) == 45
    assert len(run.decisions) <= plan.slots
    assert spent <= plan.units
    assert any(decision.bracket == 1 for decision in run.decisions if isinstance(decision, Promote))


def test_a_warm_start_comes_before_what_is_predicted() -> None:
    given = tuple({"x": 0.02 * number, "y": 0.9} for number in range(40))
    algorithm = searcher(final="last", warm_start=given, options={"initial_trials": 4})
    run = Simulation(algorithm, turning)
    while len(run.trials) < 40:
        run.ask()
        run.finish(run.running[0])

    assert [trial.params for trial in run.trials] == list(given)


def test_several_goals_are_promoted_by_their_order_alone() -> None:
    context = Context(build(BOWL), 60, budget=BUDGET, objectives=2, final="last")
    history = [replace(past(number, {1: float(number)}), objectives=(1.0, 2.0)) for number in range(30)]

    decision = create("mobster", context).suggest(history)

    assert isinstance(decision, Promote)
    assert decision.bracket is None
