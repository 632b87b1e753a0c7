"""The task by which an experiment's model scores a table, and the operator for any DAG, on the stand-in."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from automl_airflow.factory import experiment_dag
from automl_airflow.maxcompute import scoring
from automl_airflow.maxcompute.scoring import InstanceTrigger, PredictTableOperator
from automl_core import modelfile
from automl_core.spec.models import Experiment
from tests.standins.maxcompute import MaxComputeStandIn
from tests.unit.modelfile.models import BINARY, ROWS, SCHEMA, linear
from tests.unit.plugins.files import body

PLACES = {"rows": "odps://standin/people", "out": "odps://standin/scored"}


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
        odps.execute_sql("CREATE TABLE people (plan BIGINT, city STRING, age DOUBLE)").wait_for_success()
        odps.execute_sql("INSERT INTO people VALUES (1, 'Bonn', 30.0), (NULL, NULL, NULL)").wait_for_success()
        yield standin


@pytest.fixture
def model(tmp_path: Path) -> str:
    modelfile.write(tmp_path / "model", members=[linear()], schema=SCHEMA, problem=BINARY, golden=ROWS, made={})
    return f"file://{tmp_path / 'model'}"


def task(model: str, **more: Any) -> PredictTableOperator:
    return PredictTableOperator(task_id="score", model=model, **{**PLACES, "poll": 0.01, **more})


async def first(trigger: InstanceTrigger) -> dict[str, Any]:
    """What a trigger fires with."""
    async for event in trigger.run():
        return dict(event.payload)
    raise AssertionError


def test_it_comes_last_and_only_where_the_file_names_a_table() -> None:
    dag = experiment_dag(Experiment.model_validate(body(predict=PLACES)), Path("/dags/experiments/first.yaml"))
    assert dag.get_task("reduce").downstream_task_ids == {"predict"}
    assert dag.get_task("predict").trigger_rule == "all_success"


def test_a_worker_is_let_go_of_until_what_runs_has_ended(standin: MaxComputeStandIn, model: str) -> None:
    event: dict[str, Any] = {}
    deferrals = 0
    while True:
        try:
            done = task(model).resume({}, event)  # another worker each time
            break
        except TaskDeferred as found:
            deferred = found
        deferrals += 1
        path, arguments = deferred.trigger.serialize()
        assert (path, deferred.method_name) == ("automl_airflow.maxcompute.scoring.InstanceTrigger", "resume")
        assert standin.account.secret not in json.dumps(arguments)
        event = asyncio.run(first(InstanceTrigger(**arguments)))
    assert deferrals > 1
    assert (done["rows"], done["golden"], done["columns"]) == (2, len(ROWS), {"prediction": "string"})
    texts = [each.job.tasks[0].query for each in standin.service._instances.values()]
    assert sum("INSERT OVERWRITE TABLE `standin`.`scored`" in text for text in texts) == 1


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"rows": "odps://standin/none"}, "there is no table standin.none"),
        ({"keep": ["id"]}, "has no column 'id'"),
        ({"maxcompute": "nowhere"}, "there is no Airflow connection 'nowhere'"),
    ],
)
def test_what_can_not_be_done_is_not_tried_again(
    standin: MaxComputeStandIn, model: str, more: dict[str, Any], words: str
) -> None:
    with pytest.raises(AirflowFailException, match=words):
        task(model, **more).resume({}, {})
