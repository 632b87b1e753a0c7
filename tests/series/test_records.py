"""Models of statsforecast as the model's file has them: equal to the library now, and after more values."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))  # other packages of this environment are called tests, too

pytest.importorskip("statsforecast")

from records import ASSET, ETS, FITTED, HORIZON, OF_ASSET, cases, demand, values

from automl_core.modelfile.scoring.series.models import local_of, stacked

ROW = np.zeros(1, dtype=np.int64)
FORMS = (*ETS, *(f"A{trend}M" for trend in "NM"), "AMN", "AMA", "MNA", "MNN", "MAN", "MMA")


def model_of(record: dict[str, Any]) -> Any:
    return local_of(stacked([record])[0])


def run_on(model: Any, more: Any) -> None:
    for value in more:
        model.step(ROW, np.asarray([value]))


def test_every_form_says_what_the_library_says_now_and_after_more_values() -> None:
    compared = run = 0
    for name, y, record, now, then in cases(FORMS):
        model = model_of(record)
        np.testing.assert_allclose(model.forecast(ROW, HORIZON)[0], now, rtol=1e-9, err_msg=name)
        compared += 1
        if then is not None:
            run_on(model, y[FITTED:])
            np.testing.assert_allclose(model.forecast(ROW, HORIZON)[0], then, rtol=1e-9, err_msg=name)
            run += 1
    assert (compared, run) == (len(FORMS) + sum(form[1] != "N" for form in FORMS) + 12 + 4 + 2, compared - 12)


def test_theta_runs_on_as_the_library_does_with_the_season_that_it_had() -> None:
    from statsforecast import theta

    from automl_core.modelfile.exporting import statsforecast as exporting

    y = values(7)
    fitted = theta.auto_theta(y[:FITTED], 12, model="DOTM")
    model = model_of(exporting.theta(fitted, y[:FITTED]))
    shape = np.asarray(fitted["seas_forecast"]["mean"])
    assert fitted["decomposition_type"] == "multiplicative"
    adjusted = y / shape[(np.arange(len(y)) - FITTED) % 12]
    par = fitted["par"]
    then = theta.auto_theta(adjusted, 1, model="DOTM", initial_smoothed=par["initial_smoothed"], alpha=par["alpha"],
                            theta=par["theta"])  # fmt: skip
    run_on(model, y[FITTED:])
    expected = theta.forecast_theta(then, HORIZON)["mean"] * shape[(np.arange(HORIZON) + len(y) - FITTED) % 12]
    np.testing.assert_allclose(model.forecast(ROW, HORIZON)[0], expected, rtol=1e-9)


@pytest.mark.parametrize("season", ["N", "S", "P", "F"])
def test_ces_runs_on_by_the_librarys_own_recursion(season: str) -> None:
    from statsforecast import ces

    from automl_core.modelfile.exporting import statsforecast as exporting

    y = values(11)
    fitted = ces.auto_ces(y[:FITTED], 12, model=season)
    record = exporting.ces(fitted)
    model = model_of(record)
    more = y[FITTED:]
    m, parts = record["states"].shape
    states = np.zeros((len(more) + 2 * m, parts))
    states[:m] = record["states"]
    errors, amse = np.zeros(len(more)), np.zeros(3)
    par = [float(np.nan_to_num(fitted["par"][name])) for name in ("alpha_0", "alpha_1", "beta_0", "beta_1")]
    ces.cescalc(more, states, m, ces.switch_ces(season), *par, errors, amse, 3, 0)  # 0: forward alone
    found = np.empty(HORIZON)
    ces.cesforecast(states, len(more), m, ces.switch_ces(season), found, HORIZON, *par)
    run_on(model, more)
    np.testing.assert_allclose(model.forecast(ROW, HORIZON)[0], found, rtol=1e-9)


def test_plain_ones_and_demand_by_value_are_the_librarys() -> None:
    from statsforecast.models import (
        TSB,
        CrostonClassic,
        CrostonSBA,
        HistoricAverage,
        RandomWalkWithDrift,
        SeasonalNaive,
    )  # fmt: skip

    y, sold = values(5), demand(5)
    nothing = {"demand": np.nan}
    croston = {"type": "croston", "alpha_demand": 0.1, "alpha_interval": 0.1, "interval": np.nan, "since": 0.0}
    kinds = [
        (y, SeasonalNaive(12), {"type": "seasonal_naive", "last": y[:12]}, 12),
        (y, RandomWalkWithDrift(), {"type": "drift", "first": y[0], "last": y[0], "steps": 0.0}, 1),
        (y, HistoricAverage(), {"type": "mean", "total": 0.0, "steps": 0.0}, 0),
        (sold, CrostonClassic(), croston | nothing | {"factor": 1.0}, 0),
        (sold, CrostonSBA(), croston | nothing | {"factor": 0.95}, 0),
        (sold, TSB(0.2, 0.3), {"type": "tsb", "alpha_demand": 0.2, "alpha_probability": 0.3, "probability": np.nan}
         | nothing, 0),
    ]  # fmt: skip
    for came, library, record, begin in kinds:
        model = model_of(record)
        run_on(model, came[begin:])
        expected = library.forecast(came, HORIZON)["mean"]
        np.testing.assert_allclose(model.forecast(ROW, HORIZON)[0], expected, rtol=1e-9, err_msg=record["type"])


def test_a_decomposed_model_is_the_librarys_mstl() -> None:
    from statsforecast.models import MSTL, AutoETS

    from automl_core.modelfile.exporting import statsforecast as exporting

    step = np.arange(150)
    y = 50 + 0.1 * step + 5 * np.sin(step * 2 * np.pi / 7) + 3 * np.cos(step * 2 * np.pi / 30)
    y = y + np.random.default_rng(2).normal(size=150)
    fitted = MSTL([7, 30], trend_forecaster=AutoETS(model="ZZN")).fit(y)
    record = {
        "type": "decomposed", "seasonal_7": fitted.model_["seasonal7"].to_numpy()[-7:],
        "seasonal_30": fitted.model_["seasonal30"].to_numpy()[-30:],
        "inner": exporting.ets(fitted.trend_forecaster.model_),
    }  # fmt: skip
    np.testing.assert_allclose(model_of(record).forecast(ROW, 40)[0], fitted.predict(40)["mean"], rtol=1e-9)


def test_the_asset_that_other_environments_go_by_is_what_the_library_says() -> None:
    told = {case["name"]: case for case in json.loads(ASSET.read_text(encoding="utf-8"))["cases"]}
    for name, y, _, now, _ in cases(OF_ASSET):
        np.testing.assert_allclose(y, told[name]["values"], rtol=1e-12)
        np.testing.assert_allclose(now, told[name]["forecast"], rtol=1e-4, err_msg=name)  # fitted anew, elsewhere
