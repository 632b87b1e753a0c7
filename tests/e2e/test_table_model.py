"""A table's model on the page of its run: in a real browser, over Airflow's API server."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from automl_core.running.simulation import SimulatedTraining
from automl_core.study.stages import made_by
from automl_core.tabular.report import render
from tests.e2e.browser import Browser
from tests.e2e.test_model_details import in_view
from tests.e2e.test_pages import address, page, place, window  # noqa: F401
from tests.support.table_reports import BINARY, report
from tests.unit.web.conftest import World, api_server

MARKUP = "<img src=x onerror=alert(1)>"
RUN = "manual__2026-11-29T04:00:00+00:00"

SPEC = """\
name: tumours
template: {{name: table-classification, version: 1, digest: "sha256:{digest}"}}
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
        text = SPEC.format(storage=made.storage, digest="0" * 64)
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
        yield made


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
