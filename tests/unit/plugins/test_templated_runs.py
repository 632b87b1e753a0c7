"""Runs of an experiment from a template: importer, tasks, result; and a version that changes while a run is on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from automl_airflow.factory import build, build_dag
from automl_airflow.importer import ExperimentImporter
from automl_airflow.operators import ProposeOperator, ReduceOperator, TrialOperator
from automl_core.housekeeping.inventory import look
from automl_core.results.leaderboard import leaderboard
from automl_core.states import ExperimentState
from automl_core.storage.folder import FolderStore
from automl_core.templates.digest import digest_of
from tests.support.template_folders import NET, make_template
from tests.unit.plugins.files import round_trip

RUN = "manual__2026-11-21T04:10:00+00:00"
FILE = (
    "name: first\ntemplate: net@1\ncolumns: {target: y}\ntrials: {max: 2, concurrency: 2, early_stopping: null}\n"
    "data: {train: table.csv}\n"
)
TRAINS = NET.replace(
    'command: [python, train.py, --lr, "${lr}"]', 'cwd: code\n    command: "python train.py ${lr}"'
).replace("direction: maximize, final: last", "direction: maximize")


class Instance:
    """As much of a task instance as the operators use."""

    dag_id = "first"

    def xcom_push(self, key: str, value: Any) -> None:
        """Nobody reads it."""


class Run:
    """One run of the experiment, its tasks called one by one; the DAG is made anew for each, as Airflow does."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.run_id = folder, RUN
        make_template(folder / "templates", TRAINS)
        self.version = folder / "templates/net/1"
        (folder / "experiments").mkdir()
        self.file = folder / "experiments/first.yaml"
        storage = f"output: {{storage: 'file://{folder}/runs'}}\n"
        self.file.write_text(FILE.replace("table.csv", str(folder / "table.csv")) + storage)
        (folder / "table.csv").write_text("x,y\n1,2\n")

    def where(self) -> dict[str, Any]:
        task = build_dag(self.file, self.folder).get_task("propose")
        names = ("storage", "connection", "experiment", "made_from")
        return {name: getattr(task, name) for name in names}

    def context(self, conf: dict[str, Any] | None = None) -> dict[str, Any]:
        return {"run_id": self.run_id, "ti": Instance(), "dag_run": type("DagRun", (), {"conf": conf or {}})()}

    def propose(self, conf: dict[str, Any] | None = None) -> list[int]:
        operator = ProposeOperator(task_id="propose", file=str(self.file), **self.where())
        return operator.execute(self.context(conf))

    def trial(self, slot: int) -> Any:
        operator = TrialOperator(
            task_id="trial", slot=slot, step_ids=["trial"], max_active_tis_per_dagrun=2, **self.where()
        )
        return operator.execute(self.context())

    def reduce(self) -> Any:
        return ReduceOperator(task_id="reduce", **self.where()).execute(self.context())


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("automl_airflow.compat.skip_instances", lambda context, given: None)
    return Run(tmp_path)


def test_the_importer_makes_a_dag_of_it(run: Run) -> None:
    result = ExperimentImporter().import_file(run.file, bundle_path=run.folder)
    assert result.errors == []
    (dag,) = result.dags
    assert dag.dag_id == "first"
    assert f"**Template:** `net@1` ({digest_of(run.version)[:19]})" in str(dag.doc_md)
    round_trip(dag)
    make_template(run.folder / "templates", TRAINS.replace("version: 1", "version: 2"))
    assert "there is a newer version, `net@2`" in str(build(run.file, run.folder)[0].doc_md)


def test_a_mistake_is_an_import_error_with_the_line_of_its_file(run: Run) -> None:
    run.file.write_text(run.file.read_text() + "set: {lr: 5}\n")
    (error,) = ExperimentImporter().import_file(run.file, bundle_path=run.folder).errors
    assert "first.yaml:7: set.lr: 5 lies outside" in error.message
    (run.version / "template.yaml").write_text(TRAINS.replace("max: 20", "max: none"))
    (error,) = ExperimentImporter().import_file(run.file, bundle_path=run.folder).errors
    assert "set.lr: 5 lies outside" in error.message


def test_it_runs_and_its_result_names_the_version(run: Run) -> None:
    assert run.propose() == [0, 1]
    for slot in (0, 1):
        run.trial(slot)
    result = run.reduce()
    assert result["state"] == ExperimentState.FINISHED
    folder = Path(str(result["result"]).removeprefix("file://"))
    entry = json.loads((folder / "controller.json").read_text())["experiment"]
    assert entry["template"] == {"name": "net", "version": 1, "digest": digest_of(run.version)}
    assert leaderboard(folder).template == "net@1"


def test_a_version_that_has_changed_is_refused_by_name(run: Run) -> None:
    run.propose()
    run.trial(0)
    before = (run.version / "train.py").read_text()
    (run.version / "train.py").write_text("print('accuracy=1.0')\n")
    for refused in (lambda: run.trial(1), run.propose):
        with pytest.raises(AirflowFailException, match="the template net@1 has changed since this run began"):
            refused()
    (run.version / "train.py").write_text(before)
    run.trial(1)
    assert run.propose() == [0, 1]
    assert run.reduce()["state"] == ExperimentState.FINISHED


def test_a_new_run_of_a_version_that_has_changed_since_another_is_refused_until_it_is_a_version_of_its_own(
    run: Run,
) -> None:
    run.propose()
    run.run_id = "manual__2026-11-22T04:10:00+00:00"
    (run.version / "train.py").write_text("print('accuracy=1.0')\n")
    with pytest.raises(
        AirflowFailException, match=r"net@1 is another one than runs in .* a version of its own \(net/2\)"
    ):
        run.propose()
    held = run.folder / "runs/_templates/net/1.json"
    assert json.loads(held.read_text())["template"] == "net@1"
    shutil.copytree(run.version, run.version.with_name("2"))
    (run.version.with_name("2") / "template.yaml").write_text(TRAINS.replace("version: 1", "version: 2"))
    run.file.write_text(run.file.read_text().replace("net@1", "net@2"))
    assert run.propose() == [0, 1]
    looked = look(FolderStore(run.folder / "runs"))
    assert not looked.problems
    assert not looked.mentions.unread


def test_a_version_under_work_may_begin_again_where_nothing_rests_on_it(run: Run) -> None:
    run.propose()
    (run.folder / "runs/_templates/net/1.json").unlink()
    (run.version / "train.py").write_text("print('accuracy=1.0')\n")
    run.run_id = "manual__2026-11-22T04:10:00+00:00"
    assert run.propose() == [0, 1]


def test_a_file_that_names_another_version_is_for_the_next_run(run: Run) -> None:
    run.propose()
    make_template(run.folder / "templates", TRAINS.replace("version: 1", "version: 2"), "print('accuracy=0.9')\n")
    run.file.write_text(run.file.read_text().replace("net@1", "net@2"))
    run.trial(0)
    run.trial(1)
    result = run.reduce()
    assert result["best_value"] == 0.5, "with the program of the version that it began with"


def test_a_runs_conf_stays_within_the_template(run: Run) -> None:
    with pytest.raises(AirflowFailException, match="reaches beyond the template's 1e-05 to 1"):
        run.propose({"space": {"lr": {"high": 3}}})
    assert run.propose({"space": {"lr": {"high": 0.1}}, "max_trials": 1}) == [0]
