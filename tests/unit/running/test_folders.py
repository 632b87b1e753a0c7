"""The folders of an attempt, on a folder and on S3: what it finds in them, what is kept, what is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from automl_core.running.folders import Folders
from automl_core.storage.base import ObjectStore
from automl_core.study import Binding
from automl_core.study.stages import Inputs

PREFIX = "e/r/"


def folders(store: ObjectStore, **changes: Any) -> Folders:
    given = {"slot": 4, "trial": 2, "task": 0, "attempt": 1, "params": {}, **changes}
    return Folders(store, PREFIX, Binding(**given))


def prepared(store: ObjectStore, **changes: Any) -> Folders:
    made = folders(store, **changes)
    made.prepare()
    return made


def put(store: ObjectStore, key: str, text: str = "x") -> None:
    store.put(PREFIX + "experiment_2/" + key, text.encode())


def kept(store: ObjectStore) -> dict[str, str]:
    below = PREFIX + "experiment_2/"
    return {key.removeprefix(below): store.get(key).decode() for key in store.list(below)}


def fail(warning: str) -> None:
    raise AssertionError(warning)


def names(folder: Path | None) -> list[str]:
    assert folder is not None
    return sorted(path.name for path in folder.iterdir())


def test_a_first_attempt_finds_empty_folders_and_nothing_to_go_on_from(store: ObjectStore) -> None:
    made = prepared(store)
    assert names(made.model) == names(made.checkpoint) == []
    assert made.resume_from is None


def test_laying_them_out_makes_nothing(store: ObjectStore) -> None:
    made = folders(store)
    assert not made.model.exists()
    assert not made.checkpoint.exists()
    assert store.list("") == []


def test_a_new_attempt_goes_on_from_the_checkpoint_of_the_one_before(store: ObjectStore) -> None:
    put(store, "checkpoints/final/epoch", "3")
    made = prepared(store, attempt=2, retried=True)
    assert made.resume_from == made.checkpoint
    assert (made.checkpoint / "epoch").read_text() == "3"


def test_a_new_attempt_without_a_checkpoint_starts_afresh(store: ObjectStore) -> None:
    assert prepared(store, attempt=2, retried=True).resume_from is None


def test_an_attempt_after_a_good_end_finds_no_checkpoint(store: ObjectStore) -> None:
    put(store, "checkpoints/final/epoch", "9")
    made = prepared(store, attempt=2, retried=False)
    assert names(made.checkpoint) == []
    assert made.resume_from is None
    assert kept(store) == {}, "nor would one after it, if its worker died"


def test_a_promoted_trial_goes_on_from_its_lower_rung_and_leaves_it_as_it_is(store: ObjectStore) -> None:
    put(store, "checkpoints/budget_3/epoch", "3")
    made = prepared(store, budget=9, resume_budget=3)
    assert names(made.resume_from) == ["epoch"]
    (made.checkpoint / "epoch").write_text("9")
    made.keep_checkpoint()
    assert kept(store) == {"checkpoints/budget_3/epoch": "3", "checkpoints/budget_9/epoch": "9"}


def test_a_retry_at_a_higher_rung_goes_on_from_that_rungs_own_checkpoint(store: ObjectStore) -> None:
    put(store, "checkpoints/budget_3/epoch", "3")
    put(store, "checkpoints/budget_9/epoch", "5")
    made = prepared(store, budget=9, resume_budget=3, attempt=2, retried=True)
    assert made.resume_from is not None
    assert (made.resume_from / "epoch").read_text() == "5"


def test_a_retry_at_a_higher_rung_that_left_no_checkpoint_goes_on_from_the_lower_one(store: ObjectStore) -> None:
    put(store, "checkpoints/budget_3/epoch", "3")
    made = prepared(store, budget=9, resume_budget=3, attempt=2, retried=True)
    assert made.resume_from is not None
    assert (made.resume_from / "epoch").read_text() == "3"


def test_a_child_goes_on_from_its_parents_checkpoint(store: ObjectStore) -> None:
    store.put(f"{PREFIX}experiment_1/checkpoints/budget_3/epoch", b"3")
    made = prepared(store, budget=3, parent=(1, 3))
    assert made.resume_from is not None
    assert (made.resume_from / "epoch").read_text() == "3"


def test_a_model_takes_the_place_of_the_one_before_whole(store: ObjectStore) -> None:
    for attempt, name in ((1, "old"), (2, "new")):
        made = prepared(store, attempt=attempt, retried=attempt > 1)
        (made.model / name).write_text(name)
        made.keep_model()
        made.remove(fail)
    assert kept(store) == {"model/new": "new"}


def test_an_empty_model_folder_takes_nothings_place(store: ObjectStore) -> None:
    put(store, "model/w.bin")
    prepared(store).keep_model()
    assert kept(store) == {"model/w.bin": "x"}


def test_a_later_training_task_sees_the_model_and_may_change_it(store: ObjectStore) -> None:
    put(store, "model/w.bin", "weights")
    made = prepared(store, task=1)
    assert (made.model / "w.bin").read_text() == "weights"
    (made.model / "w.bin").write_text("changed")
    assert kept(store) == {"model/w.bin": "weights"}, "not before it has ended well"
    made.keep_model()
    assert kept(store) == {"model/w.bin": "changed"}


@pytest.mark.parametrize("with_checkpoint", [True, False])
def test_nothing_but_what_was_kept_remains(store: ObjectStore, with_checkpoint: bool) -> None:
    made = prepared(store)
    (made.model / "w.bin").write_text("half")
    made.log.write_text("a line\n")
    if with_checkpoint:
        (made.checkpoint / "epoch").write_text("1")
    made.keep_log()
    made.keep_checkpoint()
    made.remove(fail)
    assert not made.model.exists()
    expected = {"log.txt": "a line\n"} | ({"checkpoints/final/epoch": "1"} if with_checkpoint else {})
    assert kept(store) == expected
    made.remove(fail)


def test_what_an_attempt_of_this_name_left_before_is_gone(store: ObjectStore) -> None:
    (prepared(store).model / "w.bin").write_text("left by a worker that died")
    assert names(prepared(store).model) == []


def test_what_prepare_left_and_what_conclude_is_told_is_found(store: ObjectStore) -> None:
    store.put("e/r/prepare/experiment_0/model/rows/a.csv", b"1")
    store.put("e/r/conclude/input/trials.json", b"{}")
    inputs = Inputs("e/r/prepare/experiment_0/model/", "e/r/conclude/input/trials.json")
    made = Folders(store, "e/r/conclude/", Binding(slot=0, trial=0, task=0, attempt=1, params={}), inputs)
    made.prepare()
    assert made.prepared is not None
    assert made.trials is not None
    assert (made.prepared / "rows" / "a.csv").read_text() == "1"
    assert made.trials.read_text() == "{}"
    made.remove(fail)
    assert store.get("e/r/prepare/experiment_0/model/rows/a.csv") == b"1", "it is the experiment's"
