"""The states of experiments and trials, under PAI AutoML's names."""

from __future__ import annotations

from enum import StrEnum

NEVER_BEGAN = "unstarted"
"""Kind of the end of an attempt that was ended before anything of its training had run."""


class ExperimentState(StrEnum):
    """State of an experiment."""

    CREATED = "CREATED"
    RUNNING = "RUNNING"
    FINISHED = "FINISHED"
    """The most trials allowed have run."""
    NO_MORE_TRIAL = "NO_MORE_TRIAL"
    """All combinations are evaluated, or the algorithm has nothing more to hand out."""
    EARLY_STOPPED = "EARLY_STOPPED"
    """A stop condition held: target, duration, cost, no improvement."""
    FAILED = "FAILED"
    """More trials failed than allowed."""
    USER_CANCELED = "USER_CANCELED"
    SYS_CANCELED = "SYS_CANCELED"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self not in (ExperimentState.CREATED, ExperimentState.RUNNING)


class TrialState(StrEnum):
    """State of a trial."""

    WAITING = "WAITING"
    """Proposed, paused at a rung, or waiting for a new attempt."""
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    EARLY_STOPPED = "EARLY_STOPPED"
    """Ended early by a stopping rule; its value counts."""
    USER_CANCELED = "USER_CANCELED"
    SYS_CANCELED = "SYS_CANCELED"
    """Ended because its experiment ended."""

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self not in (TrialState.WAITING, TrialState.RUNNING)

    @property
    def has_value(self) -> bool:
        """Whether a trial in this state has a value that counts."""
        return self in (TrialState.SUCCEEDED, TrialState.EARLY_STOPPED)
