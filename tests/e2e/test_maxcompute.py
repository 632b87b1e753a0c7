"""Trials in MaxCompute on a real Airflow: each instance is submitted once, whatever dies, and ended when it must."""

from __future__ import annotations

import csv
import json
import os
import runpy
import shutil
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from unittest import mock

import pytest

from automl_airflow.session import PRODUCT_ROOT
from tests.e2e.world import FOR_TABLES, World, wait_until
from tests.standins.maxcompute import MaxComputeStandIn

pytestmark = pytest.mark.timeout(900)

ENVIRONMENT = FOR_TABLES


@pytest.fixture(scope="module")
def standin() -> Iterator[MaxComputeStandIn]:
    with MaxComputeStandIn() as standin:
        yield standin


@pytest.fixture(scope="module", autouse=True)
def connected(world: World, standin: MaxComputeStandIn) -> None:
    """Have Airflow know the service, by a connection as an administrator makes it."""
    extra = {
        "project": standin.project, "endpoint": standin.endpoint, "tunnel_endpoint": standin.address,
        "logview_host": standin.address,
    }  # fmt: skip
    connection = {
        "connection_id": "maxcompute_default", "conn_type": "maxcompute", "login": standin.account.access_id,
        "password": standin.account.secret, "extra": json.dumps(extra),
    }  # fmt: skip
    world.call("POST", "/connections", json=connection)


def sql(world: World, name: str, *statements: Any, **groups: Any) -> str:
    """An experiment whose trials run statements; the value is x."""
    task = {
        "name": "train", "backend": "maxcompute", "poll": "1s",
        "sql": list(statements) or ["SELECT 1 AS one"],
        "metrics": {"source": "select", "sql": "SELECT ${x} AS accuracy"},
    }  # fmt: skip
    return world.experiment(name, tasks=[task], **groups)


def submitted(standin: MaxComputeStandIn, part: str) -> list[str]:
    """The statements of all instances so far that have a text in them."""
    return [text for i in standin.service._instances.values() if part in (text := i.job.tasks[0].query)]


def running(standin: MaxComputeStandIn, part: str) -> int:
    """How many instances run whose statement has a text in it."""
    return sum(i.status == "Running" and part in i.job.tasks[0].query for i in standin.service._instances.values())


def taken_up(world: World, name: str) -> int:
    """How often a triggerer has begun to watch a trial of an experiment: a log for each time."""
    return len(list((world.airflow.home / "logs" / f"dag_id={name}").rglob("*.trigger.*.log")))


FIT = """
import csv, os, pathlib
folder = pathlib.Path(os.environ["AUTOML_MODEL_DIR"])
rows = list(csv.DictReader((folder / "data" / "train.csv").open()))
print(f"accuracy={sum(float(row['x']) for row in rows)} rows={len(rows)}")
"""


def mixed(world: World) -> str:
    """An experiment whose trials go from SQL to a process and back."""
    (world.root / "fit.py").write_text(FIT)
    table, rows = "tmp_mixed_${trial_id}", "SELECT ${x} AS x UNION ALL SELECT 1.0 AS x"
    prepare = {
        "name": "prepare", "backend": "maxcompute", "poll": "1s", "sql": f"CREATE TABLE {table} AS {rows}",
        "tables": {"temporary": {"prefix": table}, "drop": "never"}, "export": {table: "data/train.csv"},
    }  # fmt: skip
    fit = {"name": "fit", "command": ["python", str(world.root / "fit.py")]}
    score = {
        "name": "score", "backend": "maxcompute", "poll": "1s", "sql": "SELECT 1 AS nothing",
        "metrics": {"source": "select", "sql": f"SELECT count(*) AS scored FROM {table}"},
    }  # fmt: skip
    return world.experiment("mixed", tasks=[prepare, fit, score], trials={"max": 1})


MODEL = """
import os
import numpy as np
from automl_core import modelfile
from automl_core.data import read_table
from automl_core.modelfile.scoring.values import Field, Schema

assert not any(name.startswith("ODPS") for name in os.environ), "a training has no keys"
rows = read_table(os.environ["AUTOML_DATA_TRAIN"])
schema = Schema([Field("x", "number", "number")])
features = [{"step": "numbers", "columns": ["x"], "fill": np.asarray([0.0])}]
model = {"type": "linear", "coef": np.asarray([[2.0]]), "intercept": np.asarray([1.0]), "center": np.asarray([0.0])}
modelfile.write(
    os.path.join(os.environ["AUTOML_MODEL_DIR"], "table"), made={}, schema=schema,
    members=[{"weight": 1.0, "features": features, "model": model, "link": "identity"}],
    problem={"kind": "regression", "target": "y", "classes": []}, golden=[{"x": 1.5}, {"x": None}],
)
print(f"accuracy={rows.num_rows / 10}")
"""


def scored(world: World, standin: MaxComputeStandIn) -> str:
    """An experiment that trains from one partition of a table, and whose model scores another."""
    odps = standin.odps()
    for text in (
        "CREATE TABLE IF NOT EXISTS e2e_rows (id BIGINT, x DOUBLE) PARTITIONED BY (ds STRING)",
        "INSERT OVERWRITE TABLE e2e_rows PARTITION (ds='1') VALUES (1, 1.0), (2, 2.0)",
        "INSERT OVERWRITE TABLE e2e_rows PARTITION (ds='2') VALUES (9007199254740993L, 0.25), (4, NULL), (5, -3.0)",
    ):
        odps.execute_sql(text).wait_for_success()
    (world.root / "model.py").write_text(MODEL)
    return world.experiment(
        "scored", tasks=[{"name": "fit", "command": ["python", str(world.root / "model.py")]}], trials={"max": 1},
        data={"train": {"place": "odps://standin/e2e_rows/ds=1", "connection": "maxcompute_default"}},
        predict={
            "rows": "odps://standin/e2e_rows/ds=2", "out": "odps://standin/e2e_scores/ds=2", "keep": ["id"],
            "poll": "1s",
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def ended(world: World, standin: MaxComputeStandIn) -> dict[str, tuple[str, str]]:
    """Run and state of several experiments that ran at the same time, on a service that is short of everything."""
    load_table(standin)
    shutil.copy(PRODUCT_ROOT / "experiments" / "breast_cancer_sql.yaml", world.root / "experiments")
    few = {"max": 9, "concurrency": 1, "retries": 3, "max_failed": 9}
    sql(world, "bad_sql", "SELECT a FROM no_such_table_${trial_id}", trials=few, stop={"same_error": 2})
    sql(world, "plain", trials={"max": 1})
    mixed(world)
    scored(world, standin)
    standin.faults.set(throttle=4, quota_full=2, only="POST .*/instances")
    conf = {"breast_cancer_sql": {"trials": {"max": 4}}}
    runs = {
        name: world.start(name, conf.get(name)) for name in ("breast_cancer_sql", "bad_sql", "plain", "mixed", "scored")
    }
    return {name: (run, world.finish(name, run, 420)) for name, run in runs.items()}


def load_table(standin: MaxComputeStandIn) -> None:
    """Load the example's table as a user would."""
    keys = {
        "ODPS_ACCESS_ID": standin.account.access_id, "ODPS_ACCESS_KEY": standin.account.secret,
        "ODPS_PROJECT": standin.project, "ODPS_ENDPOINT": standin.endpoint, "ODPS_TUNNEL_ENDPOINT": standin.address,
    }  # fmt: skip
    with mock.patch.dict(os.environ, keys):
        runpy.run_path(str(PRODUCT_ROOT / "examples" / "breast_cancer_sql_load.py"), run_name="__main__")


Ended = dict[str, tuple[str, str]]


def test_the_example_finds_its_best_model(world: World, standin: MaxComputeStandIn, ended: Ended) -> None:
    name = "breast_cancer_sql"
    run, state = ended[name]
    assert state == "success"
    result = world.controller(name, run)
    assert len(result["trials"]) == 4
    best = result["experiment"]["best_trial"]
    assert result["experiment"]["best_value"] > 0.96
    model = json.loads((world.folder(name, run) / "best_model" / "model" / "model.json").read_text())
    table = f"breast_cancer_sql_predictions_{best}"
    assert model == {"kind": "table", "project": "standin", "table": table}
    assert standin.odps().exist_table(table)
    assert len(submitted(standin, "breast_cancer_sql_scaled LIFECYCLE")) == 1, "prepared once"
    assert all(trial["cost"] > 0 for trial in result["trials"])
    log = world.log(name, run, "trial", 0)
    assert "statement 2 of 2 (predict): instance 2" in log
    assert "/logview/" in log
    assert "token=" not in log


def test_bad_sql_fails_at_once_and_ends_the_experiment(world: World, standin: MaxComputeStandIn, ended: Ended) -> None:
    run, state = ended["bad_sql"]
    assert state == "failed"
    result = world.controller("bad_sql", run)
    assert len(submitted(standin, "no_such_table")) == 1, "neither tried again, nor more trials: none would find it"
    reason = result["trials"][0]["attempts"][0]["reason"]
    assert "ODPS-0130131" in reason
    assert "no_such_table_0 cannot be resolved" in reason
    assert "failed as every other would (stop.same_error)" in result["experiment"]["stop_reason"]


def test_throttling_and_a_full_quota_are_waited_out(world: World, standin: MaxComputeStandIn, ended: Ended) -> None:
    assert standin.faults.throttle == standin.faults.quota_full == 0, "all of it was met"
    for name, (run, _) in ended.items():
        assert {len(trial["attempts"]) for trial in world.controller(name, run)["trials"]} <= {1, 3}, name
    assert ended["plain"][1] == "success"


def test_a_mixed_trial_goes_from_sql_to_a_process_and_back(
    world: World, standin: MaxComputeStandIn, ended: Ended
) -> None:
    run, state = ended["mixed"]
    assert state == "success"
    trial = world.controller("mixed", run)["trials"][0]
    assert trial["value"] == pytest.approx(1 + trial["params"]["x"])
    assert trial["metrics"]["scored"] == 2
    assert standin.odps().get_table("tmp_mixed_0").lifecycle == 1


def test_a_model_of_a_table_scores_another_partition_where_it_lies(
    world: World, standin: MaxComputeStandIn, ended: Ended
) -> None:
    run, state = ended["scored"]
    assert state == "success"
    assert world.controller("scored", run)["trials"][0]["value"] == pytest.approx(0.2), "the two rows of the partition"
    with (
        standin.odps()
        .execute_sql("SELECT id, prediction FROM e2e_scores WHERE ds = '2'")
        .open_reader(tunnel=True) as reader
    ):
        found = {record[0]: record[1] for record in reader}
    assert found == pytest.approx({9007199254740993: 1.5, 4: 1.0, 5: -5.0}, abs=1e-9)
    assert len(submitted(standin, "INSERT OVERWRITE TABLE `standin`.`e2e_scores`")) == 1
    log = world.log("scored", run, "predict", -1)
    assert "2 golden rows, scored by SQL, are as the model said" in log
    assert "3 rows of odps://standin/e2e_rows/ds=2 scored into odps://standin/e2e_scores/ds=2" in log
    assert standin.account.secret not in log
    assert not list(standin.odps().list_tables(prefix="automl_"))


SALES = """\
name: sold
template: series-forecasting@1
data: {train: {place: "odps://standin/e2e_sales/shop=Harbour", connection: maxcompute_default}}
columns: {time: day, target: sales, series: article, known: [holiday, eve]}
stop: {deadline: 20m}
output: {storage: "file://./runs"}
trials: {max: 2, concurrency: 1}
space: {learner: {values: [seasonal_naive, theta]}}
set: {horizon: 14, origins: 2}
"""


@pytest.mark.long  # a minute, and more where the environment of series is made; make faults runs it
def test_a_partition_of_sales_becomes_a_forecast(world: World, standin: MaxComputeStandIn) -> None:
    odps = standin.odps()
    columns = "article string, day date, sales bigint, holiday bigint, eve boolean"
    table = odps.create_table("e2e_sales", (columns, "shop string"), if_not_exists=True)
    with (PRODUCT_ROOT / "examples" / "data" / "sales.csv").open(newline="", encoding="utf-8") as stream:
        given = [row for row in csv.DictReader(stream) if row["shop"] == "Harbour"]
    rows = [
        [row["article"], date.fromisoformat(row["day"]), int(row["sales"]) if row["sales"] else None,
         int(row["holiday"]), row["eve"] == "1"]
        for row in given
    ]  # fmt: skip
    with table.open_writer(partition="shop='Harbour'", create_partition=True) as writer:
        writer.write(rows)
    world.write("sold", SALES)
    run, state = world.run("sold", seconds=300)
    assert state == "success", world.log("sold", run, "conclude", -1)
    model = world.folder("sold", run) / "best_model" / "model"
    with (model / "forecast.csv").open(newline="", encoding="utf-8") as stream:
        told = list(csv.DictReader(stream))
    last = max(date.fromisoformat(row["day"]) for row in given if row["sales"])  # after it only known columns are given
    articles = sorted({row["article"] for row in given})
    assert sorted((each["article"], each["day"]) for each in told) == [
        (article, str(last + timedelta(days=step))) for article in articles for step in range(1, 15)
    ]
    assert all(float(each["lower_95"]) <= float(each["forecast"]) <= float(each["upper_95"]) for each in told)
    assert standin.account.secret not in world.log("sold", run, "trial", 0)


@pytest.mark.long  # a minute; make faults runs it
def test_a_killed_triggerer_finds_its_instances_again_and_who_ends_a_trial_ends_its_instance(
    world: World, standin: MaxComputeStandIn, ended: Ended
) -> None:
    standin.faults.set(run_seconds=600)
    endless = sql(world, "endless", "SELECT ${x} AS endless", trials={"max": 2, "concurrency": 2})
    endless_run = world.start(endless)
    wait_until(lambda: running(standin, "endless") == 2, 180, "the endless ones to run")
    standin.faults.set(run_seconds=10)
    statements = ["CREATE TABLE killed_${trial_id} LIFECYCLE 1 AS SELECT ${x} AS x", "SELECT x FROM killed_${trial_id}"]
    killed = sql(world, "triggerer_killed", *statements, trials={"max": 2, "concurrency": 2})
    run = world.start(killed)
    wait_until(lambda: running(standin, "killed_") == 2, 180, "the others to run")
    wait_until(lambda: world.states(killed, run)["deferred"] == 2, 120, "them to be watched")
    world.airflow.kill_component("triggerer")
    world.airflow.start_component("triggerer")
    standin.faults.set(run_seconds=0)
    assert world.finish(killed, run, 300) == "success"
    trials = world.controller(killed, run)["trials"]
    assert [len(trial["attempts"]) for trial in trials] == [1, 1]
    texts = submitted(standin, "killed_")
    assert len(texts) == len(set(texts)) == 4, "each statement once"

    wait_until(lambda: taken_up(world, endless) == 4, 120, "the new triggerer to watch the endless ones")
    bound = world.study(endless, endless_run).state.works[1].trial  # slots are bound as they come
    world.call("PATCH", f"/dags/{endless}/dagRuns/{endless_run}/taskInstances/trial/1", json={"new_state": "failed"})
    world.study(endless, endless_run).cancel_trial(1 - bound, "a test")
    wait_until(lambda: running(standin, "endless") == 0, 120, "the instances to be stopped")
    assert world.finish(endless, endless_run, 240) == "failed"
    trials = world.controller(endless, endless_run)["trials"]
    assert [trial["state"] for trial in trials] == ["USER_CANCELED", "USER_CANCELED"]
    assert "a test" in trials[1 - bound]["attempts"][0]["reason"]
