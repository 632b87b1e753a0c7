"""How much work a freeze-thaw search may hand out, known before it starts, and what is left of it."""

from __future__ import annotations

from collections.abc import Sequence

from automl_core.search.base import History, PastTrial
from automl_core.states import TrialState

_GOES_ON = 2  # one trial in so many goes on to the next rung, on the whole


class Allowance:
    """Slots and budget units of a search: as if half of the trials on every rung went on to the next.

    Which ones, and how many from which rung, is the model's choice; the totals are kept. Enough is set aside
    for one trial to be trained to its end.

    Attributes:
        trials: combinations at most.
        slots: pieces of work at most.
        units: budget units at most.
    """

    def __init__(self, levels: Sequence[int], trials: int) -> None:
        """Lay out the totals.

        Args:
            levels: budget of every rung, rising.
            trials: combinations at most.
        """
        self.levels = tuple(levels)
        self.trials = trials
        sizes = [max(1, trials // _GOES_ON**rung) for rung in range(len(levels))]
        self.slots = sum(sizes)
        self.units = sum(size * self.step(rung) for rung, size in enumerate(sizes))

    def step(self, rung: int) -> int:
        """Budget units from the rung below to this one."""
        return self.levels[rung] - (self.levels[rung - 1] if rung else 0)

    def affordable(self, history: History) -> list[bool]:
        """For every rung, whether one more trial may be trained from the rung below to it."""
        last = len(self.levels) - 1
        bound = [rung for trial in history if (rung := self.bound_to(trial)) >= 0]
        slots = self.slots - sum(rung + 1 for rung in bound)
        units = self.units - sum(self.levels[rung] for rung in bound)
        hopeful = [rung for trial in history if (rung := self.bound_to(trial)) >= 0 and not _lost(trial)]
        top = max(hopeful, default=-1)
        allowed = []
        for rung in range(last + 1):
            reached = max(rung, top)
            aside = self.levels[last] - self.levels[reached]
            allowed.append(slots >= 1 + last - reached and units >= self.step(rung) + aside)
        return allowed

    def bound_to(self, trial: PastTrial) -> int:
        """The highest rung that a trial was started for, -1 for none."""
        budget = max([*trial.losses_at, trial.budget or 0])
        return max((rung for rung, level in enumerate(self.levels) if level <= budget), default=-1)


def _lost(trial: PastTrial) -> bool:
    return trial.state.ended and trial.state is not TrialState.SUCCEEDED
