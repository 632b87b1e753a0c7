"""A rollout over servers, as Airflow's tasks see it: `deploy` begins it, `roll` says what became of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, DownstreamTasksSkipped, TaskDeferred

from automl_airflow.models.alerts import TakenBack, TellOfFailure
from automl_airflow.models.names import ROLL
from automl_airflow.models.roll_trigger import RolloutTrigger
from automl_airflow.models.roll_waiting import RolloutOverTrigger
from automl_core.models.life import Person, VersionState
from tests.unit.plugins.files import round_trip
from tests.unit.plugins.models.rolling import SERVERS, Airflow
from tests.unit.plugins.models.test_rollout_kills import Killed, deadly

ANNA, GUARD = Person("anna", "cli"), Person("churn.rollout", "dag")


@pytest.fixture
def airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    return Airflow.make(tmp_path, monkeypatch, more=SERVERS)


def accepted(airflow: Airflow, number: int) -> str:
    """A run whose version was accepted beside today's champion. Returns the run's id."""
    airflow.publish(f"r{number}", at=1000.0 * number)
    run = airflow.begin(f"run{number}")
    assert airflow.do(run, "offer")["version"] == number
    digest = airflow.evidence(number, champion=airflow.life.state.champion, stated=number)
    airflow.life.accept(number, digest, ANNA)
    return run


def in_use(airflow: Airflow) -> None:
    """Version 1 is the champion."""
    run = accepted(airflow, 1)
    airflow.do(run, "deploy")
    airflow.do(run, ROLL)


def rolling(airflow: Airflow, number: int = 2) -> str:
    """A run whose version is rolling out beside version 1."""
    if airflow.life.state.champion is None:
        in_use(airflow)
    run = accepted(airflow, number)
    airflow.do(run, "deploy")
    return run


def test_a_model_that_servers_answer_for_has_a_task_more_and_its_asset_waits_for_that(airflow: Airflow) -> None:
    assert [each.task_id for each in airflow.dag().topological_sort()][-2:] == ["deploy", "roll"]
    dag = round_trip(airflow.dag())
    uris = [f"file://{airflow.home}/runs/_models/churn?automl=churn.in_use"]
    assert [[each.uri for each in dag.get_task(task).outlets] for task in ("deploy", "roll")] == [[], uris]
    airflow.more = ""
    assert not airflow.dag().has_task("roll")


def test_the_first_version_has_nobody_beside_it_and_is_in_use_at_once(airflow: Airflow) -> None:
    run = accepted(airflow, 1)
    assert airflow.do(run, "deploy")["rollout"] is None
    assert airflow.life.state.champion == 1
    assert airflow.do(run, ROLL)["outcome"] == "promoted"
    assert airflow.life.state.rollouts == {}


def test_a_rollout_begins_in_the_steps_of_the_file_and_is_looked_at_without_a_worker(airflow: Airflow) -> None:
    run = rolling(airflow)
    state = airflow.life.state
    assert state.version(2).state is VersionState.ROLLING_OUT
    assert state.rollout is not None
    assert [(each.share, each.bake) for each in state.rollout.steps] == [(0.5, 1.0), (1.0, 1.0)]
    assert state.shares_now() == {1: 0.5, 2: 0.5}
    waits = airflow.do(run, ROLL)
    assert isinstance(waits, TaskDeferred)
    assert isinstance(waits.trigger, RolloutTrigger)
    path, arguments = waits.trigger.serialize()
    assert (arguments["model"], arguments["rollout"], arguments["version"]) == ("churn", 1, 2)
    assert RolloutTrigger(**arguments).serialize() == (path, arguments)
    assert waits.timeout is None


def test_deploy_done_again_begins_no_other_rollout(airflow: Airflow) -> None:
    run = rolling(airflow)
    assert airflow.do(run, "deploy", tries=2)["rollout"] == 1
    assert len(airflow.life.state.rollouts) == 1


def test_every_task_of_a_run_may_be_cleared_while_its_version_is_rolling_out(airflow: Airflow) -> None:
    run = rolling(airflow)
    assert airflow.do(run, "offer", tries=2)["version"] == 2
    assert airflow.do(run, "evaluate", tries=2)["ok"] is True
    airflow.do(run, "ask", tries=2)
    assert airflow.skipped == ["accept"]
    assert airflow.do(run, "decide", tries=2)["decision"] == "accepted"
    assert airflow.do(run, "deploy", tries=2)["rollout"] == 1
    assert isinstance(airflow.do(run, ROLL, tries=2), TaskDeferred)
    assert airflow.life.state.version(2).state is VersionState.ROLLING_OUT


def test_a_promotion_is_told_with_what_it_rests_on(airflow: Airflow) -> None:
    run = rolling(airflow)
    assert isinstance(airflow.do(run, ROLL), TaskDeferred)
    airflow.life.put_in_use(2, GUARD, "nothing is worse in 2 steps")
    told = airflow.go_on_with(run, ROLL, {"rollout": 1, "outcome": "promoted", "why": ""})
    assert told == {"version": 2, "rollout": 1, "outcome": "promoted", "why": "nothing is worse in 2 steps"}
    task = airflow.dag().get_task(ROLL)
    assert [each.version for each in task.lineage_written] == ["2"]


def test_what_the_safeguard_takes_back_fails_the_task_for_good(airflow: Airflow) -> None:
    run = rolling(airflow)
    airflow.life.take_back(2, GUARD, "errors: 9% against 1%")
    with pytest.raises(AirflowFailException, match=r"version 2 is taken back by churn\.rollout.*errors: 9% against 1%"):
        airflow.go_on_with(run, ROLL, {"rollout": 1, "outcome": "taken_back", "why": ""})
    with pytest.raises(AirflowFailException, match="errors: 9%"):
        airflow.do(run, ROLL, tries=2)  # cleared: it says the same, and rolls nothing out
    assert len(airflow.life.state.rollouts) == 1


@pytest.mark.parametrize("by", [GUARD, ANNA])
def test_whatever_is_cleared_what_was_taken_back_is_not_rolled_out_anew(
    airflow: Airflow, capsys: pytest.CaptureFixture[str], by: Person
) -> None:
    run = rolling(airflow)
    airflow.life.take_back(2, by, "errors: 9% against 1%")
    ends = AirflowSkipException if by is ANNA else TakenBack
    with pytest.raises(ends, match="errors: 9%"):
        airflow.do(run, ROLL, tries=2)
    assert 'start a run with {"version": 2} in its conf' in capsys.readouterr().out
    assert isinstance(airflow.do(run, "decide", tries=2), DownstreamTasksSkipped)
    with pytest.raises(AirflowFailException, match=r'TAKEN_BACK.*start a run with \{"version": 2\} in its conf'):
        airflow.do(run, "deploy", tries=2)
    assert (run, "deploy") not in airflow.xcoms, "as Airflow has it, once a task is cleared"
    with pytest.raises(ends, match="errors: 9%"):
        airflow.do(run, ROLL, tries=3)
    assert isinstance(airflow.do(run, "offer", tries=2), DownstreamTasksSkipped), "the whole run"
    assert airflow.started == []
    assert airflow.life.state.shares_now() == {1: 1.0}
    assert (list(airflow.life.state.rollouts), airflow.life.state.rollout) == ([1], None)


def test_who_wants_to_try_a_version_again_starts_a_run_for_it(airflow: Airflow) -> None:
    run = rolling(airflow)
    airflow.life.take_back(2, ANNA, "a server was broken")
    again = airflow.begin("again", version=2)
    assert airflow.do(again, "offer")["version"] == 2
    with pytest.raises(AirflowFailException, match="TAKEN_BACK"):
        airflow.do(again, "deploy")  # not before it was evaluated and accepted once more
    airflow.life.accept(2, airflow.evidence(2, champion=1, stated=22), ANNA)
    assert airflow.do(again, "deploy")["rollout"] == 2
    assert isinstance(airflow.do(again, ROLL), TaskDeferred)
    with pytest.raises(AirflowSkipException, match="a server was broken"):
        airflow.do(run, ROLL, tries=2)  # of the run before: its own rollout's end, and nothing of this one's
    assert airflow.life.state.shares_now() == {1: 0.5, 2: 0.5}


def test_what_a_person_takes_back_is_no_failure(airflow: Airflow) -> None:
    run = rolling(airflow)
    airflow.life.take_back(2, ANNA, "I don't like it")
    with pytest.raises(AirflowSkipException, match=r"taken back by anna \(cli\): I don't like it"):
        airflow.go_on_with(run, ROLL, {"rollout": 1, "outcome": "taken_back", "why": ""})


def test_where_the_champion_is_taken_back_the_version_is_evaluated_anew(airflow: Airflow) -> None:
    in_use(airflow)
    run2 = rolling(airflow, 2)
    airflow.life.put_in_use(2, GUARD, "good")
    run3 = rolling(airflow, 3)
    airflow.life.take_back(2, ANNA, "bad rows")
    with pytest.raises(AirflowSkipException, match=r"was stopped by anna .*the run version_3\.2 evaluates it anew"):
        airflow.do(run3, ROLL)
    assert airflow.started[-1][0] == "version_3.2"
    assert airflow.do(run2, ROLL)["outcome"] == "promoted", "what was, stays told"


def test_another_versions_rollout_is_waited_for_without_a_worker(airflow: Airflow) -> None:
    rolling(airflow, 2)
    run = accepted(airflow, 3)
    waits = airflow.do(run, "deploy")
    assert isinstance(waits, TaskDeferred)
    assert isinstance(waits.trigger, RolloutOverTrigger)
    assert waits.trigger.rollout == 1
    airflow.life.take_back(2, GUARD, "slow")
    assert airflow.go_on_with(run, "deploy", {"rollout": 1})["rollout"] == 2, "its evidence is beside version 1 still"
    assert airflow.life.state.version(3).state is VersionState.ROLLING_OUT


def test_after_a_promotion_the_evidence_of_who_has_waited_is_old(airflow: Airflow) -> None:
    rolling(airflow, 2)
    run = accepted(airflow, 3)
    assert isinstance(airflow.do(run, "deploy"), TaskDeferred)
    airflow.life.put_in_use(2, GUARD, "good")
    with pytest.raises(AirflowSkipException, match=r"the run version_3\.2 does"):
        airflow.go_on_with(run, "deploy", {"rollout": 1})
    assert airflow.started[-1] == ("version_3.2", {"version": 3, "instead_of": run})


def test_a_deploy_that_was_marked_by_hand_has_begun_nothing(airflow: Airflow) -> None:
    in_use(airflow)
    run = accepted(airflow, 2)
    with pytest.raises(AirflowFailException, match=r"has begun no rollout of it.*clear `deploy`"):
        airflow.do(run, ROLL)
    airflow.do(run, "deploy")
    airflow.xcoms.pop((run, "deploy"))
    assert isinstance(airflow.do(run, ROLL), TaskDeferred), "the journal knows it all the same"


def test_a_rollout_that_is_gone_from_the_bucket_is_said(airflow: Airflow) -> None:
    run = rolling(airflow)
    with pytest.raises(AirflowFailException, match="has no rollout 1: clear `deploy`"):
        airflow.go_on_with(run, ROLL, {"rollout": 1, "gone": "the journal of churn has no rollout 1"})


def test_a_rollout_whose_run_has_ended_is_taken_up_by_one_run_whatever_looks_follow(airflow: Airflow) -> None:
    run = rolling(airflow)
    airflow.do(airflow.begin("other"), "offer")
    assert "evaluate" in airflow.skipped, "its run goes on"
    airflow.runs[run] = "success"  # `roll` was marked by hand
    for look in ("again", "later", "later still"):
        assert not isinstance(airflow.do(airflow.begin(look), "offer"), dict), "looks hold no run of their own"
    assert airflow.started == [("version_2.2", {"version": 2})], "else sixteen looks would keep out all others"
    again = "version_2.2"
    for task in ("offer", "evaluate", "ask", "decide"):
        airflow.do(again, task)
    assert airflow.do(again, "deploy")["rollout"] == 1
    assert isinstance(airflow.do(again, ROLL), TaskDeferred)
    airflow.runs[again] = "failed"
    airflow.do(airflow.begin("much later"), "offer")
    assert airflow.started[-1] == ("version_2.3", {"version": 2}), "that one's too was marked"


def test_where_the_run_that_would_evaluate_anew_has_ended_another_one_does(airflow: Airflow) -> None:
    run = rolling(airflow)
    airflow.begin("version_2.2", version=2)
    airflow.runs["version_2.2"] = "success"  # it has looked at the rollout, and was marked by hand
    airflow.life.take_back(1, ANNA, "bad rows")
    with pytest.raises(AirflowSkipException, match=r"the run version_2\.3 evaluates it anew"):
        airflow.do(run, ROLL)
    assert airflow.started[-1] == ("version_2.3", {"version": 2, "instead_of": run})


@pytest.mark.parametrize("file", ["", "deploy: {to: batch, data: in.csv, out: out, schedule: '@daily'}"])
def test_a_file_that_names_no_servers_any_more_moves_nobodys_traffic(airflow: Airflow, file: str) -> None:
    run, waits = rolling(airflow, 2), accepted(airflow, 3)
    airflow.more = file
    with pytest.raises(AirflowFailException, match=r"names none any more.*Name the servers again.*clear `deploy`"):
        airflow.do(run, "deploy", tries=2)
    airflow.runs[run] = "success"  # `roll` is no task of it any more
    with pytest.raises(AirflowFailException, match=r"version 2 is being rolled out over servers \(rollout 1\)"):
        airflow.do(airflow.begin("look"), "offer")
    assert isinstance(airflow.do(waits, "deploy"), TaskDeferred), "another version waits for what becomes of it"
    assert airflow.life.state.shares_now() == {1: 0.5, 2: 0.5}
    assert airflow.started == []
    airflow.life.put_in_use(2, ANNA, "good enough")
    assert airflow.do(run, "deploy", tries=3)["version"] == 2
    airflow.life.take_back(2, ANNA, "no, it isn't")
    assert airflow.go_on_with(waits, "deploy", {"rollout": 1})["version"] == 3
    assert airflow.life.state.champion == 3


def test_the_champions_deploy_may_be_cleared_while_another_version_is_rolled_out(airflow: Airflow) -> None:
    rolling(airflow, 2)
    told = airflow.do("run1", "deploy", tries=2)
    assert (told["version"], told["rollout"]) == (1, None)
    assert airflow.life.state.shares_now() == {1: 0.5, 2: 0.5}


def test_who_was_told_that_a_version_is_taken_back_is_not_told_of_the_task_as_well(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[Any] = []
    monkeypatch.setattr("automl_airflow.alerts.send", lambda alerts, body: sent.append(body["on"]))
    for on, expected in (("[failure]", ["failure"]), ("[failure, taken_back]", [])):
        airflow.more = f"{SERVERS}\nalerts: {{url_connection: chat, on: {on}}}"
        file = airflow.dag().get_task(ROLL).file
        sent.clear()
        TellOfFailure(file)(airflow.context("run", ROLL) | {"exception": TakenBack("errors")})
        assert sent == expected


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(1, 6))
def test_a_kill_at_any_write_of_deploy_begins_one_rollout(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch, at: int, after: bool
) -> None:
    in_use(airflow)
    run = accepted(airflow, 2)
    deadly(airflow, monkeypatch, at, after)
    try:
        airflow.do(run, "deploy")
    except Killed:
        assert airflow.do(run, "deploy", tries=2)["rollout"] == 1
    assert isinstance(airflow.do(run, ROLL), TaskDeferred)
    found = airflow.life.state
    assert list(found.rollouts) == [1]
    assert (found.champion, found.shares_now()) == (1, {1: 0.5, 2: 0.5})
    assert found.skipped == {}


@pytest.mark.parametrize("task", ["deploy", ROLL])
def test_a_closed_environment_has_the_last_word(airflow: Airflow, monkeypatch: pytest.MonkeyPatch, task: str) -> None:
    run = rolling(airflow)
    monkeypatch.setenv("AIRFLOW__AUTOML__CLOSED", "True")
    monkeypatch.setenv("AIRFLOW__AUTOML__CLOSED_STORES", f"file://{airflow.home}/elsewhere")
    with pytest.raises(AirflowFailException, match="closed"):
        airflow.do(run, task, tries=2)
    assert airflow.life.state.rollout is not None


def test_where_airflow_runs_its_tasks_is_as_the_file_says(airflow: Airflow) -> None:
    airflow.more = f"{SERVERS}\nairflow: {{queue: small, pool: models, priority_weight: 7}}"
    found = airflow.dag().get_task(ROLL)
    assert (found.queue, found.pool, found.priority_weight) == ("small", "models", 7)
    assert found.execution_timeout is None, "a rollout takes as long as its steps"
