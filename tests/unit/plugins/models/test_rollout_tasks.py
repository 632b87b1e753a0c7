"""The tasks of a rollout, each at each state of the journal: what is recorded decides, not what Airflow's tasks say."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import (
    AirflowFailException,
    AirflowSkipException,
    DownstreamTasksSkipped,
    TaskAwaitingInput,
    TaskDeferred,
)

from automl_airflow.models.accepting import LaterHITLTrigger
from automl_core.models.life import ModelLife, Person, VersionState
from automl_core.storage import open_store
from automl_core.study import StudyJournal
from tests.unit.plugins.models.rolling import Airflow

ANNA = Person("anna", "rest")


@pytest.fixture
def airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    monkeypatch.setattr("automl_airflow.models.pages.body_of", lambda *_: "the evidence")
    return Airflow.make(tmp_path, monkeypatch)


def state(airflow: Airflow, number: int = 1) -> VersionState:
    return airflow.life.state.version(number).state


def asked(airflow: Airflow, run: str = "a", ok: bool | None = True) -> str:
    """A run that has come to ask about version 1. Returns the evidence's digest."""
    airflow.publish("one")
    airflow.begin(run)
    airflow.do(run, "offer")
    digest = airflow.evidence(1, ok)
    airflow.do(run, "ask")
    assert isinstance(airflow.do(run, "accept"), TaskAwaitingInput)
    return digest


# --- offer --------------------------------------------------------------------------------------


def test_what_is_new_is_offered_and_each_version_has_a_run(airflow: Airflow) -> None:
    airflow.publish("old", at=1000.0)
    airflow.publish("one", at=2000.0)
    run = airflow.begin("a")
    assert airflow.do(run, "offer")["version"] == 1
    assert airflow.life.state.version(1).source.run == "one", "the first time the newest alone"
    airflow.publish("two", at=3000.0)
    airflow.publish("three", at=4000.0)
    assert airflow.do(airflow.begin("b"), "offer")["version"] == 2
    assert [version.run for version in airflow.life.state.versions.values()] == ["a", "b", ""]
    assert airflow.started == [("version_3", {"version": 3})]
    assert airflow.do("version_3", "offer")["version"] == 3
    assert airflow.life.state.version(3).run == "version_3"
    skips = airflow.do(airflow.begin("c"), "offer")
    assert isinstance(skips, DownstreamTasksSkipped)
    assert airflow.skipped == ["evaluate", "ask", "accept", "decide", "deploy"]


def test_the_model_of_a_closed_run_is_no_version_of_a_model_that_is_not_closed(airflow: Airflow) -> None:
    airflow.publish("closed")
    journal = StudyJournal(open_store(f"file://{airflow.home}/runs"), "search/closed/")
    journal.append("created", {"experiment": {"closed": True}}, valid=lambda _: True)
    with pytest.raises(AirflowFailException, match=r"search@closed can't be offered: its experiment says"):
        airflow.do(airflow.begin("a"), "offer")
    assert not airflow.life.state.versions


def test_a_rollout_decides_on_no_other_models_version(airflow: Airflow) -> None:
    airflow.publish("one")
    airflow.do(airflow.begin("a"), "offer")
    airflow.xcoms["a", "offer"] |= {"model": "fraud"}
    with pytest.raises(AirflowFailException, match="names the model 'fraud', and this rollout is of churn"):
        airflow.do("a", "ask")


def test_a_note_of_any_length_is_kept_in_part(airflow: Airflow) -> None:
    asked(airflow)
    airflow.answer("a", "Accept", note="x" * 100_000)
    decision = airflow.life.state.version(1).decision
    assert decision is not None
    assert decision.note == "x" * 1999 + "…"


def test_conditions_that_the_file_states_no_more_accept_nothing_by_themselves(airflow: Airflow) -> None:
    airflow.publish("one")
    airflow.do(airflow.begin("a"), "offer")
    verdict = {"when": "not_worse", "margin": 0.1, "ok": True, "reasons": ["not worse"]}
    airflow.life.evaluated(1, {"champion": None, "version": 1, "verdict": verdict})
    airflow.accept = "{by: nobody, when: better}"  # edited meanwhile
    with pytest.raises(AirflowFailException, match=r"judged by `when: not_worse` with a margin of 0\.1.*clear"):
        airflow.do("a", "ask")
    assert state(airflow) is VersionState.EVALUATED
    airflow.accept = "{by: nobody, when: not_worse, margin: 0.1}"
    airflow.do("a", "ask")
    assert state(airflow) is VersionState.ACCEPTED


def test_a_run_that_is_tried_again_keeps_its_version(airflow: Airflow) -> None:
    airflow.publish("one")
    assert airflow.do(airflow.begin("a"), "offer")["version"] == 1
    airflow.publish("two")
    assert airflow.do("a", "offer", tries=2)["version"] == 1


def test_the_version_of_a_run_that_was_deleted_goes_to_another(airflow: Airflow) -> None:
    airflow.publish("one")
    airflow.do(airflow.begin("a"), "offer")
    del airflow.runs["a"]
    assert airflow.do(airflow.begin("b"), "offer")["version"] == 1
    assert airflow.life.state.version(1).run == "b"


def test_what_another_airflow_asks_about_is_not_taken_from_it(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    digest = asked(airflow)
    del airflow.runs["a"]  # two Airflows read one file: neither has the other one's runs
    assert isinstance(airflow.do(airflow.begin("b"), "offer"), DownstreamTasksSkipped)
    assert airflow.life.state.version(1).run == "a"
    assert airflow.life.accept(1, digest, ANNA).what == "accepted", "the evidence that was read is the newest still"


def test_a_question_whose_run_was_deleted_ends_with_its_time(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    asked(airflow)
    del airflow.runs["a"]
    later = time.time() + 3600 + 700
    monkeypatch.setattr(ModelLife, "now", lambda _: later)
    airflow.do(airflow.begin("b"), "offer")
    assert state(airflow) is VersionState.EXPIRED


def test_a_version_that_was_accepted_but_whose_run_was_deleted_is_put_in_use_by_another(airflow: Airflow) -> None:
    digest = asked(airflow)
    airflow.life.accept(1, digest, ANNA)
    del airflow.runs["a"]
    run = airflow.begin("b")
    assert airflow.do(run, "offer")["version"] == 1
    airflow.do(run, "evaluate")
    airflow.do(run, "ask")
    assert airflow.skipped == ["accept"]
    airflow.do(run, "decide")
    airflow.do(run, "deploy")
    assert state(airflow) is VersionState.IN_USE


def test_a_version_by_name_is_not_taken_from_a_run_that_waits_for_people(airflow: Airflow) -> None:
    asked(airflow)
    with pytest.raises(AirflowFailException, match="the run a is at version 1"):
        airflow.do(airflow.begin("b", version=1), "offer")
    airflow.runs["a"] = "failed"
    assert airflow.do("b", "offer")["version"] == 1


@pytest.mark.parametrize("wanted", ["1", 1.5, True, 9])
def test_a_version_that_is_none(airflow: Airflow, wanted: Any) -> None:
    airflow.publish("one")
    airflow.do(airflow.begin("a"), "offer")
    with pytest.raises(AirflowFailException, match="conf"):
        airflow.do(airflow.begin("b", version=wanted), "offer")


def test_a_result_that_is_broken_keeps_no_other_back_and_is_told(airflow: Airflow) -> None:
    airflow.publish("good", at=1000.0)
    airflow.do(airflow.begin("a"), "offer")
    airflow.publish("bad", at=2000.0)
    (airflow.home / "runs/search/bad/best_model/model/model.json").write_text('{"kind": "automl model", "format": 99}')
    with pytest.raises(AirflowFailException, match="search@bad can't be offered"):
        airflow.do(airflow.begin("b"), "offer")
    airflow.publish("better", at=3000.0)
    assert airflow.do(airflow.begin("c"), "offer")["version"] == 2


def test_what_goes_on_or_has_no_model_is_no_candidate(airflow: Airflow) -> None:
    airflow.publish("on", state="RUNNING")
    airflow.publish("failed", state="FAILED")
    airflow.publish("without", best_trial=None)
    assert isinstance(airflow.do(airflow.begin("a"), "offer"), DownstreamTasksSkipped)
    assert airflow.life.state.versions == {}


def test_a_question_that_nobody_waited_for_expires_at_the_next_look(airflow: Airflow) -> None:
    airflow.publish("one")
    airflow.do(airflow.begin("a"), "offer")
    digest = airflow.evidence(1)
    airflow.life.ask(1, digest, until=time.time() - 3600, run="a")
    assert isinstance(airflow.do(airflow.begin("b"), "offer"), DownstreamTasksSkipped)
    assert state(airflow) is VersionState.EXPIRED


# --- ask ----------------------------------------------------------------------------------------


def test_the_conditions_reject_what_is_worse(airflow: Airflow) -> None:
    airflow.publish("one")
    airflow.do(airflow.begin("a"), "offer")
    airflow.evidence(1, False)
    airflow.do("a", "ask")
    assert airflow.skipped == ["accept"]
    given = airflow.life.state.version(1).decision
    assert given is not None
    assert (given.what, given.by.how, given.note) == ("rejected", "conditions", "so it is")
    airflow.do("a", "decide")
    assert airflow.skipped == ["accept", "deploy"]


def test_a_person_is_asked_where_it_cant_be_told(airflow: Airflow) -> None:
    asked(airflow, ok=None)
    assert "can't be told" in airflow.asked[0].subject


@pytest.mark.parametrize(("ok", "found"), [(True, "accepted"), (None, "rejected"), (False, "rejected")])
def test_without_people_the_conditions_decide_and_doubt_is_no_yes(
    airflow: Airflow, ok: bool | None, found: str
) -> None:
    airflow.accept = "{when: better, by: nobody}"
    airflow.publish("one")
    airflow.do(airflow.begin("a"), "offer")
    airflow.evidence(1, ok)
    airflow.do("a", "ask")
    given = airflow.life.state.version(1).decision
    assert given is not None
    assert (given.what, given.by.how) == (found, "conditions")
    assert airflow.skipped == ["accept"]


def test_asking_again_gives_no_more_time(airflow: Airflow) -> None:
    asked(airflow)
    before = airflow.life.state.version(1).asked
    airflow.do("a", "ask", tries=2)
    assert airflow.life.state.version(1).asked == before


# --- accept -------------------------------------------------------------------------------------


def test_an_answer_is_recorded_with_who_and_why(airflow: Airflow) -> None:
    digest = asked(airflow)
    assert airflow.answer("a", "Accept", "anna", note="fine")["by"] == "anna"
    given = airflow.life.state.version(1).decision
    assert given is not None
    assert (given.what, given.evidence, given.note) == ("accepted", digest, "fine")
    assert given.by == Person("anna", "airflow")
    airflow.do("a", "decide")
    airflow.do("a", "deploy")
    assert state(airflow) is VersionState.IN_USE


def test_a_rejection_ends_the_run_without_use(airflow: Airflow) -> None:
    asked(airflow)
    airflow.answer("a", "Reject")
    airflow.do("a", "decide")
    assert airflow.skipped == ["deploy"]
    assert state(airflow) is VersionState.REJECTED


def test_silence_expires(airflow: Airflow) -> None:
    asked(airflow)
    told = airflow.go_on("a", {"error": "no response", "error_type": "timeout"})
    assert told["decision"] == "expired"
    airflow.do("a", "decide")
    assert airflow.skipped == ["deploy"]


def test_an_answer_that_was_given_elsewhere_is_not_given_again(airflow: Airflow) -> None:
    digest = asked(airflow)
    airflow.life.reject(1, digest, ANNA, "no")
    told = airflow.answer("a", "Accept", "ben")
    assert (told["decision"], told["by"]) == ("rejected", "anna")
    assert "refused" not in told, "the answer was told to the task, not refused by anybody"
    assert len(airflow.life.state.version(1).decisions) == 1


def test_the_time_that_runs_out_after_an_answer_elsewhere_changes_nothing(airflow: Airflow) -> None:
    digest = asked(airflow)
    airflow.life.accept(1, digest, ANNA)
    assert airflow.go_on("a", {"error": "no response", "error_type": "timeout"})["decision"] == "accepted"


def test_a_task_that_is_tried_again_waits_on_for_the_answer_on_its_page(airflow: Airflow) -> None:
    asked(airflow)
    waits = airflow.do("a", "accept", tries=2)
    assert isinstance(waits, TaskDeferred)
    assert isinstance(waits.trigger, LaterHITLTrigger)
    assert waits.trigger.ti_id == "id-2"
    assert waits.trigger.timeout_datetime is not None
    until = airflow.life.state.version(1).asked
    assert until is not None
    assert abs(waits.trigger.timeout_datetime.timestamp() - until.until) < 1e-3, "the time is not given anew"
    assert len(airflow.asked) == 1, "the page is not made anew, which would forget an answer"


def test_a_cleared_task_after_an_answer_asks_nobody(airflow: Airflow) -> None:
    asked(airflow)
    airflow.answer("a", "Reject")
    assert airflow.do("a", "accept", tries=2, max_tries=6)["decision"] == "rejected"


def test_a_page_that_shows_other_evidence_is_left_to_a_run_with_a_page_of_its_own(airflow: Airflow) -> None:
    asked(airflow)
    airflow.evidence(1, True, more="figures")
    airflow.do("a", "ask", tries=2)
    told = airflow.do("a", "accept", tries=2, max_tries=6)
    assert told == {"decision": None, "asked_in": "version_1.3"}
    assert airflow.started == [("version_1.3", {"version": 1, "instead_of": "a"})]
    airflow.do("a", "decide")
    assert airflow.skipped == ["deploy"]
    assert airflow.do("version_1.3", "offer")["version"] == 1
    assert airflow.life.state.version(1).run == "version_1.3"


def test_a_run_that_asks_anew_and_is_begun_again_starts_yet_another(airflow: Airflow) -> None:
    asked(airflow)
    airflow.evidence(1, True, more="figures")
    airflow.do("a", "ask", tries=2)
    assert airflow.do("a", "accept", tries=2, max_tries=6)["asked_in"] == "version_1.3"
    airflow.do("version_1.3", "offer")
    airflow.evidence(1, True, more="still others")
    airflow.do("version_1.3", "ask")
    assert isinstance(airflow.do("version_1.3", "accept"), TaskAwaitingInput)
    airflow.evidence(1, True, more="and others")
    airflow.do("version_1.3", "ask", tries=2)
    told = airflow.do("version_1.3", "accept", tries=2, max_tries=6)
    assert told["asked_in"] == "version_1.5"


def test_a_worker_that_died_before_it_asked_asks(airflow: Airflow) -> None:
    asked(airflow)
    airflow.states[("a", "accept")].clear()
    assert isinstance(airflow.do("a", "accept", tries=2), TaskAwaitingInput)


def test_where_a_clear_takes_the_tasks_state_along_a_new_page_asks(airflow: Airflow) -> None:
    asked(airflow)
    airflow.states[("a", "accept")].clear()
    assert airflow.do("a", "accept", tries=2, max_tries=6)["asked_in"] == "version_1.2"


def test_an_answer_beside_a_champion_that_is_none_any_more_leads_to_another_evaluation(airflow: Airflow) -> None:
    asked(airflow)
    airflow.publish("two")
    airflow.do(airflow.begin("b"), "offer")
    second = airflow.evidence(2)
    airflow.life.accept(2, second, ANNA)
    airflow.life.put_in_use(2, ANNA)
    told = airflow.answer("a", "Accept")
    assert told["asked_in"] == "version_1.2"
    assert "version 2" in told["refused"]
    assert airflow.life.state.version(1).decisions == []
    airflow.do("a", "decide")
    assert airflow.skipped == ["deploy"]
    assert airflow.life.state.champion == 2


def test_a_task_that_is_cleared_after_the_time_asks_nobody(airflow: Airflow) -> None:
    digest = asked(airflow)
    airflow.life.ask(1, digest, until=time.time() - 1, run="a")
    assert airflow.do("a", "accept", tries=2, max_tries=6)["decision"] == "expired"


def test_an_answer_after_the_time_is_none(airflow: Airflow) -> None:
    digest = asked(airflow)
    now = time.time()
    airflow.life.ask(1, digest, until=now - 1, run="a")
    assert airflow.answer("a", "Accept", at=now)["decision"] == "expired"


def test_an_answer_that_came_in_time_counts_however_late_it_is_read(airflow: Airflow) -> None:
    digest = asked(airflow)
    now = time.time()
    airflow.life.ask(1, digest, until=now - 1, run="a")
    assert airflow.answer("a", "Accept", at=now - 2)["decision"] == "accepted"


def test_ask_that_was_marked_by_hand_asks_nobody(airflow: Airflow) -> None:
    airflow.publish("one")
    airflow.do(airflow.begin("a"), "offer")
    airflow.evidence(1)
    with pytest.raises(AirflowFailException, match="clear `ask`"):
        airflow.do("a", "accept")


# --- decide and deploy -----------------------------------------------------------------------------


def test_a_task_that_was_marked_as_a_success_accepts_nothing(airflow: Airflow) -> None:
    asked(airflow)
    with pytest.raises(AirflowFailException, match="no answer"):
        airflow.do("a", "decide")
    with pytest.raises(AirflowFailException, match="nobody has accepted"):
        airflow.do("a", "deploy")
    assert airflow.life.state.champion is None


def test_offer_that_was_marked_by_hand_leaves_nothing_to_decide(airflow: Airflow) -> None:
    with pytest.raises(AirflowFailException, match="clear offer"):
        airflow.do(airflow.begin("a"), "decide")


def test_accepted_beside_another_champion_is_evaluated_anew(airflow: Airflow) -> None:
    digest = asked(airflow)
    airflow.life.accept(1, digest, ANNA)
    airflow.publish("two")
    airflow.do(airflow.begin("b"), "offer")
    second = airflow.evidence(2)
    airflow.life.accept(2, second, ANNA)
    airflow.life.put_in_use(2, ANNA)
    airflow.do("a", "decide")
    assert airflow.started == [("version_1.2", {"version": 1, "instead_of": "a"})]
    assert airflow.skipped == ["deploy"]
    with pytest.raises(AirflowSkipException, match=r"version_1\.2"):
        airflow.do("a", "deploy")
    assert airflow.life.state.champion == 2


def test_deploying_twice_is_deploying_once(airflow: Airflow) -> None:
    digest = asked(airflow)
    airflow.life.accept(1, digest, ANNA)
    airflow.do("a", "deploy")
    airflow.do("a", "deploy", tries=2)
    assert len(airflow.life.state.shares) == 1


def test_a_cleared_run_puts_nothing_back_that_was_replaced(airflow: Airflow) -> None:
    digest = asked(airflow)
    airflow.life.accept(1, digest, ANNA)
    airflow.do("a", "deploy")
    airflow.publish("two")
    airflow.do(airflow.begin("b"), "offer")
    second = airflow.evidence(2, champion=1)
    airflow.life.accept(2, second, ANNA)
    airflow.life.put_in_use(2, ANNA)
    airflow.do("a", "decide", tries=2)
    assert airflow.skipped == ["deploy"]
    assert isinstance(airflow.do("a", "offer", tries=2), DownstreamTasksSkipped)
    assert airflow.life.state.champion == 2
