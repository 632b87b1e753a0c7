"""The grid of times that series lie on: a frequency, an anchor and, where the clock matters, a time zone.

A step of a grid is a slot on the clock, numbered by whole numbers: slot 0 is the anchor. With a zone the clock is the
zone's own, so that every local day has 24 hourly slots: an hour that the clock shows twice is one slot, one that it
leaves out is a slot at which nothing happens (`Grid.real_times` gives a forecast's real hours back).

Document::

    {"frequency": {"unit": "hour", "count": 1},
     "zone": "Europe/Berlin" | None,     None: times have no zone, and are taken as they stand
     "anchor": 0}                        the clock at slot 0, in seconds since 1970-01-01 00:00 on that clock

Units of months (month, quarter, year) keep the anchor's day of the month, cut to the month's last: an anchor on a 31st
means ends of months. ``weekday`` is Monday to Friday.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .zones import DAY, Zone, zone_of

Ints = NDArray[np.int64]

SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": DAY, "week": 7 * DAY}
"""Units that always last the same on a clock → seconds."""

MONTHS = {"month": 1, "quarter": 3, "year": 12}
"""Units that last as long as their months → months."""

UNITS = (*SECONDS, "weekday", *MONTHS)

_SHORT = {
    "s": "second", "sec": "second", "min": "minute", "t": "minute", "h": "hour", "hr": "hour", "d": "day",
    "w": "week", "b": "weekday", "business day": "weekday", "m": "month", "ms": "month", "me": "month",
    "q": "quarter", "qs": "quarter", "qe": "quarter", "y": "year", "ys": "year", "ye": "year", "a": "year",
    "secondly": "second", "minutely": "minute", "hourly": "hour", "daily": "day", "weekly": "week",
    "monthly": "month", "quarterly": "quarter", "yearly": "year", "annual": "year",
}  # fmt: skip
"""What users and libraries write → unit."""


@dataclass(frozen=True)
class Frequency:
    """So many of a unit: 15 minutes.

    Attributes:
        unit: one of `UNITS`.
        count: at least 1.
    """

    unit: str
    count: int = 1

    def __post_init__(self) -> None:
        """Refuse what is none.

        Raises:
            ValueError: an unknown unit, a count below 1, several weekdays.
        """
        if self.unit not in UNITS or self.count < 1 or (self.unit == "weekday" and self.count != 1):
            raise ValueError(f"{self.count} {self.unit} is no frequency (allowed: a count of {', '.join(UNITS)})")

    @classmethod
    def parse(cls, text: str) -> Frequency:
        """A frequency as people and libraries write it: ``hour``, ``15 minutes``, ``15min``, ``D``, ``MS``, ``2W``.

        >>> Frequency.parse("15min")
        Frequency(unit='minute', count=15)

        Raises:
            ValueError: it is none; the message says what is allowed.
        """
        found = re.fullmatch(r"\s*(\d*)\s*([A-Za-z][A-Za-z ]*?)(?:-[A-Za-z]{3})?\s*", text)
        if found:
            word = found[2].casefold()
            for each in (word, word.removesuffix("s")):
                unit = each if each in UNITS else _SHORT.get(each)
                if unit:
                    return cls(unit, int(found[1] or 1))
        raise ValueError(f"{text!r} is no frequency (allowed: {', '.join(UNITS)}, with a count as in '15 minutes')")

    @property
    def seconds(self) -> int | None:
        """How long a step lasts on the clock; None where that differs (months, weekdays)."""
        return SECONDS[self.unit] * self.count if self.unit in SECONDS else None

    @property
    def about(self) -> float:
        """Seconds that a step lasts on average."""
        if self.unit in MONTHS:
            return 365.2425 / 12 * DAY * MONTHS[self.unit] * self.count
        return 7 / 5 * DAY if self.unit == "weekday" else float(SECONDS[self.unit] * self.count)

    @property
    def below_day(self) -> bool:
        """Whether a day has several steps."""
        return self.seconds is not None and self.seconds < DAY

    def __str__(self) -> str:
        return self.unit if self.count == 1 else f"{self.count} {self.unit}s"


@dataclass(frozen=True)
class Grid:
    """Slots of a clock, numbered from the anchor.

    Attributes:
        frequency: of a slot.
        zone: name of the time zone whose clock it is; None: times have none.
        anchor: the clock at slot 0 (`zones`), in seconds.
    """

    frequency: Frequency
    zone: str | None = None
    anchor: int = 0

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Grid:
        """A grid of its document.

        Raises:
            UnknownZone: its zone is not known here.
            ValueError: it is no grid.
        """
        frequency = document["frequency"]
        grid = cls(
            Frequency(str(frequency["unit"]), int(frequency["count"])), document["zone"], int(document["anchor"])
        )
        if grid.zone is not None:
            zone_of(grid.zone)
        return grid

    def to_json(self) -> dict[str, Any]:
        """Its document."""
        frequency = {"unit": self.frequency.unit, "count": self.frequency.count}
        return {"frequency": frequency, "zone": self.zone, "anchor": int(self.anchor)}

    def _zone(self) -> Zone | None:
        return None if self.zone is None else zone_of(self.zone)

    def local(self, times: ArrayLike) -> Ints:
        """What the grid's clock shows at instants (seconds since 1970 UTC)."""
        instants = np.atleast_1d(np.asarray(times, dtype=np.int64))
        zone = self._zone()
        return instants if zone is None else zone.clock(instants)

    def clock(self, indices: ArrayLike) -> Ints:
        """What the clock shows at the start of slots: calendar fields are made of this (`calendar`)."""
        slots = np.atleast_1d(np.asarray(indices, dtype=np.int64))
        seconds = self.frequency.seconds
        if seconds is not None:
            return self.anchor + slots * seconds
        day, of_day = divmod(self.anchor, DAY)
        if self.frequency.unit == "weekday":
            number = slots + _weekday_number(np.asarray([day]))[0]
            return (number // 5 * 7 + number % 5 + 4) * DAY + of_day  # 1970-01-05 was a Monday
        start = np.datetime64(day, "D")
        month = start.astype("datetime64[M]")
        wanted = int((start - month.astype("datetime64[D]")).astype(np.int64))  # days after the month's first
        months = month.astype(np.int64) + slots * (MONTHS[self.frequency.unit] * self.frequency.count)
        first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
        last = (months + 1).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64) - 1
        return np.asarray(np.minimum(first + wanted, last) * DAY + of_day, dtype=np.int64)

    def index(self, times: ArrayLike) -> Ints:
        """The slot of each instant: the last that has begun.

        Args:
            times: seconds since 1970 UTC.
        """
        return self.slot(self.local(times))

    def slot(self, clock: Ints) -> Ints:
        """The slot of readings of the clock."""
        seconds = self.frequency.seconds
        if seconds is not None:
            return np.asarray((clock - self.anchor) // seconds, dtype=np.int64)
        day, of_day = divmod(self.anchor, DAY)
        days = (clock - of_day) // DAY
        if self.frequency.unit == "weekday":
            return np.asarray(_weekday_number(days) - _weekday_number(np.asarray([day]))[0], dtype=np.int64)
        step = MONTHS[self.frequency.unit] * self.frequency.count
        months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
        first = np.datetime64(day, "D").astype("datetime64[M]").astype(np.int64)
        found = (months - first) // step
        return np.asarray(np.where(self.clock(found) > clock, found - 1, found), dtype=np.int64)

    def times(self, indices: ArrayLike) -> Ints:
        """The instant at which each slot begins, seconds since 1970 UTC; the first of two (`real_times` has both)."""
        clock = self.clock(indices)
        zone = self._zone()
        return clock if zone is None else zone.instants(clock)

    def fits(self, times: ArrayLike) -> NDArray[np.bool_]:
        """Whether each instant is the very start of a slot."""
        local = self.local(times)
        return np.asarray(self.clock(self.slot(local)) == local)

    def real_times(self, first: int, until: int) -> tuple[Ints, Ints]:
        """The real instants of slots: two of one that the clock shows twice, none of one that it leaves out.

        Args:
            first: the first slot.
            until: the slot after the last.

        Returns:
            Instants in their order, and the slot of each: in two days around a change 47 or 49 hours of 48 slots.
        """
        slots = np.arange(first, until, dtype=np.int64)
        zone = self._zone()
        if zone is None or not self.frequency.below_day:
            return self.times(slots), slots
        clock = self.clock(slots)
        one, two = zone.instants(clock), zone.instants(clock, again=True)
        there, twice = zone.clock(one) == clock, two != one
        times, places = np.concatenate([one[there], two[twice]]), np.concatenate([slots[there], slots[twice]])
        order = np.argsort(times, kind="stable")
        return times[order], places[order]

    def text(self, time: int) -> str:
        """An instant as people read it: a day alone where steps are days, else ISO 8601, with its offset in a zone."""
        clock = int(self.local([time])[0])
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=clock)
        if not self.frequency.below_day and clock % DAY == 0:
            return moment.strftime("%Y-%m-%d")
        text = moment.strftime("%Y-%m-%dT%H:%M:%S")
        if self.zone is None:
            return text
        sign, seconds = ("-", int(time) - clock) if clock < time else ("+", clock - int(time))
        return f"{text}{sign}{seconds // 3600:02d}:{seconds % 3600 // 60:02d}"


def _weekday_number(days: Ints) -> Ints:
    """Days since 1970 as numbers of weekdays; a weekend's are its Friday's."""
    since_monday = days - 4
    return np.asarray(since_monday // 7 * 5 + np.minimum(since_monday % 7, 4), dtype=np.int64)
