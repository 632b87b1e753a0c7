"""A model with versions in a folder, a clock that a test turns, and partitions of rows for it."""

from __future__ import annotations

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from automl_core import modelfile
from automl_core.models.batch import Batch, Interval, Order, Report, Timetable, interval_at
from automl_core.models.batch.__main__ import run as run_order
from automl_core.models.batch.keys import FromKeys
from automl_core.models.file import ModelFile
from automl_core.models.life import ModelLife, Person, Source
from automl_core.storage import open_store
from automl_core.storage.base import ObjectStore
from tests.unit.modelfile.models import BINARY, ROWS, SCHEMA, linear

ANNA = Person("anna", "rest")
DAY = 86400.0
NOON = datetime(2026, 11, 1, 12, tzinfo=UTC).timestamp()
"""When the first version comes into use."""

DAILY = {"cron": "@daily"}


def day(text: str) -> Interval:
    """The interval of a date, as a daily schedule has it."""
    return interval_at(datetime.fromisoformat(text).replace(tzinfo=UTC))


class Lab:
    """One model below a folder."""

    def __init__(self, folder: Path, store: ObjectStore | None = None, **deploy: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.now = folder, NOON - DAY
        self.plain = open_store(f"file://{folder / 'runs'}")
        self.store = store or self.plain
        self.said: list[str] = []
        self.orders: list[Order] = []
        body = {
            "to": "batch", "data": f"{folder}/in/ds=${{ds}}/", "out": f"{folder}/out/${{ds}}.csv", "keep": ["id"],
            "schedule": "@daily", **deploy,
        }  # fmt: skip
        self.file = ModelFile.model_validate(
            {
                "kind": "model",
                "name": "churn",
                "output": {"storage": f"file://{folder / 'runs'}"},
                "candidates": {"experiments": ["churn"]},
                "evaluate": {"data": "latest.csv"},
                "deploy": body,
            }
        )

    def life(self, store: ObjectStore | None = None) -> ModelLife:
        return ModelLife.open(store or self.store, "churn", clock=lambda: self.now, sleep=lambda _: None)

    def batch(self, store: ObjectStore | None = None, timetable: Timetable | None = None) -> Batch:
        """The acts, as a new process has them."""
        where = timetable or Timetable(self.file.deploy.cron if self.file.deploy else None)
        return Batch(
            self.life(store), self.file, FromKeys(home=str(self.folder)), self.folder, where, clock=lambda: self.now,
            sleep=lambda _: None, say=self.said.append,
        )  # fmt: skip

    def use(self, at: float = NOON, seed: int = 1, folder: Path | None = None) -> int:
        """Another version is accepted and put in use. Returns its number."""
        self.now = max(self.now, at)
        life = self.life(self.plain)
        number = len(life.state.versions) + 1
        if folder is None:
            folder = self.folder / f"model-{number}"
            modelfile.write(folder, members=[linear(seed=seed)], schema=SCHEMA, problem=BINARY, golden=ROWS, made={})
        source = Source(f"file://{self.folder}", "churn", f"run-{number}")
        version = life.offer(source, (open_store(f"file://{folder.parent}"), f"{folder.name}/"), ANNA)
        champion = {"version": life.state.champion} if life.state.champion else None
        evidence = {"version": number, "champion": champion, "verdict": {"ok": True, "reasons": []}}
        digest = life.evaluated(version.number, evidence)
        life.accept(version.number, digest, ANNA)
        life.put_in_use(version.number, ANNA)
        return version.number

    def rows(self, date: str, count: int = 4, **more: Any) -> Path:
        """A partition."""
        path = self.folder / "in" / f"ds={date}" / "part-0.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["id", "age", "city", "plan", *more])
            for number in range(count):
                row = ROWS[number % len(ROWS)]
                values = ["" if row[name] is None else row[name] for name in ("age", "city", "plan")]
                out.writerow([f"{date}-{number:03d}", *values, *more.values()])
        return path

    def runner(self, order: Order) -> Report:
        """Scores in this process."""
        self.orders.append(order)
        return run_order(order, FromKeys(home=str(self.folder)))

    def out(self, date: str) -> list[dict[str, str]]:
        """What was written for a date."""
        with (self.folder / "out" / f"{date}.csv").open(newline="") as file:
            return list(csv.DictReader(file))
