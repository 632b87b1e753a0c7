"""Weights of learners: near what they are worth on most data, moved by errors, drawn together where these are few."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.forecasting import ensemble

NAMES = ["ets", "theta", "arima"]


def _choice(found: list[list[float]], origins: float = 3.0, most: int = 9, names: list[str] | None = None):
    errors = np.array(found)
    return ensemble.choose(names or NAMES, errors, np.full(errors.shape[1], origins), most)


def test_errors_are_means_over_what_was_forecast_and_came() -> None:
    forecasts = np.array([[[[1.0, 2.0]], [[3.0, np.nan]]]])  # one learner, two origins, one series
    actual = np.array([[[2.0, 4.0]], [[np.nan, 9.0]]])
    scale = np.array([[2.0], [1.0]])
    assert ensemble.errors(forecasts, actual, scale)[0, 0] == pytest.approx((0.5 + 1.0) / 2)
    assert np.isnan(ensemble.errors(forecasts[:, 1:], actual[1:], scale[1:])[0, 0])


def test_origins_that_overlap_count_by_what_they_add() -> None:
    ends = np.array([[10, -1, -1], [12, -1, 20], [14, -1, 24]])
    assert ensemble.independent(ends, 4).tolist() == [2.0, 0.0, 2.0]
    assert ensemble.independent(ends, 1).tolist() == [5.0, 0.0, 5.0]


def test_equal_learners_weigh_the_same() -> None:
    assert _choice([[1.0] * 4] * 3).weights == pytest.approx(np.full((4, 3), 1 / 3))


def test_the_better_learner_of_a_series_weighs_more_there_the_longer_it_was_better() -> None:
    errors = [[0.5, 1.0], [1.0, 1.0], [1.0, 1.0]]
    few, many = _choice(errors, 1.0), _choice(errors, 20.0)
    place = few.chosen.index(0)
    assert few.weights[0, place] > few.weights[1, place] > 1 / 3
    assert many.weights[0, many.chosen.index(0)] > few.weights[0, place]
    assert many.weights.max() < 0.6  # moderately: errors of origins are noise in part


def test_who_is_clearly_worse_on_the_panel_is_left_out_and_it_is_said() -> None:
    generator = np.random.default_rng(0)
    noise = np.exp(generator.normal(size=(3, 30)) * 0.1)
    found = _choice((np.array([[1.0], [2.0], [1.0]]) * noise).tolist())
    assert 1 not in found.chosen
    assert "theta's errors are" in found.why[1]


def test_what_may_be_chance_leaves_nobody_out() -> None:
    assert len(_choice([[1.0], [2.0], [1.0]]).chosen) == 3  # one series
    assert len(_choice([[1.0, 9.0], [9.0, 2.0], [1.0, 9.0]]).chosen) == 3  # better here, worse there


def test_no_more_members_than_asked_for_the_best_ones() -> None:
    found = _choice([[1.2] * 3, [1.0] * 3, [1.1] * 3], most=1)
    assert found.chosen == (1,)
    assert found.weights.tolist() == [[1.0]] * 3


def test_series_without_an_origin_get_the_panels_weights() -> None:
    errors = np.array([[0.5, np.nan], [1.0, np.nan], [1.0, np.nan]])
    found = ensemble.choose(NAMES, errors, np.array([2.0, 0.0]), 9)
    assert np.isfinite(found.weights).all()
    assert found.weights[1, found.chosen.index(0)] > 1 / 3
    nobody = ensemble.choose(NAMES, np.full((3, 2), np.nan), np.zeros(2), 9)
    assert nobody.weights.sum(axis=1) == pytest.approx([1.0, 1.0])


@given(
    errors=st.lists(st.lists(st.floats(0, 1e6), min_size=3, max_size=3), min_size=1, max_size=5),
    origins=st.floats(0, 100),
    most=st.integers(1, 3),
)
def test_weights_are_shares_whatever_the_errors(errors: list[list[float]], origins: float, most: int) -> None:
    found = _choice(np.array(errors).T.tolist(), origins, most)
    assert found.weights.sum(axis=1) == pytest.approx(np.ones(len(errors)))
    assert (found.weights >= 0).all()
    assert 1 <= len(found.chosen) <= most


def test_a_member_without_a_forecast_leaves_its_share_to_the_others() -> None:
    forecasts = np.array([[[1.0, np.nan]], [[3.0, 5.0]]])  # two members, one series, two steps
    assert ensemble.combined(forecasts, np.array([[0.75, 0.25]])).tolist() == [[1.5, 5.0]]
    assert np.isnan(ensemble.combined(np.full((2, 1, 1), np.nan), np.array([[0.5, 0.5]]))).all()
    stacked = np.stack([forecasts, forecasts], axis=1)  # with origins
    assert ensemble.combined(stacked, np.array([[0.75, 0.25]])).shape == (2, 1, 2)


def _looks(generator: np.random.Generator, worse: float, count: int) -> np.ndarray:
    """Two learners, one series, some steps at each of the origins; the second errs so much more."""
    sizes = np.exp(generator.normal(size=(2, count, 1, 4)) * 0.2) * np.array([1.0, worse]).reshape(2, 1, 1, 1)
    return ensemble.by_origin(sizes, np.zeros((count, 1, 4)), np.ones((count, 1)))


def test_of_one_series_its_origins_say_who_is_clearly_worse() -> None:
    for worse, count, alone in ((3.0, 12, True), (1.1, 12, False), (3.0, 2, False)):
        looks = _looks(np.random.default_rng(1), worse, count)
        found = ensemble.choose(["ets", "theta"], looks.mean(axis=1, keepdims=True), np.array([float(count)]), 9, looks)
        assert (found.chosen == (0,)) is alone, (worse, count)


def test_origins_that_overlap_are_no_more_evidence_than_they_add() -> None:
    looks = _looks(np.random.default_rng(1), 3.0, 12)
    found = ensemble.choose(["ets", "theta"], looks.mean(axis=1, keepdims=True), np.array([2.0]), 9, looks)
    assert len(found.chosen) == 2
