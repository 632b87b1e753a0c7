"""What is broken, missing or ended elsewhere is told of itself, and takes no other experiment with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.unit.web.conftest import World, body_of, path

API = "/automl/api/v1"

Fresh = Callable[..., tuple[str, str]]


def begin_without_journal(world: World, name: str, state: str = "queued") -> tuple[str, str]:
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    run = (name, "r")
    begun = world.client().post(f"/api/v2/dags/{name}/dagRuns", json={"logical_date": None, "dag_run_id": "r"})
    assert begun.status_code == 200, begun.text
    with create_session() as session:
        found = session.scalar(select(DagRun).where(DagRun.dag_id == name, DagRun.run_id == "r"))
        assert found is not None
        found.state = state
    return run


def listed(world: World, **query: Any) -> dict[str, Any]:
    body = body_of(world.client().get(f"{API}/experiments", params={"limit": 500, **query}))
    return {each["experiment"]: each for each in body["experiments"]}


def test_a_missing_connection_is_told_of_its_experiment_alone(world: World, ended: tuple[str, str]) -> None:
    text = world.spec("unconnected").replace("storage:", "connection: no_such_one, storage:")
    run = begin_without_journal(world, world.know(text), "running")
    found = listed(world)
    assert found[ended[0]]["latest"]["state"] == "FINISHED"
    assert "'no_such_one'" in found["unconnected"]["latest"]["problem"]
    for rest in ("", "/trials", "/events"):
        answer = world.client().get(path(*run, rest))
        assert answer.status_code == 503
        assert "'no_such_one'" in answer.json()["detail"]


@pytest.mark.parametrize("state", ["running", "success"])
def test_a_damaged_journal_is_told_of_its_run_alone(
    world: World, ended: tuple[str, str], fresh: Fresh, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    from automl_core.study import Study

    run = fresh(state=state)
    load = Study.load

    def damaged(journal: Any, *rest: Any, **more: Any) -> Any:
        if run[0] in journal.prefix:
            raise KeyError("secret-key-of-the-store")
        return load(journal, *rest, **more)

    monkeypatch.setattr(Study, "load", damaged)
    found = listed(world)
    assert found[ended[0]]["latest"]["problem"] is None
    assert "can't be opened" in found[run[0]]["latest"]["problem"]
    answer = world.client().get(path(*run))
    assert answer.status_code == 503
    assert "secret-key-of-the-store" not in answer.text + str(found)


def test_a_run_that_was_ended_in_airflow_says_so_and_can_be_extended(world: World, fresh: Fresh) -> None:
    run = fresh(state="failed")  # its journal knows nothing of it
    body = body_of(world.client().get(path(*run)))
    assert (body["state"], body["reason"]) == ("SYS_CANCELED", "its run has ended in Airflow")
    assert body["ended"] is not None
    assert (body["can"]["extend"], body["can"]["stop"], body["can"]["edit"]) == (True, False, False)
    assert "ended in Airflow" in body["why_not"]["stop"]
    latest = listed(world)[run[0]]["latest"]
    for name in ("state", "reason", "elapsed", "cost"):
        assert latest[name] == body[name]
    later = body_of(world.client().get(path(*run)))
    assert (later["elapsed"], later["cost"]) == (body["elapsed"], body["cost"]), "it costs no more"
    refused = world.client().post(path(*run, "/stop"), json={})
    assert refused.status_code == 409
    assert world.study(*run).state.stop is None
    with world.client().stream("GET", path(*run, "/events")) as answer:
        text = "".join(answer.iter_text())
    assert "event: ended" in text
    assert '"state":"SYS_CANCELED"' in text


def test_who_follows_a_run_that_never_began_hears_its_end(world: World) -> None:
    run = begin_without_journal(world, world.know(world.spec("never-begun")), "failed")
    with world.client().stream("GET", path(*run, "/events")) as answer:
        assert answer.status_code == 200
        text = "".join(answer.iter_text())
    assert "event: ended" in text
    assert '"state":"FAILED"' in text


def test_one_run_that_can_not_be_read_leaves_the_others_to_be_compared(world: World, ended: tuple[str, str]) -> None:
    run = begin_without_journal(world, world.know(world.spec("not-yet")))
    query = {"run": ["/".join(ended), "/".join(run)]}
    body = body_of(world.client().get(f"{API}/compare", params=query))
    assert body["runs"][0]["best"] is not None
    assert body["runs"][1]["best"] is None
    assert body["runs"][1]["problem"] == f"the run {run[1]} has not begun yet: it is queued in Airflow"
    assert body["comparable"] is True


def test_an_import_error_is_shown_to_who_sees_those_in_airflow_and_is_that_of_its_own_file(
    world: World, ended: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.models.dag import DagModel
    from airflow.models.errors import ParseImportError
    from airflow.utils.session import create_session

    name = world.know(world.spec("breaks"))
    with create_session() as session:
        model = session.get(DagModel, name)
        assert model is not None
        model.has_import_errors = True
        for file, text in ((f"elsewhere/{name}.yaml", "of another"), (model.relative_fileloc, "line 3 of its own")):
            session.add(ParseImportError(filename=file, bundle_name="testing", stacktrace=text))
    place = f"{API}/experiments/{name}"
    assert body_of(world.client("vic").get(place))["import_error"] == "line 3 of its own"
    manager = get_auth_manager()
    monkeypatch.setattr(manager, "is_authorized_view", lambda **call: False)
    hidden = body_of(world.client("vic").get(place))["import_error"]
    assert "line 3" not in hidden
    assert "can't read" in hidden
