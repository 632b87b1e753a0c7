"""An attempt in MaxCompute: in order, once each, resumed where it failed, ended when told to."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from automl_core.backends.base import Cause
from automl_core.backends.maxcompute.client import Busy, Client
from automl_core.backends.maxcompute.ledger import Ledger, reusable
from automl_core.backends.maxcompute.run import PATIENCE
from automl_core.backends.remote import Unreachable
from tests.standins.maxcompute import MaxComputeStandIn
from tests.unit.backends.maxcompute_trials import Claims, Trial, access, states, task_of, texts


@pytest.fixture
def standin() -> Iterator[MaxComputeStandIn]:
    with MaxComputeStandIn() as standin:
        yield standin


def test_statements_run_in_order_and_metrics_are_read_at_the_end(standin: MaxComputeStandIn) -> None:
    task = task_of(
        "CREATE TABLE a AS SELECT ${x} AS x; SELECT x, 'a b' AS t FROM a",
        metrics={"source": "table", "table": "a"},
    )
    trial = Trial(standin, task, x=0.25)
    status = trial.end()
    assert status.ok
    assert trial.lines == ["x=0.25 t=a b", 'metrics: {"step": 0, "x": 0.25}']
    assert trial.kept == 1
    assert [len(ledger.entries) for ledger in trial.remembered] == [1, 2, 3]
    assert len(texts(standin)) == 3
    assert trial.run.usage.cu_seconds > 0
    assert any("statement 2 of 2: instance 2" in note for note in trial.notes)


def test_the_hints_the_priority_and_the_quota_go_along(standin: MaxComputeStandIn) -> None:
    task = task_of("SELECT 1 AS a", hints={"odps.x": 3, "odps.y": True}, priority=2, quota="team")
    assert Trial(standin, task).end().ok
    (instance,) = standin.service._instances.values()
    assert instance.job.priority == 2
    hints = instance.job.tasks[0].hints
    assert (hints["odps.x"], hints["odps.y"], hints["odps.task.wlm.quota"]) == ("3", "true", "team")


def test_what_set_says_holds_for_the_statements_after_it(standin: MaxComputeStandIn) -> None:
    unlimited = "SELECT a FROM (SELECT 1 AS a) t ORDER BY a"  # refused without a LIMIT, unless a setting allows it
    assert not Trial(standin, task_of(unlimited)).end().ok
    before = len(texts(standin))
    metrics = {"source": "select", "sql": "SELECT a AS loss FROM (SELECT 1 AS a) t ORDER BY a"}
    task = task_of(
        "SELECT 0 AS a",
        "-- of all that follows\nSET odps.sql.validate.orderby.limit=false;\nSET odps.x=${x};\n" + unlimited,
        unlimited.replace("1", "2"), hints={"odps.x": "of the file", "odps.y": "1"}, metrics=metrics,
    )  # fmt: skip
    trial = Trial(standin, task, x=0.25)
    assert trial.end().ok, trial.lines
    assert trial.lines[:3] == ["a=0", "a=1", "a=2"]
    instances = list(standin.service._instances.values())[before:]
    hints = [instance.job.tasks[0].hints for instance in instances]
    assert len(instances) == 4, "SET is no instance of its own"
    assert [each["odps.x"] for each in hints] == ["of the file", "0.25", "0.25", "0.25"]
    assert {each["odps.y"] for each in hints} == {"1"}


def test_a_script_that_says_so_itself_is_one_instance(standin: MaxComputeStandIn) -> None:
    script = "SET odps.sql.submit.mode=script; CREATE TABLE s3 AS SELECT 1 AS a; SELECT a FROM s3;"
    trial = Trial(standin, task_of(script))
    assert trial.end().ok, trial.lines
    assert len(texts(standin)) == 1


def test_a_script_is_one_instance(standin: MaxComputeStandIn) -> None:
    script = "CREATE TABLE s1 AS SELECT 1 AS a; CREATE TABLE s2 AS SELECT a + 1 AS a FROM s1; SELECT a FROM s2;"
    trial = Trial(standin, task_of(script, hints={"odps.sql.submit.mode": "script"}))
    assert trial.end().ok
    assert len(texts(standin)) == 1


def test_metrics_after_each_statement_wait_for_their_table(standin: MaxComputeStandIn) -> None:
    metrics = {"source": "table", "table": "m", "after": "each"}
    statements = [
        "SELECT 1 AS nothing", "CREATE TABLE m AS SELECT 1.5 AS loss",
        "INSERT OVERWRITE TABLE m SELECT 0.5 AS loss",
    ]  # fmt: skip
    trial = Trial(standin, task_of(*statements, metrics=metrics))
    assert trial.end().ok
    assert trial.lines == ["nothing=1", 'metrics: {"step": 2, "loss": 1.5}', 'metrics: {"step": 3, "loss": 0.5}']


# --- failures -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "code", "kind"),
    [
        ("SELEC 1", "ODPS-0130161", "syntax"),
        ("SELECT nothing FROM (SELECT 1 AS a) t", "ODPS-0130071", "syntax"),
        ("SELECT * FROM no_such", "ODPS-0130131", "missing"),
    ],
)
def test_what_can_not_be_mended_fails_at_once_in_the_services_words(
    standin: MaxComputeStandIn, statement: str, code: str, kind: str
) -> None:
    trial = Trial(standin, task_of("SELECT 1 AS a", {"sql": statement, "name": "bad"}, "SELECT 2 AS b"))
    status = trial.end()
    assert (status.ok, status.final, status.blameless, status.kind) == (False, True, False, kind)
    assert code in status.reason
    assert "statement 2 of 3 (bad)" in status.reason
    assert statement in status.reason
    assert status.error
    assert len(texts(standin)) == 2, "nothing after the one that failed"


def test_the_same_error_of_two_trials_has_the_same_digest(standin: MaxComputeStandIn) -> None:
    task = task_of("SELECT * FROM no_such_${trial_id}")
    other = task_of("SELECT nothing FROM (SELECT 1 AS a) t")
    first, second, third = (Trial(standin, t, number=n).end() for n, t in enumerate((task, task, other)))
    assert first.error == second.error != third.error


def test_a_transient_failure_is_blameless(standin: MaxComputeStandIn) -> None:
    standin.faults.set(fail=1)
    status = Trial(standin, task_of("SELECT 1 AS a")).end()
    assert (status.blameless, status.final, status.kind, status.error) == (True, False, "transient", "")
    assert "ODPS-0010000" in status.reason


def test_no_permission_is_final(standin: MaxComputeStandIn) -> None:
    standin.odps().execute_sql("CREATE TABLE secret AS SELECT 1 AS a")
    standin.faults.set(denied=["standin.secret"])
    status = Trial(standin, task_of("SELECT * FROM secret")).end()
    assert (status.final, status.kind) == (True, "permission")
    assert "ODPS-0130013" in status.reason


@pytest.mark.parametrize("faults", [{"throttle": 2}, {"quota_full": 2}, {"server_errors": 2}])
def test_a_service_that_can_not_take_it_now_is_waited_for(standin: MaxComputeStandIn, faults: dict[str, int]) -> None:
    trial = Trial(standin, task_of("SELECT 1 AS a"))
    standin.faults.set(**faults, only="POST .*/instances")
    for _ in range(2):
        assert trial.advance().exit is None
        assert not trial.run.ledger.entries
        trial.advance()  # not before its time
        trial.offset += 61
    assert trial.end().ok
    assert sum("can't be submitted now" in note for note in trial.notes) == 1
    assert len(texts(standin)) == 1


def test_patience_ends_and_the_attempt_is_given_back_without_blame(standin: MaxComputeStandIn) -> None:
    trial = Trial(standin, task_of("SELECT 1 AS a"))
    standin.faults.set(throttle=1000, only="POST .*/instances")
    trial.advance()
    trial.offset += PATIENCE + 100
    status = trial.end()
    assert (status.blameless, status.kind) == (True, "throttled")


def test_a_service_that_is_away_while_watching_is_no_failure(standin: MaxComputeStandIn) -> None:
    standin.faults.set(run_seconds=0.3)
    trial = Trial(standin, task_of("SELECT 1 AS a"))
    trial.advance()
    standin.faults.set(server_errors=1, only="GET .*/instances/")
    with pytest.raises(Unreachable):
        trial.advance()
    assert trial.end().ok


def test_metrics_that_are_none_fail_with_the_query_and_the_reason(standin: MaxComputeStandIn) -> None:
    task = task_of("SELECT 1 AS a", metrics={"source": "select", "sql": "SELECT cast(null AS double) AS auc"})
    status = Trial(standin, task).end()
    assert (status.final, status.kind) == (True, "metrics")
    assert "row 1: auc is NULL" in status.reason
    assert "SELECT cast(null AS double) AS auc" in status.reason


# --- once, whatever dies ------------------------------------------------------------------------------------------


def test_an_instance_whose_id_was_lost_is_found_by_its_name(standin: MaxComputeStandIn) -> None:
    task = task_of("CREATE TABLE lost AS SELECT 1 AS a", "SELECT a FROM lost")
    before = Trial(standin, task)
    before.advance()  # and then its process is killed, before anybody has written down the id
    after = Trial(standin, task)
    assert after.end().ok
    assert len(texts(standin)) == 2
    assert any("taken over" in note for note in after.notes)


def test_a_lost_answer_to_a_submission_makes_no_second_instance(
    standin: MaxComputeStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = Client(access(standin))
    submit, broken = client.submit_sql, iter([True])

    def submit_and_lose(*arguments: Any) -> str:
        found = submit(*arguments)
        if next(broken, False):
            from automl_core.backends.maxcompute.errors import classify

            raise Busy(classify("connection reset", status=503))
        return found

    monkeypatch.setattr(client, "submit_sql", submit_and_lose)
    trial = Trial(standin, task_of("CREATE TABLE once AS SELECT 1 AS a"), client=client)
    trial.advance()
    trial.offset += 2
    assert trial.end().ok
    assert len(texts(standin)) == 1


def test_a_watcher_that_starts_anew_reads_all_again_and_submits_nothing_twice(standin: MaxComputeStandIn) -> None:
    task = task_of(
        "SELECT ${x} AS x",
        "SELECT 2 AS y",
        metrics={"source": "select", "sql": "SELECT 1.0 AS auc"},
    )
    first = Trial(standin, task, x=1)
    assert first.end().ok
    for ledger in first.remembered:
        again = Trial(standin, task, ledger=Ledger.from_json(ledger.to_json()), x=1)
        assert again.end().ok
        assert again.lines == first.lines
    assert len(texts(standin)) == 3


def test_a_new_attempt_goes_on_at_the_statement_that_failed(standin: MaxComputeStandIn) -> None:
    task = task_of("CREATE TABLE first AS SELECT ${x} AS a", "INSERT INTO first SELECT 2 AS a", "SELECT * FROM first")
    trial = Trial(standin, task, x=1)
    trial.advance()
    standin.faults.set(fail=1)
    assert trial.end().blameless
    client = trial.run.client
    steps = Trial(standin, task, attempt=2, x=1).run.settings.steps
    kept = reusable(steps, trial.remembered[-1].entries, lambda instance: client.state(instance) == "Success")
    assert [entry.own for entry in kept] == [False]
    ledger = Ledger("maxcompute_default", standin.project, time.time(), kept)
    again = Trial(standin, task, attempt=2, ledger=ledger, x=1)
    assert again.end().ok
    assert len(texts(standin)) == 4
    assert again.lines == ["a=1", "a=2"]
    other = Trial(standin, task, attempt=2, x=5).run.settings.steps
    assert reusable(other, trial.remembered[-1].entries, lambda _: True) == (), "another text is other work"


# --- ending -------------------------------------------------------------------------------------------------------


def test_an_order_stops_the_instance_and_submits_no_other(standin: MaxComputeStandIn) -> None:
    standin.faults.set(run_seconds=60)
    trial = Trial(standin, task_of("SELECT 1 AS a", "SELECT 2 AS b"))
    trial.advance()
    trial.run.order_end()
    trial.run.order_end()
    assert trial.end().cause is Cause.TERMINATED
    assert states(standin) == ["Cancelled"]


def test_an_order_that_comes_before_the_id_was_known_stops_it_too(standin: MaxComputeStandIn) -> None:
    standin.faults.set(run_seconds=60)
    task = task_of("SELECT 1 AS a")
    Trial(standin, task).advance()
    trial = Trial(standin, task)
    trial.run.order_end()
    assert trial.end().cause is Cause.TERMINATED
    assert states(standin) == ["Cancelled"]


def test_an_order_while_the_service_is_away_is_carried_out_later(standin: MaxComputeStandIn) -> None:
    standin.faults.set(run_seconds=60)
    trial = Trial(standin, task_of("SELECT 1 AS a"))
    trial.advance()
    standin.faults.set(server_errors=1, only="PUT .*/instances/")
    with pytest.raises(Unreachable):
        trial.run.order_end()
    trial.run.order_end()
    assert trial.end().cause is Cause.TERMINATED


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"timeout": 30.0}, "it took longer than 30 s, with statement 1 of 1 (slow) not finished"),
        ({}, "statement 1 of 1 (slow) took longer than 20 s"),
    ],
)
def test_time_limits_end_the_instance(standin: MaxComputeStandIn, limits: dict[str, float], words: str) -> None:
    standin.faults.set(run_seconds=60)
    trial = Trial(standin, task_of({"sql": "SELECT 1 AS a", "name": "slow", "timeout": "20s"}), **limits)
    trial.advance()
    trial.offset += 40
    status = trial.end()
    assert status.cause is Cause.TIMEOUT
    assert words in status.reason
    assert states(standin) == ["Cancelled"]


def test_a_time_limit_that_ends_while_the_service_is_away_stops_the_instance_later(standin: MaxComputeStandIn) -> None:
    standin.faults.set(run_seconds=60)
    trial = Trial(standin, task_of("SELECT 1 AS a"), timeout=30.0)
    trial.advance()
    trial.offset += 40
    standin.faults.set(server_errors=1, only="PUT .*/instances/")
    with pytest.raises(Unreachable):
        trial.advance()
    assert trial.end().cause is Cause.TIMEOUT
    assert states(standin) == ["Cancelled"]


def test_an_answer_that_comes_at_the_second_time_is_paid_once(standin: MaxComputeStandIn) -> None:
    trial = Trial(standin, task_of("SELECT 1 AS a"))
    trial.advance()
    while trial.run.client.state(trial.run.ledger.entries[0].instance) == "Running":
        time.sleep(0.02)
    standin.faults.set(throttle=1, only="GET .*/instances/.*result")
    with pytest.raises(Unreachable):
        trial.advance()
    paid = trial.run.usage
    assert trial.end().ok
    assert trial.run.usage == paid
    assert trial.lines == ["a=1"]


def test_an_instance_that_somebody_stops_is_said_to_be(standin: MaxComputeStandIn) -> None:
    standin.faults.set(run_seconds=60)
    trial = Trial(standin, task_of("SELECT 1 AS a"))
    trial.advance()
    standin.odps().stop_instance(trial.run.ledger.entries[0].instance)
    status = trial.end()
    assert (status.cause, status.kind, status.retryable) == (Cause.KILLED, "cancelled", True)


# --- once for all trials ------------------------------------------------------------------------------------------

ONCE = {"sql": "CREATE TABLE prepared AS SELECT 7 AS a", "once": True, "name": "prepare"}


def test_a_statement_runs_once_for_all_trials(standin: MaxComputeStandIn) -> None:
    claims = Claims()
    task = task_of(ONCE, "SELECT a FROM prepared")
    trials = [Trial(standin, task, number=number, claims=claims) for number in range(5)]
    while not all(trial.advance().exit for trial in trials):
        time.sleep(0.02)
    assert all(trial.lines == ["a=7"] for trial in trials)
    assert sum("prepared AS" in text for text in texts(standin)) == 1


def test_a_claimant_that_died_is_replaced_and_nothing_runs_twice(standin: MaxComputeStandIn) -> None:
    claims = Claims()
    task = task_of(ONCE)
    digest = Trial(standin, task).run.settings.steps[0].digest
    claims.claim(digest, 1, "somebody who died")
    trial = Trial(standin, task, claims=claims)
    assert trial.advance().exit is None
    assert texts(standin) == [], "the claim is young: it is waited for"
    trial.offset += 100
    assert trial.end().ok
    assert len(texts(standin)) == 1


def test_an_order_leaves_what_others_need(standin: MaxComputeStandIn) -> None:
    standin.faults.set(run_seconds=0.5)
    claims, task = Claims(), task_of(ONCE)
    first, second = (Trial(standin, task, number=number, claims=claims) for number in range(2))
    first.advance()
    second.advance()
    first.run.order_end()
    assert first.end().cause is Cause.TERMINATED
    assert second.end().ok


def test_what_failed_for_all_is_tried_again_when_it_was_no_fault_of_it(standin: MaxComputeStandIn) -> None:
    standin.faults.set(fail=1)
    claims, task = Claims(), task_of(ONCE)
    trials = [Trial(standin, task, number=number, claims=claims) for number in range(3)]
    assert all(trial.end().ok for trial in trials)
    assert len(texts(standin)) == 2


def test_who_sees_a_failure_late_joins_the_try_that_another_has_begun(standin: MaxComputeStandIn) -> None:
    standin.faults.set(fail=1)
    claims, task = Claims(), task_of(ONCE)
    early, late = (Trial(standin, task, number=number, claims=claims) for number in range(2))
    early.advance()
    late.advance()
    while not any("tried again" in note for note in early.notes):
        early.advance()
        time.sleep(0.02)
    early.advance()
    assert late.end().ok
    assert early.end().ok
    assert len(texts(standin)) == 2


def test_what_is_wrong_for_all_fails_each_of_them_and_is_tried_anew_by_a_later_attempt(
    standin: MaxComputeStandIn,
) -> None:
    claims, task = Claims(), task_of({"sql": "CREATE TABLE p AS SELECT * FROM later", "once": True})
    trials = [Trial(standin, task, number=number, claims=claims) for number in range(2)]
    results = [trial.end() for trial in trials]
    assert [status.kind for status in results] == ["missing", "missing"]
    assert results[0].error == results[1].error
    assert len(texts(standin)) == 1
    standin.odps().execute_sql("CREATE TABLE later AS SELECT 1 AS a")
    time.sleep(0.01)
    assert Trial(standin, task, attempt=2, claims=claims).end().ok, "a person has put it right and cleared the trial"


# --- PAI ----------------------------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore:Liblinear failed to converge")
def test_a_pai_command_trains_a_model(standin: MaxComputeStandIn) -> None:
    odps = standin.odps()
    odps.create_table("train", "x double, label bigint")
    odps.write_table("train", [[float(n % 7), int(n % 7 > 3)] for n in range(100)])
    command = (
        "PAI -name logisticregression_binary -project algo_public -DinputTableName=train -DmodelName=m_${trial_id} "
        "-DfeatureColNames=x -DlabelColName=label -DgoodValue=1 -DregularizedLevel=${level}"
    )
    first = Trial(standin, task_of(command), level=0.5)
    first.advance()
    again = Trial(standin, task_of(command), level=0.5)  # the id was lost: found by the mark in its job
    assert again.end().ok
    assert odps.exist_offline_model("m_0")
    assert any("taken over" in note for note in again.notes)


def test_keys_that_may_not_list_instances_are_enough(
    standin: MaxComputeStandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    from automl_core.backends.maxcompute.client import Refused
    from automl_core.backends.maxcompute.errors import classify

    def denied(*_: Any, **__: Any) -> None:
        raise Refused(classify("ODPS-0130013: no privilege 'odps:List'"))

    client = Client(access(standin))
    monkeypatch.setattr(client, "find", denied)
    task = task_of("CREATE TABLE unlisted AS SELECT 1 AS a")
    Trial(standin, task, client=client).advance()
    assert Trial(standin, task, client=client).end().ok
    assert len(texts(standin)) == 1, "the mark of a repeated submission is enough here"
