"""From a model's file, or what a task has of it, to its journal; and who is told."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from automl_airflow import alerts as airflow_alerts
from automl_airflow.models.alerts import TellOfFailure, tell
from automl_airflow.models.common import dag_arguments
from automl_airflow.models.opening import ModelPlace, open_life, place_of
from automl_core.models.life import Person
from automl_core.storage.base import StorageError
from tests.unit.models.file.files import file_of


def test_a_life_by_its_file_and_by_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOML_HOME", str(tmp_path))
    file = file_of()
    open_life(file).configure(file.plain(), Person("anna", "cli"))
    assert (tmp_path / "runs" / "_models" / "churn" / "journal").is_dir()
    place = place_of(file)
    assert place == ModelPlace(**place.arguments())
    for viewed in (False, True):
        assert open_life(place, viewed=viewed).refresh().seq == 1


def test_a_store_that_a_closed_deployment_does_not_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__AUTOML__CLOSED", "True")
    monkeypatch.setenv("AIRFLOW__AUTOML__CLOSED_STORES", f"file://{tmp_path}/runs")
    with pytest.raises(StorageError, match="is not on the list"):
        open_life(ModelPlace(f"file://{tmp_path}/elsewhere", None, "churn"))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(airflow_alerts, "send", lambda alerts, body: told.append(body))
    return told


def test_who_is_named_is_told_of_the_occasions_that_are_named(sent: list[dict[str, Any]]) -> None:
    file = file_of(alerts={"on": ["asked"], "url_connection": "chat"})
    tell(file, "asked", "version 2 waits", version=2)
    tell(file, "in_use", "version 2 is in use", version=2)
    tell(file_of(), "asked", "version 2 waits")
    assert sent == [{"on": "asked", "model": "churn", "text": "churn: version 2 waits", "version": 2}]


def test_a_task_that_fails_is_told(tmp_path: Path, sent: list[dict[str, Any]]) -> None:
    file = file_of(alerts={"url_connection": "chat"})
    callback = dag_arguments(file, tmp_path, "rollout")["default_args"]["on_failure_callback"]
    assert isinstance(callback, TellOfFailure)
    callback({"ti": SimpleNamespace(dag_id="churn.rollout", task_id="evaluate", run_id="r"), "exception": OSError("x")})
    assert sent == [
        {
            "on": "failure", "model": "churn", "text": "churn: evaluate of churn.rollout failed: x",
            "dag": "churn.rollout", "task": "evaluate", "run": "r",
        }
    ]  # fmt: skip
    quiet = file_of(alerts={"on": ["asked"], "url_connection": "chat"})
    assert "on_failure_callback" not in dag_arguments(quiet, tmp_path, "rollout")["default_args"]
