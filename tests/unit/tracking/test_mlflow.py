"""A run as nested runs of MLflow."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from automl_core.cli import main
from automl_core.metrics.points import Point
from automl_core.metrics.series import Series
from automl_core.states import TrialState
from automl_core.storage.folder import FolderStore
from automl_core.study.layout import METRICS_FILE, trial_prefix
from automl_core.tracking import MlflowError, MlflowServer, Tracked, track
from automl_core.tracking.mlflow import PARENT
from tests.support.mlflow_rules import FakeMlflow
from tests.unit.results.lab import START, Lab, experiment


@pytest.fixture
def lab() -> Lab:
    lab = Lab(experiment(description="What it is for"))
    lab.trial(0.8)
    lab.trial(None)
    lab.trial(0.9, params={"lr": 0.01, "solver": "sgd"})
    lab.trial(0.7, state=TrialState.EARLY_STOPPED)
    curve(lab, 2, [(0, 0.5), (1, 0.7), (2, 0.9)])
    return lab


def curve(lab: Lab, trial: int, points: list[tuple[float, float]]) -> None:
    series = Series(Point(step, {"accuracy": value, "val@loss": 1 - value}) for step, value in points)
    body = {"task": 0, "slot": trial, "points": series.to_json()}
    lab.store.put(lab.prefix + trial_prefix(trial) + METRICS_FILE, json.dumps(body).encode())


def written(fake: FakeMlflow, lab: Lab, **more: Any) -> Tracked:
    with MlflowServer("http://mlflow", transport=fake.transport, sleep=lambda _: None) as server:
        return track(server, lab.store, lab.prefix, lab.state, **more)


def trials(fake: FakeMlflow) -> dict[str, dict[str, Any]]:
    found = [each for each in fake.live() if PARENT in each["tags"]]
    assert len({each["tags"]["automl.trial"] for each in found}) == len(found)
    return {each["tags"]["automl.trial"]: each for each in found}


def test_trials_are_nested_runs(lab: Lab) -> None:
    lab.stop()
    fake = FakeMlflow()
    done = written(fake, lab)
    assert (done.experiment, done.written, done.kept, done.removed) == ("1", 4, 0, 0)
    parent = fake.runs[done.run]
    assert (parent["name"], parent["start"], parent["metrics"]) == (
        "run-1",
        START * 1000,
        {"automl/best_value": {0: 0.9}},
    )
    assert parent["tags"]["automl.goal"] == "maximize accuracy"
    assert parent["tags"]["automl.best_trial"] == "2"
    assert json.loads(parent["tags"]["automl.best_params"]) == {"lr": 0.01, "solver": "sgd"}
    assert parent["tags"]["mlflow.note.content"] == "What it is for"
    assert parent["end"] is not None
    found = trials(fake)
    assert {each["tags"][PARENT] for each in found.values()} == {done.run}
    assert [found[str(each)]["status"] for each in range(4)] == ["FINISHED", "FAILED", "FINISHED", "KILLED"]
    assert [found[str(each)]["tags"]["automl.state"] for each in (1, 3)] == ["FAILED", "EARLY_STOPPED"]
    assert found["1"]["tags"]["automl.reason"] == "exit code 1"
    assert found["2"]["params"] == {"lr": "0.01", "solver": "sgd"}
    assert found["2"]["metrics"]["accuracy"] == {0: 0.5, 1: 0.7, 2: 0.9}
    assert list(found["2"]["metrics"]["val_loss"]) == [0, 1, 2]
    assert found["2"]["metrics"]["automl/value"] == {9: 0.9}
    assert found["0"]["metrics"] == {"accuracy": {9: 0.8}, "automl/value": {9: 0.8}}
    assert "automl/value" not in found["1"]["metrics"]
    assert (found["2"]["start"], found["2"]["end"]) == (round((START + 20) * 1000), round((START + 30) * 1000))


def test_a_second_time_only_what_changed_is_written(lab: Lab) -> None:
    fake = FakeMlflow()
    first = written(fake, lab)
    assert fake.runs[first.run]["status"] == "RUNNING"
    curve(lab, 0, [(0, 0.4), (1, 0.8)])
    lab.trial(0.95)
    second = written(fake, lab)
    assert (second.run, second.written, second.kept, second.removed) == (first.run, 2, 3, 1)
    found = trials(fake)
    assert len(found) == 5
    assert found["0"]["metrics"]["accuracy"] == {0: 0.4, 1: 0.8}
    third = written(fake, lab)
    assert (third.written, third.kept, third.removed) == (0, 5, 0)


def test_what_was_cut_off_is_completed(lab: Lab) -> None:
    """At each request once: nothing twice, nothing half."""
    whole = FakeMlflow()
    written(whole, lab)
    for number in range(len(whole.asked)):
        fake = FakeMlflow()
        fake.break_after = number
        with pytest.raises(MlflowError, match="the disk is full"):
            written(fake, lab)
        fake.break_after = None
        written(fake, lab)
        assert len([each for each in fake.live() if PARENT not in each["tags"]]) == 1
        kept = {number: {k: each[k] for k in ("params", "metrics", "status")} for number, each in trials(fake).items()}
        assert kept == {
            number: {k: each[k] for k in ("params", "metrics", "status")} for number, each in trials(whole).items()
        }


def test_two_who_began_at_once_leave_one(lab: Lab) -> None:
    fake = FakeMlflow()
    first = written(fake, lab)
    other = {**fake.runs[first.run], "run_id": "f" * 32, "tags": dict(fake.runs[first.run]["tags"])}
    child = {**next(iter(trials(fake).values())), "run_id": "e" * 32}
    child["tags"] = {**child["tags"], PARENT: other["run_id"]}
    fake.runs |= {each["run_id"]: each for each in (other, child)}
    assert written(fake, lab).run == first.run
    assert len(trials(fake)) == 4
    assert len(fake.live()) == 5


def test_fractions_of_steps_are_counted(lab: Lab) -> None:
    curve(lab, 2, [(0.25, 0.5), (0.5, 0.7), (1, 0.9)])
    fake, said = FakeMlflow(), []
    written(fake, lab, said=said.append)
    assert trials(fake)["2"]["metrics"]["accuracy"] == {0: 0.5, 1: 0.7, 2: 0.9}
    assert "fractions" in said[0]


def test_much_goes_in_several_requests() -> None:
    space = {f"p{number}": {"type": "uniform", "low": 0, "high": 1} for number in range(150)}
    lab = Lab(experiment(space=space))
    lab.trial(0.5, params=dict.fromkeys(space, 0.5))
    curve(lab, 0, [(step, step / 2000) for step in range(2000)])
    fake = FakeMlflow()
    written(fake, lab)
    assert len(trials(fake)["0"]["params"]) == 150
    assert len(trials(fake)["0"]["metrics"]["accuracy"]) == 2000


def test_long_values_go_in_requests_of_a_megabyte() -> None:
    space = {f"p{number}": {"type": "choice", "values": ["数" * 6000, "short"]} for number in range(90)}
    lab = Lab(experiment(space=space))
    lab.trial(0.5, params=dict.fromkeys(space, "数" * 6000))
    fake = FakeMlflow()
    written(fake, lab)
    assert trials(fake)["0"]["params"] == dict.fromkeys(space, "数" * 6000)
    sent = [body for path, body in fake.asked if path == "runs/log-batch" and "params" in body]
    assert 2 <= len(sent) <= 4, "as few as they need"


def test_a_request_whose_answer_is_lost_makes_nothing_twice(lab: Lab) -> None:
    """At each request once: it is sent again, though the server has done it."""
    whole = FakeMlflow()
    written(whole, lab)
    for number in range(1, len(whole.asked) + 1):
        fake = FakeMlflow()
        fake.lost = number
        done = written(fake, lab)
        assert done.written == 4
        assert [each["run_id"] for each in fake.live() if PARENT not in each["tags"]] == [done.run]
        assert sorted(trials(fake)) == ["0", "1", "2", "3"]
        assert all("automl.digest" in each["tags"] for each in trials(fake).values())


def test_the_empty_run_of_another_export_stays_when_an_answer_is_lost(lab: Lab) -> None:
    """Two exports of one experiment at once, each of whose requests has lost its answer."""
    fake = FakeMlflow()
    first = written(fake, lab)
    tags = {PARENT: first.run, "automl.trial": "4"}
    made = []
    for _ in range(2):
        with MlflowServer("http://mlflow", transport=fake.transport, sleep=lambda _: None) as server:
            fake.lost = len(fake.asked) + 1
            made.append(server.create("1", "trial 4", 0, tags))
    assert [each["run_id"] for each in fake.live() if each["tags"].get("automl.trial") == "4"] == made


@pytest.mark.parametrize(
    "more",
    [{"tags": {"mine": "yes"}}, {"metrics": {"accuracy": {0: 0.5}}}, {"params": {"lr": "0.1"}}],
    ids=["a tag", "metrics", "parameters"],
)
def test_a_run_of_another_stays_when_an_answer_is_lost(lab: Lab, more: dict[str, Any]) -> None:
    """Somebody's own, or one that another export has begun to write."""
    fake = FakeMlflow()
    first = written(fake, lab)
    mark = {PARENT: first.run, "automl.trial": "4"}
    child = {**trials(fake)["0"], "run_id": "e" * 32, "metrics": {}, "params": {}, **more}
    fake.runs["e" * 32] = {**child, "tags": {**mark, **more.get("tags", {})}}
    with MlflowServer("http://mlflow", transport=fake.transport, sleep=lambda _: None) as server:
        fake.lost = len(fake.asked) + 1
        made = server.create("1", "trial 4", 0, mark)
    alike = [each["run_id"] for each in fake.live() if each["tags"].get("automl.trial") == "4"]
    assert alike == ["e" * 32, made]


def test_a_deleted_experiment_s_name_stays_taken(lab: Lab) -> None:
    fake = FakeMlflow()
    written(fake, lab)
    fake.experiments["digits"]["lifecycle_stage"] = "deleted"
    with pytest.raises(MlflowError, match=r"'digits' .* was deleted, .* restore it"):
        written(fake, lab)
    assert written(fake, lab, name="other").experiment == "2"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(302, headers={"location": "/login"}), "does not answer as an MLflow server"),
        (httpx.Response(200, text="<html>"), "is that its address"),
        (httpx.Response(404, text="no such page"), "does not answer as an MLflow server does .404."),
        (
            httpx.Response(403, text="Invalid Host header - possible DNS rebinding attack detected"),
            r"let itself be called mlflow .403.: .* --allowed-hosts",
        ),
        (httpx.Response(401, text="who?"), "refuses who asks .401."),
        (httpx.Response(503, text="later"), "refuses .503"),
    ],
)
def test_what_is_no_mlflow_is_said(answer: httpx.Response, said: str) -> None:
    waits: list[float] = []
    server = MlflowServer("http://mlflow", transport=httpx.MockTransport(lambda _: answer), sleep=waits.append)
    with server, pytest.raises(MlflowError, match=said):
        server.experiment("digits")
    assert bool(waits) == (answer.status_code == 503)


@pytest.mark.parametrize("url", ["mlflow:5000", "ftp://a", "https://anna:geheim@mlflow"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(MlflowError) as found:
        MlflowServer(url)
    assert "geheim" not in str(found.value)


@pytest.mark.parametrize(
    ("who", "sent"),
    [({"token": "t"}, "Bearer t"), ({"username": "anna", "password": "p"}, "Basic YW5uYTpw"), ({}, None)],
)
def test_who_asks(lab: Lab, who: dict[str, str], sent: str | None) -> None:
    fake = FakeMlflow()
    with MlflowServer("http://mlflow", transport=fake.transport, **who) as server:
        server.experiment("digits")
    assert fake.headers[0].get("authorization") == sent


def test_by_command(tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    lab = Lab(store=FolderStore(tmp_path))
    lab.trial(0.8)
    fake = FakeMlflow()
    real = httpx.Client
    monkeypatch.setattr(httpx, "Client", lambda **more: real(**more | {"transport": fake.transport}))
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t")
    assert main(["export", "mlflow", str(tmp_path / lab.prefix), "--to", "http://mlflow"]) == 0
    assert "1 trial written: http://mlflow/#/experiments/1/runs/" in capsys.readouterr().out
    assert fake.headers[0]["authorization"] == "Bearer t"
    assert main(["export", "mlflow", str(tmp_path / "nothing"), "--to", "http://mlflow"]) != 0
