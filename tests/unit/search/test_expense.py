"""Costs count where money or time runs out before the trials do, and only there."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from automl_core.search.base import Context, Limit, NewTrial, PastTrial
from automl_core.search.bayesian.encoding import Encoding
from automl_core.search.bayesian.expense import Expense, allowed_of, weight_of
from automl_core.search.registry import create
from automl_core.space import Space
from automl_core.spec.models import Experiment
from automl_core.spec.parameters import Parameter
from automl_core.states import TrialState
from automl_core.study.history import limit_of

SPACE = Space.from_models(
    TypeAdapter(dict[str, Parameter]).validate_python(
        {"width": {"type": "loguniform", "low": 1, "high": 1000}, "rate": {"type": "uniform", "low": 0, "high": 1}}
    )
)


def trial(number: int, width: float, rate: float, spent: float | None) -> PastTrial:
    loss = (rate - 0.6) ** 2 + 0.003 * (3 - math.log10(width))  # wider is a little better, and far dearer
    return PastTrial(number, {"width": width, "rate": rate}, TrialState.SUCCEEDED, loss=loss, spent=spent)


def past(count: int, cost: Any) -> list[PastTrial]:
    rng = np.random.default_rng(0)
    widths, rates = 10 ** rng.uniform(0, 3, count), rng.random(count)
    return [
        trial(number, float(width), float(rate), cost(float(width)))
        for number, (width, rate) in enumerate(zip(widths, rates, strict=True))
    ]


def test_the_weight_is_what_is_left_times_what_it_cannot_pay() -> None:
    history = past(8, lambda width: 1.0)
    assert weight_of(history, Limit(16.0, "cost"), 48) == pytest.approx(0.5 * 0.5), "8 left, 16 more make half of 48"
    assert weight_of(history, Limit(16.0, "cost"), 34) == pytest.approx(0.5 / 9), "hardly anything is missing"
    assert weight_of(history, Limit(16.0, "cost"), 32) == 0.0, "half of the trials can be paid"
    assert weight_of(history, Limit(7.0, "cost"), 100) == 0.0, "nothing is left"
    assert weight_of(history, None, 100) == 0.0
    assert weight_of(history[:3], Limit(16.0, "cost"), 100) == 0.0, "three say little"


@pytest.mark.parametrize("pays", [30.0, 40.0, 55.0])
def test_costs_never_count_where_the_limit_pays_for_half_of_the_trials(pays: float) -> None:
    history = past(int(pays), lambda width: 1.0)
    weights = [weight_of(history[:done], Limit(pays, "cost"), 60) for done in range(len(history) + 1)]
    assert weights == [0.0] * len(weights), "not towards the end of the limit either"
    assert weight_of(history[:10], Limit(20.0, "cost"), 60) == pytest.approx(0.5 * 0.5), "a tight one counts"


def test_a_hard_limit_that_is_near_bounds_what_a_trial_may_cost() -> None:
    history = past(8, lambda width: 1.0)
    assert allowed_of(history, Limit(12.0, "cost", hard=True), 1) == pytest.approx(4.0)
    assert allowed_of(history, Limit(12.0, "cost", hard=True), 4) == pytest.approx(1.0), "four share what is left"
    assert allowed_of(history, Limit(14.0, "cost", hard=True), 1) is None, "the dearest would fit six times"
    assert allowed_of(history, Limit(8.0, "cost", hard=True), 1) is None, "nothing is left"
    assert allowed_of(history, Limit(12.0, "cost"), 1) is None
    assert allowed_of([], Limit(12.0, "cost", hard=True), 1) is None
    assert allowed_of(history, None, 1) is None


@pytest.mark.parametrize("allowed", [0.5, 20.0, 5000.0])
def test_what_would_not_end_in_time_is_worth_little(allowed: float) -> None:
    encoding = Encoding(SPACE)
    known = past(20, lambda width: width)
    plain = Expense.of(encoding, known, 0.5, np.random.default_rng(0))
    bound = Expense.of(encoding, known, 0.5, np.random.default_rng(0), allowed)
    assert plain is not None
    assert bound is not None
    rows = encoding.rows([{"width": width, "rate": 0.5} for width in (2.0, 15.0, 500.0)])
    less = plain(rows) - bound(rows)
    assert (np.diff(less) >= 0).all(), "the dearer, the less it is likely to end"
    assert (less[2] > 5) == (allowed < 500), "and what fits loses nothing"
    assert (less[0] < 0.1) == (allowed > 2)
    for row in rows:
        value, gradient = bound.gradient(row, np.arange(2))
        assert value == pytest.approx(float(bound(row[None])[0]), rel=1e-6)
        step = np.array([[1e-5, 0.0], [0.0, 1e-5]])
        slopes = (bound(row + step) - bound(row - step)) / 2e-5
        assert gradient == pytest.approx(slopes, rel=1e-2, abs=1e-2)


def test_it_learns_what_costs_and_its_gradient_is_that_of_its_values() -> None:
    encoding = Encoding(SPACE)
    found = Expense.of(encoding, past(20, lambda width: width), 1.0, np.random.default_rng(0))
    assert found is not None
    rows = encoding.rows([{"width": 2.0, "rate": 0.5}, {"width": 500.0, "rate": 0.5}, {"width": 2.0, "rate": 0.9}])
    cheap, dear, other = found(rows)
    assert cheap - dear == pytest.approx(np.log(250), rel=0.15)
    assert cheap == pytest.approx(other, abs=0.5)
    moving = np.arange(2)
    value, gradient = found.gradient(rows[0], moving)
    assert value == pytest.approx(cheap, abs=1e-6)
    step = np.array([[1e-5, 0.0], [0.0, 1e-5]])
    slopes = (found(rows[0] + step) - found(rows[0] - step)) / 2e-5
    assert gradient == pytest.approx(slopes, rel=1e-3, abs=1e-2)
    assert Expense.of(encoding, past(20, lambda width: 3.0), 1.0, np.random.default_rng(0)) is None, "all cost alike"


def test_cheap_trials_come_first_where_money_runs_out() -> None:
    history = past(12, lambda width: width)
    spent = sum(each.spent or 0 for each in history)

    def width(limit: Limit | None) -> float:
        known = history if limit else [replace(each, spent=None) for each in history]
        decision = create("bayesian", Context(space=SPACE, max_trials=200, seed=1, limit=limit)).suggest(known)
        assert isinstance(decision, NewTrial)
        return float(decision.params["width"])  # type: ignore[arg-type]

    assert width(Limit(3 * spent, "cost")) < 0.5 * width(None)
    assert width(Limit(1e9, "cost")) == width(None), "it will not run out: nothing changes"


def test_an_experiment_tells_what_may_run_out() -> None:
    def of(**stop: Any) -> Limit | None:
        spec = {
            "name": "e", "goal": {"metric": "loss", "direction": "minimize"}, "trials": {"concurrency": 4},
            "space": {"x": {"type": "uniform", "low": 0, "high": 1}}, "tasks": [{"command": ["true"]}], "stop": stop,
        }  # fmt: skip
        return limit_of(Experiment.model_validate(spec))

    assert of() is None
    assert of(max_cost=20) == Limit(20.0, "cost"), "what runs then goes on"
    assert of(max_cost=20, running_trials="cancel") == Limit(20.0, "cost", hard=True)
    assert of(max_duration="1h") == Limit(4 * 3600.0, "seconds"), "of four places together"
    assert of(deadline="1h") == Limit(4 * 3600.0, "seconds", hard=True), "what runs then is lost"
    assert of(deadline="2h", max_duration="1h") == Limit(4 * 3600.0, "seconds")
    assert of(deadline="1h", max_cost=20) == Limit(20.0, "cost")
