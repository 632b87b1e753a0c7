"""Folders of TAO's AutoML as runs that have ended: those that NVIDIA's package left, and its document's layout."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from automl_core.cli import main
from automl_core.importing.trials import CannotImport
from automl_core.results.reading import read_result
from automl_core.spec.goal import Goal
from automl_core.storage.folder import FolderStore
from automl_core.study import Study
from automl_core.study.journal import StudyJournal
from automl_core.tao.reading import direction_of, read_folder
from tests.sources import ROOT

FOLDERS = ROOT / "tests" / "assets" / "tao"
"""Made by make_folders.py there, with nvidia-tao-automl 7.2.0."""


def entries(name: str) -> list[dict[str, Any]]:
    body: list[dict[str, Any]] = json.loads((FOLDERS / name / ".automl" / "controller" / f"{name}.json").read_text())
    return body


@pytest.mark.parametrize("below", ["", ".automl"])
def test_what_succeeded_is_taken_and_what_failed_is_no_0(below: str) -> None:
    study = read_folder(FOLDERS / "bayesian" / below)
    assert (study.name, study.directions, study.metrics) == ("bayesian", ("minimize",), ("val_loss",))
    assert [trial.state for trial in study.trials] == [
        {"success": "complete", "failure": "failed", "pending": "waiting"}[entry["status"]]
        for entry in entries("bayesian")
    ]  # fmt: skip
    first, entry = study.trials[0], entries("bayesian")[0]
    assert first.params == entry["specs"]
    assert first.values == (entry["result"],)
    assert first.started is not None
    assert first.started <= (first.ended or 0)
    assert {trial.state for trial in study.trials if not math.isclose(sum(trial.values), 0)} == {"complete"}


def test_ranges_are_those_given_or_those_seen() -> None:
    study = read_folder(FOLDERS / "bayesian")
    found = study.trials[0].distributions
    layers, rate, policy = found["model.layers"], found["train.optim.lr"], found["train.optim.policy"]
    assert (layers.kind, layers.low, layers.high) == ("int", 1, 5), "custom_ranges says so"
    seen = [entry["specs"]["train.optim.lr"] for entry in entries("bayesian")]
    assert (rate.kind, rate.low, rate.high, rate.log) == ("float", min(seen), max(seen), True)
    assert policy.choices == ("cosine", "step")


def test_what_was_not_trained_to_the_end_counts_as_ended_early() -> None:
    study = read_folder(FOLDERS / "hyperband")
    for trial, entry in zip(study.trials, entries("hyperband"), strict=True):
        assert "train.num_epochs" not in trial.params
        assert trial.state == ("complete" if entry["specs"]["train.num_epochs"] == 9 else "pruned")
        assert ("of 9 epochs" in trial.place) == (trial.state == "pruned")


def test_the_goal_of_an_experiment_says_what_a_folder_does_not() -> None:
    several = Goal.model_validate(
        {
            "objectives": [
                {"metric": "latency", "direction": "minimize"},
                {"metric": "val_loss", "direction": "minimize"},
            ]
        }
    )
    study = read_folder(FOLDERS / "objectives", goal=several)
    wanted = [(e["objective_values"]["latency"], e["objective_values"]["val_loss"]) for e in entries("objectives")]
    assert [trial.values for trial in study.trials] == wanted
    weighed = Goal.model_validate({"metric": {"val_loss": -2, "latency": -0.1}, "direction": "maximize"})
    scores = [trial.values[0] for trial in read_folder(FOLDERS / "objectives", goal=weighed).trials]
    assert scores == pytest.approx([entry["objective_score"] for entry in entries("objectives")]), (
        "TAO's weights, scales"
    )
    other = Goal.model_validate({"metric": "error", "direction": "maximize"})
    renamed = read_folder(FOLDERS / "bayesian", goal=other)
    assert (renamed.directions, renamed.trials[0].values) == (("maximize",), (entries("bayesian")[0]["result"],))


def test_the_package_s_guess_of_a_direction() -> None:
    assert [direction_of(each) for each in ("val_loss", "mAP", "wer", "top1_accuracy", "kpi", "latency_ms")] == [
        "minimize", "maximize", "minimize", "maximize", "maximize", "minimize",
    ]  # fmt: skip


def document(folder: Path, *, specs: bool) -> Path:
    """The layout of TAO's document, with the package's results in it."""
    found = entries("bayesian")
    for entry in found:
        entry = dict(entry)
        lr, policy, layers = entry["specs"].values()
        spec = {"train": {"optim": {"lr": lr, "policy": policy}, "gpus": 1}, "model": {"layers": layers}}
        (folder / f"recommendation_{entry['id']}.yaml").write_text(yaml.safe_dump(spec))
        (folder / f"experiment_{entry['id']}").mkdir()
    bare = [{key: value for key, value in entry.items() if key not in ("specs", "metric", "objective_values")}
            for entry in found]  # fmt: skip
    (folder / "controller.json").write_text(json.dumps(found if specs else bare))
    (folder / "brain.json").write_text("{}")
    (folder / "automl_metadata.json").write_text(json.dumps({"best_val_loss": 0.6, "Current experiment number": 6}))
    return folder


@pytest.mark.parametrize("specs", [True, False])
def test_the_document_s_layout_says_the_same(tmp_path: Path, specs: bool) -> None:
    study, same = read_folder(document(tmp_path, specs=specs)), read_folder(FOLDERS / "bayesian")
    assert study.metrics == ("val_loss",)
    assert [(t.state, t.params, t.values) for t in study.trials] == [(t.state, t.params, t.values) for t in same.trials]


def broken(folder: Path, text: str) -> Path:
    (folder / "controller.json").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[", "can't be read"), ("[]", "no recommendation was ever given"), ('{"x": 1}', "holds no list"),
        ('{"format_version": 1, "experiment": {}, "trials": []}', "is our own controller.json"),
    ],
)  # fmt: skip
def test_what_is_no_folder_of_taos_says_why(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(CannotImport, match="is no folder of TAO's"):
        read_folder(tmp_path)
    with pytest.raises(CannotImport, match=says):
        read_folder(broken(tmp_path, text))


def test_several_searches_are_told_apart(tmp_path: Path) -> None:
    place = tmp_path / ".automl" / "controller"
    place.mkdir(parents=True)
    for name in ("one", "two"):
        (place / f"{name}.json").write_text(json.dumps(entries("bayesian")))
    with pytest.raises(CannotImport, match="has 2 searches; say which with --session: one, two"):
        read_folder(tmp_path)
    with pytest.raises(CannotImport, match="Did you mean 'two'"):
        read_folder(tmp_path, "twoo")
    assert read_folder(tmp_path, "two").name == "two"


EXPERIMENT = """
name: small
output: {storage: ./runs}
goal: {metric: val_loss, direction: minimize}
search: {algorithm: bayesian, transfer: {runs: 1}}
trials: {max: 20}
space:
  train.optim.lr: {type: uniform, low: 0.00001, high: 0.1}
  train.optim.policy: {type: choice, values: [step, cosine]}
  model.layers: {type: int, low: 1, high: 6}
tasks: [{command: ["true"]}]
"""


def test_from_the_folder_to_a_search_that_learns_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    (tmp_path / "small.yaml").write_text(EXPERIMENT)
    assert main(["import", "tao", str(FOLDERS / "bayesian"), "--experiment", "small.yaml"]) == 0
    (run,) = (tmp_path / "runs" / "small").iterdir()
    succeeded = [entry for entry in entries("bayesian") if entry["status"] == "success"]
    result = read_result(run)
    assert result["experiment"]["state"] == "FINISHED"
    assert result["experiment"]["best_value"] == min(entry["result"] for entry in succeeded)
    assert len(result["trials"]) == len(succeeded)

    from automl_core.templates import load_experiment

    journal = StudyJournal(FolderStore(tmp_path / "runs"), "small/next/")
    study = Study.create(journal, load_experiment("small.yaml"), "next", [])
    assert len(study.state.earlier) == 1
    best = min(succeeded, key=lambda entry: entry["result"])
    first = study.ask(0)
    assert first.params == best["specs"]  # type: ignore[union-attr]


def test_without_an_experiment_one_is_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    into = str(tmp_path / "in")
    assert main(["import", "tao", str(FOLDERS / "hyperband"), "--into", into, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["experiment"], told["taken"], told["new"]) == ("tao-hyperband", 12, True)
    assert main(["import", "tao", str(FOLDERS / "hyperband"), "--into", into, "--direction", "upward"]) != 0
    assert "maximize or minimize is wanted" in capsys.readouterr().err
    body = read_result(told["folder"])
    assert body["experiment"]["goal"]["direction"] == "minimize"
    assert [t["state"] for t in body["trials"]].count("SUCCEEDED") == 2
