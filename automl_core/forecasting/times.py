"""A column of times as seconds: dates, moments, texts such as ``2024-03`` and ``2024Q1``, or whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from automl_core.data.text_types import typed
from automl_core.forecasting.finding import SeriesFinding
from automl_core.forecasting.grid import Times, Written
from automl_core.forecasting.panel import SeriesError
from automl_core.modelfile.scoring.calendars import clock

Kind = Literal["number", "local", "moment"]

_DAY = 86_400
_UNITS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_MONTH = r"^[0-9]{4}[-/M][0-9]{2}$"
_QUARTER = r"^[0-9]{4}[- ]?[Qq][1-4]$"
_WEEK = r"^[0-9]{4}-?W[0-9]{2}$"
_SLASHES = r"^[0-9]{4}/[0-9]{2}/[0-9]{2}"
_OFFSET = r"[0-9]{2}:[0-9]{2}.*(Z|[+-][0-9]{2}(:?[0-9]{2})?)$"
_DIGITS = (
    ("year, month, day and hour", 1), ("year, month, day, hour and minute", 100),
    ("year, month, day, hour, minute and second", 10_000),
)  # fmt: skip
"""What numbers of 10, 12 and 14 digits may be, as partitions of tables are called; and how many parts an hour has."""
_ROUNDED = 0.06
"""Months by which a year with decimals may be off: two decimals are written, 1949.08."""
_FORMS = "2024-03-31, 2024-03-31T14:00, the same with an offset (+02:00 or Z), 2024-03, 2024Q1, 2024-W13, whole numbers"


@dataclass(frozen=True)
class TimeColumn:
    """Times as they were read.

    Attributes:
        seconds: (N,) seconds since 1970: of moments in UTC, of local times what the clock showed; of numbers
            themselves.
        kind: what they are.
        written: how the table wrote them.
        zone: of a column that has one in its type (Parquet), such as ``Europe/Berlin``.
        findings: how a doubtful one was read.
    """

    seconds: Times
    kind: Kind
    written: Written
    zone: str | None = None
    findings: tuple[SeriesFinding, ...] = ()


def rows_named(rows: NDArray[Any], most: int = 3) -> str:
    """Rows of a table for a sentence, counted from 1 (names of columns are no row)."""
    shown = ", ".join(f"{row + 1:,}" for row in rows[:most].tolist())
    more = f" and {len(rows) - most:,} more" if len(rows) > most else ""
    return f"row{'s' if len(rows) > 1 else ''} {shown}{more}"


def read_times(column: pa.ChunkedArray, name: str, *, numbers: bool = False, years: bool = False) -> TimeColumn:
    """The times of a column.

    Args:
        column: of dates, timestamps, texts or whole numbers.
        name: of the column, for messages.
        numbers: whether whole numbers are steps whatever they look like (the frequency ``step`` was given).
        years: whether whole numbers of four digits are years (a frequency of months or years was given).

    Raises:
        SeriesError: a row has no time, or one that can't be read; names rows.
    """
    if isinstance(column.type, pa.DictionaryType):
        column = column.cast(column.type.value_type)
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    stated = column if text else None
    if text:
        column = typed(column.cast(pa.string()))
        if pa.types.is_string(column.type):
            column = typed(_spelled(column))
    kind = column.type
    if column.null_count:
        empty = np.flatnonzero(pc.is_null(column).to_numpy(zero_copy_only=False))
        raise SeriesError(
            f"{name}: {rows_named(empty)} of {len(column):,} have no time; give one, or leave them out", empty
        )
    if pa.types.is_date(kind):
        days = column.cast(pa.date32()).cast(pa.int32()).to_numpy().astype(np.int64)
        return TimeColumn(days * _DAY, "local", "date")
    if pa.types.is_timestamp(kind):
        return _timestamps(column, name, stated)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        parts = None if numbers else _parts_of_years(column.cast(pa.float64()).to_numpy())
        if parts is not None:
            return parts
        column = _whole(column, name)
        kind = column.type
    if pa.types.is_integer(kind):
        return _numbers(_signed(column, name), numbers, years)
    if pa.types.is_string(kind):
        return _texts(column, name)
    raise SeriesError(f"{name}: a column of {kind} has no times (allowed: {_FORMS})")


def _spelled(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Dates with slashes behind the year as with hyphens, the order is certain there; midnights without a clock."""
    if pc.all(pc.match_substring_regex(column, _SLASHES)).as_py():
        column = pc.replace_substring(column, "/", "-", max_replacements=2)
    return pc.replace_substring_regex(column, r"^\s*([0-9]{4}-[0-9]{2}-[0-9]{2})\s*$", r"\1T00:00")


def _timestamps(column: pa.ChunkedArray, name: str, stated: pa.ChunkedArray | None) -> TimeColumn:
    zone, parts = column.type.tz, _UNITS[column.type.unit]
    found = column.cast(pa.int64()).to_numpy()
    seconds = found // parts
    finer = np.flatnonzero(seconds * parts != found)
    if len(finer):
        raise SeriesError(
            f"{name}: {rows_named(finer)} {'has a time' if len(finer) == 1 else 'have times'} finer than a second; "
            "round them first, since steps below a second are not understood", finer,
        )  # fmt: skip
    if zone is None:
        whole_days = bool((seconds % _DAY == 0).all())
        return TimeColumn(seconds, "local", "date" if whole_days and stated is None else "local")
    named = zone if clock.known(zone) and zone not in ("UTC", "Etc/UTC", "GMT", "Z") else None
    return TimeColumn(seconds, "moment", "moment", named, _offsets(stated))


def _offsets(stated: pa.ChunkedArray | None) -> tuple[SeriesFinding, ...]:
    """That texts had several offsets, which ones."""
    if stated is None:
        return ()
    ends = pc.extract_regex(pc.utf8_trim_whitespace(stated), r"(?P<offset>Z|[+-][0-9]{2}(?::?[0-9]{2})?)$")
    found = sorted(str(each) for each in pc.unique(pc.struct_field(ends, [0])).to_pylist() if each)
    if len(found) < 2:
        return ()
    return (
        SeriesFinding(
            "offsets", "certain", f"times have several offsets: {', '.join(found[:5])}",
            "each was read with its own, as a moment", "", numbers={"offsets": len(found)},
        ),
    )  # fmt: skip


def _parts_of_years(values: NDArray[np.float64]) -> TimeColumn | None:
    """Years with months or quarters as decimals, such as R's 1949.083 for February; None where they are none."""
    if not len(values) or not np.isfinite(values).all() or values.min() < 1000 or values.max() >= 2200:
        return None
    months = np.round((values - 1970) * 12).astype(np.int64)
    if bool((values == np.floor(values)).all()) or float(np.abs((values - 1970) * 12 - months).max()) > _ROUNDED:
        return None
    quarters = bool((months % 3 == 0).all())
    finding = SeriesFinding(
        "times_read", "doubtful", f"times are numbers such as {values[1 if len(values) > 1 else 0]:g}",
        f"they were read as years with their {'quarters' if quarters else 'months'} as decimals",
        "write 2024-03 or 2024Q1 where that is wrong",
    )  # fmt: skip
    return TimeColumn(_months_in(months), "local", "quarter" if quarters else "month", findings=(finding,))


def _whole(column: pa.ChunkedArray, name: str) -> pa.ChunkedArray:
    values = column.cast(pa.float64()).to_numpy()
    broken = np.flatnonzero(~np.isfinite(values) | (values != np.floor(values)) | (np.abs(values) > 2**53))
    if len(broken):
        raise SeriesError(f"{name}: {rows_named(broken)}: {values[broken[0]]:g} is no time (allowed: {_FORMS})", broken)
    return pa.chunked_array([pa.array(values.astype(np.int64))])


def _signed(column: pa.ChunkedArray, name: str) -> Times:
    try:
        found: Times = column.cast(pa.int64()).to_numpy()
    except pa.ArrowInvalid:
        raise SeriesError(f"{name}: whole numbers above 2^63 are no times (allowed: {_FORMS})") from None
    if len(found) and max(abs(int(found.min())), abs(int(found.max()))) > 2**61:
        raise SeriesError(f"{name}: whole numbers above 2^61 are no times (allowed: {_FORMS})")
    return found


def _numbers(values: Times, numbers: bool, years: bool) -> TimeColumn:
    """Whole numbers: steps, unless all of them are years, year and month, dates, or seconds since 1970."""
    plain = TimeColumn(values, "number", "number")
    if numbers or not len(values):
        return plain
    low, high = int(values.min()), int(values.max())
    if years and low >= 1000 and high <= 2999:
        return TimeColumn(_months_in((values - 1970) * 12), "local", "year")
    if low == high:
        return plain
    if low >= 1500 and high <= 2100:
        months = (values - 1970) * 12
        return TimeColumn(_months_in(months), "local", "year", findings=(_read_as(low, "years"),))
    if low >= 180_001 and high <= 220_012 and bool(((values % 100 >= 1) & (values % 100 <= 12)).all()):
        months = (values // 100 - 1970) * 12 + values % 100 - 1
        return TimeColumn(_months_in(months), "local", "month", findings=(_read_as(low, "year and month"),))
    if low >= 18_000_101 and high <= 22_001_231:
        days = _dates(values)
        if days is not None:
            return TimeColumn(days * _DAY, "local", "date", findings=(_read_as(low, "year, month and day"),))
    for word, parts in _DIGITS:
        if 1900 * 10**6 * parts <= low and high < 2200 * 10**6 * parts:
            moments = _moments(values // parts, values % parts, parts)
            if moments is not None:
                return TimeColumn(moments, "local", "local", findings=(_read_as(low, word),))
    for word, parts in (("seconds", 1), ("milliseconds", 10**3), ("microseconds", 10**6), ("nanoseconds", 10**9)):
        if 5 * 10**8 * parts <= low and high <= 5 * 10**9 * parts:
            step = int(np.gcd.reduce(np.diff(np.unique(values))))
            if step % (60 if parts == 1 else parts) == 0 and not (values % parts).any():
                finding = _read_as(low, f"{word} since 1970 in UTC")
                return TimeColumn(values // parts, "moment", "moment", findings=(finding,))
    return plain


def _moments(hours: Times, rest: Times, parts: int) -> Times | None:
    """Seconds since 1970 of dates with hours such as 2024033114, and of minutes and seconds behind them.

    Args:
        hours: year, month, day and hour.
        rest: minutes, or minutes and seconds, or zeros.
        parts: 1, 100 or 10,000: how the rest is counted.
    """
    clock_of, days = hours % 100, _dates(hours // 100)
    minutes, seconds = (rest, rest * 0) if parts <= 100 else (rest // 100, rest % 100)
    if days is None or not bool(((clock_of < 24) & (minutes < 60) & (seconds < 60)).all()):
        return None
    return days * _DAY + clock_of * 3600 + minutes * 60 + seconds


def _read_as(example: int, what: str) -> SeriesFinding:
    return SeriesFinding(
        "times_read", "doubtful", f"times are whole numbers such as {example}",
        f"they were read as {what}", "give `frequency: step` where they only count",
    )  # fmt: skip


def _dates(values: Times) -> Times | None:
    """Days since 1970 of numbers such as 20240331; None where one of them is no date."""
    year, month, day = values // 10_000, values // 100 % 100, values % 100
    if not bool(((month >= 1) & (month <= 12) & (day >= 1)).all()):
        return None
    months = (year - 1970) * 12 + month - 1
    first = _months_in(months) // _DAY
    return first + day - 1 if bool((day <= _months_in(months + 1) // _DAY - first).all()) else None


def _months_in(months: Times) -> Times:
    """Seconds since 1970 at the beginning of months since January 1970."""
    return np.asarray(months).astype("datetime64[M]").astype("datetime64[s]").astype(np.int64)


def _texts(column: pa.ChunkedArray, name: str) -> TimeColumn:
    """Texts that are no date: months, quarters, weeks; else what is wrong, with its rows."""
    plain = pc.utf8_trim_whitespace(column)

    def all_are(pattern: str) -> bool:
        return bool(pc.all(pc.match_substring_regex(plain, pattern)).as_py())

    def digits(start: int, stop: int | None) -> Times:
        return pc.utf8_slice_codeunits(plain, start, stop).cast(pa.int64()).to_numpy()  # type: ignore[no-any-return]

    if all_are(_MONTH):
        month = digits(5, 7)
        if bool(((month >= 1) & (month <= 12)).all()):
            return TimeColumn(_months_in((digits(0, 4) - 1970) * 12 + month - 1), "local", "month")
    if all_are(_QUARTER):
        return TimeColumn(_months_in((digits(0, 4) - 1970) * 12 + (digits(-1, None) - 1) * 3), "local", "quarter")
    if all_are(_WEEK):
        year, week = digits(0, 4), digits(-2, None)
        fourth = _months_in((year - 1970) * 12) // _DAY + 3  # January 4th is in week 1 (ISO 8601)
        if bool(((week >= 1) & (week <= 53)).all()):
            return TimeColumn((fourth - (fourth + 3) % 7 + (week - 1) * 7) * _DAY, "local", "date")
    raise _unreadable(plain, name)


def _unreadable(plain: pa.ChunkedArray, name: str) -> SeriesError:
    readable = np.array([not pa.types.is_string(typed(pa.chunked_array([[text]])).type) for text in
                         plain.slice(0, 1000).to_pylist()])  # fmt: skip
    offsets = pc.match_substring_regex(plain, _OFFSET).to_numpy(zero_copy_only=False).astype(bool)
    if readable.all() and offsets.any() and not offsets.all():
        without = np.flatnonzero(~offsets)
        return SeriesError(
            f"{name}: some times have an offset, {rows_named(without)} {'has' if len(without) == 1 else 'have'} none: "
            f"{plain[int(without[0])].as_py()!r}; write one behind all of them, or behind none and give `zone`",
            without,
        )  # fmt: skip
    wrong = np.flatnonzero(~readable)
    at = int(wrong[0]) if len(wrong) else 0
    return SeriesError(
        f"{name}: row {at + 1:,}: {plain[at].as_py()!r} is no time that can be read (allowed: {_FORMS})", wrong[:1]
    )
