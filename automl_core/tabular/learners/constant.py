"""What the target is without looking at a row: the shares of the classes, the mean or the median. A baseline."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.matrix import Matrix
from automl_core.tabular.features.numbers import median
from automl_core.tabular.learners.base import Document, Fitted, Floats, Held, Learner
from automl_core.tabular.problem import Problem, prior
from automl_core.tabular.shape import Shape

OF_MEDIAN = frozenset({"mae", "mape", "median_absolute_error", "normalized_mean_absolute_error"})
"""Metrics whose best constant is nearer to the median than to the mean."""


class FittedConstant(Fitted):
    """The same for each row."""

    def __init__(self, value: Floats, classes: int) -> None:
        self.value, self.classes = value, classes

    def predict(self, matrix: Matrix) -> Floats:
        """That value."""
        if self.classes:
            return np.tile(self.value, (len(matrix), 1))
        return np.full(len(matrix), self.value[0])

    def export(self) -> Document:
        """The value itself."""
        return {"model": {"type": "constant", "value": self.value}, "link": "identity"}


class Constant(Learner):
    """Nothing is searched."""

    name = "constant"
    title = "Constant (baseline)"

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """Nothing."""
        return {}

    def memory(self, rows: int, columns: int, params: Mapping[str, Any]) -> int:
        """Next to nothing."""
        return 1 << 16

    def fit(
        self,
        matrix: Matrix,
        y: NDArray[Any],
        weights: Floats,
        *,
        problem: Problem,
        params: Mapping[str, Any],
        valid: Held | None = None,
        seed: int = 0,
        threads: int = 1,
        deadline: float | None = None,
    ) -> FittedConstant:
        """Average."""
        if problem.kind == "regression" and problem.metric.name in OF_MEDIAN:
            return FittedConstant(np.array([median(np.asarray(y, dtype=np.float64), weights)]), 0)
        return FittedConstant(prior(problem, y, weights), len(problem.classes))
