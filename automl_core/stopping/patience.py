"""Patience: a trial whose own value has stood still."""

from __future__ import annotations

import math
from collections.abc import Sequence

from automl_core.spec.models import PatienceRule
from automl_core.stopping.base import Direction, EarlyStoppingRule, TrialCurve


class PatienceStopping(EarlyStoppingRule):
    """Stops a trial whose best loss has not fallen by more than ``min_delta`` for ``patience`` reported steps."""

    name = "patience"

    def __init__(self, model: PatienceRule, direction: Direction) -> None:
        super().__init__(model, direction)
        self._model = model

    def evaluate(self, trial: TrialCurve, others: Sequence[TrialCurve]) -> str | None:
        """See `EarlyStoppingRule.evaluate`."""
        best, since = math.inf, 0
        for place, loss in enumerate(trial.losses):
            if loss < best - self._model.min_delta:
                best, since = loss, place
        still = len(trial.losses) - 1 - since
        if still < self._model.patience:
            return None
        by = f" by more than {self._model.min_delta:g}" if self._model.min_delta else ""
        return (
            f"its value has not improved{by} for {still} steps: still {self.value(best)}, "
            f"from step {trial.steps[since]}, at step {trial.last_step}"
        )
