"""TAO's command as a training task of tests: the program that goes along, and the stand-in for the container."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from automl_core.tao.tasks import PROGRAM_FILES, tasks_of
from tests.standins.tao.installing import install


@dataclass
class Attempt:
    """One attempt at a training task, started as the contract says."""

    root: Path
    name: str = "trial"
    network: str = "dino"
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.model, self.checkpoints = self.root / self.name / "model", self.root / self.name / "checkpoints"
        self.program = self.root / "program"
        self.program.mkdir(exist_ok=True, parents=True)
        for name, file in PROGRAM_FILES.items():
            shutil.copyfile(file, self.program / name)
        self.bin = install(self.root / "bin", self.network)

    def environment(self, action: str = "train", **more: str) -> dict[str, str]:
        """What the training sees."""
        [task] = tasks_of(self.network, action)
        return {
            **os.environ, **task["env"], "PATH": f"{self.bin}:{os.environ['PATH']}", "TAO_POLL": "0.02",
            "AUTOML_GOAL": json.dumps({"metric": "val_mAP50", "direction": "maximize", "final": "best"}),
            "AUTOML_MODEL_DIR": str(self.model), "AUTOML_CHECKPOINT_DIR": str(self.checkpoints), **self.env, **more,
        }  # fmt: skip

    def spec(self, **train: Any) -> Path:
        """A spec file; what is given goes below ``train``."""
        path = self.root / f"{self.name}.yaml"
        path.write_text(yaml.safe_dump({"results_dir": str(self.model), "train": train}))
        return path

    def command(self, action: str, *options: str) -> list[str]:
        """The command line."""
        return [sys.executable, str(self.program / "run_tao.py"), self.network, action, *options]

    def train(self, spec: Path, *, code: int = 0, **more: str) -> str:
        """Run it to its end; what it printed."""
        return self.run("train", "-e", str(spec), code=code, **more)

    def run(self, action: str, *options: str, code: int = 0, **more: str) -> str:
        """Run any action to its end; what it printed."""
        done = subprocess.run(
            self.command(action, *options), env=self.environment(action, **more), text=True, timeout=120,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True, check=False,
        )  # fmt: skip
        assert done.returncode == code, done.stdout
        return done.stdout

    def status(self, action: str = "train") -> list[dict[str, Any]]:
        """The lines of a status file."""
        return [json.loads(line) for line in (self.model / action / "status.json").read_text().splitlines()]

    @property
    def about(self) -> dict[str, Any]:
        """Which checkpoint is the model."""
        found: dict[str, Any] = json.loads((self.model / "checkpoint.json").read_text())
        return found

    @property
    def kept(self) -> list[str]:
        """Names of the checkpoints that outlive the attempt."""
        return sorted(path.name for path in self.checkpoints.iterdir()) if self.checkpoints.is_dir() else []
