"""What people met in their first hour: the log of the right try, why in one line, files that are gone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from automl_core.running.simulation import SimulatedTraining
from automl_core.study import Binding
from tests.unit.web.conftest import World, body_of, path

RUN = "manual__2026-11-21T04:00:00+00:00"

REASON = """exit code 1. Its last lines:
epoch=1 loss=0.5
Traceback (most recent call last):
  File "train.py", line 9, in <module>
    raise ValueError("bad units")
ValueError: bad units"""


def failing(binding: Binding, params: Any) -> SimulatedTraining:
    ends = "fails" if binding.trial == 1 else "succeeds"
    return SimulatedTraining({1: {"accuracy": 0.5}}, ending=ends, reason=REASON)


@pytest.fixture(scope="module")
def retried(world: World) -> tuple[str, str]:
    """A run whose trial 1 failed twice."""
    text = world.spec("retried", 4).replace("retries: 0", "retries: 1")
    name = world.know(text)
    world.simulate(text, RUN, training=failing)
    world.begin(name, RUN, "success")
    return name, RUN


def test_a_failed_trial_is_told_by_the_line_of_its_exception(world: World, retried: tuple[str, str]) -> None:
    table = body_of(world.client().get(path(*retried, "/trials"), params={"state": "FAILED"}))
    assert table["columns"]["headline"] == ["ValueError: bad units"]
    page = body_of(world.client().get(path(*retried, "/trials/1")))
    assert page["trial"]["headline"] == "ValueError: bad units"
    assert page["trial"]["reason"] == REASON
    assert [each["headline"] for each in page["works"][0]["attempts"]] == ["ValueError: bad units"] * 2
    line = body_of(world.client().get(path(*retried, "/timeline")))["columns"]
    assert "ValueError: bad units" in line["reason"]


def tries(name: str, run: str, index: int, began: list[float]) -> None:
    """Have Airflow know when each try at a mapped instance began."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.utils.session import create_session
    from sqlalchemy import select

    wanted = (TaskInstance.dag_id == name, TaskInstance.run_id == run, TaskInstance.task_id == "trial")
    with create_session() as session:
        instance = session.scalar(select(TaskInstance).where(*wanted, TaskInstance.map_index == index))
        assert instance is not None
        for number, moment in enumerate(began, start=1):
            instance.try_number, instance.start_date = number, datetime.fromtimestamp(moment, UTC)
            if number < len(began):
                instance.prepare_db_for_next_try(session)
                session.flush()
                instance = session.scalar(select(TaskInstance).where(*wanted, TaskInstance.map_index == index))
                assert instance is not None


def test_each_attempts_log_is_that_of_its_own_try(world: World, retried: tuple[str, str]) -> None:
    page = body_of(world.client().get(path(*retried, "/trials/1")))
    slot, attempts = page["works"][0]["slot"], page["works"][0]["attempts"]
    first, second = (each["started"] for each in attempts)
    # the first try's worker died before it had bound anything: Airflow counts three, the journal two
    tries(*retried, slot, [first - 50, first - 1, second - 1])
    attempts = body_of(world.client().get(path(*retried, "/trials/1")))["works"][0]["attempts"]
    assert [each["try"] for each in attempts] == [2, 3]
    assert [each["log"].rpartition("/")[2] for each in attempts] == [f"{slot}?try_number=2", f"{slot}?try_number=3"]
    assert [each["lines"].rpartition("/")[2] for each in attempts] == [f"2?map_index={slot}", f"3?map_index={slot}"]


def test_a_scheduled_experiment_that_never_ran_says_when_it_will(world: World) -> None:
    name = world.know(world.spec("nightly") + 'schedule: "0 3 * * *"\n')
    entry = body_of(world.client().get(f"/automl/api/v1/experiments/{name}"))
    assert entry["schedule"] == "0 3 * * *"
    assert entry["next_run"] is not None
    assert datetime.fromtimestamp(entry["next_run"], UTC).hour == 3


def test_what_a_new_run_can_have_otherwise_is_what_an_edit_can(world: World, ended: tuple[str, str]) -> None:
    overview = body_of(world.client().get(path(*ended)))
    settings = body_of(world.client().get(f"/automl/api/v1/experiments/{ended[0]}"))["settings"]
    assert set(settings["limits"]) == set(overview["limits"])
    raw = {"raw": None}  # as it is written, which is fuller in the journal
    assert [each | raw for each in settings["parameters"]] == [each | raw for each in overview["parameters"]]
    assert (settings["algorithm"], settings["seed"]) == ("random", 7)


@pytest.fixture
def gone(world: World, fresh: Callable[..., tuple[str, str]]) -> tuple[str, str]:
    """An experiment that has run, and whose file was deleted then."""
    from airflow.models.dag import DagModel
    from airflow.utils.session import create_session

    name, run = fresh(until=None, state="success")
    (world.files / f"{name}.yaml").unlink()
    with create_session() as session:  # as the DAG processor does when a file is no longer there
        model = session.get(DagModel, name)
        assert model is not None
        model.is_stale = True
    return name, run


def test_an_experiment_whose_file_is_gone_is_read_from_its_journal(world: World, gone: tuple[str, str]) -> None:
    client = world.client()
    entry = body_of(client.get(f"/automl/api/v1/experiments/{gone[0]}"))
    assert entry["gone"] is True
    assert entry["can"] == {"start": False, "edit_file": False}
    assert "gone" in entry["why_not"]["start"]
    runs = body_of(client.get(f"/automl/api/v1/experiments/{gone[0]}/runs"))["runs"]
    assert [each["run"] for each in runs] == [gone[1]]
    run = body_of(client.get(path(*gone)))
    assert run["best"] is not None
    assert run["airflow"]["gone"] is True
    assert not any(run["can"][act] for act in ("rerun", "extend", "clone"))
    assert run["can"]["label"] is True
    trial = body_of(client.get(path(*gone, "/trials/2")))
    assert trial["can"]["rerun"] is False
    assert "gone" in trial["why_not"]["rerun"]


def test_what_airflow_would_have_to_run_is_refused_where_the_file_is_gone(world: World, gone: tuple[str, str]) -> None:
    client = world.client()
    for rest in ("/trials/2/rerun", "/extend", "/clone"):
        answer = client.post(path(*gone, rest), json={})
        assert answer.status_code == 409, (rest, answer.text)
        assert "its file is gone" in answer.text
    started = client.post(f"/automl/api/v1/experiments/{gone[0]}/runs", json={"conf": {}})
    assert started.status_code == 409
    assert "its file is gone" in started.text


def test_experiments_whose_file_is_gone_are_listed_when_asked_for(world: World, gone: tuple[str, str]) -> None:
    def listed(**asked: str) -> list[str]:
        found = body_of(world.client().get("/automl/api/v1/experiments", params={"limit": 1000, **asked}))
        return [each["experiment"] for each in found["experiments"]]

    assert gone[0] not in listed()
    assert gone[0] in listed(gone="true")
