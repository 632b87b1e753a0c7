"""A model's tasks in a closed deployment: the worker has the last word on places, links and servers."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from automl_airflow.models.closed import check_closed_model, closed_model_problems, taken
from automl_airflow.models.score_tasks import PlanOperator
from automl_core.spec.errors import SpecError
from automl_core.storage.base import StorageError
from tests.unit.models.file.files import BATCH, file_of, text_of


def close(patch: pytest.MonkeyPatch, folder: Path, **more: str) -> None:
    lists = {
        "closed": "True", "closed_stores": f"file://{folder}/runs", "closed_network": "10.2.0.0/16:443",
        "closed_data": f"s3://lake at https://minio.example.com, file://{folder}/data", **more,
    }  # fmt: skip
    for option, value in lists.items():
        patch.setenv(f"AIRFLOW__AUTOML__{option.upper()}", value)


def groups(folder: Path, **more: Any) -> dict[str, Any]:
    return {
        "output": {"storage": f"file://{folder}/runs"},
        "evaluate": {"data": {"place": "s3://lake/latest/", "connection": "minio"}},
        **more,
    }


def test_nothing_is_asked_where_nothing_is_closed(tmp_path: Path) -> None:
    file = file_of(**groups(tmp_path))
    assert closed_model_problems(file) == []
    taken(file, None, tmp_path / "churn.model.yaml")


def test_connections_lead_to_the_servers_of_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close(monkeypatch, tmp_path)
    file = file_of(**groups(tmp_path))
    extra = {"endpoint_url": "https://minio.example.com"}
    connection = {"conn_type": "aws", "login": "someone", "password": "something", "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_MINIO", json.dumps(connection))
    taken(file, None)
    connection["extra"] = {"endpoint_url": "https://elsewhere.example.com"}
    monkeypatch.setenv("AIRFLOW_CONN_MINIO", json.dumps(connection))
    with pytest.raises(StorageError, match=r"evaluate\.data\.place: s3://lake is at https://elsewhere\.example\.com"):
        taken(file, None)


def test_a_link_that_leads_out_of_the_list(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close(monkeypatch, tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "data" / "latest").symlink_to(tmp_path / "elsewhere")
    file = file_of(**groups(tmp_path, evaluate={"data": f"file://{tmp_path}/data/latest/"}))
    assert closed_model_problems(file) == []
    with pytest.raises(SpecError, match=r"the file of the model churn: evaluate\.data: the data"):
        taken(file, None)


def test_what_is_saved_is_held_to_the_lists_with_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    close(monkeypatch, tmp_path)
    wrong = groups(tmp_path, evaluate={"data": "s3://other/x/"})
    with pytest.raises(SpecError, match=r"^m:7: evaluate\.data: the data s3://other/x/ are not on"):
        check_closed_model(file_of(**wrong), text_of(**wrong), "m")


def test_scoring_begins_by_the_same_rule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was let in before the deployment was closed."""
    task = PlanOperator(task_id="plan", file=file_of(**groups(tmp_path, deploy=BATCH)))
    close(monkeypatch, tmp_path, closed_data="s3://other")
    with pytest.raises(AirflowFailException, match=r"deploy\.data: the data s3://lake/in"):
        task.batch({"ti": SimpleNamespace(bundle_instance=SimpleNamespace(path=str(tmp_path)))})
    assert not (tmp_path / "runs").exists()
