"""Gaussian naive Bayes: each column by itself, a normal distribution each class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.matrix import Matrix
from automl_core.tabular.learners.base import CannotFit, Document, Floats, Held, Learner, Wants
from automl_core.tabular.learners.scikit import FittedScikit, working
from automl_core.tabular.problem import Problem
from automl_core.tabular.shape import Shape


class FittedBayes(FittedScikit):
    """Means and variances."""

    def export(self) -> Document:
        """As they are."""
        model = self.estimator
        told = {"mean": model.theta_, "variance": model.var_, "log_prior": np.log(model.class_prior_)}
        return {"model": {"type": "bayes", **told}, "link": "softmax"}


class NaiveBayes(Learner):
    """Fast, and seldom the best alone."""

    name = "naive_bayes"
    title = "Naive Bayes"
    kinds = frozenset({"binary", "multiclass"})
    wants = Wants(categories="onehot", gaps=False, scaled=True)
    default: ClassVar[Mapping[str, Any]] = {"var_smoothing": 1e-3}

    def warm(self) -> None:
        """Its part of scikit-learn."""
        import sklearn.naive_bayes  # noqa: F401

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """What is added to each variance."""
        return {"var_smoothing": {"type": "loguniform", "low": 1e-9, "high": 1.0, "default": 1e-3}}

    def memory(self, rows: int, columns: int, params: Mapping[str, Any]) -> int:
        """A class's rows, copied."""
        return rows * columns * 8 * 2

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
    ) -> FittedBayes:
        """Average."""
        if not matrix.names:
            raise CannotFit("no column varies: naive Bayes has nothing to look at")
        with working(self.name, threads):
            from sklearn.naive_bayes import GaussianNB

            model = GaussianNB(var_smoothing=float(self.settled(params)["var_smoothing"]))
            return FittedBayes(model.fit(matrix.values, y, sample_weight=weights), problem)
