"""Annotation on a real Airflow whose store is a bucket, with one experiment whose best model is two: `families: 2`."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
import yaml

from automl_airflow.standalone import running_airflow
from automl_core.annotation.project import Label, Project
from automl_core.journal import Person
from automl_core.storage import Credentials, open_store
from tests.contract.object_servers import BUCKET
from tests.e2e.test_annotation import meant
from tests.e2e.world import World, wait_until
from tests.faults.bucket import Bucket
from tests.sources import ROOT
from tests.support.postgres import binaries, postgres
from tests.unit.models.evaluation.small import rows

pytestmark = [pytest.mark.timeout(7200), pytest.mark.long]  # longer than all of its own waits

NAME, DAG, SEARCH = "shelf", "shelf.annotation", "shelf_search"
STORAGE = f"s3://{BUCKET}/runs"
MANY, ROUNDS = 24, 2

TRAIN = f"""
import csv, os, pathlib, shutil, sys, tempfile

import numpy as np

sys.path.insert(0, {str(ROOT)!r})
from automl_core.modelfile import write
from tests.unit.models.evaluation.small import GOLDEN, SCHEMA

found = list(csv.DictReader(open(sys.argv[1])))
assert {{row["label"] for row in found}} == {{"no", "yes"}}, "labels of people are learned from"
features = [
    {{"step": "numbers", "columns": ["a", "b"], "fill": np.asarray([0.0, 0.0])}},
    {{"step": "onehot", "columns": ["city"], "levels": [["Bonn", "Ulm"]], "places": [np.asarray([0, 1, -1, -1])],
      "names": [["city=Bonn", "city=Ulm"]]}},
]
linear = {{"type": "linear", "coef": np.asarray([[2.0], [1.0], [0.0], [0.0]]), "intercept": np.zeros(1),
           "center": np.zeros(4)}}
dense = {{"type": "dense", "activation": "tanh", "layers": [
    {{"weight": np.asarray([[1.5, 0.0], [0.8, 0.0], [0.0, 0.1], [0.0, 0.1]]), "bias": np.zeros(2)}},
    {{"weight": np.asarray([[3.0], [0.0]]), "bias": np.zeros(1)}},
]}}
members = [{{"weight": weight, "features": features, "model": model, "link": "sigmoid"}}
           for weight, model in ((0.6, linear), (0.4, dense))]
with tempfile.TemporaryDirectory() as folder:
    made = write(pathlib.Path(folder) / "model", members=members, schema=SCHEMA, golden=GOLDEN, made={{}},
                 problem={{"kind": "binary", "target": "label", "classes": ["no", "yes"]}}, threshold=None)
    shutil.copytree(made, os.environ["AUTOML_MODEL_DIR"], dirs_exist_ok=True)
print("accuracy=0.9 step=0", flush=True)
"""


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    """The store."""
    made = Bucket(tmp_path_factory.mktemp("store") / "bucket")
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory, bucket: Bucket) -> Iterator[World]:
    """An Airflow with the project and its experiment."""
    if binaries() is None:
        pytest.skip("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
    with ExitStack() as stack:
        # on a busy machine SQLite is locked for longer than Airflow's parts wait, and they end
        world = World.make(tmp_path_factory.mktemp("shelf"), database=stack.enter_context(postgres()))
        stack.enter_context(running_airflow(world.airflow))
        world.call("POST", "/connections", json={
            "connection_id": "bucket", "conn_type": "aws", "login": "first", "password": "secret",
            "extra": json.dumps({"endpoint_url": bucket.endpoint}),
        })  # fmt: skip
        table, output = rows(80), {"storage": STORAGE, "connection": "bucket"}
        lines = [json.dumps({name: table[name][at] for name in ("id", "a", "b", "city")}) for at in range(80)]
        (world.root / "shelf.jsonl").write_text("\n".join(lines) + "\n")
        (world.root / "train_two.py").write_text(TRAIN)
        world.experiment(
            SEARCH, space={"x": {"type": "choice", "values": [1]}}, trials={"max": 1, "concurrency": 1}, output=output,
            data={"train": f"{STORAGE}/_annotation/{NAME}/newest/train.csv"},
            tasks=[{"name": "train", "command": ["python", str(world.root / "train_two.py"), "${data.train}"]}],
        )  # fmt: skip
        world.write(f"{NAME}.annotation", yaml.safe_dump({
            "kind": "annotation", "name": NAME, "output": output,
            "items": {"data": "shelf.jsonl", "key": "id", "columns": ["a", "b", "city"]},
            "labels": {"classes": ["no", "yes"]}, "models": [{"experiment": SEARCH, "families": 2}],
            "agree": {"accuracy": 0.7, "confidence": 0.7},
            "select": {"many": MANY, "random_share": 0.7, "stratum_share": 0.5},
            "people": {"who": ["anna"], "price": 0.1, "within": "2h"}, "stop": {"rounds": ROUNDS},
        }, sort_keys=False))  # fmt: skip
        world.wait_for_dag(SEARCH)
        world.wait_for_dag(DAG)
        yield world


def test_two_families_of_one_experiment_label_in_a_bucket(shelf: World, bucket: Bucket) -> None:
    over = threading.Event()

    def opened() -> Project:
        return Project.open(open_store(STORAGE, Credentials("first", "secret", endpoint_url=bucket.endpoint)), NAME)

    def work() -> None:
        project = opened()
        while not over.wait(0.5):
            project.refresh()
            for item in project.claim("anna", MANY, 600.0):
                label = meant(project.catalog.content(item))
                project.label([Label(item, label, "anna", where="page", shown=item)], Person("anna", "rest"))

    person = threading.Thread(target=work)
    person.start()
    try:
        shelf.start(DAG)

        def state_of(run: str) -> str:
            there = shelf.raw("GET", f"/dags/{DAG}/dagRuns/{run}").status_code == 200
            return shelf.state(DAG, run) if there else ""

        for number in range(1, ROUNDS + 1):
            run = f"round_{number}"
            wait_until(lambda run=run: state_of(run) in ("success", "failed"), 600, f"{run} to end")
            assert state_of(run) == "success", {key: row["state"] for key, row in shelf.instances(DAG, run).items()}
    finally:
        over.set()
        person.join(60)
    state = opened().state
    assert state.skipped == {}
    assert (state.batches[1].round, len(state.batches[1].items)) == (1, MANY)
    trainings = [training for each in state.rounds.values() for training in each.trainings]
    assert len(trainings) == ROUNDS
    assert all(each.model is not None and each.model["families"] == 2 for each in trainings)
    models = state.rounds[ROUNDS].evaluation.evidence["models"]  # type: ignore[union-attr]
    assert len({each["name"] for each in models}) == 2
    assert {each["run"] for each in models} == {trainings[-1].run}, "both are of one run"
    (search,) = state.found_in(ROUNDS)
    assert len(search.models) == 2
    assert search.threshold is not None, "people and two families agree, so models label"
    assert search.taken > 0
    for key in ("train.csv", "stratum.csv"):
        assert (bucket.folder / "runs" / "_annotation" / NAME / "newest" / key).stat().st_size > 0
