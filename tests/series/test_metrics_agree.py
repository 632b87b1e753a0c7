"""Our metrics against utilsforecast's: the same values, but for what docs/series-data.md names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from utilsforecast import losses

from automl_core.forecasting import metrics

SERIES, HORIZON = 6, 8
RNG = np.random.default_rng(0)
HISTORY = [RNG.poisson(5, RNG.integers(15, 40)) + 1.0 for _ in range(SERIES)]
ACTUAL = RNG.poisson(3, (SERIES, HORIZON)).astype(float)
FORECAST = ACTUAL + RNG.normal(size=(SERIES, HORIZON))

CAME = pd.DataFrame(
    {
        "unique_id": np.repeat(np.arange(SERIES), HORIZON),
        "ds": np.tile(np.arange(HORIZON) + 100, SERIES),
        "y": ACTUAL.ravel(),
        "model": FORECAST.ravel(),
    }
)
BEFORE = pd.concat(
    [pd.DataFrame({"unique_id": at, "ds": np.arange(len(one)), "y": one}) for at, one in enumerate(HISTORY)]
)


@pytest.mark.parametrize(
    ("name", "season", "more", "times"),
    [
        ("mae", 1, {}, 1),
        ("mse", 1, {}, 1),
        ("rmse", 1, {}, 1),
        ("mape", 1, {}, 1),
        ("wape", 1, {}, 1),
        ("smape", 1, {}, 2),  # ours is M4's, theirs half of it
        ("mase", 1, {"train_df": BEFORE, "seasonality": 1}, 1),
        ("mase", 4, {"train_df": BEFORE, "seasonality": 4}, 1),
        ("rmsse", 4, {"train_df": BEFORE, "seasonality": 1}, 1),  # M5's: one step, whatever the season
    ],
)
def test_values_are_the_same(name: str, season: int, more: dict[str, Any], times: float) -> None:
    theirs = getattr(losses, name)(CAME, ["model"], **more)["model"].to_numpy()
    ours = metrics.find(name).per_series(ACTUAL, FORECAST, HISTORY, season)
    assert ours == pytest.approx(times * theirs)


def test_quantiles_and_coverage_are_the_same() -> None:
    theirs = losses.quantile_loss(CAME, {"model": "model"}, q=0.9)["model"].to_numpy()
    assert metrics.find("pinball(0.9)").per_series(ACTUAL, FORECAST) == pytest.approx(theirs)
    bounds = CAME.assign(**{"model-lo-80": CAME["model"] - 1, "model-hi-80": CAME["model"] + 1})
    covered = losses.coverage(bounds, ["model"], 80)["model"].mean()
    assert metrics.coverage(ACTUAL, FORECAST - 1, FORECAST + 1) == pytest.approx(covered)


def test_where_they_differ() -> None:
    """A history shorter than a season: NaN there, neighbours here. One that never changes: infinity there."""
    short = losses.mase(CAME, ["model"], seasonality=30, train_df=BEFORE)["model"].to_numpy()
    ours = metrics.find("mase").per_series(ACTUAL, FORECAST, HISTORY, 30)
    brief = np.array([len(one) <= 30 for one in HISTORY])
    assert brief.any()
    assert np.isnan(short[brief]).all()
    assert ours[brief] == pytest.approx(metrics.find("mase").per_series(ACTUAL, FORECAST, HISTORY, 1)[brief])
    assert ours[~brief] == pytest.approx(short[~brief])
    flat = BEFORE.assign(y=1.0)
    assert np.isinf(losses.mase(CAME, ["model"], seasonality=1, train_df=flat)["model"].to_numpy()).all()
    assert np.isnan(metrics.find("mase").per_series(ACTUAL, FORECAST, [np.ones(9)] * SERIES)).all()
