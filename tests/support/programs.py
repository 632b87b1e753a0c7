"""The programs of the shipped templates, run as a trial runs them: a process with a configuration file.

`CHECKS` are the promises of every program that learns from a table. `make test` holds the light ones to them, and
`make test-heavy` those whose libraries are large.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import yaml
from sklearn import datasets

from automl_core.metrics.text import pairs
from tests.sources import ROOT
from tests.support import warm
from tests.support.patience import stretched

TEMPLATES = ROOT / "templates"
KEPT_APART = ("AUTOML_", "OMP_", "PYTHONDONTWRITEBYTECODE")


@dataclass(frozen=True)
class Case:
    """A template, and how to train it small.

    Attributes:
        name: of the template.
        step: what a step is called in its output.
        params: parameters that make a training of seconds.
        budget: steps to train.
        lower: a lower budget, whose checkpoint the program goes on from.
        tasks: what it can learn.
        sampled: parameters with which chance has its part in each step.
    """

    name: str
    step: str
    params: dict[str, Any]
    budget: int
    lower: int
    tasks: tuple[str, ...] = ("classification", "regression")
    sampled: dict[str, Any] = field(default_factory=dict)


@dataclass
class Run:
    """What a program did."""

    returncode: int
    output: str
    model: Path

    @property
    def curve(self) -> dict[int, dict[str, float]]:
        """Step → metrics, as printed."""
        found: dict[int, dict[str, float]] = {}
        for line in self.output.splitlines():
            pairs = dict(re.findall(r"([\w-]+)=(\S+)", line))
            step = pairs.pop("epoch", None) or pairs.pop("iteration", None)
            if step is not None:
                found[int(step)] = {name: float(value) for name, value in pairs.items()}
        return found

    @property
    def predictions(self) -> pa.Table:
        return pyarrow.parquet.read_table(self.model / "predictions.parquet")


@dataclass
class Workplace:
    """A folder with the files of some trainings."""

    folder: Path
    python: Path = Path(sys.executable)

    def program(self, template: str, name: str = "train.py") -> Path:
        return TEMPLATES / template / "1" / name

    def environment(self, label: str, **more: str | Path | int) -> dict[str, str]:
        own = {name: value for name, value in os.environ.items() if not name.startswith(KEPT_APART)}
        own |= {
            "PYTHONPATH": str(ROOT),
            "AUTOML_MODEL_DIR": str(self.folder / label / "model"),
            "AUTOML_CHECKPOINT_DIR": str(self.folder / label / "checkpoints"),
            "AUTOML_TRAINING_CACHE": str(self.folder / "cache"),
            "HF_HUB_OFFLINE": "1",
        }
        return own | {name: str(value) for name, value in more.items()}

    def config(self, label: str, params: dict[str, Any], data: dict[str, Any], columns: dict[str, Any]) -> Path:
        path = self.folder / label / "spec.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        nested: dict[str, Any] = {}
        for name, value in params.items():
            *groups, last = name.split(".")
            group = nested
            for each in groups:
                group = group.setdefault(each, {})
            group[last] = value
        told = {name: str(place) for name, place in data.items()}
        path.write_text(yaml.safe_dump({**nested, "data": told, "columns": columns}), encoding="utf-8")
        return path

    def train(
        self, case: Case, label: str, *, data: dict[str, Any], columns: dict[str, Any], budget: int | None = None,
        params: dict[str, Any] | None = None, ok: bool = True, fresh: bool = False, **environment: Any,
    ) -> Run:  # fmt: skip
        """Train to the end: in a fork of a process that has the libraries, or in a fresh process as users' trials."""
        config = self.config(label, {**case.params, **(params or {})}, data, columns)
        variables = {"AUTOML_BUDGET": budget or case.budget, **environment}
        code, output = self.run(
            [self.program(case.name), "--config", config], self.environment(label, **variables), fresh=fresh
        )
        assert (code == 0) is ok, output
        names = {name for line in output.splitlines() for name in pairs(line)}
        assert not ok or all(name.startswith(("train_", "valid_")) or name == case.step for name in names), names
        return Run(code, output, self.folder / label / "model")

    def run(self, command: list[Any], environment: dict[str, str], *, fresh: bool) -> tuple[int, str]:
        """Exit code and output of a program; one that needs a Python of its own always runs in a fresh process."""
        if fresh or self.python != Path(sys.executable):
            done = subprocess.run(
                [self.python, *command], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                check=False, cwd=self.folder, timeout=stretched(120),
            )  # fmt: skip
            return done.returncode, done.stdout
        output = self.folder / "output.txt"
        code = warm.run(command, environment, self.folder, output)
        return code, output.read_text(encoding="utf-8")

    def killed(self, case: Case, label: str, after: int, **options: Any) -> str:
        """Train with a checkpoint at each step that may have one, and kill when so many steps are reported."""
        params = {**case.params, **options.pop("params", {})}
        config = self.config(label, params, options["data"], options["columns"])
        environment = self.environment(label, AUTOML_BUDGET=case.budget, AUTOML_CHECKPOINT_SECONDS="0.000001")
        process = subprocess.Popen(
            [self.python, self.program(case.name), "--config", config], env=environment, cwd=self.folder,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert process.stdout is not None
        seen, lines = 0, []
        for line in process.stdout:
            lines.append(line)
            seen += line.startswith(f"{case.step}=")
            if seen == after:
                process.send_signal(signal.SIGKILL)
                break
        process.stdout.close()
        assert process.wait(stretched(60)) == -signal.SIGKILL, "".join(lines)
        return "".join(lines)

    def predict(
        self, case: Case, model: Path, data: Path, *, ident: str | None = None, fresh: bool = False
    ) -> pa.Table:
        out = self.folder / f"{model.parent.name}-{data.stem}-out.parquet"
        command = [self.program(case.name, "predict.py"), "--model", model, "--data", data, "--out", out]
        code, output = self.run(
            [*command, *(["--id", ident] if ident else [])], self.environment("predict"), fresh=fresh
        )
        assert code == 0, output
        return pyarrow.parquet.read_table(out)


def scores(table: pa.Table) -> np.ndarray:
    """(rows, classes) or (rows, 1): what a table of predictions says."""
    names = [name for name in table.column_names if name.startswith("score_")] or ["prediction"]
    return np.column_stack([table.column(name).to_numpy() for name in names])


def breast_cancer() -> pa.Table:
    """569 tumours: 30 measurements, with gaps and a column of categories made of one; labels that begin with a 0."""
    bunch = datasets.load_breast_cancer()
    columns = {name.replace(" ", "_"): bunch.data[:, at] for at, name in enumerate(bunch.feature_names)}
    texture = columns.pop("mean_texture")
    columns["mean_area"] = np.where(np.arange(len(texture)) % 9 == 0, np.nan, columns["mean_area"])
    table = {name: pa.array(values, from_pandas=True) for name, values in columns.items()}
    names = np.array(["smooth", "plain", "rough", "coarse"])[np.digitize(texture, [16, 19, 22])]
    table["texture"] = pa.array(names, mask=np.arange(len(names)) % 13 == 0)
    table["diagnosis"] = pa.array(np.array(["01", "02"])[bunch.target])
    return pa.table(table)


def wine() -> pa.Table:
    """178 wines of three cultivars: 13 measurements."""
    bunch = datasets.load_wine()
    columns = {name.replace("/", "_"): bunch.data[:, at] for at, name in enumerate(bunch.feature_names)}
    return pa.table({**columns, "cultivar": np.array(["01", "02", "10"])[bunch.target]})


def diabetes() -> pa.Table:
    """442 patients: ten measurements, and how far their illness is a year later."""
    bunch = datasets.load_diabetes(scaled=False)
    columns = {name: bunch.data[:, at] for at, name in enumerate(bunch.feature_names)}
    columns["sex"] = np.array(["f", "m"])[(bunch.data[:, 1] > 1).astype(int)]
    return pa.table({**columns, "progression": bunch.target})


def write(table: pa.Table, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    (pyarrow.csv.write_csv if path.suffix == ".csv" else pyarrow.parquet.write_table)(table, path)
    return path
