"""When a fit that goes step by step stops: by the problem's metric on rows that it does not learn from."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.tabular.problem import Problem

Floats = NDArray[np.float64]

SQUARED = frozenset({"rmse", "mse", "r2_score", "normalized_root_mean_squared_error"})
"""Metrics that order models as the mean squared error does."""
ABSOLUTE = frozenset({"mae", "normalized_mean_absolute_error"})
"""Metrics that order models as the mean absolute error does."""
LEAST = 1e-15
_PINBALL = re.compile(r"pinball\((.+)\)")


def smooth(problem: Problem, truth: NDArray[Any], outputs: Floats, weights: Floats) -> float:
    """Log loss, or the mean squared error: what moves with each step, beside metrics that move in jumps."""
    if problem.kind == "regression":
        return float(np.average((np.asarray(truth) - outputs) ** 2, weights=weights))
    given = np.clip(outputs[np.arange(len(truth)), np.asarray(truth, dtype=np.int64)], LEAST, 1.0)
    return float(np.average(-np.log(given), weights=weights))


def key(problem: Problem, truth: NDArray[Any], outputs: Floats, weights: Floats) -> tuple[float, float]:
    """What is to fall: the metric as a loss, then, between equals, the smooth loss.

    Accuracy, F1 and their like stay the same over many steps of a small part; a metric that is not defined there (an
    area with one class alone) is no reason at all.
    """
    try:
        value = problem.metric.loss(truth, outputs, weights)
    except ValueError:  # a function of the user's own that can't take this part
        value = math.nan
    other = smooth(problem, truth, outputs, weights)
    return (round(value, 12) if math.isfinite(value) else math.inf), other


@dataclass
class Stopper:
    """Remembers the best step; says when there was none for too long.

    Attributes:
        patience: steps without a better one.
        best_step: the best so far, from 1; 0 before the first.
        best: its key.
    """

    patience: int
    best_step: int = 0
    best: tuple[float, float] = field(default=(math.inf, math.inf))

    def see(self, step: int, found: tuple[float, float]) -> bool:
        """Whether to stop after this step."""
        if self.best_step == 0 or found < self.best:
            self.best_step, self.best = step, found
        return step - self.best_step >= self.patience


def patience(steps: int, rows: int) -> int:
    """How many steps without a better one are enough: some tenth of what may be taken, fewer on large tables.

    A step on few rows costs nothing and moves the metric little; on many rows it costs much and says much.
    """
    most = 100 if rows <= 10_000 else 60 if rows <= 100_000 else 30
    return max(10, min(most, steps // 10))


def pinball(name: str) -> float | None:
    """The quantile that a metric asks for, None where it asks for none."""
    level = _PINBALL.fullmatch(name)
    return float(level[1]) if level is not None else None
