"""``automl import``, as a person types it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from automl_core.cli import main
from tests.sources import ROOT

JOURNAL = ROOT / "tests" / "assets" / "optuna" / "journal-5.0.0.log"

EXPERIMENT = """
name: boxes
output: {storage: ./runs}
goal: {metric: accuracy, direction: maximize}
space:
  lr: {type: loguniform, low: 0.001, high: 1}
  act: {type: choice, values: [relu, tanh]}
tasks:
  - command: ["true"]
"""

TABLE = """Run,State,params.lr,act,val_acc
a,finished,0.01,relu,0.8
b,finished,0.02,gelu,0.9
c,crashed,0.02,relu,
d,finished,0.1,tanh,0.9
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    (tmp_path / "boxes.yaml").write_text(EXPERIMENT)
    (tmp_path / "trials.csv").write_text(TABLE)
    return tmp_path


def test_a_table_becomes_a_run_that_transfer_can_name(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["import", "csv", "trials.csv", "--experiment", "boxes.yaml", "--metric", "val_acc"]
    assert main(command) == 0
    said = capsys.readouterr().out
    run = re.search(r'use it +search: \{transfer: \{experiments: \["boxes@(.+)"\]\}\}', said)
    assert run, said
    assert said.startswith("2 of 4 trials of trials.csv: imported\n")
    assert "left out   1 act lies outside the experiment's values (line 3)\n" in said
    assert "left out   1 its state is crashed (line 4)\n" in said
    assert (folder / "runs" / "boxes" / run[1] / "journal").is_dir()
    assert main(["status", "boxes.yaml", "--run-id", run[1]]) == 0
    status = capsys.readouterr().out
    assert "FINISHED (imported: 2 trials of csv trials.csv in trials.csv)" in status
    assert "best accuracy 0.9 (trial 1: lr=0.1 act=tanh)" in status
    assert main(["results", f"runs/boxes/{run[1]}", "--csv"]) == 0
    assert "0.9" in capsys.readouterr().out
    assert main([*command, "--json"]) == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["new"], body["taken"], body["transfer"]) == (False, 2, f"boxes@{run[1]}")
    assert body["left_out"][0] == {
        "reason": "act lies outside the experiment's values", "count": 1, "places": ["line 3"]
    }  # fmt: skip


def test_a_study_without_an_experiment_brings_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["import", "optuna", str(JOURNAL), "--study", "branches", "--into", "old", "--name", "once", "--json"])
        == 0
    )
    body = json.loads(capsys.readouterr().out)
    assert (body["trials"], body["taken"], body["experiment"]) == (18, 13, "once")
    assert {each["reason"]: each["count"] for each in body["left_out"]} == {
        "failed": 3, "no finite value": 1, "had not ended": 1
    }  # fmt: skip
    assert main(["results", body["folder"], "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["name"], len(result["rows"])) == ("once", 13)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["optuna", str(JOURNAL), "--study", "two"], "say where it is to lie: --experiment FILE takes that of"),
        (
            ["optuna", str(JOURNAL), "--study", "two", "-e", "boxes.yaml"],
            "'two' has 2 objectives, and the goal of boxes",
        ),
        (
            ["optuna", str(JOURNAL), "--study", "branches", "-e", "boxes.yaml"],
            "is to minimize, and boxes is to maximize",
        ),
        (
            ["optuna", str(JOURNAL), "-e", "boxes.yaml", "--metric", "m", "--study", "two"],
            "--metric: the experiment's goal",
        ),
        (["optuna", "none.db", "-e", "boxes.yaml"], "none.db: No such file"),
        (["csv", "trials.csv", "-e", "boxes.yaml"], "has no column for the metric 'accuracy'"),
        (["csv", "trials.csv", "-e", "boxes.yaml", "--map", "lr"], "--map lr: wanted is NAME=COLUMN"),
        (["csv", "trials.csv", "-e", "nothing"], "--experiment nothing: there is no such file or experiment here"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    arguments: list[str], message: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", *arguments]) == 1
    assert message in capsys.readouterr().err
    assert not (folder / "runs").exists()


def test_an_imported_run_tells_nothing_of_how_long_a_trial_takes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["import", "csv", "trials.csv", "--experiment", "boxes.yaml", "--metric", "val_acc"]) == 0
    assert main(["preview", "boxes.yaml"]) == 0
    said = capsys.readouterr().out
    assert "time, cost   unknown" in said
    assert "at the pace of" not in said
