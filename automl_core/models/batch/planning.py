"""What is owed, and which of it a run scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from automl_core.data.access import DataError
from automl_core.models.batch.base import BatchBase
from automl_core.models.batch.intervals import (
    Interval,
    check_has_come,
    has_dates,
    interval_of_data,
    newest_only,
)
from automl_core.models.batch.order import Place
from automl_core.models.batch.outcomes import Plan
from automl_core.models.batch.owed import Owed
from automl_core.models.batch.partitions import found_partitions
from automl_core.models.batch.scoring import fingerprint_of
from automl_core.models.life import Life
from automl_core.spec.places import BadPlace

LATEST = 30 * 86400.0
"""Seconds after its end for which the data of an interval are waited for. After that it is given up, in words; who asks
for it by name gets it all the same."""

MOST = 50
"""Intervals that one run takes, the newest first; what is left is the next run's."""


class Planning(BatchBase):
    """What of `Batch` is about what is owed."""

    def plan(
        self, own: Interval | None = None, found: Sequence[Interval] = (), *, asked: bool = False, most: int = MOST
    ) -> Plan:
        """Note what is due, and choose what a run scores.

        Args:
            own: the interval of the run itself, where it has one.
            found: intervals that somebody knows to be there (an asset's event names them).
            asked: whether a person has begun the run: its own interval is owed whenever that was.
            most: intervals in one run.

        Raises:
            StorageError: a store is away.
        """
        life = self.life.refresh()
        first = next((each.time for each in life.shares if each.champion is not None), None)
        if first is None:
            return Plan((), ("no version was ever in use: nothing is owed before there is a champion",))
        self._note_due(life, first if not asked else 0.0, first, own, found)
        state = self.owed.refresh()
        self.owed.settle([key for key in state.owed if key in life.scoring.done])
        words: list[str] = []
        self._give_up(words)
        held = {key: each.interval for key, each in self.owed.journal.state.owed.items()}
        wanted, gone = newest_only(held, self.data.place)
        if gone:
            self.owed.give_up(gone, f"{self.data.place} names no date: what lay there then can't be read any more")
            words.append(f"{len(gone)} intervals are passed over: {self.data.place} names no date, and has newer data")
        for each in self._stuck(wanted):
            words.append(f"{each.key} can't be scored, and is not tried again before its data or the champion change: "
                         f"{each.words}")  # fmt: skip
            if own is None or each.key != own.key:
                wanted.pop(each.key)
        ordered = sorted(wanted.values(), key=lambda each: (each.at or each.end or 0.0, each.key), reverse=True)
        if own is not None and own.key in wanted:
            ordered = [own, *(each for each in ordered if each.key != own.key)]
        if len(ordered) > most:
            words.append(f"{len(ordered)} intervals are owed: {most} of them now, the rest in the next runs")
        return Plan(tuple(ordered[:most]), tuple(words))

    def named(self, texts: Sequence[str]) -> list[Interval]:
        """The intervals that a person names, scored or not.

        Args:
            texts: dates, moments or keys.

        Raises:
            ValueError: one is none, or lies ahead; the message says what is allowed.
        """
        for text in texts:
            check_has_come(text, self.clock())
        return [self.timetable.interval_of(text) for text in texts]

    def _note_due(
        self, life: Life, earliest: float, first: float, own: Interval | None, found: Sequence[Interval]
    ) -> None:
        state, now = self.owed.refresh(), self.clock()
        after = state.until if state.until is not None else first
        due = self.timetable.due(after, now)
        until = None
        if self.timetable.cron is not None:
            until = max((each.end or 0.0 for each in due), default=after)
        if own is not None and (own.end or 0.0) >= earliest:
            due.append(own)
        due += found
        if self.timetable.cron is None:
            due += self._there(first)
        known = state.owed.keys() | {each.key for each in state.closed} | life.scoring.done.keys()
        fresh = {each.key: each for each in due if each.key not in known}
        if fresh or until is not None:
            self.owed.owe(fresh.values(), until)

    def _there(self, first: float) -> list[Interval]:
        """What lies at the place of the data and came after the first champion."""
        if not has_dates(self.data.place):
            try:
                taken = fingerprint_of(Place(self.data.place, self.data.connection, self.data.format), (), self.home,
                                       self.access)  # fmt: skip
            except DataError as error:
                self.say(f"there is nothing to score yet: {error}")
                return []
            return [replace(interval_of_data(taken.digest), start=self.clock(), end=self.clock())]
        partitions = found_partitions(self.data.place, self.home, self.access, self.data.connection)
        # a date's own day is over a day later
        return [each for each in partitions if (each.at or 0.0) + 86400.0 > first]

    def _give_up(self, words: list[str]) -> None:
        old = [
            each.key for each in self.owed.journal.state.owed.values()
            if each.what == "missing" and (each.end or each.since) < self.clock() - LATEST
        ]  # fmt: skip
        if old:
            self.owed.give_up(old, f"its data did not come within {LATEST / 86400:.0f} days")
            words.append(f"given up, since their data did not come within {LATEST / 86400:.0f} days: {', '.join(old)}")

    def _stuck(self, wanted: dict[str, Interval]) -> list[Owed]:
        """Owed intervals whose data could not be scored: they and the champion are what they were."""
        found = []
        for key, interval in wanted.items():
            held = self.owed.journal.state.owed.get(key)
            if held is None or held.what != "failed" or not held.fingerprint:
                continue
            try:
                version = self.life.state.champion
                digest = self.fingerprint(interval, version)[0].digest if version is not None else ""
            except (DataError, BadPlace):
                continue
            if held.tried_in_vain(digest, version or 0):
                found.append(held)
        return found
