"""What conclude is told of all trials: read, linked, and what is left of the deadline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from automl_core.results.entries import controller
from automl_core.states import NEVER_BEGAN, TrialState
from automl_core.tabular.metrics import find
from automl_core.training.problems import TrainingError
from automl_core.training.told import gathered, made_by, name_of, time_left, trials_told, untaken
from tests.unit.results.lab import Lab

STARTED = "2026-11-29T12:00:00+00:00"


def load(place: Path, number: int) -> str:
    try:
        return (place / f"trial_{number}.txt").read_text()
    except OSError:
        raise TrainingError(f"trial {number} can't be read") from None


def trial(place: Path, number: int, state: str = "SUCCEEDED", *, left: bool = True) -> dict[str, object]:
    folder = place / f"of {number}"
    folder.mkdir()
    if left:
        (folder / f"trial_{number}.txt").write_text(f"result {number}")
    return {"number": number, "state": state, "model": str(folder)}


def test_results_come_in_the_order_of_their_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trials = [trial(tmp_path, 10), trial(tmp_path, 2), trial(tmp_path, 3, "FAILED"), trial(tmp_path, 4, left=False)]
    place = tmp_path / "links"
    place.mkdir()
    told = {"trials": [*trials, {"number": 5, "state": "SUCCEEDED", "model": None}]}
    assert gathered(told, place, load) == ["result 2", "result 10"]
    assert "left out: trial 4 can't be read" in capsys.readouterr().out


def test_without_any_result_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no trial has left a result"):
        gathered({"trials": [trial(tmp_path, 0, "FAILED")]}, tmp_path, load)


def test_what_is_left_of_the_deadline_is_known() -> None:
    assert time_left({"experiment": {"started": STARTED}}) is None
    far = time_left({"experiment": {"started": STARTED, "deadline": "2999-11-29T12:10:00+00:00"}})
    near = time_left({"experiment": {"started": STARTED, "deadline": "2026-11-29T12:10:00+00:00"}})
    assert far is not None
    assert near is not None
    assert far[0] - near[0] > 1e9
    assert near[1] == 600


@pytest.mark.parametrize(
    ("begun", "state", "word"),
    [
        (False, TrialState.USER_CANCELED, "cancelled"),
        (False, TrialState.SYS_CANCELED, "cancelled"),
        (True, TrialState.USER_CANCELED, "cancelled"),
        (True, TrialState.EARLY_STOPPED, "stopped"),
        (True, TrialState.FAILED, "failed"),
    ],
)
def test_each_has_its_word_by_what_the_journal_says_of_it(begun: bool, state: TrialState, word: str) -> None:
    """Binding begins the first attempt, so one that was closed right after it was cancelled; none has no attempt."""
    lab = Lab()
    slot = lab.bind()
    if begun:
        lab.attempt(slot)
        lab.end(slot, state=state)
    else:
        lab.journal.append("closed", {"slot": slot, "state": str(state), "reason": "stopped by anna"})
    (trial,) = controller(lab.spec, lab.state)["trials"]
    assert trial["state"] == str(state)
    assert trial["started"] is not None
    (found,) = untaken({"trials": [trial]}, [], find("roc_auc", "binary"))
    assert found.state == word
    (found,) = untaken({"trials": [trial | {"attempts": []}]}, [], find("roc_auc", "binary"))
    assert found.state == ("failed" if word == "failed" else "skipped"), "its time alone says only that it was bound"


@pytest.mark.parametrize(
    ("external", "kind", "word"),
    [
        ("", NEVER_BEGAN, "skipped"),
        ('{"pod": "p", "queue": "team-a"}', "", "skipped"),
        ('{"pod": "p"}', "", "cancelled"),
        ("", "", "cancelled"),
    ],
)
def test_what_was_ended_before_it_ran_was_skipped(external: str, kind: str, word: str) -> None:
    lab = Lab()
    slot = lab.bind()
    if external:
        lab.journal.append("external", {"slot": slot, "task": 0, "attempt": 1, "id": external})
    lab.end(slot, state=TrialState.SYS_CANCELED, kind=kind, reason="stop.deadline")
    (found,) = untaken(controller(lab.spec, lab.state), [], find("roc_auc", "binary"))
    assert (found.state, found.reason) == (word, "stop.deadline")


def test_what_made_a_model_has_no_times() -> None:
    experiment = {"name": "sales", "template": "x@1", "started": STARTED, "data": {"train": {"digest": "d", "at": 1}}}
    assert made_by({"experiment": experiment}) == {"name": "sales", "template": "x@1", "data": {"train": "d"}}
    assert (name_of({"experiment": experiment}), name_of({})) == ("sales", None)


def test_the_file_has_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUTOML_TRIALS_FILE", raising=False)
    with pytest.raises(TrainingError, match="does not tell of the trials"):
        trials_told()
    (tmp_path / "t.json").write_text(json.dumps({"trials": []}))
    monkeypatch.setenv("AUTOML_TRIALS_FILE", str(tmp_path / "t.json"))
    assert trials_told() == {"trials": []}
