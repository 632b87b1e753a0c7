"""A file that is edited while its run is on: the run goes on where and with what it began, or says why it can't."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from automl_airflow.assets import published_asset
from automl_airflow.operators import ProposeOperator, ReduceOperator, TrialOperator
from automl_core.states import ExperimentState
from automl_core.study.beginning import MAPPED_AT_MOST
from automl_core.study.editing import edit
from tests.unit.plugins.files import TWO_TASKS, body, write

RUN = "manual__2026-11-21T04:10:00+00:00"
TASKS = [{"name": "train", "command": "echo accuracy=${x}"}]


class State:
    """As much of a task's own state as is used."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    def get(self, key: str, default: Any = None) -> Any:
        return self.kept.get(key, default)

    def set(self, key: str, value: Any, *, retention: Any = None) -> None:
        self.kept[key] = value


class Instance:
    """A task instance that pulls what `propose` has pushed."""

    dag_id = "first"

    def __init__(self, xcoms: dict[str, Any]) -> None:
        self.xcoms = xcoms

    def xcom_push(self, key: str, value: Any) -> None:
        self.xcoms[key] = value

    def xcom_pull(self, task_ids: str, key: str) -> Any:
        assert task_ids == "propose"
        return self.xcoms.get(key)


class Edited:
    """An experiment whose DAG is made anew from an edited file now and then."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state, self.xcoms = folder, State(), dict[str, Any]()
        self.where: dict[str, Any] = {"storage": f"file://{folder}/runs", "connection": None, "experiment": "first"}
        self.file = write(folder, "first.yaml", body(tasks=TASKS))

    def context(self, state: State | None = None) -> dict[str, Any]:
        run = type("Run", (), {"conf": {}})()
        return {"run_id": RUN, "ti": Instance(self.xcoms), "dag_run": run, "task_state_store": state or State()}

    def propose(self) -> list[int]:
        self.xcoms.clear()  # as Airflow does before each try
        operator = ProposeOperator(task_id="propose", file=str(self.file), **self.where)
        return operator.execute(self.context(self.state))

    def operator(self, slot: int, **more: Any) -> TrialOperator:
        return TrialOperator(task_id="trial", slot=slot, **{"step_ids": ["trial"], **more}, **self.where)

    def trial(self, slot: int, **more: Any) -> Any:
        return self.operator(slot, **more).execute(self.context())

    def reduce(self) -> Any:
        return ReduceOperator(task_id="reduce", **self.where).execute(self.context())


@pytest.fixture(autouse=True)
def _no_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("automl_airflow.compat.skip_instances", lambda context, given: None)


def test_what_is_updated_in_the_end_is_the_asset_of_where_the_run_began(tmp_path: Path) -> None:
    edited = Edited(tmp_path)
    edited.propose()
    for slot in range(6):
        edited.trial(slot)
    edited.where |= {"storage": f"file://{tmp_path}/elsewhere"}
    asset = published_asset(edited.where["storage"], "first", tmp_path)
    operator = ReduceOperator(task_id="reduce", outlets=[asset], **edited.where)
    operator.execute(edited.context())
    assert [each.uri for each in operator.outlets] == [f"file://{tmp_path}/runs/first?automl=first"]
    plain = ReduceOperator(task_id="reduce", **edited.where)
    plain.execute(edited.context())
    assert not plain.outlets, "what has none gets none"


@pytest.mark.parametrize(
    "edit_",
    [
        pytest.param(lambda at: {"storage": f"file://{at}/elsewhere"}, id="storage"),
        pytest.param(lambda at: {"connection": "of_nobody"}, id="connection"),
        pytest.param(lambda at: {"storage": "s3://elsewhere/runs", "connection": "of_nobody"}, id="both"),
    ],
)
def test_a_run_goes_on_and_is_published_where_it_began(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit_: Any
) -> None:
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    def none(name: str) -> Any:
        raise AirflowNotFoundException(name)

    monkeypatch.setattr(Connection, "get", none)
    edited = Edited(tmp_path)
    edited.propose()
    edited.trial(0)
    edited.where |= edit_(tmp_path)
    for slot in range(1, 5):
        edited.trial(slot)
    assert edited.propose() == list(range(6)), "cleared, for more trials: it has no XCom of its own any more"
    edited.trial(5)
    result = edited.reduce()
    assert result["state"] == ExperimentState.FINISHED
    assert str(tmp_path / "runs") in result["result"]
    assert not (tmp_path / "elsewhere").exists()


def test_the_next_run_is_where_the_file_says(tmp_path: Path) -> None:
    edited = Edited(tmp_path)
    edited.propose()
    edited.where["storage"] = f"file://{tmp_path}/elsewhere"
    edited.state = State()  # of another run
    shutil.rmtree(tmp_path / "runs")
    edited.propose()
    edited.trial(0)
    assert not (tmp_path / "runs").exists()


def test_as_long_as_the_file_stays_nobody_asks_where_it_began(tmp_path: Path) -> None:
    edited = Edited(tmp_path)
    edited.propose()
    edited.xcoms.clear()
    assert edited.trial(0)["state"] == "SUCCEEDED"


def test_other_training_tasks_are_refused_with_what_there_was(tmp_path: Path) -> None:
    edited = Edited(tmp_path)
    edited.propose()
    edited.trial(0)
    write(tmp_path, "first.yaml", body(tasks=TWO_TASKS))
    with pytest.raises(AirflowFailException, match=r"edited while this run was on: it began with train \(local\)"):
        edited.trial(1, step_ids=["trial.train", "trial.score"])
    moved = edited.operator(1)
    moved.backend = "kubernetes"  # type: ignore[misc]
    with pytest.raises(AirflowFailException, match="this one for kubernetes"):
        moved.execute(edited.context())
    with pytest.raises(AirflowFailException, match="published in"):  # what has ended
        edited.reduce()


def test_another_name_of_a_training_task_changes_nothing_of_a_run(tmp_path: Path) -> None:
    edited = Edited(tmp_path)
    edited.propose()
    assert edited.trial(0, step_ids=["trial.fit"])["state"] == "SUCCEEDED"


def test_more_slots_than_airflow_maps_a_task_to_run_in_lanes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "2")
    edited = Edited(tmp_path)
    assert edited.propose() == [0, 1], "three at once, and no more than two instances"
    assert edited.trial(0) == {"lane": 0, "trials": {"SUCCEEDED": 6}}
    assert edited.reduce()["state"] == ExperimentState.FINISHED


def test_an_edit_keeps_to_what_airflow_maps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from automl_core.spec.errors import SpecError

    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "8")
    edited = Edited(tmp_path)
    assert len(edited.propose()) == 6
    study = edited.operator(0).open_study(edited.context())[1]
    assert study.state.plan[MAPPED_AT_MOST] == 8
    with pytest.raises(SpecError, match=r"at most 8 trials can't have more \(\[core\] max_map_length"):
        edit(study, {"trials": {"max": 9}}, "ada")
    assert edit(study, {"trials": {"max": 8}}, "ada").slots == 8
    assert len(edited.propose()) == 8
    monkeypatch.setenv("AIRFLOW__CORE__MAX_MAP_LENGTH", "7")
    with pytest.raises(AirflowFailException, match="set it to 8 or more"):
        edited.propose()
