"""A table, and series, on a real Airflow: from a file of five lines to a published model that a fresh process uses."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.e2e.world import FOR_TABLES, World
from tests.sources import ROOT

pytestmark = pytest.mark.timeout(420)

ENVIRONMENT = FOR_TABLES

FIVE_LINES = """\
name: tumours
template: table-classification@1
data: {{train: "{data}"}}
columns: {{target: diagnosis}}
stop: {{deadline: 20m}}
"""

SMALLER = """\
output: {storage: "file://./runs"}
trials: {max: 4, concurrency: 2}
space: {learner: {values: [linear, naive_bayes, lightgbm]}}
set: {folds: 3, repeats: 1, validation: k-fold, test_share: 0.2}
"""
"""What makes it quick: where the result goes, four trials of three learners, three folds."""

USE = """\
import csv, sys
from automl_core import modelfile
model = modelfile.load(sys.argv[1])
rows = list(csv.DictReader(open(sys.argv[2], newline="")))
truth = [row.pop("diagnosis") for row in rows]
said = [str(each) for each in model.predict(rows)]
one = str(model.predict(rows[:1])[0])
assert one == said[0], "a row alone is what it is among others"
assert not {"sklearn", "lightgbm", "pandas"} & set(sys.modules), "numpy alone scores it"
print(sum(a == b for a, b in zip(truth, said)) / len(truth))
"""


def web(world: World, path: str) -> httpx.Response:
    """A look at the product's pages, as the administrator."""
    world.call("GET", "/version")  # signs in
    url = json.loads(world.airflow.credentials_file.read_text())["url"]
    return httpx.get(f"{url}/automl/api/v1{path}", headers={"Authorization": f"Bearer {world._token}"}, timeout=60)


def test_five_lines_become_a_model_a_report_and_predictions(world: World) -> None:
    data = ROOT / "examples" / "data" / "breast_cancer.csv"
    world.write("tumours", FIVE_LINES.format(data=data) + SMALLER)
    run, state = world.run("tumours", seconds=200)
    assert state == "success", world.log("tumours", run, "conclude", -1)
    told = world.controller("tumours", run)
    assert told["experiment"]["model_from"] == "conclude"
    ended = [trial for trial in told["trials"] if trial["state"] == "SUCCEEDED"]
    assert len(ended) == 4, [trial["reason"] for trial in told["trials"]]
    assert "libraries are loaded anew" not in world.log("tumours", run, "trial", 0), "it ran in a fork"

    model = world.folder("tumours", run) / "best_model" / "model"
    report = json.loads((model / "report.json").read_text())
    assert report["test"]["untouched"] is True
    assert report["test"]["metrics"]["accuracy"]["value"] > 0.9
    assert {entry["trial"] for entry in report["leaderboard"]} == {0, 1, 2, 3}
    assert "tumours: predicting diagnosis" in (model / "report.html").read_text(encoding="utf-8")
    assert _used(model, data) > 0.93

    page = web(world, f"/experiments/tumours/runs/{run}/table").json()
    assert (page["kind"], page["target"], page["pipelines"]) == ("binary", "diagnosis", 4)
    details = web(world, f"/experiments/tumours/runs/{run}/conclude/details").json()
    assert details["kind"] == "classification"
    assert details["counted"] == report["test"]["rows"]
    shown = web(world, f"/experiments/tumours/runs/{run}/table/report")
    assert shown.text == (model / "report.html").read_text(encoding="utf-8")
    assert shown.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


def _used(model: Path, data: Path) -> float:
    """Score the table with the model in a fresh process; returns the share that is right."""
    done = subprocess.run(
        [sys.executable, "-c", USE, model, data], capture_output=True, text=True, check=False, cwd=model.parent
    )
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


SALES = """\
name: sales
template: series-forecasting@1
data: {{train: "{data}"}}
columns: {{time: day, target: sales, series: [shop, article], known: [holiday, eve]}}
stop: {{deadline: 20m}}
output: {{storage: "file://./runs"}}
trials: {{max: 3, concurrency: 2}}
space: {{learner: {{values: [seasonal_naive, theta, ets]}}}}
set: {{horizon: 14, origins: 2}}
"""


def test_a_csv_of_sales_becomes_a_forecast_with_intervals(world: World) -> None:
    data = ROOT / "examples" / "data" / "sales.csv"
    world.write("sales", SALES.format(data=data))
    run, state = world.run("sales", seconds=300)
    assert state == "success", world.log("sales", run, "conclude", -1)
    told = world.controller("sales", run)
    ended = [trial for trial in told["trials"] if trial["state"] == "SUCCEEDED"]
    assert len(ended) == 3, [trial["reason"] for trial in told["trials"]]
    assert "libraries are loaded anew" not in world.log("sales", run, "trial", 0), "it ran in a fork"

    model = world.folder("sales", run) / "best_model" / "model"
    with (model / "forecast.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 6 * 14
    assert (rows[0]["day"], rows[13]["day"]) == ("2026-04-01", "2026-04-14")
    assert all(float(each["lower_95"]) <= float(each["forecast"]) <= float(each["upper_95"]) for each in rows)
    out = model.parent / "ahead.csv"
    command = Path(sys.executable).with_name("automl")
    done = subprocess.run([command, "predict", model, data, "--out", out], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with out.open(newline="") as stream:
        again = list(csv.DictReader(stream))
    assert [float(each["forecast"]) for each in again[:14]] == pytest.approx(
        [float(each["forecast"]) for each in rows[:14]]
    )

    page = web(world, f"/experiments/sales/runs/{run}/forecast").json()
    assert (page["kind"], page["target"], page["series_in_all"], page["horizon"]) == ("forecasting", "sales", 6, 14)
    assert page["test"]["untouched"] is True
    plot = web(world, f"/experiments/sales/runs/{run}/forecast/series?series=Station%20/%20ice").json()
    assert plot["series"] == "Station / ice"
    assert [each["kind"] for each in plot["forecasts"]] == ["origin", "origin", "test", "ahead"]
    shown = web(world, f"/experiments/sales/runs/{run}/table/report")
    assert "sales: forecasting sales" in shown.text
    details = web(world, f"/experiments/sales/runs/{run}/conclude/details").json()
    assert (details["kind"], details["counted"]) == ("regression", 84)
