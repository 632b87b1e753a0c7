"""Rounds without Airflow: their tasks on a real journal, and what Airflow would tell them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zlib import crc32

import pytest
from airflow.sdk.exceptions import DownstreamTasksSkipped, TaskDeferred

from automl_airflow.annotation import runs, training
from automl_airflow.annotation.round_dag import round_dag
from automl_airflow.annotation.tasks import RoundOperator
from automl_core.annotation.file import AnnotationFile
from automl_core.annotation.project import Project
from automl_core.annotation.rounds import predicting
from automl_core.storage import open_store
from tests.unit.annotation.rounds.world import World, file_of, sure_of, texts

DAG = "intents.annotation"
FIRST = ("collect", "predict", "settle", "choose", "send")


@dataclass
class Airflow:
    """What the tasks of a project's runs see of Airflow.

    Attributes:
        world: the project, its people, and what experiments publish.
        runs: (DAG, run) → state.
        paused: experiment → whether its DAG is paused; None where there is none.
        started: what was started from within tasks: (DAG, run, conf, logical date).
        skipped: tasks that were skipped, in order.
        xcoms: (run, task) → what it has returned.
    """

    world: World
    runs: dict[tuple[str, str], str] = field(default_factory=dict)
    paused: dict[str, bool | None] = field(default_factory=lambda: {"trees": False, "linear": False})
    started: list[tuple[str, str, dict[str, Any], Any]] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    xcoms: dict[tuple[str, str], Any] = field(default_factory=dict)

    @classmethod
    def make(cls, root: Path, monkeypatch: pytest.MonkeyPatch, *, many: int = 120, **more: Any) -> Airflow:
        """An Airflow without any run, and a project with items."""
        monkeypatch.setenv("AUTOML_HOME", str(root))
        made = cls(World(root, file_of(root, **more), texts(many)))
        reach = RoundOperator.reach
        monkeypatch.setattr(RoundOperator, "reach", lambda self, context: replace(reach(self, context), apart=False))
        monkeypatch.setattr(runs, "start_run", made._start)
        monkeypatch.setattr(training, "start_run", made._start)
        monkeypatch.setattr(training, "is_paused", lambda _, dag: made.paused[dag])
        monkeypatch.setattr(predicting, "scored", made.world.scored)
        return made

    @property
    def file(self) -> AnnotationFile:
        """The project's."""
        return self.world.file

    @property
    def project(self) -> Project:
        """As its journal has it now."""
        return Project.open(open_store(self.file.output.storage), self.file.name)

    def _start(self, dag: str, run: str, conf: Mapping[str, Any], logical_date: Any = None) -> bool:
        if (dag, run) in self.runs:
            return False
        self.runs[dag, run] = "running"
        self.started.append((dag, run, dict(conf), logical_date))
        return True

    def count(self, dag_id: str, run_ids: list[str], states: list[str] | None = None) -> int:
        """How many runs Airflow has."""
        found = (self.runs.get((dag_id, run)) for run in run_ids)
        return sum(1 for state in found if state is not None and (states is None or state in states))

    def context(self, run: str, task: str) -> Any:
        """What a task is told when it starts."""
        ti = SimpleNamespace(
            dag_id=DAG, task_id=task, run_id=run, get_dr_count=self.count,
            xcom_pull=lambda task_ids, **_: self.xcoms.get((run, task_ids)),
        )  # fmt: skip
        run_of = SimpleNamespace(conf={}, run_after=datetime.now(UTC), logical_date=None)
        return {"ti": ti, "run_id": run, "dag_run": run_of}

    def do(self, run: str, task: str, **more: Any) -> Any:
        """Run a task. Returns what it returned; of one that waits, or skips others, the exception."""
        self.xcoms.pop((run, task), None)
        operator = round_dag(self.file, Path("/nowhere/intents.annotation.yaml")).get_task(task)
        try:
            told = operator.execute(self.context(run, task), **more)
        except TaskDeferred as waits:
            return waits
        except DownstreamTasksSkipped as skips:
            self.skipped += list(skips.tasks)
            return skips
        self.xcoms[run, task] = told
        return told

    def go_on(self, run: str, waits: TaskDeferred, payload: dict[str, Any]) -> Any:
        """Go on after a trigger has fired, as Airflow does."""
        task = {"LabelsTrigger": "wait", "RunsTrigger": "train"}[type(waits.trigger).__name__]
        return self.do(run, task, event=payload, **(waits.kwargs or {}))

    def until_sent(self, number: int = 1) -> str:
        """A round up to the point where people are asked. Returns its run."""
        run = f"round_{number}"
        self.runs[DAG, run] = "running"
        for task in FIRST:
            self.do(run, task)
        return run

    def until_written(self, number: int = 1) -> str:
        """A round up to its data set."""
        run = self.until_sent(number)
        self.world.people()
        self.do(run, "wait")
        self.do(run, "write_set")
        return run

    def publish(self, run: str, *experiments: str, **more: Any) -> None:
        """Let runs of experiments end well, with a model that is mostly right."""
        for name in experiments:
            family = "trees" if name == "trees" else "linear"
            opinion = sure_of(self.world.truth, wrong=lambda text, name=name: crc32(f"{text}{name}".encode()) % 10 == 0)
            self.world.train(name, run, opinion, family=family, metric="accuracy", best_value=0.9, **more)
            self.runs[name, run] = "success"

    def a_round(self, number: int) -> str:
        """A round from its beginning to its decision."""
        run = self.until_written(number)
        waits = self.do(run, "train")
        for dag, trained in waits.trigger.runs.items():
            self.publish(trained, dag)
        self.go_on(run, waits, {"runs": waits.trigger.runs})
        self.do(run, "evaluate")
        self.do(run, "decide")
        self.runs[DAG, run] = "success"
        return run
