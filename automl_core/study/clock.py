"""The time by which an experiment is judged, where the clocks of its machines differ.

Records bear their writers' clocks. A process whose clock is an hour ahead would find that everything has run, and cost,
an hour more than it did, and could end the whole experiment by it. It can tell: what it reads was written a moment ago,
and yet lies an hour back. Silence looks the same to a process that begins, so its clock is then not believed either
until another process writes; a limit on duration or cost is at worst noticed that much later. Not told apart is a
process that begins right after one with the same wrong clock has written.
"""

from __future__ import annotations

from automl_core.study.journal import Journal
from automl_core.study.records import Record

AHEAD = 600.0
"""Seconds that a clock may be ahead of what the journal and the time since it was read say before it isn't believed."""


class JournalClock:
    """This machine's clock, as far as the records of the others bear it out."""

    def __init__(self, journal: Journal) -> None:
        """Follow a journal: what this process writes itself says nothing of its clock."""
        self._journal = journal
        self._own = self._seen = 0
        self._ahead_from: float | None = None
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
        ahead = self._ahead_from or 0.0
        return own - ahead if ahead > AHEAD else own
