"""The folders of an attempt that runs elsewhere: where it finds them, what it goes on from, what is kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from automl_core.backends.contract import environment, substitute
from automl_core.running.places import Places, context_of
from automl_core.spec.models import Experiment
from automl_core.storage.base import ObjectStore
from automl_core.storage.testing import CountingStore
from automl_core.study import Binding, Study, StudyJournal

PREFIX = "e/r/"
ROOT = "s3://bucket/models/"
TRIAL = PREFIX + "experiment_2/"


def places(store: ObjectStore, **changes: Any) -> Places:
    given = {"slot": 4, "trial": 2, "task": 0, "attempt": 1, "params": {}, **changes}
    return Places(store, PREFIX, Binding(**given), ROOT)


def test_the_training_sees_the_store_where_it_is_for_it(store: ObjectStore) -> None:
    made = places(store, budget=9)
    assert made.model_dir == "s3://bucket/models/e/r/scratch/slot_4_0_1/model"
    assert made.checkpoint_dir == "s3://bucket/models/e/r/experiment_2/checkpoints/budget_9"
    assert made.resume_from() is None


def test_a_new_attempt_goes_on_from_the_checkpoint_of_the_one_before(store: ObjectStore) -> None:
    store.put(TRIAL + "checkpoints/final/weights", b"3")
    made = places(store, attempt=2, retried=True)
    made.prepare()
    assert made.resume_from() == made.checkpoint_dir


def test_a_checkpoint_folder_belongs_to_the_attempt_that_was_started_last(store: ObjectStore) -> None:
    first, second = places(store), places(store, attempt=2, retried=True)
    first.prepare()
    assert store.get(first.owner) == first.attempt_id.encode()
    second.prepare()
    assert store.get(first.owner) == second.attempt_id.encode() != first.attempt_id.encode()
    assert places(store, budget=9).owner != first.owner
    assert second.resume_from() is None, "who owns it is no checkpoint"


def test_a_cleared_trial_begins_anew(store: ObjectStore) -> None:
    store.put(TRIAL + "checkpoints/final/weights", b"3")
    made = places(store, attempt=2)
    made.prepare()
    assert made.resume_from() is None
    assert store.list(TRIAL + "checkpoints/") == []


def test_a_promoted_trial_resumes_from_its_own_rung(store: ObjectStore) -> None:
    store.put(TRIAL + "checkpoints/budget_3/weights", b"3")
    made = places(store, budget=9, resume_budget=3)
    made.prepare()
    assert made.resume_from() == "s3://bucket/models/e/r/experiment_2/checkpoints/budget_3"


def test_a_promoted_trial_that_is_retried_prefers_what_it_reached(store: ObjectStore) -> None:
    store.put(TRIAL + "checkpoints/budget_3/weights", b"3")
    store.put(TRIAL + "checkpoints/budget_9/weights", b"5")
    assert places(store, budget=9, resume_budget=3, attempt=2, retried=True).resume_from() == places(
        store, budget=9
    ).seen(TRIAL + "checkpoints/budget_9/")


def test_a_child_begins_with_its_parents_checkpoint(store: ObjectStore) -> None:
    store.put(PREFIX + "experiment_0/checkpoints/budget_3/weights", b"3")
    found = places(store, budget=6, parent=(0, 3)).resume_from()
    assert found == "s3://bucket/models/e/r/experiment_0/checkpoints/budget_3"


def test_a_model_is_kept_in_place_of_the_older_one_and_the_scratch_goes(store: ObjectStore, tmp_path: Path) -> None:
    store.put(TRIAL + "model/old", b"old")
    made = places(store)
    made.prepare()
    store.put(made.model + "deep/new", b"new")
    made.keep_model()
    log = tmp_path / "log.txt"
    log.write_bytes(b"all went well\n")
    made.keep_log(log)
    made.remove()
    assert {key: store.get(key) for key in store.list(PREFIX)} == {
        TRIAL + "log.txt": b"all went well\n",
        TRIAL + "model/deep/new": b"new",
        made.owner: b"slot_4_0_1",
    }


def test_a_long_log_is_published_from_its_file(store: ObjectStore, tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_bytes(b"a line of output\n" * 200_000)
    counted = CountingStore(store)
    places(counted).keep_log(log)
    assert store.get(TRIAL + "log.txt") == log.read_bytes()
    assert counted.calls["upload_file"] == 1
    assert not counted.calls["put"], "not by way of memory"


def test_an_attempt_without_a_model_leaves_the_older_one(store: ObjectStore) -> None:
    store.put(TRIAL + "model/old", b"old")
    made = places(store)
    made.prepare()
    made.keep_model()
    assert store.list(TRIAL + "model/") == [TRIAL + "model/old"]


def test_a_later_training_task_sees_the_model_of_the_one_before(store: ObjectStore) -> None:
    store.put(TRIAL + "model/weights", b"w")
    made = places(store, task=1)
    made.prepare()
    assert store.get(made.model + "weights") == b"w"


def test_what_a_lost_attempt_left_is_not_mistaken_for_its_own(store: ObjectStore) -> None:
    first = places(store)
    store.put(first.model + "half", b"")
    first.prepare()
    assert store.list(first.scratch) == []


def test_the_run_s_dates_are_those_of_its_first_record(store: ObjectStore) -> None:
    spec = {
        "name": "e", "goal": {"metric": "m", "direction": "minimize"},
        "space": {"x": {"type": "uniform", "low": 0, "high": 1}}, "tasks": [{"command": ["true"]}],
    }  # fmt: skip
    identity = {"run": "r", "logical_date": "2026-11-01T00:00:00+00:00"}
    study = Study.create(StudyJournal(store, PREFIX), Experiment.model_validate(spec), "r", [], identity)
    binding = study.ask(0)
    assert isinstance(binding, Binding)
    context = context_of(study, binding, Places(store, PREFIX, binding, ROOT))
    assert environment(context)["AUTOML_LOGICAL_DATE"] == "2026-11-01T00:00:00+00:00"
    assert substitute("${ds_nodash}", context) == "20261101"
