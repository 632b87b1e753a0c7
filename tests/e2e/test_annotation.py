"""Annotation on a real Airflow: people label by the page's REST API, rounds start each other, a clear loses nothing.

One of the two models is trained by an experiment, the other one is a program that people bring.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import Any

import pytest
import yaml

from automl_core.annotation.project import Project
from automl_core.client import AutoML, Credentials
from automl_core.storage import open_store
from examples.annotate import Annotator, RestDesk
from tests.e2e.labelling import label_by_keyboard
from tests.e2e.models import PEOPLE
from tests.e2e.world import World, wait_until
from tests.sources import ROOT
from tests.unit.models.evaluation.small import rows

pytestmark = pytest.mark.timeout(600)

NAME, DAG, SEARCH = "signs", "signs.annotation", "signs_search"

TRAIN = f"""
import csv, os, pathlib, shutil, sys, tempfile

sys.path.insert(0, {str(ROOT)!r})
from tests.unit.models.evaluation.small import model

args = dict(each.split("=", 1) for each in sys.argv[1:])
found = list(csv.DictReader(open(args["data"])))
assert {{row["label"] for row in found}} == {{"no", "yes"}}, "labels of people are learned from"
assert "a" in found[0] and "item" in found[0]
with tempfile.TemporaryDirectory() as folder:
    made = model(pathlib.Path(folder) / "model", a=2.0, b=1.0, classes=("no", "yes"), target="label")
    shutil.copytree(made, os.environ["AUTOML_MODEL_DIR"], dirs_exist_ok=True)
print("accuracy=0.9 step=0", flush=True)
"""

RULES = """
import json, sys

with open(sys.argv[1]) as items, open(sys.argv[2], "w") as out:
    for line in items:
        task = json.loads(line)
        label = "yes" if task["item"]["a"] > 0 else "no"
        out.write(json.dumps({"id": task["id"], "label": label, "confidence": 0.8}) + "\\n")
"""


def meant(shown: Any) -> str:
    """What a person sees in an item."""
    return "yes" if shown["a"] + shown["b"] / 2 > 0 else "no"


@pytest.fixture(scope="module")
def signs(world: World) -> World:
    """A project of two rounds."""
    table = rows(60)
    lines = [json.dumps({name: table[name][at] for name in ("id", "a", "b", "city")}) for at in range(60)]
    (world.root / "signs.jsonl").write_text("\n".join(lines) + "\n")
    (world.root / "train_signs.py").write_text(TRAIN)
    (world.root / "rules.py").write_text(RULES)
    newest = f"file://./runs/_annotation/{NAME}/newest/train.csv"
    world.experiment(
        SEARCH, space={"x": {"type": "choice", "values": [1]}}, trials={"max": 1, "concurrency": 1},
        data={"train": newest},
        tasks=[{"name": "train", "command": ["python", str(world.root / "train_signs.py"), "data=${data.train}"]}],
    )  # fmt: skip
    rules = ["python", str(world.root / "rules.py"), "${items}", "${out}"]
    world.write(f"{NAME}.annotation", yaml.safe_dump({
        "kind": "annotation", "name": NAME, "output": {"storage": "file://./runs"},
        "items": {"data": "signs.jsonl", "key": "id", "columns": ["a", "b", "city"]},
        "labels": {"classes": ["no", "yes"]},
        "models": [{"experiment": SEARCH}, {"name": "rules", "family": "rules", "command": rules}],
        "select": {"many": 14, "random_share": 0.4, "stratum_share": 0.4},
        "agree": {"accuracy": 0.7, "confidence": 0.7},
        "people": {"who": ["anna", "ben"], "price": 0.1, "within": "1h"}, "stop": {"rounds": 2},
    }, sort_keys=False))  # fmt: skip
    world.wait_for_dag(SEARCH)
    world.wait_for_dag(DAG)
    return world


def project(world: World) -> Project:
    """The project's journal as it is now."""
    return Project.open(open_store(str(world.root / "runs")), NAME)


def state_of(world: World, run: str, task: str) -> str:
    """The state of a task; empty where there is no such run yet."""
    if world.raw("GET", f"/dags/{DAG}/dagRuns/{run}").status_code == 404:
        return ""
    return str(world.instances(DAG, run)[task, -1]["state"])


@contextmanager
def at_work(world: World, *names: str) -> Iterator[None]:
    """People who label on the page, as long as this lasts."""
    secret = json.loads(world.airflow.credentials_file.read_text())
    passwords = json.loads((world.airflow.home / "passwords.json").read_text())
    over = Event()

    def work(name: str) -> int:
        with AutoML(Credentials(secret["url"], name, passwords[name])) as client:
            person = Annotator(name, meant, ("no", "yes"))
            return person.work(RestDesk(client.annotation(NAME)), wanted=lambda: not over.is_set())

    with ThreadPoolExecutor(len(names)) as pool:
        jobs = [pool.submit(work, name) for name in names]
        try:
            yield
        finally:
            over.set()
        assert sum(job.result(60) for job in jobs) > 0


def until(world: World, run: str, task: str, *states: str) -> None:
    """Wait until a task of a run is in one of some states."""

    def there() -> bool:
        return state_of(world, run, task) in states

    def explain() -> str:
        if world.raw("GET", f"/dags/{DAG}/dagRuns/{run}").status_code == 404:
            return "there is no such run"
        return str({key: row["state"] for key, row in world.instances(DAG, run).items()})

    wait_until(there, 180, f"{task} of {run} to be {' or '.join(states)}", explain=explain)


def test_two_rounds_by_themselves_with_a_clear_in_between(signs: World) -> None:
    assert "anna" in PEOPLE
    look = signs.start(DAG)
    until(signs, "round_1", "wait", "deferred")
    batch = project(signs).state.batches[1]
    assert len(batch.items) == 14
    signs.call("POST", f"/dags/{DAG}/clearTaskInstances", json={
        "dag_run_id": "round_1", "task_ids": ["choose"], "include_downstream": True, "only_failed": False,
        "dry_run": False,
    })  # fmt: skip
    label_by_keyboard(signs, NAME, "anna", lambda row: meant({name: float(row[name]) for name in ("a", "b")}), 3)
    with at_work(signs, "anna", "ben"):
        until(signs, "round_1", "decide", "success")
        until(signs, "round_2", "decide", "success")
    assert signs.finish(DAG, "round_2") == "success"
    assert signs.finish(DAG, look) == "success"
    state = project(signs).state
    assert sorted(state.rounds) == [1, 2]
    assert [each.round for each in state.batches.values()] == [1, 2], "the clear has sent nothing twice"
    assert state.batches[1].items == batch.items
    persons = [vote for vote in state.votes if vote.author in ("anna", "ben")]
    assert len(persons) == sum(len(each.items) for each in state.batches.values()), "each item was labelled once"
    assert {vote.where for vote in persons} == {"page"}
    assert all(vote.price == 0.1 and vote.seconds is not None for vote in persons), "a quick key takes 0.0 s"
    for number, each in state.rounds.items():
        (training,) = each.trainings
        assert training.experiment == SEARCH
        assert training.run.startswith(f"annotation_{NAME}_round_{number}_set_{number}-")
        assert training.model is not None
        assert each.evaluation is not None
        assert [model["labeller"] for model in each.evaluation.evidence["models"]] == [SEARCH, "rules"]
    runs = signs.call("GET", f"/dags/{SEARCH}/dagRuns")["dag_runs"]
    assert {run["dag_run_id"]: run["state"] for run in runs} == {
        each.trainings[0].run: "success" for each in state.rounds.values()
    }
    assert runs[0]["conf"]["reason"]["annotation"] == NAME
    assert state.stopped is not None
    assert state.stopped.why == "rounds"


def test_what_has_ended_is_not_begun_by_another_look(signs: World) -> None:
    run, state = signs.run(DAG)
    assert state == "success"
    states = {task: row["state"] for (task, _), row in signs.instances(DAG, run).items()}
    assert states.pop("collect") == "success"
    assert set(states.values()) == {"skipped"}
    assert signs.raw("GET", f"/dags/{DAG}/dagRuns/round_3").status_code == 404


def test_people_who_are_not_named_get_no_task(signs: World) -> None:
    secret = json.loads(signs.airflow.credentials_file.read_text())
    passwords = json.loads((signs.airflow.home / "passwords.json").read_text())
    from automl_core.client.errors import AuthError

    with AutoML(Credentials(secret["url"], "vera", passwords["vera"])) as client, pytest.raises(AuthError):
        client.annotation(NAME).claim(1)
