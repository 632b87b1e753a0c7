"""The operator and the trigger of trials in MaxCompute, each called as Airflow does, on a stand-in."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from airflow.triggers.base import BaseTrigger, TaskFailedEvent, TaskSuccessEvent, TriggerEvent

from automl_airflow import compat, watching
from automl_airflow.factory import build_dag
from automl_airflow.maxcompute.connection import access_in, access_of
from automl_airflow.maxcompute.operator import MaxComputeTrialOperator
from automl_airflow.maxcompute.sweep import sweep
from automl_airflow.maxcompute.trigger import MaxComputeTrialTrigger
from automl_airflow.operators import ProposeOperator
from automl_core.backends.base import BackendError
from automl_core.running.once import StoredBoard
from automl_core.running.places import Places
from automl_core.states import TrialState
from automl_core.storage import StorageUnavailable
from automl_core.study import Binding, Study
from tests.standins.maxcompute import MaxComputeStandIn
from tests.support.patience import stretched
from tests.support.said import said_in

RUN = "manual__2026-11-21T04:10:00+00:00"
SELECT = {"source": "select", "sql": "SELECT ${x} AS auc"}


@pytest.fixture
def standin(monkeypatch: pytest.MonkeyPatch) -> Iterator[MaxComputeStandIn]:
    with MaxComputeStandIn() as standin:
        connection = {
            "conn_type": "maxcompute", "login": standin.account.access_id, "password": standin.account.secret,
            "extra": {"project": standin.project, "endpoint": standin.endpoint, "logview_host": standin.address},
        }  # fmt: skip
        monkeypatch.setenv("AIRFLOW_CONN_MAXCOMPUTE_DEFAULT", json.dumps(connection))
        yield standin


class World:
    """One experiment in MaxCompute whose tasks are called one by one."""

    def __init__(self, folder: Path, task: dict[str, Any], **groups: Any) -> None:
        storage = f"file://{folder}/runs"
        self.where: dict[str, Any] = {"storage": storage, "connection": None, "experiment": "sql"}
        self.file = folder / "experiments" / "sql.yaml"
        self.file.parent.mkdir()
        whole = {
            "name": "sql",
            "output": {"storage": storage},
            "goal": {"metric": "auc", "direction": "maximize"},
            "search": {"algorithm": "random", "seed": 1},
            "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
            "trials": {"max": 3, "concurrency": 2, **groups},
            "tasks": [{"name": "train", "backend": "maxcompute", "poll": "1s", "metrics": SELECT, **task}],
        }
        self.file.write_text(yaml.safe_dump(whole))

    def context(self) -> dict[str, Any]:
        run = type("Run", (), {"conf": {}})()
        ti = type("TI", (), {"xcom_push": lambda *_, **__: None, "get_task_states": lambda *_, **__: {RUN: {}},
                             "dag_id": "sql"})()  # fmt: skip
        return {"run_id": RUN, "ti": ti, "dag_run": run}

    def propose(self) -> World:
        ProposeOperator(task_id="propose", file=str(self.file), **self.where).execute(self.context())
        return self

    def operator(self, slot: int) -> MaxComputeTrialOperator:
        return MaxComputeTrialOperator(
            task_id="trial", slot=slot, step_ids=["trial"], max_active_tis_per_dagrun=2, **self.where
        )

    def start(self, slot: int) -> MaxComputeTrialTrigger:
        with pytest.raises(TaskDeferred) as deferred:
            self.operator(slot).execute(self.context())
        trigger = deferred.value.trigger
        assert isinstance(trigger, MaxComputeTrialTrigger)
        return again(trigger)

    def study(self) -> Study:
        return self.operator(0).open_study(self.context())[1]


def again(trigger: BaseTrigger) -> MaxComputeTrialTrigger:
    """The trigger as another process makes it: from its plain arguments."""
    path, arguments = trigger.serialize()
    assert path == "automl_airflow.maxcompute.trigger.MaxComputeTrialTrigger"
    return MaxComputeTrialTrigger(**json.loads(json.dumps(arguments)))


def watch(trigger: MaxComputeTrialTrigger, seconds: float = 30) -> TriggerEvent:
    """Run a trigger to its event."""

    async def run() -> TriggerEvent:
        try:
            async with asyncio.timeout(seconds):
                return await anext(aiter(trigger.run()))
        finally:
            await trigger.cleanup()

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "LEAST_WAIT", 0.0)
    monkeypatch.setattr(compat, "name_map_index", lambda *_: None)


def texts(standin: MaxComputeStandIn) -> list[str]:
    return [instance.job.tasks[0].query for instance in standin.service._instances.values()]


def test_a_trial_goes_from_the_worker_to_the_trigger_and_ends_there(
    standin: MaxComputeStandIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(tmp_path, {"sql": "CREATE TABLE t_${trial_id} AS SELECT ${x} AS x; SELECT 2 AS two"}).propose()
    trigger = world.start(0)
    assert len(texts(standin)) == 1, "the worker submits the first statement"
    event = watch(trigger)
    assert isinstance(event, TaskSuccessEvent)
    state = world.study().state
    assert state.works[0].state is TrialState.SUCCEEDED
    assert state.works[0].value == pytest.approx(state.trials[0].params["x"])
    assert event.xcoms is not None
    assert event.xcoms["return_value"]["trial"] == 0
    assert len(texts(standin)) == 3
    log = capsys.readouterr().out
    assert "two=2" in log
    everything = log + json.dumps(trigger.serialize()) + said_in(tmp_path)
    assert standin.account.secret not in everything


def test_a_task_that_its_trigger_has_ended_is_concluded_when_it_is_resumed_all_the_same(
    standin: MaxComputeStandIn, tmp_path: Path
) -> None:
    """`airflow dags test` hands over the state's name (Airflow 3.3.2, sdk/definitions/dag.py:1545)."""
    world = World(tmp_path, {"sql": "SELECT ${x} AS ended_here"}).propose()
    event = watch(world.start(0))
    assert isinstance(event, TaskSuccessEvent)
    assert event.payload == "success", "what Airflow makes of it there"
    result = world.operator(0).execute(world.context(), event.payload)
    assert result["trial"] == 0
    assert result["value"] == pytest.approx(world.study().state.works[0].value)
    assert len(world.study().state.works[0].attempts) == 1
    before = len(texts(standin))
    with pytest.raises(AirflowFailException, match="no end is in the journal"):
        world.operator(1).execute(world.context(), "success")
    assert len(texts(standin)) == before, "nothing is started for a task that has ended"
    assert 1 not in world.study().state.works


def test_a_worker_that_dies_after_submitting_is_followed_by_one_that_finds_the_instance(
    standin: MaxComputeStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, {"sql": "CREATE TABLE once AS SELECT 1 AS a"}).propose()
    with monkeypatch.context() as dying:
        dying.setattr(Study, "external", lambda *_: (_ for _ in ()).throw(SystemExit("killed")))
        with pytest.raises(SystemExit):
            world.operator(0).execute(world.context())
    assert len(texts(standin)) == 1
    trigger = world.start(0)
    assert isinstance(watch(trigger), TaskSuccessEvent)
    assert [text for text in texts(standin) if "once" in text] == ["CREATE TABLE once AS SELECT 1 AS a;"]
    assert len(world.study().state.works[0].attempts) == 1


def test_a_triggerer_that_dies_after_submitting_is_followed_by_one_that_finds_the_instance(
    standin: MaxComputeStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path, {"sql": ["SELECT 1 AS a", "CREATE TABLE second AS SELECT 1 AS a"]}).propose()
    trigger = world.start(0)
    with monkeypatch.context() as dying:
        dying.setattr(MaxComputeTrialTrigger, "_remember", lambda *_: (_ for _ in ()).throw(SystemExit("killed")))
        with pytest.raises(SystemExit):
            watch(again(trigger))
    assert len(texts(standin)) == 2
    assert isinstance(watch(trigger), TaskSuccessEvent)
    assert sum("second" in text for text in texts(standin)) == 1


def test_a_trigger_that_comes_after_the_end_ends_the_task_as_it_ended(
    standin: MaxComputeStandIn, tmp_path: Path
) -> None:
    world = World(tmp_path, {"sql": "SELECT 1 AS a"}).propose()
    trigger = world.start(0)
    watch(again(trigger))
    assert isinstance(watch(trigger), TaskSuccessEvent)
    assert len(texts(standin)) == 2


def test_a_retry_goes_on_at_the_statement_that_failed(standin: MaxComputeStandIn, tmp_path: Path) -> None:
    world = World(
        tmp_path, {"sql": ["CREATE TABLE first AS SELECT 1 AS a", "SELECT a FROM first"]}, retries=0
    ).propose()
    trigger = world.start(0)
    standin.faults.set(fail=1)
    assert isinstance(watch(trigger), TaskFailedEvent), "Airflow tries it again"
    work = world.study().state.works[0]
    assert (work.retry, work.failures, work.attempts[0].kind) == (True, 0, "transient")
    assert isinstance(watch(world.start(0)), TaskSuccessEvent)
    assert sum("first AS" in text for text in texts(standin)) == 1
    assert [attempt.number for attempt in world.study().state.works[0].attempts] == [1, 2]


def test_a_final_failure_is_told_once_and_for_all(
    standin: MaxComputeStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automl_airflow.compat.skip_instances", lambda *_: None)  # Airflow's part, which is not running
    world = World(tmp_path, {"sql": "SELECT * FROM missing_${trial_id}"}, retries=5).propose()
    event = watch(world.start(0))
    assert not isinstance(event, TaskSuccessEvent | TaskFailedEvent), "a worker says that it failed for good"
    with pytest.raises(AirflowFailException, match="ODPS-0130131"):
        world.operator(0).execute(world.context(), event.payload)
    attempt = world.study().state.works[0].attempts[0]
    assert (attempt.kind, bool(attempt.error), attempt.systematic) == ("missing", True, True)
    stop = world.study().state.stop
    assert stop is not None
    assert stop.kind == "same_error", "no other combination finds the table"


def test_a_store_that_is_away_as_the_trigger_begins_is_waited_for(
    standin: MaxComputeStandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("automl_airflow.waiting.FIRST_PAUSE", 0.01)
    world = World(tmp_path, {"sql": "SELECT 1 AS a"}).propose()
    trigger = world.start(0)
    resume_from, refused = Places.resume_from, []

    def away(self: Places) -> str | None:
        if len(refused) < 3:
            refused.append(1)
            raise StorageUnavailable("the bucket is away")
        return resume_from(self)

    monkeypatch.setattr(Places, "resume_from", away)
    assert isinstance(watch(trigger), TaskSuccessEvent)
    assert len(refused) == 3
    assert world.study().state.works[0].failures == 0


def test_a_value_that_can_not_be_filled_in_fails_before_anything_is_submitted(
    standin: MaxComputeStandIn, tmp_path: Path
) -> None:
    world = World(tmp_path, {"sql": "SELECT * FROM t_${x}"}).propose()
    with pytest.raises(AirflowFailException, match=r"tasks.train: sql, statement 1: \${x}: it stands"):
        world.operator(0).execute(world.context())
    assert texts(standin) == []


def test_a_service_that_is_away_at_the_start_is_left_to_the_trigger(standin: MaxComputeStandIn, tmp_path: Path) -> None:
    standin.faults.set(throttle=2, only="/instances")
    world = World(tmp_path, {"sql": "SELECT 1 AS a"}).propose()
    trigger = world.start(0)
    assert texts(standin) == []
    assert isinstance(watch(trigger), TaskSuccessEvent)


def test_an_order_of_the_study_stops_the_instance(standin: MaxComputeStandIn, tmp_path: Path) -> None:
    standin.faults.set(run_seconds=60)
    world = World(tmp_path, {"sql": "SELECT 1 AS a"}).propose()
    trigger = world.start(0)
    world.study().cancel_trial(0, "a test")
    watch(trigger)
    assert [instance.state for instance in standin.service._instances.values()] == ["Cancelled"]
    assert world.study().state.works[0].state is TrialState.USER_CANCELED


def test_a_rule_of_early_stopping_ends_a_trial_between_its_statements(
    standin: MaxComputeStandIn, tmp_path: Path
) -> None:
    values = [f"INSERT OVERWRITE TABLE curve SELECT {value} AS auc" for value in (0.9, 0.5, 0.4, 0.3, 0.2, 0.1)]
    task = {
        "sql": ["CREATE TABLE curve (auc double)", *values],
        "metrics": {"source": "table", "table": "curve", "after": "each"},
    }
    world = World(tmp_path, task, early_stopping={"rule": "patience", "patience": 2}).propose()
    watch(world.start(0), 60)
    work = world.study().state.works[0]
    assert work.state is TrialState.EARLY_STOPPED
    assert work.value == 0.9
    assert not any("0.2 AS auc" in text for text in texts(standin)), (
        "0.4 is judged once 0.3 has come; no more is submitted"
    )


def test_a_task_that_is_cleared_has_its_instance_stopped(standin: MaxComputeStandIn, tmp_path: Path) -> None:
    standin.faults.set(run_seconds=60)
    world = World(tmp_path, {"sql": "SELECT 1 AS a"}).propose()
    trigger = world.start(0)

    async def kill() -> None:
        await trigger.on_kill()
        await trigger.cleanup()

    asyncio.run(kill())
    assert [instance.state for instance in standin.service._instances.values()] == ["Cancelled"]


def test_what_instances_cost_is_the_trials_cost(standin: MaxComputeStandIn, tmp_path: Path) -> None:
    prices = {"cu_hour": 3600, "input_gb": 0}
    world = World(tmp_path, {"sql": "SELECT 1 AS a", "prices": prices, "cost_per_hour": 0.0}).propose()
    watch(world.start(0))
    used = sum(max(1, round(100 * i.seconds)) / 100 for i in standin.service._instances.values())
    assert world.study().state.works[0].cost == pytest.approx(used, rel=0.5)
    assert world.study().state.works[0].cost > 0


def test_the_reducer_stops_what_is_left(standin: MaxComputeStandIn, tmp_path: Path) -> None:
    standin.faults.set(run_seconds=60)
    once = {"sql": "CREATE TABLE prepared AS SELECT 1 AS a", "once": True}
    world = World(tmp_path, {"sql": [once, "SELECT 1 AS a"]}).propose()
    world.start(0)
    other = standin.odps().run_sql("SELECT 'of somebody else' AS a")
    study = world.study()
    assert len(StoredBoard(study.journal.store, study.journal.prefix).instances()) == 1
    sweep(world.context(), study)
    states = {i.job.tasks[0].query: i.state for i in standin.service._instances.values()}
    assert states.pop(next(text for text in states if "somebody else" in text)) == "Running"
    assert set(states.values()) == {"Cancelled"}
    other.stop()


def test_the_dag_of_such_an_experiment_has_the_operator(tmp_path: Path) -> None:
    dag = build_dag(World(tmp_path, {"sql": "SELECT 1"}).file)
    assert dag.get_task("trial").operator_class is MaxComputeTrialOperator  # type: ignore[attr-defined]


def test_a_slot_that_is_bound_keeps_its_binding(standin: MaxComputeStandIn, tmp_path: Path) -> None:
    world = World(tmp_path, {"sql": "SELECT 1 AS a"}).propose()
    study = world.study()
    assert isinstance(study.ask(0), Binding)
    trigger = world.start(0)
    assert trigger.attempt == 2, "a worker that died before it submitted anything: a new attempt"


# --- the connection -----------------------------------------------------------------------------------------------


def test_a_connection_says_where_and_names_what_is_missing() -> None:
    extra = {"project": "p", "endpoint": "https://h/api", "sts_token": "t"}
    found = access_in("id", "key", extra, "c")
    assert (found.project, found.endpoint, found.sts_token) == ("p", "https://h/api", "t")
    assert access_in("id", "key", extra, "c", project="other").project == "other"
    with pytest.raises(BackendError, match=r"connection c: password \(the access key secret\) and extra.project are"):
        access_in("id", None, {"endpoint": "https://h"}, "c")


def test_a_connection_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    def missing(name: str) -> Connection:
        raise AirflowNotFoundException(name)

    monkeypatch.setattr(Connection, "get", missing)
    with pytest.raises(BackendError, match="there is no Airflow connection 'nowhere'"):
        access_of("nowhere")
    world = World(tmp_path, {"sql": "SELECT 1", "connection": "nowhere"}).propose()
    skipped: list[tuple[str, int]] = []
    monkeypatch.setattr("automl_airflow.compat.skip_instances", lambda context, given: skipped.extend(given))
    with pytest.raises(AirflowFailException, match="there is no Airflow connection 'nowhere'"):
        world.operator(0).execute(world.context())
    assert skipped == [("trial", 1), ("trial", 2)], "no combination mends that, so no other trial is begun"


def test_a_stage_in_maxcompute_is_watched_and_ended_by_its_trigger(standin: MaxComputeStandIn, tmp_path: Path) -> None:
    world = World(tmp_path, {"sql": "SELECT ${x} AS x"})
    whole = yaml.safe_load(world.file.read_text())
    whole["prepare"] = [
        {"name": "join", "backend": "maxcompute", "poll": "1s", "sql": "CREATE TABLE joined AS SELECT 1 AS n"}
    ]
    world.file.write_text(yaml.safe_dump(whole))
    world.propose()
    operator = MaxComputeTrialOperator(task_id="prepare", slot=0, step_ids=["prepare"], stage="prepare", **world.where)
    with pytest.raises(TaskDeferred) as deferred:
        operator.execute(world.context())
    trigger = deferred.value.trigger
    assert isinstance(trigger, MaxComputeTrialTrigger)
    assert isinstance(watch(again(trigger)), TaskSuccessEvent)
    stage = operator.open_study(world.context())[1]
    assert stage.state.works[0].state is TrialState.SUCCEEDED
    assert world.study().state.trials == [], "the experiment's own journal knows nothing of it"
    assert any("joined" in text for text in texts(standin))


def test_a_table_as_a_data_set_is_named_in_sql_and_a_change_of_it_is_said(
    standin: MaxComputeStandIn, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = standin.odps()
    client.execute_sql("CREATE TABLE rows_of_it (a BIGINT)").wait_for_success()
    client.execute_sql("INSERT INTO rows_of_it VALUES (1)").wait_for_success()
    world = World(tmp_path, {"sql": "SELECT ${columns.target} AS c FROM ${data.train}"})
    whole = yaml.safe_load(world.file.read_text())
    whole["data"] = {"train": {"place": "odps://standin/rows_of_it", "connection": "maxcompute_default"}}
    whole["columns"] = {"target": "a"}
    world.file.write_text(yaml.safe_dump(whole))
    world.propose()
    found = world.study().state.inputs["data"]["train"]
    assert (found["kind"], found["rows"], found["columns"]) == ("table", 1, [["a", "bigint"]])
    world.start(0)
    assert any("`a` AS c FROM standin.rows_of_it" in text for text in texts(standin))
    assert world.study().state.works[0].attempts[0].warnings == []
    client.execute_sql("INSERT INTO rows_of_it VALUES (2)").wait_for_success()
    world.start(1)
    (warning,) = world.study().state.works[1].attempts[0].warnings
    assert warning.startswith("data.train (odps://standin/rows_of_it) has changed since the run began")
    assert f"warning: {warning}" in capsys.readouterr().out
    assert standin.account.secret not in json.dumps(found) + warning


def test_a_service_that_hangs_takes_no_thread_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    from automl_airflow.maxcompute.hubs import borrow, give_back
    from automl_core.backends.maxcompute.hub import THREADS

    for name in ("hangs", "answers"):
        connection = {
            "conn_type": "maxcompute", "login": "id", "password": "key-of-a-service",
            "extra": {"project": "p", "endpoint": f"http://{name}.example.com/api"},
        }  # fmt: skip
        monkeypatch.setenv(f"AIRFLOW_CONN_{name.upper()}", json.dumps(connection))
    gate = threading.Event()

    async def everything() -> str:
        hubs = [await borrow("hangs", None), await borrow("hangs", "other"), await borrow("answers", None)]
        stuck = [asyncio.ensure_future(hubs[i % 2].call(gate.wait)) for i in range(2 * THREADS)]
        try:
            await asyncio.sleep(0)
            most = sum(each.name.startswith("maxcompute") for each in threading.enumerate())
            assert most <= 2 * THREADS, "those of one service are bounded, whatever the number of its projects"
            return await asyncio.wait_for(hubs[2].call(str.upper, "answered"), stretched(20))
        finally:
            gate.set()
            await asyncio.gather(*stuck)
            for hub in hubs:
                give_back(hub)

    assert asyncio.run(everything()) == "ANSWERED"
