"""Grid, random and Sobol search."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.search import create
from automl_core.search.base import Context
from automl_core.search.drawing import draw_new, unseen
from automl_core.search.sobol import sobol_points
from automl_core.space import Space
from tests.contract.search_suite import SPACES, Simulation, build
from tests.support.examples import examples

TWO = {"a": {"type": "choice", "values": ["x", "y"]}, "b": {"type": "uniform", "low": 0, "high": 1}}


def proposed(name: str, space: dict[str, Any], max_trials: int = 100, **more: Any) -> list[dict[str, Any]]:
    return [new.params for new in create(name, Context(build(space), max_trials, **more)).propose()]


def test_a_grid_walks_in_the_order_of_the_file() -> None:
    found = proposed("grid", TWO, options={"resolution": 3})

    assert found == [{"a": a, "b": b} for a, b in product("xy", (0.0, 0.5, 1.0))]


def test_a_grid_is_cut_at_the_most_trials() -> None:
    algorithm = create("grid", Context(build(TWO), 4, options={"resolution": 3}))

    assert len(algorithm.propose()) == algorithm.plan().trials == 4
    assert algorithm.plan().note == "a grid of 6 combinations"


def test_a_shuffled_grid_is_the_same_grid_in_another_order() -> None:
    plain = proposed("grid", TWO, options={"resolution": 5})
    shuffled = proposed("grid", TWO, options={"resolution": 5, "shuffle": True}, seed=3)

    assert sorted(map(Space.key, shuffled)) == sorted(map(Space.key, plain))
    assert shuffled != plain
    assert shuffled == proposed("grid", TWO, options={"resolution": 5, "shuffle": True}, seed=3)


def test_a_grid_without_an_end_asks_for_a_resolution() -> None:
    with pytest.raises(ValueError, match=r"search\.options\.resolution: missing; the grid of space\.b has no end"):
        proposed("grid", TWO)


def test_a_grid_keeps_a_default_that_lies_beside_it() -> None:
    space = {"x": {"type": "uniform", "low": 0, "high": 1, "default": 0.3}}

    assert proposed("grid", space, options={"resolution": 2}) == [{"x": 0.3}, {"x": 0.0}, {"x": 1.0}]


def test_random_search_follows_the_weights() -> None:
    space = {
        "a": {"type": "choice", "values": ["often", "seldom"], "weights": [9, 1]},
        "b": {"type": "uniform", "low": 0, "high": 1},
    }
    often = sum(params["a"] == "often" for params in proposed("random", space, 1000))

    assert 860 < often < 940  # four standard deviations


def test_a_random_draw_depends_on_the_number_and_not_on_the_results() -> None:
    algorithm = create("random", Context(build(TWO), 30))
    alone, overlapping = (Simulation(algorithm, workers=workers).run() for workers in (1, 6))

    assert [t.params for t in alone.trials] == [t.params for t in overlapping.trials]


def test_a_rare_combination_is_found_when_all_others_are_taken() -> None:
    space = {"a": {"type": "choice", "values": list(range(50)), "weights": [1.0] + [1e-9] * 49}}

    assert sorted(params["a"] for params in proposed("random", space)) == list(range(50))


@pytest.mark.parametrize("power", [4, 6])
def test_every_stretch_of_every_parameter_gets_one_sobol_point(power: int) -> None:
    count = 2**power
    space = build({name: {"type": "uniform", "low": 0, "high": 1} for name in "abcdef"})
    points = sobol_points(space, seed=5)
    drawn = [next(points) for _ in range(count)]

    for name in "abcdef":
        assert sorted(int(params[name] * count) for params in drawn) == list(range(count))  # type: ignore[operator]


def test_users_of_one_seed_get_sequences_of_their_own() -> None:
    space = build(TWO)

    assert next(sobol_points(space, 1, "sobol")) != next(sobol_points(space, 1, "bayesian"))


@settings(max_examples=examples(40), deadline=None)
@given(st.sampled_from(["small", "rounding", "conditional_chain", "bounds", "normals"]), st.integers(0, 9), st.data())
def test_unseen_lists_what_is_left_and_nothing_else(name: str, seed: int, data: st.DataObject) -> None:
    import random

    space, rng = build(SPACES[name]), random.Random(seed)
    handed_out = {Space.key(space.sample(rng)) for _ in range(data.draw(st.integers(0, 60)))}

    left = next(unseen(space, handed_out), None)

    size = space.size()
    assert (left is None) == (size is not None and size == len(handed_out))
    if left is not None:
        assert space.problem(left) is None
        assert Space.key(left) not in handed_out


def test_a_draw_that_always_repeats_itself_is_replaced() -> None:
    import random

    space = build(SPACES["small"])
    stuck = {"a": 1, "b": 0}
    seen = {Space.key(stuck)}
    while (params := draw_new(space, seen, random.Random(1), lambda: stuck)) is not None:
        assert Space.key(params) not in seen
        seen.add(Space.key(params))

    assert len(seen) == 12
