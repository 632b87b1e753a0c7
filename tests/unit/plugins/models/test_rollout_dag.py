"""The DAG of a rollout: its tasks in order, what starts it, what pages find in it, what it tells."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_airflow.models.accepting import AcceptOperator, LaterHITLTrigger
from automl_airflow.models.names import ROLLOUT_TASKS
from tests.unit.plugins.files import round_trip
from tests.unit.plugins.models.rolling import Airflow


@pytest.fixture
def dag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    return Airflow.make(tmp_path, monkeypatch).dag()


def test_tasks_follow_each_other_and_only_the_decision_runs_whatever_came_before(dag: Any) -> None:
    assert tuple(each.task_id for each in dag.topological_sort()) == ROLLOUT_TASKS
    rules = {task.task_id: task.trigger_rule for task in dag.tasks}
    assert {name for name, rule in rules.items() if rule == "all_done"} == {"decide"}
    assert (dag.max_active_runs, dag.catchup) == (16, False)


def test_pages_find_the_model_in_the_serialized_dag(dag: Any, tmp_path: Path) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    first = next(each["__var"] for each in DagSerialization.to_dict(dag)["dag"]["tasks"])
    assert (first["model"], first["storage"]) == ("churn", f"file://{tmp_path}/runs")
    assert "churned" not in str(first), "no more of the file than that"


def test_another_version_in_use_is_an_event_of_an_asset_that_is_nobody_elses(dag: Any, tmp_path: Path) -> None:
    outlets = round_trip(dag).get_task("deploy").outlets
    assert [each.uri for each in outlets] == [f"file://{tmp_path}/runs/_models/churn?automl=churn.in_use"]


def test_the_approval_has_no_default_answer_and_a_field_for_why(dag: Any) -> None:
    accept = dag.get_task("accept")
    assert isinstance(accept, AcceptOperator)
    assert (accept.options, accept.defaults, accept.multiple) == (["Accept", "Reject"], None, False)
    assert set(accept.serialized_params) == {"note"}, "the DAG's own parameters are no part of the page"
    assert accept.execution_timeout is None, "it would end the task's process, not the wait"


def test_the_trigger_of_a_wait_that_goes_on_comes_back_as_it_was() -> None:
    made = LaterHITLTrigger(ti_id="7", options=["Accept"], params={}, timeout_datetime=None)  # type: ignore[arg-type]
    path, arguments = made.serialize()
    assert path == "automl_airflow.models.accepting.LaterHITLTrigger"
    assert LaterHITLTrigger(**arguments).serialize() == (path, arguments)
