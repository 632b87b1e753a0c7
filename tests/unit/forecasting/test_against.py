"""Forecasts of a model's folder against what a table says came."""

from __future__ import annotations

import numpy as np
import pytest

from automl_core.forecasting.against import compared, kept
from automl_core.forecasting.report import against as drawn
from automl_core.modelfile.scoring.series.forecaster import Forecaster
from automl_core.modelfile.scoring.series.rows import read
from automl_core.modelfile.scoring.series.update import check
from tests.support.series_models import document, rows


def test_values_lie_beside_the_forecasts_of_their_time() -> None:
    model = Forecaster(document(keep=20))
    forecast = model.forecast(3)
    told = rows("Ulm", 35, [1.0]) + rows("Ulm", 60, [None, 20.0]) + rows("Bonn", 63, [5.0])
    found = compared(model, forecast, read(model, told), kept(model, model.names))
    expected = np.full((3, 3), np.nan)
    expected[2, 1] = 20.0  # the gap before it, and what came after the horizon, are nothing
    np.testing.assert_array_equal(found.actual, expected)
    assert found.first == (40, 40, 35)  # the table knows more of Ulm than the model keeps
    assert found.history[2][0] == 1.0
    assert len(found.history[2]) == 25
    error = abs(forecast.values[2, 1] - 20.0)
    assert found.metrics()["mae"] == pytest.approx(error)
    assert found.metrics(2)["mae"] == pytest.approx(error)
    steps = np.abs(found.history[2][7:] - found.history[2][:-7])
    assert found.metrics(2)["mase"] == pytest.approx(error / np.nanmean(steps))
    assert found.coverage(2) == {level: float(forecast.lower[n, 2, 1] <= 20.0 <= forecast.upper[n, 2, 1])
                                 for n, level in enumerate(forecast.levels)}  # fmt: skip
    assert found.metrics(0) == {}
    assert found.coverage(0) == {}
    said = found.as_json()
    assert (said["values"], said["series"], [each["series"] for each in said["each"]]) == (1, 1, ["Ulm"])


def test_a_page_shows_the_worst_first_and_says_how_many_it_leaves_out() -> None:
    names = [f"shop {n}" for n in range(70)]
    model = Forecaster(document(names=names, lengths=[30] * 70))
    forecast = model.forecast(2)
    told = rows("shop 64", 60, [500.0, None])
    page = drawn.page(model, [compared(model, forecast, read(model, told), kept(model, names))], "T < U", ["a note"])
    assert page.index("<h2>shop 64</h2>") < page.index("<h2>shop 0</h2>")
    assert "Shown are 60 series of 70." in page
    assert "<title>T &lt; U</title>" in page
    assert "<p>a note</p>" in page
    assert page.count('class="forecast"') == 60
    with pytest.raises(
        ValueError, match=r"an SVG shows 12 series at most, and these are 70: name some, or take \.html"
    ):
        drawn.svg(model, [compared(model, forecast, None, kept(model, names))], "T")


def test_an_older_forecast_ends_where_a_newer_one_begins() -> None:
    model = Forecaster(document())
    told = read(model, rows("Ulm", 60, [12.0, 13.0, 14.0]))
    before = compared(model, model.forecast(5, places=np.asarray([2])), told, kept(model, ["Ulm"]))
    model.run_on(check(model, told).news)
    after = compared(model, model.forecast(5, places=np.asarray([2])), None, kept(model, ["Ulm"]))
    plot, shown = drawn._data(model, [before, after], "Ulm")
    assert [(each["first"], len(each["forecast"]), len(each["intervals"][0]["low"])) for each in shown] == [
        (len(plot["values"]) - 3, 3, 3), (len(plot["values"]), 5, 5),
    ]  # fmt: skip
    assert plot["values"][-3:] == [12.0, 13.0, 14.0]
    assert (plot["times"][shown[0]["first"]], plot["times"][-1]) == ("2024-03-01", "2024-03-08")
