"""Linear models: logistic regression, ridge regression, elastic net."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.matrix import Matrix
from automl_core.tabular.learners.base import (
    CannotFit,
    Document,
    Floats,
    Held,
    Learner,
    Wants,
    overdue,
    plain_weights,
)
from automl_core.tabular.learners.scikit import FittedScikit, spread, working
from automl_core.tabular.problem import Problem
from automl_core.tabular.shape import Shape

STEPS = 50
"""Iterations between two looks at the clock."""


class FittedLinear(FittedScikit):
    """Coefficients."""

    center: Floats

    def export(self) -> Document:
        """Coefficients, an output each; two classes have one output."""
        coef = np.atleast_2d(np.asarray(self.estimator.coef_, dtype=np.float64)).T * self.scale
        intercept = np.atleast_1d(np.asarray(self.estimator.intercept_, dtype=np.float64)) * self.scale + self.shift
        link = {"binary": "sigmoid", "multiclass": "softmax", "regression": "identity"}[self.problem.kind]
        return {
            "model": {"type": "linear", "coef": coef, "intercept": intercept, "center": self.center},
            "link": link,
        }


class Linear(Learner):
    """A weighted sum of the columns, with a penalty on large weights."""

    name = "linear"
    title = "Linear model"
    wants = Wants(categories="onehot", gaps=False, scaled=True)
    default: ClassVar[Mapping[str, Any]] = {"penalty": "l2", "strength": 1.0, "l1_ratio": 0.5, "iterations": 500}

    def warm(self) -> None:
        """Its part of scikit-learn."""
        import sklearn.linear_model  # noqa: F401

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """How strong the penalty is, and of which kind."""
        return {
            "penalty": {"type": "choice", "values": ["l2", "elasticnet"], "weights": [3, 1], "default": "l2"},
            "strength": {"type": "loguniform", "low": 1e-4, "high": 1e3, "default": 1.0},
            "l1_ratio": {
                "type": "uniform", "low": 0.05, "high": 1.0, "default": 0.5, "when": {"penalty": ["elasticnet"]}
            },
        }  # fmt: skip

    def memory(self, rows: int, columns: int, params: Mapping[str, Any]) -> int:
        """A copy of the matrix, the products of columns, margins of each class."""
        classes = max(1, int(params.get("classes", 1)))
        return rows * (columns * 8 * 2 + 8 * 6 * classes) + columns * columns * 8 + columns * classes * 8 * 30

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
    ) -> FittedLinear:
        """Solve; L-BFGS and SAGA look at the clock now and then."""
        if not matrix.names:
            raise CannotFit("no column varies: a linear model has nothing to weigh")
        settled = self.settled(params)
        with working(self.name, threads):
            if problem.kind == "regression":
                fitted = _regression(matrix, y, weights, problem, settled, seed)
            else:
                fitted = _classification(matrix, y, weights, problem, settled, seed, deadline)
        fitted.center = np.average(matrix.values, axis=0, weights=weights)
        return fitted


def _regression(
    matrix: Matrix, y: NDArray[Any], weights: Floats, problem: Problem, settled: Mapping[str, Any], seed: int
) -> FittedLinear:
    from sklearn.linear_model import ElasticNet, Ridge

    mean, deviation = spread(y, weights)
    target = (y - mean) / deviation
    strength = float(settled["strength"])
    if settled["penalty"] == "l2":
        # "svd" copes with columns that are each other's sums, which one-hot columns are
        solver = "cholesky" if len(matrix) > matrix.values.shape[1] else "svd"
        model = Ridge(alpha=strength, solver=solver, random_state=seed)
    else:
        # scikit-learn divides the squared error by 2n; Ridge does not
        model = ElasticNet(alpha=strength / len(matrix), l1_ratio=float(settled["l1_ratio"]), random_state=seed)
    model.fit(matrix.values, target, sample_weight=plain_weights(weights))
    return FittedLinear(model, problem, scale=deviation, shift=mean)


def _classification(
    matrix: Matrix,
    y: NDArray[Any],
    weights: Floats,
    problem: Problem,
    settled: Mapping[str, Any],
    seed: int,
    deadline: float | None,
) -> FittedLinear:
    import sklearn
    from sklearn.linear_model import LogisticRegression

    options: dict[str, Any] = {"C": 1.0 / float(settled["strength"]), "random_state": seed, "warm_start": True}
    if settled["penalty"] != "l2":
        options |= {"solver": "saga", "l1_ratio": float(settled["l1_ratio"]), "tol": 1e-3}
        if tuple(map(int, sklearn.__version__.split(".")[:2])) < (1, 8):
            options["penalty"] = "elasticnet"  # from 1.8 on the ratio says it all
    most = int(settled["iterations"])
    model = LogisticRegression(max_iter=min(STEPS, most), **options)
    done = 0
    while True:
        model.fit(matrix.values, y, sample_weight=plain_weights(weights))
        done += model.max_iter
        if int(np.max(model.n_iter_)) < model.max_iter or done >= most or overdue(deadline):
            return FittedLinear(model, problem)
