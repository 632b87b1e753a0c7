"""A watch without Airflow: its tasks on a real journal and real models, on simulated time."""

from __future__ import annotations

import copy
import csv
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from automl_airflow import compat
from automl_airflow.models import latest, opening, retraining, rollout_dag, watch_dag
from automl_airflow.models.factory import build_model
from automl_core.data.reading import read_table
from automl_core.models import evaluation
from automl_core.models.evaluation import EvaluateOptions, Request, evaluate
from automl_core.models.life import ModelLife, Person, Source, Version
from automl_core.storage import open_store
from tests.unit.models.evaluation.small import model, rows

DAY = 86400.0
BEGAN = datetime(2026, 11, 1, tzinfo=UTC).timestamp()
ANNA, DAG = Person("anna", "rest"), Person("churn.rollout", "dag")

FILE = """\
kind: model
name: churn
output: {{storage: "{storage}"}}
candidates: {{experiments: [search]}}
evaluate: {evaluate}
{more}
watch: {watch}
"""

_KNOWN: dict[Any, Any] = {}

_IMPORTED = (rollout_dag, watch_dag)
"""Modules that take `open_life` by name: imported while that is another one, they would keep it for all later tests."""

WORSE = "{every: 1d, retrain: {when: {worse_by: 30%}, at_most: 2, in: 7d}}"


@dataclass
class Watch:
    """What a watch's tasks see of Airflow, and the model that they look at.

    Attributes:
        now: simulated time, seconds since 1970.
        runs: (DAG, run) → state of what was started from within tasks.
        started: (DAG, run, conf) in order.
        paused: DAGs that are there → whether they are paused.
        evaluated: how often a model was evaluated.
    """

    home: Path
    watch: str = WORSE
    evaluate: str = "{data: latest.csv, target: y, key: id}"
    more: str = ""
    storage: str = ""
    now: float = BEGAN
    runs: dict[tuple[str, str], str] = field(default_factory=dict)
    started: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    paused: dict[str, bool] = field(default_factory=lambda: {"search": False})
    evaluated: int = 0
    turns: int = 0
    _dags: dict[Any, Any] = field(default_factory=dict)

    @classmethod
    def make(cls, home: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> Watch:
        """A model without any version, and an Airflow without any run."""
        monkeypatch.setenv("AUTOML_HOME", str(home))
        made = cls(home, **more)
        monkeypatch.setattr(opening, "open_life", lambda *_: made.life)
        monkeypatch.setattr(retraining, "start_run", made.start)
        monkeypatch.setattr(retraining, "is_paused", lambda _, dag: made.paused.get(dag))
        monkeypatch.setattr(evaluation, "run_apart", made._evaluate, raising=False)
        monkeypatch.setattr(latest, "time", SimpleNamespace(time=lambda: made.now))
        monkeypatch.setattr(compat, "bundle_folder", lambda _: home)
        return made

    def _evaluate(self, request: Request, **_: Any) -> Any:
        """In this process: one of its own costs seconds, and is tested where it is written."""
        if request.unlabelled:
            from automl_core.models.evaluation.unlabelled import answered

            logged = request.unlabelled == "answered"
            table = read_table(request.data, format="jsonl") if logged else request.data
            return answered(request.challenger, table, request.options, logged=logged), {}
        self.evaluated += 1
        return self._evidence(request.challenger, request.champion, request.data, request.options)

    def _evidence(self, challenger: Any, champion: Any, data: Any, options: EvaluateOptions) -> Any:
        """Evidence; the same again, and the same of the same model under another number, is not computed again."""
        against = (bool(options.reference), bool(options.answers), options.excess)
        known = (_weights(challenger), _weights(champion), Path(data).read_bytes(), options.metric, against)
        if known not in _KNOWN:
            options = replace(options, latency=False, draws=200)
            _KNOWN[known] = evaluate(challenger, champion, read_table(str(data)), options)
        evidence, shown = copy.deepcopy(_KNOWN[known])
        return evidence | {"version": options.version, "champion": options.champion}, shown

    def start(self, dag: str, run: str, conf: Mapping[str, Any], logical_date: datetime | None = None) -> bool:
        """What `compat.start_run` does."""
        assert logical_date is not None
        if (dag, run) in self.runs:
            return False
        self.runs[(dag, run)] = "running"
        self.started.append((dag, run, dict(conf)))
        return True

    @property
    def life(self) -> ModelLife:
        """The model, as its journal has it now."""
        store = open_store(f"file://{self.home}/runs")
        return ModelLife.open(store, "churn", clock=lambda: self.now, sleep=lambda _: None)

    def labels(self, count: int = 600, seed: int = 1, *, turned: float = 0.0, moved: float = 0.0) -> None:
        """The latest data; a share of their outcomes turned round, or a column moved: another world than before."""
        found = rows(count, seed)
        found["b"] = [value + moved for value in found["b"]]
        changed = int(count * turned)
        found["y"] = [1 - y if place < changed else y for place, y in enumerate(found["y"])]
        with (self.home / "latest.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(found)
            writer.writerows(zip(*found.values(), strict=True))

    def answers(
        self, count: int = 600, *, wide: float = 1.0, moved: float = 0.0, version: int = 1, seed: int = 3,
        ids: str = "r",
    ) -> None:  # fmt: skip
        """What servers have logged in the last hour: rows of another mix, and what the first version says of them."""
        found, lines = rows(count, seed), []
        at = datetime.fromtimestamp(self.now - 3600, UTC).isoformat(timespec="milliseconds")
        for place, (a, b, city) in enumerate(zip(found["a"], found["b"], found["city"], strict=True)):
            row = {"a": a * wide, "b": (b + moved) * wide, "city": city}
            chance = 1 / (1 + math.exp(-(row["a"] + row["b"] / 2)))
            lines.append(
                {**row, "request_id": f"{ids}{self.now:.0f}-{place}", "request_key": "k", "answered_at": at,
                 "model_version": version, "model_record": 9, "prediction": str(int(chance > 0.5)),
                 "probability_0": 1 - chance, "probability_1": chance}
            )  # fmt: skip
        day = self.home / "runs" / "_models" / "churn" / "answers" / f"ds={at[:10]}"
        day.mkdir(parents=True, exist_ok=True)
        path = day / f"server-{len(list(day.iterdir())):06d}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        os.utime(path, (self.now, self.now))

    def offer(self, run: str, a: float = 1.0, reason: Mapping[str, Any] | None = None) -> Version:
        """A published result becomes a version."""
        folder = self.home / "runs" / "search" / run / "best_model" / "model"
        if not folder.exists():
            model(folder, a=a, b=a / 2)
        store = open_store(f"file://{self.home}/runs")
        source = Source(
            f"file://{self.home}/runs", "search", run, f"search/{run}/", started=self.now, published=self.now,
            reason=dict(reason or {}),
        )  # fmt: skip
        return self.life.offer(source, (store, f"search/{run}/best_model/model/"), DAG)

    def accept(self, version: Version, rejected: bool = False) -> None:
        """A person's answer on evidence of the latest data, and use."""
        life = self.life
        champion = life.state.champion
        before = life.state.version(champion).model.prefix if champion is not None else None
        runs = self.home / "runs"
        options = EvaluateOptions(version=version.number, champion=champion, target="y", key="id", latency=False)
        before_it = runs / before if before else None
        evidence, shown = self._evidence(runs / version.model.prefix, before_it, self.home / "latest.csv", options)
        digest = life.evaluated(version.number, evidence, shown)
        life.ask(version.number, digest, until=self.now + DAY)
        if rejected:
            life.reject(version.number, digest, ANNA)
            return
        life.accept(version.number, digest, ANNA)
        life.put_in_use(version.number, ANNA)

    def in_use(self) -> Watch:
        """The same with a version that was accepted on good data."""
        self.labels()
        self.accept(self.offer("first"))
        return self

    def dag(self) -> Any:
        """The watch, from the model's file."""
        storage = self.storage or f"file://{self.home}/runs"
        text = FILE.format(storage=storage, watch=self.watch, evaluate=self.evaluate, more=self.more)
        if text not in self._dags:
            path = self.home / "experiments" / "churn.model.yaml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
            self._dags[text] = next(each for each in build_model(path)[0] if each.dag_id == "churn.watch")
        return self._dags[text]

    def _count(self, dag_id: str, run_ids: list[str], states: list[str] | None = None) -> int:
        found = [self.runs[(dag_id, run)] for run in run_ids if (dag_id, run) in self.runs]
        return sum(1 for state in found if states is None or state in states)

    def do(self, run: str, task: str) -> Any:
        """Try a task of a run once."""
        ti = SimpleNamespace(dag_id="churn.watch", task_id=task, run_id=run, get_dr_count=self._count)
        moment = datetime.fromtimestamp(self.now, UTC)
        context = {
            "ti": ti, "run_id": run, "dag_run": SimpleNamespace(conf={}, run_after=moment, logical_date=moment),
        }  # fmt: skip
        return self.dag().get_task(task).execute(context)

    def turn(self) -> dict[str, Any]:
        """A whole run of the watch; a day passes."""
        self.turns += 1
        self.do(f"turn_{self.turns}", "look")
        told: dict[str, Any] = self.do(f"turn_{self.turns}", "retrain")
        self.now += DAY
        return told


def _weights(folder: Any) -> bytes:
    """What tells a model of another one."""
    return b"" if folder is None else (Path(folder) / "model.json").read_bytes()
