"""What is asked of housekeeping: which kinds of things may go, and what stays of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

Kind: TypeAlias = Literal["runs", "checkpoints", "caches", "code", "parts", "models"]
"""Whole runs; checkpoints of ended ones; what attempts left behind; code that no run names; writes that broke off;
copies of models' versions that nobody needs any more, and what was counted for rollouts that are over."""

KINDS: tuple[Kind, ...] = get_args(Kind)

DAY, HOUR = 86_400.0, 3_600.0


@dataclass(frozen=True, slots=True)
class Options:
    """What is asked for.

    Attributes:
        what: kinds of things.
        older_than: seconds since the last change.
        keep_last: newest runs of each experiment, of those that have ended, that stay whatever their age.
        keep_best: whether the best run of each experiment stays.
        abandoned: seconds since the last change after which a run that never ended is garbage; None: never.
        orphaned: whether runs that Airflow doesn't have any more go, of whatever age.
        transferred: whether a run may go though another that has ended had learned from it: that one's journal
            holds all that it took.
        experiments: names of those to be looked at; None: all. Of models' versions, those that came of them.
        keep_versions: versions of each model that were in use last whose copies stay, beside the one that is.
    """

    what: frozenset[Kind] = frozenset(KINDS)
    older_than: float = 30 * DAY
    keep_last: int = 1
    keep_best: bool = False
    abandoned: float | None = None
    orphaned: bool = False
    transferred: bool = False
    experiments: frozenset[str] | None = None
    keep_versions: int = 2

    def __post_init__(self) -> None:
        unknown = self.what - set(KINDS)
        if unknown:
            raise ValueError(f"what: {', '.join(sorted(unknown))}: not known; allowed: {', '.join(KINDS)}")
        if not 0 <= self.older_than < float("inf"):
            raise ValueError(f"older_than: {self.older_than}: a time of at least 0 is wanted")
        if self.keep_last < 0:
            raise ValueError(f"keep_last: {self.keep_last}: a number of at least 0 is wanted")
        if self.keep_versions < 0:
            raise ValueError(f"keep_versions: {self.keep_versions}: a number of at least 0 is wanted")
        if self.abandoned is not None and not DAY <= self.abandoned < float("inf"):
            raise ValueError(
                f"abandoned: {self.abandoned:g} s: at least a day is wanted; a trial may be silent for hours"
            )
