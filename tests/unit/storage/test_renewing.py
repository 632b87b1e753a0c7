"""Credentials that are rotated while a process goes on."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from automl_core.storage import AccessRefused, Credentials, ObjectStore, StorageError, open_store
from automl_core.storage.base import NotFound
from automl_core.storage.renewing import RENEW_EVERY, RenewingStore
from automl_core.storage.s3_errors import explain
from tests.contract.object_servers import BUCKET, Answer, BucketServer
from tests.support.memory_store import MemoryStore
from tests.unit.storage.conftest import SECRET

NEW = "sEcReT-of-the-new-key"


def rotated(server: BucketServer) -> tuple[Credentials, Credentials]:
    """The credentials before and after; the server knows the new ones alone."""
    server.access_keys = frozenset(("AKIDNEW",))
    return Credentials("AKIDOLD", SECRET, None, server.endpoint), Credentials("AKIDNEW", NEW, None, server.endpoint)


def test_a_rotated_key_is_read_again(s3: BucketServer, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    old, new = rotated(s3)
    readings = []
    caplog.set_level(logging.INFO)

    def renew() -> Credentials:
        readings.append(1)
        return new

    store = open_store(f"s3://{BUCKET}/runs", old, renew=renew)
    assert store.create("journal/1", b"mine")
    assert store.get("journal/1") == b"mine"
    (tmp_path / "file").write_bytes(b"x")
    store.upload_file(tmp_path / "file", "file")
    assert store.list() == ["file", "journal/1"]
    assert len(readings) == 1
    assert "InvalidAccessKeyId" in caplog.text
    assert "the credentials were read anew" in caplog.text
    assert NEW not in caplog.text
    assert SECRET not in caplog.text


def test_files_are_moved_with_the_new_key_too(s3: BucketServer, tmp_path: Path) -> None:
    s3.objects["runs/model"] = b"weights"
    old, new = rotated(s3)
    for call in (
        lambda store: store.download_file("model", tmp_path / "model"),
        lambda store: store.copy_file("model", "copy"),
        lambda store: store.delete_prefix("copy"),
    ):
        call(open_store(f"s3://{BUCKET}/runs", old, renew=lambda: new))
    assert (tmp_path / "model").read_bytes() == b"weights"


def test_a_key_that_is_no_better_is_refused_and_not_asked_for_again_and_again(s3: BucketServer) -> None:
    old, _ = rotated(s3)
    readings = []

    def renew() -> Credentials:
        readings.append(1)
        return old

    store = open_store(f"s3://{BUCKET}/runs", old, renew=renew)
    for _ in range(20):
        with pytest.raises(AccessRefused, match=r"InvalidAccessKeyId.*check the access key"):
            store.get("a")
    assert len(readings) == 1
    assert s3.script.requests["GetObject"] == 21


def test_oss_alike(oss: BucketServer) -> None:
    old, new = rotated(oss)
    assert open_store(f"oss://{BUCKET}/runs", old, renew=lambda: new).create("a", b"")


def test_keys_of_the_environment_are_read_again(s3: BucketServer, monkeypatch: pytest.MonkeyPatch) -> None:
    rotated(s3)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDOLD")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    store = open_store(f"s3://{BUCKET}/runs", Credentials(endpoint_url=s3.endpoint))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDNEW")
    store.put("a", b"1")
    assert s3.script.requests["PutObject"] == 2


class Refusing(MemoryStore):
    """Refuses every call."""

    def get(self, key: str) -> bytes:
        raise AccessRefused(f"Cannot read {key}: ExpiredToken")


def test_threads_that_are_refused_at_once_read_them_once() -> None:
    good = MemoryStore()
    good.put("a", b"1")
    opened, together = [], threading.Barrier(8)

    class Together(Refusing):
        def get(self, key: str) -> bytes:
            together.wait()
            return super().get(key)

    def reopen() -> ObjectStore:
        opened.append(1)
        return good

    store = RenewingStore(Together(), reopen, clock=lambda: 0.0)
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(store.get, ["a"] * 8)) == [b"1"] * 8
    assert len(opened) == 1


def test_they_are_read_again_after_a_while() -> None:
    now, opened = [0.0], []

    def reopen() -> ObjectStore:
        opened.append(1)
        return Refusing()

    store = RenewingStore(Refusing(), reopen, clock=lambda: now[0])
    for moment, readings in ((0.0, 1), (RENEW_EVERY - 0.1, 1), (RENEW_EVERY, 2), (RENEW_EVERY + 1, 2)):
        now[0] = moment
        with pytest.raises(AccessRefused):
            store.get("a")
        assert len(opened) == readings


def test_a_connection_that_cant_be_read_leaves_the_refusal(caplog: pytest.LogCaptureFixture) -> None:
    def reopen() -> ObjectStore:
        raise ValueError(f"connection: {NEW}")

    with pytest.raises(AccessRefused, match="ExpiredToken"):
        RenewingStore(Refusing(), reopen).get("a")
    assert "can't be read anew" in caplog.text
    assert NEW not in caplog.text


def test_other_errors_are_no_reason() -> None:
    store = RenewingStore(MemoryStore(), lambda: pytest.fail("read anew"))
    with pytest.raises(NotFound):
        store.get("a")


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "AccessDenied"), (400, "ExpiredToken"), (403, "InvalidAccessKeyId"), (403, "SignatureDoesNotMatch"),
        (400, "InvalidToken"), (403, "SecurityTokenExpired"), (403, "InvalidClientTokenId"), (403, "403"), (401, ""),
        (403, "ExpiredTokenException"), (400, "TokenRefreshRequired"),
    ],
)  # fmt: skip
def test_what_other_credentials_may_mend(status: int, code: str) -> None:
    from botocore.exceptions import ClientError

    error = ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]
        "GetObject",
    )
    assert explain(error)[0] is AccessRefused


@pytest.mark.parametrize(("status", "code"), [(403, "RequestTimeTooSkewed"), (404, "NoSuchBucket"), (400, "BadDigest")])
def test_what_other_credentials_do_not_mend(s3: BucketServer, status: int, code: str) -> None:
    s3.script.plan("GetObject", Answer(status, code))
    store = open_store(
        f"s3://{BUCKET}/runs", Credentials("a", "b", None, s3.endpoint), renew=lambda: pytest.fail("read anew")
    )
    with pytest.raises(StorageError) as raised:
        store.get("a")
    assert not isinstance(raised.value, AccessRefused)
