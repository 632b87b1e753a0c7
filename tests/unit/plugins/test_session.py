"""From a task to its store: a connection that Airflow does not have is named, with where it is asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import Connection
from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

from automl_airflow import session
from automl_airflow.operators import ProposeOperator
from automl_airflow.session import credentials
from tests.unit.plugins.files import body, write

WORDS = "output.connection: the connection 'nope' is not defined in Airflow"


@pytest.fixture(autouse=True)
def _none_is_defined(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> Connection:
        raise AirflowNotFoundException(f"The conn_id `{name}` isn't defined")

    monkeypatch.setattr(Connection, "get", missing)


def test_a_missing_connection_is_named() -> None:
    with pytest.raises(AirflowNotFoundException, match=WORDS):
        credentials("nope")
    assert credentials(None) is None


def test_the_first_task_says_so_and_is_not_tried_again(tmp_path: Path) -> None:
    output = {"storage": "s3://bucket/x", "connection": "nope"}
    file = write(tmp_path, "first.yaml", body(output=output))
    operator = ProposeOperator(
        task_id="propose", file=str(file), storage=output["storage"], connection="nope", experiment="first"
    )
    run: Any = type("Run", (), {"conf": {}})()
    with pytest.raises(AirflowFailException, match=WORDS):
        operator.execute({"run_id": "r", "dag_run": run, "ti": None})


@pytest.mark.parametrize("options", [{}, {"config_kwargs": {"read_timeout": 77}}])
def test_viewers_give_up_a_bucket_sooner_than_workers(monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]) -> None:
    """What the connection itself says goes before both."""
    extra = {"endpoint_url": "http://127.0.0.1:9", "region_name": "us-east-1", **options}
    made = Connection(conn_id="bucket", conn_type="aws", login="key", password="secret", extra=json.dumps(extra))
    monkeypatch.setattr(Connection, "get", lambda name: made)

    def timeouts(store: Any) -> tuple[float, float]:
        while not hasattr(store, "_client"):
            store = store._inner
        config = store._client.meta.config
        return config.connect_timeout, config.read_timeout

    viewed = timeouts(session.open_viewed_store("s3://bucket/runs", "bucket"))
    worker = timeouts(session.open_experiment_store("s3://bucket/runs", "bucket"))
    assert viewed == (3.0, 77 if options else 10.0)
    assert worker == (5, 77 if options else 30)
    assert session.open_viewed_store("s3://bucket/runs", "bucket")._patience < 10  # type: ignore[attr-defined]
