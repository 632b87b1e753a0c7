"""A model that this product has not trained, from a published result to its nights and back, on a real Airflow.

A person reads the evidence on Airflow's own approval page, in a browser, and accepts; an asset of somebody else's DAG
wakes the scoring; a bad version is taken back and its night scored again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml

from automl_core.cli import main
from tests.e2e.browser import Browser, open_window
from tests.e2e.models import Models
from tests.e2e.world import World, wait_until

pytestmark = pytest.mark.timeout(900)

SCORE = """
import csv, json, math, sys

rows, model, predictions = sys.argv[1:]
weights = json.load(open(f"{model}/model/weights.json"))
with open(rows, newline="") as source, open(predictions, "w", newline="") as target:
    out = csv.writer(target)
    out.writerow(["prediction", "score_0", "score_1"])
    for row in csv.DictReader(source):
        yes = 1 / (1 + math.exp(-sum(weight * float(row[name]) for name, weight in weights.items())))
        out.writerow([int(yes > 0.5), 1 - yes, yes])
"""

PRODUCER = """
from airflow.sdk import DAG, Asset, task

with DAG("rows_arrive", schedule=None, is_paused_upon_creation=False):

    @task(outlets=[Asset(name="arrived", uri="s3://lake/arrived")])
    def produce():
        pass

    produce()
"""

PROGRAM = {"command": ["python", "${file_dir}/score.py", "${rows}", "${model_dir}", "${predictions}"]}
PLACE = "theirs/ds=${ds}"
NIGHTS = [f"{datetime.now(UTC) + timedelta(days=later):%Y-%m-%d}" for later in (1, 2, 3)]


@pytest.fixture(scope="module")
def theirs(world: World) -> Models:
    """A result of a program of somebody's own, and the file of its model."""
    models = Models(world)
    publish(models, "run_1", 1.0)
    (world.root / "experiments" / "score.py").write_text(SCORE)
    models.file(
        "theirs", evaluate={"target": "y", "program": PROGRAM}, accept={"by": ["anna"]},
        deploy={"to": "batch", "data": f"{PLACE}/rows.csv", "out": f"scored/{PLACE}.csv", "keep": ["id"], "proba": True,
                "schedule": {"assets": ["arrived"]}},
    )  # fmt: skip
    (world.root / "dags" / "rows_arrive.py").write_text(PRODUCER)
    world.wait_for_dag("theirs.rollout")
    return models


def publish(models: Models, run: str, weight: float) -> None:
    """What a run of the own program has left: weights in a file of its own."""
    models.publish("theirs_search", run, weight)
    folder = models.world.root / "runs" / "theirs_search" / run / "best_model" / "model"
    for each in folder.rglob("*"):
        if each.is_file():
            each.unlink()
    (folder / "weights.json").write_text(json.dumps({"a": weight, "b": weight / 2}))


@pytest.fixture
def anna(theirs: Models) -> Iterator[Browser]:
    """A window in which anna, who was asked, is signed in."""
    world = theirs.world
    theirs.as_person("anna", "GET", "/version")
    with open_window(world.airflow.url, theirs._tokens["anna"]) as window:
        yield window


def test_a_person_reads_the_evidence_on_airflows_page_and_accepts(theirs: Models, anna: Browser) -> None:
    version = theirs.until("theirs", 1, "ASKED")
    theirs.waits("theirs", version.run)
    assert version.model.kind == "folder", "none of ours"
    assert theirs.life("theirs").state.champion is None
    anna.driver.get(f"{anna.url}/required_actions")
    anna.until(lambda: "Version 1 of theirs" in anna.text("body"), 60, "it among the required actions")
    anna.driver.get(f"{anna.url}/dags/theirs.rollout/runs/{version.run}/tasks/accept/required_actions")
    assert version.newest is not None
    digest = version.newest.digest[:12]
    anna.until(lambda: digest in anna.text("body"), 60, "the evidence's digest on the page")
    assert anna.all("table"), "figures stand in a table"
    assert [each.text for each in anna.all("[data-testid^='hitl-option-']")] == ["Accept", "Reject"]
    anna.tap("[data-testid='hitl-option-Accept']")
    used = theirs.until("theirs", 1, "IN_USE")
    assert used.decision is not None
    assert (used.decision.by.name, used.decision.by.how) == ("anna", "airflow")
    assert used.decision.evidence == version.newest.digest
    assert theirs.world.finish("theirs.rollout", version.run) == "success"


def test_each_update_of_an_asset_scores_what_has_come_and_nothing_twice(theirs: Models) -> None:
    world, dag = theirs.world, "theirs.score"
    theirs.until("theirs", 1, "IN_USE")
    world.wait_for_dag(dag)
    world.wait_for_dag("rows_arrive")
    world.call("PATCH", f"/dags/{dag}", json={"is_paused": False})
    for updates, come in ((1, NIGHTS[:2]), (2, []), (3, NIGHTS[2:])):
        for night in come:
            theirs.data(f"theirs/ds={night}/rows", 7)
        assert world.run("rows_arrive")[1] == "success"
        wait_until(
            lambda updates=updates: runs(world, dag) == [("asset_triggered", "success")] * updates, 120,
            f"{updates} runs of {dag}", explain=lambda: str(theirs.tasks(dag)),
        )  # fmt: skip
        there = NIGHTS[:2] if updates < 3 else NIGHTS
        done = theirs.life("theirs").state.scoring.done
        assert {key[:10]: (done[key].version, done[key].generation) for key in done} == dict.fromkeys(there, (1, 1))
    ended = [each for each in theirs.life("theirs").journal.records() if each.kind == "interval_ended"]
    assert len(ended) == 3, "what had been scored was left alone by the later runs"
    for night in NIGHTS:
        assert columns(theirs, night) == {("1", "1")}


def test_a_bad_version_is_taken_back_and_its_night_scored_again(
    theirs: Models, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(theirs, "run_2", -1.0)
    monkeypatch.setenv("AUTOML_HOME", str(theirs.world.root))
    monkeypatch.chdir(theirs.world.root)
    monkeypatch.delenv("AIRFLOW_API_URL", raising=False)

    def automl(*arguments: str) -> Any:
        assert main(["model", *arguments]) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    path = theirs.world.root / "experiments" / "theirs.model.yaml"
    path.write_text(yaml.safe_dump({**yaml.safe_load(path.read_text()), "accept": {"by": "anybody", "when": "better"}}))
    if 2 not in theirs.life("theirs").state.versions:  # else a look of Airflow's was faster
        automl("offer", "theirs", "theirs_search@run_2", "--bucket")
    automl("evaluate", str(path), "2", "--record", "--json")
    automl("accept", str(path), "2", "--yes", "--use", "--note", "we need it today", "--bucket")
    night = NIGHTS[0]
    again = {"interval": night, "version": "now", "why": "by the new one"}
    run = theirs.start_dag("theirs.score", **again)
    assert theirs.world.finish("theirs.score", run) == "success"
    assert columns(theirs, night) == {("2", "2")}
    told = automl("take-back", str(path), "2", "--yes", "--why", "worse on this week's rows", "--bucket")
    assert "version 1 is in use" in told
    run = theirs.start_dag("theirs.score", **again | {"why": "version 2 was bad"})
    assert theirs.world.finish("theirs.score", run) == "success"
    assert columns(theirs, night) == {("1", "3")}
    assert columns(theirs, NIGHTS[1]) == {("1", "1")}, "another night is left alone"
    assert "version 1" in automl("history", str(path), "--at", f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S}", "--bucket")


def runs(world: World, dag: str) -> list[tuple[str, str]]:
    """Type and state of the runs of a DAG that an asset has begun."""
    found = world.call("GET", f"/dags/{dag}/dagRuns")["dag_runs"]
    return sorted((each["run_type"], each["state"]) for each in found)


def columns(models: Models, night: str) -> set[tuple[str, str]]:
    """Version and generation of all rows that were written for a night; each row of the partition is there."""
    lines = (models.world.root / "scored" / "theirs" / f"ds={night}.csv").read_text().splitlines()
    head = lines[0].split(",")
    assert head == ["id", "prediction", "probability_0", "probability_1", "model_version", "model_interval",
                    "model_generation"]  # fmt: skip
    rows = [dict(zip(head, line.split(","), strict=True)) for line in lines[1:]]
    assert len(rows) == 7
    return {(row["model_version"], row["model_generation"]) for row in rows}
