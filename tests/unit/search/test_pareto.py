"""The order of trials with several objectives or constraints, and the hypervolume of a front."""

from __future__ import annotations

import math
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.search.base import PastTrial
from automl_core.search.hypervolume import gain, hypervolume, reference_of, shares
from automl_core.search.pareto import (
    Point,
    crowding,
    distances,
    dominates,
    front,
    knee,
    layers,
    places,
    with_places,
)
from automl_core.states import TrialState

Losses = tuple[float, ...]


def some_points(finest: int = 6, most: int = 14) -> st.SearchStrategy[list[Losses]]:
    """Points on a coarse grid, so that equals and ties are common, with one to four objectives."""
    return st.integers(1, 4).flatmap(
        lambda m: st.lists(st.tuples(*[st.integers(0, finest).map(float)] * m), min_size=1, max_size=most)
    )


@given(some_points())
def test_a_layer_is_one_deeper_than_what_dominates_it(losses: list[Losses]) -> None:
    found = layers(losses)
    for own, layer in zip(losses, found, strict=True):
        above = [other for point, other in zip(losses, found, strict=True) if dominates(point, own)]
        assert layer == (max(above) + 1 if above else 0)


@given(some_points())
def test_equal_points_have_the_same_place_and_others_none_of_theirs_for_it(losses: list[Losses]) -> None:
    found = dict(zip(losses, places([Point(each) for each in losses]), strict=True))

    assert [found[each] for each in losses] == places([Point(each) for each in losses])
    assert [found[each] for each in found] == places([Point(each) for each in found])


def test_an_equal_beside_it_does_not_make_a_point_of_the_front_crowded() -> None:
    points = [(0.0, 4.0), (1.0, 3.0), (1.0, 3.0), (2.0, 2.0), (4.0, 0.0)]

    found = places([Point(each) for each in points])

    assert found[1] == found[2]
    assert found == [0, 2, 2, 1, 0]


@given(some_points(finest=4), st.data())
def test_the_hypervolume_is_what_counting_cells_gives(losses: list[Losses], data: st.DataObject) -> None:
    objectives = len(losses[0])
    reference = tuple(float(data.draw(st.integers(1, 5))) for _ in range(objectives))
    cells = product(*(range(int(limit)) for limit in reference))
    dominated = sum(any(all(a <= b for a, b in zip(p, cell, strict=True)) for p in losses) for cell in cells)
    assert hypervolume(losses, reference) == dominated


@given(some_points(), st.data())
def test_a_gain_is_the_difference_of_two_hypervolumes(losses: list[Losses], data: st.DataObject) -> None:
    point = tuple(float(data.draw(st.integers(0, 6))) for _ in losses[0])
    reference = (5.0,) * len(point)
    whole = hypervolume([*losses, point], reference)
    assert gain(point, losses, reference) == pytest.approx(whole - hypervolume(losses, reference))


@given(some_points())
def test_the_places_keep_to_domination_and_equals_share_one(losses: list[Losses]) -> None:
    found = places([Point(each) for each in losses])
    assert set(found) == set(range(max(found) + 1))
    for (a, own), (b, other) in product(zip(losses, found, strict=True), repeat=2):
        assert not dominates(a, b) or own < other


def test_feasible_ones_come_first_and_infeasible_ones_by_how_much_they_break() -> None:
    points = [
        Point((0.0,), (5.0, -1.0)),  # half of the worst of the first constraint
        Point((9.0,), (-1.0, 0.0)),
        Point((1.0,), (10.0, 0.002)),  # the worst of both
        Point((2.0,), (math.nan, -1.0)),  # never measured: as bad as the worst
        Point((3.0,), (-2.0, 0.001)),  # half of the worst of the second
        Point((8.0,), ()),
    ]
    assert places(points[:5]) == [1, 0, 3, 2, 1]
    assert front(points[:5]) == [1]
    assert not Point((0.0,), (math.nan,)).feasible


def test_within_a_layer_the_loneliest_comes_first() -> None:
    losses = [(0.0, 4.0), (1.0, 3.0), (1.5, 2.8), (4.0, 0.0)]
    assert crowding(losses) == [math.inf, pytest.approx(1.5 / 4 + 1.2 / 4), pytest.approx(3 / 4 + 3 / 4), math.inf]
    assert places([Point(each) for each in losses]) == [0, 2, 1, 0]


def test_all_equal_ones_share_one_place() -> None:
    assert places([Point((1.0, 2.0))] * 5) == [0] * 5
    assert crowding([(3.0, 3.0)] * 3) == [0.0, 0.0, 0.0]


@pytest.mark.parametrize("most", [1e308, 1e-300, 1.0])
def test_values_of_any_magnitude(most: float) -> None:
    losses = [(-most, most), (0.0, 0.0), (most, -most), (most, most)]
    assert layers(losses) == [0, 0, 0, 1]
    assert crowding(losses[:3]) == [math.inf, pytest.approx(2.0), math.inf]
    assert knee(losses[:3]) == 1
    assert not any(math.isnan(place) for place in shares(losses, 4))


def test_the_knee_is_nearest_to_the_ideal_in_shares_of_the_range() -> None:
    losses = [(0.0, 1000.0), (0.2, 300.0), (1.0, 0.0)]
    assert distances(losses) == [1.0, pytest.approx(math.hypot(0.2, 0.3)), 1.0]
    assert knee(losses) == 1
    assert knee([(2.0, 1.0), (2.0, 1.0)]) == 0
    with pytest.raises(ValueError, match="no point"):
        knee([])


def test_a_reference_that_nobody_gave_lies_beyond_the_worst() -> None:
    assert reference_of([(0.0, 5.0), (10.0, 5.0)]) == (11.0, 5.0)
    assert reference_of([(0.0, 5.0), (10.0, 6.0)], [None, 5.5]) == (11.0, 5.5)


def test_shares_are_of_the_box_between_ideal_and_reference() -> None:
    losses = [(2.0, 8.0), (8.0, 2.0), (9.0, 9.0), (2.0, 2.0)]
    assert shares(losses, 3, [10.0, 10.0]) == pytest.approx([12 / 64, 0.0, 36 / 64])
    assert shares(losses, 9, [10.0, 10.0])[0] == pytest.approx(16 / 64)
    assert shares([(0.0, 0.0), (0.0, 0.0)], 1) == [0.0]
    assert shares([], 3) == []


def test_losses_become_places_by_budget_too() -> None:
    def trial(number: int, objectives: Losses, constraints: tuple[float, ...] = (), **rest: Any) -> PastTrial:
        return PastTrial(
            number, {"x": number}, TrialState.SUCCEEDED, loss=objectives[0] if objectives else None,
            objectives=objectives, constraints=constraints, curve=((1, 0.5),), **rest,
        )  # fmt: skip

    history = [trial(0, (1.0,), (0.5,)), trial(1, (7.0,), (-1.0,)), trial(2, ()), trial(3, (math.nan,), (-1.0,))]
    reached = [{1: Point((1.0,), (-1.0,)), 3: Point((1.0,), (0.5,))}, {1: Point((7.0,), (-1.0,))}, {}, {}]
    found = with_places(history, reached)
    assert [t.loss for t in found[:3]] == [1.0, 0.0, None]
    assert math.isnan(found[3].loss)  # type: ignore[arg-type]
    assert [t.losses_at for t in found] == [{1: 0.0, 3: 0.0}, {1: 1.0}, {}, {}]
    assert all(not t.curve for t in found)
