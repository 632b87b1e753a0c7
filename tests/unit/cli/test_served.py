"""automl run, status, results and stop of an experiment in a bucket whose keys are Airflow's alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from automl_core.cli.served import summary_of
from automl_core.results.entries import controller
from automl_core.study import Study
from automl_core.views.overview import overview
from automl_core.views.view import ExperimentView
from tests.unit.cli.conftest import DIGITS, Automl, Lived
from tests.unit.cli.fake_airflow import FakeAirflow

RUN = "/experiments/digits/runs/one"
FOLDER = "s3://models/runs/digits/one"


@pytest.fixture
def bucket(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The experiment in a bucket; there are no keys to it here, and no store may be opened."""
    lived = home / "experiments" / "digits.yaml"
    lived.write_text(DIGITS)
    monkeypatch.setattr("automl_core.storage.open_store", _opened)
    monkeypatch.setattr("automl_core.results.reading.open_store", _opened)
    return lived


def _opened(url: str, *_: Any, **__: Any) -> Any:
    raise AssertionError(f"{url} was opened, without its keys")


def lives(home: Path, airflow: FakeAirflow, *values: float | None, published: bool = True) -> Study:
    """Let a run live on the side, and have Airflow tell of it."""
    run = Lived(home)
    for value in values:
        run.lab.trial(value)
    if published:
        run.lab.stop()
    study = Study.load(run.lab.journal)
    body = json.loads(json.dumps(overview(ExperimentView(study)))) | {"folder": FOLDER}
    airflow.answers["GET", RUN] = body
    airflow.answers["GET", "/experiments/digits/runs"] = {"runs": [{"run": "one"}]}
    if published:
        airflow.answers["GET", f"{RUN}/results/controller.json"] = controller(run.lab.spec, study.state)
    return study


def in_bucket(path: Path) -> None:
    path.write_text(
        DIGITS.replace("output: {storage: ./runs}", "output: {storage: s3://models/runs, connection: bucket}")
    )


def test_the_result_of_a_good_run_is_shown(automl: Automl, airflow: FakeAirflow, home: Path, bucket: Path) -> None:
    def live(method: str, path: str) -> None:
        run = airflow.runs.get(("digits", "one"))
        if method == "GET" and run is not None and run["state"] == "queued" and path.endswith("/one"):
            run["state"] = "success"

    lives(home, airflow, 0.7, 0.9, None, 0.8)
    in_bucket(bucket)
    airflow.before = live
    said = automl("run", "digits", "--run-id", "one")
    assert said.code == 0, said.err
    assert "credentials" not in said.err
    assert "FINISHED: all trials have run. Best: trial 1, accuracy 0.9 (maximized)." in said.out
    assert "best accuracy 0.9 (trial 1: lr=0.002 solver=adam)" in said.out, "the progress knows the best too"
    assert said.last_line == f"result: {FOLDER}"


def test_a_run_whose_result_airflow_does_not_tell_ends_all_the_same(
    automl: Automl, airflow: FakeAirflow, home: Path, bucket: Path
) -> None:
    def live(method: str, path: str) -> None:
        run = airflow.runs.get(("digits", "one"))
        if method == "GET" and run is not None and run["state"] == "queued" and path.endswith("/one"):
            run["state"] = "success"

    in_bucket(bucket)
    airflow.before = live
    airflow.add_task("digits", "one", "trial", 0, state="success")
    said = automl("run", "digits", "--run-id", "one")
    assert said.code == 0, said.err
    assert "the run ended: success" in said.out
    assert "the result can't be read" in said.err


def test_how_it_stands_is_asked_of_airflow(automl: Automl, airflow: FakeAirflow, home: Path, bucket: Path) -> None:
    lives(home, airflow, 0.7, 0.9, published=False)
    in_bucket(bucket)
    for arguments in (("status", "digits"), ("status", "digits", "--run-id", "one")):
        said = automl(*arguments)
        assert said.code == 0, said.err
        assert "2 of 4 trials done" in said.out
        assert "best accuracy 0.9 (trial 1" in said.out
        assert said.last_line == f"folder: {FOLDER}"
    assert json.loads(automl("status", "digits", "--json").out)["best"]["value"] == 0.9


def test_its_leaderboard_is_asked_of_airflow(automl: Automl, airflow: FakeAirflow, home: Path, bucket: Path) -> None:
    lives(home, airflow, 0.7, 0.9, None, 0.8)
    in_bucket(bucket)
    assert "Best: trial 1, accuracy 0.9" in automl("results", "digits").out
    rows = json.loads(automl("results", "digits", "--json", "-n", "2").out)["rows"]
    assert [row["trial"] for row in rows] == [1, 3]


def test_it_is_stopped_by_airflow(automl: Automl, airflow: FakeAirflow, home: Path, bucket: Path) -> None:
    lives(home, airflow, 0.7, published=False)
    in_bucket(bucket)
    airflow.answers["POST", f"{RUN}/stop"] = {"text": "it ends: stopped by admin"}
    said = automl("stop", "digits", "--run-id", "one")
    assert said.code == 0, said.err
    assert ("POST", f"/automl/api/v1{RUN}/stop") in airflow.requests


def test_an_overview_says_what_the_journal_says(home: Path, airflow: FakeAirflow) -> None:
    for values, published in (((), False), ((0.7, None), False), ((0.7, 0.9, None, 0.8), True)):
        study = lives(home, FakeAirflow(), *values, published=published)
        view = ExperimentView(study)
        found, expected = summary_of(json.loads(json.dumps(overview(view)))), view.summary()
        assert replace(found, elapsed=0.0) == replace(expected, elapsed=0.0)
        home = home / "next"
        (home / "experiments").mkdir(parents=True)
        (home / "experiments" / "digits.yaml").write_text(DIGITS)
