"""Keys as text: what names an answer is a name, never a number.

``007`` and ``7`` are two keys; whole numbers of any size become their digits, without a float in between; what has been
a float may have lost its last digits already, so it is refused rather than guessed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from automl_core.data.access import DataError
from automl_core.data.text_types import ALWAYS_MISSING

if TYPE_CHECKING:
    import pyarrow as pa

_WHOLE, _DECIMAL = r"^-?[0-9]+(\.0+)?$", r"^-?[0-9]+\.0+$"
_SAMPLE = 1000
_EXACT = f"{2**53:,}"


def key_text(column: pa.ChunkedArray, name: str, where: str) -> pa.ChunkedArray:
    """A column of keys as text (``large_string``), missing where there is none.

    Whole numbers become their digits. An empty text is no key.

    Args:
        column: of any type.
        name: of the column, for messages.
        where: it stands, for messages.

    Raises:
        DataError: it can't be told which keys these are.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kinds = pa.types
    if kinds.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    kind = column.type
    if kinds.is_floating(kind):
        whole = int(pc.sum(pc.equal(pc.floor(column), column)).as_py() or 0)
        raise DataError(
            f"{where}: the column {name!r} has keys as decimals ({kind}; {whole:,} of {len(column):,} are whole). "
            f"Beyond {_EXACT} they may have lost digits, and 7.0 is not the text 7: write text or whole numbers"
        )
    text = kinds.is_string(kind) or kinds.is_large_string(kind) or kinds.is_string_view(kind)
    if text:
        _refuse_decimals(column, name, where)
    elif not (kinds.is_integer(kind) or kinds.is_null(kind) or _is_bytes(kind) or _is_whole_decimal(kind)):
        raise DataError(f"{where}: the column {name!r} is {kind}, and keys are text or whole numbers")
    try:
        keys = column.cast(pa.large_string())
    except pa.ArrowInvalid as error:
        raise DataError(f"{where}: the column {name!r} ({kind}) can't be read as text: {error}") from None
    missing = pa.array(["", *ALWAYS_MISSING], pa.large_string())
    return pc.if_else(pc.is_in(keys, value_set=missing), pa.scalar(None, pa.large_string()), keys)


def _is_bytes(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind))


def _is_whole_decimal(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_decimal(kind)) and kind.scale == 0


def _refuse_decimals(column: pa.ChunkedArray, name: str, where: str) -> None:
    """Refuse texts that somebody has made of floats: ``7.0``, where one empty cell had turned the column into decimals.

    Raises:
        DataError: all are whole numbers, and some are written as decimals.
    """
    import pyarrow.compute as pc

    if not _all_match(column.slice(0, _SAMPLE), _WHOLE) or not _all_match(column, _WHOLE):
        return
    decimals = int(pc.sum(pc.match_substring_regex(column, _DECIMAL)).as_py() or 0)
    if decimals:
        raise DataError(
            f"{where}: the column {name!r} has whole numbers that are written as decimals, such as 7.0 ({decimals:,} "
            f"of {len(column):,}). They were floats on their way (an empty cell does that), and may have lost digits: "
            "write them as text or as whole numbers"
        )


def _all_match(column: pa.ChunkedArray, pattern: str) -> bool:
    import pyarrow.compute as pc

    return bool(pc.all(pc.match_substring_regex(column, pattern), min_count=0).as_py())
