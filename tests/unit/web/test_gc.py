"""Housekeeping through Airflow: what was seen is what goes, by Airflow's rights, and never what Airflow is at."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automl_core.study.layout import experiment_prefix
from tests.unit.web.conftest import World, body_of

GC = "/automl/api/v1/gc"
Fresh = Callable[..., tuple[str, str]]


def folder(world: World, run: tuple[str, str]) -> Path:
    return world.storage / experiment_prefix(*run)


def grow_old(world: World, run: tuple[str, str], days: float = 60) -> None:
    then = time.time() - days * 86_400
    for place, _, names in os.walk(folder(world, run)):
        for name in names:
            os.utime(os.path.join(place, name), (then, then))


def publish(world: World, run: tuple[str, str]) -> None:
    from automl_core.results import publish_study

    publish_study(world.study(*run))


def forget(run: tuple[str, str]) -> None:
    """Somebody deletes the run in Airflow."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import delete

    with create_session() as session:
        session.execute(delete(DagRun).where(DagRun.dag_id == run[0], DagRun.run_id == run[1]))


def asked(run: tuple[str, str], **options: Any) -> dict[str, Any]:
    return {"experiments": [run[0]], "keep_last": 0, "what": ["runs"], **options}


@pytest.fixture
def old(world: World, fresh: Fresh) -> tuple[str, str]:
    """A run that ended long ago, with its result published."""
    run = fresh(until=None, state="success")
    publish(world, run)
    grow_old(world, run)
    return run


def test_what_was_seen_is_what_goes(world: World, old: tuple[str, str]) -> None:
    plan = body_of(world.client().post(GC, json=asked(old)))
    assert [(item["experiment"], item["run"], item["what"]) for item in plan["items"]] == [(*old, "runs")]
    assert plan["items"][0]["storage"] == f"file://{world.storage}"
    assert plan["items"][0]["storage"] in plan["storages"], "beside those that other tests of this world have named"
    assert plan["bytes"] > 1000
    assert folder(world, old).exists()
    done = body_of(world.client().post(f"{GC}/apply", json=asked(old, plan=plan["plan"])))
    assert [item["run"] for item in done["deleted"]] == [old[1]]
    assert (done["bytes"], done["left"], done["spared"], done["failed"]) == (plan["bytes"], 0, [], [])
    assert not folder(world, old).exists()
    gone = world.client().post(f"{GC}/apply", json=asked(old, plan=plan["plan"]))
    assert gone.status_code == 409


def test_what_was_not_seen_does_not_go(world: World, old: tuple[str, str]) -> None:
    plan = body_of(world.client().post(GC, json=asked(old)))["plan"]
    (folder(world, old) / "more.bin").write_bytes(b"1")
    grow_old(world, old)
    refused = world.client().post(f"{GC}/apply", json=asked(old, plan=plan))
    assert refused.status_code == 409
    assert "something else would go" in refused.json()["detail"]
    assert world.client().post(f"{GC}/apply", json=asked(old, plan=plan, older_than=0)).status_code == 409
    assert folder(world, old).exists()


@pytest.mark.parametrize(
    ("plan", "status", "said"),
    [
        ("x", 422, "no plan's id"), (f"1.{'0' * 32}", 409, "older than an hour"),
        (f"99999999999.{'0' * 32}", 409, "older than an hour"), (None, 422, "plan"),
    ],
)  # fmt: skip
def test_a_plan_that_is_none_is_refused(
    world: World, ended: tuple[str, str], plan: str | None, status: int, said: str
) -> None:
    answer = world.client().post(f"{GC}/apply", json=asked(ended) | ({"plan": plan} if plan else {}))
    assert answer.status_code == status
    assert said in answer.json()["detail"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"older_than": -1},
        {"what": ["everything"]},
        {"abandoned": 60},
        {"keep_last": -1},
        {"yes": True},
        {"what": "runs"},
    ],
)
def test_options_are_checked(world: World, wrong: dict[str, Any]) -> None:
    answer = world.client().post(GC, json=wrong)
    assert answer.status_code == 422
    assert next(iter(wrong)) in answer.json()["detail"]


def test_what_airflow_is_at_stays_whatever_its_journal_says(world: World, fresh: Fresh) -> None:
    run = fresh(until=None, state="running")
    publish(world, run)
    grow_old(world, run)
    for options in ({}, {"abandoned": 86_400.0}, {"orphaned": True}):
        plan = body_of(world.client().post(GC, json=asked(run, older_than=0, **options)))
        assert plan["items"] == []
        assert plan["spared"][0]["why"] == "its DAG run goes on in Airflow"


def test_a_run_that_is_begun_again_meanwhile_is_spared(
    world: World, old: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from automl_airflow.web import cleaning

    plan = body_of(world.client().post(GC, json=asked(old)))["plan"]
    carry_out = cleaning.carry_out

    def begun_again(*arguments: Any, **named: Any) -> Any:
        set_state(old, "queued")  # somebody clears it in Airflow between the last look and the deletion
        return carry_out(*arguments, **named)

    monkeypatch.setattr(cleaning, "carry_out", begun_again)
    done = body_of(world.client().post(f"{GC}/apply", json=asked(old, plan=plan)))
    assert [(item["run"], item["why"]) for item in done["spared"]] == [(old[1], "its DAG run goes on in Airflow")]
    assert folder(world, old).exists()


def set_state(run: tuple[str, str], state: str) -> None:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import update

    with create_session() as session:
        session.execute(
            update(DagRun).where(DagRun.dag_id == run[0], DagRun.run_id == run[1]).values(state=state)
        )  # fmt: skip


def test_runs_that_are_gone_from_airflow_are_found_where_it_is_asked_for(world: World, fresh: Fresh) -> None:
    run = fresh(until=4.5)  # it was deleted in Airflow while it ran
    grow_old(world, run, days=1)
    forget(run)
    assert body_of(world.client().post(GC, json=asked(run)))["items"] == []
    plan = body_of(world.client().post(GC, json=asked(run, orphaned=True, what=[], keep_last=1)))
    assert [(item["run"], item["why"]) for item in plan["items"]] == [
        (run[1], "orphaned: its run is gone from Airflow")
    ]
    body_of(world.client().post(f"{GC}/apply", json=asked(run, orphaned=True, what=[], keep_last=1, plan=plan["plan"])))
    assert not folder(world, run).exists()


def test_what_was_written_this_hour_is_no_orphan_yet(world: World, fresh: Fresh) -> None:
    run = fresh(until=4.5)
    forget(run)
    assert body_of(world.client().post(GC, json=asked(run, orphaned=True)))["items"] == []


def test_what_another_file_of_this_airflow_learns_from_stays(world: World, old: tuple[str, str]) -> None:
    name = f"learner-{old[0]}"[:100]
    text = world.spec(name).replace(
        "seed: 7", f"seed: 7, transfer: {{runs: 0, experiments: ['{old[0]}@{old[1]}']}}"
    )  # fmt: skip
    world.know(text)
    plan = body_of(world.client().post(GC, json=asked(old)))
    assert plan["items"] == []
    assert plan["spared"][0]["why"] == f"the experiment file {name} names it"


def test_only_who_may_delete_runs_of_a_dag_may_clean_up(
    world: World, old: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    assert world.client("vic").post(GC, json={}).status_code == 403
    assert world.client("vic").post(f"{GC}/apply", json={"plan": f"1.{'0' * 32}"}).status_code == 403
    plan = body_of(world.client("uma").post(GC, json=asked(old)))
    assert plan["items"]
    manager = get_auth_manager()
    allowed = manager.is_authorized_dag

    def is_authorized(**call: Any) -> bool:
        details = call.get("details")
        return not (call["method"] == "DELETE" and details is not None and details.id == old[0]) and bool(
            allowed(**call)
        )

    monkeypatch.setattr(manager, "is_authorized_dag", is_authorized)
    assert world.client("uma").post(GC, json=asked(old)).status_code == 403
    everything = body_of(world.client("uma").post(GC, json={"keep_last": 0, "older_than": 0}))
    assert old[0] not in [item["experiment"] for item in everything["items"]]
    assert old[0] not in [each["experiment"] for each in everything["spared"]]
    assert world.client("uma").post(f"{GC}/apply", json=asked(old, plan=plan["plan"])).status_code == 403
    assert folder(world, old).exists()


def test_a_deletion_stands_in_airflows_audit_log(world: World, old: tuple[str, str]) -> None:
    from airflow.models.log import Log
    from airflow.utils.session import create_session
    from sqlalchemy import select

    plan = body_of(world.client().post(GC, json=asked(old)))["plan"]
    body_of(world.client("uma").post(f"{GC}/apply", json=asked(old, plan=plan)))
    with create_session() as session:
        entries = list(session.scalars(select(Log).where(Log.event == "automl_gc")))
        assert "uma" in [entry.owner for entry in entries]
        assert any(plan in (entry.extra or "") for entry in entries)


def test_the_page_is_there_for_who_has_signed_in(world: World) -> None:
    answer = world.browser("vic").get("/automl/housekeeping", headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert 'id="main"' in answer.text


def test_a_storage_that_can_not_be_opened_is_said_and_the_others_are_looked_at(
    world: World, old: tuple[str, str]
) -> None:
    world.know(
        world.spec("elsewhere").replace("output: {storage:", "output: {connection: nope, storage:")
    )  # fmt: skip
    plan = body_of(world.client().post(GC, json=asked(old)))
    assert any("the connection 'nope' is not defined in Airflow" in problem for problem in plan["problems"])
    assert plan["items"]


@pytest.mark.filterwarnings("ignore:You should not use the 'timeout' argument")
def test_the_command_line_asks_airflow_where_no_storage_is_named(
    world: World, old: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from automl_core.cli import main, remote
    from tests.unit.web.test_client import connect

    monkeypatch.setattr(remote, "connect", lambda: connect(world))
    monkeypatch.setenv("COLUMNS", "400")
    call = ["gc", "--experiment", old[0], "--keep-last", "0", "--what", "runs"]
    assert main(call) == 0
    said = capsys.readouterr().out
    assert f"file://{world.storage}/{old[0]}/" in said
    plan = said.rpartition("--plan ")[2].split()[0]
    assert main([*call, "--apply", "--plan", plan]) == 0
    assert "deleted 1 item" in capsys.readouterr().err
    assert not folder(world, old).exists()
