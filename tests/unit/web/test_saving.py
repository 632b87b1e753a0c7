"""Which folder can be the one for new experiment files: one that Airflow's importer reads, by its own rule."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automl_airflow.web import saving

BUNDLE = "airflow.dag_processing.bundles.local.LocalDagBundle"


@pytest.mark.parametrize(
    ("bundle", "folder", "read"),
    [
        ("dags", "dags/experiments", True),
        ("dags", "dags/experiments/team", True),
        ("experiments", "experiments", True),
        ("dags", "dags/files", False),
        ("experiments/dags", "experiments/dags", False),  # a folder around the bundle is no word about its files
        ("experiments/dags", "experiments/dags/files", False),
        ("", "experiments/files", True),  # in no local bundle: whose root it is, nobody can tell
    ],
)
def test_files_are_saved_where_the_importer_reads_them(
    bundle: str, folder: str, read: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = [{"name": "b", "classpath": BUNDLE, "kwargs": {"path": str(tmp_path / bundle)}}] if bundle else []
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(known))
    monkeypatch.setenv(saving.SETTING, str(tmp_path / folder))
    (tmp_path / folder).mkdir(parents=True)
    assert ("Airflow would not read it" not in saving.why_not()) is read
