"""Stores that count calls, or fail on purpose, for tests of whatever is built on a store."""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import parse_qs

from automl_core.storage.base import ObjectStore, StorageError, StorageUnavailable
from automl_core.storage.wrapper import StoreWrapper

T = TypeVar("T")

FAULTS_VARIABLE = "AUTOML_STORAGE_FAULTS"
"""Makes every store of a process fail on purpose: ``every=10`` or ``every=10&counter=/tmp/calls``."""

TESTING_VARIABLE = "AUTOML_TESTING"
"""Has to be 1 for that, so that no deployment fails on purpose by accident."""

_PAGE = 1000

_log = logging.getLogger(__name__)


class CountingStore(StoreWrapper):
    """Counts the calls of each operation, failed ones too; a list once for every 1,000 keys, as S3 counts requests."""

    def __init__(self, inner: ObjectStore) -> None:
        super().__init__(inner)
        self.calls: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def total(self) -> int:
        """Calls of all operations so far."""
        return self.calls.total()

    def _call(self, operation: str, key: str, call: Callable[[], T]) -> T:
        requests = 1
        try:
            result = call()
            if isinstance(result, list):
                requests = max(1, -(-len(result) // _PAGE))
            return result
        finally:
            with self._lock:
                self.calls[operation] += requests


class FaultyStore(StoreWrapper):
    """Fails every so many calls: by turns before the call is done, and after it, with the answer lost.

    Args:
        inner: the store that does the calls.
        every: 10 fails the 10th, 20th, … call.
        counter: a file that counts calls over all processes; without one, each store counts its own.
    """

    def __init__(self, inner: ObjectStore, every: int = 10, counter: Path | None = None) -> None:
        super().__init__(inner)
        if every < 2:
            raise ValueError(f"every: {every} leaves no call to succeed; allowed: 2 or more")
        self._every = every
        self._counter = counter
        self._calls = 0
        self._lock = threading.Lock()

    def _call(self, operation: str, key: str, call: Callable[[], T]) -> T:
        fault, on_time = divmod(self._next_number(), self._every)
        if on_time:
            return call()
        lost = fault % 2 == 0
        if lost:
            call()
        what = "answer lost" if lost else "refused"
        _log.info("fault on purpose: %s of %s %s", what, operation, key)
        raise StorageUnavailable(f"Cannot {operation} {key} in {self.url}: {what} on purpose")

    def _next_number(self) -> int:
        if self._counter is None:
            with self._lock:
                self._calls += 1
                return self._calls
        with open(self._counter, "a+", encoding="ascii") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            number = int(file.read() or "0") + 1
            file.truncate(0)
            file.write(str(number))
            return number


def with_faults(store: ObjectStore, settings: str) -> FaultyStore:
    """A store that fails as ``settings`` say: ``every=10&counter=/tmp/calls``.

    Raises:
        StorageError: this is not a test, or the settings can't be read.
    """
    if os.environ.get(TESTING_VARIABLE) != "1":
        raise StorageError(f"{FAULTS_VARIABLE} is for tests only: unset it, or set {TESTING_VARIABLE}=1 as well")
    given = {name: values[-1] for name, values in parse_qs(settings, keep_blank_values=True).items()}
    unknown = given.keys() - {"every", "counter"}
    if unknown or not given.get("every", "").isdecimal() or int(given["every"]) < 2:
        raise StorageError(f"{FAULTS_VARIABLE}: {settings!r} can't be read; allowed: every=10&counter=/tmp/calls")
    counter = given.get("counter")
    return FaultyStore(store, int(given["every"]), Path(counter) if counter else None)
