"""A rollout without Airflow: its tasks on a real journal, and what Airflow would tell them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import DownstreamTasksSkipped, TaskAwaitingInput, TaskDeferred

from automl_airflow.models import accepting, runs
from automl_airflow.models.factory import build_model
from automl_core.models.life import ModelLife
from automl_core.storage import open_store

FILE = """\
kind: model
name: churn
output: {{storage: "file://{home}/runs"}}
candidates: {{experiments: [search]}}
evaluate: {{data: latest.csv, target: y}}
accept: {accept}
{more}
"""

SERVERS = "deploy: {to: servers, steps: [50%, 100%], bake: 1s, least: 1}"
"""Of a model that servers answer for."""


@dataclass
class Airflow:
    """What a run's tasks see of Airflow.

    Attributes:
        runs: run id → state, of this DAG.
        started: what was started from within tasks: (run, conf).
        skipped: tasks that were skipped, in order.
        xcoms: task id → what it has returned.
        states: task id → its task state store.
    """

    home: Path
    accept: str = "{by: anybody, within: 1h}"
    more: str = ""
    runs: dict[str, str] = field(default_factory=dict)
    started: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    xcoms: dict[tuple[str, str], Any] = field(default_factory=dict)
    states: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    confs: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: list[Any] = field(default_factory=list)
    _dag: tuple[tuple[str, str], Any] | None = None

    @classmethod
    def make(cls, home: Path, monkeypatch: pytest.MonkeyPatch, **more: Any) -> Airflow:
        """An Airflow without any run."""
        monkeypatch.setenv("AUTOML_HOME", str(home))
        made = cls(home, **more)
        monkeypatch.setattr(runs, "start_run", made._start)
        monkeypatch.setattr("airflow.providers.standard.operators.hitl.upsert_hitl_detail", made._show)
        return made

    def _show(self, **page: Any) -> None:
        self.asked.append(SimpleNamespace(**page))

    def _start(self, dag: str, run: str, conf: Mapping[str, Any]) -> bool:
        assert dag == "churn.rollout"
        if run in self.runs:
            return False
        self.begin(run, **conf)
        self.started.append((run, dict(conf)))
        return True

    def begin(self, run: str, **conf: Any) -> str:
        """A run that somebody has begun."""
        self.runs[run], self.confs[run] = "running", conf
        return run

    @property
    def life(self) -> ModelLife:
        """The model, as its journal has it now."""
        return ModelLife.open(open_store(f"file://{self.home}/runs"), "churn")

    def publish(self, run: str, a: float = 1.0, at: float | None = None, **entry: Any) -> None:
        """A published result of the experiment that is the candidate."""
        folder = self.home / "runs" / "search" / run
        (folder / "best_model" / "model").mkdir(parents=True)
        (folder / "best_model" / "model" / "weights.json").write_text(json.dumps({"a": a}))
        (folder / "best_model" / "status.json").write_text('{"number": 0}')
        moment = datetime.fromtimestamp(at, UTC) if at is not None else datetime.now(UTC)
        body = {"name": "search", "run": run, "state": "FINISHED", "best_trial": 0, "ended": moment.isoformat()}
        (folder / "controller.json").write_text(json.dumps({"experiment": body | entry}))
        os.utime(folder / "controller.json", (moment.timestamp(), moment.timestamp()))

    def dag(self) -> Any:
        """The rollout, from the model's file."""
        if self._dag is not None and self._dag[0] == (self.accept, self.more):
            return self._dag[1]
        path = self.home / "experiments" / "churn.model.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(FILE.format(home=self.home, accept=self.accept, more=self.more))
        dag = next(each for each in build_model(path)[0] if each.dag_id == "churn.rollout")
        self._dag = ((self.accept, self.more), dag)
        return dag

    def context(self, run: str, task: str, tries: int = 1, max_tries: int | None = None) -> Any:
        """What a task is told when it starts."""
        retries = self.dag().get_task(task).retries
        store = _TaskState(self.states.setdefault((run, task), {}))
        ti = SimpleNamespace(
            dag_id="churn.rollout", task_id=task, run_id=run, id=f"id-{tries}", try_number=tries,
            max_tries=retries if max_tries is None else max_tries,
            xcom_pull=lambda task_ids, **_: self.xcoms.get((run, task_ids)), get_dr_count=self._count,
        )  # fmt: skip
        return {
            "ti": ti, "task_instance": ti, "run_id": run, "task_state_store": store,
            "dag_run": SimpleNamespace(conf=self.confs.get(run, {}), run_after=datetime.now(UTC), logical_date=None),
        }  # fmt: skip

    def _count(self, dag_id: str, run_ids: list[str], states: list[str] | None = None) -> int:
        return sum(1 for run in run_ids if run in self.runs and (states is None or self.runs[run] in states))

    def do(self, run: str, task: str, **more: Any) -> Any:
        """Run a task. Returns what it returned; of one that waits for a person, or skips, the exception."""
        self.xcoms.pop((run, task), None)
        context = self.context(run, task, **more)
        try:
            told = self.dag().get_task(task).execute(context)
        except (TaskAwaitingInput, TaskDeferred) as waits:
            return waits
        except DownstreamTasksSkipped as skips:
            self.skipped += list(skips.tasks)
            return skips
        self.xcoms[(run, task)] = told
        return told

    def answer(self, run: str, option: str, user: str = "anna", *, note: str = "", at: float | None = None) -> Any:
        """Go on after the wait as Airflow does when somebody has answered."""
        moment = datetime.fromtimestamp(at, UTC) if at is not None else datetime.now(UTC)
        event = {
            "chosen_options": [option], "params_input": {"note": note} if note else {}, "responded_at": moment,
            "responded_by_user": {"id": user, "name": user}, "timedout": False,
        }  # fmt: skip
        return self.go_on(run, event)

    def go_on(self, run: str, event: dict[str, Any], **more: Any) -> Any:
        """Go on after the wait with an event."""
        task = self.dag().get_task("accept")
        self.xcoms[(run, "accept")] = task.execute_complete(self.context(run, "accept", **more), event)
        return self.xcoms[(run, "accept")]

    def go_on_with(self, run: str, task: str, event: dict[str, Any]) -> Any:
        """Go on after a trigger has fired, as Airflow does."""
        told = self.dag().get_task(task).execute(self.context(run, task), event)
        self.xcoms[(run, task)] = told
        return told

    def evidence(self, number: int, ok: bool | None = True, champion: int | None = None, **more: Any) -> str:
        """Evidence on a version, as `evaluate` would record it."""
        return self.life.evaluated(
            number, {"champion": champion, "version": number, "verdict": {"ok": ok, "reasons": ["so it is"]}, **more}
        )


class _TaskState(dict[str, Any]):
    def __init__(self, kept: dict[str, Any]) -> None:
        super().__init__(kept)
        self._kept = kept

    def set(self, key: str, value: Any, **_: Any) -> None:
        self[key] = self._kept[key] = value


SHOWN = accepting.SHOWN
