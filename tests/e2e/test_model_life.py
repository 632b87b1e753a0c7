"""The life of models on a real Airflow: offered, evaluated, asked about on Airflow's own approval page, in use.

One Airflow for all of it. Its models stand side by side: each test waits for its own alone, and nearly all that takes
time has begun before the first one looks (`life`, `lost`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from automl_core.models.watching import read_looks
from tests.e2e.models import Models
from tests.e2e.world import World, wait_until

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def minute() -> datetime:
    """The minute in which the models of this module begin."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


@pytest.fixture(scope="module")
def life(world: World, minute: datetime) -> Models:
    """All models of this module, and what begins at once."""
    models = Models(world)
    models.search("churn_search")
    models.file("churn")
    models.publish("pair_search", "run_1", 0.2)
    models.publish("other_search", "run_2", 1.0)
    models.file("pair", candidates={"experiments": ["pair_search", "other_search"]})
    models.publish("silent_search", "run_1", 0.5)
    models.file("silent", accept={"within": "3s"})
    models.publish("named_search", "run_1", 0.5)
    models.file("named", accept={"by": ["ben"]})
    models.publish("alone_search", "run_1", 0.5)
    models.file("alone", accept={"by": "nobody", "when": "better"})
    models.publish("lost_search", "run_1", 0.5)
    models.file("lost")
    models.publish("ours_search", "run_1", 0.5)
    models.file("ours", accept={"by": ["anna"]})
    models.search("aged_search")
    models.publish("aged_search", "run_1", 1.0)
    models.answers("aged")
    models.outcomes("aged", "first", day=2)
    feedback = {
        "data": "aged_outcomes/", "answers": "aged_log/", "key": "id", "outcome": "y", "time": "known",
        "answered": "at",
    }  # fmt: skip
    models.file(
        "aged", evaluate={"data": "feedback"}, feedback=feedback, accept={"by": "nobody", "when": "better"},
        watch={"every": "1d", "retrain": {"when": {"worse_by": "30%"}}},
    )  # fmt: skip
    for number in range(-4, 40):  # of the minutes before there is a champion, and of those to come
        models.data(f"{minute + timedelta(minutes=number):%Y%m%dT%H%M%S}", 5)
    models.publish("nightly_search", "run_1", 0.5)
    deploy = {"to": "batch", "data": "${ts_nodash}.csv", "out": "scored/${ts_nodash}.csv", "keep": ["id"]}
    models.file("nightly", accept={"by": "nobody", "when": "better"}, deploy={**deploy, "schedule": "* * * * *"})
    world.wait_for_dag("churn_search")
    world.wait_for_dag("churn.rollout")
    return models


def test_a_published_result_is_offered_accepted_and_used_without_another_hand(life: Models) -> None:
    run, state = life.world.run("churn_search")
    assert state == "success"
    published = time.time()
    asked = life.until("churn", 1, "ASKED")
    assert asked.source.run == run
    waiting = time.time()
    life.waits("churn", asked.run)
    page = life.page("churn", asked.run)
    assert "Version 1 of churn" in page["subject"]
    assert asked.asked is not None
    assert asked.asked.evidence[:12] in page["body"]
    assert "/automl/models/churn/versions/1" in page["body"]
    assert page["options"] == ["Accept", "Reject"]
    assert life.answer("churn", asked.run, "Accept", "anna", {"note": "good"}).status_code == 200
    answered = time.time()
    used = life.until("churn", 1, "IN_USE")
    print(
        f"\nfrom published to asked {waiting - published:.1f} s, from the answer to use {time.time() - answered:.1f} s"
    )
    assert used.decision is not None
    assert (used.decision.by.name, used.decision.by.how, used.decision.note) == ("anna", "airflow", "good")
    assert used.decision.evidence == asked.asked.evidence
    assert life.world.finish("churn.rollout", asked.run) == "success"


def test_a_worse_challenger_is_refused_by_the_conditions_and_nobody_is_asked(life: Models) -> None:
    life.publish("churn_search", "worse", -1.0)
    run = life.start("churn")
    assert life.world.finish("churn.rollout", run) == "success"
    version = life.until("churn", 2, "REJECTED")
    assert version.decision is not None
    assert (version.decision.by.how, version.asked) == ("conditions", None)
    assert "worse" in version.decision.note
    assert life.task("churn.rollout", run, "accept") == "skipped"
    assert life.task("churn.rollout", run, "deploy") == "skipped"
    assert life.life("churn").state.champion == 1


def test_nothing_new_is_nothing_to_do(life: Models) -> None:
    run = life.start("churn")
    assert life.world.finish("churn.rollout", run) == "success"
    states = life.tasks("churn.rollout")[run]
    assert states.pop("offer") == "success"
    assert set(states.values()) == {"skipped"}


def test_of_two_versions_at_once_the_second_is_asked_about_anew_beside_the_new_champion(life: Models) -> None:
    first = life.until("pair", 1, "ASKED")
    second = life.until("pair", 2, "ASKED")
    assert second.run != first.run
    life.waits("pair", second.run)
    life.waits("pair", first.run)
    assert life.answer("pair", first.run, "Accept").status_code == 200
    life.until("pair", 1, "IN_USE")
    assert second.newest is not None
    assert second.newest.champion is None
    assert life.answer("pair", second.run, "Accept", "ben").status_code == 200
    again = "version_2.2"  # its evidence knew of no champion
    life.waits("pair", again)
    version = life.until("pair", 2, "ASKED")
    assert version.run == again
    assert version.newest is not None
    assert version.newest.champion == 1
    assert life.world.finish("pair.rollout", second.run) == "success"
    assert life.task("pair.rollout", second.run, "deploy") == "skipped"
    assert life.answer("pair", again, "Reject", "ben", {"note": "no"}).status_code == 200
    rejected = life.until("pair", 2, "REJECTED")
    assert rejected.decision is not None
    assert (rejected.decision.by.name, rejected.decision.note) == ("ben", "no")
    assert [each.what for each in rejected.decisions] == ["rejected"], "the answer on old evidence was not recorded"
    assert life.world.finish("pair.rollout", again) == "success"
    assert life.life("pair").state.champion == 1


def test_silence_accepts_nothing(life: Models) -> None:
    version = life.until("silent", 1, "EXPIRED")
    assert life.world.finish("silent.rollout", version.run) == "success"
    assert life.task("silent.rollout", version.run, "deploy") == "skipped"
    assert life.life("silent").state.champion is None


@pytest.mark.usefixtures("lost")  # it goes on while this one waits
def test_only_who_is_asked_may_answer_and_a_task_marked_by_hand_accepts_nothing(life: Models) -> None:
    version = life.until("named", 1, "ASKED")
    run, dag = version.run, "named.rollout"
    life.waits("named", run)
    assert life.answer("named", run, "Accept", "vera").status_code == 403
    assert life.answer("named", run, "Accept", "anna").status_code == 403
    assert life.answer("named", run, "Accept", "admin").status_code == 403, "the administrator was not asked either"
    life.world.call("PATCH", f"/dags/{dag}/dagRuns/{run}/taskInstances/accept", json={"new_state": "success"})
    assert life.world.finish(dag, run) == "failed"
    assert "no answer" in life.world.log(dag, run, "decide", -1)
    assert life.state_of("named", 1) == "ASKED"
    assert life.life("named").state.champion is None
    clear(life, dag, run, "accept")
    life.waits("named", run)
    assert life.answer("named", run, "Accept", "ben").status_code == 200
    used = life.until("named", 1, "IN_USE")
    assert used.decision is not None
    assert used.decision.by.name == "ben"


def test_conditions_alone_accept_where_nobody_is_to_be_asked(life: Models) -> None:
    version = life.until("alone", 1, "IN_USE")
    assert version.decision is not None
    assert (version.decision.by.how, version.asked) == ("conditions", None)
    assert life.task("alone.rollout", version.run, "accept") == "skipped"


def clear(models: Models, dag: str, run: str, *tasks: str) -> None:
    """Clear tasks and what stands behind them."""
    body = {
        "dry_run": False, "dag_run_id": run, "task_ids": list(tasks), "only_failed": False, "reset_dag_runs": True,
        "include_downstream": True,
    }  # fmt: skip
    models.world.call("POST", f"/dags/{dag}/clearTaskInstances", json=body)


@pytest.fixture(scope="module")
def lost(life: Models) -> str:
    """A run whose question was marked as failed, then answered, then cleared: it goes on waiting on the old page."""
    run, dag = life.until("lost", 1, "ASKED").run, "lost.rollout"
    life.waits("lost", run)
    life.world.call("PATCH", f"/dags/{dag}/dagRuns/{run}/taskInstances/accept", json={"new_state": "failed"})
    wait_until(lambda: life.answer("lost", run, "Accept").status_code in (200, 409), 30, "the answer to be taken")
    assert life.world.finish(dag, run) == "failed"
    assert life.state_of("lost", 1) == "ASKED", "Airflow's task had ended: nothing is in use by this answer yet"
    clear(life, dag, run, "accept")
    return run


def test_an_answer_by_our_own_route_ends_what_airflow_waits_for(life: Models) -> None:
    version = life.until("ours", 1, "ASKED")
    life.waits("ours", version.run)
    assert version.newest is not None
    body = {"digest": version.newest.digest, "note": "read elsewhere"}
    path = "/automl/api/v1/models/ours/versions/1/accept"
    refused = life.as_person("ben", "POST", path, json=body)
    assert refused.status_code == 403, refused.text
    answered = life.as_person("anna", "POST", path, json=body)
    assert answered.status_code == 200, answered.text
    used = life.until("ours", 1, "IN_USE", seconds=30)
    assert used.decision is not None
    assert (used.decision.by.name, used.decision.by.how, used.decision.note) == ("anna", "rest", "read elsewhere")
    assert life.world.finish("ours.rollout", version.run) == "success"


def test_new_data_are_scored_by_the_champion_on_a_schedule_and_again_by_a_backfill_that_asks(
    life: Models, minute: datetime
) -> None:
    life.until("nightly", 1, "IN_USE")
    wait_until(
        lambda: bool(life.life("nightly").state.scoring.done), 150, "a scheduled run to score",
        explain=lambda: str(life.tasks("nightly.score")),
    )  # fmt: skip
    first = life.life("nightly").state.scoring.recent[0]
    assert (first.version, first.generation, first.rows) == (1, 1, 5)
    assert first.run.startswith("scheduled__")
    written = (life.world.root / first.out).read_text().splitlines()
    assert written[0] == "id,prediction,model_version,model_interval,model_generation"
    assert [line.split(",")[2:] for line in written[1:]] == [["1", first.key, "1"]] * 5
    since, until = (minute - timedelta(minutes=number) for number in (3, 2))
    for conf, generation in (({}, 1), ({"version": "now"}, 2)):
        backfill(life, "nightly.score", since, until, conf)
        keys = [each for each in life.life("nightly").state.scoring.done if each[:16] < f"{minute:%Y-%m-%dT%H:%M}"]
        done = life.life("nightly").state.scoring.done
        assert {key[:16]: done[key].generation for key in keys} == {
            f"{since:%Y-%m-%dT%H:%M}": generation, f"{until:%Y-%m-%dT%H:%M}": generation,
        }  # fmt: skip
    life.world.call("PATCH", "/dags/nightly.score", json={"is_paused": True})


def backfill(life: Models, dag: str, since: datetime, until: datetime, conf: dict[str, str]) -> None:
    """Have Airflow begin runs for an interval of time, by its own command, and wait for their end.

    Airflow's REST route for it is none for SQLite (it answers 503, and the scheduler dies).
    """
    command = [
        sys.executable, "-m", "airflow", "backfill", "create", "--dag-id", dag, "--from-date", since.isoformat(),
        "--to-date", until.isoformat(), "--dag-run-conf", json.dumps(conf), "--reprocess-behavior", "completed",
    ]  # fmt: skip
    count = len(life.world.call("GET", "/backfills", params={"dag_id": dag})["backfills"])
    done = subprocess.run(command, env=life.world.airflow.environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-1000:]

    def ended() -> bool:
        found = life.world.call("GET", "/backfills", params={"dag_id": dag})["backfills"]
        return len(found) == count + 1 and all(each["completed_at"] is not None for each in found)

    wait_until(ended, 120, f"a backfill of {dag}", explain=lambda: str(life.tasks(dag)))


def test_an_answer_that_airflow_took_without_effect_is_not_lost(life: Models, lost: str) -> None:
    used = life.until("lost", 1, "IN_USE")
    assert (used.run, used.asked is not None and used.asked.run) == (lost, lost)
    assert used.decision is not None
    assert used.decision.by.name == "anna"


def test_outcomes_that_turn_out_otherwise_train_the_model_anew_and_say_why(life: Models) -> None:
    life.until("aged", 1, "IN_USE")
    life.outcomes("aged", "corrected", day=3, turned=True)  # of the same answers, and later: they count
    run = life.start_dag("aged.watch")
    assert life.world.finish("aged.watch", run) == "success"
    looks = read_looks(life.life("aged").store, "aged")
    assert looks.newest is not None
    assert (looks.newest.state, looks.newest.version, looks.newest.rows) == ("worse", 1, 600)
    assert looks.newest.counts["answers"]["corrected"] == 600
    retraining = life.life("aged").state.retrainings[1]
    assert (retraining.run, retraining.by.name) == ("retrain_aged_1", "aged.watch")
    assert life.world.finish("aged_search", "retrain_aged_1") == "success"
    entry = life.world.controller("aged_search", "retrain_aged_1")["experiment"]
    assert entry["reason"]["text"] == looks.newest.why
    assert [change["path"] for change in entry["overrides"]] == ["search.transfer"]
    life.start("aged")
    wait_until(lambda: life.version("aged", 2) is not None, 90, "what was trained to be offered")
    version = life.version("aged", 2)
    assert version is not None
    assert (version.source.reason["text"], version.retraining) == (looks.newest.why, 1)
    again = life.start_dag("aged.watch")
    assert life.world.finish("aged.watch", again) == "success"
    assert len(life.life("aged").state.retrainings) <= 2, "the brake: at most two in a week"
