"""A run of ours in TAO's layout. The package's own readers are tried in tests/heavy/test_tao_folders.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from automl_core.cli import main
from automl_core.spec.models import Experiment
from automl_core.states import TrialState
from automl_core.storage.folder import FolderStore
from automl_core.tao.export import CannotExport, export
from automl_core.tao.reading import read_folder
from tests.unit.results.lab import Lab, experiment

SPACE = {
    "train.optim.lr": {"type": "loguniform", "low": 1e-5, "high": 0.1},
    "model.layers": {"type": "int", "low": 1, "high": 6},
}


def lab(folder: Path, **groups: Any) -> Lab:
    return Lab(experiment(space=SPACE, **groups), store=FolderStore(folder))


def run_in(folder: Path) -> Path:
    """Three trials: one of them failed, the last one is the best."""
    run = lab(folder)
    for number, value in enumerate((0.8, None, 0.9)):
        run.trial(value, params={"train.optim.lr": 0.001 * (number + 1), "model.layers": number + 1})
    run.stop()
    return folder / run.prefix


def read(file: Path) -> Any:
    return json.loads(file.read_text())


def test_the_package_s_files(tmp_path: Path) -> None:
    done = export(run_in(tmp_path / "runs"), tmp_path / "out")
    assert (done.session, done.metric, done.direction, done.recommendations, done.best) == (
        "digits", "accuracy", "maximize", 3, 2,
    )  # fmt: skip
    root = tmp_path / "out" / ".automl"
    found = read(root / "controller" / "digits.json")
    assert [each["status"] for each in found] == ["success", "failure", "success"]
    assert [each["result"] for each in found] == [0.8, 0.0, 0.9]
    assert found[0]["specs"] == {"train.optim.lr": 0.001, "model.layers": 1}
    assert found[2]["objective_values"] == {"accuracy": 0.9}
    assert found[1]["failure_reason"] == "exit code 1"
    assert read(root / "best_rec" / "digits.json") == {"rec_number": 2, "rec_data": found[2]}
    assert read(root / "specs" / "digits.json") == {"train": {"optim": {"lr": 0.003}}, "model": {"layers": 3}}
    assert read(root / "brain" / "digits.json")["max_recommendations"] == 4


def test_the_keys_are_those_of_the_package(tmp_path: Path) -> None:
    export(run_in(tmp_path / "runs"), tmp_path / "out")
    theirs = Path(__file__).parents[2] / "assets" / "tao" / "bayesian" / ".automl" / "controller" / "bayesian.json"
    ours = tmp_path / "out" / ".automl" / "controller" / "digits.json"
    assert [list(each) for each in read(ours)] == [list(read(theirs)[0])] * 3


def test_the_document_s_files(tmp_path: Path) -> None:
    done = export(run_in(tmp_path / "runs"), tmp_path / "out")
    out = tmp_path / "out"
    assert read(out / "controller.json") == read(out / ".automl" / "controller" / "digits.json")
    assert read(out / "automl_metadata.json")["best_accuracy"] == 0.9
    assert "state" in read(out / "brain.json")
    assert yaml.safe_load((out / "recommendation_2.yaml").read_text())["params"]["model.layers"] == 3
    assert {f"experiment_{n}/{name}" for n in range(3) for name in ("log.txt", "status.json")} <= set(done.files)
    assert (out / "experiment_1" / "log.txt").read_text() == "log of slot 1\n"
    assert "best_model/recommendation.yaml" in done.files
    assert not any("checkpoints" in name or "journal" in name for name in done.files)


def test_what_we_write_we_read(tmp_path: Path) -> None:
    export(run_in(tmp_path / "runs"), tmp_path / "out")
    study = read_folder(tmp_path / "out", goal=experiment().goal)
    assert [(trial.state, trial.values) for trial in study.trials[::2]] == [("complete", (0.8,)), ("complete", (0.9,))]
    assert study.trials[1].state == "failed"
    hidden = tmp_path / "out" / ".automl"
    hidden.rename(tmp_path / "away")
    assert read_folder(tmp_path / "out").trials[2].params == {"train.optim.lr": 0.003, "model.layers": 3}


def test_a_trial_at_a_lower_budget_is_none_of_the_best(tmp_path: Path) -> None:
    run = lab(tmp_path / "runs", trials={"max": 4, "budget": {"min": 1, "max": 9}})
    run.trial(0.99, params={"train.optim.lr": 0.001, "model.layers": 1}, budget=1)
    run.trial(0.7, params={"train.optim.lr": 0.002, "model.layers": 2}, budget=9)
    early = run.bind(params={"train.optim.lr": 0.003, "model.layers": 2}, budget=9)
    run.end(early, 0.5, state=TrialState.EARLY_STOPPED)
    run.stop()
    done = export(tmp_path / "runs" / run.prefix, tmp_path / "out")
    found = read(tmp_path / "out" / "controller.json")
    assert [each["specs"]["train.num_epochs"] for each in found] == [1, 9, 9]
    assert (found[2]["status"], found[2]["early_stop_epoch"]) == ("success", 9)
    assert done.best == 1


def test_several_objectives_are_weighed_as_the_package_does_it(tmp_path: Path) -> None:
    goals = [{"metric": "accuracy", "direction": "maximize"}, {"metric": "latency", "direction": "minimize"}]
    body = experiment(space=SPACE).model_dump(mode="json") | {"goal": {"objectives": goals}}
    run = Lab(Experiment.model_validate(body), store=FolderStore(tmp_path / "runs"))
    slot = run.bind(params={"train.optim.lr": 0.001, "model.layers": 1})
    run.end(slot, 0.8, metrics={"accuracy": 0.8, "latency": 0.25})
    export(tmp_path / "runs" / run.prefix, tmp_path / "out")
    (found,) = read(tmp_path / "out" / "controller.json")
    assert found["objective_values"] == {"accuracy": 0.8, "latency": 0.25}
    assert found["result"] == found["objective_score"] == pytest.approx(0.55)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    run = run_in(tmp_path / "runs")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(CannotExport, match="is not empty"):
        export(run, tmp_path / "out")
    with pytest.raises(CannotExport, match="no experiment in"):
        export(tmp_path / "out", tmp_path / "new")


def test_as_a_person_types_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    run = run_in(tmp_path / "runs")
    assert main(["export", "tao", str(run), str(tmp_path / "out")]) == 0
    assert '"session_id": "digits", "metric": "accuracy", "direction": "maximize"' in capsys.readouterr().out
    assert main(["export", "tao", str(run), str(tmp_path / "out")]) != 0
    assert "is not empty" in capsys.readouterr().err
