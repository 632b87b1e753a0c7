"""The types of columns that are text: decided on all values of a column, in all files, never on the first ones.

A text becomes a number only where nothing is lost by it: ``007`` and ``+49 30`` stay text, an integer stays exact, and
a word such as NA is a missing value where all others are numbers, dates or booleans, and a category among other words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa

ALWAYS_MISSING = ("\\N",)
"""What Hive and MySQL write for a missing value, in a column of text too."""

MISSING_WORDS = ("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "None", "<NA>")
"""Missing values in columns whose other values are no text; in a column of text each is a value of its own."""

_SAMPLE = 1000
_NUMBER = r"-?(0|[1-9][0-9]*)"
_INTEGER = rf"^{_NUMBER}$"
_FLOAT = rf"^({_NUMBER}(\.[0-9]*)?([eE][+-]?[0-9]+)?|-?\.[0-9]+([eE][+-]?[0-9]+)?|-?[Ii]nf(inity)?)$"
_INFINITE = r"^-?[Ii]nf(inity)?$"
_BOOLEAN = r"^([Tt]rue|TRUE|[Ff]alse|FALSE)$"
_DATE = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_MOMENT = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?"
_LOCAL, _OFFSET = rf"{_MOMENT}$", rf"{_MOMENT}(Z|[+-][0-9]{{2}}(:?[0-9]{{2}})?)$"
_NANOSECONDS = r"\.[0-9]{7,9}"


def typed(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column of text with the type that all of its values have; text where they have none in common.

    Integers that a signed 64-bit integer can't hold become unsigned ones, and beyond these stay text. A column without
    a single value is float64, all missing.

    Args:
        column: of strings; null is a missing value.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    column = _without(column, ALWAYS_MISSING)
    if column.null_count == len(column):
        return column.cast(pa.float64())
    plain = _without(pc.utf8_trim_whitespace(column), MISSING_WORDS)
    if plain.null_count == len(plain):
        return column  # nothing but words for missing values: they are its categories
    for pattern, convert in _KINDS:
        if _all_match(plain, pattern):
            found = convert(plain)
            if found is not None:
                return found
    return column


def _without(column: pa.ChunkedArray, words: tuple[str, ...]) -> pa.ChunkedArray:
    """The column with these words as missing values."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pc.is_in(column, value_set=pa.array(words)), pa.scalar(None, column.type), column)


def _all_match(column: pa.ChunkedArray, pattern: str) -> bool:
    import pyarrow.compute as pc

    def matches(values: pa.ChunkedArray) -> bool:
        found = pc.all(pc.match_substring_regex(values, pattern), min_count=0)  # missing values are passed over
        return bool(found.as_py())

    return matches(column.slice(0, _SAMPLE)) and matches(column)


def _booleans(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.utf8_lower(column).cast(pa.bool_())


def _integers(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    import pyarrow as pa

    for kind in (pa.int64(), pa.uint64()):
        try:
            return column.cast(kind)
        except pa.ArrowInvalid:
            continue
    return column  # exact as text, and not as float64


def _floats(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = column.cast(pa.float64())
    stated = pc.match_substring_regex(column, _INFINITE)
    beyond = pc.and_(pc.is_inf(numbers), pc.invert(stated))
    return None if pc.any(beyond).as_py() else numbers  # 1e400 is no number that float64 has


def _dates(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    import pyarrow as pa

    return _parsed(column, pa.date32())


def _moments(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    import pyarrow as pa

    return _parsed(column, pa.timestamp(_unit(column)))


def _moments_with_offset(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    import pyarrow as pa

    return _parsed(column, pa.timestamp(_unit(column), "UTC"))


def _unit(column: pa.ChunkedArray) -> str:
    import pyarrow.compute as pc

    return "ns" if pc.any(pc.match_substring_regex(column, _NANOSECONDS)).as_py() else "us"


def _parsed(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray | None:
    import pyarrow as pa

    try:
        return column.cast(kind)
    except pa.ArrowInvalid:  # 2026-02-30
        return None


_KINDS: tuple[tuple[str, Callable[[pa.ChunkedArray], pa.ChunkedArray | None]], ...] = (
    (_BOOLEAN, _booleans),
    (_INTEGER, _integers),
    (_FLOAT, _floats),
    (_DATE, _dates),
    (_LOCAL, _moments),
    (_OFFSET, _moments_with_offset),
)
