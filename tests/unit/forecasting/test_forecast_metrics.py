"""Metrics of forecasts: by hand, with zeros, gaps and constants; right values of others were computed apart."""

from __future__ import annotations

import math

import numpy as np
import pytest

from automl_core.forecasting import metrics
from automl_core.forecasting.metrics import Histories, MetricError

ACTUAL = np.array([[10.0, 20.0, 30.0], [0.0, 2.0, np.nan]])
FORECAST = np.array([[12.0, 18.0, 33.0], [1.0, 2.0, np.nan]])
HISTORY = [np.array([1.0, 3.0, 2.0, 5.0, np.nan, 4.0]), np.array([0.0, 0.0, 2.0, 1.0])]


@pytest.mark.parametrize(
    ("name", "season", "values"),
    [
        ("mae", 1, [7 / 3, 0.5]),
        ("mse", 1, [17 / 3, 0.5]),
        ("rmse", 1, [math.sqrt(17 / 3), math.sqrt(0.5)]),
        ("mape", 1, [(0.2 + 0.1 + 0.1) / 3, 0.0]),  # where 0 came, there is none
        ("smape", 1, [2 * (2 / 22 + 2 / 38 + 3 / 63) / 3, 1.0]),
        ("wape", 1, [7 / 60, 0.5]),
        ("mase", 1, [7 / 3 / 2, 0.5 / 1]),  # changes 2, 1, 3; the gap has none
        ("mase", 2, [7 / 3 / (4 / 3), 0.5 / 1.5]),  # over the gap: 1, 2, 1
        ("mase", 9, [7 / 3 / 2, 0.5 / 1]),  # shorter than a season: neighbours
        ("rmsse", 7, [math.sqrt(17 / 3 / (14 / 3)), math.sqrt(0.5)]),  # from the first sale on: a change of 1
        ("nrmse", 1, [math.sqrt(17 / 3) / 29, math.sqrt(0.5) / 2]),
        ("nmae", 1, [7 / 3 / 29, 0.5 / 2]),
        ("pinball(0.9)", 1, [(0.2 + 1.8 + 0.3) / 3, 0.05]),
        ("quantile_loss(.5)", 1, [7 / 6, 0.25]),
        ("r2_score", 1, [1 - 17 / 200, 0.5]),
        ("spearman_correlation", 1, [1.0, 1.0]),
    ],
)
def test_values_by_hand(name: str, season: int, values: list[float]) -> None:
    metric = metrics.find(name)
    found = metric.per_series(ACTUAL, FORECAST, HISTORY, season)
    assert found.tolist() == pytest.approx(values)
    if not metric.pooled:
        assert metric.score(ACTUAL, FORECAST, HISTORY, season) == pytest.approx(np.mean(values))


def test_azures_r2_and_rank_are_of_all_series_together() -> None:
    actual, forecast = ACTUAL[~np.isnan(ACTUAL)], FORECAST[~np.isnan(ACTUAL)]
    expected = 1 - ((actual - forecast) ** 2).sum() / ((actual - actual.mean()) ** 2).sum()
    assert metrics.find("r2").score(ACTUAL, FORECAST) == pytest.approx(expected)
    assert metrics.find("spearman").score(ACTUAL, FORECAST) == pytest.approx(1.0)
    came, said = np.array([[1.0, 2, 2], [3, 5, 4]]), np.array([[2.0, 1, 3], [3, 3, 6]])  # ties: scipy 1.16's value
    assert metrics.find("spearman").score(came, said) == pytest.approx(0.6776452139970671)


def test_a_series_without_a_scale_counts_in_no_mean() -> None:
    """A constant history has no MASE; its neighbours' is what is left."""
    history = [np.full(5, 3.0), np.array([1.0, 2.0, 4.0])]
    actual, forecast = np.array([[3.0], [5.0]]), np.array([[4.0], [4.0]])
    for name, value in (("mase", 1 / 1.5), ("rmsse", 1 / math.sqrt(2.5))):
        metric = metrics.find(name)
        assert metric.per_series(actual, forecast, history).tolist() == pytest.approx([math.nan, value], nan_ok=True)
        assert metric.score(actual, forecast, history) == pytest.approx(value)
    assert math.isnan(metrics.find("mase").score(actual[:1], forecast[:1], history[:1]))
    assert math.isnan(metrics.find("wape").score(np.zeros((1, 2)), np.ones((1, 2))))


def test_a_forecast_that_is_missing_is_no_good_forecast() -> None:
    actual, forecast = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, np.nan], [3.0, 5.0]])
    metric = metrics.find("mae")
    assert metric.per_series(actual, forecast).tolist() == pytest.approx([math.nan, 0.5], nan_ok=True)
    assert math.isnan(metric.score(actual, forecast))
    actual[0, 1] = np.nan  # nothing came: nothing is missing
    assert metric.score(actual, forecast) == pytest.approx(0.25)


def test_shapes_that_do_not_fit_are_refused() -> None:
    metric = metrics.find("mase")
    for actual, forecast, history in (
        (np.zeros(3), np.zeros(3), ()), (np.zeros((1, 3)), np.zeros((1, 2)), ()),
        (np.zeros((2, 3)), np.zeros((2, 3)), [np.zeros(3)]),
    ):  # fmt: skip
        with pytest.raises(MetricError, match="mase"):
            metric.score(actual, forecast, history)
    with pytest.raises(MetricError, match="season"):
        metric.score(ACTUAL, FORECAST, HISTORY, 0)


def test_histories_are_made_once_for_many_forecasts() -> None:
    histories, metric = Histories.of(HISTORY), metrics.find("mase")
    assert metric.score(ACTUAL, FORECAST, histories, 2) == metric.score(ACTUAL, FORECAST, HISTORY, 2)


def test_names_and_directions() -> None:
    for name in metrics.names():
        metric = metrics.find(name.replace("QUANTILE", "0.25"))
        assert metric.source
        assert metric.as_loss(1.0) == (1.0 if metric.direction == "minimize" else -1.0)
    assert metrics.find().name == metrics.DEFAULT
    assert metrics.find("pinball(0.25)").level == 0.25
    assert metrics.find("r2_score").reached(0.9, 0.8)
    with pytest.raises(MetricError, match="did you mean 'smape'"):
        metrics.find("smap")
    with pytest.raises(MetricError, match=r"pinball\(QUANTILE\)"):
        metrics.find("pinball(1.5)")


def test_coverage_and_the_score_of_intervals() -> None:
    actual = np.array([1.0, 2.0, 3.0, np.nan])
    lower, upper = np.array([0.0, 2.0, 3.5, 0.0]), np.array([2.0, 4.0, 5.0, 9.0])
    assert metrics.coverage(actual, lower, upper) == pytest.approx(2 / 3)
    assert metrics.interval_score(actual, lower, upper, 0.8) == pytest.approx((2 + 2 + 1.5 + 10 * 0.5) / 3)
    assert math.isnan(metrics.coverage(actual[3:], lower[3:], upper[3:]))
