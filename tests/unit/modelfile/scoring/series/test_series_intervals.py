"""Conformal intervals at any level."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.modelfile.scoring.series.intervals import MEMORY, SHOCK, Conformal, scale_of
from tests.support.examples import examples


def document(scores: Any, **changes: Any) -> dict[str, Any]:
    return {
        "type": "conformal", "kind": "absolute", "scores": np.asarray(scores, dtype=np.float64),
        "group": np.zeros(2, dtype=np.int64), "new": 0, "scale": np.asarray([1.0, 10.0]), "season": 2,
        "follows": False, "least": 0.01,
    } | changes  # fmt: skip


@settings(max_examples=examples(30), deadline=None)
@given(n=st.integers(1, 60), level=st.floats(0.05, 0.99))
def test_the_rank_is_that_of_split_conformal_prediction(n: int, level: float) -> None:
    scores = np.arange(1.0, n + 1)
    lower, upper = Conformal(document([[scores]])).bounds(np.asarray([0, 1]), np.zeros((2, 1)), [level])
    rank = math.ceil(level * (n + 1) - 1e-9)
    reach = upper[0, 0, 0]
    if rank <= n:
        assert reach == rank
    else:
        assert reach >= n  # the outermost is widened, never endless
        assert math.isfinite(reach)
    assert lower[0, 0, 0] == -reach
    assert upper[0, 1, 0] == pytest.approx(10 * reach)


def test_a_higher_level_is_never_narrower() -> None:
    intervals = Conformal(document([[[1.0, 2.0, 4.0, 5.0]]]))
    _, upper = intervals.bounds(np.asarray([0]), np.zeros((1, 1)), [0.5, 0.79, 0.8, 0.81, 0.9, 0.95, 0.999])
    assert np.all(np.diff(upper[:, 0, 0]) >= 0)
    assert upper[2, 0, 0] == 5.0  # ceil(0.8 * 5) is the fourth
    widened = NormalDist().inv_cdf(0.975) / NormalDist().inv_cdf(0.9)
    assert upper[5, 0, 0] == pytest.approx(5.0 * widened)


def test_signed_scores_go_further_to_one_side() -> None:
    intervals = Conformal(document([[np.arange(-10.0, 90.0)[:99]]], kind="signed"))
    lower, upper = intervals.bounds(np.asarray([0]), np.full((1, 1), 100.0), [0.9])
    assert lower[0, 0, 0] == 100.0 - 10.0 + 4.0  # the fifth of 99
    assert upper[0, 0, 0] == 100.0 - 10.0 + 94.0  # the ninety-fifth


def test_steps_beyond_the_trained_widen_by_the_square_root() -> None:
    intervals = Conformal(document([[[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]]]))
    _, upper = intervals.bounds(np.asarray([0]), np.zeros((1, 8)), [0.5])
    np.testing.assert_allclose(upper[0, 0], [2.0, 4.0, *(4.0 * math.sqrt(step / 2) for step in range(3, 9))])


def test_groups_have_their_own_scores_and_fewer_of_them_are_told_apart_by_nan() -> None:
    scores = [[[1.0, 2.0, 3.0]], [[7.0, np.nan, np.nan]]]
    intervals = Conformal(document(scores, group=np.asarray([0, 1]), scale=np.ones(2)))
    _, upper = intervals.bounds(np.asarray([1, 0]), np.zeros((2, 1)), [0.5])
    assert upper[0, :, 0].tolist() == [7.0, 2.0]


def test_scales_of_new_series_follow_their_values() -> None:
    intervals = Conformal(document([[[1.0]]]))
    intervals.add(2)
    intervals.follow(np.asarray([2, 3]), np.asarray([[np.nan, 1.0, 5.0, 4.0, 8.0], [np.nan] * 4 + [9.0]]))
    assert intervals.scale.tolist() == [1.0, 10.0, 3.0, 5.5]  # a season apart; of one value: the middle of the others
    assert intervals.as_document()["group"].tolist() == [0, 0, 0, 0]
    assert np.isnan(scale_of(np.full((1, 3), 4.0), 2, 0.01)).all()  # constant: it has no differences
    assert scale_of(np.asarray([[1.0, 2.0]]), 2, 0.01).tolist() == [1.0]  # shorter than a season: neighbours


@settings(max_examples=examples(40), deadline=None)
@given(errors=st.lists(st.floats(-1e9, 1e9) | st.just(math.nan), max_size=30), scale=st.floats(0.01, 1e6))
def test_no_error_moves_a_scale_far(errors: list[float], scale: float) -> None:
    intervals = Conformal(document([[[1.0]]], scale=np.asarray([scale, 0.0]), one=0.5))
    for error in errors:
        before = intervals.scale.copy()
        intervals.learn(np.asarray([0, 1]), np.asarray([error, error]))
        if math.isnan(error):
            assert intervals.scale.tolist() == before.tolist()
        assert intervals.least <= intervals.scale[0] <= before[0] * (1 + (SHOCK - 1) / MEMORY) * (1 + 1e-12)
        assert intervals.scale[0] >= before[0] * (1 - 1 / MEMORY) * (1 - 1e-12)
        assert intervals.scale[1] == 0.0, "a series that never moved has no width"


def test_scales_become_what_errors_are() -> None:
    intervals = Conformal(document([[[1.0]]], scale=np.asarray([1.0, 1.0]), one=0.5))
    random = np.random.default_rng(0)
    for _ in range(2000):
        intervals.learn(np.asarray([0, 1]), random.normal(size=2) * [6.0, 0.2])
    mean_size = math.sqrt(2 / math.pi)
    np.testing.assert_allclose(intervals.scale * 0.5, [6.0 * mean_size, 0.2 * mean_size], rtol=0.4)
    intervals = Conformal(document([[[1.0]]], follows=True, one=0.5))
    intervals.learn(np.asarray([0]), np.asarray([1e3]))
    assert intervals.scale[0] == 1.0, "it follows values instead"


def test_what_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="no intervals of the type 'normal'"):
        Conformal(document([[[1.0]]], type="normal"))
    with pytest.raises(ValueError, match=r"have the shape \(1,\)"):
        Conformal(document([1.0]))


def test_a_series_that_never_changed_has_no_width_until_it_does() -> None:
    intervals = Conformal(document([[[1.0, 2.0, 3.0]]], scale=np.asarray([0.0, 10.0])))
    places, forecast = np.asarray([0, 1]), np.full((2, 1), 7.0)
    still = np.asarray([[7.0, 7.0, 7.0, 7.0], [1.0, 5.0, 9.0, 2.0]])
    lower, upper = intervals.bounds(places, forecast, [0.5], still)
    assert (lower[0, 0, 0], upper[0, 0, 0], upper[0, 1, 0]) == (7.0, 7.0, 27.0)
    moved = np.asarray([[7.0, 7.0, 9.0, 7.0], [1.0, 5.0, 9.0, 2.0]])
    lower, upper = intervals.bounds(places, forecast, [0.5], moved)
    assert (lower[0, 0, 0], upper[0, 0, 0], upper[0, 1, 0]) == (5.0, 9.0, 27.0)  # 2 and 0 two steps apart, twice that
    intervals.add(1)
    assert intervals.scale[2] == 10.0  # the middle of those that move
