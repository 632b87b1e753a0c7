"""`train`: experiments learn from the round's data set, whatever is paused, fails or is killed meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from automl_airflow.annotation import training
from automl_core.annotation.file import AnnotationFile
from automl_core.annotation.rounds import digests
from tests.unit.plugins.annotation.rounding import Airflow

FIRST: dict[str, str] = {}
"""Experiment → its first run; filled as the set is written, whose content is in the id."""


@pytest.fixture
def airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Airflow:
    """A round that has written its data set."""
    airflow = Airflow.make(tmp_path, monkeypatch)
    airflow.until_written()
    digest = airflow.project.state.sets[1].prefix.rstrip("/").rpartition("-")[2]
    FIRST.update(dict.fromkeys(("trees", "linear"), f"annotation_intents_round_1_set_1-{digest}"))
    return airflow


def over(airflow: Airflow, waits: Any) -> Any:
    """What comes of it once its runs have ended."""
    return airflow.go_on("round_1", waits, {"runs": waits.trigger.runs})


def test_each_experiment_gets_a_run_that_says_why_and_is_waited_for(airflow: Airflow) -> None:
    waits = airflow.do("round_1", "train")
    assert waits.trigger.serialize()[1]["runs"] == FIRST
    assert [(dag, run) for dag, run, *_ in airflow.started] == list(FIRST.items())
    _, _, conf, moment = airflow.started[0]
    assert conf["reason"] == {
        "text": "data set 1 of the annotation intents, of round 1", "annotation": "intents", "round": 1, "set": 1,
    }  # fmt: skip
    assert moment == datetime.fromtimestamp(airflow.project.state.sets[1].time, UTC)
    airflow.publish(FIRST["trees"], "trees", "linear")
    told = over(airflow, waits)
    assert {name: each["trial"] for name, each in told.items()} == {"trees": 0, "linear": 0}
    trainings = airflow.project.state.rounds[1].trainings
    assert [(each.experiment, each.run, each.set, each.outcome) for each in trainings] == [
        ("trees", FIRST["trees"], 1, "trained"), ("linear", FIRST["linear"], 1, "trained"),
    ]  # fmt: skip
    seq = airflow.project.state.seq
    assert airflow.do("round_1", "train") == told, "cleared, it finds what was trained"
    assert (airflow.project.state.seq, len(airflow.started)) == (seq, 2)


def test_a_worker_killed_between_two_starts(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(dag: str, *given: Any) -> bool:
        if dag == "linear":
            raise KeyboardInterrupt
        return airflow._start(dag, *given)

    with monkeypatch.context() as patched:
        patched.setattr(training, "start_run", killed)
        with pytest.raises(KeyboardInterrupt):
            airflow.do("round_1", "train")
    waits = airflow.do("round_1", "train")
    assert waits.trigger.runs == FIRST
    assert [dag for dag, *_ in airflow.started] == ["trees", "linear"], "each once"


def test_one_model_that_fails_leaves_the_round_with_the_other(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    told: list[Any] = []
    monkeypatch.setattr(training, "tell", lambda file, on, text, **facts: told.append((on, text, facts["without"])))
    waits = airflow.do("round_1", "train")
    airflow.publish(FIRST["trees"], "trees")
    airflow.runs["linear", FIRST["linear"]] = "failed"
    found = over(airflow, waits)
    assert found["linear"] == {"failed": f"its run {FIRST['linear']} failed: see the log of its tasks"}
    assert found["trees"]["run"] == FIRST["trees"]
    assert [(on, without) for on, _, without in told] == [("model", ["linear"])]
    assert airflow.do("round_1", "evaluate")["evidence"]["best"] == 0
    assert [each["labeller"] for each in airflow.do("round_1", "evaluate")["evidence"]["models"]] == ["trees"]
    waits = airflow.do("round_1", "train")
    assert airflow.started[-1][:2] == ("linear", f"{FIRST['linear']}.2"), "a clear starts what failed once more"
    assert waits.trigger.runs == {"linear": f"{FIRST['linear']}.2"}, "what is over is not waited for"
    moments = [moment for dag, _, _, moment in airflow.started if dag == "linear"]
    assert moments[1] - moments[0] == timedelta(microseconds=1), "Airflow has one run of a logical date"


def test_both_failing_end_it_and_a_clear_goes_on(airflow: Airflow) -> None:
    waits = airflow.do("round_1", "train")
    for each in FIRST.items():
        airflow.runs[each] = "failed"
    with pytest.raises(
        AirflowFailException, match=r"round 1: no model was trained. trees: its run .* failed.*linear: "
    ):
        over(airflow, waits)
    assert airflow.project.state.round is not None, "the round is open: it goes on when `train` is cleared"
    waits = airflow.do("round_1", "train")
    airflow.publish(f"{FIRST['trees']}.2", "trees", "linear")
    assert over(airflow, waits)["linear"]["run"] == f"{FIRST['linear']}.2"


def test_a_run_that_failed_while_nobody_looked_is_told_before_another_is_started(airflow: Airflow) -> None:
    airflow.do("round_1", "train")  # and its worker, or the triggerer, is lost
    for each in FIRST.items():
        airflow.runs[each] = "failed"
    with pytest.raises(AirflowFailException, match="no model was trained"):
        airflow.do("round_1", "train")
    assert len(airflow.started) == 2


@pytest.mark.parametrize(
    ("paused", "why"),
    [
        (True, "linear: the DAG linear is paused: nobody would run it until it goes on"),
        (None, "linear: there is no DAG 'linear' in this Airflow: see its file's import error"),
    ],
)
def test_an_experiment_that_no_one_would_run(airflow: Airflow, paused: bool | None, why: str) -> None:
    airflow.paused["linear"] = paused
    waits = airflow.do("round_1", "train")
    assert waits.trigger.runs == {"trees": FIRST["trees"]}
    airflow.publish(FIRST["trees"], "trees")
    assert over(airflow, waits)["linear"] == {"failed": why.removeprefix("linear: ")}
    airflow.paused["trees"] = paused
    airflow.runs.pop(("trees", FIRST["trees"]))
    with pytest.raises(AirflowFailException, match=r"no model was trained. .*" + why):
        airflow.do("round_1", "train")


def test_a_dag_that_is_paused_while_its_run_goes_on_is_waited_for(airflow: Airflow) -> None:
    airflow.do("round_1", "train")
    airflow.paused["linear"] = True
    assert airflow.do("round_1", "train").trigger.runs == FIRST


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What people were told."""
    found: list[str] = []
    monkeypatch.setattr(training, "tell", lambda file, on, text, **facts: found.append(text))
    return found


def test_a_dag_that_is_paused_after_its_run_has_started_is_told_once_and_waited_for_until_its_time(
    airflow: Airflow, told: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_000_000.0]
    monkeypatch.setattr(training.time, "time", lambda: now[0])
    waits = airflow.do("round_1", "train")
    assert waits.trigger.until == now[0] + 300, "a trigger can't ask whether a DAG is paused: the task looks"
    airflow.publish(FIRST["trees"], "trees")
    airflow.paused["linear"] = True
    for _ in range(3):
        now[0] = waits.trigger.until
        waits = over(airflow, waits)
        assert waits.trigger.runs == {"linear": FIRST["linear"]}
    assert "the DAG linear is paused: let it go on in Airflow, or delete the run" in told[0]
    assert [text for text in told if "paused" in text] == told[:1], "people are told once"
    assert waits.trigger.until - now[0] == 2400, "looks become rarer"
    now[0] = 1_000_000.0 + 7 * 86400
    found = over(airflow, waits)
    assert found["trees"]["run"] == FIRST["trees"]
    assert found["linear"]["failed"] == (
        f"its run {FIRST['linear']} has not ended within 7d 00h (models.within), since the DAG linear is paused; once "
        "it has, clear `train`, which takes what it has come to"
    )
    trainings = airflow.project.state.rounds[1].trainings
    assert [each.experiment for each in trainings] == ["trees"], "its run may yet come to something"
    airflow.paused["linear"] = False
    assert airflow.do("round_1", "train").trigger.runs == {"linear": FIRST["linear"]}, "a clear waits for it anew"
    airflow.publish(FIRST["linear"], "linear")
    assert airflow.do("round_1", "train")["linear"]["run"] == FIRST["linear"]


def test_runs_that_never_end_end_the_task_and_say_what_to_do(
    airflow: Airflow, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    now = [1_000_000.0]
    monkeypatch.setattr(training.time, "time", lambda: now[0])
    waits = airflow.do("round_1", "train")
    now[0] += 7 * 86400
    with pytest.raises(AirflowFailException, match=r"no model was trained.*not ended within 7d 00h \(models.within\)"):
        over(airflow, waits)


def test_a_dag_that_is_gone_while_its_run_is_waited_for(airflow: Airflow, told: list[str]) -> None:
    waits = airflow.do("round_1", "train")
    airflow.paused["linear"] = None
    over(airflow, waits)
    assert "there is no DAG 'linear' in this Airflow any more" in told[0]


def test_an_experiment_that_the_file_names_no_more_is_not_waited_for(airflow: Airflow) -> None:
    waits = airflow.do("round_1", "train")
    airflow.publish(FIRST["trees"], "trees")
    body = airflow.file.plain()
    body["models"] = [each for each in body["models"] if each["experiment"] != "linear"] + [
        {"name": "rules", "family": "rules", "command": ["./rules", "${items}", "${out}"]}
    ]
    airflow.world.file = AnnotationFile.model_validate(body)
    found = over(airflow, waits)
    assert list(found) == ["trees"], "linear goes on, and nobody waits for it"


def test_a_run_that_was_deleted(airflow: Airflow) -> None:
    waits = airflow.do("round_1", "train")
    airflow.publish(FIRST["trees"], "trees")
    del airflow.runs["linear", FIRST["linear"]]
    assert over(airflow, waits)["linear"]["failed"] == f"its run {FIRST['linear']} was deleted in Airflow"


def test_a_run_that_has_published_nothing_or_has_learned_from_something_else(airflow: Airflow) -> None:
    waits = airflow.do("round_1", "train")
    other = airflow.world.root / "other.csv"
    other.write_text("text,label\nhello,other\n")
    airflow.publish(FIRST["linear"], "linear", data=other)
    airflow.runs["trees", FIRST["trees"]] = "success"
    with pytest.raises(AirflowFailException) as error:
        over(airflow, waits)
    assert "has no published result yet" in str(error.value)
    assert "has learned from other data than data set 1: its file has to name" in str(error.value)
    assert airflow.file.newest in str(error.value)


def test_the_models_are_those_of_the_set_and_known_as_such(airflow: Airflow) -> None:
    waits = airflow.do("round_1", "train")
    airflow.publish(FIRST["trees"], "trees", "linear")
    over(airflow, waits)
    evidence = airflow.do("round_1", "evaluate")["evidence"]
    assert [(each["labeller"], each["run"], each["set"]) for each in evidence["models"]] == [
        (name, run, digests(airflow.project.state)[airflow.project.state.sets[1].fingerprint])
        for name, run in FIRST.items()
    ]


def test_a_round_asks_the_models_of_the_rounds_before_also_when_it_is_cleared(airflow: Airflow) -> None:
    airflow.a_round(1)
    airflow.publish("by_hand", "trees", "linear")  # somebody runs the experiments meanwhile
    airflow.a_round(2)
    first = airflow.xcoms["round_2", "predict"]
    assert first["models"] == [f"{name}@{run}" for name, run in FIRST.items()]
    again = airflow.do("round_2", "predict")
    assert again["models"] == first["models"], "those of its own trainings come after it"


def test_labels_that_have_not_changed_are_not_learned_again(airflow: Airflow) -> None:
    airflow.a_round(1)
    run, started = airflow.until_sent(2), [each for each in airflow.started if each[0] in FIRST]
    airflow.go_on(run, airflow.do(run, "wait"), {"why": "time"})  # nobody has answered
    assert airflow.do(run, "write_set")["set"] == 1
    told = airflow.do(run, "train")
    assert {name: each["run"] for name, each in told.items()} == FIRST
    assert [each for each in airflow.started if each[0] in FIRST] == started
    airflow.do(run, "evaluate")
    found = airflow.project.state.rounds[2]
    assert {each.experiment: each.run for each in found.trainings} == FIRST
    assert found.evaluation is not None
    assert [each["run"] for each in found.evaluation.evidence["models"]] == list(FIRST.values())
    models = airflow.xcoms[run, "predict"]["models"]
    assert airflow.do(run, "predict")["models"] == models == [f"{name}@{of}" for name, of in FIRST.items()]


def test_a_run_on_labels_that_have_not_changed_has_a_logical_date_of_its_own(airflow: Airflow) -> None:
    airflow.a_round(1)
    del airflow.runs["linear", FIRST["linear"]]  # somebody wants it trained anew
    run = airflow.until_sent(2)
    airflow.go_on(run, airflow.do(run, "wait"), {"why": "time"})
    airflow.do(run, "write_set")
    waits = airflow.do(run, "train")
    assert waits.trigger.runs == {"linear": FIRST["linear"].replace("round_1", "round_2")}
    assert waits.kwargs["runs"]["trees"] == FIRST["trees"]
    moments = [moment for dag, _, _, moment in airflow.started if dag == "linear"]
    assert len(set(moments)) == len(moments) == 2, "Airflow has one run of a logical date"


def test_a_run_that_airflow_does_not_start_is_tried_again(airflow: Airflow, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_: Any) -> bool:
        raise RuntimeError("the run was not started: GENERIC_ERROR")

    monkeypatch.setattr(training, "start_run", refuses)
    with pytest.raises(AirflowException, match="was not started") as error:
        airflow.do("round_1", "train")
    assert not isinstance(error.value, AirflowFailException)


def test_what_write_set_has_not_told(airflow: Airflow) -> None:
    airflow.xcoms.pop(("round_1", "write_set"))
    with pytest.raises(AirflowFailException, match="clear write_set"):
        airflow.do("round_1", "train")
