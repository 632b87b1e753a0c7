"""A time zone's clock, for arrays of times: what the clock shows at an instant, and when it shows something.

Instants are int64 seconds since 1970 in UTC; a clock's reading is the same number for a clock that never left UTC, so
that 1970-01-02 00:00 on the wall is 86400 in every zone. A clock that is put back shows an hour twice, one that is put
forward never shows another (PEP 495 calls them a fold and a gap).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

DAY = 86400

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PAD = 2 * DAY
"""Around what is asked for: no zone is further than this from UTC."""


class UnknownZone(ValueError):
    """A name that is none of a time zone here."""


class Zone:
    """A time zone by its name in the IANA database."""

    def __init__(self, name: str) -> None:
        """Find it.

        Raises:
            UnknownZone: there is none of this name; the nearest one is named.
        """
        self.name = name
        self._zone = _found(name)
        self._from = self._until = 0
        self._changes: Ints = np.empty(0, dtype=np.int64)
        self._offsets: Ints = np.asarray([self._at(0)], dtype=np.int64)

    def _at(self, instant: int) -> int:
        moment = (_EPOCH + timedelta(seconds=instant)).astimezone(self._zone)
        offset = moment.utcoffset()
        return 0 if offset is None else round(offset.total_seconds())

    def _know(self, low: int, high: int) -> None:
        """Have all changes of the offset between two instants: looked at day by day, then halved to the second."""
        if self._from <= low and high < self._until:
            return
        low, high = low - _PAD, high + _PAD
        if self._from < self._until:
            low, high = min(low, self._from), max(high, self._until)
        days = range(low // DAY * DAY, high + 2 * DAY, DAY)
        changes, offsets = [], [self._at(days[0])]
        for day in days[1:]:
            offset = self._at(day)
            if offset != offsets[-1]:
                before, after = day - DAY, day
                while after - before > 1:
                    middle = (before + after) // 2
                    if self._at(middle) == offsets[-1]:
                        before = middle
                    else:
                        after = middle
                changes.append(after)
                offsets.append(offset)
        self._from, self._until = days[0], days[-1]
        self._changes, self._offsets = np.asarray(changes, dtype=np.int64), np.asarray(offsets, dtype=np.int64)

    def offsets(self, instants: Ints) -> Ints:
        """Seconds that the clock is ahead of UTC at instants."""
        if not len(instants):
            return np.zeros(0, dtype=np.int64)
        self._know(int(instants.min()), int(instants.max()))
        return self._offsets[np.searchsorted(self._changes, instants, side="right")]

    def clock(self, instants: Ints) -> Ints:
        """What the clock shows at instants."""
        return instants + self.offsets(instants)

    def instants(self, clock: Ints, *, again: bool = False) -> Ints:
        """When the clock shows these readings.

        A reading that comes twice is its first instant, with `again` its second. One that never comes is the instant
        after the change at which it would have come without it, as PEP 495 has it.
        """
        if not len(clock):
            return np.zeros(0, dtype=np.int64)
        self._know(int(clock.min()), int(clock.max()))
        early = clock - self.offsets(clock - DAY)  # by the offset before a change nearby
        late = clock - self.offsets(clock + DAY)
        fits_early, fits_late = self.clock(early) == clock, self.clock(late) == clock
        first = np.where(fits_early, early, np.where(fits_late, late, early))
        second = np.where(fits_late, late, first)
        return np.asarray(second if again else first, dtype=np.int64)


@lru_cache(maxsize=64)
def zone_of(name: str) -> Zone:
    """A zone, made once."""
    return Zone(name)


def _found(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        names = sorted(available_timezones())
    if not names:
        raise UnknownZone(
            f"the time zone {name!r} can't be read: this machine has no time zones (pip install tzdata)"
        ) from None
    import difflib

    last = {each.rpartition("/")[2].casefold(): each for each in names}
    lower = {each.casefold(): each for each in names} | last
    near = difflib.get_close_matches(name.casefold().replace(" ", "_"), lower, n=1)
    hint = f"; do you mean {lower[near[0]]}?" if near else " (allowed: names as Europe/Berlin)"
    raise UnknownZone(f"there is no time zone {name!r}{hint}")
