"""The time by which an experiment is judged, where the clocks of its machines differ.

Records bear their writers' clocks. A process whose clock is an hour ahead would find that everything has run, and cost,
an hour more than it did, and could end the whole experiment by it. What it sees looks alarming: the newest record of
others lies an hour back. After a long silence it sees the same, and is right. So a process that finds itself so far
ahead asks the one clock that all share, the store's: once, by an object that it writes and looks at.
"""

from __future__ import annotations

import logging
import uuid

from automl_core.journal import Record
from automl_core.storage.base import StorageError
from automl_core.study.journal import StudyJournal
from automl_core.study.layout import SCRATCH

AHEAD = 600.0
"""Seconds that a clock may be ahead of others' newest record, and of the time since, before it is doubted."""

TOLERATED = 60.0
"""Seconds that a doubted clock may differ from the store's: that much is the way to it and back, and ordinary drift."""

log = logging.getLogger(__name__)


class JournalClock:
    """This machine's clock, as far as the records of the others and the store bear it out."""

    def __init__(self, journal: StudyJournal) -> None:
        """Follow a journal: what this process writes itself says nothing of its clock."""
        self._journal = journal
        self._own = self._seen = 0
        self._ahead_from: float | None = None
        self._skew: float | None = None
        journal.writers.append(self._wrote)

    def _wrote(self, record: Record) -> None:
        self._own = record.seq

    def now(self) -> float:
        """Seconds since 1970."""
        own, state = self._journal.clock(), self._journal.state
        if state.seq > self._seen:
            self._seen = state.seq
            if state.seq != self._own or self._ahead_from is None:
                # how far this clock is ahead of the newest record of another process, at least since it was read
                self._ahead_from = own - state.updated
        if (self._ahead_from or 0.0) <= AHEAD:
            return own
        if self._skew is None:
            self._skew = self._measured()
        return own - self._skew if self._skew > TOLERATED else own

    def _measured(self) -> float:
        """Seconds that this clock is ahead of the store's; 0 where the store doesn't tell."""
        key = f"{self._journal.prefix}{SCRATCH}clock-{uuid.uuid4().hex}"
        store = self._journal.store
        try:
            before = self._journal.clock()
            store.put(key, b"what is the time?")
            entries = store.entries(key)
            store.delete(key)
        except StorageError as error:
            log.warning("the store's clock can't be asked, that of this machine is believed: %s", error)
            return 0.0
        if not entries or entries[0].modified <= 0:
            return 0.0
        skew = before - entries[0].modified
        if skew > TOLERATED:
            log.warning(
                "the clock of this machine is %.0f s ahead of the store's; the experiment is judged by that", skew
            )
        return skew
