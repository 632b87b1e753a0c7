"""The stand-in for TAO's container does what NVIDIA's sources say (tao_pytorch_backend 6.25.10)."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.standins.tao.container import load
from tests.standins.tao.installing import install


def dino(tmp_path: Path, action: str, spec: dict[str, Any], *more: str) -> subprocess.CompletedProcess[str]:
    program = install(tmp_path / "bin", "dino") / "dino"
    file = tmp_path / "spec.yaml"
    file.write_text(yaml.safe_dump(spec))
    return subprocess.run(
        [str(program), action, "-e", str(file), *more], text=True, capture_output=True, timeout=60, check=False
    )


def test_lines_come_in_lightnings_order_and_repeat_what_the_logger_was_told(tmp_path: Path) -> None:
    spec = {"results_dir": str(tmp_path / "r"), "train": {"num_epochs": 4, "validation_interval": 2}}
    assert dino(tmp_path, "train", spec).returncode == 0
    lines = [json.loads(line) for line in (tmp_path / "r" / "train" / "status.json").read_text().splitlines()]
    told = [
        (line["message"].removesuffix(" generated."), line.get("epoch"), set(line.get("kpi", ()))) for line in lines
    ]
    evaluated, trained = {"val_mAP", "val_mAP50", "val_loss"}, {"train_loss"}
    assert told == [
        ("Starting dino train.", None, set()),
        ("Starting Training Loop.", None, set()),
        ("Training loop in progress", 0, set()),
        ("Train metrics", None, trained),
        ("Eval metrics", None, evaluated),
        ("Training loop in progress", 1, evaluated),
        ("Train metrics", None, trained),
        ("Training loop in progress", 2, trained),
        ("Train metrics", None, trained),
        ("Eval metrics", None, evaluated),
        ("Training loop in progress", 3, evaluated),
        ("Train metrics", None, trained),
        ("Training loop complete.", None, trained),
        ("Train finished successfully.", None, trained),
    ]
    assert list(lines[5])[:7] == ["epoch", "step", "max_epoch", "max_step", "time_per_epoch", "time_per_step", "eta"]
    assert isinstance(lines[4]["kpi"]["val_mAP50"], str), "as str(mAP50) is written"


def test_checkpoints_are_named_as_lightnings_and_the_latest_is_gone_on_from(tmp_path: Path) -> None:
    spec = {"results_dir": str(tmp_path / "r"), "train": {"num_epochs": 2}}
    assert dino(tmp_path, "train", spec).returncode == 0
    folder = tmp_path / "r" / "train"
    assert sorted(path.name for path in folder.glob("*.pth")) == [
        "dino_model_latest.pth", "model_epoch_000_step_00010.pth", "model_epoch_001_step_00020.pth",
    ]  # fmt: skip
    assert (folder / "dino_model_latest.pth").readlink() == Path("model_epoch_001_step_00020.pth")
    assert dino(tmp_path, "train", spec, "train.num_epochs=3").returncode == 0
    assert load(folder / "model_epoch_002_step_00030.pth")["epoch"] == 2
    lines = (folder / "status.json").read_text()
    assert f"Resuming training from checkpoint: {folder / 'model_epoch_001_step_00020.pth'}" in lines


@pytest.mark.parametrize(
    ("action", "spec", "words"),
    [
        ("train", {"train": {"num_epochs": 2, "checkpoint_interval": 3}}, "checkpoint_interval 3 > Number of epochs 2"),
        ("train", {"train": {"resume_training_checkpoint_path": "/x.ckpt"}}, "must be either a .tlt or a .pth"),
        ("train", {"train": {"optim": {"lr": "fast"}}}, "could not be converted to Float"),
        ("train", {"trian": {}}, "Key 'trian' not in 'ExperimentConfig'"),
        ("train", {"results_dir": None}, "at least one of following fields"),
        ("evaluate", {}, "Missing mandatory value: evaluate.checkpoint"),
        ("evaluate", {"evaluate": {"checkpoint": "/not/there.pth"}}, "No such file"),
        ("fly", {}, "invalid choice: 'fly'"),
    ],
)
def test_what_is_wrong_is_refused_in_taos_words(action: str, spec: dict[str, Any], words: str, tmp_path: Path) -> None:
    done = dino(tmp_path, action, {"results_dir": str(tmp_path / "r"), **spec})
    assert done.returncode != 0
    assert words in done.stdout + done.stderr
