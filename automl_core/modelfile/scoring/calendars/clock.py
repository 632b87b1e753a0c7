"""The local clock of a zone, for many times at once: when it changes, and what that does to times.

`zoneinfo` answers for one time after the other. Here the moments at which a zone's offset changes are found once, by
asking it every few days and then halving, and are looked up for whole arrays.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
"""Seconds since 1970: UTC for moments, the clock's own for local times."""

_DAY = 86_400
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PIECE = 10 * 366 * _DAY
"""Changes are found for ten years at a time, and kept."""
_LOOKS = 4 * _DAY
"""No clock was ever changed and changed back within so short a time: Morocco's shortest was of four weeks."""
_FIRST, _LAST = -62_135_596_800 + 2 * _DAY, 253_402_300_800 - 2 * _DAY
"""Years 1 and 9999, which is as far as a `datetime` goes."""


def known(zone: str) -> bool:
    """Whether there is a zone of this name (IANA's, such as ``Europe/Berlin``)."""
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return False
    return True


def to_local(times: Times, zone: str) -> Times:
    """What the clock shows at moments, as seconds since 1970 as if the zone were UTC."""
    times = np.asarray(times, dtype=np.int64)
    return times + offsets(times, zone)


def offsets(times: Times, zone: str) -> Times:
    """Seconds that the zone's clock is ahead of UTC at moments."""
    times = np.asarray(times, dtype=np.int64)
    if not times.size:
        return np.zeros(times.shape, dtype=np.int64)
    moments, values = changes(zone, int(times.min()), int(times.max()))
    return values[np.searchsorted(moments, times, side="right")]


def to_moments(local: Times, zone: str) -> tuple[Times, Times, NDArray[np.int8]]:
    """The moments at which a clock shows given times.

    Args:
        local: (n,) what the clock shows.
        zone: whose clock.

    Returns:
        The first and the last such moment (n,) each, and how many there are (n,): 2 where the clock was set back over
        this time, 0 where it was set forward over it. Where there is none, both are the moment at which a clock that
        was not yet set forward would show it.
    """
    local = np.asarray(local, dtype=np.int64)
    if not local.size:
        return local.copy(), local.copy(), np.zeros(local.shape, dtype=np.int8)
    earlier = local - offsets(local - _DAY, zone)
    later = local - offsets(local + _DAY, zone)
    first_right = to_local(earlier, zone) == local
    last_right = to_local(later, zone) == local
    first = np.where(first_right | ~last_right, earlier, later)
    last = np.where(last_right, later, first)
    first, last = np.minimum(first, last), np.maximum(first, last)
    count = np.where(first_right | last_right, np.where(first == last, 1, 2), 0).astype(np.int8)
    return first, last, count


def changes(zone: str, first: int, last: int) -> tuple[Times, Times]:
    """When a zone's offset changes between two moments.

    Returns:
        (c,) moments from which on another offset holds, and (c + 1,) offsets: before the first, and from each on.
    """
    pieces = [_changes(zone, at) for at in range(first // _PIECE, last // _PIECE + 1)]
    moments: Times = np.concatenate([piece[0] for piece in pieces])
    values: Times = np.concatenate([pieces[0][1][:1], *(piece[1][1:] for piece in pieces)])
    return moments, values


@lru_cache(maxsize=512)
def _changes(zone: str, piece: int) -> tuple[Times, Times]:
    """`changes` of ten years: from the end of the piece before, so that pieces fit together."""
    clock = ZoneInfo(zone)
    days = range(piece * _PIECE, (piece + 1) * _PIECE + _LOOKS, _LOOKS)
    moments: list[int] = []
    values = [_offset(clock, days[0] - 1)]
    before = days[0] - 1
    for day in days:
        at = min(day, (piece + 1) * _PIECE - 1)
        while (found := _offset(clock, at)) != values[-1]:
            low, high = before, at
            while high - low > 1:  # the first moment with another offset than the last one found
                middle = (low + high) // 2
                if _offset(clock, middle) == values[-1]:
                    low = middle
                else:
                    high = middle
            moments.append(high)
            values.append(_offset(clock, high))
            before = high
            if values[-1] == found:
                break
        before = at
    return np.array(moments, dtype=np.int64), np.array(values, dtype=np.int64)


def _offset(clock: ZoneInfo, at: int) -> int:
    moment: Any = (_EPOCH + timedelta(seconds=min(max(at, _FIRST), _LAST))).astimezone(clock)
    return int(moment.utcoffset().total_seconds())
