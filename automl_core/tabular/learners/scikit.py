"""What learners of scikit-learn share: quiet, with few threads, positions of classes as they are."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from automl_core.extras import needed_by
from automl_core.modelfile.scoring.matrix import Matrix
from automl_core.tabular.learners.base import Fitted, Floats
from automl_core.tabular.problem import Problem


@contextmanager
def working(title: str, threads: int) -> Iterator[None]:
    """Scikit-learn at work: its extra is named where it is missing, its threads are limited, nobody is warned.

    A fit that has not converged is judged by its value on other rows, like every other.
    """
    with needed_by(f"the learner {title}", "tabular"):
        from threadpoolctl import threadpool_limits
    with needed_by(f"the learner {title}", "tabular"), threadpool_limits(threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class FittedScikit(Fitted):
    """An estimator of scikit-learn that was fitted with positions of classes, all of them."""

    def __init__(self, estimator: Any, problem: Problem, *, scale: float = 1.0, shift: float = 0.0) -> None:
        """Keep it.

        Args:
            estimator: fitted.
            problem: with the classes that it saw.
            scale, shift: what its numbers are multiplied by and added to.
        """
        self.estimator, self.problem, self.scale, self.shift = estimator, problem, scale, shift

    def predict(self, matrix: Matrix) -> Floats:
        """By the library, on one thread."""
        with working(type(self.estimator).__name__, 1):
            if self.problem.kind == "regression":
                found = np.asarray(self.estimator.predict(matrix.values), dtype=np.float64).reshape(-1)
                return found * self.scale + self.shift
            return np.asarray(self.estimator.predict_proba(matrix.values), dtype=np.float64)


def spread(y: Any, weights: Floats) -> tuple[float, float]:
    """Mean and deviation of numbers, 1 for a deviation of 0: learners with penalties see targets of size 1."""
    mean = float(np.average(y, weights=weights))
    deviation = float(np.sqrt(np.average((np.asarray(y) - mean) ** 2, weights=weights)))
    return mean, deviation if deviation > 0 else 1.0
