"""Moments and lengths of time in messages, and persons in records."""

from __future__ import annotations

from automl_core.journal.persons import moment, person_of
from automl_core.spec.units import format_duration

__all__ = ["moment", "person_of", "seconds"]


def seconds(length: float) -> str:
    """A length of time for people: ``7d``."""
    return format_duration(length)
