"""``automl import tao-settings``, as a person types it; and the same from a notebook."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automl_core.cli import main
from automl_core.spec.errors import SpecError
from automl_core.tao.notebook import experiment_text, write_experiment
from automl_core.templates import load_experiment
from tests.support.tao_networks import folder_of

SETTINGS = {"algorithm": "bayesian", "metric": "val_mAP50", "direction": "maximize", "automl_max_recommendations": 5}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder_of("dino", tmp_path / "own", version=99999999)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    monkeypatch.setenv("AUTOML_TEMPLATES", str(tmp_path / "own"))
    (tmp_path / "settings.json").write_text(json.dumps(SETTINGS))
    return tmp_path


def test_a_file_of_ten_lines_is_written_and_is_an_experiment(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "tao-settings", "settings.json", "--network", "dino", "--concurrency", "3"]) == 0
    file = folder / "experiments" / "dino.yaml"
    assert len(file.read_text().splitlines()) <= 10
    experiment = load_experiment(file)
    assert experiment.trials.max == 5
    assert experiment.trials.concurrency == 3
    assert "automl preview" in capsys.readouterr().out
    assert main(["import", "tao-settings", "settings.json", "--network", "dino"]) != 0, "over no other file"
    assert "is there already" in capsys.readouterr().err
    assert main(["import", "tao-settings", "settings.json", "--network", "dino", "--force", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["experiment"]["search"] == {"algorithm": "bayesian"}


def test_pods_need_a_place_that_they_find(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [
        "import",
        "tao-settings",
        "settings.json",
        "-n",
        "dino",
        "--image",
        "registry.example.com/tao:6",
        "-o",
        "-",
    ]
    assert main(command) != 0
    assert "--claim" in capsys.readouterr().err
    assert main([*command, "--claim", "runs"]) == 0
    assert 'storage_mount: {path: "/mnt/automl", claim: runs}' in capsys.readouterr().out
    assert main([*command, "--storage", "s3://models/automl", "--connection", "my_s3"]) == 0
    printed = capsys.readouterr().out
    assert 'output: {storage: "s3://models/automl", connection: my_s3}' in printed
    assert "artifacts: {}" in printed
    assert main([*command[:5], "--claim", "runs", "-o", "-"]) != 0


def test_yaml_arguments_of_the_call_and_a_base_spec_are_read(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "call.yaml").write_text(
        "network: dino\nautoml_settings: {automl_algorithm: hyperband, metric: kpi, automl_R: 9}\n"
    )
    (folder / "experiments").mkdir()
    (folder / "experiments" / "train.yaml").write_text("dataset: {num_classes: 3}\n")
    assert main(["import", "tao-settings", "call.yaml", "--train-specs", "train.yaml", "--name", "mine"]) == 0
    text = (folder / "experiments" / "mine.yaml").read_text()
    assert "spec_file: {base: train.yaml}" in text
    assert "# - metric kpi: val_mAP50, which TAO watches" in text
    assert main(["preview", "experiments/mine.yaml"]) == 0
    assert "num_classes: 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("[1]", ["-n", "dino"], "no mapping of settings"),
        ("{", ["-n", "dino"], "is not JSON"),
        (json.dumps(SETTINGS), [], "--network dino"),
        (json.dumps(SETTINGS), ["-n", "dinoo"], "Did you mean 'tao/dino'?"),
        (json.dumps({**SETTINGS, "automl_max_recomendation": 3}), ["-n", "dino"], "automl_max_recommendations"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written(
    text: str, options: list[str], words: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "settings.json").write_text(text)
    assert main(["import", "tao-settings", "settings.json", *options]) != 0
    assert words in capsys.readouterr().err
    assert not (folder / "experiments").exists()


def test_a_notebook_gets_the_same_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "tao-settings", "settings.json", "--network", "dino", "-o", "-"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == experiment_text("dino", SETTINGS).splitlines()[1:]
    path = write_experiment(
        folder / "n.yaml", "dino", SETTINGS, automl_hyperparameters=["train.optim.lr"],
        custom_param_ranges={"train.optim.lr": {"valid_max": 0.01}}, output={"storage": "file://./elsewhere"},
    )  # fmt: skip
    experiment = load_experiment(path)
    assert experiment.output.storage == "file://./elsewhere"
    assert {name for name, each in experiment.space.items() if each.type != "fixed"} == {"train.optim.lr"}
    with pytest.raises(SpecError, match="no template 'tao/dinoo'"):
        experiment_text("dinoo", SETTINGS)
