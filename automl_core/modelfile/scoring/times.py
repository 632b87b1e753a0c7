"""Times as seconds since 1970 in UTC, from whatever a source holds them in.

A time without a zone is taken as UTC: the same clock in training and in scoring, whatever the machine's zone is.
"""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from typing import Any

import numpy as np

from .texts import MISSING_WORDS, is_missing

UNITS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9, "D": 1.0 / 86400.0}
"""Unit of a count since 1970 → how many of it are a second."""


def seconds_of(value: Any) -> float:
    """One value as seconds since 1970 UTC; NaN for a missing one. A number is taken as such seconds.

    Raises:
        ValueError: a text that is no time of ISO 8601, or a value of another kind.
    """
    if isinstance(value, str):
        return _seconds_of_text(value)
    if is_missing(value):
        return math.nan
    if isinstance(value, datetime):
        return (value if value.tzinfo is not None else value.replace(tzinfo=UTC)).timestamp()
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp()
    if isinstance(value, np.datetime64):
        return float(seconds_of_array(np.asarray([value]))[0])
    try:
        return float(value)
    except TypeError:
        raise ValueError(f"{type(value).__name__} is no time") from None


def seconds_of_array(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """An array of datetime64, of any unit, as float64 seconds since 1970, NaT as NaN."""
    missing = np.isnat(values)
    unit = np.datetime_data(values.dtype)[0]
    exact = values if unit in UNITS else values.astype("datetime64[us]")
    seconds: np.ndarray[Any, Any] = exact.astype(np.int64) / UNITS[np.datetime_data(exact.dtype)[0]]
    if np.datetime_data(exact.dtype)[1] != 1:
        seconds = seconds * np.datetime_data(exact.dtype)[1]
    seconds[missing] = np.nan
    return seconds


def _seconds_of_text(text: str) -> float:
    plain = text.strip()
    if plain in MISSING_WORDS:
        return math.nan
    try:
        found = datetime.fromisoformat(plain)
    except ValueError:
        raise ValueError(f"{text!r} is no time of ISO 8601") from None
    return seconds_of(found)
