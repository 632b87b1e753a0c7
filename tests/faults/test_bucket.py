"""The store of these tests keeps what it answered, hangs, and turns keys away, as the faults take for granted."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from automl_core.storage import Credentials, open_store
from automl_core.storage.base import AccessRefused, ObjectStore
from tests.faults.bucket import BUCKET, Bucket


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[Bucket]:
    made = Bucket(tmp_path / "bucket")
    made.start()
    yield made
    made.stop()


def store(bucket: Bucket, key: str) -> ObjectStore:
    return open_store(f"s3://{BUCKET}/runs", Credentials(key, "secret", endpoint_url=bucket.endpoint))


def test_what_was_answered_is_there_after_a_kill(bucket: Bucket) -> None:
    opened = store(bucket, "first")
    assert opened.create("journal/1", b"one")
    assert (bucket.folder / "runs" / "journal" / "1").read_bytes() == b"one"
    bucket.kill()
    bucket.start()
    assert not opened.create("journal/1", b"other")
    assert opened.get("journal/1") == b"one"
    opened.delete("journal/1")
    assert opened.create("journal/1", b"again")


def test_while_it_hangs_it_accepts_and_answers_nothing(bucket: Bucket) -> None:
    bucket.hang()
    with socket.create_connection(("127.0.0.1", bucket.port), 5) as connection:
        connection.settimeout(0.5)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        with pytest.raises(TimeoutError):
            connection.recv(1)
        bucket.go_on()
        connection.settimeout(60)
        assert connection.recv(8) == b"HTTP/1.1"


def test_a_key_that_is_withdrawn_is_refused_at_once(bucket: Bucket) -> None:
    old = store(bucket, "first")
    old.put("a", b"1")
    bucket.allow("second")
    with pytest.raises(AccessRefused):
        old.get("a")
    assert store(bucket, "second").get("a") == b"1"
