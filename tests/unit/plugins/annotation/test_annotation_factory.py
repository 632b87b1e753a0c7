"""The DAG of an annotation project's file: what it says of itself, and what is refused with lines."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.serialization.serialized_objects import DagSerialization

from automl_airflow.annotation import alerts
from automl_airflow.annotation.names import TASKS
from automl_airflow.importer import ExperimentImporter, build_all
from automl_core.spec.errors import SpecError

FILE = """\
kind: annotation
name: intents
description: What messages want
owner: shop
tags: [texts]
output: {storage: "s3://models/automl", connection: models}
items: {data: "s3://lake/messages/*.jsonl", columns: [text]}
labels: {classes: [order, refund]}
models: [{experiment: trees}, {experiment: linear}]
"""


def write(folder: Path, text: str = FILE) -> Path:
    path = folder / "experiments" / "intents.annotation.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_the_dag_goes_through_a_round_in_order(tmp_path: Path) -> None:
    (dag,), warnings = build_all(write(tmp_path))
    assert dag.dag_id == "intents.annotation"
    assert [task.task_id for task in dag.topological_sort()] == list(TASKS)
    assert [dag.get_task(task).downstream_task_ids for task in TASKS] == [{each} for each in TASKS[1:]] + [set()]
    assert not [each for each in warnings if each.severity == "warning"]
    assert {"automl", "annotation", "texts"} <= set(dag.tags)
    assert (dag.catchup, dag.schedule) == (False, None)
    assert {task.owner for task in dag.tasks} == {"shop"}
    assert all(task.retries == 10 and task.retry_policy.at_most == 5 for task in dag.tasks)


def test_its_page_leads_to_the_page_for_labelling_to_cost_and_to_the_experiments(tmp_path: Path) -> None:
    (dag,), _ = build_all(write(tmp_path))
    doc = dag.doc_md or ""
    assert doc.startswith("What messages want")
    for wanted in (
        "/automl/annotations/intents/label)", "(/automl/annotations/intents)", "[trees](/dags/trees)",
        "`s3://models/automl/_annotation/intents/`",
    ):  # fmt: skip
        assert wanted in doc.replace("http://localhost:8080", ""), wanted
    elsewhere = FILE + "people: {where: files}\n"
    assert "/label)" not in (build_all(write(tmp_path, elsewhere))[0][0].doc_md or "")


def test_the_serialized_dag_says_where_the_project_lies_and_holds_no_secret(tmp_path: Path) -> None:
    (dag,), _ = build_all(write(tmp_path))
    data = DagSerialization.to_dict(dag)
    for task in data["dag"]["tasks"]:
        fields = task["__var"]
        assert (fields["annotation"], fields["storage"], fields["connection"]) == (
            "intents", "s3://models/automl", "models",
        )  # fmt: skip
    assert "classes" not in json.dumps(data), "what the file says besides stands in the file"


def test_a_schedule_makes_looks(tmp_path: Path) -> None:
    (dag,), _ = build_all(write(tmp_path, FILE + 'schedule: "@hourly"\n'))
    assert dag.schedule == "@hourly"
    assert dag.max_active_runs > 1, "a round that waits for people for days holds up no look"


def test_what_is_wrong_stands_with_its_line_and_takes_no_neighbour_down(tmp_path: Path) -> None:
    path = write(tmp_path, FILE.replace("classes: [order, refund]", "classes: [order]"))
    with pytest.raises(SpecError, match=r"intents.annotation.yaml:8: labels.classes: two classes are the fewest"):
        build_all(path)
    result = ExperimentImporter().import_file(path, bundle_path=tmp_path)
    assert not result.dags
    assert "two classes are the fewest" in result.errors[0].message


def test_a_slip_is_shown_on_the_page(tmp_path: Path) -> None:
    (dag,), warnings = build_all(write(tmp_path, FILE + "stop: {target: 99.9%, rounds: 1}\n"))
    assert ("stop", "target") in [each.path[:2] for each in warnings]
    assert "stop.target" in (dag.doc_md or "")


def test_a_failure_is_told_where_the_file_says_whom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr("automl_airflow.alerts.send", lambda group, body: told.append(body))
    with_alerts = FILE + "alerts: {on: [failure, labels], notifier: webhook, url_connection: chat}\n"
    (dag,), _ = build_all(write(tmp_path, with_alerts))
    callback: Any = dag.get_task("train").on_failure_callback
    callback = callback[0] if isinstance(callback, list) else callback
    instance = SimpleNamespace(dag_id="intents.annotation", task_id="train", run_id="round_2")
    callback({"ti": instance, "exception": ValueError("no model was trained")})
    assert [(each["on"], each["annotation"], each["run"]) for each in told] == [("failure", "intents", "round_2")]
    assert told[0]["text"] == "intents: train of intents.annotation failed: no model was trained"
    alerts.tell(dag.get_task("train").file, "stopped", "the target is met")
    assert len(told) == 1, "an occasion that the file does not name"
    assert not build_all(write(tmp_path))[0][0].get_task("train").on_failure_callback


def test_a_closed_environment_refuses_programs_at_the_file_and_at_the_start_of_a_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    program = (
        "models: [{experiment: trees}, {name: mine, family: rules, command: [python, x.py, '${items}', '${out}']}]\n"
    )
    text = "".join(line for line in FILE.splitlines(keepends=True) if not line.startswith("models:")) + program
    (dag,), _ = build_all(write(tmp_path, text))
    from automl_core.closed.policy import SECTION

    monkeypatch.setenv(f"AIRFLOW__{SECTION.upper()}__CLOSED", "true")
    with pytest.raises(SpecError, match="the program mine is a process of Airflow's worker"):
        build_all(write(tmp_path, text))
    for task in ("collect", "predict", "train", "decide"):
        with pytest.raises(AirflowFailException, match="the program mine"):
            dag.get_task(task).execute({"ti": SimpleTi(), "run_id": "round_1"})


class SimpleTi:
    """Of a context that is not reached beyond its bundle."""

    bundle_instance = None
