"""The contract of search algorithms. A new algorithm is covered by registering it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median

import pytest

from automl_core.search import Exhausted, NewTrial, PastTrial, Promote, Wait, available, create, names
from automl_core.search.base import BudgetRange, Context
from automl_core.search.pareto import places
from automl_core.search.registry import algorithm_class
from automl_core.space import Space
from automl_core.states import TrialState
from tests.contract.search_suite import (
    GOALS,
    OPTIONS,
    OUTCOMES,
    SPACES,
    Simulation,
    build,
    eventful,
    good,
    make,
    smooth,
)
from tests.support.effort import less_effort

pytestmark = [pytest.mark.contract, pytest.mark.usefixtures("effort")]

ALGORITHMS = [*names(), "auto+budget"]
ROOT = Path(__file__).parents[2]


def pairs(cases: Iterable[str]) -> list[tuple[str, str]]:
    """Each algorithm with each space, outcome or goal. ``auto`` hands over to one of the others: it has the first."""
    first, *others = cases
    return [(name, case) for name in ALGORITHMS for case in (first, *(others if not hands_over(name) else ()))]


def hands_over(name: str) -> bool:
    """Whether what is suggested comes from another algorithm, which has tests of its own."""
    return name.startswith("auto")


def spreads_budget(name: str) -> bool:
    return name.endswith("+budget") or algorithm_class(name).uses_budget


def keys(simulation: Simulation) -> list[str]:
    return [Space.key(trial.params) for trial in simulation.trials]


def as_json(decisions: Sequence[object]) -> str:
    return json.dumps([[type(d).__name__, asdict(d)] for d in decisions], sort_keys=True)  # type: ignore[call-overload]


def decisions_of(*names: str) -> dict[str, str]:
    """A short eventful run of each, as text; a process that is started for it tries as hard as the contract does."""
    with less_effort():
        return {name: as_json(Simulation(make(name), outcome=eventful, workers=3).run().decisions) for name in names}


@pytest.mark.parametrize(("name", "space"), pairs(SPACES))
def test_a_run_to_the_end_gives_valid_new_combinations_within_the_plan(name: str, space: str) -> None:
    algorithm = make(name, space)
    plan = algorithm.plan()

    simulation = Simulation(algorithm, outcome=eventful, workers=4).run()

    for trial in simulation.trials:
        assert algorithm.context.space.problem(trial.params) is None
    assert len(set(keys(simulation))) == len(simulation.trials) > 0
    assert len(simulation.trials) <= plan.trials <= algorithm.context.max_trials
    assert len(simulation.decisions) <= plan.slots
    assert isinstance(simulation.end, Exhausted)
    assert simulation.end.reason


@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_option_with_weight_0_is_left_out(name: str) -> None:
    simulation = Simulation(make(name, "weights", max_trials=20)).run()

    assert all(trial.params["a"] != "never" for trial in simulation.trials)


@pytest.mark.parametrize(("name", "outcome"), pairs(OUTCOMES))
def test_takes_any_outcome(name: str, outcome: str) -> None:
    simulation = Simulation(make(name, max_trials=18), outcome=OUTCOMES[outcome], workers=2).run()

    assert len(set(keys(simulation))) == len(simulation.trials)
    if not spreads_budget(name):
        assert len(simulation.trials) == 18


@pytest.mark.parametrize(("name", "goal"), pairs(GOALS))
def test_takes_several_objectives_and_constraints(name: str, goal: str) -> None:
    worth, context = GOALS[goal]
    algorithm = make(name, max_trials=18, **context)

    simulation = Simulation(algorithm, outcome=eventful, worth=worth, workers=3).run()

    assert len(set(keys(simulation))) == len(simulation.trials)
    if not spreads_budget(name):
        assert len(simulation.trials) == 18
    history = simulation.history[:12]
    assert algorithm.suggest(history) == make(name, max_trials=18, **context).suggest(history)
    json.dumps(algorithm.describe(simulation.history), allow_nan=False)


@pytest.mark.parametrize("goal", ["two_goals", "one_limited"])
@pytest.mark.parametrize("name", [name for name in ALGORITHMS if spreads_budget(name) and name != "pbt"])
def test_promotes_by_the_shared_order(name: str, goal: str) -> None:
    worth, context = GOALS[goal]
    simulation = Simulation(make(name, max_trials=30, **context), worth=worth).run()

    lowest = [(number, at[1]) for number, at in enumerate(simulation.reached) if 1 in at]
    promoted = {decision.trial for decision in simulation.decisions if isinstance(decision, Promote)}
    place = dict(zip([number for number, _ in lowest], places([point for _, point in lowest]), strict=True))
    stayed = place.keys() - promoted
    assert promoted & place.keys()
    assert median(place[number] for number in promoted & place.keys()) < median(place[number] for number in stayed)


WITH_DEFAULTS = {
    "lr": {"type": "loguniform", "low": 1e-4, "high": 1e-1, "default": 0.003},
    "solver": {"type": "choice", "values": ["adam", "sgd"], "default": "sgd"},
    "momentum": {"type": "uniform", "low": 0, "high": 0.99, "default": 0.5, "when": {"solver": ["sgd"]}},
}  # fmt: skip


@pytest.mark.parametrize("trials", [2, 14])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_the_defaults_come_first_and_are_trained_to_the_end(name: str, trials: int) -> None:
    options = {"warm_start": ({"lr": 0.01, "solver": "adam"},), "baseline": True, "max_trials": trials}
    algorithm = make(name, WITH_DEFAULTS, **options)
    plan, proposed = algorithm.plan(), algorithm.propose()
    simulation = Simulation(algorithm, outcome=eventful, workers=3).run()

    first, others = simulation.decisions[0], simulation.decisions[1:]
    highest = algorithm.context.budget.max if algorithm.context.budget else None
    assert first == NewTrial({"lr": 0.003, "solver": "sgd", "momentum": 0.5}, budget=highest, note="baseline")
    assert proposed[:1] in ([], [first])
    assert not any(isinstance(decision, Promote) and decision.trial == 0 for decision in others)
    assert len(set(keys(simulation))) == len(simulation.trials) <= plan.trials <= trials
    assert len(simulation.decisions) <= plan.slots
    assert isinstance(others[0], NewTrial)
    assert others[0].params == {"lr": 0.01, "solver": "adam"}, "the file's own come behind it"
    assert others[0].parent is None


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if spreads_budget(name)])
def test_a_schedule_is_laid_out_beside_the_baseline(name: str) -> None:
    alone, beside = make(name, WITH_DEFAULTS, max_trials=20), make(name, WITH_DEFAULTS, max_trials=21, baseline=True)
    units = alone.plan().units
    assert units is not None
    assert (beside.plan().slots, beside.plan().units) == (alone.plan().slots + 1, units + 9)
    proposed, simulation = beside.propose(), Simulation(beside)
    assert [simulation.ask() for _ in proposed] == proposed, "before any result"


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if not spreads_budget(name)])
@pytest.mark.parametrize(("space", "size"), [("small", 12), ("small_lists", 60)])
@pytest.mark.parametrize("workers", [1, 5])
def test_hands_out_a_finite_space_whole_and_then_says_exhausted(name: str, workers: int, space: str, size: int) -> None:
    simulation = Simulation(make(name, space, max_trials=70), outcome=eventful, workers=workers).run()

    assert set(keys(simulation)) == {Space.key(p) for p in build(SPACES[space]).combinations()}
    assert simulation.algorithm.plan().trials == size


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if spreads_budget(name)])
def test_a_budget_experiment_on_a_finite_space_ends_without_duplicates(name: str) -> None:
    simulation = Simulation(make(name, "small", max_trials=50), outcome=eventful, workers=5).run()

    assert len(set(keys(simulation))) == len(simulation.trials)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_one_point_is_handed_out_once(name: str) -> None:
    simulation = Simulation(make(name, "one_point", max_trials=5)).run()

    assert [trial.params for trial in simulation.trials] == [{"a": 1, "b": "only"}]


@pytest.mark.parametrize("name", ALGORITHMS)
def test_eight_asked_at_once_are_eight_combinations(name: str) -> None:
    simulation = Simulation(make(name, max_trials=30, concurrency=8))

    for _ in range(8):
        assert isinstance(simulation.ask(), NewTrial)
    for number in range(3):
        simulation.finish(number)
    for _ in range(3):
        simulation.ask()

    assert len(set(keys(simulation))) == len(simulation.trials)


@pytest.mark.parametrize(("name", "space"), pairs(["mixed", "subsets", "sorted_lists", "ordered"]))
def test_same_seed_and_history_give_the_same_decision(name: str, space: str) -> None:
    simulation = Simulation(make(name, space, max_trials=30), outcome=eventful, workers=2).run(trials=11)
    history = tuple(simulation.trials)
    assert len(history) == 11
    before = repr(history)
    read = tuple(replace(trial, params=json.loads(json.dumps(trial.params))) for trial in history)

    first = make(name, space, max_trials=30).suggest(history)
    again = make(name, space, max_trials=30).suggest(read)  # as a journal gives it back

    assert first == again
    assert repr(history) == before


@pytest.mark.parametrize("name", ALGORITHMS)
def test_lists_are_no_ones_but_their_own_trials(name: str) -> None:
    simulation = Simulation(make(name, "subsets", max_trials=20), outcome=eventful, workers=2).run()

    lists = [id(value) for trial in simulation.trials for value in trial.params.values() if isinstance(value, list)]
    assert len(set(lists)) == len(lists) > 0


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_empty_subset_and_an_empty_list_are_values(name: str) -> None:
    space = {
        "a": {"type": "subset", "values": ["x", "y"]},
        "b": {"type": "sorted_list", "low": 0, "high": 1, "min_length": 0, "max_length": 1, "multiple_of": 1},
    }
    simulation = Simulation(make(name, space, max_trials=40), outcome=eventful, workers=1).run()

    assert any(trial.params["a"] == [] for trial in simulation.trials)
    assert any(trial.params["b"] == [] for trial in simulation.trials)


def test_another_process_decides_the_same() -> None:
    script = (
        "import json, sys; from tests.contract.test_search import ALGORITHMS, decisions_of;"
        "print(json.dumps(decisions_of(*ALGORITHMS)))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "12345"}

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )

    assert json.loads(done.stdout) == decisions_of(*ALGORITHMS)


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if name != "grid"])
def test_another_seed_decides_differently(name: str) -> None:
    runs = {as_json(Simulation(make(name, "log", seed=seed)).run().decisions) for seed in range(3)}

    assert len(runs) == 3


@pytest.mark.parametrize("name", ALGORITHMS)
def test_global_random_state_is_left_alone(name: str) -> None:
    import numpy as np

    before, numpy_before = random.getstate(), repr(np.random.get_state())

    Simulation(make(name), outcome=eventful, workers=2).run()

    assert random.getstate() == before
    assert repr(np.random.get_state()) == numpy_before


@pytest.mark.parametrize(
    ("name", "space"), pairs(["mixed", "small", "small_lists", "subsets", "sorted_lists", "one_point", "wide"])
)
def test_what_is_proposed_is_what_suggest_hands_out_first(name: str, space: str) -> None:
    algorithm = make(name, space)
    proposed = algorithm.propose()
    simulation = Simulation(algorithm)

    for _ in proposed:
        assert isinstance(simulation.ask(), NewTrial)

    assert simulation.decisions == proposed


@pytest.mark.parametrize(
    ("name", "space"), pairs(["mixed", "small", "small_lists", "subsets", "sorted_lists", "one_point", "wide"])
)
def test_proposals_are_counted_and_the_first_ones_made_without_the_rest(name: str, space: str) -> None:
    algorithm = make(name, space)
    proposed = algorithm.propose()
    size = algorithm.context.space.size() or 10**6
    assert min(algorithm.proposals(), algorithm.plan().trials, size) == len(proposed)
    for most in (0, 1, 3, 10_000):
        assert make(name, space).propose(most) == proposed[:most]


@pytest.mark.parametrize("name", ["grid", "random", "sobol"])
def test_the_combinations_of_an_unadaptive_search_are_all_known_before_the_start(name: str) -> None:
    assert len(make(name, "rounding", max_trials=25).propose()) == 25
    assert len(make(name, "small", max_trials=25).propose()) == 12


@pytest.mark.parametrize("name", ALGORITHMS)
def test_the_warm_start_comes_first_and_then_the_defaults(name: str) -> None:
    space = {
        "x": {"type": "uniform", "low": 0, "high": 1, "default": 0.25},
        "n": {"type": "int", "low": 0, "high": 9},
        "solver": {"type": "choice", "values": ["adam", "sgd"], "default": "sgd"},
        "momentum": {"type": "uniform", "low": 0, "high": 1, "default": 0.9, "when": {"solver": ["sgd"]}},
    }
    given = ({"x": 0.123, "n": 3, "solver": "adam"}, {"x": 0.5}, {"x": 0.123, "n": 3, "solver": "adam"})
    simulation = Simulation(make(name, space, warm_start=given), workers=2).run()

    assert [trial.params for trial in simulation.trials[:3]] == [
        {"x": 0.123, "n": 3, "solver": "adam"},
        {"x": 0.5, "n": simulation.trials[1].params["n"], "solver": "sgd", "momentum": 0.9},
        {"x": 0.25, "n": simulation.trials[2].params["n"], "solver": "sgd", "momentum": 0.9},
    ]
    assert len(set(keys(simulation))) == len(simulation.trials)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_a_wrong_warm_start_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=r"search\.warm_start\[1\]: units: 9999 lies outside 16\.\.256"):
        make(name, warm_start=({"lr": 0.01}, {"units": 9999}))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_takes_a_history_that_it_did_not_make(name: str) -> None:
    made_by_chance = [
        PastTrial(number, trial.params, TrialState.SUCCEEDED, loss=smooth(trial.params, None))
        for number, trial in enumerate(make("random", max_trials=9).propose())
    ]
    made_by_chance[4] = replace(made_by_chance[4], state=TrialState.RUNNING, loss=None)

    decision = make(name, max_trials=12).suggest(made_by_chance)

    assert isinstance(decision, NewTrial | Promote | Wait | Exhausted)
    if isinstance(decision, NewTrial):
        assert Space.key(decision.params) not in {Space.key(trial.params) for trial in made_by_chance}


@pytest.mark.parametrize("name", ALGORITHMS)
def test_describes_its_state_as_json(name: str) -> None:
    algorithm = make(name)
    for history in ((), Simulation(algorithm, outcome=eventful, workers=2).run().trials):
        json.dumps(algorithm.describe(tuple(history)), allow_nan=False)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_says_exhausted_when_the_most_trials_have_run(name: str) -> None:
    simulation = Simulation(make(name, max_trials=7)).run()

    assert len(simulation.trials) <= 7
    assert isinstance(simulation.algorithm.suggest(simulation.trials), Exhausted)


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if spreads_budget(name)])
@pytest.mark.parametrize("workers", [1, 4])
def test_budgets_stay_within_the_file_and_grow(name: str, workers: int) -> None:
    simulation = Simulation(make(name, max_trials=30), outcome=good, workers=workers).run()
    reached: dict[int, int] = {}
    units = new = 0
    for decision in simulation.decisions:
        assert decision.budget is not None  # type: ignore[union-attr]
        if isinstance(decision, NewTrial):
            before = reached.get(decision.parent, 0) if decision.parent is not None else 0
            number, new = new, new + 1
        else:
            number = decision.trial  # type: ignore[union-attr]
            before = reached[number]
            assert decision.budget > before  # type: ignore[union-attr]
        assert 1 <= decision.budget <= 9  # type: ignore[union-attr]
        reached[number] = decision.budget  # type: ignore[union-attr,assignment]
        units += decision.budget - before  # type: ignore[union-attr,operator]

    plan = simulation.algorithm.plan()
    assert plan.units is not None
    assert units <= plan.units
    assert max(reached.values()) == 9


@pytest.mark.parametrize("name", [name for name in ALGORITHMS if spreads_budget(name)])
def test_a_failed_trial_is_never_promoted(name: str) -> None:
    simulation = Simulation(make(name, max_trials=30), outcome=eventful, workers=3).run()

    lost = {trial.number for trial in simulation.trials if trial.state not in (TrialState.SUCCEEDED,)}
    last: dict[int, int] = {}
    for index, decision in enumerate(simulation.decisions):
        if isinstance(decision, Promote):
            last[decision.trial] = index
    assert lost
    assert not lost & set(last)


@pytest.mark.parametrize("name", [name for name in names() if algorithm_class(name).uses_budget])
def test_a_missing_budget_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=r"trials\.budget"):
        make(name, budget=None)


@pytest.mark.parametrize("name", [n for n in names() if n != "auto" and not algorithm_class(n).uses_budget])
def test_an_algorithm_without_budgets_trains_all_the_way(name: str) -> None:
    algorithm = make(name, budget=BudgetRange(1, 27, 3), max_trials=6)

    simulation = Simulation(algorithm).run()

    assert {d.budget for d in simulation.decisions} == {27}  # type: ignore[union-attr]
    assert algorithm.plan().units == 6 * 27


def test_every_algorithm_has_a_summary() -> None:
    for name, summary in available():
        assert algorithm_class(name).name == name
        assert 10 < len(summary) < 100


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_unknown_option_is_named(name: str) -> None:
    context = make(name).context
    wrong = Context(**{**{f: getattr(context, f) for f in context.__slots__}, "options": {"no_such_thing": 1}})

    with pytest.raises(ValueError, match=r"search\.options\.no_such_thing: .* has no such option"):
        create(name.removesuffix("+budget"), wrong)


def test_options_of_the_suite_are_of_registered_algorithms() -> None:
    assert set(OPTIONS) <= set(names())
