"""The one text and the one number that a value has, wherever it was read from.

A category is told by its text. A column of whole numbers becomes decimals where one cell is empty (pandas), a file of
another format keeps them whole: both have to name the same categories.
"""

from __future__ import annotations

import json
import math
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

MISSING_WORDS = frozenset(("", "NA", "N/A", "n/a", "#N/A", "NaN", "nan", "null", "NULL", "None", "<NA>", "\\N"))
"""Texts that stand for a missing value in a column of numbers or times, and in a category of numbers or booleans. In a
category of texts each is a level of its own, but for the empty one."""

_TRUE = frozenset(("true", "True", "TRUE", "t", "T", "yes", "1"))
_FALSE = frozenset(("false", "False", "FALSE", "f", "F", "no", "0"))


def is_missing(value: Any) -> bool:
    """Whether a value stands for none: None, NaN, NaT, pandas' NA, the empty text."""
    if value is None:
        return True
    if isinstance(value, str):
        return not value
    try:
        return bool(value != value)
    except (TypeError, ValueError):  # pandas' NA answers no comparison; an array answers with many
        return type(value).__name__ == "NAType"


def text_of(value: Any) -> str | None:
    """The canonical text of a value, None for a missing one.

    ``True`` is ``true``, a whole number has no point (``1.0`` is ``1``, ``-0.0`` is ``0``), another number the shortest
    text that reads back as itself in its own precision, a date or a time is written as ISO 8601. Text stays letter for
    letter: ``01`` and ``1.0`` as texts are themselves.
    """
    if type(value) is str:
        return value or None
    if is_missing(value):
        return None
    if isinstance(value, str):
        return str(value)
    kind = getattr(getattr(value, "dtype", None), "kind", "")  # a number of numpy
    if isinstance(value, bool) or kind == "b":
        return "true" if value else "false"
    if isinstance(value, int) or kind in ("i", "u"):
        return str(int(value))
    if isinstance(value, float) or kind == "f":
        return _float_text(value)
    if isinstance(value, Decimal):
        return _decimal_text(value)
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return _float_text(value.total_seconds())
    if isinstance(value, (bytes, bytearray)):
        return _text_of_bytes(bytes(value)) or None
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return str(value)


def typed_text(text: str, type_: str) -> str | None:
    """The text of a category of numbers or booleans that a file holds as text; None for a word for a missing value.

    In a column that held whole numbers in training ``1.0`` and ``01`` are 1, and in a column of booleans ``True`` is
    ``true``. Such a column held no words in training: ``NA`` is a missing value in it (`MISSING_WORDS`), as where
    training reads a file. What is none of these stays as it is, a level that training has not seen.

    Args:
        text: as the file has it.
        type_: the field's type in training.
    """
    if type_ not in ("integer", "number", "boolean"):
        return text
    if text.strip() in MISSING_WORDS:
        return None
    if type_ == "boolean":
        return "true" if text in _TRUE else "false" if text in _FALSE else text
    try:
        return str(int(text))
    except ValueError:
        pass
    try:
        return _float_text(float(text))
    except ValueError:
        return text


def number_of(value: Any) -> float:
    """A value as a number; NaN for a missing one, a word for it (`MISSING_WORDS`) among them.

    Raises:
        ValueError: the value is no number.
    """
    if isinstance(value, str):
        plain = value.strip()
        if plain in MISSING_WORDS:
            return math.nan
        try:
            return float(plain)
        except ValueError:
            if plain in ("true", "True", "TRUE"):
                return 1.0
            if plain in ("false", "False", "FALSE"):
                return 0.0
            raise
    if is_missing(value):
        return math.nan
    if isinstance(value, timedelta):
        return value.total_seconds()
    try:
        return float(value)
    except TypeError:
        raise ValueError(f"{type(value).__name__} is no number") from None


def _text_of_bytes(value: bytes) -> str:
    """Bytes as the text that they are; those that are none by their digits, so that different ones stay different."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.hex()


def _float_text(value: Any) -> str:
    """The text of a float, of Python or numpy: whole numbers without a point."""
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    if value == (whole := int(value)):
        return str(whole)
    # the shortest text in its own precision: a float32 of 0.1 is 0.1, not 0.10000000149011612
    return repr(value) if isinstance(value, float) and type(value) is float else str(value)


def _decimal_text(value: Decimal) -> str:
    """The text of a decimal: no zeros at its end, no exponent."""
    if not value.is_finite():
        return _float_text(float(value))
    text = format(value, "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "") else text
