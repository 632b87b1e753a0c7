"""The grid of a panel: every step has a number, whatever the calendar between two of them.

Steps go by the *local clock*: with a zone every local day has 24 hourly slots, so that a daily season of 24 is one
through the year. The hour that a clock shows twice is one slot of two moments, the one that it skips a slot of none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .clock import Times, offsets, to_local, to_moments
from .frequency import Frequency

Written = Literal["number", "date", "month", "quarter", "year", "local", "moment"]

_DAY = 86_400
_EPOCH_DAY = date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Grid:
    """Numbers the steps of a frequency: index 0 is at the anchor.

    Times are seconds since 1970 in UTC. Without a zone the clock is taken as UTC's, which is also how local times
    without a zone are kept; for plain integers (`Frequency.unit` is ``step``) times are these numbers themselves.

    Attributes:
        frequency: of the steps.
        zone: IANA's name of the zone whose clock counts; None: none is known.
        anchor: what the clock shows at index 0, in seconds since 1970; for months the day of it counts (29 to 31: the
            last day where a month is shorter); for plain integers the number itself.
        written: how the table wrote its times, and so how `text` writes them. ``moment`` has an offset.
    """

    frequency: Frequency
    zone: str | None
    anchor: int
    written: Written = "local"

    def index(self, times: Times) -> Times:
        """Numbers of the steps that times lie in (n,): those at or last before them."""
        times = np.asarray(times, dtype=np.int64)
        frequency, anchor = self.frequency, self.anchor
        if frequency.unit == "step":
            return (times - anchor) // frequency.count
        local = self.local_of(times)
        if frequency.unit == "second":
            return (local - anchor) // frequency.count
        if frequency.unit == "day":
            return (local - anchor) // (_DAY * frequency.count)
        if frequency.unit == "business_day":
            moved = local - anchor % _DAY  # the clock's time of the day is part of the anchor
            days: Times = _business(moved // _DAY) - _business(np.int64(anchor // _DAY))
            return days // frequency.count
        months = _month_of(local) - _month_of(np.int64(anchor))
        found: Times = months // frequency.count
        return np.where(self._local(found) > local, found - 1, found)

    def times(self, indices: Times) -> Times:
        """When steps begin (n,): the first of two moments, and for a step that is skipped the moment of the change."""
        local = self.local(indices)
        if self.zone is None or self.frequency.unit == "step":
            return local
        return to_moments(local, self.zone)[0]

    def on(self, times: Times) -> NDArray[np.bool_]:
        """Whether times (n,) lie exactly on a step."""
        times = np.asarray(times, dtype=np.int64)
        local, expected = self.local_of(times), self.local(self.index(times))
        right: NDArray[np.bool_] = local == expected
        if self.zone is not None and self.frequency.unit not in ("step", "second"):
            right |= self.times(self.index(times)) == times  # a day that begins at one o'clock: midnight was skipped
        return right

    def local(self, indices: Times) -> Times:
        """What the clock shows when steps begin (n,), in seconds since 1970: hour, weekday and month follow from it."""
        return self._local(np.asarray(indices, dtype=np.int64))

    def local_of(self, times: Times) -> Times:
        """What the clock shows at times (n,), in seconds since 1970."""
        if self.zone is None or self.frequency.unit == "step":
            return np.asarray(times, dtype=np.int64)
        return to_local(times, self.zone)

    def moments_in(self, indices: Times) -> NDArray[np.int8]:
        """How many moments steps have (n,): 2 where the clock shows one twice, 0 where it skips one, else 1.

        Only steps of hours and below are ever none or two.
        """
        indices = np.asarray(indices, dtype=np.int64)
        if self.zone is None or self.frequency.unit != "second":
            return np.ones(indices.shape, dtype=np.int8)
        return to_moments(self.local(indices), self.zone)[2]

    def real_times(self, from_index: int, until: int) -> tuple[Times, Times]:
        """The moments of steps ``from_index`` … ``until - 1`` in their order, and whose each is.

        Returns:
            (m,) seconds UTC, and (m,) positions of the steps, counted from ``from_index``: around a clock change 48
            hourly steps have 49 or 47 moments.
        """
        indices = np.arange(from_index, until, dtype=np.int64)
        positions = np.arange(len(indices), dtype=np.int64)
        if self.zone is None or self.frequency.unit != "second":
            return self.times(indices), positions
        first, last, count = to_moments(self.local(indices), self.zone)
        moments = np.concatenate([first[count > 0], last[count == 2]])
        whose = np.concatenate([positions[count > 0], positions[count == 2]])
        order = np.argsort(moments, kind="stable")
        return moments[order], whose[order]

    def text(self, time: int) -> str:
        """A time as the table wrote its own: ``2024-03-31``, ``2024Q1``, ``2024-03-31T03:00:00+02:00``, ``17``."""
        if self.written == "number":
            return str(int(time))
        shift = int(offsets(np.array([time]), self.zone)[0]) if self.zone is not None else 0
        local = _EPOCH + timedelta(seconds=int(time) + shift)
        if self.written == "date":
            return local.date().isoformat()
        if self.written == "month":
            return f"{local.year:04d}-{local.month:02d}"
        if self.written == "quarter":
            return f"{local.year:04d}Q{(local.month + 2) // 3}"
        if self.written == "year":
            return f"{local.year:04d}"
        if self.written == "moment" or self.zone is not None:
            zoned = local.replace(tzinfo=timezone(timedelta(seconds=shift)))
            return zoned.isoformat() if self.zone is not None else local.isoformat() + "Z"
        return local.isoformat()

    def as_json(self) -> dict[str, Any]:
        """As plain data, for a model's file."""
        return {
            "frequency": self.frequency.as_json(), "zone": self.zone, "anchor": self.anchor, "written": self.written,
        }  # fmt: skip

    @classmethod
    def from_json(cls, told: dict[str, Any]) -> Grid:
        """Read what `as_json` gave."""
        return cls(Frequency.from_json(told["frequency"]), told["zone"], int(told["anchor"]), told["written"])

    def _local(self, indices: Times) -> Times:
        frequency, anchor = self.frequency, self.anchor
        if frequency.unit in ("step", "second"):
            return anchor + indices * frequency.count
        if frequency.unit == "day":
            return anchor + indices * (_DAY * frequency.count)
        clock = anchor % _DAY
        if frequency.unit == "business_day":
            days: Times = _of_business(_business(np.int64(anchor // _DAY)) + indices * frequency.count)
            return days * _DAY + clock
        months = _month_of(np.int64(anchor)) + indices * frequency.count
        first = _first_of(months)
        length = _first_of(months + 1) - first
        day = length if frequency.unit == "month_end" else np.minimum(_day_of(anchor), length)
        found: Times = (first + day - 1) * _DAY + clock
        return found


_EPOCH = datetime(1970, 1, 1)  # the clock's own time


def _month_of(local: Any) -> Any:
    """Months since January 1970 of local seconds."""
    days = (np.asarray(local, dtype=np.int64) // _DAY).astype("datetime64[D]")
    return days.astype("datetime64[M]").astype(np.int64)


def _first_of(months: Any) -> Any:
    """Days since 1970 of the first day of months."""
    return np.asarray(months, dtype=np.int64).astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)


def _day_of(anchor: int) -> int:
    """The day of the month."""
    return date.fromordinal(_EPOCH_DAY + anchor // _DAY).day


def _business(days: Any) -> Any:
    """Business days since 1970 (a Thursday): Saturdays and Sundays count as the Friday before them."""
    from_monday = np.asarray(days, dtype=np.int64) + 3
    return from_monday // 7 * 5 + np.minimum(from_monday % 7, 4)


def _of_business(numbers: Any) -> Any:
    """Days since 1970 of business days."""
    numbers = np.asarray(numbers, dtype=np.int64)
    return numbers // 5 * 7 + numbers % 5 - 3
