"""Trials in MaxCompute on a real Airflow: each instance is submitted once, whatever dies, and ended when it must."""

from __future__ import annotations

import json
import os
import runpy
import shutil
from collections import Counter
from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from automl_airflow.session import PRODUCT_ROOT
from automl_airflow.standalone import running_airflow
from tests.e2e.world import World, wait_until
from tests.standins.maxcompute import MaxComputeStandIn

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def standin() -> Iterator[MaxComputeStandIn]:
    with MaxComputeStandIn() as standin:
        yield standin


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, standin: MaxComputeStandIn) -> Iterator[World]:
    connection = {
        "conn_type": "maxcompute",
        "login": standin.account.access_id,
        "password": standin.account.secret,
        "extra": {
            "project": standin.project,
            "endpoint": standin.endpoint,
            "tunnel_endpoint": standin.address,
            "logview_host": standin.address,
        },
    }
    root = tmp_path_factory.mktemp("world")
    made = World.make(root, AIRFLOW_CONN_MAXCOMPUTE_DEFAULT=json.dumps(connection))
    with running_airflow(made.airflow):
        yield made


@pytest.fixture(autouse=True)
def no_faults(standin: MaxComputeStandIn) -> Iterator[None]:
    yield
    standin.faults.clear()


def sql(world: World, name: str, *statements: Any, **groups: Any) -> str:
    """An experiment whose trials run statements; the value is x."""
    task = {
        "name": "train", "backend": "maxcompute", "poll": "1s",
        "sql": list(statements) or ["SELECT 1 AS one"],
        "metrics": {"source": "select", "sql": "SELECT ${x} AS accuracy"},
    }  # fmt: skip
    return world.experiment(name, tasks=[task], **groups)


def submitted(standin: MaxComputeStandIn) -> list[str]:
    """The statements of every instance so far, in order."""
    return [instance.job.tasks[0].query for instance in standin.service._instances.values()]


def running(standin: MaxComputeStandIn) -> list[str]:
    """Statements of the instances that run."""
    return [i.job.tasks[0].query for i in standin.service._instances.values() if i.status == "Running"]


def test_the_example_finds_its_best_model(world: World, standin: MaxComputeStandIn) -> None:
    keys = {
        "ODPS_ACCESS_ID": standin.account.access_id, "ODPS_ACCESS_KEY": standin.account.secret,
        "ODPS_PROJECT": standin.project, "ODPS_ENDPOINT": standin.endpoint, "ODPS_TUNNEL_ENDPOINT": standin.address,
    }  # fmt: skip
    with mock.patch.dict(os.environ, keys):
        runpy.run_path(str(PRODUCT_ROOT / "examples" / "breast_cancer_sql_load.py"), run_name="__main__")
    shutil.copy(PRODUCT_ROOT / "experiments" / "breast_cancer_sql.yaml", world.root / "experiments")
    run, state = world.run("breast_cancer_sql", {"trials": {"max": 6}})
    assert state == "success"
    result = world.controller("breast_cancer_sql", run)
    assert len(result["trials"]) == 6
    best = result["experiment"]["best_trial"]
    assert result["experiment"]["best_value"] > 0.96
    model = json.loads((world.folder("breast_cancer_sql", run) / "best_model" / "model" / "model.json").read_text())
    table = f"breast_cancer_sql_predictions_{best}"
    assert model == {"kind": "table", "project": "standin", "table": table}
    assert standin.odps().exist_table(table)
    assert sum("breast_cancer_sql_scaled LIFECYCLE" in text for text in submitted(standin)) == 1, "prepared once"
    assert all(trial["cost"] > 0 for trial in result["trials"])
    log = world.log("breast_cancer_sql", run, "trial", 0)
    assert "statement 2 of 2 (predict): instance 2" in log
    assert "/logview/" in log
    assert "token=" not in log


def test_a_killed_triggerer_finds_its_instances_again(world: World, standin: MaxComputeStandIn) -> None:
    standin.faults.set(run_seconds=12)
    seen = len(submitted(standin))
    statements = ["CREATE TABLE killed_${trial_id} LIFECYCLE 1 AS SELECT ${x} AS x", "SELECT x FROM killed_${trial_id}"]
    name = sql(world, "triggerer_killed", *statements, trials={"max": 2, "concurrency": 2})
    run = world.start(name)
    wait_until(
        lambda: len(running(standin)) == 2 and world.states(name, run)["deferred"] == 2, 90, "both trials to run"
    )
    world.airflow.kill_component("triggerer")
    world.airflow.start_component("triggerer")
    assert world.finish(name, run, 200) == "success"
    trials = world.controller(name, run)["trials"]
    assert [len(trial["attempts"]) for trial in trials] == [1, 1]
    assert Counter(submitted(standin)[seen:]).most_common(1)[0][1] == 1, "no statement twice"
    assert len(submitted(standin)) - seen == 6


def test_who_ends_a_trial_ends_its_instance(world: World, standin: MaxComputeStandIn) -> None:
    standin.faults.set(run_seconds=120)
    name = sql(world, "ended", "SELECT ${x} AS endless", trials={"max": 2, "concurrency": 2})
    run = world.start(name)
    wait_until(
        lambda: len(running(standin)) == 2 and world.states(name, run)["deferred"] == 2, 90, "both trials to run"
    )
    path = f"/dags/{name}/dagRuns/{run}/taskInstances/trial/1"
    world.call("PATCH", path, json={"new_state": "failed"})
    world.study(name, run).cancel_trial(0, "a test")
    wait_until(lambda: not running(standin), 30, "the instances to be stopped")
    assert world.finish(name, run, 120) == "failed"
    trials = world.controller(name, run)["trials"]
    assert [trial["state"] for trial in trials] == ["USER_CANCELED", "USER_CANCELED"]
    assert "a test" in trials[0]["attempts"][0]["reason"]


def test_bad_sql_fails_at_once_and_ends_the_experiment(world: World, standin: MaxComputeStandIn) -> None:
    seen = len(submitted(standin))
    name = sql(
        world, "bad_sql", "SELECT nothing FROM no_such_table_${trial_id}",
        trials={"max": 9, "concurrency": 1, "retries": 3, "max_failed": 9}, stop={"same_error": 2},
    )  # fmt: skip
    run, state = world.run(name)
    assert state == "failed"
    result = world.controller(name, run)
    assert len(submitted(standin)) - seen == 2, "neither tried again, nor further trials after the same error twice"
    reason = result["trials"][0]["attempts"][0]["reason"]
    assert "ODPS-0130131" in reason
    assert "no_such_table_0 cannot be resolved" in reason
    assert "same error" in result["experiment"]["stop_reason"]


def test_throttling_is_waited_out(world: World, standin: MaxComputeStandIn) -> None:
    standin.faults.set(throttle=5, only="POST .*/instances", quota_full=2)
    name = sql(world, "throttled", trials={"max": 2, "concurrency": 2})
    run, state = world.run(name)
    assert state == "success"
    assert standin.faults.throttle == standin.faults.quota_full == 0
    trials = world.controller(name, run)["trials"]
    assert [len(trial["attempts"]) for trial in trials] == [1, 1]
    assert any("RequestThrottled" in world.log(name, run, "trial", index) for index in (0, 1))


def test_a_mixed_trial_goes_from_sql_to_a_process_and_back(world: World, standin: MaxComputeStandIn) -> None:
    (world.root / "fit.py").write_text(
        "import csv, os, pathlib, sys\n"
        "folder = pathlib.Path(os.environ['AUTOML_MODEL_DIR'])\n"
        "rows = list(csv.DictReader((folder / 'data' / 'train.csv').open()))\n"
        "print(f'accuracy={sum(float(r[\"x\"]) for r in rows)} rows={len(rows)}')\n"
    )
    rows = "SELECT ${x} AS x UNION ALL SELECT 1.0 AS x"
    prepare = {
        "name": "prepare", "backend": "maxcompute", "poll": "1s",
        "sql": f"CREATE TABLE tmp_mixed_${{trial_id}} AS {rows}",
        "tables": {"temporary": {"prefix": "tmp_mixed_${trial_id}"}, "drop": "never"},
        "export": {"tmp_mixed_${trial_id}": "data/train.csv"},
    }  # fmt: skip
    fit = {"name": "fit", "command": ["python", str(world.root / "fit.py")]}
    score = {
        "name": "score", "backend": "maxcompute", "poll": "1s", "sql": "SELECT 1 AS nothing",
        "metrics": {"source": "select", "sql": "SELECT count(*) AS scored FROM tmp_mixed_${trial_id}"},
    }  # fmt: skip
    name = world.experiment("mixed", tasks=[prepare, fit, score], trials={"max": 1})
    run, state = world.run(name)
    assert state == "success"
    trial = world.controller(name, run)["trials"][0]
    assert trial["value"] == pytest.approx(1 + trial["params"]["x"])
    assert trial["metrics"]["scored"] == 2
    assert standin.odps().get_table("tmp_mixed_0").lifecycle == 1
