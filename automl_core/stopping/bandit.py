"""Bandit stopping: a trial that lags the best one by more than a slack."""

from __future__ import annotations

from collections.abc import Sequence

from automl_core.spec.models import BanditRule
from automl_core.stopping.base import Direction, EarlyStoppingRule, TrialCurve


class BanditStopping(EarlyStoppingRule):
    """Stops a trial whose best loss so far lags the best of the others up to the same step by more than a slack.

    The slack is an amount on the goal's scale, or a ratio as Azure's bandit policy defines it: a trial may be as
    bad as ``best / (1 + factor)`` where that is worse than the best (a metric above 0 that is maximised, or below
    0 that is minimised), and as ``best * (1 + factor)`` where that is (the other two cases). Written in losses it
    is one rule for both directions: the limit of a best loss b is ``b * (1 + factor)`` for b >= 0 and
    ``b / (1 + factor)`` for b < 0. A ratio of 0 is 0: a best value of exactly 0 leaves no slack.
    """

    name = "bandit"

    def __init__(self, model: BanditRule, direction: Direction) -> None:
        super().__init__(model, direction)
        self._model = model

    def evaluate(self, trial: TrialCurve, others: Sequence[TrialCurve]) -> str | None:
        """See `EarlyStoppingRule.evaluate`."""
        step, own = trial.last_step, min(trial.losses)
        rivals = [(other.best_until(step), other.number) for other in others]
        if not rivals:
            return None
        best, number = min(rivals)
        limit, slack = self._limit(best)
        if not own > limit:
            return None
        return (
            f"its best value {self.value(own)} up to step {step} is worse than {self.value(limit)}, which is the best "
            f"value up to that step, {self.value(best)} of trial {number}, with a slack {slack}"
        )

    def _limit(self, best: float) -> tuple[float, str]:
        if self._model.slack_amount is not None:
            return best + self._model.slack_amount, f"of {self._model.slack_amount:g}"
        assert self._model.slack_factor is not None
        ratio = 1 + self._model.slack_factor
        return best * ratio if best >= 0 else best / ratio, f"factor of {self._model.slack_factor:g}"
