"""Acts on a run: what each does in the journal and in Airflow, and that it says who did it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from automl_airflow.web import held
from automl_core.cli.look import whole_text
from automl_core.running.simulation import SimulatedTraining
from automl_core.spec.loader import parse_experiment
from automl_core.states import ExperimentState, TrialState
from automl_core.storage.folder import FolderStore
from automl_core.study import Binding, Outcome, Study, StudyJournal
from automl_core.study.layout import experiment_prefix
from automl_core.study.stages import begin_stage
from automl_core.templates import Places
from automl_core.templates import parse_experiment as parse_experiment_of
from tests.support.template_folders import make_template
from tests.unit.web.conftest import World, body_of, path

API = "/automl/api/v1"
Fresh = Callable[..., tuple[str, str]]


def instances(world: World, run: tuple[str, str]) -> dict[tuple[str, int], str | None]:
    """Task instances of a run, by task and map index → state."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found = session.scalars(
            select(TaskInstance).where(TaskInstance.dag_id == run[0], TaskInstance.run_id == run[1])
        )
        return {(ti.task_id, ti.map_index): ti.state for ti in found}


def state_in_airflow(run: tuple[str, str]) -> str:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        return str(session.scalar(select(DagRun.state).where(DagRun.dag_id == run[0], DagRun.run_id == run[1])))


def schedule(world: World, run: tuple[str, str], slots: int) -> None:
    """What the scheduler does once `propose` has ended again."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        dag_run = session.scalar(select(DagRun).where(DagRun.dag_id == run[0], DagRun.run_id == run[1]))
        world.propose_ends(session, dag_run, slots)


def test_stopping_a_run_starts_no_trial_any_more(world: World, fresh: Fresh) -> None:
    run = fresh()
    done = body_of(world.client("uma").post(path(*run, "/stop"), json={"running": "drain"}))
    state = world.study(*run).state
    assert state.stop is not None
    assert (state.stop.by, state.stop.running, state.seq) == ("uma", "drain", done["seq"])
    acts = body_of(world.client().get(path(*run, "/acts")))["acts"]
    assert [(act["by"], act["act"]) for act in acts] == [("uma", "stop")]
    again = world.client("uma").post(path(*run, "/stop"), json={})
    assert again.status_code == 409


def test_what_drains_can_still_be_cancelled(world: World, fresh: Fresh) -> None:
    run = fresh()
    body_of(world.client().post(path(*run, "/stop"), json={"running": "drain"}))
    body_of(world.client().post(path(*run, "/stop"), json={"running": "cancel"}))
    state = world.study(*run).state
    assert state.running
    assert all(state.trials[work.trial].cancel == "ann" for work in state.running)


def test_a_run_without_a_journal_is_ended_in_airflow(world: World) -> None:
    name = world.know(world.spec("stopped-early"))
    body_of(world.client().post(f"{API}/experiments/{name}/runs", json={"run_id": "r"}))
    body_of(world.client().post(path(name, "r", "/stop"), json={}))
    assert state_in_airflow((name, "r")) == "failed"


def test_one_trial_is_told_to_end(world: World, fresh: Fresh) -> None:
    run = fresh()
    running = body_of(world.client().get(path(*run)))["tao"]["running_trials"]
    body_of(world.client("uma").post(path(*run, f"/trials/{running[0]}/stop"), json={}))
    assert world.study(*run).state.trials[running[0]].cancel == "uma"
    assert world.client().post(path(*run, "/trials/0/stop"), json={}).status_code == 409  # it has ended
    assert world.client().post(path(*run, "/trials/99/stop"), json={}).status_code == 404


def test_a_failed_trial_runs_again_as_one_that_is_cleared_in_airflow(world: World, fresh: Fresh) -> None:
    run = fresh(until=None, state="success")
    body_of(world.client("uma").post(path(*run, "/trials/2/rerun"), json={}))
    found = instances(world, run)
    assert found["trial", 2] is None
    assert found["reduce", -1] is None
    assert found["trial", 1] == "success"
    assert state_in_airflow(run) == "queued"
    study = world.study(*run)
    assert [(act.act, act.by, act.trial) for act in study.state.acts] == [("rerun", "uma", 2)]
    binding = study.ask(2)
    assert isinstance(binding, Binding)
    assert (binding.trial, binding.attempt) == (2, 2)


def test_a_trial_that_goes_on_is_not_run_again(world: World, fresh: Fresh) -> None:
    run = fresh()
    running = body_of(world.client().get(path(*run)))["tao"]["running_trials"]
    assert world.client().post(path(*run, f"/trials/{running[0]}/rerun"), json={}).status_code == 409


def test_a_running_experiment_is_edited(world: World, fresh: Fresh) -> None:
    run = fresh()
    wanted = {"stop": {"target": 2.0}, "trials": {"concurrency": 2}, "space": {"units": {"high": 32}}}
    done = body_of(world.client("uma").patch(path(*run), json=wanted))
    assert {change["path"] for change in done["changes"]} == {"stop.target", "trials.concurrency", "space.units.high"}
    study = world.study(*run)
    assert study.experiment.stop.target == 2.0
    assert study.state.acts[-1].by == "uma"
    shown = body_of(world.client().get(path(*run)))
    assert shown["limits"]["concurrency"] == 2
    assert shown["limits"]["concurrency_at_most"] == 3
    assert next(p for p in shown["parameters"] if p["name"] == "units")["high"] == 32


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ({"space": {"units": {"high": 128}}}, "space.units"),
        ({"trials": {"concurrency": 9}}, "trials.concurrency"),
        ({"stop": {"target": "much"}}, "stop.target"),
        ({"goal": {}}, "goal"),
    ],
)
def test_an_edit_that_can_not_be_says_where_and_what(
    world: World, going: tuple[str, str], wanted: dict[str, Any], place: str
) -> None:
    before = world.study(*going).state.seq
    answer = world.client().patch(path(*going), json=wanted)
    assert answer.status_code == 422
    assert [problem["path"] for problem in answer.json()["problems"]] == [place]
    assert world.study(*going).state.seq == before


def test_more_trials_become_more_task_instances(world: World, fresh: Fresh) -> None:
    run = fresh()
    assert ("trial", 12) not in instances(world, run)
    body_of(world.client("uma").patch(path(*run), json={"trials": {"max": 15}}))
    found = instances(world, run)
    assert found["propose", -1] is None  # it runs again, and returns a longer list
    assert ("trial", 12) in found
    assert ("trial", 13) not in found
    schedule(world, run, 15)
    found = instances(world, run)
    assert {index for task, index in found if task == "trial"} == set(range(15))
    assert found["trial", 3] == "success"  # what has run is left alone


def test_an_ended_run_is_extended(world: World, fresh: Fresh) -> None:
    run = fresh(until=None, state="success")
    refused = world.client().post(path(*run, "/extend"), json={"stop": {"target": 5.0}})
    assert refused.status_code == 409
    assert "it would stop again at once" in refused.json()["detail"]
    body_of(world.client("uma").post(path(*run, "/extend"), json={"trials": {"max": 14}}))
    found = instances(world, run)
    assert found["propose", -1] is None
    assert found["reduce", -1] is None
    assert ("trial", 12) in found
    assert state_in_airflow(run) == "queued"
    schedule(world, run, 14)
    assert {index for task, index in instances(world, run) if task == "trial"} == set(range(14))
    study = world.study(*run)
    assert study.state.stop is None
    assert study.unbound() == (12, 13)
    assert isinstance(study.ask(13), Binding)
    assert world.client().post(path(*run, "/extend"), json={"trials": {"max": 20}}).status_code == 409  # it runs


def test_an_extension_that_broke_off_is_made_whole_by_doing_it_again(
    world: World, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    from automl_airflow.web import airflow_acts

    run = fresh(until=None, state="success")

    def away(*arguments: Any) -> None:
        raise ConnectionError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(airflow_acts, "add_slots", away)
        with pytest.raises(ConnectionError):
            world.client().post(path(*run, "/extend"), json={"trials": {"max": 14}})
    assert world.study(*run).state.stop is None
    assert state_in_airflow(run) == "success"
    body_of(world.client().post(path(*run, "/extend"), json={"trials": {"max": 14}}))
    assert state_in_airflow(run) == "queued"
    schedule(world, run, 14)
    assert {index for task, index in instances(world, run) if task == "trial"} == set(range(14))


def test_slots_skipped_at_an_early_end_run_when_it_is_extended(world: World, fresh: Fresh) -> None:
    run = fresh(until=4.5)
    world.client().post(path(*run, "/stop"), json={"running": "cancel"})
    study = world.study(*run)
    for work in list(study.state.running):
        study.give_up(work.slot)
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        dag_run = session.scalar(select(DagRun).where(DagRun.dag_id == run[0], DagRun.run_id == run[1]))
        assert dag_run is not None
        dag_run.state = "success"
    unbound = study.unbound()
    body_of(world.client().post(path(*run, "/extend"), json={}))
    found = instances(world, run)
    assert unbound
    assert all(found["trial", slot] is None for slot in unbound)
    assert found["propose", -1] == "success"  # there are no more slots than before


def test_what_the_same_error_ended_is_extended_and_what_was_skipped_runs(world: World, fresh: Fresh) -> None:
    run = fresh(until=0.5, trials=12)
    study = world.study(*run)
    failed = Outcome(TrialState.FAILED, "no module named nope", retryable=False, error="e1")
    for slot in range(8):
        binding = study.unfinished(slot, 0) or study.ask(slot)
        if isinstance(binding, Binding):
            study.tell(binding, failed)
    assert study.state.stop is not None
    assert study.state.stop.kind == "same_error"
    study.finish()
    from airflow.models.dagrun import DagRun
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select, update

    unbound = study.unbound()
    with create_session() as session:
        dag_run = session.scalar(select(DagRun).where(DagRun.dag_id == run[0], DagRun.run_id == run[1]))
        assert dag_run is not None
        dag_run.state = "failed"
        session.execute(
            update(TaskInstance)
            .where(TaskInstance.dag_id == run[0], TaskInstance.run_id == run[1], TaskInstance.map_index.in_(unbound))
            .values(state="skipped")
        )
    assert body_of(world.client().get(path(*run)))["limits"]["stop"]["same_error"] == 5
    refused = world.client("uma").post(path(*run, "/extend"), json={})
    assert refused.status_code == 409
    assert "(stop.same_error)" in refused.json()["detail"]
    done = body_of(world.client("uma").post(path(*run, "/extend"), json={"stop": {"same_error": None}}))
    assert done["text"] == "stop.same_error 5 → null"
    found = instances(world, run)
    assert unbound
    assert all(found["trial", slot] is None for slot in unbound)
    assert state_in_airflow(run) == "queued"
    assert isinstance(world.study(*run).ask(unbound[0]), Binding)


def test_a_run_whose_prepare_failed_prepares_again_when_it_is_extended(world: World) -> None:
    """Airflow has not mapped the trials then, and would wait for none."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import update

    text = world.spec("unprepared") + "prepare: [{name: split, command: 'true'}]\n"
    run = world.know(text), "r"
    store = FolderStore(world.storage)
    study = Study.create(StudyJournal(store, experiment_prefix(*run)), parse_experiment(text, "x.yaml"), "r", [])
    stage = begin_stage(study, "prepare")
    binding = stage.ask(0)
    assert isinstance(binding, Binding)
    stage.tell(binding, Outcome(TrialState.FAILED, "no such table"))
    study.stop("prepare", ExperimentState.FAILED, "prepare failed: no such table")
    world.begin(*run, state="failed")
    ends = {"prepare": "failed", "trial": "upstream_failed", "reduce": "failed"}
    with create_session() as session:
        for task, state in ends.items():
            session.execute(
                update(TaskInstance)
                .where(TaskInstance.dag_id == run[0], TaskInstance.run_id == run[1], TaskInstance.task_id == task)
                .values(state=state)
            )
    assert instances(world, run).keys() == {("propose", -1), ("prepare", -1), ("trial", -1), ("reduce", -1)}
    body_of(world.client().post(path(*run, "/extend"), json={"trials": {"max": 14}}))
    assert set(instances(world, run).values()) == {None}
    assert state_in_airflow(run) == "queued"
    assert world.study(*run).state.stop is None


def test_once_the_search_is_over_stopping_a_run_ends_its_conclude(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = world.spec("concluding") + "conclude: [{name: refit, command: 'true'}]\n"
    monkeypatch.setattr(held, "STAGES_EVERY", 0.0)
    run = world.know(text), "r"
    study = world.simulate(text, "r")
    world.begin(*run)
    assert world.client().post(path(*run, "/stop"), json={}).status_code == 409
    stage = begin_stage(study, "conclude")
    binding = stage.ask(0)
    assert isinstance(binding, Binding)
    assert body_of(world.client().get(path(*run)))["can"]["stop"]
    body_of(world.client("uma").post(path(*run, "/stop"), json={}))
    assert stage.order(binding) == (TrialState.USER_CANCELED, "cancelled by uma")
    stage.tell(binding, Outcome(TrialState.USER_CANCELED, "cancelled by uma"))
    assert world.client().post(path(*run, "/stop"), json={}).status_code == 409
    again = stage.ask(0)
    assert isinstance(again, Binding)
    assert stage.order(again) is None, "a person has cleared it: it is not ended by the order before"


def test_a_clone_has_the_runs_conf_and_what_is_given(world: World) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    name = world.know(world.spec("cloned"))
    conf = {"max_trials": 5, "stop": {"target": 0.9}}
    body_of(world.client().post(f"{API}/experiments/{name}/runs", json={"conf": conf, "run_id": "one"}))
    body_of(world.client().post(path(name, "one", "/stop"), json={}))
    made = body_of(world.client("uma").post(path(name, "one", "/clone"), json={"conf": {"stop": {"max_cost": 3}}}))
    with create_session() as session:
        run = session.scalar(select(DagRun).where(DagRun.dag_id == name, DagRun.run_id == made["run"]))
        assert run is not None
        assert run.conf == {"max_trials": 5, "stop": {"target": 0.9, "max_cost": 3}}
        assert run.triggering_user_name == "uma"


def test_a_wrong_conf_is_refused_before_it_is_queued(world: World, ended: tuple[str, str]) -> None:
    answer = world.client().post(f"{API}/experiments/{ended[0]}/runs", json={"conf": {"stop": {"tarjet": 1}}})
    assert answer.status_code == 422
    assert "Did you mean 'target'?" in answer.json()["detail"]


def test_a_run_id_is_given_once(world: World, ended: tuple[str, str]) -> None:
    answer = world.client().post(f"{API}/experiments/{ended[0]}/runs", json={"run_id": ended[1]})
    assert answer.status_code == 409


def test_every_act_stands_in_airflows_audit_log(world: World, fresh: Fresh) -> None:
    from airflow.models.log import Log
    from airflow.utils.session import create_session
    from sqlalchemy import select

    run = fresh()
    body_of(world.client("uma").post(path(*run, "/stop"), json={"running": "cancel"}))
    with create_session() as session:
        entry = session.scalar(select(Log).where(Log.event == "automl_stop", Log.dag_id == run[0]))
        assert entry is not None
        assert (entry.owner, entry.run_id) == ("uma", run[1])


def test_a_file_is_validated_as_it_is_typed(world: World) -> None:
    text = world.spec("typed").replace("direction: maximize", "direction: up")
    body = body_of(world.client("vic").post(f"{API}/validate", json={"text": text}))
    assert body["ok"] is False
    assert (body["problems"][0]["path"], body["problems"][0]["line"]) == ("goal.direction", 4)
    for broken in ("", "{", "a: [", "\t", "name: x\nname: y", "&a [*a]", "- 1", "\x00"):
        found = body_of(world.client("vic").post(f"{API}/validate", json={"text": broken}))
        assert found["ok"] is False
        assert found["problems"]
    good = body_of(world.client("vic").post(f"{API}/validate", json={"text": world.spec("typed")}))
    assert good["ok"]
    assert good["name"] == "typed"
    assert good["preview"]["trials"] == 12


def test_a_file_is_saved_where_airflow_reads_it(world: World) -> None:
    text = world.spec("pasted")
    made = body_of(world.client("oli").post(f"{API}/experiments", json={"text": text}))
    assert made == {"experiment": "pasted", "file": "pasted.yaml", "replaced": False}
    assert (world.files / "pasted.yaml").read_text() == text
    ready = body_of(world.client().get(f"{API}/experiments/pasted/readiness"))
    assert ready["state"] == "waiting"
    assert world.client().post(f"{API}/experiments", json={"text": text}).status_code == 409
    world.know(text)
    assert body_of(world.client().get(f"{API}/experiments/pasted/readiness"))["state"] == "ready"
    assert world.client().post(f"{API}/experiments", json={"text": text}).status_code == 409
    changed = text.replace("max: 12", "max: 13")
    done = body_of(world.client().post(f"{API}/experiments", json={"text": changed, "replace": True}))
    assert done["replaced"]
    assert (world.files / "pasted.yaml").read_text() == changed
    assert not [each for each in world.files.iterdir() if each.name.startswith(".")]


def test_a_wrong_file_is_not_saved(world: World) -> None:
    answer = world.client().post(f"{API}/experiments", json={"text": world.spec("../../evil")})
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["path"] == "name"
    assert world.client().post(f"{API}/experiments", json={"text": "x" * 300_000}).status_code == 422


def test_a_file_never_takes_the_place_of_another_dag(world: World) -> None:
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    with create_session() as session:
        session.merge(DagModel(dag_id="payroll", bundle_name="testing", is_stale=False, fileloc="/x/payroll.py",
                               relative_fileloc="payroll.py"))  # fmt: skip
    answer = world.client().post(f"{API}/experiments", json={"text": world.spec("payroll"), "replace": True})
    assert answer.status_code == 409
    assert not (world.files / "payroll.yaml").exists()


def test_without_a_folder_nothing_is_saved(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW__AUTOML__EXPERIMENTS_FOLDER")
    answer = world.client().post(f"{API}/experiments", json={"text": world.spec("nowhere")})
    assert answer.status_code == 403
    assert "AIRFLOW__AUTOML__EXPERIMENTS_FOLDER" in answer.json()["detail"]
    assert body_of(world.client().get(f"{API}/me"))["create"]["allowed"] is False


@pytest.mark.parametrize("content", ["", "[]", "3", "{", '{"running": "never"}', '{"more": 1}', b"\xff\xfe{"])
def test_a_body_that_is_none_is_refused_in_words(world: World, going: tuple[str, str], content: Any) -> None:
    before = world.study(*going).state.seq
    headers = {"Content-Type": "application/json"}
    answer = world.client().post(path(*going, "/stop"), content=content, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.json()["detail"]
    assert world.study(*going).state.seq == before


def test_an_act_is_seen_by_whoever_runs_the_trials(world: World, fresh: Fresh) -> None:
    run = fresh()
    study = world.study(*run)
    body_of(world.client().post(path(*run, "/stop"), json={"running": "cancel"}))
    study.refresh()
    work = study.state.running[0]
    assert study.state.stop is not None
    assert work.state is TrialState.RUNNING


def test_another_number_of_trials_needs_the_right_to_clear_tasks(
    world: World, fresh: Fresh, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It clears `propose`, which Airflow itself lets only those do who may edit task instances."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity

    run = fresh()
    manager = get_auth_manager()
    allowed = manager.is_authorized_dag
    monkeypatch.setattr(
        manager, "is_authorized_dag",
        lambda **call: call.get("access_entity") is not DagAccessEntity.TASK_INSTANCE and allowed(**call),
    )  # fmt: skip
    client = world.client("uma")
    assert client.patch(path(*run), json={"trials": {"max": 15}}).status_code == 403
    assert instances(world, run)["propose", -1] == "success"
    assert client.patch(path(*run), json={"stop": {"target": 2.0}}).status_code == 200


def test_a_file_is_replaced_under_the_name_that_it_has(world: World) -> None:
    text = world.spec("named-otherwise")
    world.know(text)
    (world.files / "named-otherwise.yaml").rename(world.files / "my_file.yml")
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    with create_session() as session:
        model = session.get(DagModel, "named-otherwise")
        assert model is not None
        model.relative_fileloc = f"{world.files.name}/my_file.yml"
    changed = text.replace("max: 12", "max: 13")
    made = body_of(world.client().post(f"{API}/experiments", json={"text": changed, "replace": True}))
    assert made == {"experiment": "named-otherwise", "file": "my_file.yml", "replaced": True}
    assert (world.files / "my_file.yml").read_text() == changed
    assert not (world.files / "named-otherwise.yaml").exists()
    ready = body_of(world.client().get(f"{API}/experiments/named-otherwise/readiness"))
    assert ready["state"] == "waiting"


def test_an_error_of_what_a_file_was_before_is_not_held_against_it(world: World) -> None:
    import time
    from datetime import UTC, datetime, timedelta

    from airflow.models.errors import ParseImportError
    from airflow.utils.session import create_session
    from sqlalchemy import select

    name = world.know(world.spec("mended"))
    place = f"{world.files.name}/{name}.yaml"
    before = datetime.fromtimestamp(time.time(), UTC) - timedelta(minutes=5)
    with create_session() as session:
        session.add(ParseImportError(filename=place, bundle_name="testing", stacktrace="was bad", timestamp=before))
    body_of(world.client().post(f"{API}/experiments", json={"text": world.spec(name, 13), "replace": True}))
    readiness = f"{API}/experiments/{name}/readiness"
    assert body_of(world.client().get(readiness))["state"] == "waiting"
    with create_session() as session:
        found = session.scalar(select(ParseImportError).where(ParseImportError.filename == place))
        assert found is not None
        found.timestamp = before + timedelta(minutes=6)
    body = body_of(world.client().get(readiness))
    assert (body["state"], body["error"]) == ("broken", "was bad")


def test_a_file_is_saved_where_links_can_not_be_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno
    import os

    def no_links(*arguments: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    text = world.spec("unlinked")
    body_of(world.client().post(f"{API}/experiments", json={"text": text}))
    assert (world.files / "unlinked.yaml").read_text() == text
    assert world.client().post(f"{API}/experiments", json={"text": text}).status_code == 409


def test_large_searches_do_not_keep_others_from_being_checked(world: World) -> None:
    from automl_airflow.web import checking

    taken = 0
    try:
        while checking.previews.acquire(blocking=False):
            taken += 1
        body = body_of(world.client().post(f"{API}/validate", json={"text": world.spec("busy")}))
        assert (body["ok"], body["preview"]) == (True, None)
    finally:
        for _ in range(taken):
            checking.previews.release()
    assert taken == 2
    assert body_of(world.client().post(f"{API}/validate", json={"text": world.spec("busy")}))["preview"]


def test_warnings_come_beside_the_problems_with_their_places(world: World) -> None:
    text = world.spec("slip").replace(f"file://{world.storage}", "s3:/bucket/x")
    body = body_of(world.client("vic").post(f"{API}/validate", json={"text": text}))
    assert (body["ok"], body["problems"], body["name"]) == (True, [], "slip")
    (warning,) = [each for each in body["warnings"] if each["path"] == "output.storage"]
    assert "storage" in text.splitlines()[warning["line"] - 1]
    assert (warning["severity"], warning["suggestion"]) == ("warning", "Did you mean 's3://bucket/x'?")
    broken = body_of(world.client("vic").post(f"{API}/validate", json={"text": text.replace("maximize", "up")}))
    assert (broken["ok"], broken["warnings"]) == (False, [])


def test_notes_are_warnings_of_another_severity(world: World) -> None:
    pattern = "metrics: {source: stdout, patterns: {accuracy: '(?<=acc=)(.*)'}}"
    text = world.spec("noted").replace("{name: train,", f"{{name: train, {pattern},")
    assert pattern in text
    body = body_of(world.client("vic").post(f"{API}/validate", json={"text": text}))
    assert body["ok"]
    (note,) = [each for each in body["warnings"] if each["severity"] == "note"]
    assert note["path"] == "tasks[0].metrics.patterns.accuracy"
    assert pattern in text.splitlines()[note["line"] - 1]
    assert "a process of its own (a look-around)" in note["message"]


def test_a_run_has_the_date_that_is_given_once(world: World) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    name = world.know(world.spec("dated"))
    body = {"logical_date": "2026-11-01T00:00:00Z", "run_id": "one"}
    body_of(world.client().post(f"{API}/experiments/{name}/runs", json=body))
    with create_session() as session:
        run = session.scalar(select(DagRun).where(DagRun.dag_id == name, DagRun.run_id == "one"))
        assert run is not None
        assert run.logical_date is not None
        assert run.logical_date.isoformat() == "2026-11-01T00:00:00+00:00"
    again = world.client().post(f"{API}/experiments/{name}/runs", json=body | {"run_id": "two"})
    assert again.status_code == 409
    assert "has a run of 2026-11-01T00:00:00+00:00 already" in again.json()["detail"]


def test_no_run_begins_whose_pool_is_missing(world: World) -> None:
    from airflow.models.pool import Pool
    from airflow.utils.session import create_session

    name = world.know(world.spec("pooled") + "airflow: {pool: of_nobody}\n")
    refused = world.client().post(f"{API}/experiments/{name}/runs", json={})
    assert refused.status_code == 409
    assert "Airflow has no pool of_nobody" in refused.json()["detail"]
    with create_session() as session:
        Pool.create_or_update_pool("of_nobody", slots=1, description="", include_deferred=True, session=session)
    body_of(world.client().post(f"{API}/experiments/{name}/runs", json={}))


def test_a_date_that_the_run_will_not_have_is_refused_with_its_line(world: World) -> None:
    text = world.spec("undated")
    name = world.know(text.replace("command: [", 'command: ["${ds}", ', 1))
    refused = world.client().post(f"{API}/experiments/{name}/runs", json={})
    assert refused.status_code == 422
    assert "${ds}: this run has no logical date" in refused.json()["detail"]
    body_of(world.client().post(f"{API}/experiments/{name}/runs", json={"logical_date": "2026-11-02T00:00:00Z"}))


def test_a_file_that_is_edited_before_its_first_run_is_where_it_says_now(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Airflow writes a version anew that no task instance has yet."""
    from airflow.utils.session import create_session

    from automl_airflow.web.catalog import experiments, place_of_dag

    monkeypatch.setenv("AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL", "0")
    text = world.spec("never_run")
    name = world.know(text)
    with create_session() as session:
        before = place_of_dag(session, name).storage
        experiments(session, {name})
    world.know(text.replace(before, f"{before}/elsewhere"))
    with create_session() as session:
        assert place_of_dag(session, name).storage == f"{before}/elsewhere"
    body_of(world.client().post(f"{API}/experiments/{name}/runs", json={"run_id": "one"}))
    with create_session() as session:
        (shown,) = experiments(session, {name})
        assert shown.latest is not None
        assert shown.latest.place.storage == f"{before}/elsewhere"


def test_pages_look_where_a_run_began_when_its_file_was_edited(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Queued before the edit and begun after it, it lies elsewhere than the version says that it was made with."""
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session

    from automl_airflow.web.catalog import experiments, find_run, runs_of

    monkeypatch.setenv("AIRFLOW__CORE__MIN_SERIALIZED_DAG_UPDATE_INTERVAL", "0")
    text = world.spec("moved")
    name = world.know(text)
    body_of(world.client().post(f"{API}/experiments/{name}/runs", json={"run_id": "one"}))
    body_of(world.client().post(f"{API}/experiments/{name}/runs", json={"run_id": "two"}))
    first = f"file://{world.storage}"
    world.know(text.replace(first, f"{first}/elsewhere"))
    told = {"storage": f"{first}/elsewhere", "connection": None, "experiment": name}
    with create_session() as session:
        XComModel.set(
            key="search", value={"algorithm": "random", "place": told}, dag_id=name, run_id="two", task_id="propose",
            session=session,
        )  # fmt: skip
    with create_session() as session:
        assert find_run(session, name, "one").place.storage == first, "it has not begun, or where its version says"
        assert find_run(session, name, "two").place.storage == f"{first}/elsewhere"
        listed = {run.run_id: run.place.storage for run in runs_of(session, name, 0, 10)[1]}
        assert listed == {"one": first, "two": f"{first}/elsewhere"}
        (shown,) = experiments(session, {name})
        assert shown.latest is not None
        assert shown.latest.place.storage == listed[shown.latest.run_id]


TEMPLATE = """\
template: acted
version: 1
title: For acts
parameters:
  lr: {type: loguniform, low: 1.0e-4, high: 0.1, search: true}
goal: {metric: accuracy, direction: maximize}
tasks: [{name: train, command: [python, train.py, "${lr}"]}]
"""


def test_a_run_whose_template_has_changed_is_not_begun_anew(world: World) -> None:
    folder = make_template(world.files.parent / "templates", TEMPLATE).folder
    storage = f'output: {{storage: "file://{world.storage}"}}\n'
    text, run_id = f"name: from-acted\ntemplate: acted@1\n{storage}trials: {{max: 3}}\n", "manual__1"
    name = world.know(text)
    whole = whole_text(parse_experiment_of(text, "x.yaml", Places.of(bundle=world.files.parent)))
    world.simulate(whole, run_id, training=lambda binding, params: SimulatedTraining({1: {"accuracy": params["lr"]}}))
    world.begin(name, run_id, "success")
    as_it_was = (folder / "template.yaml").read_text()
    (folder / "template.yaml").write_text(as_it_was + "# changed\n")
    before = world.study(name, run_id).state
    for rest, body in (("/extend", {"trials": {"max": 5}}), ("/trials/0/rerun", {})):
        refused = world.client().post(path(name, run_id, rest), json=body)
        assert refused.status_code == 409, rest
        assert "the template acted@1 has changed since this run began" in refused.json()["detail"]
    assert world.study(name, run_id).state.seq == before.seq, "what has ended stays what it is"
    assert state_in_airflow((name, run_id)) == "success"
    (folder / "template.yaml").write_text(as_it_was)
    body_of(world.client().post(path(name, run_id, "/extend"), json={"trials": {"max": 5}}))
    assert world.study(name, run_id).state.stop is None
