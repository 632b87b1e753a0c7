"""Late labels of a rollout get the keys of the connections by which answers and outcomes are read."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from automl_airflow.models.late_labels import late_of
from automl_core.models.file import ModelFile
from automl_core.models.rollout.keys import VARIABLE
from automl_core.models.rollout.rules import Rules


def life(**groups: Any) -> Any:
    document = ModelFile.model_validate({
        "kind": "model", "name": "churn", "output": {"storage": "s3://models/automl", "connection": "models"},
        "candidates": {"experiments": ["churn"]}, "evaluate": {"data": "feedback"},
        "deploy": {"to": "servers", "safeguard": {"metric": {"name": "accuracy", "worse_by": "1%"}}},
        "feedback": {"data": {"place": "s3://lake/outcomes/", "connection": "lake"}, "outcome": "left"}, **groups,
    }).plain()  # fmt: skip
    return SimpleNamespace(state=SimpleNamespace(document=document))


@pytest.fixture(autouse=True)
def connections(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    for name in ("models", "lake"):
        given = {"conn_type": "aws", "login": f"key-of-{name}", "password": "hidden"}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(given))


def test_both_connections_are_in_the_environment_of_the_measurement_alone(tmp_path: Path) -> None:
    model = life()
    late = late_of(model, Rules.of(ModelFile.model_validate(model.state.document)))
    assert late is not None
    assert late.home == tmp_path
    keys = json.loads(late.environment()[VARIABLE])
    assert {name: each["access_key"] for name, each in keys.items()} == {
        "lake": "key-of-lake",
        "models": "key-of-models",
    }
    assert "hidden" not in repr(vars(late)), "they are read when they are needed, and kept nowhere"


def test_a_table_brings_the_variables_of_its_project(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {
        "conn_type": "maxcompute",
        "login": "id",
        "password": "hidden",
        "extra": {"project": "p", "endpoint": "http://odps"},
    }
    monkeypatch.setenv("AIRFLOW_CONN_ODPS", json.dumps(given))
    model = life(feedback={"data": {"place": "odps://sales/outcomes", "connection": "odps"}, "outcome": "left"})
    late = late_of(model, Rules.of(ModelFile.model_validate(model.state.document)))
    assert late is not None
    found = late.environment()
    assert (found["ODPS_PROJECT"], found["ODPS_ACCESS_ID"], found["ODPS_ENDPOINT"]) == ("sales", "id", "http://odps")
    assert list(json.loads(found[VARIABLE])) == ["models"]


def test_without_a_metric_nothing_is_measured() -> None:
    assert late_of(life(), Rules()) is None
