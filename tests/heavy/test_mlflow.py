"""Runs of ours in a real MLflow server, read back by its own client."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from automl_core.metrics.points import Point
from automl_core.metrics.series import Series
from automl_core.states import TrialState
from automl_core.study.layout import METRICS_FILE, trial_prefix
from automl_core.tracking import MlflowError, MlflowServer, register, track
from tests.unit.results.lab import Lab, experiment
from tests.unit.tracking.test_registry import ANNA, PLACE, Lives

READER = """
import json, sys, mlflow
client = mlflow.MlflowClient(sys.argv[1])
place = client.get_experiment_by_name("digits")
found = client.search_runs([place.experiment_id], order_by=["tags.`automl.trial` ASC"])
print(json.dumps([
    {"name": run.info.run_name, "status": run.info.status, "params": run.data.params, "tags": run.data.tags,
     "metrics": run.data.metrics, "start": run.info.start_time, "end": run.info.end_time,
     "curve": [[p.step, p.value] for p in client.get_metric_history(run.info.run_id, "accuracy")]}
    for run in found
]))
"""


@pytest.fixture(scope="module")
def server(heavy_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (place / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(heavy_python), "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1",
             "--backend-store-uri", f"sqlite:///{place}/m.db", "--artifacts-destination", str(place / "artifacts")],
            cwd=place, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            for _ in range(600):
                assert process.poll() is None, (place / "log").read_text()
                try:
                    if httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).is_success:
                        break
                except httpx.HTTPError:
                    time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(240)


def read(python: Path, url: str) -> list[dict[str, Any]]:
    done = subprocess.run([str(python), "-c", READER, url], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def test_a_run_in_mlflow(server: str, heavy_python: Path) -> None:
    space = {f"p_{number}": {"type": "uniform", "low": 0, "high": 1} for number in range(120)}
    lab = Lab(experiment(space=space))
    params = dict.fromkeys(space, 0.1 + 0.2)
    for value in (0.8, None, 0.9):
        lab.trial(value, params=params)
    lab.trial(0.7, params=params, state=TrialState.EARLY_STOPPED)
    curve = [(step, step / 3000) for step in range(2500)] + [(2500, float("nan"))]
    series = Series(Point(step, {"accuracy": value, "f1@macro": 0.5}) for step, value in curve)
    key = lab.prefix + trial_prefix(2) + METRICS_FILE
    lab.store.put(key, json.dumps({"task": 0, "slot": 2, "points": series.to_json()}).encode())
    with MlflowServer(server) as mlflow:
        first = track(mlflow, lab.store, lab.prefix, lab.state)
        assert (first.written, first.kept) == (4, 0)
        lab.stop()
        again = track(mlflow, lab.store, lab.prefix, lab.state)
        assert (again.run, again.written, again.kept, again.removed) == (first.run, 0, 4, 0)
    found = {each["tags"].get("automl.trial", "whole"): each for each in read(heavy_python, server)}
    assert sorted(found) == ["0", "1", "2", "3", "whole"]
    assert {each["tags"].get("mlflow.parentRunId") for name, each in found.items() if name != "whole"} == {first.run}
    assert [found[name]["status"] for name in ("0", "1", "2", "3")] == ["FINISHED", "FAILED", "FINISHED", "KILLED"]
    assert found["2"]["params"]["p_7"] == "0.30000000000000004"
    assert len(found["2"]["params"]) == 120
    assert len(found["2"]["curve"]) == 2501
    assert found["2"]["metrics"]["f1_macro"] == 0.5
    assert found["2"]["curve"][2499] == [2499, 2499 / 3000]
    assert found["0"]["metrics"] == {"accuracy": 0.8, "automl/value": 0.8}
    assert found["whole"]["metrics"] == {"automl/best_value": 0.9}
    assert found["whole"]["end"] is not None

    # a trial that goes on is written anew, and two servers' words for what is not there are the same
    lab.store.put(key, json.dumps({"task": 0, "slot": 2, "points": []}).encode())
    with MlflowServer(server) as mlflow:
        assert track(mlflow, lab.store, lab.prefix, lab.state).removed == 1
        place = mlflow.experiment("gone")
        mlflow.ask("POST", "experiments/delete", experiment_id=place)
        with pytest.raises(MlflowError, match="was deleted"):
            mlflow.experiment("gone")
    assert len(read(heavy_python, server)) == 5


def test_what_mlflow_does_with_what_it_is_given(server: str) -> None:
    """What docs/mlflow.md says of it."""
    with MlflowServer(server) as mlflow:
        place = mlflow.experiment("given")

        def history(run: str, key: str) -> list[tuple[int, Any, int]]:
            found = mlflow.ask("GET", "metrics/get-history", run_id=run, metric_key=key).get("metrics", [])
            return [(each["step"], each["value"], each["timestamp"]) for each in found]

        def point(key: str, value: Any, step: float) -> dict[str, Any]:
            return {"key": key, "value": value, "step": step, "timestamp": 7}

        def made() -> str:
            return mlflow.create(place, "trial", 0, {})

        run = made()
        for step in (0.25, 2**63):  # answered 200, and the rest is lost
            key = f"at {step}"
            mlflow.ask(
                "POST", "runs/log-batch", run_id=run, metrics=[point(key, 1, step), point(f"after {step}", 2, 1)]
            )
            assert history(run, key) in ([(0, 1.0, 0)], [])
            assert history(run, f"after {step}") == []
        mlflow.log(run, [point("a", "NaN", 0), point("a", "Infinity", 1), point("a", 0.5, 10**17)])
        assert history(run, "a") == [(0, "NaN", 7), (1, 1.7976931348623157e308, 7), (10**17, 0.5, 7)]
        mlflow.log(run, [point("a", 0.5, 10**17)])
        assert len(history(run, "a")) == 3, "what is sent again is there once"
        mlflow.log(run, params={"long": "x" * 7000}, tags={"long": "x" * 9000})
        data = mlflow.ask("GET", "runs/get", run_id=run)["run"]["data"]
        assert len(data["params"][0]["value"]) == 6000
        assert max(len(each["value"]) for each in data["tags"]) == 8000
        with pytest.raises(MlflowError, match="not allowed"):
            mlflow.log(run, params={"long": "other"})
        mlflow.log(run, params={f"p{number}": "数" * 6000 for number in range(100)})  # ours: two requests
        assert len(mlflow.ask("GET", "runs/get", run_id=run)["run"]["data"]["params"]) == 101
        mlflow.delete(run)
        mlflow.delete(run)
        with pytest.raises(MlflowError, match="'active' state"):
            mlflow.log(run, tags={"a": "b"})
        other = made()
        mlflow.end(other, "FINISHED", 9)
        mlflow.end(other, "RUNNING", None)
        info = mlflow.ask("GET", "runs/get", run_id=other)["run"]["info"]
        assert (info["status"], info["end_time"]) == ("RUNNING", 9)
    for name in ("mlflow:5000", "mlflow.example.org"):
        answer = httpx.get(
            f"{server}/api/2.0/mlflow/experiments/get-by-name", params={"experiment_name": "given"},
            headers={"host": name}, trust_env=False,
        )  # fmt: skip
        assert answer.status_code == 403
        heard = MlflowServer(f"http://{name}", transport=httpx.MockTransport(lambda _, answer=answer: answer))
        with heard, pytest.raises(MlflowError, match="--allowed-hosts"):
            heard.experiment("given")


class Losing(httpx.BaseTransport):
    """A gateway that gives up on every second request after the server has carried it out."""

    def __init__(self) -> None:
        self.real, self.seen = httpx.HTTPTransport(), 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self.real.handle_request(request)
        self.seen += 1
        if self.seen % 2 == 0:
            return answer
        answer.read()
        answer.close()
        return httpx.Response(504, text="gateway timeout")


def test_answers_that_are_lost(server: str) -> None:
    lab = Lab(experiment())
    for value in (0.8, None, 0.9):
        lab.trial(value)
    with MlflowServer(server, transport=Losing(), sleep=lambda _: None) as mlflow:
        done = track(mlflow, lab.store, lab.prefix, lab.state, name="lossy")
        assert (done.written, done.removed) == (3, 0)
    with MlflowServer(server) as mlflow:
        found = mlflow.ask("POST", "runs/search", experiment_ids=[done.experiment], max_results=100)["runs"]
        assert len(found) == 4
        again = track(mlflow, lab.store, lab.prefix, lab.state, name="lossy")
        assert (again.run, again.written, again.kept, again.removed) == (done.run, 0, 3, 0)


REGISTERED = """
import json, sys, mlflow
client = mlflow.MlflowClient(sys.argv[1])
found = client.search_model_versions("name='churn'")
print(json.dumps({
    "aliases": client.get_registered_model("churn").aliases,
    "versions": {each.version: [each.source, each.tags] for each in found},
}))
"""


def test_versions_of_a_model_in_the_registry(server: str, heavy_python: Path, tmp_path: Path) -> None:
    lives = Lives(tmp_path)

    def read_registry() -> dict[str, Any]:
        command = [str(heavy_python), "-c", REGISTERED, server]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout.splitlines()[-1]))

    with MlflowServer(server) as mlflow:
        digest = lives.use(lives.offer())
        lives.offer()
        first = register(mlflow, lives.life.state, "churn", PLACE)
        assert (first.written, first.kept, first.aliases) == (2, 0, {"champion": 1, "challenger": 2})
        found = read_registry()
        assert {key: int(value) for key, value in found["aliases"].items()} == first.aliases
        source, tags = {str(key): value for key, value in found["versions"].items()}["1"]
        assert source == f"{PLACE}/{lives.life.state.version(1).model.prefix}"
        assert (tags["automl.version"], tags["automl.accepted_on"], tags["automl.state"]) == ("1", digest, "IN_USE")
        again = register(mlflow, lives.life.state, "churn", PLACE)
        assert (again.written, again.kept, again.removed) == (0, 2, 0)
        lives.use(2)
        assert register(mlflow, lives.life.state, "churn", PLACE).aliases == {"champion": 2, "challenger": None}
        assert list(read_registry()["aliases"]) == ["champion"]
        # what docs/mlflow.md says of MLflow
        lives.offer()
        register(mlflow, lives.life.state, "churn", PLACE)
        lives.life.retire(3, ANNA, "never wanted")
        lives.life.note_removed(3, ANNA)
        assert register(mlflow, lives.life.state, "churn", PLACE).removed == 1
        lives.offer()
        assert register(mlflow, lives.life.state, "churn", PLACE).aliases["challenger"] == 4, "no number comes again"
        mlflow.delete_alias("churn", "never_there")
        mlflow.delete_version("churn", 77)
        with pytest.raises(MlflowError, match="source"):
            mlflow.create_version("churn", f"file://{tmp_path}", {})
