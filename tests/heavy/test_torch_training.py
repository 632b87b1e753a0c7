"""A training with real torch, run by the product as a trial is: started, watched, judged, its model kept."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.sources import ROOT


def test_a_trial_of_torch_is_judged_by_the_losses_that_it_wrote(heavy_python: Path, tmp_path: Path) -> None:
    truth, kept, result = tmp_path / "truth.json", tmp_path / "kept", tmp_path / "result.json"
    program = ROOT / "tests" / "heavy" / "train_torch.py"
    file = tmp_path / "experiments" / "torch.yaml"
    file.parent.mkdir()
    body = {
        "name": "torch",
        "output": {"storage": f"file://{tmp_path}/runs"},
        "goal": {"metric": "loss/valid", "direction": "minimize"},
        "search": {"algorithm": "random", "seed": 1},
        "space": {"rate": {"type": "uniform", "low": 0.01, "high": 0.2}},
        "trials": {"max": 1},
        "tasks": [
            {
                "name": "train",
                "command": [str(heavy_python), str(program), "${rate}", "${model_dir}/events", str(truth)],
                "metrics": {"source": "tensorboard", "path": "${model_dir}/events"},
            }
        ],
    }
    file.write_text(yaml.safe_dump(body, sort_keys=False))
    automl = Path(sys.executable).with_name("automl")
    done = subprocess.run(
        [automl, "try", file, "--set", "rate=0.1", "--keep", kept, "--result", result],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    curve = json.loads(truth.read_text())
    assert curve == sorted(curve, reverse=True), "it learns, so the last loss is the best"
    shown = json.loads(result.read_text())
    points = {point["step"]: point["metrics"]["loss/valid"] for point in shown["tasks"][0]["points"]}
    assert points == {step: pytest.approx(loss, rel=1e-6) for step, loss in enumerate(curve)}
    assert shown["judged"]["value"] == pytest.approx(curve[-1], rel=1e-6)
    assert list(kept.rglob("model.pt")), "the model is kept"
