"""What the adaptive algorithms learn: each beats random search on a bowl, and keeps its own promises."""

from __future__ import annotations

import math
import random
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.search import BudgetRange, NewTrial, PastTrial, Promote, create
from automl_core.search.base import Context, rng_for
from automl_core.search.neighbours import crossover, mutate
from automl_core.search.pbt import PbtOptions, explore
from automl_core.space import Space
from automl_core.states import TrialState
from tests.contract.search_suite import SPACES, Simulation, build
from tests.support.examples import examples

BOWL = {
    **{name: {"type": "uniform", "low": -5, "high": 5} for name in "abc"},
    "kind": {"type": "choice", "values": ["good", "bad", "worse"]},
    "depth": {"type": "int", "low": 1, "high": 20, "when": {"kind": ["good"]}},
}


def bowl(trial: PastTrial, budget: int | None) -> tuple[TrialState, float | None]:
    params: dict[str, Any] = trial.params
    loss = sum((params[name] - 1.5) ** 2 for name in "abc")
    loss += {"good": abs(params.get("depth", 0) - 7) / 5, "bad": 6.0, "worse": 12.0}[params["kind"]]
    return TrialState.SUCCEEDED, loss + (20 / budget if budget else 0)


def best(name: str, seed: int, trials: int = 60, **more: Any) -> float:
    run = Simulation(create(name, Context(build(BOWL), trials, seed=seed, **more)), bowl, workers=2).run()
    return min(trial.loss for trial in run.trials if trial.loss is not None)


@pytest.mark.parametrize("name", ["tpe", "evolution", "annealing"])
def test_learns_from_results(name: str) -> None:
    ours, chance = (fmean(best(algorithm, seed) for seed in range(5)) for algorithm in (name, "random"))

    assert ours < 0.6 * chance


@pytest.mark.parametrize("name", ["bohb", "dehb"])
def test_learns_from_results_at_low_budgets(name: str) -> None:
    budget = BudgetRange(1, 27, 3)
    ours, chance = (
        fmean(best(algorithm, seed, 126, budget=budget) for seed in range(5)) for algorithm in (name, "hyperband")
    )

    assert ours < chance


def test_evolution_counts_the_rounds_of_the_legacy_tuner() -> None:
    options = {"exploration": 10, "kept": 6, "rounds": 3}
    algorithm = create("evolution", Context(build(BOWL), 500, options=options))

    assert algorithm.plan().trials == 10 + (10 - 6) * 3
    assert len(Simulation(algorithm, bowl).run().trials) == 22
    assert len(algorithm.propose()) == 10


SHARED = ["mixed", "nested", "rounding", "bounds", "normals", "weights", "conditional_chain"]


@settings(max_examples=examples(60), deadline=None)
@given(st.sampled_from(SHARED), st.integers(0, 10_000), st.floats(0.01, 1.0))
def test_neighbours_are_valid_and_different(name: str, seed: int, width: float) -> None:
    space, rng = build(SPACES[name]), random.Random(seed)
    here, other = space.sample(rng), space.sample(rng)

    near = mutate(space, here, rng, width, chance=0.3)
    child = crossover(space, here, other, rng)
    explored = explore(space, here, rng, PbtOptions())

    for params in (near, child, explored):
        assert space.problem(params) is None
    if name not in ("bounds", "weights"):  # there a bound may leave one value, an option may be nearly certain
        assert Space.key(near) != Space.key(here)


def test_exploring_multiplies_or_divides_by_the_perturbation() -> None:
    space = build({"x": {"type": "uniform", "low": 0, "high": 100}, "n": {"type": "int", "low": 1, "high": 10}})
    options = PbtOptions(resample=0.0)
    found = {tuple(explore(space, {"x": 10.0, "n": 2}, random.Random(i), options).values()) for i in range(40)}

    assert {round(float(x), 6) for x, _ in found} == {12.0, round(10 / 1.2, 6)}  # type: ignore[arg-type]
    assert {n for _, n in found} == {1, 3}  # a whole number moves by one at least


def pbt(max_trials: int = 40) -> Simulation:
    context = Context(build(BOWL), max_trials, 10, budget=BudgetRange(1, 6, 3))
    return Simulation(create("pbt", context), bowl, workers=10)


def test_the_worst_of_a_population_take_the_checkpoints_of_the_best() -> None:
    run = pbt()
    assert [new.bracket for new in run.algorithm.propose()] == list(range(10))
    for _ in range(10):
        run.ask()
    order = sorted(run.trials, key=lambda trial: bowl(trial, 1)[1] or 0.0)
    for number in range(10):
        run.finish(number)

    steps = [run.ask() for _ in range(10)]

    children = [step for step in steps if isinstance(step, NewTrial)]
    assert {child.bracket for child in children} == {trial.number for trial in order[-2:]}
    assert {child.parent for child in children} <= {trial.number for trial in order[:2]}
    assert {step.budget for step in steps} == {2}  # type: ignore[union-attr]
    assert {step.trial for step in steps if isinstance(step, Promote)} == {t.number for t in order[:-2]}


def test_a_failed_member_starts_again_from_one_of_the_best() -> None:
    def outcome(trial: PastTrial, budget: int | None) -> tuple[TrialState, float | None]:
        return (TrialState.FAILED, None) if trial.number == 4 else bowl(trial, budget)

    run = pbt()
    run.outcome = outcome
    run.run()

    heirs = [d for d in run.decisions if isinstance(d, NewTrial) and d.bracket == 4 and d.parent is not None]
    assert heirs
    assert heirs[0].parent != 4


def test_every_member_trains_to_the_end_once() -> None:
    run = pbt().run()

    assert len(run.decisions) <= run.algorithm.plan().slots == 60
    finished = [trial for trial in run.trials if 6 in trial.losses_at]
    assert sorted(trial.bracket for trial in finished if trial.bracket is not None) == list(range(10))


def test_tpe_spreads_what_is_asked_at_once() -> None:
    algorithm = create("tpe", Context(build(BOWL), 60, 8))
    run = Simulation(algorithm, bowl)
    for number in range(30):
        run.ask()
        run.finish(number)
    asked = [run.ask() for _ in range(8)]

    points = [[float(d.params[name]) for name in "abc"] for d in asked]  # type: ignore[union-attr,arg-type]
    nearest = [min(math.dist(p, q) for j, q in enumerate(points) if j != i) for i, p in enumerate(points)]
    assert min(nearest) > 0.05


def test_tpe_of_a_long_history_has_as_many_good_ones_as_without_thinning(monkeypatch: pytest.MonkeyPatch) -> None:
    space = build(BOWL)
    rng = rng_for(0, "long")
    history = [
        PastTrial(number, space.sample(rng), TrialState.SUCCEEDED, loss=rng.random()) for number in range(200)
    ] + [PastTrial(200, space.sample(rng), TrialState.FAILED), PastTrial(201, space.sample(rng), TrialState.RUNNING)]
    algorithm = create("tpe", Context(space, 1000, options={"good": 0.1}))
    whole = algorithm.suggest(history)
    monkeypatch.setattr("automl_core.search.tpe._MODELLED", 60)
    thinned = algorithm.suggest(history)

    assert isinstance(whole, NewTrial)
    assert isinstance(thinned, NewTrial)
    assert whole.note == thinned.note == "near 20 good ones of 200"
    assert thinned.params != whole.params, "the density of the others is that of some of them"
    assert len(algorithm.describe(history)["good"]) == 20
