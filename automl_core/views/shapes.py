"""Reading what a training process has written: of plain shapes, bounded, nothing taken for granted."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

MOST_BYTES = 8 << 20
"""Bytes of a report that is read at all."""

LONGEST = 2000
"""Characters of a text."""


def listed(
    given: Any, most: int, make: Callable[[Mapping[str, Any]], dict[str, Any]]
) -> tuple[list[dict[str, Any]], int]:
    """The first mappings of a list, each made of plain shapes; and how many there are in all."""
    whole = [each for each in as_list(given) if isinstance(each, Mapping)]
    return [make(each) for each in whole[:most]], len(whole)


def mapping(value: Any) -> Mapping[str, Any]:
    """A mapping; an empty one where it is none."""
    return value if isinstance(value, Mapping) else {}


def as_list(value: Any) -> list[Any]:
    """A list; an empty one where it is none."""
    return value if isinstance(value, list) else []


def number(value: Any) -> float | int | None:
    """A number that browsers read; None where it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) < 1e300 and math.isfinite(value) else None


def text(value: Any) -> str:
    """A text, cut where it is long; empty where it is none."""
    return "" if value is None else str(value)[:LONGEST] if isinstance(value, str | int | float) else ""


def text_or_none(value: Any) -> str | None:
    """The same, and None where there is nothing."""
    return None if value is None else text(value)


def scalar(value: Any) -> str | float | int | bool | None:
    """A text, a number, true or false; None where it is none of these."""
    if isinstance(value, str):
        return text(value)
    return value if isinstance(value, bool) or value is None else number(value)
