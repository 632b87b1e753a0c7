"""A round whose people label in Label Studio: over HTTP, by the connection that the file names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from automl_airflow import triggers
from automl_airflow.annotation.labels_trigger import LabelsTrigger
from tests.unit.annotation.label_studio.stand_in import LEGACY, StandIn
from tests.unit.plugins.annotation.rounding import Airflow
from tests.unit.plugins.annotation.test_annotation_triggers import fires


@pytest.fixture
def server() -> StandIn:
    return StandIn()


@pytest.fixture
def connection() -> SimpleNamespace:
    """As Airflow has it."""
    return SimpleNamespace(password=LEGACY, login=None, schema=None, port=None, host="", conn_type="http", extra="")


@pytest.fixture
def airflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: StandIn, connection: SimpleNamespace
) -> Iterator[Airflow]:
    monkeypatch.setattr(triggers, "LEAST_WAIT", 0.0)
    monkeypatch.setattr("airflow.sdk.Connection.get", lambda name: {"studio": connection}[name])
    where: dict[str, Any] = {"people": {"where": "label-studio"}, "label_studio": {"connection": "studio"}}
    with server.serve() as url:
        connection.host = url
        yield Airflow.make(tmp_path, monkeypatch, many=40, select={"many": 6}, **where)


def test_tasks_go_there_once_and_labels_come_back_while_nobody_has_a_worker(airflow: Airflow, server: StandIn) -> None:
    run = airflow.until_sent()
    airflow.do(run, "send")
    assert len(server.tasks) == 6, "cleared, nothing is sent twice"
    waits = airflow.do(run, "wait")
    arguments = waits.trigger.serialize()[1]
    assert LEGACY not in str(arguments), "the token stays in its connection"
    trigger = LabelsTrigger(**{**arguments, "poll": 0.001, "studio_poll": 0.001})

    def label() -> None:
        for task, row in list(server.tasks.items()):
            text = next(value for value in row["data"].values() if value in airflow.world.truth)
            server.annotate(task, airflow.world.truth[text], user=2)

    event = fires(trigger, label)
    assert event == {"why": "all", "answered": 6, "of": 6}
    assert airflow.go_on(run, waits, event)["answered"] == 6
    votes = airflow.project.state.votes
    assert {(vote.author, vote.where) for vote in votes} == {("ben@example.com", "label-studio")}


def test_a_clear_of_the_wait_looks_there_at_once(airflow: Airflow, server: StandIn) -> None:
    run = airflow.until_sent()
    for task in list(server.tasks):
        server.annotate(task, "order", user=2)
    assert airflow.do(run, "wait")["why"] == "everything is answered"


def test_a_server_that_refuses_fails_the_task_in_words_without_the_token(
    airflow: Airflow, server: StandIn, connection: SimpleNamespace
) -> None:
    run = "round_1"
    for task in ("collect", "predict", "settle", "choose"):
        airflow.do(run, task)
    connection.password = ""
    with pytest.raises(AirflowFailException, match=r"round 1: the Label Studio .* is not asked: there is no token"):
        airflow.do(run, "send")
    connection.password = "f" * 40
    with pytest.raises(AirflowFailException) as error:
        airflow.do(run, "send")
    assert "f" * 40 not in str(error.value)
    connection.password = LEGACY
    assert airflow.do(run, "send") == {"sent": 6, "where": "label-studio"}
