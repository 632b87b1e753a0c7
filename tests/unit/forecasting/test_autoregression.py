"""Autoregression: cycles that no season has, kept as a state that runs on."""

from __future__ import annotations

import numpy as np
import pytest

from automl_core.forecasting.learners.autoregression import Autoregression
from automl_core.forecasting.learners.shape import Shape
from automl_core.modelfile.scoring.series.models import local_of
from tests.unit.forecasting.panels import panel


def _fit(values: list[np.ndarray], seasons: tuple[int, ...] = (), ends: list[int] | None = None):
    series = panel(values)
    known = np.array([len(each) for each in values] if ends is None else ends)
    return series, Autoregression().fit(series, known, params={}, horizon=6, seasons=seasons)


def _cycles(count: int = 120, noise: float = 0.05, seed: int = 0) -> np.ndarray:
    """About eleven steps long, as sunspots are."""
    random = np.random.default_rng(seed)
    found = [1.0, 0.9]
    for _ in range(count - 2):
        found.append(1.66 * found[-1] - 0.98 * found[-2] + noise * random.normal())
    return 50 + 10 * np.array(found)


def test_a_cycle_goes_on() -> None:
    values = _cycles(noise=0.0)
    series, fitted = _fit([values[:-6]])
    assert fitted.forecast(series, np.array([114]), 6)[0] == pytest.approx(values[-6:], abs=0.5)


def test_a_trend_goes_on_by_differences() -> None:
    values = 3.0 * np.arange(40.0) + np.random.default_rng(1).normal(size=40) * 0.2
    series, fitted = _fit([values])
    assert fitted.forecast(series, np.array([40]), 6)[0] == pytest.approx(3.0 * np.arange(40, 46), abs=2)


def test_a_short_season_is_taken_over_itself() -> None:
    values = np.resize([1.0, 5.0, 9.0, 2.0], 60) + 0.1 * np.random.default_rng(2).normal(size=60)
    series, fitted = _fit([values], (4,))
    assert fitted.forecast(series, np.array([60]), 6)[0] == pytest.approx([1, 5, 9, 2, 1, 5], abs=1)
    assert "season" in fitted.forms["a"]


def test_states_run_on_to_what_is_known_later() -> None:
    """As if the same weights had been there from the start: the state is the last values themselves."""
    values = _cycles()
    series, early = _fit([values], ends=[90])
    model = local_of(early.export()["models"][0])
    weights, constant = model.columns["transition"][0, 0, :-1], model.columns["transition"][0, 0, -1]
    expected = list(values[:100])
    for _ in range(4):
        expected.append(float(np.dot(weights, expected[::-1][: len(weights)]) + constant))
    assert early.forecast(series, np.array([100]), 4)[0] == pytest.approx(expected[-4:])


def test_a_gap_moves_the_state_on() -> None:
    values = _cycles(noise=0.0)
    holed = values.copy()
    holed[100:103] = np.nan
    series, fitted = _fit([holed], ends=[95])
    assert fitted.forecast(series, np.array([112]), 4)[0] == pytest.approx(values[112:116], abs=1.5)


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e12])
def test_the_unit_makes_no_difference(size: float) -> None:
    values = _cycles()
    series, fitted = _fit([values])
    scaled, other = _fit([values * size])
    one, two = fitted.forecast(series, np.array([120]), 6), other.forecast(scaled, np.array([120]), 6)
    assert two / size == pytest.approx(one, rel=1e-3)


def test_series_that_are_too_short_or_never_move_are_named() -> None:
    _, fitted = _fit([np.arange(6.0), np.full(30, 4.0), _cycles()])
    assert {"a", "b"} <= set(fitted.notes)
    assert "c" not in fitted.notes


def test_long_seasons_and_short_series_are_left_to_others() -> None:
    shape = Shape(series=1, shortest=90, median=90, longest=90, horizon=6)
    assert Autoregression().suits(shape)
    assert not Autoregression().suits(Shape(series=1, shortest=20, median=20, longest=20, horizon=6))
    assert not Autoregression().suits(Shape(series=1, shortest=90, median=90, longest=90, horizon=6, seasons=(12,)))
