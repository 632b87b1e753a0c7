"""What a person or a program is told whose act is not possible."""

from __future__ import annotations

from automl_core.journal import Refused
from automl_core.journal.persons import Person
from automl_core.models.life.rollouts import Rollout

__all__ = ["Braked", "NoSuchVersion", "NotOffered", "Refused", "RolloutOpen"]


class Braked(Refused):
    """A retraining that is not asked for now.

    Attributes:
        until: when it will be possible again, seconds since 1970; None where that depends on what comes first.
    """

    def __init__(
        self, why: str, until: float | None = None, by: Person | None = None, when: float | None = None
    ) -> None:
        super().__init__(why, by, when)
        self.until = until


class RolloutOpen(Refused):
    """Another version is being rolled out: this one has to wait for what becomes of that.

    Attributes:
        rollout: the one that is open.
    """

    def __init__(self, why: str, rollout: Rollout) -> None:
        super().__init__(why, rollout.by, rollout.begun)
        self.rollout = rollout


class NoSuchVersion(LookupError):
    """A version that the model doesn't have. The message says which it has."""


class NotOffered(Exception):
    """A result that can't become a version. The message says why."""
