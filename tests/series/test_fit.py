"""The library path with all learners, in the environment that has statsforecast."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from automl_core import forecasting
from automl_core.forecasting.prepared import prepare
from automl_core.forecasting.searching import Search
from tests.unit.forecasting.engine import options, sales

pytest.importorskip("statsforecast")

EVERY = {"allowed": None}


def test_each_learner_is_tried_once_and_the_model_follows_the_week(tmp_path: Path) -> None:
    model = forecasting.fit(sales(), options=options(**EVERY), folder=tmp_path)
    tried = {each["learner"]: each["state"] for each in model.leaderboard}
    assert {"seasonal_naive", "ets", "theta", "ces"} <= set(tried)
    assert "arima" not in tried
    assert set(tried.values()) == {"succeeded"}, model.leaderboard
    said = [row["forecast"] for row in model.forecast() if row["shop"] == "shop 0"]
    assert said == pytest.approx([10.0, 20, 30, 40, 50, 60, 70], abs=4)
    assert len(model.report["ensemble"]) > 1
    assert model.report["test"]["metrics"]["mase"]["value"] < 1.5


def test_the_same_call_is_the_same_model(tmp_path: Path) -> None:
    ready = prepare(sales(), options(**EVERY, blocked=("boosted",)))
    one, two = (Search(ready, tmp_path / name).run() for name in ("one", "two"))
    assert [each.value for each in one.results] == [each.value for each in two.results]
    for first, second in zip(one.results, two.results, strict=True):
        assert np.array_equal(first.forecasts, second.forecasts, equal_nan=True), first.learner


def test_arima_is_tried_where_it_is_asked_for(tmp_path: Path) -> None:
    ready = prepare(sales(count=42, shops=1), options(series=(), allowed=("seasonal_naive",), arima=True))
    found = Search(ready, tmp_path).run()
    assert {each.learner for each in found.results if each.usable} == {"seasonal_naive", "arima"}
