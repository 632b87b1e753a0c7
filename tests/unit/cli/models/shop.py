"""A home with an experiment's published results, the file of a model, and rows to evaluate it on."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

from automl_core.models.life import ModelLife
from automl_core.storage import open_store
from tests.unit.models.evaluation.small import model, rows

MODEL = """\
kind: model
name: churn
output: {{storage: "file://./runs"}}
candidates: {{experiments: [trained]}}
evaluate: {{data: latest.csv, target: y, metric: roc_auc}}
accept: {{when: {when}, by: {by}}}
"""


class Shop:
    """AUTOML_HOME, and what lies below it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.store = open_store(f"file://{home / 'runs'}")
        with (home / "latest.csv").open("w", newline="") as file:
            columns = rows(300)
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
        self.write()

    def write(self, *, when: str = "better", by: str = "anybody") -> Path:
        """The file of the model."""
        path = self.home / "experiments" / "churn.model.yaml"
        path.write_text(MODEL.format(when=when, by=by))
        return path

    def publish(self, run: str, *, good: bool = True) -> str:
        """A published result of the experiment `trained`; returns its folder."""
        folder = self.home / "runs" / "trained" / run
        model(folder / "best_model" / "model", 2.0 if good else -1.0, 1.0 if good else 0.5)
        entry: dict[str, Any] = {
            "name": "trained", "run": run, "state": "FINISHED", "best_trial": 0, "best_value": 0.9, "metric": "roc_auc",
            "started": "2026-11-20T10:00:00+00:00", "ended": "2026-11-20T10:10:00+00:00",
        }  # fmt: skip
        (folder / "controller.json").write_text(json.dumps({"experiment": entry, "trials": []}))
        (folder / "best_model" / "status.json").write_text(json.dumps({"number": 0}))
        return str(folder)

    def life(self) -> ModelLife:
        return ModelLife.open(self.store, "churn")
