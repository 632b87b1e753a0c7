"""Teams in one Airflow: each one's connection for its own experiments, and no other team's results by transfer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowNotFoundException

from automl_airflow.teams import OfTeam, TeamListener
from automl_airflow.web import aside
from tests.unit.web.conftest import World, body_of, forget_teams, of_team, path

API = "/automl/api/v1"


@pytest.fixture
def keys(teams: Path) -> Iterator[None]:
    """Connections: one of each team, and one that is everybody's."""
    from airflow.models.connection import Connection
    from airflow.utils.session import create_session

    with create_session() as session:
        for name, team in (("red_keys", "red"), ("blue_keys", "blue"), ("all_keys", None)):
            session.add(Connection(conn_id=name, conn_type="aws", login=name, password="x", team_name=team))
    yield
    with create_session() as session:
        for each in session.query(Connection).filter(Connection.conn_id.in_(["red_keys", "blue_keys", "all_keys"])):
            session.delete(each)


def test_the_api_server_reads_the_connection_of_the_team_and_no_other(
    keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "server")
    from automl_airflow.session import credentials

    for name, team in (("red_keys", "red"), ("all_keys", "red"), ("blue_keys", "blue"), ("all_keys", None)):
        found = credentials(OfTeam(name, team) if team else name)
        assert found is not None
        assert found.access_key == name
    for wrong in (OfTeam("blue_keys", "red"), OfTeam("red_keys", "blue"), "red_keys"):
        with pytest.raises(AirflowNotFoundException, match="is not defined in Airflow"):
            credentials(wrong)


def test_a_page_of_a_teams_experiment_is_read_with_the_teams_connection(world: World, keys: None) -> None:
    run = "manual__2026-11-21T07:00:00+00:00"
    for name, connection in (("of-red", "red_keys"), ("wants-blues", "blue_keys")):
        text = world.spec(name).replace(
            f'"file://{world.storage}"', f'"file://{world.storage}", connection: {connection}'
        )
        assert "connection" in text
        world.know(text)
        forget_teams()
        world.simulate(text, run)
        world.begin(name, run, "success")
    mine = of_team(world, "USER", "red")
    assert body_of(mine.get(path("of-red", run)))["state"] == "FINISHED"
    listed = body_of(mine.get(f"{API}/experiments?search=of-red"))["experiments"]
    assert listed[0]["latest"]["problem"] is None
    connections = {connection for _, connection, _ in aside._stores._known}
    assert OfTeam("red_keys", "red") in connections, "another team's store of that name may hang"
    assert "red_keys" not in connections
    refused = mine.get(path("wants-blues", run))
    assert refused.status_code == 503
    assert "blue_keys" in refused.text
    assert "for the team red" in refused.text
    assert of_team(world, "USER", "blue").get(path("of-red", run)).status_code == 403
    plan = body_of(mine.post(f"{API}/gc", json={"experiments": ["of-red"], "older_than": 0}))
    assert not [each for each in plan["problems"] if "red_keys" in each]


def test_cleaning_up_names_no_storage_of_another_team(world: World, keys: None) -> None:
    name = world.know(world.spec("reds-own").replace("/runs", "/runs-of-red"))
    forget_teams()
    for team, seen in (("red", True), ("blue", False)):
        plan = body_of(of_team(world, "USER", team).post(f"{API}/gc", json={}))
        assert any("runs-of-red" in each for each in plan["storages"]) is seen, (name, team)


def test_triggers_of_a_team_read_its_connections_and_those_of_nobody_else(
    keys: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trap: Airflow 3.3.2 asks for a trigger's connections as nobody's, and finds everybody's alone."""
    from airflow.jobs import triggerer_job_runner as runner
    from airflow.sdk.execution_time.comms import ErrorResponse

    monkeypatch.setattr(runner.TriggerRunnerSupervisor, "make_client", runner.TriggerRunnerSupervisor.make_client)

    def connections(team: str | None) -> Any:  # makes a whole API in this process: some seconds each
        return runner.TriggerRunnerSupervisor.make_client(SimpleNamespace(team_name=team)).connections  # type: ignore[arg-type]

    mine = connections("red")
    assert isinstance(mine.get("red_keys"), ErrorResponse), "Airflow does it by itself now: leave it to Airflow"
    airflows = runner.TriggerRunnerSupervisor.make_client
    TeamListener().on_starting(SimpleNamespace(job_type="SchedulerJob"))
    assert runner.TriggerRunnerSupervisor.make_client is airflows
    TeamListener().on_starting(SimpleNamespace(job_type="TriggererJob"))
    TeamListener().on_starting(SimpleNamespace(job_type="TriggererJob"))
    mine = connections("red")
    assert mine.get("red_keys").login == "red_keys"
    assert mine.get("all_keys").login == "all_keys"
    assert isinstance(mine.get("blue_keys"), ErrorResponse)


def test_airflow_tells_the_listener(world: World) -> None:
    from airflow import plugins_manager
    from airflow.listeners.listener import get_listener_manager

    assert any(
        isinstance(each, TeamListener) for plugin in plugins_manager._get_plugins()[0] for each in plugin.listeners
    )
    manager = get_listener_manager()
    listener = TeamListener()
    manager.add_listener(listener)
    try:
        assert manager.hook.on_starting(component=SimpleNamespace(job_type="SchedulerJob")) == []
    finally:
        manager.pm.unregister(listener)


def transferring(world: World, name: str, source: str) -> str:
    return world.spec(name).replace(
        "search: {algorithm: random, seed: 7}",
        f"search: {{algorithm: bayesian, transfer: {{experiments: ['{source}']}}}}",
    )


def test_who_may_not_read_an_experiment_learns_nothing_from_it(
    world: World, ended: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from airflow.api_fastapi.app import get_auth_manager

    text = transferring(world, "curious", "@".join(ended))
    world.know(text)
    world.begin("curious", "one")
    manager = get_auth_manager()
    allowed = manager.is_authorized_dag

    def is_authorized(**call: Any) -> bool:
        details = call.get("details")
        return False if details is not None and details.id == ended[0] else bool(allowed(**call))

    with monkeypatch.context() as patch:
        patch.setattr(manager, "is_authorized_dag", is_authorized)
        client = world.client("oli")
        for place, body in (
            ("/validate", {"text": text}),
            ("/experiments", {"text": text.replace("curious", "curious-2")}),
            ("/experiments/curious/runs", {}),
            ("/experiments/curious/runs/one/clone", {}),
        ):
            answer = client.post(API + place, json=body)
            assert answer.status_code == 403, (place, answer.text)
            assert ended[0] in answer.json()["detail"]
        assert not (world.files / "curious-2.yaml").exists()
    assert world.client("oli").post(f"{API}/experiments/curious/runs", json={}).status_code == 201


def test_a_run_learns_from_none_that_its_file_does_not_name(world: World, ended: tuple[str, str]) -> None:
    conf = {"search": {"algorithm": "bayesian", "transfer": {"experiments": ["@".join(ended)]}}}
    name = world.know(world.spec("asks-for-more"))
    answer = world.client("ann").post(f"{API}/experiments/{name}/runs", json={"conf": conf})
    assert answer.status_code == 422
    assert "none that the experiment file names" in answer.text
    own = {"search": {"algorithm": "bayesian", "transfer": {"experiments": [f"{name}@one"]}}}
    assert world.client("ann").post(f"{API}/experiments/{name}/runs", json={"conf": own}).status_code == 201


@pytest.mark.parametrize(
    ("theirs", "ours", "taken"),
    [("red", "red", True), ("red", "blue", False), ("red", None, False), (None, "blue", True), (None, None, True)],
)
def test_a_task_takes_nothing_from_a_run_of_another_team(
    tmp_path: Path, theirs: str | None, ours: str | None, taken: bool
) -> None:
    from datetime import UTC, datetime

    from automl_airflow.identity import identity_of
    from automl_core.spec.loader import parse_experiment
    from automl_core.storage.folder import FolderStore
    from automl_core.study import Study, StudyJournal
    from automl_core.study.layout import experiment_prefix
    from tests.unit.web.conftest import SPEC

    def identity(team: str | None) -> dict[str, str]:
        run = SimpleNamespace(dag_id="x", run_after=datetime.now(UTC), start_date=None, team_name=team)
        return identity_of({"dag_run": run, "run_id": "r"})

    store = FolderStore(tmp_path)
    text = SPEC.format(name="secret", storage=tmp_path, trials=5)
    experiment = parse_experiment(text, "x.yaml")
    Study.create(StudyJournal(store, experiment_prefix("secret", "r")), experiment, "r", [], identity(theirs))
    again = parse_experiment(
        text.replace("name: secret", "name: curious").replace(
            "{algorithm: random, seed: 7}", "{algorithm: bayesian, transfer: {experiments: ['secret@r']}}"
        ),
        "x.yaml",
    )
    mine = Study.create(StudyJournal(store, experiment_prefix("curious", "r")), again, "r", [], identity(ours))
    (found,) = mine.state.earlier
    assert ("of the team red" in found.reason) is not taken, found.reason
    assert taken or not found.trials
