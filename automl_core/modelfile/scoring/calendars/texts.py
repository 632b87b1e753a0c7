"""Times as tables write them: ISO 8601, days, months, quarters, years, plain numbers."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import numpy as np

from .clock import Times
from .grid import Grid, Written

_NUMBER = re.compile(r"[+-]?\d+(?:\.0*)?")
_YEAR = re.compile(r"(\d{4})(?:\.0*)?")
_MONTH = re.compile(r"(\d{4})[-/M]?(0[1-9]|1[0-2])")
_QUARTER = re.compile(r"(\d{4})[-/ ]?[Qq]([1-4])")
_SLASHES = re.compile(r"(\d{4})/(\d\d)/(\d\d)")
_HOURS = re.compile(r"((?:19|20|21)\d\d)(\d\d)(\d\d)(\d\d)(\d\d)?(\d\d)?(?:\.0*)?")
_COUNT = re.compile(r"(\d{9,19})(?:\.0*)?")

ALLOWED = "ISO 8601 as 2024-03-31 or 2024-03-31T14:00, 2024-03, 2024Q1, 2024"
"""What may be written, for messages."""


def moment_of(text: str) -> tuple[int, Written]:
    """A time's seconds since 1970, and how it is written: with an offset UTC's (``moment``), else the clock's own.

    Of a month, a quarter or a year it is the first day, of a week of ISO 8601 its Monday; digits such as 2026033114 are
    a date and an hour (with minutes, with seconds), where they are one; another whole number of nine digits and more
    counts seconds since 1970, or parts of them.

    Raises:
        ValueError: it is no time.
    """
    plain = text.strip()
    if found := _YEAR.fullmatch(plain):
        return _first(int(found[1]), 1), "year"
    if found := _QUARTER.fullmatch(plain):
        return _first(int(found[1]), 3 * int(found[2]) - 2), "quarter"
    if found := _MONTH.fullmatch(plain):
        return _first(int(found[1]), int(found[2])), "month"
    if (found := _HOURS.fullmatch(plain)) and (seconds := _written_out(found)) is not None:
        return seconds, "local"
    if found := _COUNT.fullmatch(plain):
        count = int(found[1])
        parts = next((each for each in (1, 10**3, 10**6, 10**9) if 5 * 10**8 * each <= count <= 5 * 10**9 * each), 0)
        if parts and count % parts == 0:
            return count // parts, "moment"
    try:
        read = datetime.fromisoformat(_SLASHES.sub(r"\1-\2-\3", plain, count=1))
    except ValueError:
        raise ValueError(f"{text!r} is no time (allowed: {ALLOWED})") from None
    if read.tzinfo is not None:
        return _seconds(read), "moment"
    plain_day = len(plain) <= len("2024-03-31") and not (read.hour or read.minute or read.second)
    return _seconds(read.replace(tzinfo=UTC)), "date" if plain_day else "local"


def slots_of(grid: Grid, texts: list[str]) -> tuple[Times, Times]:
    """Steps of a grid that times stand for.

    A time without an offset is what the grid's clock shows, so that the two readings of an hour that comes twice are
    one step.

    Args:
        grid: of the series.
        texts: times.

    Returns:
        (n,) steps, and (n,) whether the time is the very beginning of its step (1) or lies within it (0).

    Raises:
        ValueError: a text that is no time of this grid; the message says what is allowed.
    """
    if grid.frequency.unit == "step":
        for text in texts:
            if not _NUMBER.fullmatch(text.strip()):
                raise ValueError(f"{text!r} is no whole number, and the model's steps are numbered")
        numbers = np.asarray([int(text.strip().partition(".")[0]) for text in texts], dtype=np.int64)
        return grid.index(numbers), grid.on(numbers).astype(np.int64)
    clock = Grid(grid.frequency, None, grid.anchor, grid.written)
    seconds, aware = np.empty(len(texts), dtype=np.int64), np.zeros(len(texts), dtype=bool)
    for place, text in enumerate(texts):
        seconds[place], written = moment_of(text)
        aware[place] = written == "moment"
        if aware[place] and grid.zone is None and grid.written != "moment" and not _at_utc(text):
            raise ValueError(f"{text!r} has an offset, and the model's times have none (allowed: as {_sample(grid)})")
        if written in ("month", "quarter", "year") and grid.frequency.unit == "month_end":
            months = {"month": 1, "quarter": 3, "year": 12}[written]
            seconds[place] = _last_day(int(seconds[place]), months)
    slots, exact = clock.index(seconds), clock.on(seconds)
    if aware.any():
        slots[aware], exact[aware] = grid.index(seconds[aware]), grid.on(seconds[aware])
    return slots, exact.astype(np.int64)


def _seconds(moment: datetime) -> int:
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // (datetime(1970, 1, 1, 0, 0, 1) - datetime(1970, 1, 1))


def _written_out(found: re.Match[str]) -> int | None:
    """Seconds since 1970 of year, month, day, hour and what follows; None where they are no time."""
    try:
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups())
        return _seconds(datetime(year, month, day, hour, minute, second, tzinfo=UTC))
    except ValueError:
        return None


def _first(year: int, month: int) -> int:
    return (date(year, month, 1) - date(1970, 1, 1)).days * 86_400


def _last_day(first: int, months: int) -> int:
    month = np.int64(first // 86_400).astype("datetime64[D]").astype("datetime64[M]") + months
    return int(month.astype("datetime64[D]").astype(np.int64) - 1) * 86_400


def _at_utc(text: str) -> bool:
    return text.strip().endswith(("Z", "z", "+00:00", "+0000"))


def _sample(grid: Grid) -> str:
    return grid.text(int(grid.times(np.zeros(1, dtype=np.int64))[0]))
