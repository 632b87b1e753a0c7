"""Importance by functional ANOVA: exact on trees, right where the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.views.forest import Array, Tree, grow
from automl_core.views.importance import Model, Observations, fit, importance
from tests.support.examples import examples


def observed(units: Array, values: Array) -> Observations:
    return Observations(1, units, values, tuple(f"p{k}" for k in range(units.shape[1])))


def cube(count: int, dimensions: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).random((count, dimensions))


def test_a_tree_is_a_partition_of_the_cube() -> None:
    points = cube(300, 4)
    for tree in grow(points, points[:, 0] * points[:, 1], trees=5, seed=1):
        assert tree.volume.sum() == pytest.approx(1.0)
        inside = (points[:, None] >= tree.low) & (points[:, None] < tree.high)
        assert (inside.all(axis=2).sum(axis=1) == 1).all()


@settings(max_examples=examples(30))
@given(seed=st.integers(0, 10_000), dimensions=st.integers(1, 4))
def test_effects_agree_with_a_sum_over_the_cube(seed: int, dimensions: int) -> None:
    """Against brute force: means over a fine grid of all dimensions."""
    rng = np.random.default_rng(seed)
    points = rng.random((30, dimensions)).round(1)  # splits fall between the lines of the grid below
    tree = grow(points, rng.normal(size=30), trees=1, seed=seed)[0]
    side = 20
    axes = [(np.arange(side) + 0.5) / side] * dimensions
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, dimensions)
    inside = ((grid[:, None] >= tree.low) & (grid[:, None] < tree.high)).all(axis=2)
    values = (inside @ tree.value).reshape((side,) * dimensions)
    assert tree.mean == pytest.approx(values.mean())
    assert tree.variance == pytest.approx(values.var(), abs=1e-9)
    for one in range(dimensions):
        others = tuple(k for k in range(dimensions) if k != one)
        assert tree.effect(one) == pytest.approx(values.mean(axis=others).var(), abs=1e-9)
        for two in range(one + 1, dimensions):
            rest = tuple(k for k in range(dimensions) if k not in (one, two))
            both = values.mean(axis=rest).var()
            assert tree.effect_pair(one, two) == pytest.approx(
                max(0.0, both - tree.effect(one) - tree.effect(two)), abs=1e-9
            )


def test_shares_are_those_of_a_function_whose_shares_are_known() -> None:
    units = cube(800, 3)
    values = 3 * units[:, 0] + units[:, 1]  # variances 9/12 and 1/12
    body = importance(observed(units, values), fit(observed(units, values)))
    shares = {each["name"]: each["importance"] for each in body["parameters"]}
    assert shares["p0"] == pytest.approx(0.9, abs=0.05)
    assert shares["p1"] == pytest.approx(0.1, abs=0.05)
    assert shares["p2"] < 0.01
    assert [each["name"] for each in body["parameters"]] == ["p0", "p1", "p2"]


def test_what_only_matters_together_is_found_in_the_pair() -> None:
    units = cube(800, 3)
    values = np.where((units[:, 0] > 0.5) == (units[:, 1] > 0.5), 1.0, -1.0)
    body = importance(observed(units, values), fit(observed(units, values)))
    assert body["pairs"][0]["names"] in (["p0", "p1"], ["p1", "p0"])
    assert body["pairs"][0]["importance"] > 0.7
    assert all(each["importance"] < 0.15 for each in body["parameters"])


def test_few_trials_are_less_certain_than_many() -> None:
    def spread(count: int) -> float:
        units = cube(count, 4)
        values = units[:, 0] + 0.5 * np.random.default_rng(1).normal(size=count)
        found = importance(observed(units, values), fit(observed(units, values)))
        return float(next(each["std"] for each in found["parameters"] if each["name"] == "p0"))

    assert spread(20) > 2 * spread(500)


@pytest.mark.parametrize(
    ("values", "note"), [([], "0 trials"), ([1.0, 2.0, 3.0], "3 trials"), ([1.0] * 9, "the same value")]
)
def test_nothing_is_claimed_of_nothing(values: list[float], note: str) -> None:
    seen = observed(cube(len(values), 2), np.array(values))
    body = importance(seen, fit(seen))
    assert body["parameters"] == body["pairs"] == []
    assert note in body["note"]


def test_the_same_trials_give_the_same_shares() -> None:
    units = cube(100, 3)
    seen = observed(units, units[:, 0])
    assert importance(seen, fit(seen)) == importance(seen, fit(seen))


def test_a_tree_of_one_leaf_explains_nothing() -> None:
    leaf = Tree(np.zeros((1, 2)), np.ones((1, 2)), np.array([3.0]))
    seen = observed(cube(9, 2), np.arange(9.0))
    assert importance(seen, Model(seen, (leaf,)))["parameters"] == []
    assert leaf.mean == 3.0
    assert leaf.effect(0) == 0.0
