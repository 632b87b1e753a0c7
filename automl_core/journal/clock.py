"""The one clock that all who write a journal share: its store's.

Records bear their writers' clocks, and what has a time (a lease, a deadline) is judged by them. A machine whose clock
is a day ahead would end everybody's. So it asks the store what the time is: by an object that it writes and looks at.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable

from automl_core.storage.base import ObjectStore, StorageError

TOLERATED = 60.0
"""Seconds that a clock may be ahead of the store's: that much is the way to it and back, and ordinary drift."""

SCRATCH = "scratch/"
"""Where, below a journal's folder, the object lies meanwhile."""

AGAIN, AFTER_FAILURE = 3600.0, 10.0
"""Seconds after which a store is asked anew: clocks are put right, and go wrong, while a process lives. And after which
one that could not be asked is: it may have been away for a moment."""

log = logging.getLogger(__name__)


def ahead_of_store(store: ObjectStore, prefix: str, clock: Callable[[], float]) -> float | None:
    """Seconds that a clock is ahead of a store's; 0 where the store doesn't tell, None where it can't be asked now.

    Args:
        store: whose time it is.
        prefix: a folder that may be written into, ending with '/'.
        clock: seconds since 1970.
    """
    key = f"{prefix}clock-{uuid.uuid4().hex}"
    try:
        before = clock()
        store.put(key, b"what is the time?")
        entries = store.entries(key)
        store.delete(key)
    except StorageError as error:
        log.warning("the store's clock can't be asked now, what is known of this machine's is believed: %s", error)
        return None
    return before - entries[0].modified if entries and entries[0].modified > 0 else 0.0


class SharedClock:
    """This machine's clock, put right by the store's once that was asked.

    A clock that is behind needs nothing: the time never runs behind that of the newest record.
    """

    def __init__(
        self, store: ObjectStore, prefix: str, clock: Callable[[], float],
        steady: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        """Ask nothing yet.

        Args:
            store: whose time it is.
            prefix: the journal's folder, ending with '/'.
            clock: seconds since 1970.
            steady: seconds that never jump, by which it is told when to ask anew.
        """
        self._store, self._prefix, self._clock, self._steady = store, prefix, clock, steady
        self._due: float | None = None
        self.ahead = 0.0
        """Seconds that this machine's clock was found ahead; 0 within what is tolerated, and before it was asked."""

    def now(self) -> float:
        """Seconds since 1970."""
        return self._clock() - self.ahead

    def ask(self, newest: float) -> None:
        """Ask the store, where that is due: a clock that is with the newest record is with whoever wrote that.

        Args:
            newest: the time of the newest record, by which a clock that is no later is as right as the others.
        """
        if self._due is not None and self._steady() < self._due:
            return
        if not self.ahead and self._clock() <= newest + TOLERATED:  # one found ahead may have been put right since
            return
        found = ahead_of_store(self._store, f"{self._prefix}{SCRATCH}", self._clock)
        self._due = self._steady() + (AGAIN if found is not None else AFTER_FAILURE)
        if found is None:
            return
        if found > TOLERATED and not self.ahead:
            log.warning("this machine's clock is %.0f s ahead of the store's; the latter counts", found)
        self.ahead = found if found > TOLERATED else 0.0
