"""Decisions of single algorithms on histories made by hand: each fails when the rule it names is left out."""

from __future__ import annotations

import random
from statistics import fmean
from typing import Any

import pytest

from automl_core.search import BudgetRange, NewTrial, PastTrial, Promote, Wait, create
from automl_core.search.base import Context
from automl_core.states import TrialState
from tests.contract.search_suite import build

LINE = build({"x": {"type": "uniform", "low": 0, "high": 1}})
DONE, RUNNING, EARLY = TrialState.SUCCEEDED, TrialState.RUNNING, TrialState.EARLY_STOPPED


def context(max_trials: int = 60, *, most: int = 9, **more: Any) -> Context:
    return Context(LINE, max_trials, budget=BudgetRange(1, most, 3), **more)


@pytest.mark.parametrize(("ended", "goes_on"), [(1, False), (2, True)])
def test_a_member_of_a_population_waits_until_half_of_it_has_come_as_far(ended: int, goes_on: bool) -> None:
    algorithm = create("pbt", context(options={"population": 4}))
    history = [
        PastTrial(n, {"x": n / 4}, DONE, loss=float(n), budget=1, losses_at={1: float(n)}, bracket=n, rung=0)
        if n < ended
        else PastTrial(n, {"x": n / 4}, RUNNING, budget=1, bracket=n, rung=0)
        for n in range(4)
    ]

    decision = algorithm.suggest(history)

    assert isinstance(decision, Wait) is not goes_on


def test_tpe_keeps_away_from_what_is_running() -> None:
    """The same finished trials and as many running ones: beside the best, or far away."""
    suggested: dict[float, list[float]] = {0.5: [], 0.95: []}
    for seed in range(12):
        rng = random.Random(seed)
        done = [(x, (x - 0.5) ** 2) for x in (rng.random() for _ in range(14))]
        for place, found in suggested.items():
            history = [PastTrial(n, {"x": x}, DONE, loss=loss) for n, (x, loss) in enumerate(done)]
            history += [PastTrial(14 + n, {"x": place + 0.003 * n}, RUNNING) for n in range(6)]
            decision = create("tpe", Context(LINE, 60, concurrency=7, seed=seed)).suggest(history)
            assert isinstance(decision, NewTrial)
            found.append(abs(float(decision.params["x"]) - 0.5))  # type: ignore[arg-type]

    assert fmean(suggested[0.5]) > fmean(suggested[0.95])


def test_bohb_draws_from_the_highest_budget_that_enough_trials_have_finished() -> None:
    """At budget 1 the best lie at 0.2, at 3 at 0.8; of 9 too few are known, and those are best at 0.5."""
    found = []
    for seed in range(8):
        rng = random.Random(seed)
        history = []
        for number in range(24):
            x = rng.random()
            losses = {
                1: abs(x - 0.2),
                **({3: abs(x - 0.8)} if number < 12 else {}),
                **({9: abs(x - 0.5)} if number < 3 else {}),
            }
            budget = max(losses)
            history.append(
                PastTrial(number, {"x": x}, DONE, losses[budget], budget, losses, bracket=9, rung=0)
            )  # fmt: skip
        algorithm = create("bohb", context(400, most=9, seed=seed, options={"random_fraction": 0.0}))
        decision = algorithm.suggest(history)
        assert isinstance(decision, NewTrial)
        found.append(float(decision.params["x"]))  # type: ignore[arg-type]

    assert abs(fmean(found) - 0.8) < 0.15


@pytest.mark.parametrize("name", ["asha", "mobster", "hyperband", "bohb", "dehb"])
def test_a_trial_that_was_stopped_early_is_not_promoted_however_good_it_was_before(name: str) -> None:
    algorithm = create(name, context(9))
    history = [
        PastTrial(n, {"x": n / 9}, EARLY if n == 0 else DONE, float(n), 1, {1: float(n)}, bracket=0, rung=0)
        for n in range(9)
    ]

    decision = algorithm.suggest(history)

    assert isinstance(decision, Promote)
    assert decision.trial == 1
