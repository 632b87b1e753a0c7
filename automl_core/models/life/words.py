"""Moments and lengths of time in messages, and persons in records."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, get_args

from automl_core.models.life.entities import How, Person
from automl_core.spec.units import format_duration


def moment(time: float | None) -> str:
    """A time for people: ``2026-11-29 19:20:05 UTC``."""
    if time is None:
        return "an unknown time"
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{time:g} s"


def seconds(length: float) -> str:
    """A length of time for people: ``7d``."""
    return format_duration(length)


def person_of(data: dict[str, Any]) -> Person:
    """Who a record says has acted.

    Raises:
        ValueError: by a way that is none.
    """
    by = data["by"]
    if by["how"] not in get_args(How):
        raise ValueError(f"{by['how']!r} is no way to act")
    return Person(str(by["name"]), by["how"])
