"""Branches of a space have a share of the trials, and are first seen in their middle."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.search.base import Context, NewTrial, PastTrial
from automl_core.search.bayesian import Bayesian
from automl_core.search.bayesian.acquisition import Acquisition, Model
from automl_core.search.bayesian.branches import Branch, shares, short_of
from automl_core.search.bayesian.encoding import Encoding
from automl_core.search.bayesian.gp import Columns, Hyper, Posterior
from automl_core.search.bayesian.initial import design, in_the_middle
from automl_core.search.sobol import sobol_points
from automl_core.space import Params, Space
from automl_core.states import TrialState
from tests.contract.search_suite import SPACES, build

FLOAT: dict[str, Any] = {"type": "uniform", "low": 0.0, "high": 1.0}


def learners(**second: Any) -> dict[str, Any]:
    """Three branches; how the machine's second parameter differs from the others."""
    values = [
        {"value": "machine", "space": {"m0": FLOAT, "m1": {**FLOAT, **second}}},
        {"value": "forest", "space": {f"f{i}": FLOAT for i in range(4)}},
        "constant",
    ]
    return {"learner": {"type": "choice", "values": values}, "shared": FLOAT}


PLAIN, LEARNERS = learners(), learners(default=0.2)
WITHOUT = [name for name in SPACES if not build(SPACES[name]).branching]


def bayesian(mapping: dict[str, Any], **changes: Any) -> Bayesian:
    return Bayesian(Context(**{"space": build(mapping), "max_trials": 40, **changes}))


def error(params: Params) -> float:
    """The forest is best."""
    number = {name: float(value) for name, value in params.items() if name != "learner"}  # type: ignore[arg-type]
    return {"forest": 0.0, "machine": 1.0, "constant": 2.0}[str(params["learner"])] + sum(number.values()) / 10


def run(
    algorithm: Bayesian, loss_of: Callable[[Params], float], trials: int, history: list[PastTrial] | None = None
) -> list[PastTrial]:
    """One trial after the other."""
    history = list(history or [])
    while len(history) < trials:
        decision = algorithm.suggest(history)
        assert isinstance(decision, NewTrial)
        loss = loss_of(decision.params)
        history.append(PastTrial(len(history), decision.params, TrialState.SUCCEEDED, loss=loss))
    return history


def test_a_branch_has_one_more_trial_than_it_has_parameters_of_its_own() -> None:
    encoding = Encoding(build(LEARNERS))

    (wanted,) = shares(encoding, 100).values()

    assert list(wanted.values()) == [3, 5, 1]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=2, max_size=12), st.integers(1, 200))
def test_all_shares_together_are_half_of_the_trials_at_most(own: list[int], most: int) -> None:
    branches = [{"value": f"b{i}", "space": {f"b{i}_{j}": FLOAT for j in range(n)}} for i, n in enumerate(own)]
    encoding = Encoding(build({"branch": {"type": "choice", "values": branches}, "x": FLOAT}))

    wanted = [count for counts in shares(encoding, most).values() for count in counts.values()]

    assert sum(wanted) <= most / 2
    assert all(count <= 1 + n for count, n in zip(wanted, own, strict=False))
    if sum(own) + len(own) <= most / 2 and any(own):
        assert wanted == [1 + n for n in own]


@pytest.mark.parametrize("space", WITHOUT)
def test_a_space_without_branches_is_searched_as_ever(space: str) -> None:
    algorithm = bayesian(SPACES[space])
    whole = algorithm.context.space

    assert not whole.branching
    assert shares(Encoding(whole), 40) == {}
    points = [whole.complete({}), *islice(sobol_points(whole, 0, "bayesian"), 40)]
    distinct = list({Space.key(params): params for params in points}.values())
    assert [params for params, _ in design(algorithm.context, 8)] == distinct[:8]
    history = [PastTrial(i, params, TrialState.SUCCEEDED, loss=float(i)) for i, params in enumerate(distinct[:8])]
    assert algorithm._branch(history) is None


def test_the_first_point_in_a_branch_is_its_middle_and_the_rest_is_as_it_was() -> None:
    algorithm = bayesian(LEARNERS, seed=3, options={"initial_trials": 12})
    points = list(islice(sobol_points(algorithm.context.space, 3, "bayesian"), 11))

    first, *found = [params for params, _ in design(algorithm.context, 12)]

    assert [first[f"f{i}"] for i in range(4)] == [0.5] * 4
    met = {"forest"}
    for params, point in zip(found, points, strict=True):
        assert params["learner"] == point["learner"]
        assert params["shared"] == point["shared"]
        if params["learner"] in met:
            assert params == point
        elif params["learner"] == "machine":
            assert (params["m0"], params["m1"]) == (0.5, 0.2)  # a default counts more than the middle
        met.add(str(params["learner"]))
    assert met == {"forest", "machine", "constant"}


def test_options_that_hang_on_a_choice_stay_where_numbers_go_to_the_middle() -> None:
    space = build(SPACES["nested"])

    found = in_the_middle(space, {"model": "svm", "kernel": "rbf", "gamma": 1e-5, "C": 0.01}, ["model"])

    assert found["kernel"] == "rbf"
    assert found["C"] == pytest.approx(1.0)
    assert found["gamma"] == pytest.approx(10**-2.5)


def test_the_branch_that_has_had_the_least_of_its_share_is_next() -> None:
    wanted = {0: {0.0: 4, 1.0: 2, 2.0: 1}}
    rows = np.array([[0.0], [0.0], [1.0], [2.0]])

    assert short_of(wanted, rows) == Branch(0, 0.0, 2)
    assert short_of(wanted, np.vstack([rows, [[0.0]]])) == Branch(0, 1.0, 1)
    assert short_of(wanted, np.vstack([rows, rows])) is None


@pytest.mark.parametrize("workers", [1, 4])
def test_every_branch_gets_its_share_whatever_becomes_of_its_trials(workers: int) -> None:
    algorithm = bayesian(PLAIN, concurrency=workers, options={"initial_trials": 3})
    history: list[PastTrial] = []
    for number in range(24):
        decision = algorithm.suggest(history)
        assert isinstance(decision, NewTrial)
        history.append(PastTrial(number, decision.params, TrialState.RUNNING))
        ended = number - workers + 1
        if ended >= 0:
            params = history[ended].params
            fails = params["learner"] == "machine"
            state = TrialState.FAILED if fails else TrialState.SUCCEEDED
            history[ended] = PastTrial(ended, params, state, loss=None if fails else error(params))

    had = Counter(str(trial.params["learner"]) for trial in history)

    assert had["machine"] >= 3
    assert had["constant"] >= 1
    assert had["forest"] > 12


def test_a_branch_that_has_no_trial_is_seen_in_its_middle_first() -> None:
    algorithm = bayesian(PLAIN, options={"initial_trials": 2})
    forest = [{"learner": "forest", **{f"f{i}": x for i in range(4)}, "shared": x} for x in (0.3, 0.6)]
    history = [PastTrial(i, params, TrialState.SUCCEEDED, loss=error(params)) for i, params in enumerate(forest)]

    decision = algorithm.suggest(history)

    assert isinstance(decision, NewTrial)
    assert decision.params == {"learner": "machine", "m0": 0.5, "m1": 0.5, "shared": 0.3}


@pytest.mark.parametrize("seed", [0, 1])
def test_a_branch_with_two_poor_trials_is_not_given_up(seed: int) -> None:
    """Without its share all of the next fourteen trials go to the forest, which has always a little to gain."""
    values = [{"value": kind, "space": {f"{kind[0]}{i}": FLOAT for i in range(3)}} for kind in ("forest", "machine")]
    start: list[Params] = [
        {"learner": "forest", "f0": 0.5, "f1": 0.5, "f2": 0.5},
        {"learner": "machine", "m0": 0.1, "m1": 0.9, "m2": 0.2},
        {"learner": "forest", "f0": 0.2, "f1": 0.9, "f2": 0.3},
        {"learner": "machine", "m0": 0.1, "m1": 0.2, "m2": 0.8},
        {"learner": "forest", "f0": 0.8, "f1": 0.1, "f2": 0.6},
        {"learner": "forest", "f0": 0.3, "f1": 0.3, "f2": 0.9},
    ]
    history = [PastTrial(i, params, TrialState.SUCCEEDED, loss=plateau(params)) for i, params in enumerate(start)]
    mapping = {"learner": {"type": "choice", "values": values}}

    ended = run(bayesian(mapping, options={"initial_trials": 6}, seed=seed), plateau, 12, history)

    assert min(trial.loss or 0.0 for trial in ended) < 0.15


def plateau(params: Params) -> float:
    """The forest gets better without end; the machine is bad everywhere but in a part of its space."""
    number = {name: float(value) for name, value in params.items() if name != "learner"}  # type: ignore[arg-type]
    if params["learner"] == "forest":
        return 0.35 + 0.05 * math.log10(1e-4 + sum((x - 0.4) ** 2 for x in number.values()))
    off = (number["m0"] - 0.6) ** 2 + (number["m1"] - 0.4) ** 2
    return 0.02 + off if off < 0.12 else 0.9


def test_within_a_branch_an_improvement_is_one_upon_its_own_best() -> None:
    columns = Columns(np.array([1]), np.array([0]), warped=False)
    rows = np.array([[0.0, 0.2], [0.0, 0.8], [1.0, 0.3], [1.0, 0.7]])
    hyper = Hyper(np.log([0.3, 0.5]), 0.0, np.log(1e-3), None, 0.0, np.zeros(1), np.zeros(1), 1.0)
    posterior = Posterior(columns, hyper, rows, np.array([-1.0, -0.8, 2.0, 1.0]))
    whole = Acquisition(columns, [Model(posterior, posterior.smoothed().min(axis=0))])

    within = whole.within(Branch(0, 1.0, 2))

    there, elsewhere = np.array([[1.0, 0.9]]), np.array([[0.0, 0.5]])
    assert within(there)[0] > whole(there)[0] + 1
    assert within(elsewhere)[0] < -1e5
    own = replace(whole.models[0], best=posterior.smoothed()[2:].min(axis=0))
    assert within(there) == pytest.approx(Acquisition(columns, [own])(there))
    value, slopes = within.gradient(there[0], np.array([0]))
    ahead, behind = within(np.array([[1.0, 0.9 + 1e-6], [1.0, 0.9 - 1e-6]]))
    assert value == pytest.approx(within(there)[0])
    assert slopes == pytest.approx([(ahead - behind) / 2e-6], rel=1e-3)


def test_where_several_goals_or_earlier_experiments_decide_no_share_is_kept() -> None:
    rows = [{"learner": "forest", **{f"f{i}": x for i in range(4)}, "shared": x} for x in (0.3, 0.6)]
    history = [PastTrial(i, params, TrialState.SUCCEEDED, loss=error(params)) for i, params in enumerate(rows)]
    here = {"options": {"initial_trials": 2}}

    assert bayesian(LEARNERS, **here)._branch(history) is not None
    assert bayesian(LEARNERS, earlier=(tuple(history),), **here)._branch(history) is None
    assert bayesian(LEARNERS, objectives=2, **here)._branch(history) is None


def test_a_belief_and_the_shares_take_turns() -> None:
    believed = {**LEARNERS, "shared": {**FLOAT, "prior": {"center": 0.5, "spread": 0.2}}}
    rows = [{"learner": "forest", **{f"f{i}": x for i in range(4)}, "shared": x} for x in (0.1, 0.3, 0.5, 0.7)]
    history = [PastTrial(i, params, TrialState.SUCCEEDED, loss=error(params)) for i, params in enumerate(rows)]
    for mapping, turn in ((LEARNERS, 0), (believed, 1)):
        algorithm = bayesian(mapping, options={"initial_trials": 2})
        assert [algorithm._branch(history[:n]) is not None for n in (2, 3, 4)] == [n % 2 == turn for n in (2, 3, 4)]
