from __future__ import annotations

import logging
import random
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from automl_core.storage import (
    Credentials,
    NotFound,
    ObjectStore,
    StorageError,
    StorageUnavailable,
    check_store,
    open_store,
)
from automl_core.storage.retry import RetryingStore
from automl_core.storage.s3 import S3Store
from tests.contract.object_servers import BUCKET, BUSY, CUT, DROP, LOSE, Answer, BucketServer
from tests.unit.storage.conftest import SECRET, TOKEN


@pytest.fixture
def bare(s3: BucketServer, credentials: Credentials) -> S3Store:
    """The store alone: each call one attempt."""
    return S3Store(BUCKET, "runs", credentials)


@pytest.fixture
def store(bare: S3Store) -> ObjectStore:
    """As `open_store` gives it, but with no time to lose."""
    return RetryingStore(bare, sleep=lambda seconds: None)


def test_requests_of_each_operation(store: ObjectStore, s3: BucketServer, tmp_path: Path) -> None:
    def requests() -> dict[str, int]:
        made = dict(s3.script.requests)
        s3.script.reset()
        return made

    assert store.create("journal/1", b"a")
    assert requests() == {"PutObject": 1}
    assert not store.create("journal/1", b"b")
    assert requests() == {"PutObject": 1}
    store.put("a", b"")
    assert requests() == {"PutObject": 1}
    store.get("a")
    assert requests() == {"GetObject": 1}
    store.list("journal/")
    assert requests() == {"ListObjectsV2": 1}
    store.delete("a")
    assert requests() == {"DeleteObject": 1}
    store.delete_prefix("journal/")
    assert requests() == {"ListObjectsV2": 1, "DeleteObjects": 1}
    (tmp_path / "small").write_bytes(b"1")
    store.upload_file(tmp_path / "small", "small")
    assert requests() == {"PutObject": 1}
    store.download_file("small", tmp_path / "back")
    assert requests() == {"GetObject": 1}
    s3.script.plan("PutObject", LOSE)
    assert store.create("journal/1", b"a")
    assert requests() == {"PutObject": 2, "GetObject": 1}


def test_long_lists_come_in_pages_and_only_as_far_as_asked(store: ObjectStore, s3: BucketServer) -> None:
    keys = [f"journal/{number:010d}.json" for number in range(2500)]
    s3.objects.update({f"runs/{key}": b"" for key in keys} | {"other/journal/1": b""})
    assert store.list("journal/") == keys
    assert s3.script.requests["ListObjectsV2"] == 3
    s3.reset_counts()
    assert store.list("journal/", start_after=keys[2000]) == keys[2001:]
    assert store.list("journal/", limit=7) == keys[:7]
    assert store.list("journal/", start_after=keys[9], limit=1000) == keys[10:1010]
    assert s3.page_sizes == [499, 7, 1000]
    s3.reset_counts()
    store.delete_prefix("")
    assert list(s3.objects) == ["other/journal/1"]
    assert s3.script.requests == {"ListObjectsV2": 3, "DeleteObjects": 3}


def test_what_others_left_in_the_bucket_is_not_listed(store: ObjectStore, s3: BucketServer, tmp_path: Path) -> None:
    for name in ("runs/", "runs/model/", "runs/model/../../../etc/passwd", "runs//x", "runs/model/a", "runs2/b"):
        s3.objects[name] = b"x"
    assert store.list() == ["model/a"]
    assert store.list(limit=1) == ["model/a"]
    assert store.download("model", tmp_path / "target") == 1
    store.delete_prefix("model/")
    assert sorted(s3.objects) == ["runs/", "runs//x", "runs2/b"]


@pytest.mark.parametrize(
    "meets",
    [
        BUSY,
        DROP,
        LOSE,
        Answer(500, "InternalError"),
        Answer(502, ""),
        Answer(400, "RequestTimeout"),
        Answer(409, "ConditionalRequestConflict"),
        Answer(409, "OperationAborted"),
        Answer(429, "Whatever"),
    ],
    ids=str,
)
def test_what_may_pass_is_tried_again(store: ObjectStore, s3: BucketServer, meets: Answer) -> None:
    s3.script.plan("PutObject", meets, meets, meets)
    assert store.create("journal/1", b"mine")
    s3.script.plan("GetObject", meets)
    assert store.get("journal/1") == b"mine"
    s3.script.plan("ListObjectsV2", meets)
    assert store.list() == ["journal/1"]
    s3.script.plan("DeleteObjects", meets)
    store.delete_prefix("journal/")
    assert store.list() == []


def test_an_object_cut_short_is_read_again(store: ObjectStore, bare: S3Store, s3: BucketServer) -> None:
    store.put("a", b"x" * 1000)
    s3.script.plan("GetObject", CUT)
    with pytest.raises(StorageUnavailable):
        bare.get("a")
    s3.script.plan("GetObject", CUT)
    assert store.get("a") == b"x" * 1000


@pytest.mark.parametrize(
    ("answer", "remedy"),
    [
        (Answer(403, "AccessDenied", "Access Denied"), "lack the right"),
        (Answer(404, "NoSuchBucket", "The bucket does not exist"), "make the bucket first"),
        (Answer(403, "SignatureDoesNotMatch"), "check the access key"),
        (Answer(400, "ExpiredToken"), "check the access key"),
        (Answer(501, "NotImplemented"), "If-None-Match"),
        (Answer(400, "Strange", "Something else"), "Strange: Something else (HTTP 400)"),
    ],
    ids=lambda value: value.code if isinstance(value, Answer) else "",
)
def test_what_will_not_pass_is_told_at_once(store: ObjectStore, s3: BucketServer, answer: Answer, remedy: str) -> None:
    s3.script.plan("PutObject", answer)
    with pytest.raises(StorageError) as raised:
        store.create("journal/1.json", b"")
    assert not isinstance(raised.value, (StorageUnavailable, NotFound))
    text = str(raised.value)
    assert text.startswith(f"Cannot create journal/1.json in s3://{BUCKET}/runs: {answer.code}: {answer.message}")
    assert remedy in text
    assert s3.script.requests["PutObject"] == 1


def test_one_key_that_can_not_be_deleted_is_an_error(store: ObjectStore, s3: BucketServer) -> None:
    store.put("a", b"")
    s3.script.plan("DeleteObjects", Answer(200, "AccessDenied", "Object is locked"))
    with pytest.raises(StorageError, match=r"Cannot delete \* in .*AccessDenied: Object is locked"):
        store.delete_prefix("")


def test_a_key_that_somebody_else_deleted_is_no_error(store: ObjectStore, s3: BucketServer) -> None:
    s3.objects.update({f"runs/{number:04d}": b"" for number in range(1500)})
    s3.script.plan("DeleteObjects", Answer(200, "NoSuchKey", "gone"))
    store.delete_prefix("")
    assert len(s3.objects) == 1000
    s3.script.plan("DeleteObject", Answer(404, "NoSuchKey", "gone"))
    store.delete("0000")


def test_a_server_that_is_away_is_unavailable() -> None:
    store = S3Store(BUCKET, "", Credentials("AKIDEXAMPLE", SECRET, endpoint_url="http://127.0.0.1:9"))
    with pytest.raises(StorageUnavailable, match="Could not connect"):
        store.get("a")


def test_no_secret_in_logs_errors_or_names(
    bare: S3Store, store: ObjectStore, s3: BucketServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = [repr(bare), repr(store), store.url]
    store.create("a", b"1")
    store.get("a")
    for answer in (Answer(400, "InvalidToken", f"The token {TOKEN} is bad"), Answer(403, "Denied", SECRET)):
        s3.script.plan("PutObject", BUSY, answer)
        with pytest.raises(StorageError) as raised:
            store.create("b", b"")
        shown += traceback.format_exception(raised.value)
    shown.append(caplog.text)
    assert "SlowDown" in caplog.text
    for secret in (SECRET, TOKEN):
        assert not [text for text in shown if secret in text]


@pytest.fixture
def pauses_drawn_by_botocore() -> Iterator[None]:
    """Puts the global random state back, from which botocore draws the pause before it repeats a part."""
    state = random.getstate()
    yield
    random.setstate(state)


@pytest.mark.usefixtures("pauses_drawn_by_botocore")
def test_parts_of_large_files_are_tried_again(store: ObjectStore, s3: BucketServer, tmp_path: Path) -> None:
    data = bytes(range(256)) * (1 << 17)  # 32 MiB: two parts
    (tmp_path / "model").write_bytes(data)
    s3.script.plan("UploadPart", BUSY)
    store.upload_file(tmp_path / "model", "model")
    assert s3.objects["runs/model"] == data
    assert s3.script.requests["UploadPart"] == 3
    assert s3.script.requests["PutObject"] == 0


def test_a_download_that_fails_leaves_nothing(bare: S3Store, s3: BucketServer, tmp_path: Path) -> None:
    bare.put("a", b"x" * 1000)
    s3.script.plan("GetObject", Answer(403, "AccessDenied"))
    with pytest.raises(StorageError, match=r"Cannot download to .*/back from a in s3://"):
        bare.download_file("a", tmp_path / "target" / "back")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_credentials_and_end_point_from_the_environment(s3: BucketServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_ENDPOINT_URL", s3.endpoint)
    store = open_store(f"s3://{BUCKET}/runs")
    store.put("a", b"1")
    assert s3.objects == {"runs/a": b"1"}


def test_missing_credentials_are_told(s3: BucketServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    store = open_store(f"s3://{BUCKET}/runs", Credentials(endpoint_url=s3.endpoint))
    with pytest.raises(StorageError, match=r"Unable to locate credentials; Airflow's tasks take") as raised:
        store.put("a", b"1")
    assert not isinstance(raised.value, StorageUnavailable)


def test_an_unknown_profile_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    with pytest.raises(StorageError, match=r"Cannot open s3://experiments/runs: .*nobody"):
        open_store(f"s3://{BUCKET}/runs")


def test_a_server_that_ignores_create_only_is_found_out(store: ObjectStore, s3: BucketServer) -> None:
    check_store(store)
    s3.create_only = False
    with pytest.raises(StorageError, match="can't hold experiments: it lets a create-only write replace an object"):
        check_store(store)
    assert s3.objects == {}
