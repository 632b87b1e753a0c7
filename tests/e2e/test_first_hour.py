"""What a newcomer gets wrong, on a real Airflow: few trials pay for it, and the command line says what it was."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from automl_core.cli import main
from tests.e2e.world import World, wait_until

pytestmark = pytest.mark.timeout(600)


def automl(world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """The command line on a machine that has no experiment files; exit code and what it wrote."""
    secret = json.loads(world.airflow.credentials_file.read_text())
    elsewhere = world.root / "elsewhere"
    elsewhere.mkdir(exist_ok=True)
    for name, value in (("URL", secret["url"]), ("TOKEN", "")):
        monkeypatch.setenv(f"AIRFLOW_API_{name}", value)
    monkeypatch.setenv("AIRFLOW_USERNAME", secret["username"])
    monkeypatch.setenv("AIRFLOW_PASSWORD", secret["password"])
    monkeypatch.setenv("AUTOML_HOME", str(elsewhere))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(elsewhere)
    code = main(arguments)
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_a_command_that_is_not_there_costs_two_trials_at_most_and_its_reason_is_told_from_afar(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tasks = [{"name": "train", "command": ["pyhton", "train.py", "${x}"]}]
    name = world.experiment("misspelt", tasks=tasks, trials={"max": 12, "concurrency": 6, "retries": 2})
    world.wait_for_dag(name)
    code, out, err = automl(world, monkeypatch, capsys, "run", name)
    assert code == 1, (out, err)
    # which of the two that go first is started first is the machine's affair
    why = r"FAILED: trial [01] failed as every other would \(stop\.same_error\): tasks\.train: command: 'pyhton'"
    assert re.search(why, out), out
    (run,) = [row["dag_run_id"] for row in world.call("GET", f"/dags/{name}/dagRuns")["dag_runs"]]
    assert run.startswith("manual__")
    assert len(world.controller(name, run)["trials"]) <= 2
    assert world.states(name, run)["skipped"] >= 10
    code, out, err = automl(world, monkeypatch, capsys, "trials", name, "--state", "FAILED")
    assert (code, "'pyhton' was not found" in out) == (0, True), (out, err)
    code, out, err = automl(world, monkeypatch, capsys, "status", name)
    assert code == 0, (out, err)
    assert re.search(r"FAILED \(trial [01] failed as every other would", out), out


def test_two_trials_go_first_and_the_others_wait_without_a_worker(world: World) -> None:
    name = world.experiment(
        "canaries", trials={"max": 4, "concurrency": 4},
        tasks=[{"name": "train", "command": f"echo it begins; {' '.join(world.command(held=0))}"}],
    )  # fmt: skip
    run = world.start(name)
    wait_until(lambda: world.states(name, run)["deferred"] == 2, 120, "two slots to wait in the triggerer")
    assert len(world.study(name, run).state.trials) == 2
    (world.root / "go").touch()
    assert world.finish(name, run, 300) == "success"
    assert len(world.controller(name, run)["trials"]) == 4


def test_a_connection_that_airflow_does_not_have_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = world.experiment("unconnected", output={"storage": "s3://bucket/x", "connection": "nope"})
    world.wait_for_dag(name)
    code, out, err = automl(world, monkeypatch, capsys, "run", name)
    assert code == 1, (out, err)
    assert "the task propose failed: output.connection: the connection 'nope' is not defined in Airflow" in out
    code, _, err = automl(world, monkeypatch, capsys, "status", name)
    assert (code, "the connection 'nope', which output.connection names, is not defined" in err) == (1, True), err
