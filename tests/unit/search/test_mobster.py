"""MOBSTER: ASHA's schedule, and a model that chooses what is started."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core import Optimizer
from automl_core.search import BudgetRange, NewTrial, PastTrial, Promote, create
from automl_core.search.base import Context
from automl_core.space import Space
from automl_core.states import TrialState
from tests.contract.search_suite import SPACES, Simulation, build
from tests.support.examples import examples

BUDGET = BudgetRange(1, 27, 3)
BOWL = {"x": {"type": "uniform", "low": 0, "high": 1}, "y": {"type": "uniform", "low": 0, "high": 1}}


def searcher(space: dict[str, Any] = BOWL, name: str = "mobster", **more: Any) -> Any:
    return create(name, Context(build(space), **{"budget": BUDGET, "max_trials": 60, **more}))


def bowl(trial: PastTrial, budget: int | None) -> tuple[TrialState, float]:
    """A valley of final losses; every training comes down to it as 1 / sqrt(budget)."""
    x, y = float(trial.params["x"]), float(trial.params["y"])  # type: ignore[arg-type]
    return TrialState.SUCCEEDED, (x - 0.3) ** 2 + 2 * (y - 0.7) ** 2 + (0.3 + 0.2 * x) / math.sqrt(budget or 1)


def trained(number: int, params: dict[str, Any], losses: dict[int, float]) -> PastTrial:
    budget = max(losses)
    rung = {1: 0, 3: 1, 9: 2, 27: 3}[budget]
    return PastTrial(number, params, TrialState.SUCCEEDED, losses[budget], budget, losses, rung=rung)


def at_the_ends(low: dict[int, float], high: dict[int, float]) -> list[PastTrial]:
    """Trials near both ends of x with such losses; two of them have climbed."""
    one = [trained(n, {"x": 0.05 + 0.02 * n, "y": 0.1 * n}, {1: low[1] + 0.001 * n}) for n in range(5)]
    other = [trained(n + 5, {"x": 0.95 - 0.02 * n, "y": 0.1 * n}, {1: high[1] + 0.001 * n}) for n in range(5)]
    climbed = [trained(10, {"x": 0.04, "y": 0.5}, low), trained(11, {"x": 0.96, "y": 0.5}, high)]
    also = [trained(12, {"x": 0.07, "y": 0.6}, low), trained(13, {"x": 0.93, "y": 0.6}, high)]
    return [*one, *other, *climbed, *also]


@pytest.mark.parametrize("better", ["low", "high"])
def test_starts_where_short_trainings_went_well(better: str) -> None:
    good, bad = {1: 0.2}, {1: 1.0}
    low, high = (good, bad) if better == "low" else (bad, good)
    history = at_the_ends(low, high)
    mobster = searcher(options={"random_fraction": 0, "initial_trials": 6})

    drawn = [mobster.draw(history, {Space.key(t.params) for t in history})["x"]]

    assert (fmean(drawn) < 0.5) == (better == "low")


def test_longer_trainings_outweigh_shorter_ones() -> None:
    """What looks better after one unit is worse after three and nine: the model looks there."""
    history = at_the_ends({1: 0.5, 3: 0.45, 9: 0.44}, {1: 0.6, 3: 0.2, 9: 0.1})
    mobster = searcher(options={"random_fraction": 0, "initial_trials": 6})

    assert mobster.draw(history, {Space.key(t.params) for t in history})["x"] > 0.5


def test_promotes_as_asha_does() -> None:
    """Same history, same promotion: only new combinations differ."""
    promotions = 0
    run = Simulation(searcher(), bowl, workers=2)
    for _ in range(60):
        asha = searcher(name="asha").suggest(run.history)
        decision = run.ask()
        assert isinstance(decision, Promote) == isinstance(asha, Promote)
        if isinstance(decision, Promote):
            promotions += 1
            assert decision == asha
        if len(run.running) == 2:
            run.finish(run.running[0])
    assert promotions > 10


def spent_until(units: int, **more: Any) -> float:
    """The lowest loss at the highest budget after so many budget units."""
    run = Simulation(searcher(max_trials=1000, **more), bowl)
    spent, lowest = 0, 1.0
    while spent < units:
        decision = run.ask()
        assert isinstance(decision, NewTrial | Promote)
        number = run.running[0]
        spent += (decision.budget or 0) - max(run.trials[number].losses_at, default=0)
        run.finish(number)
        if decision.budget == BUDGET.max:
            lowest = min(lowest, run.trials[number].loss or 1.0)
    return lowest


def test_is_ahead_of_random_halving_on_a_smooth_space() -> None:
    scores = {name: fmean(spent_until(6 * 27, name=name, seed=s) for s in range(3)) for name in ("asha", "mobster")}

    assert scores["mobster"] < scores["asha"]


def test_trials_asked_for_at_once_are_apart() -> None:
    run = Simulation(searcher(concurrency=4), bowl)
    for _ in range(16):
        run.ask()
        run.finish(run.running[0])
    asked = [decision.params for _ in range(6) if isinstance(decision := run.ask(), NewTrial)]

    gaps = [math.dist(list(a.values()), list(b.values())) for i, a in enumerate(asked) for b in asked[:i]]  # type: ignore[arg-type]
    assert len(asked) > 3
    assert min(gaps) > 1e-3


@settings(max_examples=examples(25), deadline=None)
@given(
    losses=st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=8, max_size=14),
    space=st.sampled_from(["mixed", "nested", "conditional_chain", "many_categories", "weights"]),
    running=st.integers(0, 5),
)
def test_any_losses_give_a_valid_new_combination(losses: list[float], space: str, running: int) -> None:
    mobster = searcher(SPACES[space], max_trials=100, options={"random_fraction": 0, "initial_trials": 6})
    history: list[PastTrial] = []
    for number, loss in enumerate(losses):
        params = mobster.draw(history, {Space.key(t.params) for t in history})
        history.append(trained(number, params, {1: loss}))
    history[:running] = [replace(t, state=TrialState.RUNNING, loss=None, losses_at={}) for t in history[:running]]
    seen = {Space.key(trial.params) for trial in history}

    params = mobster.draw(history, seen)

    assert mobster.context.space.problem(params) is None
    assert Space.key(params) not in seen
    assert params == searcher(SPACES[space], max_trials=100, options={"random_fraction": 0, "initial_trials": 6}).draw(
        history, seen
    )


def dipped(steps: tuple[tuple[int, float], ...]) -> list[PastTrial]:
    """Three trials through the lowest rung; the first ends worst, after such a curve."""
    ends = (0.9, 0.5, 0.6)
    history = [trained(n, {"x": 0.1 * n, "y": 0.5}, {3: loss}) for n, loss in enumerate(ends)]
    return [replace(trial, rung=0, curve=steps if n == 0 else ((3, ends[n]),)) for n, trial in enumerate(history)]


DIP = ((1, 0.7), (2, 0.1), (3, 0.9))


@pytest.mark.parametrize(
    ("final", "steps", "promoted"),
    [
        ("best", DIP, 0),
        ("last", DIP, 1),
        ("mean", DIP, 1),
        ("best", ((1, 0.7), (2, math.nan), (3, 0.9)), 1),
        ("best", ((1, 0.7), (2, -math.inf), (3, 0.9)), 1),
        ("best", ((100, 0.1), (300, 0.9)), 1),  # batches: which of them lie before the budget isn't known
        ("best", (), 1),
    ],
)
def test_the_best_on_the_way_counts_where_the_goal_says_so(final: str, steps: Any, promoted: int) -> None:
    decision = searcher(budget=BudgetRange(3, 27, 3), final=final).suggest(dipped(steps))

    assert isinstance(decision, Promote)
    assert decision.trial == promoted


def test_a_loss_that_is_not_a_number_is_not_mended_by_its_curve() -> None:
    history = dipped(DIP)
    history[0] = replace(history[0], losses_at={3: math.nan})

    assert searcher(budget=BudgetRange(3, 27, 3)).suggest(history).trial == 1


def test_goes_on_drawing_where_no_training_gives_a_loss() -> None:
    run = Simulation(searcher(max_trials=30), lambda trial, budget: (TrialState.SUCCEEDED, math.nan)).run()

    assert len(run.trials) == 30


@pytest.mark.parametrize("with_curve", [True, False])
@pytest.mark.parametrize("workers", [1, 4])
@pytest.mark.parametrize("algorithm", ["auto", "mobster"])
def test_ask_and_tell_with_and_without_the_values_on_the_way(algorithm: str, workers: int, with_curve: bool) -> None:
    optimizer = Optimizer(BOWL, "maximize", algorithm, budget={"min": 1, "max": 27}, max_trials=30, concurrency=workers)
    open_trials: list[Any] = []
    reached: dict[int, int] = {}
    while True:
        while len(open_trials) < workers and (trial := optimizer.ask()) is not None:
            assert (trial.resume_from or 0) == reached.get(trial.number, 0)
            open_trials.append(trial)
        if not open_trials:
            break
        trial = open_trials.pop(0)
        reached[trial.number] = trial.budget
        steps = range((trial.resume_from or 0) + 1, trial.budget + 1)
        curve = {step: -trial.params["x"] - 1 / step for step in steps}
        optimizer.tell(trial, curve[trial.budget], values=curve if with_curve else None)

    assert optimizer.exhausted
    assert sorted(reached) == list(range(30))
    assert max(reached.values()) == 27
    assert optimizer.best is not None
    assert optimizer.best.params["x"] < 0.1


def test_making_it_loads_nothing_heavy() -> None:
    script = (
        "import sys; from automl_core import Optimizer;"
        f"Optimizer({BOWL!r}, algorithm='mobster', budget={{'min': 1, 'max': 9}});"
        "print([m for m in ('numpy', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("workers", [1, 4])
def test_auto_takes_it_where_a_budget_is_given(workers: int) -> None:
    note = searcher(name="auto", concurrency=workers).plan().note

    assert note.startswith("auto chose mobster: a budget is given")
    assert "rungs 1, 3, 9, 27" in note
