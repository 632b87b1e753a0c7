"""Units in an experiment file: durations such as ``30m``."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


def parse_duration(value: Any) -> float:
    """Read a duration as seconds.

    Args:
        value: a number of seconds, or text of numbers with the units ms, s, m, h and d
            (``90s``, ``30m``, ``1h30m``, ``2d``).

    Raises:
        ValueError: the text is not a duration, or it is negative.
    """
    if isinstance(value, bool):
        raise ValueError("a duration such as 45s, 30m, 1h30m or 2d is wanted here")
    if isinstance(value, int | float):
        seconds = float(value)
    else:
        text = str(value).strip().lower()
        parts = _PART.findall(text)
        if not parts or _PART.sub("", text).strip():
            raise ValueError("a duration such as 45s, 30m, 1h30m or 2d is wanted here")
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if not 0 <= seconds < float("inf"):
        raise ValueError("a duration can't be negative or infinite")
    return seconds


def format_duration(seconds: float) -> str:
    """Write seconds for people: ``45s``, ``3m 20s``, ``2h 05m``, ``3d 04h``."""
    seconds = max(0.0, seconds)
    if seconds < 10:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d {whole % 86400 // 3600:02d}h"


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 0},
                {"type": "string", "pattern": r"^\s*([0-9]+(\.[0-9]+)?\s*([mM]?[sS]|[mMhHdD])\s*)+$"},
            ],
            "description": "A duration: a number of seconds, or text such as 45s, 30m, 1h30m, 2d.",
        }
    ),
]
"""Seconds; written in a file as a number of seconds or as text such as ``30m``."""
