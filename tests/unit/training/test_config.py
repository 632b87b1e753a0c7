from __future__ import annotations

import json
from pathlib import Path

import pytest

from automl_core.training.config import read_config
from automl_core.training.problems import TrainingError

DEFAULTS = {"lr": 0.1, "layers": 1, "net.kind": "small", "flip": False}


def write(folder: Path, text: str, name: str = "spec.yaml") -> list[str]:
    (folder / name).write_text(text)
    return ["--config", str(folder / name)]


@pytest.fixture(autouse=True)
def _apart(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SPEC_FILE", "BUDGET", "MODEL_DIR", "CHECKPOINT_DIR", "RESUME_FROM", "DATA_TRAIN"):
        monkeypatch.delenv(f"AUTOML_{name}", raising=False)


def test_parameters_are_laid_flat_over_the_defaults(tmp_path: Path) -> None:
    text = "lr: 1e-3\nnet: {kind: large}\ndata: {train: a.csv}\ncolumns: {target: y}\nautoml: {budget: 9}\n"
    config = read_config("", write(tmp_path, text))
    assert config.values(DEFAULTS) == {"lr": 0.001, "layers": 1, "net.kind": "large", "flip": False}
    assert (config.need("train"), config.column("target"), config.budget) == ("a.csv", "y", 9)
    same = {"lr": 1, "net": {"kind": "large"}, "flip": None}
    found = read_config("", write(tmp_path, json.dumps(same), "spec.json")).values(DEFAULTS)
    assert found == {"lr": 1.0, "layers": 1, "net.kind": "large", "flip": False}
    assert isinstance(found["lr"], float)


def test_the_trial_goes_before_what_a_file_says_of_its_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    argv = write(tmp_path, "automl: {model_dir: gone, budget: 3}\n")
    monkeypatch.setenv("AUTOML_MODEL_DIR", str(tmp_path / "model"))
    monkeypatch.setenv("AUTOML_CHECKPOINT_DIR", f"file://{tmp_path}/checkpoints")
    monkeypatch.setenv("AUTOML_DATA_TRAIN", "rows.csv")
    config = read_config("", argv)
    assert (config.model_dir, config.checkpoint_dir) == (tmp_path / "model", tmp_path / "checkpoints")
    assert (config.budget, config.place("train"), config.place("valid")) == (3, "rows.csv", None)
    monkeypatch.setenv("AUTOML_CHECKPOINT_DIR", "s3://bucket/checkpoints")
    with pytest.raises(TrainingError, match="`artifacts:` of the training task"):
        read_config("", argv)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lrr: 1\n", "there is no parameter 'lrr'; did you mean 'lr'"),
        ("layers: 1.5\n", "layers must be of type int, like 1; it is 1.5"),
        ("flip: 1\n", "flip must be of type bool"),
        ("lr: true\n", "lr must be of type float"),
        ("- 1\n", "must be a mapping"),
        ("a: [\n", "is not valid"),
        ("data: [a]\n", "data must be a group of keys"),
    ],
)
def test_what_is_wrong_is_told_with_its_file(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(TrainingError, match=words) as caught:
        read_config("", write(tmp_path, text)).values(DEFAULTS)
    assert "spec.yaml" in str(caught.value)


def test_without_a_file_there_is_nothing_to_do() -> None:
    with pytest.raises(TrainingError, match="--config FILE is missing"):
        read_config("", [])
    with pytest.raises(TrainingError, match="can't be read"):
        read_config("", ["--config", "nowhere.yaml"])
