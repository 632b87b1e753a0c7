"""Median stopping: a trial that does worse than the median of the others' running averages."""

from __future__ import annotations

import math
from collections.abc import Sequence

from automl_core.spec.models import MedianRule
from automl_core.stopping.base import Direction, EarlyStoppingRule, TrialCurve


class MedianStopping(EarlyStoppingRule):
    """Stops a trial whose best loss so far is above the median of the others' running averages at that step.

    The rule of Golovin et al., "Google Vizier: A Service for Black-Box Optimization" (KDD 2017, 3.2.1), with
    every trial that has reported the step among the others, not only finished ones; optionally with another
    quantile than the median and with averages over the last few steps.
    """

    name = "median"

    def __init__(self, model: MedianRule, direction: Direction) -> None:
        super().__init__(model, direction)
        self._model = model

    def evaluate(self, trial: TrialCurve, others: Sequence[TrialCurve]) -> str | None:
        """See `EarlyStoppingRule.evaluate`."""
        step = trial.last_step
        averages = sorted(self._average(other, step) for other in others if other.last_step >= step)
        averages = [average for average in averages if math.isfinite(average)]
        if len(averages) < self._model.min_trials:
            return None
        share = 1 - self._model.proportion
        threshold = _quantile(averages, share)
        best = min(trial.losses)
        if not best > threshold:
            return None
        which = "median" if share == 0.5 else f"{100 * share:.3g} % mark (best first)"
        return (
            f"its best value {self.value(best)} up to step {step} is worse than {self.value(threshold)}, the {which} "
            f"of the running averages of {len(averages)} other trials at that step"
        )

    def _average(self, other: TrialCurve, step: float) -> float:
        losses = other.losses_until(step)
        losses = losses[-self._model.window :] if self._model.window else losses
        # divided first: a sum could overflow
        return math.fsum(loss / len(losses) for loss in losses) if losses else math.inf


def _quantile(ordered: Sequence[float], share: float) -> float:
    """The value below which a share of the ordered values lies, linear between two of them."""
    place = share * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    weight = place - low
    return (1 - weight) * ordered[low] + weight * ordered[high]
