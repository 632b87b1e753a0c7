"""Who acts, by what way, and when: persons in records, and moments in messages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, get_args

How = Literal["airflow", "rest", "cli", "conditions", "dag"]
"""By what way somebody acts: Airflow's approval page, our REST, the command line; stated conditions, or a DAG."""

BY_HAND: frozenset[str] = frozenset({"airflow", "rest", "cli"})
"""The ways that people take."""


@dataclass(frozen=True, slots=True)
class Person:
    """Who did something, and by what way.

    Attributes:
        name: of the user; where no person acts (``conditions``, ``dag``) that of the DAG or its run.
        how: the way.
    """

    name: str
    how: How

    def __str__(self) -> str:
        """For people: ``anna (rest)``."""
        return f"{self.name} ({self.how})"


def person_of(data: dict[str, Any]) -> Person:
    """Who a record says has acted.

    Raises:
        ValueError: by a way that is none.
    """
    by = data["by"]
    if by["how"] not in get_args(How):
        raise ValueError(f"{by['how']!r} is no way to act")
    return Person(str(by["name"]), by["how"])


def by_json(by: Person) -> dict[str, str]:
    """A person in a record."""
    return {"name": by.name, "how": by.how}


def moment(time: float | None) -> str:
    """A time for people: ``2026-11-29 19:20:05 UTC``."""
    if time is None:
        return "an unknown time"
    try:
        return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (OverflowError, ValueError, OSError):
        return f"{time:g} s"
