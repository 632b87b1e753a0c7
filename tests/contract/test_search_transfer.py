"""The contract of search algorithms holds with earlier experiments too: its tests again, given two of them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from automl_core.search import Algorithm
from automl_core.search.base import History, PastTrial, rng_for
from automl_core.search.earlier import as_history, first_tried, translate
from automl_core.space import Space
from automl_core.states import TrialState
from tests.contract import test_search as contract
from tests.contract.search_suite import OUTCOMES, SPACES, Simulation, build, eventful, make, smooth
from tests.support.effort import less_effort

pytestmark = [pytest.mark.contract, pytest.mark.usefixtures("effort")]


def earlier_of(space: Space) -> tuple[History, ...]:
    """Two earlier experiments on a space, of which the second misleads."""
    sources = []
    for label, sign in (("helpful", 1.0), ("misleading", -1.0)):
        rng = rng_for(0, label)
        drawn = [space.sample(rng) for _ in range(12)]
        sources.append(as_history(translate(space, [(one, sign * smooth(one, None)) for one in drawn]).observations))
    return tuple(sources)


def make_with_earlier(
    name: str, space: str | dict[str, Any] = "mixed", max_trials: int = 14, **changes: Any
) -> Algorithm:
    """As `search_suite.make`."""
    earlier = earlier_of(build(SPACES[space] if isinstance(space, str) else space))
    return make(name, space, max_trials, **{"earlier": earlier, **changes})


@pytest.fixture(autouse=True)
def _earlier(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contract, "make", make_with_earlier)


@pytest.mark.parametrize(
    "promise",
    [
        contract.test_eight_asked_at_once_are_eight_combinations,
        contract.test_takes_a_history_that_it_did_not_make,
        contract.test_says_exhausted_when_the_most_trials_have_run,
        contract.test_one_point_is_handed_out_once,
        contract.test_describes_its_state_as_json,
    ],
    ids=lambda promise: promise.__name__.removeprefix("test_"),
)
@pytest.mark.parametrize("name", contract.ALGORITHMS)
def test_every_algorithm_keeps_its_promises(name: str, promise: Callable[[str], None]) -> None:
    promise(name)


@pytest.mark.parametrize(("name", "space"), contract.pairs(["mixed", "ordered"]))
def test_same_seed_and_history_give_the_same_decision(name: str, space: str) -> None:
    contract.test_same_seed_and_history_give_the_same_decision(name, space)


@pytest.mark.parametrize(
    ("name", "space"),
    [each for each in contract.pairs(["mixed", "nested", "bounds", "small"]) if each[0] != "bayesian"],
)
def test_a_run_to_the_end_gives_valid_new_combinations_within_the_plan(name: str, space: str) -> None:
    contract.test_a_run_to_the_end_gives_valid_new_combinations_within_the_plan(name, space)


@pytest.mark.parametrize("space", SPACES)
def test_the_one_that_models_them_searches_every_space(space: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten trials: each is modelled from the first one on, which is what takes long."""
    monkeypatch.setattr(contract, "make", partial(make_with_earlier, max_trials=10))
    contract.test_a_run_to_the_end_gives_valid_new_combinations_within_the_plan("bayesian", space)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_the_one_that_models_them_takes_any_outcome(outcome: str) -> None:
    contract.test_takes_any_outcome("bayesian", outcome)


@pytest.mark.parametrize("outcome", ["largest_floats", "300_orders", "all_equal"])
def test_the_one_that_models_them_takes_any_earlier_values(outcome: str) -> None:
    space = build(SPACES["mixed"])
    rng = rng_for(0, outcome)
    trials = [PastTrial(n, space.sample(rng), TrialState.SUCCEEDED) for n in range(12)]
    values = [OUTCOMES[outcome](trial, None)[1] for trial in trials]
    past = as_history([(trial.params, value) for trial, value in zip(trials, values, strict=True) if value is not None])

    simulation = Simulation(make("bayesian", earlier=(past,)), workers=2).run()

    assert len(set(contract.keys(simulation))) == len(simulation.trials) == 14


@pytest.mark.parametrize("name", [name for name in contract.ALGORITHMS if not contract.spreads_budget(name)])
def test_hands_out_a_finite_space_whole_and_then_says_exhausted(name: str) -> None:
    contract.test_hands_out_a_finite_space_whole_and_then_says_exhausted(name, 5, "small", 12)


@pytest.mark.parametrize("name", contract.ALGORITHMS)
def test_what_is_proposed_is_what_suggest_hands_out_first(name: str) -> None:
    contract.test_what_is_proposed_is_what_suggest_hands_out_first(name, "mixed")


@pytest.mark.parametrize("name", [name for name in contract.ALGORITHMS if contract.spreads_budget(name)])
def test_budgets_stay_within_the_file_and_grow(name: str) -> None:
    contract.test_budgets_stay_within_the_file_and_grow(name, 4)


def decisions_of(names: list[str]) -> list[str]:
    """A short eventful run of each, as text, with as little effort here as in another process."""
    with less_effort():
        runs = [Simulation(make_with_earlier(name), outcome=eventful, workers=3).run() for name in names]
    return [contract.as_json(run.decisions) for run in runs]


def test_another_process_decides_the_same() -> None:
    names = ["bayesian", "tpe", "asha"]
    script = (
        "import json; from tests.contract.test_search_transfer import decisions_of;"
        f"print(json.dumps(decisions_of({names!r})))"
    )
    environment = {**os.environ, "PYTHONPATH": str(contract.ROOT), "PYTHONHASHSEED": "12345"}

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=contract.ROOT, env=environment, capture_output=True, text=True, check=True
    )

    assert json.loads(done.stdout) == decisions_of(names)


@pytest.mark.parametrize("name", contract.ALGORITHMS)
def test_the_best_of_earlier_experiments_come_between_the_warm_start_and_the_defaults(name: str) -> None:
    space = {
        "x": {"type": "uniform", "low": 0, "high": 1, "default": 0.25},
        "n": {"type": "int", "low": 0, "high": 9, "default": 4},
    }
    algorithm = make_with_earlier(name, space, max_trials=20, warm_start=({"x": 0.5, "n": 1},))
    (best, _), (other, _) = first_tried(algorithm.context)

    simulation = Simulation(algorithm, workers=2).run()

    expected = [{"x": 0.5, "n": 1}, best, other, {"x": 0.25, "n": 4}]
    assert [trial.params for trial in simulation.trials[:4]] == expected
