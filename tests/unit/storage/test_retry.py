from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from automl_core.storage import NotFound, StorageError, StorageUnavailable
from automl_core.storage.folder import FolderStore
from automl_core.storage.retry import LONGEST_PAUSE_SECONDS, RetryingStore, _pause


class Refusing(FolderStore):
    """Raises what it is told to, one call after another, then works."""

    def __init__(self, root: Path, *errors: Exception) -> None:
        super().__init__(root)
        self.errors = list(errors)
        self.gets = 0

    def _next(self) -> None:
        if self.errors:
            raise self.errors.pop(0)

    def get(self, key: str) -> bytes:
        self.gets += 1
        self._next()
        return super().get(key)

    def create(self, key: str, data: bytes) -> bool:
        self._next()
        return super().create(key, data)


def busy(times: int) -> list[Exception]:
    return [StorageUnavailable("Cannot read a in s3://b: SlowDown")] * times


def test_what_may_pass_is_tried_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    inner = Refusing(tmp_path, *busy(7))
    inner.put("a", b"1")
    pauses: list[float] = []
    caplog.set_level(logging.INFO)
    assert RetryingStore(inner, sleep=pauses.append).get("a") == b"1"
    assert len(pauses) == 7
    assert all(0 <= pause <= 0.1 * 2**number for number, pause in enumerate(pauses))
    assert "SlowDown; trying again in" in caplog.text


@pytest.mark.parametrize("error", [NotFound("gone"), StorageError("AccessDenied"), ValueError("a bug")])
def test_what_will_not_pass_is_not_tried_again(tmp_path: Path, error: Exception) -> None:
    inner = Refusing(tmp_path, error)
    with pytest.raises(type(error)) as raised:
        RetryingStore(inner, sleep=lambda seconds: None).get("a")
    assert raised.value is error
    assert inner.gets == 1


def test_patience_ends_with_the_last_reason(tmp_path: Path) -> None:
    inner = Refusing(tmp_path, *busy(1000))
    with pytest.raises(StorageUnavailable, match=r"SlowDown; gave up with attempt \d+, \d+ s after"):
        RetryingStore(inner, patience=0.2).get("a")
    assert inner.gets < 1000


def test_pauses_are_bounded_however_many() -> None:
    for attempt in (1, 5, 50, 5000):
        state: Any = SimpleNamespace(attempt_number=attempt)
        assert 0 <= _pause(state) <= min(LONGEST_PAUSE_SECONDS, 0.1 * 2 ** min(attempt - 1, 10))


def test_a_create_that_was_refused_and_then_lost_is_false(tmp_path: Path) -> None:
    inner = Refusing(tmp_path, *busy(2))
    inner.put("a", b"theirs")
    assert not RetryingStore(inner, sleep=lambda seconds: None).create("a", b"mine")


def test_a_create_that_was_never_refused_needs_no_second_look(tmp_path: Path) -> None:
    inner = Refusing(tmp_path)
    store = RetryingStore(inner)
    assert store.create("a", b"mine")
    assert not store.create("a", b"mine")
    assert inner.gets == 0


def test_a_second_look_is_tried_again_too(tmp_path: Path) -> None:
    inner = Refusing(tmp_path, *busy(1))
    inner.put("a", b"mine")
    look_again = iter([*busy(2)])

    def get(key: str) -> bytes:
        for error in look_again:
            raise error
        return b"mine"

    inner.get = get  # type: ignore[method-assign]
    assert RetryingStore(inner, sleep=lambda seconds: None).create("a", b"mine")


def test_an_object_removed_before_the_second_look_is_nobody_s(tmp_path: Path) -> None:
    inner = Refusing(tmp_path, *busy(1))
    inner.put("a", b"mine")

    def get(key: str) -> bytes:
        raise NotFound("gone")

    inner.get = get  # type: ignore[method-assign]
    assert not RetryingStore(inner, sleep=lambda seconds: None).create("a", b"mine")
