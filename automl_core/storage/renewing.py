"""Opens a store anew when it refuses the credentials that it was opened with: keys are rotated, sessions end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from automl_core.storage.base import AccessRefused, ObjectStore
from automl_core.storage.wrapper import StoreWrapper

T = TypeVar("T")

RENEW_EVERY = 10.0
"""Least seconds between two readings of the credentials of a store: whatever asks, it may ask often."""

_log = logging.getLogger(__name__)


class RenewingStore(StoreWrapper):
    """Does a call that was refused once more, with credentials that were read anew.

    A refused call has done nothing, so that may be done with any call. All that holds the store goes on with the new
    credentials; many threads that are refused at once read them once.

    Args:
        inner: the store.
        reopen: reads the credentials and opens the store with them; may raise anything.
        every: least seconds between two of that.
        clock: seconds.
    """

    def __init__(
        self,
        inner: ObjectStore,
        reopen: Callable[[], ObjectStore],
        every: float = RENEW_EVERY,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(inner)
        self._reopen, self._every, self._clock = reopen, every, clock
        self._tried = float("-inf")
        self._renewing = threading.Lock()

    def _call(self, operation: str, key: str, call: Callable[[], T]) -> T:
        used = self._inner
        try:
            return call()
        except AccessRefused as error:
            if not self._renewed(used, error):
                raise
        return call()

    def _renewed(self, used: ObjectStore, error: AccessRefused) -> bool:
        """Whether there is another store than ``used`` now."""
        with self._renewing:
            if self._inner is not used:  # another thread was faster
                return True
            now = self._clock()
            if now - self._tried < self._every:
                return False
            self._tried = now
            try:
                fresh = self._reopen()
            except Exception as failed:  # its text may hold what the connection holds
                _log.warning(
                    "%s; the credentials can't be read anew, the old ones are used on: %s", error, type(failed).__name__
                )
                return False
            _log.info("%s; the credentials were read anew, it is tried once more", error)
            self._inner = fresh
            return True
