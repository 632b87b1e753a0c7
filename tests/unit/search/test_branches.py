"""The first trial in a branch of a space lies in the middle of what only that branch has."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.search.base import Context
from automl_core.search.bayesian.initial import design, in_the_middle
from automl_core.search.sobol import sobol_points
from automl_core.space import Params, Space
from automl_core.space.branches import branching, hanging_on
from tests.contract.search_suite import SPACES, build

FLOAT: dict[str, Any] = {"type": "uniform", "low": 0.0, "high": 1.0}
LEARNERS: dict[str, Any] = {
    "learner": {
        "type": "choice",
        "values": [
            {"value": "machine", "space": {"m0": FLOAT, "m1": {**FLOAT, "default": 0.2}}},
            {"value": "forest", "space": {f"f{i}": FLOAT for i in range(4)}},
            "constant",
        ],
    },
    "shared": FLOAT,
}
WITHOUT = [name for name in SPACES if not branching(build(SPACES[name]))]


def context(mapping: dict[str, Any], seed: int = 0) -> Context:
    return Context(space=build(mapping), max_trials=40, seed=seed)


def points(space: Space, seed: int, count: int) -> list[Params]:
    """The middle of the space and Sobol points, without repetitions."""
    found = [space.complete({}), *islice(sobol_points(space, seed, "bayesian"), 4 * count + 16)]
    return list({Space.key(params): params for params in found}.values())[:count]


def test_there_are_spaces_with_branches_and_without() -> None:
    assert branching(build(SPACES["nested"])) == ("model",)
    assert branching(build(SPACES["mixed"])) == ("solver",)
    assert len(WITHOUT) > 5


@pytest.mark.parametrize("space", WITHOUT)
def test_the_design_of_a_space_without_branches_is_the_middle_and_sobol_points(space: str) -> None:
    given_context = context(SPACES[space])

    found = [params for params, _ in design(given_context, 8)]

    assert found == points(given_context.space, 0, 8)


def test_what_hangs_on_a_choice_does_so_at_any_remove() -> None:
    space = build(SPACES["nested"])

    assert hanging_on(space, ["model"]) == {"kernel", "gamma", "C", "trees"}
    assert hanging_on(space, ["kernel"]) == {"gamma"}
    assert hanging_on(space, []) == set()


def test_the_first_point_in_a_branch_is_its_middle_and_the_others_are_as_they_were() -> None:
    given_context = context(LEARNERS, seed=3)
    _, *sobol = points(given_context.space, 3, 12)

    (first, _), *rest = design(given_context, 12)

    assert [first[f"f{i}"] for i in range(4)] == [0.5] * 4
    met = {"forest"}
    for (params, note), point in zip(rest, sobol, strict=True):
        new = params["learner"] not in met
        assert (params["learner"], params["shared"]) == (point["learner"], point["shared"])
        assert note.endswith("the middle of a branch") == new
        if not new:
            assert params == point
        elif params["learner"] == "machine":
            assert (params["m0"], params["m1"]) == (0.5, 0.2)  # a default counts more than the middle
        met.add(str(params["learner"]))
    assert met == {"forest", "machine", "constant"}


def test_what_is_believed_of_a_branch_counts_more_than_its_middle_and_less_than_its_default() -> None:
    belief = {**FLOAT, "prior": {"center": 0.9, "spread": 0.1}}
    own = {"p": belief, "d": {**belief, "default": 0.3}, "m": FLOAT}
    space = build({"learner": {"type": "choice", "values": ["plain", {"value": "other", "space": own}]}})

    found = in_the_middle(space, {"learner": "other", "p": 0.1, "d": 0.1, "m": 0.1}, ["learner"])

    assert found == {"learner": "other", "p": 0.9, "d": 0.3, "m": 0.5}


def test_options_that_hang_on_a_choice_stay_where_numbers_go_to_the_middle() -> None:
    space = build(SPACES["nested"])

    found = in_the_middle(space, {"model": "svm", "kernel": "rbf", "gamma": 1e-5, "C": 0.01}, ["model"])

    assert found == {"model": "svm", "kernel": "rbf", "gamma": pytest.approx(10**-2.5), "C": pytest.approx(1.0)}


@settings(max_examples=30, deadline=None)
@given(own=st.lists(st.integers(0, 4), min_size=2, max_size=6), seed=st.integers(0, 99), count=st.integers(1, 14))
def test_every_branch_that_the_design_meets_is_met_in_its_middle(own: list[int], seed: int, count: int) -> None:
    numbers = [FLOAT, {"type": "int", "low": 1, "high": 9}, {"type": "loguniform", "low": 1e-4, "high": 1.0}]
    branches = [{"value": f"b{i}", "space": {f"b{i}_{j}": numbers[j % 3] for j in range(n)}} for i, n in enumerate(own)]
    given_context = context({"branch": {"type": "choice", "values": branches}, "x": FLOAT}, seed)
    space = given_context.space

    found = [params for params, _ in design(given_context, count)]

    assert [space.problem(params) for params in found] == [None] * count
    assert len({Space.key(params) for params in found}) == count
    assert found[: count // 2] == [params for params, _ in design(given_context, count, count // 2)]
    first: dict[object, Params] = {}
    for params in found:
        first.setdefault(params["branch"], params)
    for params in first.values():
        assert params == in_the_middle(space, params, ["branch"])
