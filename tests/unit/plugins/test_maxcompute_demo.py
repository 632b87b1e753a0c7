"""The demonstration starts a MaxCompute where an experiment needs one, and ends it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automl_airflow.maxcompute.connection import access_in
from automl_airflow.maxcompute.demo import DemoMaxCompute
from automl_airflow.session import PRODUCT_ROOT
from automl_core.backends.maxcompute.client import Client

EXPERIMENTS = PRODUCT_ROOT / "experiments"
VARIABLE = "AIRFLOW_CONN_MAXCOMPUTE_DEFAULT"


def test_the_example_gets_a_service_with_its_table_and_loses_it_again(tmp_path: Path) -> None:
    demo = DemoMaxCompute(tmp_path)
    try:
        found = demo.environment(EXPERIMENTS / "breast_cancer_sql.yaml", detached=True)
        connection = json.loads(found[VARIABLE])
        access = access_in(connection["login"], connection["password"], connection["extra"], "demo")
        client = Client(access)
        assert client.odps.get_table("breast_cancer").record_num == 569 * 30
        note = tmp_path / "maxcompute.json"
        assert note.stat().st_mode & 0o077 == 0, "it has the keys"
        assert DemoMaxCompute(tmp_path).environment(EXPERIMENTS / "breast_cancer_sql.yaml") == found, "used again"
    finally:
        DemoMaxCompute(tmp_path).stop()  # by another process, as `make stop` does
    assert not note.exists()


def test_nothing_is_started_where_nothing_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    demo = DemoMaxCompute(tmp_path)
    assert demo.environment(EXPERIMENTS / "digits_mlp.yaml") == {}
    monkeypatch.setenv(VARIABLE, "{}")
    assert demo.environment(EXPERIMENTS / "breast_cancer_sql.yaml") == {}, "a real project is left alone"
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("name: [")
    assert demo.environment(wrong) == {}, "whoever runs it says what is wrong with it"
    demo.stop()
