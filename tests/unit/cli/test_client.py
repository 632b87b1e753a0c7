"""The REST client asks Airflow what it takes to run an experiment, and says what is wrong in words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from automl_core.client.airflow import AirflowClient
from automl_core.client.credentials import Credentials, credentials_file, find_credentials
from automl_core.client.errors import AlreadyExists, AuthError, BrokenFile, ClientError, NotKnown, Unreachable
from tests.unit.cli.fake_airflow import PASSWORD, USER, FakeAirflow

URL = "http://airflow.example:8080"


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.at: dict[float, Callable[[], Any]] = {}

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for moment in [m for m in self.at if m <= self.now]:
            self.at.pop(moment)()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def airflow() -> FakeAirflow:
    fake = FakeAirflow()
    fake.add_dag("digits")
    return fake


@pytest.fixture
def client(airflow: FakeAirflow, clock: Clock) -> AirflowClient:
    who = Credentials(URL, USER, PASSWORD)
    return AirflowClient(who, transport=airflow.transport(), sleep=clock.sleep, clock=clock)


def test_a_run_has_the_date_that_is_given(client: AirflowClient, airflow: FakeAirflow) -> None:
    client.trigger("digits", None, "mine", datetime(2026, 11, 1, tzinfo=UTC))
    assert airflow.bodies[-1] == {"logical_date": "2026-11-01T00:00:00+00:00", "conf": {}, "dag_run_id": "mine"}
    with pytest.raises(AlreadyExists, match="a run of 2026-11-01T00:00:00"):
        client.trigger("digits", None, "mine", datetime(2026, 11, 1, tzinfo=UTC))


def test_a_pool_is_there_or_not_or_nobody_may_say(client: AirflowClient, airflow: FakeAirflow) -> None:
    airflow.pools.add("gpus/a")
    assert client.has_pool("gpus/a") is True
    assert client.has_pool("gpu") is False
    airflow.allowed = False
    assert client.has_pool("gpu") is None


def test_trigger_sends_what_airflow_wants(client: AirflowClient, airflow: FakeAirflow) -> None:
    run = client.trigger("digits", {"trials": {"max": 3}}, "mine")
    assert (run.dag_id, run.run_id, run.state, run.over) == ("digits", "mine", "queued", False)
    assert airflow.requests == [("POST", "/auth/token"), ("POST", "/api/v2/dags/digits/dagRuns")]
    assert airflow.bodies[-1] == {"logical_date": None, "conf": {"trials": {"max": 3}}, "dag_run_id": "mine"}


def test_a_run_gets_an_id_of_its_own_in_airflows_form(client: AirflowClient, airflow: FakeAirflow) -> None:
    ids = {client.trigger("digits").run_id for _ in range(3)}
    assert len(ids) == 3
    assert all(re.fullmatch(r"manual__[0-9T:.+-]+_[A-Za-z0-9]{8}", each) for each in ids)


def failing(airflow: FakeAirflow, times: int, *, begins: bool) -> None:
    """Have the next so many triggers answered with 500, as while a database is locked, the run begun or not."""
    whole, left = airflow.trigger, [times]

    def trigger(dag_id: str, body: Any) -> tuple[int, Any]:
        if left[0] == 0:
            return whole(dag_id, body)
        left[0] -= 1
        if begins:
            whole(dag_id, body)
        return 500, {"detail": "(sqlite3.OperationalError) database is locked"}

    airflow.trigger = trigger  # type: ignore[method-assign]


@pytest.mark.parametrize("begins", [True, False])
@pytest.mark.parametrize("given", ["mine", None])
def test_a_run_is_begun_once_though_the_server_fails_half_way(
    client: AirflowClient, airflow: FakeAirflow, clock: Clock, begins: bool, given: str | None
) -> None:
    failing(airflow, 2, begins=begins)
    run = client.trigger("digits", {}, given)
    assert [run_id for _, run_id in airflow.runs] == [run.run_id]
    posts = [path for method, path in airflow.requests if method == "POST" and path.endswith("dagRuns")]
    assert len(posts) == (1 if begins else 3)
    assert clock.now < 30


def test_a_server_that_goes_on_failing_is_given_up(client: AirflowClient, airflow: FakeAirflow, clock: Clock) -> None:
    failing(airflow, 99, begins=False)
    with pytest.raises(Unreachable, match=r"answers POST /dags/digits/dagRuns with 500: .*database is locked"):
        client.trigger("digits")
    assert 9 < clock.now < 60, "longer than a lock lasts"


def test_one_token_for_many_requests_and_a_new_one_when_it_has_run_out(
    client: AirflowClient, airflow: FakeAirflow
) -> None:
    client.dag("digits")
    client.dag("digits")
    airflow.tokens.clear()
    client.dag("digits")
    assert [path for _, path in airflow.requests].count("/auth/token") == 2


def test_ids_with_odd_characters_are_quoted(client: AirflowClient, airflow: FakeAirflow) -> None:
    airflow.add_run("digits", "manual__2026-11-21T04:00:00+00:00/a b?c")
    assert client.run("digits", "manual__2026-11-21T04:00:00+00:00/a b?c").run_id.endswith("/a b?c")


def test_a_run_with_its_times(client: AirflowClient, airflow: FakeAirflow) -> None:
    airflow.add_run("digits", "one", "running")
    assert client.run("digits", "one").started == datetime(2026, 11, 21, 4, 0, 1, 500_000, UTC)


def test_all_pages_are_read(client: AirflowClient, airflow: FakeAirflow) -> None:
    airflow.add_run("digits", "one")
    for index in range(250):
        airflow.add_task("digits", "one", "trial", index, "success")
    found = client.task_instances("digits", "one")
    assert [instance.map_index for instance in found] == list(range(250))


def test_a_run_can_be_marked(client: AirflowClient, airflow: FakeAirflow) -> None:
    airflow.add_run("digits", "one", "running")
    assert client.set_run_state("digits", "one", "failed").over
    assert airflow.runs["digits", "one"]["state"] == "failed"


def test_a_paused_dag_can_be_unpaused(client: AirflowClient, airflow: FakeAirflow) -> None:
    airflow.add_dag("paused", is_paused=True)
    assert client.dag("paused").paused
    client.unpause("paused")
    assert not client.dag("paused").paused


class TestRefusals:
    """What goes wrong, in words."""

    def test_an_unknown_dag_with_the_nearest_one(self, client: AirflowClient) -> None:
        for ask in (client.dag, client.trigger, client.runs):
            with pytest.raises(NotKnown, match=r"knows no DAG 'digit'; it has digits\. Did you mean 'digits'\?"):
                ask("digit")

    def test_an_unknown_run_with_the_known_ones(self, client: AirflowClient, airflow: FakeAirflow) -> None:
        airflow.add_run("digits", "one")
        with pytest.raises(NotKnown, match="digits has no run 'two'; its last runs: one"):
            client.run("digits", "two")

    def test_a_run_that_exists(self, client: AirflowClient, airflow: FakeAirflow) -> None:
        airflow.add_run("digits", "one")
        with pytest.raises(AlreadyExists, match="digits has a run 'one' already; choose another --run-id"):
            client.trigger("digits", run_id="one")

    def test_a_wrong_password_is_not_shown(self, airflow: FakeAirflow) -> None:
        wrong = AirflowClient(Credentials(URL, USER, "wrong-password"), transport=airflow.transport())
        with pytest.raises(AuthError, match="refuses the user 'admin': check AIRFLOW_USERNAME") as caught:
            wrong.dag("digits")
        assert "wrong-password" not in str(caught.value)
        assert "wrong-password" not in repr(Credentials(URL, USER, "wrong-password", "wrong-password"))

    def test_a_token_that_has_run_out(self, airflow: FakeAirflow) -> None:
        old = AirflowClient(Credentials(URL, token="old"), transport=airflow.transport())
        with pytest.raises(AuthError, match="the token has run out"):
            old.dag("digits")
        assert ("POST", "/auth/token") not in airflow.requests

    def test_what_is_not_allowed(self, client: AirflowClient, airflow: FakeAirflow) -> None:
        airflow.allowed = False
        with pytest.raises(AuthError, match=r"admin may not do this at .* \(403 for GET /dags/digits\): Forbidden"):
            client.dag("digits")

    def test_what_airflow_finds_wrong_with_a_request(self, client: AirflowClient, airflow: FakeAirflow) -> None:
        answer = {"detail": [{"loc": ["body", "conf"], "msg": "Input should be an object"}]}
        airflow.trigger = lambda *_: (422, answer)  # type: ignore[method-assign]
        with pytest.raises(ClientError, match=r"422: body\.conf: Input should be an object"):
            client.trigger("digits")

    def test_a_server_that_is_away(self, clock: Clock) -> None:
        def refuse(request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("Connection refused", request=request)

        away = AirflowClient(
            Credentials(URL, token="t"), transport=httpx.MockTransport(refuse), sleep=clock.sleep, clock=clock
        )
        with pytest.raises(Unreachable, match=r"gives no answer \(Connection refused\): is it running\?"):
            away.dag("digits")
        assert clock.now > 0, "a read is tried again"

    def test_a_trigger_is_never_sent_twice(self, clock: Clock) -> None:
        sent = []

        def lose(request: httpx.Request) -> httpx.Response:
            sent.append(request)
            raise httpx.ReadTimeout("timed out", request=request)

        away = AirflowClient(Credentials(URL, token="t"), transport=httpx.MockTransport(lose), sleep=clock.sleep)
        with pytest.raises(Unreachable):
            away.trigger("digits")
        assert [request.method for request in sent].count("POST") == 1, "whether it was heard is asked before"

    def test_a_gap_in_reading_is_bridged(self, airflow: FakeAirflow, client: AirflowClient, clock: Clock) -> None:
        failures = iter([True, True])

        def restart(method: str, path: str) -> None:
            if "/dags/" in path and next(failures, False):
                raise httpx.ConnectError("restarting")

        airflow.before = restart
        assert client.dag("digits").dag_id == "digits"

    @pytest.mark.parametrize("body", [b"<html>hello</html>", b"[1, 2]"])
    def test_another_server(self, body: bytes) -> None:
        transport = httpx.MockTransport(lambda request: httpx.Response(200, content=body))
        other = AirflowClient(Credentials(URL, token="t"), transport=transport)
        with pytest.raises(ClientError, match="something else than JSON"):
            other.dag("digits")

    def test_an_answer_without_what_it_should_have(self) -> None:
        transport = httpx.MockTransport(lambda request: httpx.Response(200, json={"hello": 1}))
        other = AirflowClient(Credentials(URL, token="t"), transport=transport)
        with pytest.raises(ClientError, match="without 'dag_id'"):
            other.dag("digits")


class TestWaiting:
    """A fresh file becomes a DAG within a minute, or an import error."""

    def test_until_the_dag_is_there(self, client: AirflowClient, airflow: FakeAirflow, clock: Clock) -> None:
        clock.at[30.0] = lambda: airflow.add_dag("fresh")
        waits: list[float] = []
        assert client.wait_for_dag("fresh", file="fresh.yaml", waiting=waits.append).dag_id == "fresh"
        assert len(waits) == 30

    def test_until_the_time_is_over(self, client: AirflowClient) -> None:
        with pytest.raises(NotKnown, match=r"knows no DAG 'fresh'.*waited 90 s"):
            client.wait_for_dag("fresh", file="fresh.yaml")

    def test_the_file_is_broken(self, client: AirflowClient, airflow: FakeAirflow, clock: Clock) -> None:
        airflow.add_import_error("experiments/other.yaml", "not mine")
        airflow.add_import_error("experiments/fresh.yaml", "fresh.yaml:3: space.lr: …\n")
        with pytest.raises(BrokenFile, match=r"(?s)can't use experiments/fresh\.yaml:\nfresh\.yaml:3: space\.lr"):
            client.wait_for_dag("fresh", file="fresh.yaml")
        assert clock.now == 0

    def test_an_error_of_what_the_file_was_before_is_waited_out(
        self, client: AirflowClient, airflow: FakeAirflow, clock: Clock
    ) -> None:
        airflow.add_import_error("experiments/digits.yaml", "old", timestamp="2026-11-21T04:00:00Z")
        airflow.dags["digits"]["has_import_errors"] = True
        clock.at[10.0] = lambda: airflow.dags["digits"].update(has_import_errors=False)
        changed = datetime(2026, 11, 21, 5, tzinfo=UTC)
        assert client.wait_for_dag("digits", file="digits.yaml", changed=changed).dag_id == "digits"
        assert clock.now == 10

    def test_a_known_dag_whose_file_is_broken_now(self, client: AirflowClient, airflow: FakeAirflow) -> None:
        airflow.add_import_error("experiments/digits.yaml", "new", timestamp="2026-11-21T06:00:00Z")
        airflow.dags["digits"]["has_import_errors"] = True
        with pytest.raises(BrokenFile, match="new"):
            client.wait_for_dag("digits", file="digits.yaml", changed=datetime(2026, 11, 21, 5, tzinfo=UTC))


class TestCredentials:
    """Where Airflow is, and who asks."""

    def write(self, home: Path, mode: int = 0o600) -> None:
        path = credentials_file(home)
        path.parent.mkdir()
        path.write_text(json.dumps({"url": "http://127.0.0.1:9999", "username": "admin", "password": "from-file"}))
        path.chmod(mode)

    def test_from_the_file_of_the_local_airflow(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        assert find_credentials(tmp_path, {}) == Credentials("http://127.0.0.1:9999", "admin", "from-file")

    def test_the_environment_goes_first(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        env = {"AIRFLOW_API_URL": "https://prod/api/v2/", "AIRFLOW_USERNAME": "me", "AIRFLOW_PASSWORD": "mine"}
        assert find_credentials(tmp_path, env) == Credentials("https://prod", "me", "mine")
        token = find_credentials(tmp_path, {"AIRFLOW_API_TOKEN": "t"})
        assert (token.url, token.token, token.password) == ("http://127.0.0.1:9999", "t", "")

    def test_the_password_of_one_server_is_not_sent_to_another(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        with pytest.raises(AuthError, match="is for another address"):
            find_credentials(tmp_path, {"AIRFLOW_API_URL": "http://elsewhere"})

    def test_none_at_all(self, tmp_path: Path) -> None:
        with pytest.raises(AuthError, match="set AIRFLOW_API_TOKEN, or AIRFLOW_USERNAME and AIRFLOW_PASSWORD"):
            find_credentials(tmp_path, {})

    def test_a_file_that_others_may_read(self, tmp_path: Path) -> None:
        self.write(tmp_path, 0o644)
        with pytest.raises(AuthError, match="chmod 600"):
            find_credentials(tmp_path, {})

    def test_a_file_that_is_none(self, tmp_path: Path) -> None:
        self.write(tmp_path)
        credentials_file(tmp_path).write_text("[]")
        with pytest.raises(ClientError, match="an object with url"):
            find_credentials(tmp_path, {})

    @pytest.mark.parametrize("url", ["localhost:8080", "http://[bad", "nonsense"])
    def test_addresses_that_are_none(self, url: str) -> None:
        with pytest.raises(ClientError, match="AIRFLOW_API_URL"):
            AirflowClient(Credentials(url, token="t"), sleep=lambda seconds: None).dag("x")
