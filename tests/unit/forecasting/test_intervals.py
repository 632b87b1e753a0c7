"""Intervals by residuals of origins: what they hold, how they grow, and whose width a series has."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.forecasting.intervals import Intervals, measure, scale_of
from automl_core.modelfile.scoring.series.intervals import Conformal


def _simulated(series: int, origins: int, horizon: int = 4, seed: int = 0) -> tuple[Intervals, np.ndarray, np.ndarray]:
    """Intervals of series of several widths whose errors grow with the step, and errors that come after."""
    generator = np.random.default_rng(seed)
    widths = np.exp(generator.normal(size=series))
    grown = np.sqrt(np.arange(1, horizon + 1))

    def errors(count: int) -> np.ndarray:
        return generator.normal(size=(count, series, horizon)) * widths[:, None] * grown

    ends = np.tile(100 + horizon * np.arange(origins)[:, None], (1, series))
    then = np.tile(widths, (origins, 1))
    return measure(errors(origins), then, widths, ends), errors(200), widths


@pytest.mark.parametrize(("series", "origins"), [(40, 3), (3, 40), (200, 1)])
def test_intervals_hold_what_they_promise(series: int, origins: int) -> None:
    found, come, _ = _simulated(series, origins)
    lower, upper = found.bounds(np.zeros((series, 4)), (0.8, 0.9, 0.95))
    inside = [((come >= lower[:, each]) & (come <= upper[:, each])).mean() for each in range(3)]
    assert inside == pytest.approx([0.8, 0.9, 0.95], abs=0.04)


def test_steps_further_ahead_are_never_narrower() -> None:
    residuals = np.tile([1.0, 4.0, 2.0, 5.0], (3, 2, 1))
    ends = np.tile(10 + 4 * np.arange(3)[:, None], (1, 2))
    found = measure(residuals, np.ones((3, 2)), np.ones(2), ends)
    assert found.growth == pytest.approx([1.0, 3.0, 3.0, 5.0])  # neighbours that fall are brought to their mean


def test_few_origins_make_wider_intervals_than_their_own_quantiles() -> None:
    pool = np.random.default_rng(1).normal(size=(60, 1, 2))
    ends = 50 + 2 * np.arange(60)[:, None]
    ones = np.ones((60, 1))
    many = measure(pool, ones, np.ones(1), ends)
    few = measure(pool[:2], ones[:2], np.ones(1), ends[:2])
    assert few.reach(0.95) > 1.3 * float(np.interp(0.95, few.shares, few.sizes))
    assert many.reach(0.95) < 1.1 * float(np.interp(0.95, many.shares, many.sizes))


def test_a_series_with_many_origins_has_its_own_width_one_with_few_the_panels() -> None:
    generator = np.random.default_rng(2)
    sizes = np.array([1.0, 1.0, 1.0, 5.0])
    residuals = generator.normal(size=(30, 4, 1)) * sizes[:, None]
    ends = np.tile(50 + np.arange(30)[:, None], (1, 4))
    scales = np.ones((30, 4))
    many = measure(residuals, scales, np.ones(4), ends)
    assert many.scale[3] / many.scale[0] > 3
    few = measure(residuals[:1], scales[:1], np.ones(4), ends[:1])
    assert few.scale[3] / few.scale[0] < 2


def test_a_series_without_an_origin_has_the_panels_width() -> None:
    residuals = np.full((2, 2, 3), 1.0)
    residuals[:, 1] = np.nan
    ends = np.array([[10, -1], [13, -1]])
    found = measure(residuals, np.ones((2, 2)), np.array([1.0, 4.0]), ends)
    assert np.isfinite(found.bounds(np.zeros((2, 3)), (0.9,))[0]).all()
    assert found.scale[1] == pytest.approx(4.0)


def test_where_nothing_was_measured_intervals_are_wide_and_finite() -> None:
    found = measure(np.full((1, 2, 3), np.nan), np.ones((1, 2)), np.ones(2), np.full((1, 2), -1))
    lower, upper = found.bounds(np.zeros((2, 3)), (0.8, 0.95))
    assert np.isfinite(upper).all()
    assert (upper > lower).all()
    assert (upper[:, 1] > upper[:, 0]).all()


def test_an_origin_that_is_left_out_takes_those_that_overlap_along() -> None:
    residuals = np.ones((4, 1, 2))
    residuals[:2] = 100.0
    ends = np.array([[10], [11], [12], [13]])
    apart = measure(residuals, np.ones((4, 1)), np.ones(1), ends, without=0)
    assert apart.bounds(np.zeros((1, 2)), (0.95,))[1].max() < 50
    assert measure(residuals, np.ones((4, 1)), np.ones(1), ends).bounds(np.zeros((1, 2)), (0.95,))[1].max() > 50


def test_the_file_says_the_same_at_levels_that_it_holds() -> None:
    found, _, _ = _simulated(6, 3)
    forecast = np.arange(24.0).reshape(6, 4)
    levels = (0.5, 0.8, 0.9, 0.95, 0.99)
    lower, upper = found.bounds(forecast, levels)
    low, high = Conformal(found.document(1, np.zeros(6, dtype=bool))).bounds(np.arange(6), forecast, levels)
    assert low.transpose(1, 0, 2) == pytest.approx(lower)
    assert high.transpose(1, 0, 2) == pytest.approx(upper)


@given(
    values=st.lists(st.floats(-1e9, 1e9), min_size=6, max_size=24),
    level=st.floats(0.02, 0.98),
)
def test_a_higher_level_is_never_narrower(values: list[float], level: float) -> None:
    residuals = np.array(values)[: len(values) // 2 * 2].reshape(-1, 1, 2)
    origins = len(residuals)
    ends = 10 + 2 * np.arange(origins)[:, None]
    found = measure(residuals, np.ones((origins, 1)), np.ones(1), ends)
    assert 0 <= found.reach(level) <= found.reach(min(level + 0.01, 0.995)) + 1e-300  # of the smallest numbers


def test_scales_are_of_seasons_and_pass_over_gaps() -> None:
    assert scale_of(np.array([1.0, 5.0, 2.0, 7.0]), 2) == pytest.approx(1.5)
    assert scale_of(np.array([1.0, np.nan, 2.0, 7.0]), 2) == pytest.approx(1.0)
    assert scale_of(np.array([1.0, 3.0]), 12) == pytest.approx(2.0)
    assert scale_of(np.array([4.0, 4.0, 4.0]), 1) == 0.0
    assert scale_of(np.array([1.0]), 1) == 0.0
