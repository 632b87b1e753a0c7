"""The time by which an experiment is judged, where the clocks of its machines differ.

Records bear their writers' clocks, and a process whose clock is an hour ahead would find that everything has run, and
cost, an hour more than it did: it could end the whole experiment by it. So before a limit on duration or cost is held
to have been reached, the one clock that all share is asked, the store's: once a process, by an object that it writes
and looks at. A limit is reached once in an experiment, so nothing else pays for it.
"""

from __future__ import annotations

import logging

from automl_core.journal.clock import TOLERATED, ahead_of_store
from automl_core.study.journal import StudyJournal
from automl_core.study.layout import SCRATCH

log = logging.getLogger(__name__)


class JournalClock:
    """This machine's clock, put right by the store's once that was asked."""

    def __init__(self, journal: StudyJournal) -> None:
        """Ask nothing yet."""
        self._journal = journal
        self._ahead: float | None = None

    def now(self) -> float:
        """Seconds since 1970."""
        return self._journal.clock() - (self._ahead or 0.0)

    def is_wrong(self) -> bool:
        """Ask the store, the first time; whether what `now` tells has changed by it."""
        if self._ahead is not None:
            return False
        ahead = ahead_of_store(self._journal.store, f"{self._journal.prefix}{SCRATCH}", self._journal.clock) or 0.0
        self._ahead = ahead if ahead > TOLERATED else 0.0
        if self._ahead:
            log.warning(
                "this machine's clock is %.0f s ahead of the store's; the experiment is judged by the latter", ahead
            )
        return bool(self._ahead)
