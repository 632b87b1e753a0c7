"""What the results of a trial's pieces of work tell a search: the one place that turns the former into the latter.

A piece of work that was stopped early did not finish its budget, however good the value is that it reached: at that
budget it stands in no ranking and no model, it is not promoted from, and nobody goes on from its checkpoint. Its value
is the trial's (a censored one) only where the trial has finished no budget.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from automl_core.states import TrialState


class Ended(Protocol):
    """A piece of work on a trial."""

    @property
    def state(self) -> TrialState:
        """How it stands."""

    @property
    def budget(self) -> int | None:
        """Up to which budget it was to train, None without budgets."""

    @property
    def counts(self) -> float | None:
        """Its value if that counts: it has ended well, or was stopped early."""


WorkT = TypeVar("WorkT", bound=Ended)


@dataclass(frozen=True, slots=True)
class Result:
    """A piece of work that has ended, as whoever keeps no journal remembers it."""

    state: TrialState
    budget: int | None
    counts: float | None


def finished(work: Ended) -> bool:
    """Whether it ended with a value, and not before its end."""
    return work.state is TrialState.SUCCEEDED and work.counts is not None


def finished_budget(work: Ended) -> int:
    """The budget that it finished; 0 for none, and in experiments without budgets."""
    return (work.budget or 0) if finished(work) else 0


def finished_budgets(works: Iterable[Ended]) -> list[int]:
    """The budgets that a trial has finished with a value, in the order of its work."""
    return [work.budget for work in works if work.budget is not None and finished(work)]


def counted(works: Sequence[WorkT]) -> WorkT | None:
    """The work whose value is the trial's: the last that it finished, else the last that has a value.

    Args:
        works: of one trial, in the order in which they were begun; budgets rise along it.
    """
    valued = [work for work in works if work.counts is not None]
    whole = [work for work in valued if finished(work)]
    known = whole or valued
    return known[-1] if known else None


def losses_at(works: Iterable[Ended], sign: float = 1.0) -> dict[int, float]:
    """Finished budget → loss; ``sign`` is what a value is multiplied with to be a loss."""
    return {
        work.budget: sign * work.counts
        for work in works
        if work.budget is not None and work.counts is not None and finished(work)
    }
