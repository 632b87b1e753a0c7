"""Models in a world: their files, results for them that cost no training, and people who answer."""

from __future__ import annotations

import csv
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml

from automl_core.models.life import ModelLife, Person, Version
from automl_core.models.offering import candidate_at
from automl_core.storage import open_store
from tests.e2e.world import World, wait_until
from tests.sources import ROOT
from tests.unit.models.evaluation.small import model, rows

TRAIN_MODEL = f'''
"""Training code of the tests: a linear model in this product's format, whose weight is a parameter."""
import os, pathlib, shutil, sys, tempfile

sys.path.insert(0, {str(ROOT)!r})
from tests.unit.models.evaluation.small import model

args = dict(a.split("=", 1) for a in sys.argv[1:])
with tempfile.TemporaryDirectory() as folder:
    made = model(pathlib.Path(folder) / "model", a=float(args["a"]), b=float(args["a"]) / 2)
    shutil.copytree(made, os.environ["AUTOML_MODEL_DIR"], dirs_exist_ok=True)
print("accuracy=0.5 step=0", flush=True)
'''

PEOPLE = "admin:admin,anna:user,ben:user,vera:viewer"
"""Who may sign in at the Airflow that modules share, and at one whose environment has `SIGN_IN`."""

SIGN_IN = {"AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": PEOPLE}


@dataclass
class Models:
    """The models of one world. Results are written as `reduce` publishes them, so that a test needs no training."""

    world: World
    _tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.world.root / "train_model.py").write_text(TRAIN_MODEL)
        self.data("latest", 600)

    # --- files ----------------------------------------------------------------------------------

    def data(self, name: str, count: int, seed: int = 1) -> Path:
        """Rows with labels, as ``NAME.csv`` in the world's home."""
        found = rows(count, seed)
        path = self.world.root / f"{name}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(found)
            writer.writerows(zip(*found.values(), strict=True))
        return path

    def answers(self, model: str, count: int = 600) -> None:
        """A log of what a model was asked, three weeks ago, as ``MODEL_log/answers.jsonl``."""
        folder = self.world.root / f"{model}_log"
        folder.mkdir()
        at = (datetime.now(UTC) - timedelta(days=21)).isoformat()
        found = rows(count, 1)
        found["at"] = [at] * count
        lines = [
            json.dumps({name: values[place] for name, values in found.items() if name != "y"}) for place in range(count)
        ]
        (folder / "answers.jsonl").write_text("\n".join(lines) + "\n")

    def outcomes(self, model: str, name: str, day: int, *, turned: bool = False, count: int = 600) -> None:
        """What came true of a log's answers, some days after them, as a file of ``MODEL_outcomes``; or the opposite."""
        folder = self.world.root / f"{model}_outcomes"
        folder.mkdir(exist_ok=True)
        known = (datetime.now(UTC) - timedelta(days=21 - day)).isoformat()
        found = rows(count, 1)
        lines = [f"{key},{known},{1 - y if turned else y}" for key, y in zip(found["id"], found["y"], strict=True)]
        (folder / f"{name}.csv").write_text("\n".join(["id,known,y", *lines]) + "\n")

    def file(self, name: str, **groups: Any) -> str:
        """Write a model's file; what is not given asks anybody, about results of an experiment of the same name."""
        body: dict[str, Any] = {
            "kind": "model",
            "name": name,
            "output": {"storage": "file://./runs"},
            "candidates": {"experiments": [f"{name}_search"]},
            "evaluate": {"data": "latest.csv", "target": "y", "key": "id"},
            "accept": {"when": "better", "by": "anybody", "within": "1h"},
        }
        for group, values in groups.items():
            body[group] = {**body.get(group, {}), **values} if isinstance(values, dict) else values
        self.world.write(f"{name}.model", yaml.safe_dump(body, sort_keys=False))
        return name

    def search(self, name: str, a: float = 1.0) -> str:
        """The file of an experiment of one trial, whose model has a weight."""
        command = ["python", str(self.world.root / "train_model.py"), "a=${a}"]
        return self.world.experiment(
            name, space={"a": {"type": "choice", "values": [a]}}, trials={"max": 1, "concurrency": 1},
            tasks=[{"name": "train", "command": command}],
        )  # fmt: skip

    def publish(self, experiment: str, run: str, a: float, *, needs: str | None = None) -> None:
        """Lay down what a run publishes: a linear model with a weight, and what says that the run has ended.

        Args:
            experiment, run: whose.
            a: the weight.
            needs: a column of `data` without which it refuses rows.
        """
        folder = self.world.root / "runs" / experiment / run
        (folder / "best_model").mkdir(parents=True)
        model(folder / "best_model" / "model", a=a, b=a / 2, needs=needs)
        (folder / "best_model" / "status.json").write_text(json.dumps({"number": 0, "state": "SUCCEEDED"}))
        now = datetime.now(UTC).isoformat()
        entry = {
            "name": experiment, "run": run, "state": "FINISHED", "metric": "accuracy", "best_trial": 0,
            "best_value": a, "started": now, "ended": now,
        }  # fmt: skip
        (folder / "controller.json").write_text(json.dumps({"experiment": entry, "trials": []}))

    def use(self, name: str, a: float) -> None:
        """Have a model's first version in use, as if a rollout had brought it there."""
        self.publish(f"{name}_search", "run_1", a)
        life, somebody = self.life(name), Person("anna", "cli")
        found = candidate_at(life.store, f"{name}_search/run_1/")
        version = life.offer(found.source, (found.store, found.model), somebody)
        verdict = {"ok": True, "reasons": ["so it is"]}
        digest = life.evaluated(version.number, {"champion": None, "version": version.number, "verdict": verdict})
        life.accept(version.number, digest, somebody)
        life.put_in_use(version.number, somebody)

    # --- the journal -----------------------------------------------------------------------------

    def life(self, name: str) -> ModelLife:
        """A model as its journal has it now."""
        return ModelLife.open(open_store(str(self.world.root / "runs")), name)

    def version(self, name: str, number: int) -> Version | None:
        """A version; None where there is none yet."""
        return self.life(name).state.versions.get(number)

    def state_of(self, name: str, number: int) -> str:
        """The state of a version; empty where there is none."""
        found = self.version(name, number)
        return str(found.state) if found is not None else ""

    def until(self, name: str, number: int, state: str, seconds: float = 90) -> Version:
        """Wait until a version is in a state."""
        dag = f"{name}.rollout"
        wait_until(
            lambda: self.state_of(name, number) == state, seconds, f"version {number} of {name} to be {state}",
            explain=lambda: f"it is {self.state_of(name, number)!r}; {self.tasks(dag)}",
        )  # fmt: skip
        found = self.version(name, number)
        assert found is not None
        return found

    def tasks(self, dag: str) -> dict[str, dict[str, str]]:
        """States of all tasks of all runs of a DAG."""
        answer = self.world.raw("GET", f"/dags/{dag}/dagRuns", params={"limit": 100, "order_by": "-run_after"})
        runs = [row["dag_run_id"] for row in answer.json().get("dag_runs", [])] if answer.status_code == 200 else []
        return {
            run: {task: str(row["state"]) for (task, _), row in self.world.instances(dag, run).items()} for run in runs
        }

    # --- people ----------------------------------------------------------------------------------

    def as_person(self, user: str, method: str, path: str, **arguments: Any) -> httpx.Response:
        """A call of the REST API (or of ours, by a path that begins with ``/automl``) as one of `PEOPLE`."""
        secret = json.loads(self.world.airflow.credentials_file.read_text())
        if user not in self._tokens:
            passwords = json.loads((self.world.airflow.home / "passwords.json").read_text())
            login = {"username": user, "password": passwords[user]}
            self._tokens[user] = httpx.post(f"{secret['url']}/auth/token", json=login, timeout=60, verify=False).json()[
                "access_token"
            ]
        base = "" if path.startswith("/automl") else "/api/v2"
        headers = {"Authorization": f"Bearer {self._tokens[user]}", "X-AutoML-Request": "1"}
        return httpx.request(
            method, f"{secret['url']}{base}{path}", headers=headers, timeout=60, verify=False, **arguments
        )

    def page(self, name: str, run: str) -> dict[str, Any]:
        """What the approval page of a run shows."""
        path = f"/dags/{name}.rollout/dagRuns/{run}/taskInstances/accept/-1/hitlDetails"
        return dict(self.world.call("GET", path))

    def waits(self, name: str, run: str, seconds: float = 60) -> None:
        """Wait until a run's approval waits for a person, and has done so at several looks.

        An answer at once may meet the worker that has just asked (apache/airflow#68741). It is not lost, but it counts
        only when the task is tried again.
        """
        dag, looks = f"{name}.rollout", 0

        def settled() -> bool:
            nonlocal looks
            looks = looks + 1 if self.task(dag, run, "accept") in ("awaiting_input", "deferred") else 0
            return looks > 4

        wait_until(settled, seconds, f"{dag} {run} to ask", explain=lambda: str(self.tasks(dag)))

    def task(self, dag: str, run: str, task: str) -> str:
        """The state of a task of a run; empty where there is no such run yet."""
        if self.world.raw("GET", f"/dags/{dag}/dagRuns/{run}").status_code == 404:
            return ""
        found = self.world.instances(dag, run).get((task, -1))
        return str(found["state"]) if found is not None else ""

    def answer(
        self, name: str, run: str, option: str, user: str = "anna", given: Mapping[str, Any] | None = None
    ) -> httpx.Response:
        """Answer on the approval page's own REST route."""
        path = f"/dags/{name}.rollout/dagRuns/{run}/taskInstances/accept/-1/hitlDetails"
        return self.as_person(
            user, "PATCH", path, json={"chosen_options": [option], "params_input": dict(given or {})}
        )  # fmt: skip

    def start(self, name: str, run: str | None = None, **conf: Any) -> str:
        """Begin a run of a rollout by hand."""
        return self.start_dag(f"{name}.rollout", run, **conf)

    def start_dag(self, dag: str, run: str | None = None, **conf: Any) -> str:
        """Begin a run of one of a model's DAGs by hand."""
        self.world.wait_for_dag(dag)
        body = {"logical_date": None, "conf": conf, "dag_run_id": run or f"by_hand_{secrets.token_hex(4)}"}
        return str(self.world.call("POST", f"/dags/{dag}/dagRuns", json=body)["dag_run_id"])
