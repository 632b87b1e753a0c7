"""Waiting for a store that is away."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

from automl_core.running.patience import on_disk, patiently
from automl_core.storage import AccessRefused, StorageError, StorageUnavailable


class Away:
    """A call that raises so many times, and a clock that its pauses move."""

    def __init__(self, times: int, error: type[StorageError] = StorageUnavailable) -> None:
        self.times, self.error = times, error
        self.now = 0.0
        self.pauses: list[float] = []
        self.said: list[str] = []

    def call(self) -> str:
        if self.times:
            self.times -= 1
            raise self.error("away")
        return "done"

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def wait(self, **how: Any) -> str:
        return patiently(self.call, sleep=self.sleep, clock=lambda: self.now, say=self.said.append, **how)


def test_it_is_waited_for_with_pauses_that_grow() -> None:
    away = Away(8)
    assert away.wait() == "done"
    assert away.pauses == [1, 2, 4, 8, 16, 30, 30, 30]
    assert away.said[0] == "the store is waited for, and asked again in 1 s: away"


def test_the_patience_has_an_end() -> None:
    away = Away(1000)
    with pytest.raises(StorageUnavailable, match="away"):
        away.wait(patience=100)
    assert 70 <= away.now <= 100


def test_what_nobody_wants_any_more_is_given_up() -> None:
    away = Away(1000)
    with pytest.raises(StorageUnavailable):
        away.wait(wanted=lambda: away.now < 10)
    assert away.now < 20


def test_refused_credentials_are_waited_for_where_that_is_asked() -> None:
    with pytest.raises(AccessRefused):
        Away(1, AccessRefused).wait()
    assert Away(3, AccessRefused).wait(refused=True) == "done"


@pytest.mark.parametrize("refused", [True, False])
def test_what_waiting_will_not_mend_is_raised_at_once(refused: bool) -> None:
    away = Away(1, StorageError)
    with pytest.raises(StorageError):
        away.wait(refused=refused)
    assert away.pauses == []


def _raises(error: Exception) -> Callable[[], None]:
    def call() -> None:
        raise error

    return call


@pytest.mark.parametrize(
    ("code", "kind"),
    [(errno.EIO, StorageUnavailable), (errno.ESTALE, StorageUnavailable), (errno.ENOSPC, StorageError)],
)
def test_a_disk_tells_its_errors_as_a_store_does(code: int, kind: type[StorageError]) -> None:
    with pytest.raises(StorageError, match="Cannot keep it") as raised:
        on_disk(_raises(OSError(code, "on purpose")), "keep it")
    assert type(raised.value) is kind
