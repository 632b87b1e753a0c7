"""Learning-curve stopping: a trial whose chance to become the best has become too small."""

from __future__ import annotations

from collections.abc import Sequence

from automl_core.spec.models import LearningCurveRule
from automl_core.stopping.base import Direction, EarlyStoppingRule, TrialCurve
from automl_core.stopping.extrapolation import forecast_best

_COMPLETE = 0.9
"""Share of the last step that an ended trial must have reached to count as trained to the end."""


class LearningCurveStopping(EarlyStoppingRule):
    """Stops a trial whose chance to pass the best value so far, by the end of its training, is below a figure.

    The chance is that of `forecast_best`: its curve extrapolated with what the finished trials' curves teach.
    Until enough trials have trained to the end there is nothing to learn from, and none is stopped.

    On 280 simulated experiments of seven kinds (tests/unit/stopping/populations.py: 30 trials of 27 steps, four at a
    time, asked at each step from the third on, a probability of 0.05) it saved 45 % of the steps, and in 2.9 % of the
    experiments it stopped the trial that would have been the best.
    """

    name = "learning_curve"

    def __init__(self, model: LearningCurveRule, direction: Direction) -> None:
        super().__init__(model, direction)
        self._model = model

    def evaluate(self, trial: TrialCurve, others: Sequence[TrialCurve]) -> str | None:
        """See `EarlyStoppingRule.evaluate`."""
        step, own = trial.last_step, min(trial.losses)
        last = self._model.last_step or max((other.last_step for other in others if other.ended), default=0)
        finished = [other for other in others if other.ended and other.last_step >= _COMPLETE * last]
        if len(finished) < self._model.min_trials or step >= last:
            return None
        best, number = min((min(other.losses), other.number) for other in others)
        if own <= best:
            return None
        forecast = forecast_best(trial, finished, last)
        chance = forecast.chance_below(best)
        if not chance < self._model.probability:
            return None
        expected = self.value(min(forecast.mean, own))
        return (
            f"its best value {self.value(own)} up to step {step} of {last} is expected to become {expected} "
            f"± {forecast.deviation:.2g}: the chance to pass {self.value(best)}, the best so far (trial {number}), is "
            f"{100 * chance:.2g} %, below {100 * self._model.probability:g} %"
        )
