"""NAME.annotation: a round from new items to the next one, whatever is killed, cleared or tried again in between."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from automl_airflow.annotation import deciding, runs
from automl_airflow.annotation.collecting import reason_to_reopen
from automl_airflow.annotation.names import TASKS, round_of_run, run_of_round, training_run
from automl_core.annotation.project import Person
from tests.unit.annotation.rounds.world import file_of, texts
from tests.unit.plugins.annotation.rounding import DAG, Airflow

ANNA = Person("anna", "airflow")


@pytest.fixture
def airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    return Airflow.make(tmp_path, monkeypatch)


def test_a_run_is_a_round_by_its_id_and_nothing_else() -> None:
    assert [round_of_run(run_of_round(number)) for number in (1, 2, 17)] == [1, 2, 17]
    for run in (
        "manual__2026",
        "round_",
        "round_0",
        "round_01",
        "round_x",
        "round_-1",
        "my_round_1",
        "round_²",
        "round_1.",
        "round_1.x",
    ):
        assert round_of_run(run) is None, run
    assert round_of_run(run_of_round(3, 2)) == 3
    assert training_run("intents", 2, "3-ab") == "annotation_intents_round_2_set_3-ab"
    assert training_run("intents", 2, "3-ab", 2) == "annotation_intents_round_2_set_3-ab.2"


def test_a_look_takes_in_items_and_starts_the_round_once(airflow: Airflow) -> None:
    airflow.do("manual__1", "collect")
    assert [(dag, run) for dag, run, *_ in airflow.started] == [(DAG, "round_1")]
    assert airflow.skipped == list(TASKS[1:])
    assert airflow.project.state.count == 120
    assert not airflow.project.state.rounds, "the round's own run begins it"
    airflow.do("scheduled__1", "collect")
    assert len(airflow.started) == 1
    airflow.do("round_1", "collect")
    airflow.do("scheduled__2", "collect")
    assert len(airflow.started) == 1, "it goes on"


def test_a_round_whose_run_has_failed_or_is_gone(airflow: Airflow, capsys: pytest.CaptureFixture[str]) -> None:
    airflow.until_sent()
    airflow.runs[DAG, "round_1"] = "failed"
    airflow.do("manual__1", "collect")
    assert not airflow.started, "a clear goes on with it, and no second run beside it"
    assert "round 1 is open, and round_1 has ended: clear what failed in it" in capsys.readouterr().out
    del airflow.runs[DAG, "round_1"]
    airflow.do("manual__2", "collect")
    assert [run for _, run, *_ in airflow.started] == ["round_1"]


def test_a_journal_that_was_emptied_begins_anew_beside_the_runs_of_before(airflow: Airflow) -> None:
    for number in (1, 2):
        airflow.runs[DAG, f"round_{number}"] = "success"
    airflow.do("manual__1", "collect")
    airflow.do("manual__2", "collect")
    assert [run for _, run, *_ in airflow.started] == ["round_1.2"]
    airflow.do("round_1.2", "collect")
    assert airflow.project.state.round is not None
    airflow.runs[DAG, "round_1.2"] = "failed"
    airflow.do("manual__3", "collect")
    assert len(airflow.started) == 1, "that one is to be cleared"


def test_a_task_of_a_look_that_is_cleared_by_itself_says_what_to_do(airflow: Airflow) -> None:
    with pytest.raises(AirflowFailException, match=r"is no round: it only looks for new items. Clear its `collect`"):
        airflow.do("manual__1", "choose")


def test_data_that_can_not_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    airflow = Airflow.make(tmp_path, monkeypatch, items={"data": f"{tmp_path}/data/*.jsonl", "columns": ["txt"]})
    with pytest.raises(AirflowFailException, match=r"items.data: .*has no column 'txt'"):
        airflow.do("round_1", "collect")


def test_each_task_of_a_round_may_be_done_again(airflow: Airflow) -> None:
    run = airflow.until_sent()
    before = airflow.project.state
    for task in ("collect", "predict", "settle", "choose", "send"):
        airflow.do(run, task)
    assert airflow.project.state.seq == before.seq, "nothing is recorded twice"
    (batch,) = before.batches.values()
    assert (batch.to, len(batch.items)) == ("page", 40)


def test_a_task_whose_forerunner_has_told_nothing(airflow: Airflow) -> None:
    airflow.do("round_1", "collect")
    with pytest.raises(AirflowFailException, match=r"predict has told nothing .*: clear predict"):
        airflow.do("round_1", "choose")


def test_people_are_waited_for_without_a_worker_until_everything_is_answered(airflow: Airflow) -> None:
    run = airflow.until_sent()
    waits = airflow.do(run, "wait")
    _, arguments = waits.trigger.serialize()
    until = airflow.project.state.batches[1].until
    assert arguments["batches"] == [1]
    assert (arguments["annotation"], arguments["until"], arguments["studio"]) == ("intents", until, None)
    airflow.world.people()
    told = airflow.go_on(run, waits, {"why": "all"})
    assert told == {"answered": 40, "of": 40, "why": "everything is answered"}
    batch = airflow.project.state.batches[1]
    assert batch.closed is not None
    assert batch.why == "everything is answered"
    assert airflow.do(run, "wait") == told, "cleared, it looks anew and says the same"


@pytest.mark.parametrize(
    ("enough", "answered", "why"), [(0.5, 20, "50% are enough"), (1.0, 39, None), (0.5, 19, None)]
)  # fmt: skip
def test_enough_is_a_share_of_what_was_sent(airflow: Airflow, enough: float, answered: int, why: str | None) -> None:
    airflow.world.file = airflow.file.model_copy(
        update={"people": airflow.file.people.model_copy(update={"enough": enough})}
    )
    run = airflow.until_sent()
    label(airflow, answered)
    told = airflow.do(run, "wait")
    if why is None:
        assert told.trigger.enough == enough
    else:
        assert (told["answered"], told["why"]) == (answered, why)


def test_when_their_time_is_over_the_round_goes_on_with_what_has_come(airflow: Airflow) -> None:
    run = airflow.until_sent()
    waits = airflow.do(run, "wait")
    label(airflow, 30)
    assert airflow.go_on(run, waits, {"why": "time"})["why"] == "their time is over"
    assert airflow.do(run, "write_set")["rows"] > 0
    late = airflow.project
    assert len(late.state.open_tasks()) == 0, "what nobody has answered may be chosen again"


def label(airflow: Airflow, many: int) -> None:
    """Answers of a person to the first so many tasks."""
    from automl_core.annotation.project import Label

    project = airflow.project
    ids = project.catalog.ids_of(project.state.open_tasks()[:many])
    project.label([
        Label(item=each, label=airflow.world.truth[str(project.catalog.content(each)["text"])], author="anna")
        for each in ids
    ], ANNA)  # fmt: skip


def test_a_round_that_nobody_has_answered_goes_on_without_a_set_and_the_next_one_asks_again(airflow: Airflow) -> None:
    run = airflow.until_sent()
    airflow.go_on(run, airflow.do(run, "wait"), {"why": "time"})
    told = airflow.do(run, "write_set")
    assert told["set"] is None
    assert told["why"].startswith("labels of two classes are needed to train")
    assert airflow.do(run, "train") == {}
    assert not airflow.started
    assert airflow.do(run, "evaluate")["evidence"]["best"] is None
    assert airflow.do(run, "decide") == {"next": 2, "run": "round_2"}
    airflow.a_round(2)
    state = airflow.project.state
    assert len(state.batches[2].items) == 40
    assert [(each.round, each.number) for each in state.sets.values()] == [(2, 1)]
    assert len(state.rounds[2].trainings) == 2


def test_answers_that_come_after_their_time_are_written_when_the_task_is_cleared(airflow: Airflow) -> None:
    run = airflow.until_sent()
    airflow.go_on(run, airflow.do(run, "wait"), {"why": "time"})
    airflow.do(run, "write_set")
    project = airflow.project
    ids = project.catalog.ids_of(project.state.batches[1].items)
    from automl_core.annotation.project import Label

    truth = airflow.world.truth
    project.label([Label(each, truth[str(project.catalog.content(each)["text"])], "ben") for each in ids], ANNA)
    assert airflow.do(run, "write_set")["set"] == 1


def test_three_rounds_by_themselves(airflow: Airflow) -> None:
    airflow.do("manual__1", "collect")
    for number in (1, 2, 3):
        assert (DAG, f"round_{number}") in airflow.runs, "the one before has started it"
        airflow.a_round(number)
    state = airflow.project.state
    assert state.stopped is not None
    assert state.stopped.why == "rounds"
    assert (DAG, "round_4") not in airflow.runs
    assert [each.evaluation is not None for each in state.rounds.values()] == [True] * 3
    assert any(each.taken for each in state.thresholds.values()), "models have labelled what they agree on"
    decided = airflow.xcoms["round_3", "decide"]
    assert decided == {"next": None, "why": "rounds"}
    seq = state.seq
    assert airflow.do("round_3", "decide") == decided
    assert airflow.do("round_1", "decide") == {"next": 2, "why": "it has begun"}
    assert airflow.project.state.seq == seq, "cleared, a decision is the same one"


def test_a_round_that_is_cleared_after_newer_ones_stays_what_it_was(airflow: Airflow) -> None:
    airflow.a_round(1)
    airflow.a_round(2)
    before, started = airflow.project.state, len(airflow.started)
    first, cases = before.rounds[1].evaluation, [(each.item, each.state) for each in before.cases.values()]
    newest = airflow.world.newest().read_bytes()
    assert first is not None
    assert cases
    for task in TASKS:
        told = airflow.do("round_1", task)
        if task == "predict":
            assert told["models"] == [], "it had no model when it was the first"
        if task == "write_set":
            assert told["set"] == 1
    after = airflow.project.state
    again = after.rounds[1].evaluation
    assert again is not None
    for name in ("labels", "cost"):
        assert again.evidence[name] == first.evidence[name]
    assert [each["run"] for each in again.evidence["models"]] == [each["run"] for each in first.evidence["models"]]
    assert len(airflow.started) == started
    assert airflow.world.newest().read_bytes() == newest
    assert [(each.item, each.state) for each in after.cases.values()] == cases, "an older model opens and fixes nothing"
    assert (after.sets, after.batches.keys(), len(after.thresholds)) == (
        before.sets, before.batches.keys(), len(before.thresholds),
    )  # fmt: skip


def test_a_round_that_ended_without_a_batch_asks_nobody_when_it_is_cleared(airflow: Airflow) -> None:
    run = airflow.until_sent()
    project = airflow.project
    project.end_round(1, {}, ANNA)
    project.begin_round(2, ANNA)
    assert airflow.do("round_2", "predict")["key"] is None
    project.end_round(2, {}, ANNA)
    told = airflow.do("round_2", "choose")
    assert (told["batch"], told["why"]) == (None, "over")
    assert airflow.do(run, "choose")["batch"] == 1


def test_a_decision_that_is_killed_before_it_has_started_the_next_round(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: Any) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(runs, "start_run", killed)
        with pytest.raises(KeyboardInterrupt):
            airflow.a_round(1)
    assert not airflow.project.state.rounds[1].open
    assert airflow.do("round_1", "decide") == {"next": 2, "run": "round_2"}
    assert airflow.do("round_1", "decide") == {"next": 2, "run": "round_2"}
    assert [run for dag, run, *_ in airflow.started if dag == DAG] == ["round_2"]


def test_a_round_that_airflow_does_not_start_is_tried_again(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: Any) -> bool:
        raise RuntimeError("the run round_2 of intents.annotation was not started: DAG_NOT_FOUND")

    monkeypatch.setattr(deciding, "start_round", refuses)
    with pytest.raises(AirflowException, match="was not started"):
        airflow.a_round(1)


def test_the_alert_of_the_end_is_sent_once(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []
    monkeypatch.setattr(deciding, "tell", lambda file, on, text, **facts: told.append((on, facts["why"])))
    airflow.world.file = file_of(airflow.world.root, stop={"rounds": 1})
    airflow.a_round(1)
    airflow.do("round_1", "decide")
    assert told == [("stopped", "rounds")]


# --- after the end ----------------------------------------------------------------------------------


def ended(airflow: Airflow, why: str) -> Any:
    """A project of one round that has ended."""
    project = airflow.project
    project.configure(airflow.file.plain(), ANNA)
    airflow.world.project = project
    airflow.do("manual__0", "collect")
    project.refresh()
    project.begin_round(1, ANNA)
    project.stopped(1, why, ["so it is"], ANNA)
    project.end_round(1, {"why": why}, ANNA)
    airflow.runs[DAG, "round_1"] = "success"
    airflow.started.clear()
    return project


def test_new_items_begin_it_anew(airflow: Airflow) -> None:
    ended(airflow, "target")
    airflow.do("scheduled__1", "collect")
    assert not airflow.started
    airflow.world.bring(texts(10, seed=9), name="second")
    airflow.do("scheduled__2", "collect")
    assert [run for _, run, *_ in airflow.started] == ["round_2"]
    assert airflow.project.state.stopped is None


def test_new_items_that_came_in_a_look_that_was_killed_are_not_forgotten(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended(airflow, "flat")
    airflow.world.bring(texts(10, seed=9), name="second")

    def killed(*_: Any) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("automl_core.annotation.project.Project.reopened", killed)
        with pytest.raises(KeyboardInterrupt):
            airflow.do("scheduled__1", "collect")
    airflow.do("scheduled__2", "collect")
    assert [run for _, run, *_ in airflow.started] == ["round_2"]


@pytest.mark.parametrize(
    ("why", "stop", "reason", "why_not"),
    [
        ("rounds", {"rounds": 1}, "", "1 rounds were made, and stop.rounds allows no more"),
        ("rounds", {"rounds": 2}, "stop.rounds allows more than it did", ""),
        ("money", {"rounds": None, "money": 0.05}, "", "no label can be paid for any more (stop.money)"),
        ("money", {"rounds": None, "money": 50}, "stop.money allows more than it did", ""),
        ("enough for this year", {"rounds": 2}, "", "anna (airflow) said so"),
        ("items", {"rounds": 2}, "", "new items begin it anew"),
    ],
)
def test_what_else_begins_it_anew_and_what_does_not(
    airflow: Airflow, why: str, stop: dict[str, Any], reason: str, why_not: str
) -> None:
    project = ended(airflow, why)
    file = file_of(airflow.world.root, stop=stop)
    assert reason_to_reopen(project.refresh(), file) == (reason, why_not)


def test_an_end_that_says_something_else_is_judged_anew(airflow: Airflow) -> None:
    ended(airflow, "target")
    airflow.world.file = file_of(airflow.world.root, stop={"rounds": 5, "target": 0.99})
    airflow.do("scheduled__1", "collect")
    assert [run for _, run, *_ in airflow.started] == ["round_2"]


def test_a_run_that_is_started_by_hand_as_a_later_round_is_refused(airflow: Airflow) -> None:
    airflow.do("round_1", "collect")
    with pytest.raises(AirflowFailException, match="round 3 can't begin: round 1 is open"):
        airflow.do("round_3", "collect")
