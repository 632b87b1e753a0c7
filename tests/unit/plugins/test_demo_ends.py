"""What ``make demo FILE=…`` says at its end: where the model of a table is, and how to use it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from automl_airflow import demo


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table's experiment whose runs lie below a folder of the test's."""
    monkeypatch.setattr(demo, "PRODUCT_ROOT", tmp_path)
    path = tmp_path / "experiments" / "churn.yaml"
    path.parent.mkdir()
    body = {
        "name": "churn", "template": "table-classification@1", "data": {"train": "rows.csv"},
        "columns": {"target": "y"}, "output": {"storage": "file://./runs"},
    }  # fmt: skip
    path.write_text(yaml.safe_dump(body))
    return path


def test_the_newest_model_its_report_and_the_command(file: Path, tmp_path: Path) -> None:
    for place, (run, age) in enumerate({"new": 2, "old": 1}.items()):
        report = tmp_path / "runs" / "churn" / run / "best_model" / "model" / "report.html"
        report.parent.mkdir(parents=True)
        report.write_text(str(place))
        os.utime(report, (age, age))
    model = "runs/churn/new/best_model/model"
    assert demo.what_is_left(file) == [
        f"The model: {model}", f"Its report, for a browser: {model}/report.html",
        f"Use it: .venv/bin/automl predict {model} rows.csv",
    ]  # fmt: skip


def test_of_series_there_is_the_forecast_too(file: Path, tmp_path: Path) -> None:
    model = tmp_path / "runs" / "churn" / "new" / "best_model" / "model"
    model.mkdir(parents=True)
    for name in ("report.html", "forecast.csv"):
        (model / name).write_text("")
    assert "What comes next: runs/churn/new/best_model/model/forecast.csv" in demo.what_is_left(file)


def test_without_a_report_there_is_nothing_to_say(file: Path) -> None:
    assert demo.what_is_left(file) == []


def test_of_a_bucket_nothing_is_said(file: Path) -> None:
    file.write_text(file.read_text().replace("file://./runs", "s3://bucket/runs"))
    assert demo.what_is_left(file) == []


@pytest.mark.parametrize("option", ["--file", "--experiment"])
def test_a_file_has_two_names(option: str) -> None:
    assert demo._parse([option, "x.yaml"]).file == "x.yaml"
