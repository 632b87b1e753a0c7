"""Truncation: the worst share of the trials at each evaluation."""

from __future__ import annotations

import math
from collections.abc import Sequence

from automl_core.spec.models import TruncationRule
from automl_core.stopping.base import Direction, EarlyStoppingRule, TrialCurve


class TruncationStopping(EarlyStoppingRule):
    """Stops a trial that is among the worst share of all trials that have reported its step, by their best so far.

    Azure's truncation selection, made for trials that don't run in step: each is ranked when it comes to the
    step, among those that came to it before. Equal trials share the better rank.
    """

    name = "truncation"

    def __init__(self, model: TruncationRule, direction: Direction) -> None:
        super().__init__(model, direction)
        self._model = model

    def evaluate(self, trial: TrialCurve, others: Sequence[TrialCurve]) -> str | None:
        """See `EarlyStoppingRule.evaluate`."""
        step, own = trial.last_step, min(trial.losses)
        rivals = [other.best_until(step) for other in others if other.last_step >= step]
        if len(rivals) < self._model.min_trials:
            return None
        count = len(rivals) + 1
        stopped = math.floor(self._model.fraction * count + 1e-9)  # 0.29 * 100 is 28.999…
        rank = 1 + sum(rival < own for rival in rivals)
        if rank <= count - stopped:
            return None
        return (
            f"its best value {self.value(own)} up to step {step} is number {rank} of the {count} trials that reached "
            f"that step; the worst {stopped} are stopped ({100 * self._model.fraction:g} %)"
        )
