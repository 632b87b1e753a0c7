"""What the reducer tells an MLflow server."""

from __future__ import annotations

import logging
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from airflow.sdk import Connection

from automl_airflow import tracking
from automl_core.spec.models import Experiment
from tests.support.mlflow_rules import FakeMlflow
from tests.unit.results.lab import Lab, experiment


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> FakeMlflow:
    fake = FakeMlflow()
    real = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **more: real(**more | {"transport": fake.transport}))
    return fake


def tell(connection: dict[str, Any] | Exception, monkeypatch: pytest.MonkeyPatch, **groups: Any) -> None:
    def get(name: str) -> Any:
        assert name == "tracks"
        if isinstance(connection, Exception):
            raise connection
        return Connection(conn_id=name, conn_type="http", **connection)

    monkeypatch.setattr(Connection, "get", get)
    lab = Lab(experiment(**{"mlflow": {"connection": "tracks"}, **groups}))
    lab.trial(0.5)
    lab.stop()
    tracking.tell(SimpleNamespace(journal=lab.journal, state=lab.state, experiment=lab.spec))  # type: ignore[arg-type]


def test_a_run_is_told(server: FakeMlflow, monkeypatch: pytest.MonkeyPatch) -> None:
    tell({"host": "https://mlflow.example/base", "password": "geheim"}, monkeypatch)
    assert len(server.live()) == 2
    assert server.headers[0]["authorization"] == "Bearer geheim"
    assert "digits" in server.experiments


def test_login_and_experiment(server: FakeMlflow, monkeypatch: pytest.MonkeyPatch) -> None:
    tell({"host": "mlflow", "port": 5000, "login": "anna", "password": "p"}, monkeypatch,
         mlflow={"connection": "tracks", "experiment": "all of it"})  # fmt: skip
    assert server.headers[0]["authorization"].startswith("Basic ")
    assert list(server.experiments) == ["all of it"]


@pytest.mark.parametrize(
    "connection", [RuntimeError("no such connection"), {"host": ""}, {"host": "https://anna:geheim@mlflow"}]
)
def test_what_goes_wrong_is_a_warning(
    server: FakeMlflow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, connection: Any
) -> None:
    with caplog.at_level(logging.WARNING):
        tell(connection, monkeypatch)
    assert "MLflow has not got this run" in caplog.text
    assert "automl export mlflow digits" in caplog.text
    assert "geheim" not in caplog.text
    assert not server.runs


def test_a_file_without_one_asks_nobody(server: FakeMlflow) -> None:
    lab = Lab()
    tracking.tell(SimpleNamespace(journal=lab.journal, state=lab.state, experiment=lab.spec))  # type: ignore[arg-type]
    assert not server.asked


def test_a_closed_environment_refuses_it() -> None:
    from pathlib import Path

    from automl_core.closed import Policy, experiment_problems

    spec = Experiment.model_validate(experiment(mlflow={"connection": "tracks"}).model_dump() | {"closed": True})
    found = experiment_problems(spec, Policy(closed=True), home=Path("/"))
    assert [each for each in found if each.path == ("mlflow",)]
