"""`airflow dags test`: one process runs an experiment to its end, without scheduler, worker or triggerer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from automl_core.states import TrialState
from automl_core.storage.folder import FolderStore
from automl_core.study import Study, StudyJournal
from tests.sources import ROOT
from tests.standins.maxcompute import MaxComputeStandIn

pytestmark = pytest.mark.timeout(600)

EXPERIMENT = {
    "name": "by_hand",
    "goal": {"metric": "accuracy", "direction": "maximize"},
    "search": {"algorithm": "random", "seed": 1},
    "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
    "trials": {"max": 2, "concurrency": 1},
    "tasks": [
        {
            "name": "train", "backend": "maxcompute", "poll": "1s", "sql": ["SELECT ${x} AS by_hand"],
            "metrics": {"source": "select", "sql": "SELECT ${x} AS accuracy"},
        }
    ],
}  # fmt: skip


def test_trials_that_their_trigger_ends_are_concluded_and_not_trained_again(tmp_path: Path) -> None:
    """Airflow 3.3.2 resumes such a task there all the same, with the state's name for an event."""
    files = tmp_path / "dags" / "experiments"
    files.mkdir(parents=True)
    runs = tmp_path / "runs"
    (files / "by_hand.yaml").write_text(yaml.safe_dump({**EXPERIMENT, "output": {"storage": f"file://{runs}"}}))
    with MaxComputeStandIn() as standin:
        extra = {
            "project": standin.project, "endpoint": standin.endpoint, "tunnel_endpoint": standin.address,
            "logview_host": standin.address,
        }  # fmt: skip
        connection = {
            "conn_type": "maxcompute", "login": standin.account.access_id, "password": standin.account.secret,
            "extra": extra,
        }  # fmt: skip
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("AIRFLOW")},
            "AIRFLOW_HOME": str(tmp_path / "home"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(tmp_path / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW_CONN_MAXCOMPUTE_DEFAULT": json.dumps(connection),
            "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'plugins'}",
        }
        airflow = [sys.executable, "-m", "airflow"]
        subprocess.run([*airflow, "db", "migrate"], env=environment, check=True, capture_output=True)
        done = subprocess.run(
            [*airflow, "dags", "test", "by_hand"], env=environment, text=True, capture_output=True, check=False
        )
        said = (done.stdout + done.stderr)[-4000:]
        statements = [each.job.tasks[0].query for each in standin.service._instances.values()]
    assert done.returncode == 0, said
    (run,) = (runs / "by_hand").iterdir()
    study = Study.load(StudyJournal(FolderStore(runs), f"by_hand/{run.name}/"))
    works = study.state.works.values()
    assert [(work.state, len(work.attempts)) for work in works] == [(TrialState.SUCCEEDED, 1)] * 2, said
    assert len([text for text in statements if "by_hand" in text]) == 2, "an ended trial was trained again"
    assert (run / "leaderboard.md").exists(), "`reduce` published"
    assert standin.account.secret not in done.stdout + done.stderr
