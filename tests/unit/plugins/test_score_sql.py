"""Intervals of a model scored by SQL, on the MaxCompute stand-in: claimed before, recorded after, never twice."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from automl_airflow.maxcompute import scoring
from automl_airflow.maxcompute.scoring import InstanceTrigger
from automl_airflow.models.score_intervals import plain
from automl_airflow.models.score_sql import SqlScoreOperator
from tests.standins.maxcompute import MaxComputeStandIn
from tests.unit.models.batch.lab import Lab, day

DEPLOY = {
    "backend": "maxcompute", "data": "odps://standin/people/ds=${ds_nodash}", "keep": ["id"],
    "out": "odps://standin/scored/ds=${ds_nodash}",
}  # fmt: skip


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Iterator[MaxComputeStandIn]:
    with MaxComputeStandIn() as standin:
        where = {"project": standin.project, "endpoint": standin.endpoint, "tunnel_endpoint": standin.address}
        connection = {
            "conn_type": "maxcompute", "login": standin.account.access_id, "password": standin.account.secret,
            "extra": where,
        }  # fmt: skip
        monkeypatch.setenv("AIRFLOW_CONN_MAXCOMPUTE_DEFAULT", json.dumps(connection))
        monkeypatch.setattr(scoring, "MOST_LOOKS", 1)
        monkeypatch.setattr(scoring, "LEAST_WAIT", 0.0)
        odps = standin.odps()
        odps.execute_sql(
            "CREATE TABLE people (id STRING, plan BIGINT, city STRING, age DOUBLE) PARTITIONED BY (ds STRING)"
        ).wait_for_success()
        odps.execute_sql(
            "INSERT INTO people PARTITION (ds='20261102') VALUES ('007', 1, 'Bonn', 30.0), ('8', NULL, NULL, NULL)"
        ).wait_for_success()
        yield standin


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lab:
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    found = Lab(tmp_path, **DEPLOY)
    found.use()
    return found


def context(run: str = "scheduled__1", **conf: Any) -> dict[str, Any]:
    at = datetime(2026, 11, 2, tzinfo=UTC)
    ti = SimpleNamespace(dag_id="churn.score", task_id="score", map_index=0, try_number=1, id="t", max_tries=0)
    dag_run = SimpleNamespace(
        conf=conf, logical_date=at, data_interval_start=at, data_interval_end=at, run_type="scheduled", start_date=None
    )
    return {"ti": ti, "run_id": run, "dag_run": dag_run}


def task(lab: Lab, date: str = "2026-11-02") -> SqlScoreOperator:
    return SqlScoreOperator(task_id="score", file=lab.file, interval=plain(day(date)))


async def first(trigger: InstanceTrigger) -> dict[str, Any]:
    async for event in trigger.run():
        return dict(event.payload)
    raise AssertionError


def to_the_end(lab: Lab, told: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """The task as Airflow runs it, another worker after each deferral: its result, and how often it deferred."""
    deferrals: list[str] = []
    event: dict[str, Any] | None = None
    while True:
        try:
            operator = task(lab)
            return (operator.execute(told) if event is None else operator.resume(told, event)), len(deferrals)
        except TaskDeferred as deferred:
            _, arguments = deferred.trigger.serialize()
            deferrals.append(deferred.method_name)
        plain_arguments = json.loads(json.dumps(arguments)) | {"poll": 0.01}
        event = asyncio.run(first(InstanceTrigger(**plain_arguments)))


def test_an_interval_is_claimed_scored_by_sql_and_recorded(standin: MaxComputeStandIn, lab: Lab) -> None:
    done, deferrals = to_the_end(lab, context())
    assert deferrals > 1, "no worker was held"
    assert (done["what"], done["rows"], done["version"]) == ("scored", 2, 1)
    with standin.odps().get_table("scored").open_reader(partition="ds=20261102") as reader:
        rows = [dict(record) for record in reader]
    key = day("2026-11-02").key
    columns = ("id", "model_version", "model_interval", "model_generation")
    assert sorted(tuple(row[name] for name in columns) for row in rows) == [("007", 1, key, 1), ("8", 1, key, 1)]
    state = lab.life().state
    assert state.scoring.recent[-1].rows == 2
    submitted = len(standin.service._instances)
    again, deferrals = to_the_end(lab, context("scheduled__2"))
    assert (again["what"], deferrals) == ("already", 0)
    assert len(standin.service._instances) == submitted, "nothing was submitted"


def test_what_sql_can_not_score_fails_in_words_and_gives_its_claim_back(standin: MaxComputeStandIn, lab: Lab) -> None:
    body = lab.file.model_dump(mode="json", by_alias=True)
    body["deploy"]["keep"] = ["idd"]
    lab.file = type(lab.file).model_validate(body)
    with pytest.raises(AirflowFailException, match="has no column 'idd'"):
        task(lab).execute(context())
    state = lab.life().state
    assert not state.scoring.open
    assert not state.scoring.done
