"""A home with one experiment, a server that stands in for Airflow, and the command line."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from automl_core.cli import main
from automl_core.results.entries import controller
from automl_core.spec.loader import load_experiment
from automl_core.storage.folder import FolderStore
from tests.unit.cli.fake_airflow import PASSWORD, USER, FakeAirflow
from tests.unit.results.lab import START, Lab

DIGITS = """\
name: digits
goal: {metric: accuracy, direction: maximize}
search: {algorithm: random}
space:
  lr: {type: loguniform, low: 1e-5, high: 0.1}
  solver: {type: choice, values: [adam, sgd]}
trials: {max: 4, concurrency: 2}
output: {storage: ./runs}
tasks: [{command: [python, train.py, --lr, "${lr}"], cost_per_hour: 36}]
"""


@dataclass(frozen=True)
class Said:
    """What a command wrote, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def last_line(self) -> str:
        return self.out.rstrip("\n").rsplit("\n", 1)[-1]


Automl = Callable[..., Said]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """AUTOML_HOME with experiments/digits.yaml."""
    (tmp_path / "experiments").mkdir()
    (tmp_path / "experiments" / "digits.yaml").write_text(DIGITS)
    (tmp_path / "train.py").write_text("import os\nos.environ['AUTOML_PARAMS']\n")
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    for name in [name for name in os.environ if name.startswith("AIRFLOW_") and not name.startswith("AIRFLOW__")]:
        if name != "AIRFLOW_HOME":
            monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def airflow(home: Path) -> Iterator[FakeAirflow]:
    """A server on loopback whose address and password lie where a local Airflow leaves them."""
    fake = FakeAirflow()
    fake.add_dag("digits")
    with fake.serve() as url:
        path = home / ".airflow" / "credentials.json"
        path.parent.mkdir()
        path.write_text(json.dumps({"url": url, "username": USER, "password": PASSWORD}))
        path.chmod(0o600)
        yield fake


@pytest.fixture
def automl(home: Path, capsys: pytest.CaptureFixture[str]) -> Automl:
    """The command line, in this process."""

    def call(*arguments: str) -> Said:
        code = main(arguments)
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return call


class Lived:
    """A run of digits whose journal a test writes."""

    def __init__(self, home: Path, run: str = "one", now: float = START) -> None:
        self.store = FolderStore(home / "runs")
        self.lab = Lab(load_experiment(home / "experiments" / "digits.yaml"), store=self.store, run=run, now=now)

    @property
    def folder(self) -> str:
        return f"{self.store.url.removeprefix('file://')}/{self.lab.prefix.rstrip('/')}"

    def publish(self) -> None:
        body = controller(self.lab.spec, self.lab.journal.refresh())
        self.store.put(f"{self.lab.prefix}controller.json", json.dumps(body).encode())
