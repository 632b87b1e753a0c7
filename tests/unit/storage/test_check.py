"""Whether a store is found fit or not, before anything trains."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from automl_core.storage import Credentials, StorageError, StorageUnavailable, check_store, open_store
from automl_core.storage.folder import FolderStore
from automl_core.storage.retry import RetryingStore
from automl_core.storage.s3 import S3Store
from automl_core.storage.testing import CountingStore, FaultyStore
from tests.contract.object_servers import BUCKET, Answer, BucketServer
from tests.support.memory_store import MemoryStore


@pytest.fixture
def store(s3: BucketServer, credentials: Credentials) -> RetryingStore:
    return RetryingStore(S3Store(BUCKET, "runs", credentials), sleep=lambda seconds: None)


def test_a_server_that_looks_first_and_writes_then_is_refused(store: RetryingStore, s3: BucketServer) -> None:
    s3.atomic = False
    assert store.create("a", b"1")
    assert not store.create("a", b"2")  # one after the other it seems right
    with pytest.raises(StorageError, match=r"two writers at once both created the same object.*Swift"):
        check_store(store)
    assert list(s3.objects) == ["runs/a"]


def test_it_is_told_apart_after_few_races(store: RetryingStore, s3: BucketServer) -> None:
    s3.atomic = False
    counted = CountingStore(store)
    with pytest.raises(StorageError):
        check_store(counted)
    assert counted.calls["create"] < 2 + 2 * 24


def test_answers_that_are_lost_are_no_reason_to_refuse(s3: BucketServer, credentials: Credentials) -> None:
    for every in (3, 5, 7):
        faulty = FaultyStore(S3Store(BUCKET, "runs", credentials), every)
        check_store(RetryingStore(faulty, sleep=lambda seconds: None))
    assert s3.objects == {}


class OnceBoth(MemoryStore):
    """Tells two writers in one race that they have won, as a server with a window of microseconds may."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: dict[str, int] = {}

    def create(self, key: str, data: bytes) -> bool:
        created = super().create(key, data)
        return created or key.endswith("race/3")


def test_one_race_alone_does_not_decide(caplog: pytest.LogCaptureFixture) -> None:
    check_store(OnceBoth())
    assert "in 1 of 24 races two writers created the same object" in caplog.text


class Swapped(MemoryStore):
    """Tells one writer that it has won, and keeps the other's object."""

    def create(self, key: str, data: bytes) -> bool:
        if "race" in key and key in self.objects:
            self.objects[key] = data
            return False
        return super().create(key, data)


def test_a_winner_whose_object_does_not_stand_is_none() -> None:
    with pytest.raises(StorageError, match="two writers at once"):
        check_store(Swapped())


def test_a_slow_store_runs_fewer_races() -> None:
    counted = CountingStore(MemoryStore())
    clock = itertools.count(0.0, 6.0)
    check_store(counted, clock=lambda: next(clock))
    assert counted.calls["create"] == 2 + 2 * 6


@pytest.mark.parametrize("state", ["Enabled", "Suspended"])
def test_versioning_is_named_as_the_cause(store: RetryingStore, s3: BucketServer, state: str) -> None:
    s3.create_only, s3.versioning = False, state
    with pytest.raises(StorageError, match=rf"the bucket is versioned \({state}\).*never turned on"):
        check_store(store)


def test_a_server_that_is_asked_in_vain_is_no_obstacle(store: RetryingStore, s3: BucketServer) -> None:
    s3.create_only = False
    s3.script.plan("GetBucketVersioning", Answer(403, "AccessDenied"))
    with pytest.raises(StorageError, match="knows If-None-Match"):
        check_store(store)


def test_a_server_without_deletes_of_many_and_copies_will_do(
    store: RetryingStore, s3: BucketServer, caplog: pytest.LogCaptureFixture
) -> None:
    s3.lacks = frozenset(("DeleteObjects", "CopyObject"))
    check_store(store)
    assert s3.objects == {}
    store.put("model/a", b"1")
    store.copy("model", "kept")
    store.delete_prefix("")
    for operation in ("DeleteObjects", "CopyObject"):
        assert caplog.text.count(f"s3://{BUCKET}/runs has no {operation}") == 1


def test_every_problem_is_named_at_once(store: RetryingStore, s3: BucketServer) -> None:
    denied = Answer(403, "AccessDenied")
    s3.script.plan("ListObjectsV2", *[denied] * 9)
    s3.script.plan("HeadObject", *[denied] * 9)  # before a copy
    with pytest.raises(StorageError) as raised:
        check_store(store)
    text = str(raised.value)
    assert "Cannot list .automl-check-" in text
    assert "Cannot copy .automl-check-" in text
    assert "s3:ListBucket" in text


def test_what_keeps_everything_is_said_once(store: RetryingStore, s3: BucketServer) -> None:
    s3.script.plan("PutObject", Answer(404, "NoSuchBucket"))
    with pytest.raises(StorageError) as raised:
        check_store(store)
    assert str(raised.value).count("NoSuchBucket") == 1


class Broken(MemoryStore):
    """Does one thing wrong."""

    def __init__(self, operation: str, wrong: Callable[..., Any]) -> None:
        super().__init__()
        setattr(self, operation, wrong)


@pytest.mark.parametrize(
    ("operation", "wrong", "said"),
    [
        ("put", lambda key, data: None, "an older object back"),
        ("download_file", lambda key, target: target.write_bytes(b"other"), "another file back"),
        ("copy_file", lambda source, target: None, "there is no such object|not what was copied"),
        ("list", lambda prefix="", start_after="", limit=None: [], "has 0 of 2 objects"),
        ("delete_prefix", lambda prefix: None, "still there after it was deleted"),
    ],
)
def test_what_a_store_does_wrong_is_named(operation: str, wrong: Callable[..., Any], said: str) -> None:
    with pytest.raises(StorageError, match=said):
        check_store(Broken(operation, wrong))


def test_a_store_that_is_away_is_not_called_unfit(s3: BucketServer, credentials: Credentials) -> None:
    bare = S3Store(BUCKET, "runs", credentials)
    for operation in ("PutObject", "GetObject", "ListObjectsV2"):
        s3.reset()
        s3.script.plan(operation, Answer(503, "SlowDown"))
        with pytest.raises(StorageUnavailable):
            check_store(bare)


def test_a_folder_that_refuses_its_last_deletes_still_says_what_was_wrong(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Away(FolderStore):
        def create(self, key: str, data: bytes) -> bool:
            super().create(key, data)
            return True

        def delete(self, key: str) -> None:
            raise StorageUnavailable("away")

    caplog.set_level(logging.WARNING)
    with pytest.raises(StorageError, match="create-only write replace"):
        check_store(Away(tmp_path))
    assert "was not removed: away" in caplog.text


def test_a_store_without_credentials_of_its_own_opens_as_before(tmp_path: Path) -> None:
    check_store(open_store(str(tmp_path)))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
