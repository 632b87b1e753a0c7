"""Experiments that many callers of one process read."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from automl_airflow.studies import Key, SharedStudies, SharedStudy
from automl_core.journal import ReadAhead
from automl_core.spec.models import Experiment
from automl_core.storage.testing import CountingStore
from automl_core.study import Binding, Study, StudyJournal
from tests.support.memory_store import MemoryStore
from tests.support.patience import stretched

SPEC = Experiment.model_validate(
    {
        "name": "e",
        "goal": {"metric": "loss", "direction": "minimize"},
        "search": {"algorithm": "random"},
        "space": {"x": {"type": "uniform", "low": 0, "high": 1}},
        "trials": {"max": 4},
        "tasks": [{"command": ["true"]}],
    }
)


def key(run: str) -> Key:
    return ("memory://", None, "e", run, None)


class Bucket:
    """Experiments in one store in memory, and how often each was opened."""

    def __init__(self) -> None:
        self.store = CountingStore(MemoryStore())
        self.opened: list[str] = []

    def journal(self, run: str) -> StudyJournal:
        return StudyJournal(self.store, f"e/{run}/", sleep=lambda _: None)

    def create(self, run: str) -> Study:
        return Study.create(self.journal(run), SPEC, run, [])

    def open(self, where: Key) -> SharedStudy:
        self.opened.append(where[3])
        return SharedStudy(self.store, Study.load(self.journal(where[3])))


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


def test_all_callers_share_one(bucket: Bucket) -> None:
    bucket.create("r")
    studies = SharedStudies(bucket.open)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(studies.get(key("r")))) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(shared) for shared in found}) == 1
    assert bucket.opened == ["r"]


def test_readers_cost_one_listing_a_while_and_see_what_is_new(bucket: Bucket) -> None:
    study = bucket.create("r")
    shared = SharedStudies(bucket.open).get(key("r"))
    study.ask(0)
    before = bucket.store.total
    for _ in range(50):
        shared.read(max_age=3600)
    assert bucket.store.total == before
    assert len(shared.read(max_age=0).trials) == 1
    assert bucket.store.calls["get"] > 0
    before = bucket.store.calls["get"]
    shared.read(max_age=0)
    assert bucket.store.calls["get"] == before, "nothing is new: one listing, nothing read"


def test_one_that_is_not_there_yet_is_looked_for_again(bucket: Bucket) -> None:
    studies = SharedStudies(bucket.open)
    with pytest.raises(LookupError):
        studies.get(key("r"))
    bucket.create("r")
    assert studies.get(key("r")).study.state.run == "r"


def test_the_one_not_asked_for_the_longest_goes_first(bucket: Bucket) -> None:
    for run in "abc":
        bucket.create(run)
    studies = SharedStudies(bucket.open, capacity=2)
    first = studies.get(key("a"))
    for run in "bac":
        studies.get(key(run))
    assert studies.get(key("a")) is first
    studies.get(key("b"))
    assert bucket.opened == ["a", "b", "c", "b"]


def test_one_whose_trials_are_watched_here_stays(bucket: Bucket) -> None:
    for run in "abc":
        bucket.create(run)
    studies = SharedStudies(bucket.open, capacity=1)
    first = studies.get(key("a"))
    binding = first.study.ask(0)
    assert isinstance(binding, Binding)
    first.watches[binding.trial] = object()  # type: ignore[assignment]  # only that there is one counts
    studies.get(key("b"))
    studies.get(key("c"))
    assert studies.get(key("a")) is first


def test_the_store_of_one_can_be_used_without_its_lock(bucket: Bucket, tmp_path: Path) -> None:
    bucket.create("r")
    shared = SharedStudies(bucket.open).get(key("r"))
    with shared.lock:
        worker = threading.Thread(target=lambda: shared.store.put("x", b"y"))
        worker.start()
        worker.join(timeout=stretched(5))
        assert shared.store.get("x") == b"y"


def test_the_state_can_be_used_while_a_reading_hangs(bucket: Bucket) -> None:
    """What is new is fetched before the lock is taken: viewers see the state as it was, whatever the store does."""
    study = bucket.create("r")
    answers, asked = threading.Event(), threading.Event()
    ahead = ReadAhead(bucket.store)
    shared = SharedStudy(bucket.store, Study.load(StudyJournal(ahead, "e/r/", sleep=lambda _: None)), ahead)
    listed = bucket.store.list

    def hanging(*args: Any, **options: Any) -> Any:
        asked.set()
        answers.wait()
        return listed(*args, **options)

    study.ask(0)
    bucket.store.list = hanging  # type: ignore[method-assign]
    reader = threading.Thread(target=lambda: shared.read(max_age=0))
    reader.start()
    assert asked.wait(60)
    assert shared.lock.acquire(blocking=False)
    assert shared.study.state.seq == 1
    shared.lock.release()
    answers.set()
    reader.join()
    assert shared.study.state.seq == 2
    assert shared.age < 3600
