"""Steering experiments over REST on a real Airflow: start from a file, follow, edit, stop, rerun, extend, clone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

from automl_core.client import AutoML, Credentials
from tests.e2e.world import World
from tests.support.patience import stretched

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def automl(world: World) -> Iterator[AutoML]:
    secret = json.loads(world.airflow.credentials_file.read_text())
    with AutoML(Credentials(secret["url"], secret["username"], secret["password"])) as made:
        yield made


def until(holds: Callable[[], Any], timeout: float = 240.0) -> Any:
    """Wait until something holds; what it is then."""
    end = time.monotonic() + stretched(timeout)
    while True:
        found = holds()
        if found:
            return found
        assert time.monotonic() < end, "it did not come to hold"
        time.sleep(0.5)


def spec(world: World, name: str, trials: int, **arguments: Any) -> str:
    """The text of an experiment file."""
    body = {
        "name": name,
        "output": {"storage": "file://./runs"},
        "goal": {"metric": "accuracy", "direction": "maximize"},
        "search": {"algorithm": "random", "seed": 1},
        "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
        "trials": {"max": trials, "concurrency": 2, "retry_delay": "1s"},
        "tasks": [{"name": "train", "command": world.command(**arguments)}],
    }
    return yaml.safe_dump(body, sort_keys=False)


def in_airflow(world: World, run: Any) -> str:
    return str(world.call("GET", f"/dags/{run.experiment}/dagRuns/{run.run_id}")["state"])


def test_an_experiment_is_started_edited_and_extended(world: World, automl: AutoML) -> None:
    name = automl.save(spec(world, "steered", 4, pause=0.5))
    automl.wait_until_known(name, timeout=stretched(240))
    run = automl.start(name)
    until(lambda: run.state == "RUNNING")
    assert run.edit(trials={"max": 6}) == "trials.max 4 → 6"
    assert run.wait(timeout=stretched(300)) == "FINISHED"
    assert len(run.trials()) == 6
    until(lambda: in_airflow(world, run) == "success")
    states = [
        t["state"] for t in world.call("GET", f"/dags/{name}/dagRuns/{run.run_id}/taskInstances")["task_instances"]
    ]
    assert states == ["success"] * 8  # propose, six trials, reduce

    assert run.extend(trials={"max": 8}) == "trials.max 6 → 8"
    assert run.wait(timeout=stretched(300)) == "FINISHED"
    until(lambda: in_airflow(world, run) == "success")
    trials = run.trials()
    assert len(trials) == 8
    assert list(trials["attempts"]) == [1] * 8  # what had run was not run again
    assert [act["act"] for act in run.get("acts")["acts"]] == ["edit", "extend"]


def test_a_run_is_stopped_opened_again_and_cloned(world: World, automl: AutoML) -> None:
    name = automl.save(spec(world, "halted", 6, pause=1))
    automl.wait_until_known(name, timeout=stretched(240))
    run = automl.start(name)
    until(lambda: run.state == "RUNNING")
    run.stop(cancel=True)
    assert run.wait(timeout=stretched(300)) == "USER_CANCELED"
    until(lambda: in_airflow(world, run) in ("success", "failed"))
    before = len(run.trials())
    assert before < 6
    run.extend()
    assert run.wait(timeout=stretched(300)) == "FINISHED"
    assert len(run.trials()) == 6
    until(lambda: in_airflow(world, run) == "success")
    again = run.clone({"trials": {"max": 1}})
    assert again.wait(timeout=stretched(300)) == "FINISHED"
    assert len(again.trials()) == 1


def test_a_failed_trial_is_run_again(world: World, automl: AutoML) -> None:
    name = automl.save(spec(world, "again", 2, mode="fails_once"))
    automl.wait_until_known(name, timeout=stretched(240))
    run = automl.start(name)
    run.wait(timeout=stretched(300))
    until(lambda: in_airflow(world, run) in ("success", "failed"))
    assert set(run.trials()["state"]) == {"FAILED"}
    assert run.rerun(1) == "trial 1 runs again"
    until(lambda: run.trial(1)["trial"]["state"] == "SUCCEEDED")
    assert run.trial(1)["trial"]["attempts"] == 2
    until(lambda: in_airflow(world, run) in ("success", "failed"))
    assert run.best["trial"] == 1  # type: ignore[index]
