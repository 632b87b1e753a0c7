"""NAME.watch of a served model: what its servers answered, tests against them, what estimates and drift ask for."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import airflow.sdk
import pytest
from airflow.sdk.exceptions import AirflowNotFoundException

from automl_airflow.models import looking, served_looks
from automl_core.models.watching import Looks, read_looks
from automl_core.models.watching.endpoint import Trouble, Way
from tests.unit.plugins.models.watching import Watch

SERVED = "deploy: {to: servers}\n"
ESTIMATED = "{every: 1d, retrain: {when: {worse_by: 20%, estimated: true}, in: 7d}}"
DRIFT = "{every: 1d, retrain: {when: {drift: 2}, in: 7d}}"


def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watch: str = ESTIMATED, more: str = SERVED) -> Watch:
    return Watch.make(tmp_path, monkeypatch, watch=watch, more=more).in_use()


def looks(watch: Watch) -> Looks:
    return read_looks(watch.life.store, "churn")


def test_rows_that_its_servers_were_asked_of_late_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The labelled rows are as ever; what is asked now is near the border, where the model is sure of nothing."""
    watch = served(tmp_path, monkeypatch)
    watch.labels(seed=7)
    watch.answers()
    watch.answers(40, ids="watch-")
    watch.answers(30, version=2)
    assert watch.turn()["asked"] is None
    newest = looks(watch).newest
    assert newest is not None
    assert (newest.state, newest.drift["state"], newest.estimate["state"]) == ("holds", "holds", "estimated")
    assert newest.estimate["rows"] == 600
    assert newest.estimate["checked"]["within"] is True, "on the rows that have labels it was right"
    assert newest.estimate["worse"] is not True
    assert newest.until == watch.now - 86400 - 60
    notes = " ".join(looks(watch).notes)
    assert "600 answers of version 1 from" in notes
    assert "30 answers of version 2 are not looked at" in notes
    assert "40 answers to requests of the watch itself are left out" in notes
    watch.answers(1_000, wide=0.1)
    told = watch.turn()
    assert told["asked"] == 1
    assert told["why"].startswith("log_loss is estimated at 0.68")
    (_, _, conf) = watch.started[-1]
    assert (conf["reason"]["kind"], conf["reason"]["metric"]) == ("estimated_loss", "log_loss")
    second = looks(watch).newest
    assert second is not None
    assert second.since == newest.until, "it goes on where the last look ended"
    assert (second.state, second.drift["state"]) == ("holds", "drifted")


def test_an_estimate_that_labels_contradict_asks_for_nothing_but_the_loss_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = served(tmp_path, monkeypatch)
    watch.labels(seed=2, turned=0.3)
    watch.answers(1_000, wide=0.1)
    assert watch.turn()["asked"] == 1
    assert watch.started[-1][2]["reason"]["kind"] == "loss", "what was measured comes before what was estimated"
    newest = looks(watch).newest
    assert newest is not None
    assert newest.estimate["worse"] is None
    assert "labels contradict that" in newest.estimate["words"]
    watch.turn()
    again = looks(watch).newest
    assert again is not None
    record = again.estimate["record"]
    assert (record["checks"], record["within"]) == (1, 0)
    assert record["excess"] > 0.1, "the next one is as much wider"


def test_what_labels_said_of_an_estimate_counts_when_nobody_asked_the_servers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = served(tmp_path, monkeypatch)
    watch.labels(seed=2)
    watch.turn()  # labels came, and no answer
    quiet = looks(watch).newest
    assert quiet is not None
    assert (quiet.estimate["state"], quiet.estimate["metric"]) == ("cant_tell", "log_loss")
    assert quiet.estimate["words"].startswith("log_loss is not estimated: no answer of version 1")
    watch.answers()
    watch.turn()
    newest = looks(watch).newest
    assert newest is not None
    assert newest.estimate["record"]["checks"] == 1


def test_what_is_well_is_no_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[tuple[str, str]] = []

    def kept(level: str) -> Any:
        return lambda text, *parts: said.append((level, str(text) % parts if parts else str(text)))

    watch = served(tmp_path, monkeypatch)
    look = watch.dag().get_task("look")
    log = SimpleNamespace(info=kept("info"), warning=kept("warning"))
    monkeypatch.setattr(type(look), "log", property(lambda _: log))
    watch.labels(seed=7)
    watch.answers()
    watch.turn()
    assert [text for level, text in said if level == "warning" and "outside of the Task Runner" not in text] == []
    assert any("log_loss is estimated at" in text for _, text in said)
    watch.answers(1_000, wide=0.1)
    watch.turn()
    warned = [text for level, text in said if level == "warning"]
    assert any("have drifted" in text for text in warned)
    assert any("log_loss is estimated at 0.68" in text for text in warned)


def test_drift_asks_after_so_many_looks_in_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = served(tmp_path, monkeypatch, DRIFT)
    watch.labels(seed=2)
    watch.answers(moved=1.5)
    assert watch.turn()["asked"] is None
    watch.turn()  # nothing was answered on this day: it can't be told, and is no sign that it is gone
    assert looks(watch).looks[0].drift["state"] == "cant_tell"
    watch.answers(moved=1.5, seed=4)
    told = watch.turn()
    assert told["asked"] == 1
    assert told["why"].startswith("2 looks in a row: columns have drifted since the evidence")
    reason = watch.started[-1][2]["reason"]
    assert reason["kind"] == "drift"
    assert "b" in reason["columns"]
    assert looks(watch).looks[0].drift["columns"]["b"] > 0.3


def test_no_answer_and_no_columns_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = served(tmp_path, monkeypatch)
    watch.labels(seed=2)
    watch.turn()
    newest = looks(watch).newest
    assert newest is not None
    assert newest.drift["why"] == "no answer of version 1 was logged since the last look"
    assert newest.estimate["state"] == "cant_tell"
    watch.watch = "{every: 1d, drift: false, estimate: false}"
    watch.answers()
    watch.turn()
    plain = looks(watch).newest
    assert plain is not None
    assert (plain.drift, plain.estimate) == ({}, {})


def test_a_server_that_is_away_is_said_and_costs_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        watch = served(tmp_path, monkeypatch, f"{{every: 1d, endpoint: {{url: '{url}', connection: models}}}}")
        monkeypatch.setattr(airflow.sdk.Connection, "get", lambda _: SimpleNamespace(password="a-secret-of-letters"))
        watch.labels(seed=2)
        watch.answers()
        watch.turn()
    found = looks(watch)
    newest = found.newest
    assert newest is not None
    assert (newest.state, newest.live["state"], newest.live["cause"]) == ("holds", "not_told", "away")
    assert any(f"the server was not tested: {url} can't be reached" in note for note in found.notes)
    assert "a-secret-of-letters" not in (tmp_path / "runs" / newest.key).read_text()


def test_the_token_is_that_of_the_connection_and_paths_are_the_homes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def get(name: str) -> Any:
        if name == "none":
            raise AirflowNotFoundException(name)
        return SimpleNamespace(password="" if name == "empty" else "a-secret-of-letters")

    monkeypatch.setattr(airflow.sdk.Connection, "get", get)
    watch = served(tmp_path, monkeypatch)

    def way(connection: str) -> Way:
        tls = "{ca: certs/ca.pem}"
        endpoint = f"{{url: 'https://models:8080', connection: {connection}, timeout: 3s, tls: {tls}}}"
        watch.watch = f"{{every: 1d, endpoint: {endpoint}}}"
        file = watch.dag().get_task("look").file
        wanted = served_looks.endpoint_of(file)
        assert wanted is not None
        return served_looks.way_to(file, wanted, None)

    found = way("models")
    assert (found.url, found.token, found.timeout) == ("https://models:8080", "a-secret-of-letters", 3.0)
    assert (found.ca, found.cert) == (str(tmp_path / "certs/ca.pem"), None)
    assert "secret" not in repr(found)
    with pytest.raises(Trouble, match="there is no connection 'none'"):
        way("none")
    with pytest.raises(Trouble, match="empty has no password, which is the token"):
        way("empty")


def test_the_service_of_servers_in_a_cluster_is_where_tests_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    in_cluster = (
        "deploy: {to: kubernetes, image: ours, namespace: models, open: true, storage: {env: {AWS_REGION: x}}}\n"
    )
    watch = Watch.make(tmp_path, monkeypatch, watch="{every: 1d}", more=in_cluster)
    watch.storage = "s3://lake/runs"
    file = watch.dag().get_task("look").file
    wanted = served_looks.endpoint_of(file)
    assert wanted is not None
    assert served_looks.way_to(file, wanted, None).url == "http://automl-churn.models.svc"
    watch.watch = "{every: 1d, endpoint: false}"
    assert served_looks.endpoint_of(watch.dag().get_task("look").file) is None


def test_what_has_no_estimate_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An evidence of before estimates: nothing was kept; the look says so, and asks for nothing by it."""
    watch = served(tmp_path, monkeypatch)
    for path in (tmp_path / "runs/_models/churn/evidence").glob("*-rows.json"):
        body = json.loads(path.read_text())
        del body["answers"]
        path.write_text(json.dumps(body))
    watch.labels(seed=2)
    watch.answers(1_000, wide=0.1)
    assert watch.turn()["asked"] is None
    newest = looks(watch).newest
    assert newest is not None
    assert (newest.estimate["state"], newest.estimate["value"]) == ("cant_tell", None)
    assert "has kept nothing to estimate by" in " ".join(looks(watch).notes)
    assert newest.drift["state"] == "drifted", "drift needs none of it"


def test_a_model_of_numbers_says_that_it_has_none(tmp_path: Path) -> None:
    from automl_airflow.models.looking import _kind_of
    from automl_core.models.evaluation.unlabelled import why_not
    from tests.unit.models.evaluation.small import model

    why, state = why_not(_kind_of(model(tmp_path / "m", kind="regression")))
    assert (state, "says nothing of how sure it is" in why) == ("none", True)
    assert why_not(_kind_of(tmp_path))[1] == "cant_tell", "no model of ours"


def test_people_are_told_of_an_estimated_loss_and_of_failed_tests_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(looking, "tell", lambda file, on, text, **_: told.append(on))
    failed = {"state": "failed", "why": "1 of 1 failed", "url": "u", "version": 1, "record": 9, "other": ""}
    monkeypatch.setattr(served_looks, "live_of", lambda *_: dict(failed))
    watch = served(tmp_path, monkeypatch)
    watch.labels(seed=7)
    for seed in (3, 4):
        watch.answers(1_000, wide=0.1, seed=seed)
        watch.turn()
    assert sorted(told) == ["drift", "loss", "tests"]
