"""NAME.watch: looks at the champion, and retrainings that follow, whatever is killed in between."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from automl_airflow.models import alerts, looking
from automl_core.models.life import Person, interval_key
from automl_core.models.views import quality
from automl_core.models.watching import read_looks, run_of
from tests.unit.models.evaluation.small import rows
from tests.unit.plugins.models.watching import ANNA, BEGAN, DAY, Watch


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch.make(tmp_path, monkeypatch).in_use()


def test_the_dag_looks_and_then_asks_once_a_day(watch: Watch) -> None:
    dag = watch.dag()
    assert dag.get_task("look").downstream_task_ids == {"retrain"}
    assert dag.timetable.delta == timedelta(days=1)
    assert (dag.max_active_runs, dag.catchup) == (1, False)
    watch.watch = "{every: '0 6 * * 1'}"
    assert watch.dag().timetable.expression == "0 6 * * 1"


def test_a_model_that_does_as_well_as_before_is_left_alone(watch: Watch) -> None:
    watch.labels(seed=2)
    told = watch.turn()
    assert told == {"asked": None, "why": "nothing asks for it"}
    looks = read_looks(watch.life.store, "churn")
    newest = looks.newest
    assert newest is not None
    assert (newest.state, newest.version, newest.rows) == ("holds", 1, 600)
    assert newest.low is not None
    assert newest.value is not None
    assert newest.low < newest.value < 1
    assert looks.evidence is not None
    assert looks.evidence["verdict"]["ok"] is True
    assert watch.started == []


def test_a_loss_starts_the_experiment_with_its_reason_and_with_transfer(watch: Watch) -> None:
    watch.labels(seed=2, turned=0.5)
    told = watch.turn()
    [(dag, run, conf)] = watch.started
    assert (dag, run, told["asked"]) == ("search", "retrain_churn_1", 1)
    assert conf["transfer"] is True
    reason = conf["reason"]
    assert (reason["model"], reason["version"], reason["retraining"], reason["kind"]) == ("churn", 1, 1, "loss")
    assert "on 600 rows, and was" in reason["text"]
    assert "that is more than" in reason["text"]
    retraining = watch.life.state.retrainings[1]
    assert (retraining.run, retraining.started) == (run, BEGAN)
    assert retraining.by == Person("churn.watch", "dag")


def test_columns_that_have_drifted_are_said_where_that_is_wanted(watch: Watch) -> None:
    watch.labels(seed=2)
    watch.turn()
    assert not [note for note in read_looks(watch.life.store, "churn").notes if "drift" in note]
    watch.labels(seed=2, moved=1.5)
    watch.turn()
    looks = read_looks(watch.life.store, "churn")
    assert looks.evidence is not None
    assert looks.evidence["drift"]["alpha"] == pytest.approx(1 / 30), "a look a day, one false alarm a month"
    assert any("columns have drifted" in note and "b (median: " in note for note in looks.notes)
    watch.watch = "{every: 1d, drift: false}"
    watch.turn()
    assert "drift" not in (read_looks(watch.life.store, "churn").evidence or {})


def test_few_labels_tell_nothing(watch: Watch) -> None:
    watch.labels(count=60, seed=2, turned=1.0)
    assert watch.turn()["asked"] is None
    newest = read_looks(watch.life.store, "churn").newest
    assert newest is not None
    assert newest.state == "cant_tell"
    assert "60 rows have labels, and 100 are asked for" in newest.why


def test_nothing_in_use_is_nothing_to_look_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch.make(tmp_path, monkeypatch)
    with pytest.raises(AirflowSkipException, match="no version of churn is in use"):
        watch.do("one", "look")
    assert watch.do("one", "retrain")["asked"] is None


def test_the_next_try_of_a_look_evaluates_nothing_again(watch: Watch) -> None:
    first = watch.do("one", "look")
    watch.labels(turned=1.0)
    assert watch.do("one", "look") == first
    assert watch.evaluated == 1


def test_a_worker_killed_between_the_record_and_the_run(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next try starts the one run of the one retraining."""
    from automl_airflow.models import retraining

    watch.labels(seed=2, turned=0.5)
    watch.do("one", "look")

    def killed(*_: Any) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(retraining, "start_run", killed)
        with pytest.raises(KeyboardInterrupt):
            watch.do("one", "retrain")
    assert [each.run for each in watch.life.state.retrainings.values()] == [""]
    told = watch.do("one", "retrain")
    assert "not asked for now: retraining 1 of search was asked for already" in told["why"]
    assert [run for _, run, _ in watch.started] == ["retrain_churn_1"]
    assert watch.life.state.retrainings[1].run == "retrain_churn_1"


def test_a_worker_killed_between_the_run_and_its_record(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    from automl_airflow.models import retraining

    watch.labels(seed=2, turned=0.5)
    watch.do("one", "look")

    def started_and_killed(*given: Any) -> bool:
        watch.start(*given)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(retraining, "start_run", started_and_killed)
        with pytest.raises(KeyboardInterrupt):
            watch.do("one", "retrain")
    watch.do("one", "retrain")
    assert len(watch.started) == 1
    assert watch.life.state.retrainings[1].run == "retrain_churn_1"


def test_airflow_that_refuses_a_run_is_tried_again(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    from automl_airflow.models import retraining

    watch.labels(seed=2, turned=0.5)
    watch.do("one", "look")

    def refuses(*_: Any) -> bool:
        raise RuntimeError("API_SERVER_ERROR")

    with monkeypatch.context() as patched:
        patched.setattr(retraining, "start_run", refuses)
        with pytest.raises(AirflowException, match="recorded and not started: API_SERVER_ERROR"):
            watch.do("one", "retrain")
    watch.do("one", "retrain")
    assert len(watch.started) == 1


def test_the_brake_on_simulated_time_whatever_becomes_of_what_was_trained(watch: Watch) -> None:
    """A month of a loss that no retraining mends, each version rejected: never more than two in seven days."""
    watch.labels(seed=2, turned=0.5)
    asked: list[float] = []
    for _ in range(30):
        before = watch.now
        if watch.turn()["asked"] is not None:
            asked.append(before)
            _, run, conf = watch.started[-1]
            watch.runs[("search", run)] = "success"
            watch.accept(watch.offer(run, a=0.5, reason=conf["reason"]), rejected=True)
    assert len(asked) == 10, "two in each week"
    assert all(third - first >= 7 * DAY for first, third in zip(asked, asked[2:], strict=False))
    versions = watch.life.state.versions
    assert [versions[each.version or 0].retraining for each in watch.life.state.retrainings.values()] == list(
        range(1, 11)
    )


def test_one_at_a_time_and_none_while_its_version_waits_for_an_answer(watch: Watch) -> None:
    watch.labels(seed=2, turned=0.5)
    assert watch.turn()["asked"] == 1
    assert "its run retrain_churn_1 goes on" in watch.turn()["why"]
    watch.runs[("search", "retrain_churn_1")] = "success"
    version = watch.offer("retrain_churn_1")
    assert version.retraining == 1
    assert "nobody has decided on it yet" in watch.turn()["why"]
    assert len(watch.started) == 1


@pytest.mark.parametrize(
    ("becomes", "said"),
    [
        ("failed", "its run retrain_churn_1 failed"),
        (None, "was deleted in Airflow"),
        ("success", "has no published result yet"),
    ],
)
def test_a_run_that_brings_no_version_is_over(watch: Watch, becomes: str | None, said: str) -> None:
    """Else the retraining would go on for ever, and the brake with it."""
    watch.labels(seed=2, turned=0.5)
    watch.turn()
    if becomes is None:
        del watch.runs[("search", "retrain_churn_1")]
    else:
        watch.runs[("search", "retrain_churn_1")] = becomes
    assert watch.turn()["asked"] == 2
    first = watch.life.state.retrainings[1]
    assert said in first.outcome
    assert first.ended is not None


def test_what_a_person_has_asked_for_is_started_by_the_next_run(watch: Watch) -> None:
    watch.life.ask_retraining("search", {"text": "new prices"}, ANNA, at_most=0, within=DAY)
    watch.turn()
    [(dag, run, conf)] = watch.started
    assert (dag, run) == ("search", run_of("churn", 1))
    assert conf["reason"] == {"text": "new prices", "model": "churn", "retraining": 1}


def test_by_schedule_since_the_last_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch.make(tmp_path, monkeypatch, watch="{every: 1d, retrain: {every: 30d}}").in_use()
    days = []
    for day in range(70):
        if watch.turn()["asked"] is not None:
            days.append(day)
            _, run, conf = watch.started[-1]
            assert conf["reason"]["kind"] == "schedule"
            watch.runs[("search", run)] = "success"
            watch.accept(watch.offer(run, reason=conf["reason"]), rejected=True)
    assert days == [30, 61], "the version of the first one was trained a day later"
    assert "every 30d: the last training began at 2026-11-01 00:00 UTC" in watch.started[0][2]["reason"]["text"]


def test_a_look_that_failed_fails_the_run_and_keeps_the_schedule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = Watch.make(tmp_path, monkeypatch, watch="{every: 1d, retrain: {every: 30d}}").in_use()
    (tmp_path / "latest.csv").unlink()
    watch.now += 40 * DAY
    with pytest.raises(AirflowFailException, match=r"evaluate\.data: latest\.csv: there is no file"):
        watch.do("one", "look")
    with pytest.raises(AirflowFailException, match="look has found nothing out"):
        watch.do("one", "retrain")
    assert len(watch.started) == 1


def test_an_experiment_that_is_no_dag_here_is_said(watch: Watch) -> None:
    watch.labels(seed=2, turned=0.5)
    watch.do("one", "look")
    del watch.paused["search"]
    with pytest.raises(AirflowFailException, match="there is no DAG 'search' in this Airflow"):
        watch.do("one", "retrain")
    assert watch.life.state.retrainings == {}
    watch.life.ask_retraining("search", {"text": "x"}, ANNA, at_most=0, within=DAY)
    with pytest.raises(AirflowFailException):
        watch.do("one", "retrain")
    assert watch.life.state.retrainings[1].outcome == "there is no DAG 'search' in this Airflow"


def test_a_paused_experiment_waits_and_that_is_said(watch: Watch, capsys: pytest.CaptureFixture[str]) -> None:
    watch.labels(seed=2, turned=0.5)
    watch.paused["search"] = True
    assert watch.turn()["asked"] == 1
    assert "the DAG search is paused: its run retrain_churn_1 waits" in capsys.readouterr().out
    assert watch.turn()["asked"] is None
    told = capsys.readouterr().out
    assert "retraining 1 goes on only once the DAG search, which is paused, does" in told
    assert "or delete its run retrain_churn_1; no other is asked for meanwhile" in told
    watch.paused["search"] = False
    watch.turn()
    assert "paused" not in capsys.readouterr().out


def test_people_are_told_of_a_loss_once(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(looking, "tell", lambda file, on, text, **_: told.append(on))
    assert looking.tell is not alerts.tell
    watch.turn()
    watch.labels(seed=2, turned=0.5)
    watch.turn()
    watch.turn()
    assert told == ["loss"]
    watch.labels(seed=2, turned=0.5, moved=1.5)
    watch.turn()
    watch.turn()
    assert told == ["loss", "drift"]


def test_evidence_that_somebody_has_changed_is_not_believed(watch: Watch, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (watch.home / "runs/_models/churn/evidence").iterdir():
        path.write_text(path.read_text().replace("0.", "0.1", 1))
    watch.labels(seed=2, turned=0.5)
    assert watch.turn()["asked"] is None
    newest = read_looks(watch.life.store, "churn").newest
    assert newest is not None
    assert newest.state == "cant_tell"
    assert "can't be read" in capsys.readouterr().out


def test_a_closed_environment_is_asked_before_anything_is_reached(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also before the experiment is started: its run asks once more for itself."""
    from automl_airflow.models import closed
    from automl_core.spec.errors import Problem, SpecError

    def refuses(*_: Any) -> None:
        raise SpecError([Problem("feedback.data lies on no list of this closed environment", ("feedback", "data"))])

    watch.labels(seed=2, turned=0.5)
    watch.do("one", "look")
    monkeypatch.setattr(closed, "taken", refuses)
    for task in ("look", "retrain"):
        with pytest.raises(AirflowFailException, match="lies on no list"):
            watch.do("two", task)
    assert (watch.evaluated, watch.started) == (1, [])


BATCHES = 'deploy: {to: batch, data: "in/${ds}.csv", out: "out/${ds}.csv", schedule: "@daily"}\n'


def scored(watch: Watch, count: int = 600, *, moved: float = 0.0, seed: int = 3, gone: bool = False) -> None:
    """A day's partition, which the first version has scored an hour ago."""
    moment = datetime.fromtimestamp(watch.now - DAY, UTC)
    made = rows(count, seed)
    columns = {"id": [str(each) for each in range(count)], **{name: made[name] for name in ("a", "b", "city")}}
    columns["b"] = [value + moved for value in made["b"]]
    if not gone:
        _csv(watch.home / f"in/{moment:%Y-%m-%d}.csv", columns)
    start, life, now = moment.timestamp(), watch.life, watch.now
    watch.now = now - 3600
    claim = life.begin_interval(interval_key(start, start + DAY), start, start + DAY, 1, run="r")
    life.end_interval(claim, rows=count, out="out/", digest=f"{now}")
    watch.now = now


def test_what_batches_have_scored_is_looked_at_and_not_the_rows_that_have_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The labelled rows are as ever; what is scored has moved."""
    asks = "{every: 1d, retrain: {when: {drift: true}, in: 7d}}"
    watch = Watch.make(tmp_path, monkeypatch, watch=asks, more=BATCHES).in_use()
    watch.labels(seed=7)
    watch.now += DAY
    scored(watch)
    assert watch.turn()["asked"] is None
    newest = read_looks(watch.life.store, "churn").newest
    assert newest is not None
    assert (newest.state, newest.drift["state"], newest.estimate["state"]) == ("holds", "holds", "estimated")
    assert newest.estimate["rows"] == 600
    assert newest.estimate["checked"]["within"] is True, "on the rows that have labels it was right"
    assert "600 rows of 1 interval that version 1 has scored" in " ".join(read_looks(watch.life.store, "churn").notes)
    assert watch.turn()["asked"] is None, "nothing was scored on this day"
    quiet = read_looks(watch.life.store, "churn").looks[0]
    assert quiet.drift["why"] == "version 1 has scored nothing since the last look"
    assert quiet.estimate["state"] == "cant_tell"
    scored(watch, moved=1.5)
    told = watch.turn()
    assert told["asked"] == 1
    assert watch.started[-1][2]["reason"]["kind"] == "drift"
    looks = read_looks(watch.life.store, "churn").looks
    assert (looks[0].state, looks[0].drift["state"]) == ("holds", "drifted")
    assert looks[0].since == looks[1].until, "it goes on where the last look ended"
    scored(watch, gone=True)
    watch.turn()
    gone = read_looks(watch.life.store, "churn")
    assert gone.looks[0].drift["why"] == "none of what version 1 has scored is there any more"
    assert any("is not there any more" in each for each in gone.notes)


def test_of_a_place_without_dates_the_rows_that_have_labels_are_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    undated = BATCHES.replace("in/${ds}.csv", "in.csv")
    watch = Watch.make(tmp_path, monkeypatch, watch="{every: 1d}", more=undated).in_use()
    watch.labels(seed=7, moved=1.5)
    watch.turn()
    newest = read_looks(watch.life.store, "churn").newest
    assert newest is not None
    assert (newest.drift["state"], newest.since) == ("drifted", None)


FEEDBACK = """\
deploy: {to: batch, data: "in/${ds}.csv", out: "out/${ds}.csv", keep: [id]}
feedback: {data: outcomes/, key: id, outcome: y, time: known, within: 10d}
"""


def test_outcomes_of_logged_answers_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of three days; their outcomes come, and they are not what they were: the loss is found in them."""
    watch = Watch.make(tmp_path, monkeypatch, evaluate="{data: feedback}", more=FEEDBACK).in_use()
    found = read_looks(watch.life.store, "churn")
    watch.do("none yet", "look")
    newest = read_looks(watch.life.store, "churn").newest
    assert found.newest is None
    assert newest is not None
    assert (newest.state, newest.why) == ("cant_tell", "it can't be told: no row has a label yet")
    outcomes: list[dict[str, Any]] = []
    for day in range(3):
        moment = datetime.fromtimestamp(BEGAN, UTC) + timedelta(days=day)
        name, end = f"{moment:%Y-%m-%d}", moment + timedelta(days=1)
        made = rows(200, seed=10 + day)
        made["id"] = [f"{day}-{place}" for place in range(200)]
        _csv(tmp_path / f"in/{name}.csv", {column: made[column] for column in ("id", "a", "b", "city")})
        _csv(tmp_path / f"out/{name}.csv", {
            "id": made["id"], "prediction": ["1"] * 200, "model_version": ["1"] * 200,
            "model_interval": [f"{name}T00:00:00Z/{end:%Y-%m-%d}T00:00:00Z"] * 200,
        })  # fmt: skip
        outcomes += [
            {"id": key, "known": (end + timedelta(days=1)).isoformat(), "y": 1 - y}
            for key, y in zip(made["id"], made["y"], strict=True)
        ]
    _csv(tmp_path / "outcomes/all.csv", {name: [each[name] for each in outcomes] for name in outcomes[0]})
    watch.now = BEGAN + 6 * DAY
    assert watch.turn()["asked"] == 1
    looks = read_looks(watch.life.store, "churn")
    newest = looks.newest
    assert newest is not None
    assert (newest.state, newest.rows, newest.counts["answers"]["used"]) == ("worse", 600, 600)
    assert "600 of 600 answers have an outcome" in looks.notes
    assert any("may still change" in note for note in looks.notes)


def _csv(path: Path, columns: dict[str, list[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))


def test_pages_and_clients_see_the_series_and_the_last_look(watch: Watch) -> None:
    watch.turn()
    watch.labels(seed=2, turned=0.5)
    watch.turn()
    life = watch.life
    body = quality(life.state, read_looks(life.store, "churn"))
    assert [(each["version"], each.get("state")) for each in body["points"]] == [
        (1, None), (1, "holds"), (1, "worse"),
    ]  # fmt: skip
    assert body["metric"] == "log_loss"
    assert body["newest"]["state"] == "worse"
    assert quality(life.state)["newest"] is None
