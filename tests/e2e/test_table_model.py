"""A table's model, and one of series, on the page of its run: in a real browser, over Airflow's API server."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from automl_core.forecasting.report import render as render_series
from automl_core.running.simulation import SimulatedTraining
from automl_core.study.stages import made_by
from automl_core.tabular.report import render
from tests.e2e.browser import Browser
from tests.e2e.test_model_details import in_view
from tests.e2e.test_pages import address, page, place, window  # noqa: F401
from tests.support.series_reports import SALES, plot
from tests.support.series_reports import report as sales_report
from tests.support.table_reports import BINARY, report
from tests.unit.web.conftest import World, api_server

MARKUP = "<img src=x onerror=alert(1)>"
RUN = "manual__2026-11-29T04:00:00+00:00"

SPEC = """\
name: {name}
template: {{name: {template}, version: 1, digest: "sha256:{digest}"}}
output: {{storage: "file://{storage}"}}
goal: {{metric: loss, direction: minimize}}
space: {{C: {{type: loguniform, low: 0.1, high: 10}}}}
trials: {{max: 4, concurrency: 2}}
tasks: [{{name: train, command: ["true"]}}]
"""

DETAILS = {
    "format": 1, "kind": "regression", "file": "predictions.parquet", "rows": 3, "counted": 3, "left_out": {},
    "weighted": False, "overall": {"r2": 0.5}, "residuals": {"edges": [0, 1], "rows": [3], "below": 0, "above": 0},
    "grid": {"edges": [0, 1], "truth": [0], "prediction": [0], "rows": [3]}, "groups": [],
    "quantiles": {"share": [0.5], "residual": [0.1], "absolute": [0.1]},
}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A run whose conclude has left a report, with markup in the name of a column and of a finding's."""
    with api_server(tmp_path_factory.mktemp("table-model")) as made:
        text = SPEC.format(name="tumours", template="table-classification", storage=made.storage, digest="0" * 64)
        made.know(text)
        study = made.simulate(text, RUN, training=lambda *_: SimulatedTraining({1: {"loss": 0.5}}))
        folder = made_by(study.journal.prefix, "conclude")
        finding = {**BINARY["guardrails"][0], "columns": [MARKUP]}
        told = report(
            guardrails=[*BINARY["guardrails"], finding],
            importance=[{"column": MARKUP, "value": 0.5, "std": 0.1}, *BINARY["importance"]],
        )
        store = study.journal.store
        store.put(folder + "report.json", json.dumps(told).encode())
        store.put(folder + "report.html", render(told).encode())
        store.put(f"{study.journal.prefix}conclude/experiment_0/details.json", json.dumps(DETAILS).encode())
        made.begin("tumours", RUN, "success")
        series(made)
        yield made


def series(made: World) -> None:
    """Another run, of series, one of which has markup for a name."""
    text = SPEC.format(name="sales", template="series-forecasting", storage=made.storage, digest="0" * 64)
    made.know(text)
    study = made.simulate(text, RUN, training=lambda *_: SimulatedTraining({1: {"loss": 0.5}}))
    plots = [*SALES["plots"], plot(MARKUP, "", 50.0)]
    told = sales_report(
        plotted=[each["series"] for each in plots],
        series=[*SALES["series"], {**SALES["series"][0], "series": MARKUP}],
    )
    folder, store = made_by(study.journal.prefix, "conclude"), study.journal.store
    store.put(folder + "report.json", json.dumps(told).encode())
    store.put(folder + "report.html", render_series(told).encode())
    store.put(folder + "plots.json", json.dumps({"format": 1, "plots": plots}).encode())
    made.begin("sales", RUN, "success")


@pytest.fixture
def model(page: Browser) -> Browser:  # noqa: F811
    """The tab with the model."""
    page.open(place("#model", "tumours", RUN))
    page.until(lambda: "What was found in the data" in page.js("return document.body.innerText"), 30, "the model")
    return page


def test_the_model_is_told_with_its_guardrails_and_pipelines(model: Browser) -> None:
    said = model.js("return document.querySelector('main').innerText")
    for words in ("0.05 to 0.14", "took no part in the search", "Certain: identifier", "Doubtful: imbalance",
                  "Done: left out", "lightgbm (trial 3)", "75 %", "groups by household", MARKUP):  # fmt: skip
        assert words in said, words
    assert model.js("return document.querySelectorAll('main img').length") == 0, "a column's name is text"


def test_folds_columns_and_what_is_right_and_wrong_are_drawn(model: Browser) -> None:
    for title in ("Learning by folds", "Importance of columns", "Prediction against truth"):
        in_view(model, title)
    assert "matters most" in model.text("[data-panel='Importance of columns']")


def test_the_report_is_a_page_of_its_own_in_which_nothing_runs(model: Browser) -> None:
    href = model.js("return [...document.querySelectorAll('a')].find((a) => a.textContent === 'Report').href")
    model.driver.get(href)
    assert model.js("return document.querySelectorAll('section').length") > 8
    assert model.js("return getComputedStyle(document.querySelector('.tile')).display") != "inline", (
        "its style is there"
    )
    assert model.js("return window.origin") == "null", "it has no part in Airflow's origin"
    model.driver.get(f"{model.url}/automl/")  # a window of Airflow's again


def test_nothing_is_seriously_hard_to_reach(model: Browser) -> None:
    assert model.grave_accessibility_problems() == []


@pytest.fixture
def forecasts(page: Browser) -> Browser:  # noqa: F811
    """The tab with the model of series."""
    page.open(place("#model", "sales", RUN))
    page.until(lambda: "What was found in the data" in page.js("return document.body.innerText"), 30, "the model")
    return page


PLOT = "Forecasts against what came"


def described(page: Browser, words: str) -> None:  # noqa: F811
    page.until(lambda: words in page.text(f"[data-panel='{PLOT}']"), 30, words)


def test_forecasts_are_drawn_with_what_came_and_another_series_is_picked(forecasts: Browser) -> None:
    in_view(forecasts, PLOT)
    described(forecasts, "north, 21 steps up to 2026-11-21")
    described(forecasts, "7 of 7 values lie within the 95 % interval")
    forecasts.js(
        f"const list = document.querySelector('[data-panel=\"{PLOT}\"] select');"
        "list.value = 'south'; list.dispatchEvent(new Event('change'))"
    )
    described(forecasts, "south, 21 steps")
    name = "[...document.querySelectorAll('button.link')].find((each) => each.textContent.includes('<img'))"
    forecasts.js(f"{name}.click()")
    described(forecasts, "onerror")
    assert forecasts.js("return document.querySelectorAll('main img').length") == 0, "a series' name is text"


def test_each_series_has_its_figures_and_intervals_are_told(forecasts: Browser) -> None:
    said = forecasts.js("return document.querySelector('main').innerText")
    for words in (
        "0.61 to 0.78", "took no part in the search", "Certain: gaps", "ets: too short, seasonal naive", "96 %",
        "ets (trial 2)", "75 %", "theta needs statsforecast",
    ):  # fmt: skip
        assert words in said, words
    for title in ("Errors by step ahead", "By moment of the forecast"):
        in_view(forecasts, title)


def test_forecasts_are_not_seriously_hard_to_reach(forecasts: Browser) -> None:
    in_view(forecasts, PLOT)
    assert forecasts.grave_accessibility_problems() == []
