"""What conclude is told of trials that left nothing to choose from: shown with the word that is right for each."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from automl_core.tabular import conclude
from automl_core.tabular.metrics import find
from automl_core.tabular.program import prepare
from automl_core.tabular.trial import TrialResult
from automl_core.training.problems import TrainingError
from automl_core.training.told import untaken
from tests.unit.tabular.program.test_programs import Way, way

__all__ = ["way"]


def told(number: int, state: str, **more: object) -> dict[str, object]:
    return {"number": number, "state": state, "params": {"learner": "svm", "seed": 3}, "attempts": [{}], **more}


@pytest.mark.parametrize(
    ("trial", "state", "reason"),
    [
        (told(4, "FAILED", reason="exit code 2: error: svm can't fit. Its last lines:\n  | x"), "failed",
         "exit code 2: error: svm can't fit."),
        (told(4, "EARLY_STOPPED", reason="median", value=0.7), "stopped", "median"),
        (told(4, "SYS_CANCELED", reason="the deadline"), "cancelled", "the deadline"),
        (told(4, "USER_CANCELED", attempts=[], started="2026-11-29T12:00:00+00:00"), "skipped", ""),
        (told(4, "SUCCEEDED"), "failed", "its result can't be read"),
        (told(4, "SYS_CANCELED", reason="the deadline", attempts=[{"began": False}]), "skipped", "the deadline"),
        (told(4, "SYS_CANCELED", reason="lost", attempts=[{}, {"began": False}]), "cancelled", "lost"),
        (told(4, "FAILED", reason="exit code 2: error: svm: not started: it would take 9 GiB. Its last lines:"),
         "skipped", "exit code 2: error: svm: not started: it would take 9 GiB."),
    ],
)  # fmt: skip
def test_each_has_its_word(trial: dict[str, object], state: str, reason: str) -> None:
    (found,) = untaken({"trials": [told(1, "SUCCEEDED"), trial]}, [1], find("roc_auc", "binary"))
    assert (found.number, found.state, found.reason) == (4, state, reason)


@pytest.mark.parametrize(
    ("goal", "trial", "value"),
    [
        ({"metric": "loss"}, told(4, "EARLY_STOPPED", value=-0.9), 0.9),
        ({}, told(4, "EARLY_STOPPED", value=-0.9), 0.9),
        ({"metric": "AUC_weighted"}, told(4, "EARLY_STOPPED", value=0.9, metrics={"AUC_weighted": 0.9}), 0.9),
        ({"metric": "default"}, told(4, "EARLY_STOPPED", value=7, metrics={"AUC_weighted": 0.8, "loss": -0.8}), 0.8),
        ({"metric": "loss", "goal": {"objectives": []}},
         told(4, "EARLY_STOPPED", value=3, metrics={"AUC_weighted": 0.7}), 0.7),
        ({"metric": "seconds"}, told(4, "EARLY_STOPPED", value=3), None),
        ({"metric": "AUC_weighted"}, told(4, "FAILED", metrics={"AUC_weighted": 0.9}), None),
    ],
)  # fmt: skip
def test_values_are_those_of_the_metric_whatever_the_goal_is(
    goal: dict[str, object], trial: dict[str, object], value: float | None
) -> None:
    (found,) = untaken({"experiment": goal, "trials": [trial]}, [], find("AUC_weighted", "binary"))
    assert found.value == value


def test_the_report_of_conclude_hides_no_trial(way: Way) -> None:
    way.call(prepare, "prepared")
    way.trial(0, "linear")
    others = [
        told(1, "FAILED", reason="exit code 2: error: no"), told(2, "EARLY_STOPPED", value=0.9, seconds=2.5),
        told(3, "SYS_CANCELED", reason="stop.deadline"),
    ]  # fmt: skip
    way.conclude([0], others=others)
    report = json.loads((way.place / "model" / "report.json").read_text())
    board = {each["trial"]: each for each in report["leaderboard"]}
    assert {number: each["state"] for number, each in board.items()} == {
        0: "succeeded", 1: "failed", 2: "stopped", 3: "cancelled",
    }  # fmt: skip
    assert (board[2]["value"], board[2]["params"]) == (0.9, {"learner": "svm"})
    assert report["search"] == {"why": "", "trials": 4, "failed": 1, "skipped": 0, "cancelled": 1}
    assert "cancelled: stop.deadline" in (way.place / "model" / "report.html").read_text()


@pytest.mark.parametrize("budgets", [(1, 2), (1, 3), (2, 9)])
def test_a_promoted_trial_goes_on_from_its_folds(
    way: Way, budgets: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three folds: the second budget ends before the last one, at it, and beyond it."""
    from automl_core.tabular import trial as engine

    first, second = budgets
    way.call(prepare, "prepared")
    ran: list[int] = []
    run_fold = engine._run_fold

    def counted(*args: object) -> None:
        ran.append(int(args[3]))  # type: ignore[call-overload]
        run_fold(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(engine, "_run_fold", counted)
    way.patch.setenv("AUTOML_CHECKPOINT_DIR", str(way.place / "checkpoint1"))
    way.patch.setenv("AUTOML_BUDGET", str(first))
    way.trial(0, "linear")
    way.patch.setenv("AUTOML_RESUME_FROM", str(way.place / "checkpoint1"))
    way.patch.setenv("AUTOML_CHECKPOINT_DIR", str(way.place / "checkpoint2"))
    way.patch.setenv("AUTOML_BUDGET", str(second))
    printed = [line for line in way.trial(0, "linear") if line.startswith("fold=")]
    most = min(second, 3)
    assert ran == list(range(most)), "no fold is run twice"
    assert printed[-1].startswith(f"fold={most} ")
    for name in ("AUTOML_RESUME_FROM", "AUTOML_CHECKPOINT_DIR"):
        way.patch.delenv(name)
    went_on = TrialResult.load(way.place / "trial0", 0, way.prepared.problem)
    way.trial(0, "linear")
    at_once = TrialResult.load(way.place / "trial0", 0, way.prepared.problem)
    assert went_on.value == pytest.approx(at_once.value, rel=1e-12)
    np.testing.assert_allclose(went_on.outputs, at_once.outputs, rtol=1e-12)
    assert len(went_on.models) == len(went_on.iterations) == most
    assert went_on.state == at_once.state == ("succeeded" if most == 3 else "stopped")


def test_what_another_pipeline_has_left_is_no_beginning(way: Way) -> None:
    way.call(prepare, "prepared")
    way.patch.setenv("AUTOML_CHECKPOINT_DIR", str(way.place / "checkpoint"))
    way.patch.setenv("AUTOML_BUDGET", "2")
    way.trial(0, "linear")
    way.patch.setenv("AUTOML_BUDGET", "3")
    way.patch.setenv("AUTOML_RESUME_FROM", str(way.place / "checkpoint"))
    left = TrialResult.load(way.place / "checkpoint", 0, way.prepared.problem)
    # an older release has left no word of the table
    for change in ({"seed": 7}, {"outputs": left.outputs[:-1]}, {"table": "sha256:ab"}, {"table": ""}):
        replace(left, **change).save(way.place / "checkpoint")
        if change == {"table": ""}:
            file = way.place / "checkpoint" / "trial_0.json"
            file.write_text(
                json.dumps({key: each for key, each in json.loads(file.read_text()).items() if key != "table"})
            )
        way.patch.setenv("AUTOML_CHECKPOINT_DIR", str(way.place / "other"))
        printed = [line.split()[0] for line in way.trial(0, "linear") if line.startswith("fold=")]
        assert printed == ["fold=1", "fold=2", "fold=3"], "steps are those of the folds that ran"


@pytest.mark.parametrize("change", ["rows", "folds", "options"])
def test_folds_of_another_table_are_no_beginning(way: Way, change: str) -> None:
    """`prepare` was cleared: as many rows as before, and the same pipeline."""
    way.call(prepare, "prepared")
    way.patch.setenv("AUTOML_CHECKPOINT_DIR", str(way.place / "checkpoint"))
    way.patch.setenv("AUTOML_BUDGET", "2")
    way.trial(0, "linear")
    rows = way.place / "rows.csv"
    if change == "rows":
        head, first, *others = rows.read_text().splitlines()
        rows.write_text("\n".join([head, "99.9" + first[first.index(",") :], *others]) + "\n")
    else:
        way.options |= {"validation": "monte-carlo"} if change == "folds" else {"metric": "accuracy"}
        if change == "folds":
            del way.options["repeats"]
    way.call(prepare, "prepared")
    way.patch.setenv("AUTOML_RESUME_FROM", str(way.place / "checkpoint"))
    way.patch.setenv("AUTOML_CHECKPOINT_DIR", str(way.place / "other"))
    way.patch.setenv("AUTOML_BUDGET", "3")
    log = way.trial(0, "linear")
    assert [line.split()[0] for line in log if line.startswith("fold=")] == ["fold=1", "fold=2", "fold=3"]
    assert any("its first folds are run again" in line for line in log)


@pytest.mark.parametrize("torn", [0, -3])
@pytest.mark.parametrize("name", ["trial_0.npz", "models_0.npz"])
def test_folds_that_can_t_be_read_are_run_again(way: Way, name: str, torn: int) -> None:
    way.call(prepare, "prepared")
    way.patch.setenv("AUTOML_CHECKPOINT_DIR", str(way.place / "checkpoint"))
    way.patch.setenv("AUTOML_BUDGET", "2")
    way.trial(0, "linear")
    file = way.place / "checkpoint" / name
    file.write_bytes(file.read_bytes()[:torn])
    way.patch.setenv("AUTOML_RESUME_FROM", str(way.place / "checkpoint"))
    way.patch.setenv("AUTOML_BUDGET", "3")
    log = way.trial(0, "linear")
    assert [line.split()[0] for line in log if line.startswith("fold=")] == ["fold=1", "fold=2", "fold=3"]
    assert any("its first folds are run again: trial 0 can't be read" in line and name in line for line in log)


def test_of_trials_that_all_ended_at_fewer_folds_an_ensemble_is_made(way: Way) -> None:
    way.call(prepare, "prepared")
    way.patch.setenv("AUTOML_BUDGET", "2")
    for number, learner in enumerate(["linear", "naive_bayes", "neighbours"]):
        way.trial(number, learner)
    way.patch.delenv("AUTOML_BUDGET")
    way.conclude([0, 1, 2])
    report = json.loads((way.place / "model" / "report.json").read_text())
    assert any("no pipeline ran all 3 folds; trials 0, 1, 2 came farthest, 2" in each for each in report["notes"])
    assert report["estimate"] is not None
    assert report["calibration"]


def test_where_what_was_chosen_cant_be_made_others_are_chosen_and_not_a_constant(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    way.call(prepare, "prepared")
    for number, learner in enumerate(["linear", "naive_bayes"]):
        way.trial(number, learner)
    finals, asked = conclude.finals, []

    def refusing(prepared: Any, chosen: Any, *rest: Any) -> Any:
        asked.append(sorted(each.number for each, _ in chosen))
        if len(asked) == 1:
            raise RuntimeError("trial 0 could not be fitted on all rows: ValueError: no")
        return finals(prepared, chosen, *rest)

    monkeypatch.setattr(conclude, "finals", refusing)
    # the better one alone is chosen first
    way.options["ensemble"] = 1
    way.call(prepare, "prepared")
    way.conclude([0, 1])
    assert asked == [[0], [1]]
    report = json.loads((way.place / "model" / "report.json").read_text())
    assert report["ensemble"] == [{"trial": 1, "weight": 1.0}]
    assert any("could not be fitted on all rows: ValueError" in note for note in report["notes"])
    assert not any("constant" in note for note in report["notes"])


def test_past_the_deadline_learners_that_need_a_fit_on_all_rows_are_not_asked_again(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    way.call(prepare, "prepared")
    for number, learner in enumerate(["linear", "linear", "naive_bayes"]):
        way.trial(number, learner)
    finals, asked = conclude.finals, []

    def refusing(prepared: Any, chosen: Any, folder: Any, deadline: Any) -> Any:
        asked.append({each.learner for each, _ in chosen})
        if "linear" in asked[-1]:
            deadline.end = deadline.clock()
            raise RuntimeError("could not be fitted on all rows")
        return finals(prepared, chosen, folder, deadline)

    monkeypatch.setattr(conclude, "finals", refusing)
    way.options["ensemble"] = 1
    way.call(prepare, "prepared")
    way.conclude([0, 1, 2])
    assert asked == [{"linear"}, {"naive_bayes"}]


def test_words_that_only_prepare_refuses_don_t_stop_a_run_that_began_with_them(way: Way) -> None:
    way.call(prepare, "prepared")
    way.trial(0, "linear", quantile=0.3, valid_share=0.2)
    assert TrialResult.load(way.place / "trial0", 0, way.prepared.problem).usable
    with pytest.raises(TrainingError, match="quantile is for metric: pinball"):
        way.call(prepare, "prepared", quantile=0.3)
    with pytest.raises(TrainingError, match="valid_share: has no meaning"):
        way.call(prepare, "prepared", valid_share=0.2)


@pytest.mark.parametrize("torn", [0, -3])
@pytest.mark.parametrize("name", ["models_0.json", "models_0.npz", "trial_0.npz"])
def test_a_trial_that_cant_be_read_is_left_out_of_the_model(way: Way, name: str, torn: int) -> None:
    way.call(prepare, "prepared")
    for number, learner in enumerate(["linear", "naive_bayes"]):
        way.trial(number, learner)
    file = way.place / "trial0" / name
    file.write_bytes(file.read_bytes()[:torn])  # a disk that was full, say
    log = way.conclude([0, 1])
    report = json.loads((way.place / "model" / "report.json").read_text())
    assert report["ensemble"] == [{"trial": 1, "weight": 1.0}]
    assert any("left out: trial 0 can't be read" in note for note in [*report["notes"], *log])
