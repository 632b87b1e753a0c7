"""The dates of a run reach its trainings: as Airflow tells them, recorded once, and never empty."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from automl_airflow.operators import ProposeOperator, TrialOperator
from tests.unit.plugins.files import body, write

DATED = [
    {
        "name": "train",
        "command": 'echo "$0 ${ds} ${ds_nodash} ${data_interval_start} $AUTOML_DATA_INTERVAL_END $DAY" > '
        "${model_dir}/seen; echo accuracy=1",
        "env": {"DAY": "${ts}"},
    }
]


class Airflow:
    """A DAG run of a day, and its tasks."""

    def __init__(self, folder: Path, day: datetime | None, **groups: Any) -> None:
        self.where: dict[str, Any] = {"storage": f"file://{folder}/runs", "connection": None, "experiment": "first"}
        self.folder = folder
        self.file = write(folder, "first.yaml", body(trials={"max": 1}, output={"keep_models": "all"}, **groups))
        self.run = SimpleNamespace(dag_id="first", conf={}, logical_date=day, data_interval_start=day)
        self.run.data_interval_end = day and day + timedelta(days=1)
        name = day.isoformat() if day else "by_hand"
        ti = SimpleNamespace(try_number=1, dag_id="first", xcom_push=lambda **_: None, xcom_pull=lambda **_: None)
        self.context: dict[str, Any] = {"run_id": f"backfill__{name}", "ti": ti, "dag_run": self.run}

    def train(self) -> str:
        ProposeOperator(task_id="propose", file=str(self.file), **self.where).execute(self.context)
        self.run.logical_date = None  # what was recorded at the start holds
        operator = TrialOperator(task_id="trial", slot=0, step_ids=["trial"], **self.where)
        assert operator.execute(self.context)["state"] == "SUCCEEDED"
        (seen,) = self.journal_folder().rglob("model/seen")
        return seen.read_text().strip()

    def journal_folder(self) -> Path:
        from automl_core.study.layout import safe

        return self.folder / "runs" / "first" / safe(self.context["run_id"])


@pytest.fixture(autouse=True)
def _no_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automl_airflow.compat.skip_instances", lambda context, given: None)


def test_three_days_of_a_backfill_train_three_different_days(tmp_path: Path) -> None:
    days = [datetime(2026, 11, day, tzinfo=UTC) for day in (1, 2, 3)]
    seen = [Airflow(tmp_path, day, tasks=DATED).train() for day in days]
    assert seen[0].split()[1:] == [
        "2026-11-01", "20261101", "2026-11-01T00:00:00+00:00", "2026-11-02T00:00:00+00:00", "2026-11-01T00:00:00+00:00",
    ]  # fmt: skip
    assert [line.split()[2] for line in seen] == ["20261101", "20261102", "20261103"]


def test_they_stand_in_the_first_record_in_utc(tmp_path: Path) -> None:
    berlin = timezone(timedelta(hours=1))
    run = Airflow(tmp_path, datetime(2026, 11, 2, tzinfo=berlin), tasks=DATED)
    assert run.train().split()[1] == "2026-11-01", "as Airflow's own {{ ds }}: of UTC"
    first = (run.journal_folder() / "journal" / "0000000001.json").read_bytes().partition(b"\n")[0]
    identity = json.loads(first)["data"]["identity"]
    assert identity["logical_date"] == "2026-11-01T23:00:00+00:00"
    assert identity["data_interval_end"] == "2026-11-02T23:00:00+00:00"


def test_a_run_without_a_date_fails_at_its_start_with_the_field_s_line(tmp_path: Path) -> None:
    run = Airflow(tmp_path, None, tasks=DATED)
    with pytest.raises(AirflowFailException) as caught:
        run.train()
    text = str(caught.value)
    line = next(n for n, row in enumerate(run.file.read_text().splitlines(), 1) if "command:" in row)
    assert f"first.yaml:{line}: tasks[0].command: ${{ds}}: this run has no logical date" in text
    assert "tasks[0].env.DAY" in text
    assert "--logical-date" in text
    assert not run.journal_folder().exists(), "nothing has begun"


def test_whoever_names_no_date_needs_none(tmp_path: Path) -> None:
    run = Airflow(tmp_path, None, tasks=[{"command": "echo accuracy=1; env > ${model_dir}/seen"}])
    variables = run.train()
    assert "AUTOML_RUN_ID" in variables
    assert "AUTOML_LOGICAL_DATE" not in variables
    assert "AUTOML_DATA_INTERVAL_START" not in variables


def test_a_parameter_of_such_a_name_stays_a_parameter(tmp_path: Path) -> None:
    space = {"ds": {"type": "fixed", "value": "mine"}}
    command = "echo accuracy=1; echo ${ds} > ${model_dir}/seen"
    assert Airflow(tmp_path, None, space=space, tasks=[{"command": command}]).train() == "mine"
