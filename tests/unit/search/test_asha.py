"""ASHA: rungs r0 * nu ** i, one in nu of those that completed a rung, failures counted, no slot waits."""

from __future__ import annotations

import pytest

from automl_core.search import BudgetRange, Exhausted, NewTrial, PastTrial, Promote, Wait, create
from automl_core.search.base import Context
from automl_core.search.rungs import ladder, ladder_by_division
from automl_core.states import TrialState
from tests.contract.search_suite import SPACES, Simulation, build


def by_number(trial: PastTrial, budget: int | None) -> tuple[TrialState, float | None]:
    return TrialState.SUCCEEDED, float(trial.number)


def simulation(max_trials: int = 100, outcome: object = by_number, workers: int = 1) -> Simulation:
    context = Context(build(SPACES["mixed"]), max_trials, workers, budget=BudgetRange(1, 27, 3))
    return Simulation(create("asha", context), outcome, workers)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("budget", "rungs"),
    [
        (BudgetRange(1, 27, 3), (1, 3, 9, 27)),
        (BudgetRange(2, 100, 4), (2, 8, 32, 100)),
        (BudgetRange(1, 3, 3), (1, 3)),
        (BudgetRange(5, 5, 3), (5,)),
    ],
)
def test_rungs(budget: BudgetRange, rungs: tuple[int, ...]) -> None:
    assert ladder(budget) == rungs


@pytest.mark.parametrize(
    ("most", "unit", "rungs"),
    [
        (50, 1, (1, 3, 9, 50)), (80, 1, (2, 6, 18, 80)), (100, 1, (1, 3, 9, 27, 100)), (27, 1, (1, 3, 9, 27)),
        (243, 1, (1, 3, 9, 27, 81, 243)), (2, 1, (2,)), (200, 2, (2, 6, 18, 54, 200)), (162, 3, (6, 18, 54, 162)),
    ],
)  # fmt: skip
def test_taos_rungs_by_name(most: int, unit: int, rungs: tuple[int, ...]) -> None:
    """From runs of nvidia-tao-automl 7.2.0; but 243, of which its logarithm loses a rung."""
    assert ladder_by_division(BudgetRange(1, most, 3), unit) == rungs
    options = {"schedule": "tao"} | ({"epoch_multiplier": unit + 0.7} if unit > 1 else {})
    context = Context(build(SPACES["mixed"]), 30, budget=BudgetRange(1, most, 3), options=options)
    run = Simulation(create("asha", context), by_number).run()  # type: ignore[arg-type]
    assert {decision.budget for decision in run.decisions} <= set(rungs)  # type: ignore[union-attr]
    assert run.trials[0].budget == rungs[min(3, len(rungs) - 1)]


def test_a_multiplier_goes_with_taos_rungs() -> None:
    context = Context(build(SPACES["mixed"]), 30, budget=BudgetRange(1, 9, 3), options={"epoch_multiplier": 2})
    with pytest.raises(ValueError, match="goes with schedule: tao"):
        create("asha", context)
    lowest = Context(build(SPACES["mixed"]), 30, budget=BudgetRange(5, 80, 3), options={"schedule": "tao"})
    assert create("asha", lowest).levels == (5, 6, 18, 80)  # type: ignore[attr-defined]


def test_three_completions_allow_one_promotion() -> None:
    run = simulation()
    for number in range(2):
        run.ask()
        run.finish(number)
    assert isinstance(run.ask(), NewTrial)
    run.finish(2)

    decision = run.ask()

    assert isinstance(decision, Promote)
    assert (decision.trial, decision.budget, decision.rung) == (0, 3, 1)
    assert isinstance(run.ask(), NewTrial)


def test_the_highest_rung_that_allows_a_promotion_comes_first() -> None:
    run = simulation(outcome=lambda trial, budget: (TrialState.SUCCEEDED, -float(trial.number)))
    budgets = []
    for _ in range(13):
        decision = run.ask()
        budgets.append(decision.budget)  # type: ignore[union-attr]
        run.finish(run.running[0])

    assert budgets == [1, 1, 1, 3, 1, 1, 1, 3, 1, 1, 1, 3, 9]


def test_failures_count_towards_the_quota_and_are_never_promoted() -> None:
    def outcome(trial: PastTrial, budget: int | None) -> tuple[TrialState, float | None]:
        return (TrialState.FAILED, None) if trial.number % 3 else by_number(trial, budget)

    run = simulation(max_trials=27, outcome=outcome).run()

    at_rung = [sum(1 for d in run.decisions if d.rung == rung) for rung in range(4)]  # type: ignore[union-attr]
    assert at_rung == [27, 9, 3, 1]
    assert all(d.trial % 3 == 0 for d in run.decisions if isinstance(d, Promote))


def test_more_promotions_than_the_quota_are_never_handed_out() -> None:
    """Every newcomer is the best so far: the best third changes all the time, the quota doesn't."""
    run = simulation(max_trials=81, outcome=lambda trial, budget: (TrialState.SUCCEEDED, -float(trial.number))).run()

    assert [sum(1 for d in run.decisions if d.rung == rung) for rung in range(4)] == [81, 27, 9, 3]  # type: ignore[union-attr]
    assert len(run.decisions) == run.algorithm.plan().slots


def test_no_slot_waits_while_a_new_trial_can_be_started() -> None:
    run = simulation(max_trials=60, workers=8)
    while len(run.trials) < 60:
        assert not isinstance(run.ask(), Wait | Exhausted)
        if len(run.running) == 8:
            run.finish(run.running[3])
