"""Times as moments: microseconds since 1970 in UTC, whatever offset they were written with.

A time without an offset is refused, unless it is said in which zone it was written; a number is refused, since seconds
and milliseconds look alike. A date without a time stands for its end: only then is what happened on that day known.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from automl_core.data.access import DataError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MICROSECONDS = 1_000_000
"""In a second."""

_DAY = 86_400 * MICROSECONDS
_DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?"
_LOCAL = rf"^{_DATE}[Tt ]{_CLOCK}$"
_OFFSET = rf"^{_DATE}[Tt ]{_CLOCK} ?([Zz]|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$"
_ONLY_DATE = rf"^{_DATE}$"
_PARTS = (
    rf"^(?P<date>{_DATE})[Tt ](?P<clock>[0-9]{{2}}:[0-9]{{2}}(?::[0-9]{{2}})?)"
    r"(?P<fraction>[.,][0-9]{1,6})?[0-9]* ?(?P<offset>.*)$"
)
_ALLOWED = "allowed: ISO 8601 with an offset, such as 2026-11-01T09:00:00+09:00"


@dataclass(frozen=True, slots=True)
class Moments:
    """Times of many rows.

    Attributes:
        at: microseconds since 1970, 0 where there is none.
        known: whether a row has one.
        bad: rows in which something stands that is no time.
    """

    at: np.ndarray
    known: np.ndarray
    bad: int = 0


def moments(column: pa.ChunkedArray, name: str, where: str, zone: str | None = None) -> Moments:
    """A column of times as moments.

    Args:
        column: of timestamps, dates or text.
        name: of the column, for messages.
        where: it stands, for messages.
        zone: of times without an offset, such as ``Europe/Berlin``; None where there must be none.

    Raises:
        DataError: a time has no offset, or occurs twice or never on that zone's clocks; or nothing there is a time.
    """
    import pyarrow as pa

    kinds = pa.types
    if kinds.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if kinds.is_timestamp(kind):
        found = _micros(column if kind.tz is not None else _in_zone(column, name, where, zone))
    elif kinds.is_date(kind):
        found = _ends_of_days(column, name, where, zone)
    elif kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind):
        found = _of_text(column.cast(pa.large_string()), name, where, zone)
    elif kinds.is_null(kind):
        found = pa.chunked_array([pa.nulls(len(column), pa.int64())])
    else:
        why = "seconds and milliseconds look alike in numbers" if kinds.is_primitive(kind) else "that is no time"
        raise DataError(f"{where}: the column {name!r} is {kind}, and {why}; {_ALLOWED}")
    known = found.is_valid().to_numpy()
    bad = _given(column) - int(known.sum())
    if bad and not known.any():
        raise DataError(f"{where}: nothing in the column {name!r} is a time; {_ALLOWED}")
    return Moments(found.fill_null(0).to_numpy(), known, bad)


def _micros(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa

    return column.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.int64())


def _in_zone(column: pa.ChunkedArray, name: str, where: str, zone: str | None) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    if zone is None:
        raise DataError(
            f"{where}: the column {name!r} has times without an offset, and no zone is stated for them; {_ALLOWED}"
        )
    try:
        return pc.assume_timezone(column, zone)
    except pa.ArrowInvalid as error:  # it names the time, and both moments that it may be
        raise DataError(f"{where}: the column {name!r}: {' '.join(str(error).split())}; {_ALLOWED}") from None


def _ends_of_days(column: pa.ChunkedArray, name: str, where: str, zone: str | None) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    begins = column.cast(pa.date32()).cast(pa.timestamp("us"))
    ends = pc.add(begins.cast(pa.int64()), _DAY - 1).cast(pa.timestamp("us"))
    return _micros(_in_zone(ends, name, where, zone))


def _of_text(column: pa.ChunkedArray, name: str, where: str, zone: str | None) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    nothing = pa.scalar(None, pa.large_string())
    column = pc.utf8_trim_whitespace(column)
    result = pa.chunked_array([pa.nulls(len(column), pa.int64())])
    for pattern, convert in ((_OFFSET, _with_offset), (_LOCAL, _without_offset), (_ONLY_DATE, _dates)):
        fits = pc.match_substring_regex(column, pattern)
        if pc.any(fits).as_py():
            result = pc.coalesce(result, convert(pc.if_else(fits, column, nothing), name, where, zone))
    return result


def _given(column: pa.ChunkedArray) -> int:
    """Rows in which something stands."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return int(len(column) - column.null_count)
    return int(pc.sum(pc.greater(pc.utf8_length(pc.utf8_trim_whitespace(column)), 0)).as_py() or 0)


def _cast(texts: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    """Texts of a time's form as what they say, missing where no calendar has it (2026-02-30)."""
    import pyarrow as pa

    try:
        return texts.cast(kind)
    except pa.ArrowInvalid:
        checked = [text if text is not None and _exists(text) else None for text in texts.to_pylist()]
        return pa.chunked_array([pa.array(checked, pa.large_string())]).cast(kind)


def _exists(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return "T24" not in text  # Python 3.13 takes it for the next day's beginning


def _parts(column: pa.ChunkedArray) -> tuple[pa.ChunkedArray, pa.ChunkedArray]:
    """Date and clock in one form, to the microsecond (what is finer is cut off), and the offset behind it."""
    import pyarrow.compute as pc

    parts = pc.extract_regex(column, _PARTS)
    date, clock, fraction, offset = (pc.struct_field(parts, [name]) for name in ("date", "clock", "fraction", "offset"))
    fraction = pc.replace_substring(fraction, ",", ".")
    return _joined(date, _joined(clock, fraction), "T"), offset


def _joined(one: pa.ChunkedArray, other: pa.ChunkedArray, between: str = "") -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.binary_join_element_wise(one, other, pa.scalar(between, pa.large_string()))


def _with_offset(column: pa.ChunkedArray, name: str, where: str, zone: str | None) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    moment, offset = _parts(column)
    return _micros(_cast(_joined(moment, pc.utf8_upper(offset)), pa.timestamp("us", "UTC")))


def _without_offset(column: pa.ChunkedArray, name: str, where: str, zone: str | None) -> pa.ChunkedArray:
    import pyarrow as pa

    return _micros(_in_zone(_cast(_parts(column)[0], pa.timestamp("us")), name, where, zone))


def _dates(column: pa.ChunkedArray, name: str, where: str, zone: str | None) -> pa.ChunkedArray:
    import pyarrow as pa

    return _ends_of_days(_cast(column, pa.date32()), name, where, zone)
