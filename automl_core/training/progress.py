"""How far a training is, what was its best step, and whether it still gets better."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from automl_core.training.problems import TrainingError


@dataclass
class Progress:
    """What a training remembers of its own curve; a part of its checkpoint.

    Attributes:
        patience: steps without a better loss after which it ends; 0 for never.
        best_step: the step with the lowest validation loss.
        best_loss: that loss.
        best_metrics: all that was measured there.
        last_step: the step seen last.
        last_metrics: all that was measured there.
    """

    patience: int = 0
    best_step: int = 0
    best_loss: float = math.inf
    best_metrics: dict[str, float] = field(default_factory=dict)
    last_step: int = 0
    last_metrics: dict[str, float] = field(default_factory=dict)
    _began: float = field(default_factory=time.monotonic, repr=False, compare=False)

    @property
    def seconds(self) -> float:
        """Since this process began to train."""
        return time.monotonic() - self._began

    def see(self, step: int, loss: float, metrics: Mapping[str, float]) -> bool:
        """Note one step. Returns whether it is the best so far.

        Raises:
            TrainingError: the loss is not a finite number: nothing good comes of going on.
        """
        if not math.isfinite(loss):
            raise TrainingError(f"the validation loss of step {step} is {loss}: the training has diverged")
        self.last_step, self.last_metrics = step, dict(metrics)
        if loss < self.best_loss:
            self.best_step, self.best_loss, self.best_metrics = step, loss, dict(metrics)
            return True
        return False

    def over(self) -> bool:
        """Whether it has not become better for too long."""
        return self.patience > 0 and self.last_step - self.best_step >= self.patience

    def as_json(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        kept = ("best_step", "best_loss", "best_metrics", "last_step", "last_metrics")
        return {name: getattr(self, name) for name in kept}

    @classmethod
    def from_json(cls, told: Mapping[str, Any], patience: int) -> Progress:
        """Go on from what `as_json` gave, with the patience of this trial."""
        return cls(patience, **told)
