"""Alerts and figures: what is told of what happens, and that nothing that goes wrong with them costs a trial."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest
from airflow.sdk.bases.notifier import BaseNotifier
from pydantic import ValidationError

from automl_airflow import alerts, figures
from automl_airflow.reporting import report
from automl_airflow.webhook import address_of
from automl_core.running.simulation import SimulatedTraining, Simulation
from automl_core.spec.alerts import Alerts
from automl_core.spec.models import Experiment
from automl_core.study import Binding, Study
from tests.support.clocked_study import ClockedStudy
from tests.support.memory_store import MemoryStore
from tests.support.patience import stretched

SPEC: dict[str, Any] = {
    "name": "told",
    "goal": {"metric": "accuracy", "direction": "maximize"},
    "search": {"algorithm": "random", "seed": 3},
    "space": {"lr": {"type": "uniform", "low": 0.0, "high": 1.0}},
    "trials": {"max": 6, "concurrency": 2, "retries": 0},
    "tasks": [{"name": "train", "command": ["true"]}],
}

VALUES = {0: 0.5, 1: 0.4, 3: 0.7, 4: 0.6, 5: 0.8}


def trainer(binding: Binding, params: Any) -> SimulatedTraining:
    if binding.trial == 2:
        return SimulatedTraining({}, ending="fails")
    return SimulatedTraining({1: {"accuracy": VALUES[binding.trial]}}, seconds_per_step=1 + binding.trial / 100)


def simulated(told: dict[str, Any] | None, *, aside: bool = False) -> Study:
    sim = Simulation(Experiment.model_validate({**SPEC, "alerts": told}), trainer, MemoryStore())
    report(sim.study, aside=aside)
    study = sim.run().study
    assert study.state.stop is not None
    alerts.experiment_ended(study, study.state.stop)
    return study


class Kept(BaseNotifier):
    """Keeps what it is told."""

    template_fields = ("message",)
    told: ClassVar[list[str]] = []

    def __init__(self, message: str) -> None:
        super().__init__()
        self.message = message

    def notify(self, context: Any) -> None:
        self.told.append(self.message)


class Broken(BaseNotifier):
    def notify(self, context: Any) -> None:
        raise OSError("no way there")


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """A webhook on this machine, named by a connection; what it was sent."""
    sent: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            sent.append({**body, "authorization": self.headers["Authorization"]})
            self.send_response(204)
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AIRFLOW_CONN_TEAM", f"http://:s3cret@127.0.0.1:{server.server_port}/hook")
    yield sent
    server.shutdown()
    server.server_close()


def test_a_webhook_hears_of_failures_new_bests_and_the_end(hook: list[dict[str, Any]]) -> None:
    simulated({"on": ["failure", "new_best", "end"], "url_connection": "team"})
    assert [body.get("trial") for body in hook if body["on"] == "failure"] == [2]
    assert [body["value"] for body in hook if body["on"] == "new_best"] == [0.5, 0.7, 0.8]
    assert (hook[-1]["on"], hook[-1]["state"], hook[-1]["value"]) == ("end", "FINISHED", 0.8)
    assert "best is trial 5" in hook[-1]["text"]
    assert {body["authorization"] for body in hook} == {"Bearer s3cret"}


def test_only_what_was_asked_for_is_told(hook: list[dict[str, Any]]) -> None:
    simulated({"on": ["end"], "url_connection": "team"})
    assert [body["on"] for body in hook] == ["end"]
    hook.clear()
    simulated(None)
    assert hook == []


def test_a_triggerer_sends_them_aside(hook: list[dict[str, Any]]) -> None:
    from automl_airflow.reporting import _messenger

    simulated({"on": ["failure"], "url_connection": "team"}, aside=True)
    _messenger().submit(lambda: None).result(timeout=stretched(10))
    assert [body["on"] for body in hook] == ["failure"]


def test_any_notifier_of_airflows_is_told() -> None:
    Kept.told.clear()
    path = f"{Kept.__module__}.Kept"
    simulated({"on": ["failure"], "notifier": path, "arguments": {"message": "AutoML: {{ automl.text }}"}})
    assert len(Kept.told) == 1
    assert Kept.told[0].startswith("AutoML: told: trial 2 failed")


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"url_connection": "nowhere"}, "nowhere"),
        ({"notifier": "no.such.Notifier"}, "No module named"),
        ({"notifier": "os.path.join"}, "is no Airflow notifier"),
        ({"notifier": f"{__name__}.Broken"}, "no way there"),
        ({"notifier": f"{__name__}.Broken", "arguments": {"x": 1}}, "unexpected keyword"),
    ],
)
def test_what_goes_wrong_with_an_alert_is_said_and_costs_nothing(
    told: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    study = simulated({"on": ["failure"], **told})
    assert len(study.state.order) == 6
    assert reason in caplog.text


def test_a_refusal_shows_no_token(
    hook: list[dict[str, Any]], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TEAM", "http://:s3cret@127.0.0.1:9/hook")
    simulated({"on": ["end"], "url_connection": "team"})
    assert "can't be reached" in caplog.text
    assert "s3cret" not in caplog.text


def test_an_address_that_is_none_shows_nothing_of_it(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_TEAM", '{"conn_type": "http", "host": "https://h:9a9/t0ken"}')
    simulated({"on": ["end"], "url_connection": "team"})
    assert "of team can't be reached" in caplog.text
    assert "9a9" not in caplog.text


def test_a_webhook_that_never_ends_its_answer_keeps_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    heard: list[str] = []

    class Endless(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            heard.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            while not release.wait(0.5):
                try:
                    self.wfile.write(b"x")
                except OSError:
                    return

        def log_message(self, *arguments: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Endless)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AIRFLOW_CONN_TEAM", f"http://127.0.0.1:{server.server_port}/hook")
    told = threading.Thread(target=simulated, args=({"on": ["end"], "url_connection": "team"},), daemon=True)
    try:
        told.start()
        told.join(30)
        assert heard == ["/hook"]
        assert not told.is_alive()
    finally:
        release.set()
        server.shutdown()
        server.server_close()


class Found:
    def __init__(self, **fields: Any) -> None:
        self.host = self.port = self.schema = self.conn_type = None
        self.conn_id = "x"
        self.__dict__.update(fields)


@pytest.mark.parametrize(
    ("fields", "address"),
    [
        ({"host": "https://h/p?q=1"}, "https://h/p?q=1"),
        ({"host": "h", "conn_type": "http", "port": 8080, "schema": "a/b"}, "http://h:8080/a/b"),
        ({"host": "h", "conn_type": "generic"}, "https://h/"),
        ({"host": "h", "conn_type": "http", "schema": "https"}, "https://h/"),  # as Airflow's own HTTP hook has it
        ({"host": "h", "conn_type": "http", "schema": "http", "port": 80}, "http://h:80/"),
    ],
)
def test_an_address_comes_from_a_connection(fields: dict[str, Any], address: str) -> None:
    assert address_of(Found(**fields)) == address


@pytest.mark.parametrize("host", ["", None, "file:///etc/passwd", "ftp://h/"])
def test_an_address_is_one_of_the_web(host: str | None) -> None:
    with pytest.raises(ValueError, match="has no http address"):
        address_of(Found(host=host))


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({}, "url_connection: the webhook's address is wanted"),
        ({"url_connection": "x", "on": []}, "at least 1"),
        ({"url_connection": "x", "on": ["sometimes"]}, "failure"),
        ({"notifier": "slack"}, "is neither"),
        ({"notifier": "a.B", "url_connection": "x"}, "only the webhook has one"),
        ({"url_connection": "x", "arguments": {"a": 1}}, "the webhook takes none"),
    ],
)
def test_what_alerts_can_not_be(told: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Alerts.model_validate(told)


class Sent:
    """Stands for Airflow's metrics; keeps what it is sent."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, str], int] = {}
        self.gauges: dict[str, list[float]] = {}
        self.timings: dict[str, list[float]] = {}

    def incr(self, name: str, *, tags: dict[str, str]) -> None:
        key = (name, tags.get("state", ""))
        self.counts[key] = self.counts.get(key, 0) + 1

    def gauge(self, name: str, value: float, *, tags: dict[str, str]) -> None:
        self.gauges.setdefault(name, []).append(value)

    def timing(self, name: str, taken: Any, *, tags: dict[str, str]) -> None:
        self.timings.setdefault(name, []).append(taken.total_seconds())


def test_operators_get_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = Sent()
    monkeypatch.setattr(figures, "_stats", lambda: sent)
    study = simulated(None)
    assert sent.counts["automl.trials.started", ""] == 6
    assert sent.counts["automl.trials.ended", "SUCCEEDED"] == 5
    assert sent.counts["automl.trials.ended", "FAILED"] == 1
    assert sent.counts["automl.experiments.ended", "FINISHED"] == 1
    assert len(sent.timings["automl.trial.duration"]) == 6
    assert max(sent.gauges["automl.slots.running"]) == 2
    assert max(sent.gauges["automl.slots.used"]) == 1.0
    with figures.suggesting(study):
        pass
    assert len(sent.timings["automl.suggestion.duration"]) == 1


def test_what_a_trial_waited_in_a_queue_is_none_of_its_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    sent = Sent()
    monkeypatch.setattr(figures, "_stats", lambda: sent)
    scene = ClockedStudy()
    report(scene.study)
    for queue in ("team-a", ""):
        binding = scene.begin()
        scene.study.external(binding, f'{{"queue": "{queue}"}}')
        scene.now += 50.0
        scene.end(binding)
    assert sent.timings["automl.trial.duration"] == [0.0, 50.0]


class PlainStatsd:
    """A StatsD client: what it would put on the wire. It knows no tags."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def incr(self, name: str, count: int = 1, rate: float = 1) -> None:
        self.lines.append(f"{name}:{count}|c")

    def gauge(self, name: str, value: float, rate: float = 1, delta: bool = False) -> None:
        self.lines.append(f"{name}:{value}|g")

    def timing(self, name: str, taken: Any) -> None:
        self.lines.append(f"{name}|ms")


def test_plain_statsd_tells_two_experiments_and_states_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk._shared.observability.metrics.statsd_logger import SafeStatsdLogger

    wire = PlainStatsd()
    monkeypatch.setattr(figures, "_stats", lambda: SafeStatsdLogger(wire))  # Airflow's own, over a client without tags
    for name in ("first", "se.cond"):
        study = report(Simulation(Experiment.model_validate({**SPEC, "name": name}), trainer, MemoryStore()).study)
        assert isinstance(study.ask(0), Binding)
        study.give_up(0)
        with figures.suggesting(study):
            pass
    for name in ("first", "se__cond"):
        assert f"automl.trials.started.{name}:1|c" in wire.lines
        assert f"automl.slots.running.{name}:1|g" in wire.lines
        assert f"automl.slots.running.{name}:0|g" in wire.lines
        assert len([line for line in wire.lines if line.startswith(f"automl.trials.ended.{name}.")]) == 1
        assert [line for line in wire.lines if line.startswith(f"automl.suggestion.duration.{name}.")]
    monkeypatch.setenv("AIRFLOW__METRICS__LEGACY_NAMES_ON", "False")
    wire.lines.clear()
    simulated(None)
    assert "automl.trials.started:1|c" in wire.lines
    assert not [line for line in wire.lines if line.startswith("automl.trials.started.")], "as Airflow's own then"


def test_trials_that_nobody_ended_are_counted_and_told(
    hook: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = Sent()
    monkeypatch.setattr(figures, "_stats", lambda: sent)
    sim = Simulation(
        Experiment.model_validate({**SPEC, "alerts": {"on": ["failure"], "url_connection": "team"}}), trainer,
        MemoryStore(),
    )  # fmt: skip
    study = report(sim.study)
    assert isinstance(study.ask(0), Binding)
    study.give_up(0)  # its worker is lost, and Airflow will not try again
    state = study.state.works[0].state
    assert state.ended
    assert sent.counts["automl.trials.ended", str(state)] == 1
    assert [body["trial"] for body in hook] == ([0] if state == "FAILED" else [])


def test_figures_that_can_not_be_sent_cost_no_alert(
    hook: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> Any:
        raise OSError("no statsd")

    monkeypatch.setattr(figures, "_stats", away)
    simulated({"on": ["failure"], "url_connection": "team"})
    assert [body["trial"] for body in hook] == [2]


def test_figures_that_can_not_be_sent_cost_nothing_cost_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Away:
        def __getattr__(self, name: str) -> Any:
            raise OSError("no statsd")

    monkeypatch.setattr(figures, "_stats", Away)
    study = simulated(None)
    assert len(study.state.order) == 6


def test_airflows_own_metrics_take_them() -> None:
    assert len(simulated(None).state.order) == 6
    assert hasattr(figures._stats(), "incr")


def test_the_key_on_is_a_word_and_no_truth_value() -> None:
    from automl_core.spec.loader import parse_experiment

    text = """
name: told
goal: {metric: accuracy, direction: maximize}
space: {lr: {type: uniform, low: 0, high: 1}}
tasks: [{command: ["true"]}]
alerts: {on: [failure, end], url_connection: team}
"""
    alerts = parse_experiment(text, "x.yaml").alerts
    assert alerts is not None
    assert alerts.on == ["failure", "end"]
