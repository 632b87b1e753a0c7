"""automl run, status, results and stop, against a server that stands in for Airflow."""

from __future__ import annotations

import csv
import io
import json
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from automl_core.cli.conf import parse_conf
from automl_core.cli.display import LiveDisplay, PlainDisplay, best_text, counts_text, left_text
from automl_core.cli.follow import follow
from automl_core.cli.places import UserError, find_experiment, find_run
from automl_core.cli.places import home as automl_home
from automl_core.cli.watcher import Watcher, summary_of_tasks
from automl_core.client.airflow import AirflowClient
from automl_core.client.credentials import Credentials
from automl_core.client.errors import Unreachable
from automl_core.client.records import Run, TaskInstance
from automl_core.results.summary import summary
from automl_core.states import ExperimentState, TrialState
from automl_core.study import Binding, Outcome, Study
from automl_core.study.stages import begin_stage
from tests.unit.cli.conftest import DIGITS, Automl, Lived
from tests.unit.cli.fake_airflow import PASSWORD, USER, FakeAirflow
from tests.unit.results.lab import START


def whole(run: Lived) -> None:
    """A run to its end: trial 1 is the best."""
    for value in (0.7, 0.9, None, 0.8):
        run.lab.trial(value)
    run.lab.stop()
    run.publish()


def after_trigger(airflow: FakeAirflow, home: Path, then: Callable[[Lived], None], state: str = "success") -> None:
    """When the run is triggered, let it live: its journal is written before Airflow says that it is over."""

    def live(method: str, path: str) -> None:
        run = airflow.runs.get(("digits", "one"))
        if method == "GET" and run is not None and run["state"] == "queued" and path.endswith("/one"):
            then(Lived(home))
            run["state"] = state

    airflow.before = live


class TestRun:
    """automl run."""

    def test_to_a_good_end(self, automl: Automl, airflow: FakeAirflow, home: Path) -> None:
        after_trigger(airflow, home, whole)
        said = automl("run", str(home / "experiments/digits.yaml"), "--run-id", "one", "--conf", "trials.max=4")
        assert said.code == 0, said.err
        assert said.last_line == f"result: {home}/runs/digits/one"
        assert "FINISHED: all trials have run. Best: trial 1, accuracy 0.9 (maximized)." in said.out
        assert "4 of 4 trials done, 0 running, 1 failed; best accuracy 0.9 (trial 1: lr=0.002 solver=adam)" in said.out
        assert "digits: run one" in said.err
        assert "/dags/digits/runs/one" in said.err
        posted = [body for body in airflow.bodies if body and "conf" in body]
        assert posted == [{"logical_date": None, "conf": {"trials": {"max": 4}}, "dag_run_id": "one"}]

    def test_by_name_and_without_following(self, automl: Automl, airflow: FakeAirflow) -> None:
        said = automl("run", "digits", "--no-follow", "--run-id", "two")
        assert (said.code, said.out) == (0, "")
        assert airflow.runs["digits", "two"]["state"] == "queued"

    def test_to_a_bad_end(self, automl: Automl, airflow: FakeAirflow, home: Path) -> None:
        def fail(run: Lived) -> None:
            run.lab.trial(None)
            run.lab.stop(ExperimentState.FAILED, "1 trial failed, 0 are allowed", "max_failed")
            run.publish()

        after_trigger(airflow, home, fail, state="failed")
        airflow.add_task("digits", "one", "reduce", state="failed")
        said = automl("run", "digits", "--run-id", "one")
        assert said.code == 1
        assert "trial 0 failed: exit code 1\n" in said.out
        assert "FAILED: 1 trial failed, 0 are allowed. No trial has a value." in said.out
        assert "the task reduce failed" not in said.out, "it is red because of that, and that is said"
        assert said.last_line == f"result: {home}/runs/digits/one"

    def test_why_its_first_task_failed_stands_in_that_tasks_log(
        self, automl: Automl, airflow: FakeAirflow, home: Path
    ) -> None:
        def die(method: str, path: str) -> None:
            if ("digits", "one") in airflow.runs:
                airflow.runs["digits", "one"]["state"] = "failed"

        airflow.before = die
        airflow.add_task("digits", "one", "propose", state="failed")
        words = "output.connection: the connection 'nope' is not defined in Airflow"
        airflow.logs["one", "propose"] = [
            "a line of an older Airflow", {"event": "Task started", "level": "info"},
            {"event": "Task failed", "error_detail": [{"exc_type": "AirflowFailException", "exc_value": words}]},
        ]  # fmt: skip
        said = automl("run", "digits", "--run-id", "one")
        assert said.code == 1
        assert f"the task propose failed: {words}\n" in said.out

    def test_a_reason_that_trials_share_is_one_line(self, automl: Automl, airflow: FakeAirflow, home: Path) -> None:
        def fail(run: Lived) -> None:
            for _ in range(5):
                run.lab.trial(None)
            run.lab.stop(ExperimentState.FAILED, "5 trials failed", "max_failed")

        after_trigger(airflow, home, fail, state="failed")
        said = automl("run", "digits", "--run-id", "one")
        assert [line for line in said.out.splitlines() if line.endswith("failed: exit code 1")] == [
            "5 trials (0, 1, 2, …) failed: exit code 1"
        ]

    def test_an_experiment_that_was_stopped_has_not_succeeded(
        self, automl: Automl, airflow: FakeAirflow, home: Path
    ) -> None:
        def stopped(run: Lived) -> None:
            run.lab.trial(0.5)
            run.lab.stop(ExperimentState.USER_CANCELED, "stopped by me", "user")

        after_trigger(airflow, home, stopped)
        said = automl("run", "digits", "--run-id", "one")
        assert said.code == 1
        assert "USER_CANCELED: stopped by me" in said.out
        assert "result:" not in said.out, "nothing is published"

    def test_a_wrong_file_is_known_before_anything_starts(
        self, automl: Automl, airflow: FakeAirflow, home: Path
    ) -> None:
        (home / "experiments/digits.yaml").write_text(DIGITS.replace("maximize", "up"))
        said = automl("run", "digits")
        assert said.code == 1
        assert "goal.direction: 'up' is not known" in said.err
        assert not airflow.requests

    @pytest.mark.parametrize(
        ("conf", "says"),
        [
            ("trials.mx=3", "conf of the run: trials.mx: the key 'mx' is not known here."),
            ("trials.concurrency=3", "3 is above the file's 2"),
            ("search.algorithm=grd", "there is no algorithm 'grd'."),
            ("trials", "group.field=value is wanted, such as trials.max=5"),
            ("trials.max=[", "--conf trials.max=[: not YAML"),
        ],
    )
    def test_a_wrong_conf_too(self, automl: Automl, airflow: FakeAirflow, conf: str, says: str) -> None:
        said = automl("run", "digits", "--conf", conf)
        assert said.code == 1
        assert says in said.err
        assert not airflow.requests

    def test_a_pool_that_airflow_does_not_have(self, automl: Automl, airflow: FakeAirflow, home: Path) -> None:
        file = home / "experiments/digits.yaml"
        file.write_text(file.read_text() + "airflow: {pool: gpus}\n")
        said = automl("run", "digits", "--no-follow", "--run-id", "two")
        assert said.code != 0
        assert "Airflow has no pool 'gpus'" in said.err
        assert "--include-deferred" in said.err
        assert not airflow.runs
        airflow.pools.add("gpus")
        assert automl("run", "digits", "--no-follow", "--run-id", "two").code == 0

    def test_a_date_where_the_file_names_one(self, automl: Automl, airflow: FakeAirflow, home: Path) -> None:
        file = home / "experiments/digits.yaml"
        file.write_text(file.read_text().replace("command: [", 'command: ["${ds}", ', 1))
        said = automl("run", "digits", "--no-follow", "--run-id", "two")
        assert said.code != 0
        assert re.search(r"digits.yaml:9: tasks\[0\].command\[0\]: \$\{ds\}: this run has no logical date", said.err)
        assert not airflow.runs
        said = automl("run", "digits", "--no-follow", "--run-id", "two", "--logical-date", "2026-11-01")
        assert said.code == 0, said.err
        assert airflow.bodies[-1]["logical_date"] == "2026-11-01T00:00:00+00:00"

    def test_an_id_that_is_taken(self, automl: Automl, airflow: FakeAirflow) -> None:
        airflow.add_run("digits", "one")
        said = automl("run", "digits", "--run-id", "one")
        assert (said.code, said.err) == (1, "digits has a run 'one' already; choose another --run-id\n")

    def test_an_import_error(self, automl: Automl, airflow: FakeAirflow, home: Path) -> None:
        airflow.dags.clear()
        future = datetime.fromtimestamp(time.time() + 60, UTC).isoformat()
        airflow.add_import_error("experiments/digits.yaml", "experiments/digits.yaml:3: broken", future)
        said = automl("run", "digits")
        assert said.code == 1
        assert "Airflow can't use experiments/digits.yaml:\nexperiments/digits.yaml:3: broken" in said.err

    def test_a_paused_dag_without_a_schedule_is_unpaused(self, automl: Automl, airflow: FakeAirflow) -> None:
        airflow.dags["digits"]["is_paused"] = True
        assert automl("run", "digits", "--no-follow").code == 0
        assert airflow.dags["digits"]["is_paused"] is False

    def test_one_with_a_schedule_only_when_asked(self, automl: Automl, airflow: FakeAirflow, home: Path) -> None:
        (home / "experiments/digits.yaml").write_text(DIGITS + "schedule: '@daily'\n")
        airflow.dags["digits"]["is_paused"] = True
        said = automl("run", "digits", "--no-follow")
        assert said.code == 1
        assert "--unpause also starts its schedule" in said.err
        assert automl("run", "digits", "--no-follow", "--unpause").code == 0

    def test_a_run_that_fails_before_its_journal_begins(self, automl: Automl, airflow: FakeAirflow) -> None:
        airflow.add_task("digits", "one", "propose", state="failed")
        airflow.before = lambda method, path: airflow.runs.get(("digits", "one"), {}).update(state="failed")
        said = automl("run", "digits", "--run-id", "one")
        assert said.code == 1
        assert "the task propose failed; its log says why\nsee http://" in said.out
        assert said.last_line == "the run ended: failed"

    def test_no_airflow(self, automl: Automl) -> None:
        said = automl("run", "digits")
        assert said.code == 1
        assert "no credentials for Airflow at http://localhost:8080" in said.err


class TestLooking:
    """automl status and results."""

    def test_status_of_a_running_experiment(self, automl: Automl, home: Path) -> None:
        run = Lived(home)
        run.lab.trial(0.9)
        run.lab.bind()
        said = automl("status", "digits")
        assert said.code == 0
        assert said.out.startswith("digits · one: RUNNING\n1 of 4 trials done, 1 running, 0 failed\nbest accuracy 0.9")
        assert said.last_line == f"folder: {run.folder}"
        assert json.loads(automl("status", run.folder, "--json").out)["counts"]["RUNNING"] == 1

    def test_the_newest_run_is_meant_and_any_can_be_named(self, automl: Automl, home: Path) -> None:
        whole(Lived(home, "one"))
        Lived(home, "z", now=START + 100)
        Lived(home, "a", now=START + 200)
        assert "digits · a: CREATED" in automl("status", "digits").out
        assert "digits · one: FINISHED (all trials have run)" in automl("status", "digits", "--run-id", "one").out

    def test_results(self, automl: Automl, home: Path) -> None:
        run = Lived(home)
        whole(run)
        for target in (run.folder, "digits", f"{run.folder}/controller.json", f"{home}/runs/digits"):
            said = automl("results", target, "--top", "2")
            assert said.code == 0, said.err
            assert "Best: trial 1, accuracy 0.9" in said.last_line
        rows = list(csv.DictReader(io.StringIO(automl("results", run.folder, "--csv").out)))
        assert [row["trial"] for row in rows] == ["1", "3", "0", "2"]
        assert rows[0]["params.solver"] == "adam"
        assert json.loads(automl("results", run.folder, "--json").out)["best_trial"] == 1

    def test_what_is_not_there(self, automl: Automl, home: Path) -> None:
        assert "digits has not run yet" in automl("status", "digits").err
        assert "Did you mean 'digits'?" in automl("results", "digit").err
        (home / "empty").mkdir()
        said = automl("results", str(home / "empty"))
        assert said.code == 1
        assert "no experiment in" in said.err
        (home / "empty" / "controller.json").write_text("[]")
        assert "is not the controller.json of an experiment" in automl("results", str(home / "empty")).err

    def test_one_form_at_a_time(self, automl: Automl) -> None:
        assert automl("results", "digits", "--csv", "--json").code == 2


class TestStop:
    """automl stop."""

    def test_running_trials_finish(self, automl: Automl, home: Path) -> None:
        run = Lived(home)
        run.lab.bind()
        said = automl("stop", "digits")
        assert said.code == 0
        assert "1 running trial will be finished (--cancel ends them)" in said.out
        stop = run.lab.journal.refresh().stop
        assert stop is not None
        assert (stop.state, stop.running, stop.kind) == ("USER_CANCELED", "drain", "user")
        assert stop.by

    def test_or_are_ended(self, automl: Automl, home: Path) -> None:
        run = Lived(home)
        run.lab.bind()
        assert "will be ended too" in automl("stop", "digits", "--cancel").out
        assert run.lab.journal.refresh().stop.running == "cancel"

    def test_the_second_stop_can_end_what_the_first_lets_run(self, automl: Automl, home: Path) -> None:
        run = Lived(home)
        run.lab.bind()
        automl("stop", "digits")
        assert "will be ended too" in automl("stop", "digits", "--cancel").out
        assert run.lab.journal.refresh().trials[0].cancel

    def test_what_has_ended_stays_as_it_is(self, automl: Automl, home: Path) -> None:
        run = Lived(home)
        whole(run)
        seq = run.lab.journal.refresh().seq
        assert "digits has ended already: all trials have run" in automl("stop", "digits").out
        assert run.lab.journal.refresh().seq == seq

    def test_once_the_search_is_over_conclude_is_ended(self, automl: Automl, home: Path) -> None:
        file = home / "experiments" / "digits.yaml"
        file.write_text(f"{file.read_text()}\nconclude: [{{name: refit, command: 'true'}}]\n")
        run = Lived(home)
        whole(run)
        stage = begin_stage(Study.load(run.lab.journal), "conclude")
        binding = stage.ask(0)
        assert isinstance(binding, Binding)
        assert "\nconclude: RUNNING\n" in automl("status", "digits").out
        assert automl("stop", "digits").out == "digits: conclude is told to end\n"
        ordered = stage.order(binding)
        assert ordered is not None
        assert ordered[0] is TrialState.USER_CANCELED
        stage.tell(binding, Outcome(*ordered))
        assert "digits has ended already" in automl("stop", "digits").out
        (told,) = json.loads(automl("status", "digits", "--json").out)["stages"]
        assert (told["name"], told["state"]) == ("conclude", "USER_CANCELED")

    def test_a_run_that_has_not_begun_is_ended_in_airflow(
        self, automl: Automl, airflow: FakeAirflow, home: Path
    ) -> None:
        whole(Lived(home, "earlier"))
        airflow.add_run("digits", "one")
        assert "the run one is ended before its first trial" in automl("stop", "digits").out
        assert airflow.runs["digits", "one"]["state"] == "failed"

    def test_a_run_whose_journal_is_elsewhere_is_left_alone(self, automl: Automl, airflow: FakeAirflow) -> None:
        airflow.add_run("digits", "one", "running")
        airflow.add_task("digits", "one", "propose", state="success")
        said = automl("stop", "digits")
        assert said.code == 1
        assert "the journal of one is not in" in said.err
        assert airflow.runs["digits", "one"]["state"] == "running"

    def test_a_run_that_has_begun_is_stopped_by_its_journal(
        self, automl: Automl, airflow: FakeAirflow, home: Path
    ) -> None:
        airflow.add_run("digits", "one", "running")
        run = Lived(home)
        automl("stop", "digits")
        assert airflow.runs["digits", "one"]["state"] == "running"
        assert run.lab.journal.refresh().stop is not None


class Shown:
    """A display that keeps what it is shown."""

    def __init__(self) -> None:
        self.updates: list[tuple[Any, str]] = []
        self.notes: list[str] = []
        self.closed = False

    def update(self, now: Any, airflow: str) -> None:
        self.updates.append((now, airflow))

    def note(self, text: str) -> None:
        self.notes.append(text)

    def close(self) -> None:
        self.closed = True


class TestFollow:
    """Following a run, on a clock of the test's own."""

    @pytest.fixture
    def fake(self) -> FakeAirflow:
        fake = FakeAirflow()
        fake.add_dag("digits")
        fake.add_run("digits", "one")
        return fake

    def follow(self, fake: FakeAirflow, steps: dict[int, Callable[[], None]]) -> tuple[Any, Shown, float]:
        """Follow; after so many seconds something happens."""
        now = 0.0

        def sleep(seconds: float) -> None:
            nonlocal now
            for moment in sorted(steps):
                if now < moment <= now + seconds:
                    steps[moment]()
            now += seconds

        who = Credentials("http://airflow", USER, PASSWORD)
        client = AirflowClient(who, transport=fake.transport(), sleep=sleep, clock=lambda: now)
        run = client.run("digits", "one")
        shown = Shown()
        watcher = Watcher(client, None, clock=lambda: now + 100)
        return follow(client, run, watcher, shown, sleep=sleep, clock=lambda: now), shown, now

    def test_from_airflow_alone_when_no_journal_can_be_read(self, fake: FakeAirflow) -> None:
        states = ["success", "failed", "skipped", "running"]

        def begin() -> None:
            fake.runs["digits", "one"]["state"] = "running"
            for index, state in enumerate(states):
                fake.add_task("digits", "one", "trial", index, state)

        def end() -> None:
            fake.tasks["digits", "one"][3]["state"] = "success"
            fake.runs["digits", "one"]["state"] = "success"

        ending, shown, seconds = self.follow(fake, {10: begin, 30: end})
        assert ending.good
        assert shown.closed
        assert shown.updates[0] == (None, "queued")
        middle = next(now for now, _ in shown.updates if now is not None)
        assert (middle.done, middle.running, middle.failed, middle.state) == (3, 1, 1, ExperimentState.RUNNING)
        assert seconds == 30

    def test_a_gap_without_airflow_is_told_and_bridged(self, fake: FakeAirflow) -> None:
        import httpx

        def away(method: str, path: str) -> None:
            raise httpx.ConnectError("refused")

        def back() -> None:
            fake.before = lambda method, path: None
            fake.runs["digits", "one"]["state"] = "failed"

        ending, shown, _ = self.follow(fake, {5: lambda: setattr(fake, "before", away), 60: back})
        assert not ending.good
        assert any("gives no answer (refused)" in note and note.endswith("trying on") for note in shown.notes)

    def test_a_long_silence_ends_it(self, fake: FakeAirflow) -> None:
        import httpx

        def away(method: str, path: str) -> None:
            raise httpx.ConnectError("refused")

        with pytest.raises(Unreachable):
            self.follow(fake, {5: lambda: setattr(fake, "before", away)})

    def test_why_a_run_stays_queued(self, fake: FakeAirflow) -> None:
        fake.add_run("digits", "other", "running")
        _, shown, _ = self.follow(fake, {60: lambda: fake.runs["digits", "one"].update(state="failed")})
        assert shown.notes == ["waiting for the run other: an experiment runs once at a time"]

    def test_or_what_may_be_wrong(self, fake: FakeAirflow) -> None:
        _, shown, _ = self.follow(fake, {60: lambda: fake.runs["digits", "one"].update(state="failed")})
        assert shown.notes == ["the run is still queued: does Airflow's scheduler run?"]


class TestDisplay:
    """What people see while a run goes on."""

    def test_words(self, home: Path) -> None:
        run = Lived(home)
        run.lab.trial(0.9, seconds=20)
        run.lab.trial(0.5, seconds=20, state=TrialState.EARLY_STOPPED)
        run.lab.bind()
        now = summary(run.lab.state, run.lab.spec, run.lab.clock())
        assert counts_text(now) == "2 of 4 trials done, 1 running, 0 failed, 1 stopped early"
        assert best_text(now) == "best accuracy 0.9 (trial 0: lr=0.001 solver=adam)"
        assert left_text(now) == "2 trials to run, 20s left"

    def test_epochs_where_there_is_a_budget(self, home: Path) -> None:
        path = home / "experiments/digits.yaml"
        path.write_text(DIGITS.replace("max: 4,", "max: 4, budget: {max: 27},"))
        run = Lived(home)
        now = summary(run.lab.state, run.lab.spec, run.lab.clock())
        assert left_text(now) == "108 epochs to run, time left not known yet"

    def test_plain_lines_at_changes_only(self, home: Path) -> None:
        run = Lived(home)
        lines: list[str] = []
        display = PlainDisplay(lines.append)
        for _ in range(3):
            display.update(None, "queued")
        for action in (lambda: run.lab.bind(), lambda: None, lambda: run.lab.end(0, 0.5)):
            action()
            display.update(summary(run.lab.state, run.lab.spec, run.lab.clock()), "running")
        assert len(lines) == 3
        assert lines[0] == "the run is queued"
        assert "1 of 4 trials done, 0 running" in lines[2]

    def test_live_on_a_terminal(self, home: Path) -> None:
        from rich.console import Console

        run = Lived(home)
        run.lab.trial(0.9)
        text = io.StringIO()
        console = Console(file=text, force_terminal=True, width=100, height=20)
        display = LiveDisplay(console)
        display.update(None, "queued")
        display.note("a remark with [brackets]")
        display.update(summary(run.lab.state, run.lab.spec, run.lab.clock()), "running")
        display.close()
        assert "a remark with [brackets]" in text.getvalue()
        assert "1 of 4 trials done" in text.getvalue()
        assert "25%" in text.getvalue()


@pytest.mark.parametrize(
    ("steps", "counts"),
    [
        ([("trial.a", "success"), ("trial.b", "running")], {"RUNNING": 1}),
        ([("trial.a", "success"), ("trial.b", None)], {"WAITING": 1}),
        ([("trial.a", "success"), ("trial.b", "success")], {"SUCCEEDED": 1}),
        ([("trial.a", "failed"), ("trial.b", "upstream_failed")], {"FAILED": 1}),
        ([("trial.a", "skipped"), ("trial.b", "skipped")], {"SYS_CANCELED": 1}),
        ([("trial.a", None), ("trial.b", None)], {}),
        ([("trial", "up_for_retry")], {"WAITING": 1}),
        ([("trial", "deferred")], {"RUNNING": 1}),
    ],
)
def test_trials_from_task_instances(steps: list[tuple[str, str | None]], counts: dict[str, int]) -> None:
    run = Run("digits", "one", "running")
    instances = [TaskInstance(task, 0, state) for task, state in steps]
    found = summary_of_tasks(run, [*instances, TaskInstance("propose", -1, "success")], 0.0)
    assert found is not None
    assert {str(state): number for state, number in found.counts.items() if number} == counts
    assert summary_of_tasks(run, [TaskInstance("propose", -1, "running")], 0.0) is None


def test_a_slot_that_waits_ahead_of_its_place_is_no_trial_that_runs() -> None:
    instances = [
        TaskInstance("trial", 0, "deferred", "0 · x=0.5"), TaskInstance("trial", 1, "running", "waits for a place"),
        TaskInstance("trial", 2, "deferred", "waits for a place"),
        TaskInstance("trial", 3, "skipped", "waits for a place"),
    ]  # fmt: skip
    found = summary_of_tasks(Run("digits", "one", "running"), instances, 0.0)
    assert found is not None
    assert {str(state): number for state, number in found.counts.items() if number} == {"RUNNING": 1, "SYS_CANCELED": 1}


@pytest.mark.parametrize(
    ("entries", "conf"),
    [
        ([], {}),
        (["trials.max=5", "trials.timeout=10m"], {"trials": {"max": 5, "timeout": "10m"}}),
        (["space.lr.low=1e-4"], {"space": {"lr": {"low": 1e-4}}}),
        (["space.c.values=[a, 1, true]"], {"space": {"c": {"values": ["a", 1, True]}}}),
        (["stop.target=null", "stop.target=0.5"], {"stop": {"target": 0.5}}),
        (["{trials: {max: 5}}", "trials.retries=1"], {"trials": {"max": 5, "retries": 1}}),
        (["search.algorithm=grid=x"], {"search": {"algorithm": "grid=x"}}),
    ],
)
def test_conf(entries: list[str], conf: dict[str, Any]) -> None:
    assert parse_conf(entries) == conf


def test_an_experiment_is_found_by_name_file_and_path(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = home / "experiments/digits.yaml"
    other = home / "experiments/sub/file.yaml"
    other.parent.mkdir()
    other.write_text(DIGITS.replace("name: digits", "name: 'named'"))
    assert find_experiment("digits") == ("digits", path)
    assert find_experiment("digits.yaml") == ("digits", path)
    assert find_experiment(str(path)) == ("digits", path)
    assert find_experiment("named") == find_experiment("file") == ("named", other)
    assert find_experiment("nobody") == ("nobody", None)
    monkeypatch.delenv("AUTOML_HOME")
    monkeypatch.chdir(home)
    assert (automl_home() / "experiments").is_dir(), "without AUTOML_HOME: the checkout"


def test_a_run_in_a_bucket_is_an_address() -> None:
    with pytest.raises(UserError, match="no such folder, file or experiment"):
        find_run("nothing-of-the-kind")
