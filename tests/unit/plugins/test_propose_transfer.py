"""What `propose` tells of earlier runs: its log and its XCom."""

from __future__ import annotations

from pathlib import Path

import pytest

from automl_airflow.operators import ProposeOperator, ReduceOperator, TrialOperator
from tests.unit.plugins.files import body, write
from tests.unit.plugins.test_operators import TaskInstance, prints


def test_the_log_and_xcom_say_which_runs_entered_and_which_did_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    transfer = {"algorithm": "random", "transfer": {"runs": 1, "experiments": ["nowhere"]}}
    file = write(tmp_path, "first.yaml", body(tasks=prints("accuracy=${x}"), search=transfer))
    where = {"storage": f"file://{tmp_path}/runs", "connection": None, "experiment": "first"}
    pushed = {}
    for run_id in ("one", "two"):
        ti = TaskInstance({})
        context = {"run_id": run_id, "ti": ti, "dag_run": type("Run", (), {"conf": {}})()}
        slots = ProposeOperator(task_id="propose", file=str(file), **where).execute(context)
        pushed[run_id] = ti.pushed["search"]["earlier"]
        for slot in slots:
            TrialOperator(
                task_id="trial", slot=slot, step_ids=["trial"], max_active_tis_per_dagrun=3, **where
            ).execute(context)  # fmt: skip
        ReduceOperator(task_id="reduce", **where).execute(context)

    nowhere = {
        "experiment": "nowhere", "run": "", "trials": 0, "entered": 0, "dropped": {},
        "left_out": "no run of it has ended in this model storage path",
    }  # fmt: skip
    one = {"experiment": "first", "run": "one", "trials": 6, "entered": 6, "dropped": {}, "left_out": None}
    assert pushed == {"one": [nowhere], "two": [one, nowhere]}
    log = capsys.readouterr().out
    assert "earlier run first@one: 6 of 6 trials entered" in log
    assert "earlier run nowhere: left out: no run of it has ended" in log
