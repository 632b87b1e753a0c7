"""best_model/: the best trial's files, all of them, and no others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from automl_core.results import publish
from automl_core.results.writing import copy_all
from automl_core.states import TrialState
from automl_core.storage.base import NotFound, ObjectStore, StorageError
from automl_core.storage.folder import FolderStore
from tests.support.memory_store import MemoryStore
from tests.support.patience import stretched
from tests.unit.results.lab import Lab


@pytest.fixture(params=["memory", "folder"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return MemoryStore() if request.param == "memory" else FolderStore(tmp_path)


def put_out(lab: Lab) -> None:
    publish(lab.store, lab.prefix, lab.spec, lab.state, algorithm_state=None)


def best(lab: Lab) -> dict[str, bytes]:
    folder = f"{lab.prefix}best_model/"
    return {key.removeprefix(folder): lab.store.get(key) for key in lab.store.list(folder)}


def leave(lab: Lab, trial: int, files: dict[str, bytes]) -> None:
    """Have a trial's model folder hold just these files."""
    folder = f"{lab.prefix}experiment_{trial}/model/"
    lab.store.delete_prefix(folder)
    for name, data in files.items():
        lab.store.put(folder + name, data)


def test_a_better_trial_replaces_the_folder_whole(store: ObjectStore) -> None:
    lab = Lab(store=store)
    lab.trial(0.5)
    leave(lab, 0, {"old.bin": b"0", "weights": b"0", "deep/er": b"0"})
    put_out(lab)
    assert {"model/old.bin", "model/weights", "model/deep/er"} <= best(lab).keys()

    lab.trial(0.9)
    # what was a file becomes a folder, and what was a folder a file
    leave(lab, 1, {"weights/part-0": b"1", "deep": b"1"})
    lab.store.delete(f"{lab.prefix}experiment_1/log.txt")
    put_out(lab)

    assert best(lab).keys() == {
        "status.json", "recommendation.yaml", "experiment.yaml", "metrics.json", "model/weights/part-0", "model/deep",
    }  # fmt: skip
    assert best(lab)["model/deep"] == b"1"
    assert lab.store.get(f"{lab.prefix}experiment_0/model/weights") == b"0"


def test_a_trial_that_is_run_again_and_gets_worse_loses_its_place(store: ObjectStore) -> None:
    lab = Lab(store=store)
    lab.trial(0.5)
    lab.trial(0.9)
    put_out(lab)
    assert best(lab)["model/weights.bin"] == b"weights of slot 1"

    lab.attempt(1)
    lab.clock.now += 10
    lab.end(1, 0.1)
    put_out(lab)
    assert best(lab)["model/weights.bin"] == b"weights of slot 0"
    assert best(lab)["recommendation.yaml"] == lab.store.get(f"{lab.prefix}recommendation_0.yaml")


def test_the_folder_goes_when_no_trial_has_a_value_any_more(store: ObjectStore) -> None:
    lab = Lab(store=store)
    lab.trial(0.5)
    put_out(lab)
    assert best(lab)

    lab.attempt(0)
    lab.end(0, state=TrialState.FAILED)
    put_out(lab)
    assert not best(lab)


def test_a_trial_without_a_model_has_a_folder_all_the_same(store: ObjectStore) -> None:
    lab = Lab(store=store)
    lab.trial(0.5)
    leave(lab, 0, {})
    put_out(lab)
    assert best(lab).keys() == {"status.json", "recommendation.yaml", "experiment.yaml", "log.txt", "metrics.json"}


class WatchedStore(MemoryStore):
    """Calls back before each copy of a file of a model, and counts the copies."""

    def __init__(self) -> None:
        super().__init__()
        self.before_copy: Callable[[int], None] = lambda number: None
        self.copies = 0
        self.copied = threading.Event()
        self._counting = threading.Lock()

    def download_file(self, key: str, target: Path) -> None:
        if "/model/" in key:
            with self._counting:
                self.copies += 1
                number = self.copies
            self.before_copy(number)
        super().download_file(key, target)

    def upload_file(self, source: Path, key: str) -> None:
        super().upload_file(source, key)
        if "/model/" in key:
            self.copied.set()


def test_a_large_model_is_not_copied_again_for_every_report_of_a_running_experiment() -> None:
    store = WatchedStore()
    lab = Lab(store=store)
    lab.trial(0.9)
    put_out(lab)
    lab.trial(0.5)
    put_out(lab)
    assert store.copies == 1

    del store.objects[f"{lab.prefix}best_model/model/weights.bin"]
    put_out(lab)
    assert best(lab)["model/weights.bin"] == b"weights of slot 0"


def test_the_result_of_an_ended_experiment_repairs_the_folder() -> None:
    lab = Lab()
    lab.trial(0.9)
    lab.stop()
    put_out(lab)
    lab.store.put(f"{lab.prefix}best_model/model/weights.bin", b"torn")
    put_out(lab)
    assert best(lab)["model/weights.bin"] == b"weights of slot 0"


def test_a_model_that_is_replaced_while_it_is_copied_is_copied_anew() -> None:
    store = WatchedStore()
    lab = Lab(store=store)
    lab.trial(0.9)
    leave(lab, 0, {"a.bin": b"older", "b.bin": b"older"})

    def replace(number: int) -> None:
        if number == 2:
            assert store.copied.wait(stretched(10))  # the first file of the older model is there
            leave(lab, 0, {"c.bin": b"newer"})

    store.before_copy = replace
    put_out(lab)
    assert {name for name in best(lab) if name.startswith("model/")} == {"model/c.bin"}


def test_a_model_that_vanishes_each_time_is_told() -> None:
    store = WatchedStore()
    lab = Lab(store=store)
    lab.trial(0.9)
    store.before_copy = lambda number: leave(lab, 0, {f"{number}.bin": b""})
    with pytest.raises(NotFound, match="experiment_0/model/"):
        put_out(lab)
    assert "status.json" not in best(lab), "status.json tells that the folder is whole"


class FailingStore(MemoryStore):
    """Refuses to write what ends so."""

    refused = "none"

    def put(self, key: str, data: bytes) -> None:
        if key.endswith(self.refused):
            raise StorageError(f"Cannot write {key}: refused")
        super().put(key, data)


@pytest.mark.parametrize("refused", ["best_model/model/weights.bin", "best_model/recommendation.yaml"])
def test_a_folder_half_replaced_says_so_and_is_made_whole_the_next_time(refused: str) -> None:
    store = FailingStore()
    lab = Lab(store=store)
    lab.trial(0.5)
    put_out(lab)
    lab.trial(0.9)
    store.refused = refused
    with pytest.raises(StorageError, match="refused"):
        put_out(lab)
    assert "status.json" not in best(lab)

    store.refused = "none"
    put_out(lab)
    assert best(lab)["model/weights.bin"] == b"weights of slot 1"
    assert "status.json" in best(lab)


def test_a_source_that_is_gone_is_told_alike_by_every_store(store: ObjectStore) -> None:
    store.put("there", b"1")
    with pytest.raises(NotFound, match="gone"):
        copy_all(store, {"a/one": "there", "a/two": "gone"})
