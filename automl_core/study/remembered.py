"""What a process has worked out of a state's trials, so that the next ask works out only what is new."""

from __future__ import annotations

from collections.abc import Iterable

from automl_core.search.base import PastTrial
from automl_core.space import Space
from automl_core.study.entities import Trial


class Remembered:
    """Kept beside a state, which tells it of each trial that is about to change. Nothing here is written anywhere.

    Attributes:
        past: number of a trial → as algorithms see it, by ``basis``; none that has changed since.
        basis: what ``past`` was worked out by besides the state.
        keys: the combinations of all trials (`Space.key`), None before anybody has asked.
    """

    def __init__(self) -> None:
        self.past: dict[int, PastTrial] = {}
        self.basis: object = None
        self.keys: set[str] | None = None

    def forget(self, number: int) -> None:
        """A trial is about to change; its combination never does."""
        self.past.pop(number, None)

    def enter(self, trial: Trial) -> None:
        """A trial is new."""
        if self.keys is not None:
            self.keys.add(Space.key(trial.params))

    def past_by(self, basis: object) -> dict[int, PastTrial]:
        """What is remembered by a basis; nothing by another one."""
        if self.basis != basis:
            self.past, self.basis = {}, basis
        return self.past

    def keys_of(self, sealed: Iterable[list[str]], live: Iterable[Trial]) -> set[str]:
        """The keys of all trials.

        Args:
            sealed: those of the chunks.
            live: the trials that are in none.
        """
        if self.keys is None:
            self.keys = {Space.key(trial.params) for trial in live}
            self.keys.update(*sealed)
        return self.keys
