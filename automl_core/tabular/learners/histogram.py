"""Histogram boosting (scikit-learn)."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.matrix import Matrix
from automl_core.tabular.learners.base import CannotFit, Document, Floats, Held, Learner, Wants, plain_weights
from automl_core.tabular.learners.scikit import FittedScikit, working
from automl_core.tabular.learners.stopping import ABSOLUTE, patience
from automl_core.tabular.problem import Problem
from automl_core.tabular.shape import Shape

FIRST = 15
"""Iterations that tell how long one takes."""
CATEGORIES = 255
"""Levels of a category, at most: scikit-learn bins into 255."""


class FittedHistogram(FittedScikit):
    """Trees, up to the best iteration."""

    def export(self) -> Document:
        """The same trees."""
        from automl_core.modelfile.exporting import from_sklearn

        found = from_sklearn(self.estimator)
        return {"model": found.model, "link": found.link}


class Histogram(Learner):
    """Boosted trees with categories and missing values of their own."""

    name = "histogram"
    title = "Histogram boosting"
    wants = Wants(categories="native", gaps=True, most=CATEGORIES)
    steps = "iterations"
    unguided = 200
    default: ClassVar[Mapping[str, Any]] = {
        "iterations": 1000,
        "learning_rate": 0.1,
        "max_leaf_nodes": 31,
        "min_samples_leaf": 20,
        "l2_regularization": 0.0,
        "max_features": 1.0,
    }

    def warm(self) -> None:
        """Its part of scikit-learn."""
        import sklearn.ensemble  # noqa: F401

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """As LightGBM's, without what this has not."""
        leaves = int(min(127, max(8, shape.rows // 10)))
        return {
            "learning_rate": {"type": "loguniform", "low": 0.02, "high": 0.3, "default": 0.1},
            "max_leaf_nodes": {"type": "logint", "low": 4, "high": leaves, "default": min(31, leaves)},
            "min_samples_leaf": {
                "type": "logint", "low": 1, "high": max(40, min(200, shape.rows // 20)), "default": 20
            },
            "l2_regularization": {"type": "loguniform", "low": 1e-6, "high": 100.0, "default": 1e-6},
            "max_features": {"type": "uniform", "low": 0.3, "high": 1.0, "default": 1.0},
        }  # fmt: skip

    def memory(self, rows: int, columns: int, params: Mapping[str, Any]) -> int:
        """Bins of one byte, gradients and scores of each class, histograms of a tree's leaves."""
        classes = max(1, int(params.get("classes", 1)))
        leaves = int(params.get("max_leaf_nodes", 31))
        return 10_000_000 + rows * (columns * 2 + 40 * classes) + leaves * columns * 256 * 24

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
    ) -> FittedHistogram:
        """Add trees until the loss on the rows to judge by falls no more.

        Scikit-learn lets nobody look at an iteration, so the first few tell how many the time is enough for; and it
        stops by the loss that it descends: other metrics cost it all trees again in each iteration.
        """
        if not matrix.names:
            raise CannotFit("no column varies: there is nothing that trees could cut")
        settled = self.settled(params, valid)
        most = int(settled.pop("iterations"))
        with working(self.name, threads):
            from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

            kind = HistGradientBoostingRegressor if problem.kind == "regression" else HistGradientBoostingClassifier
            options = {**settled, "categorical_features": matrix.categorical, "random_state": seed, "warm_start": True}
            if problem.kind == "regression" and problem.metric.name in ABSOLUTE:
                options["loss"] = "absolute_error"
            held: dict[str, Any] = {}
            if valid is not None and len(valid[0]):
                held = {"X_val": valid[0].values, "y_val": valid[1], "sample_weight_val": plain_weights(valid[2])}
                if plain_weights(weights) is None and held["sample_weight_val"] is not None:
                    held["sample_weight_val"] = None
                options |= {"early_stopping": True, "n_iter_no_change": patience(most, len(matrix)), "tol": 0.0}
            else:
                options["early_stopping"] = False
            heavy = plain_weights(weights)
            if heavy is not None and held and held["sample_weight_val"] is None:
                held["sample_weight_val"] = np.ones(len(valid[0]) if valid is not None else 0)
            began, first = time.monotonic(), min(FIRST, most)
            model = kind(max_iter=first, **options).fit(matrix.values, y, sample_weight=heavy, **held)
            left = most if deadline is None else _affordable(began, first, deadline)
            if left > first and most > first and not _stopped(model):
                model.set_params(max_iter=min(most, left))
                model.fit(matrix.values, y, sample_weight=heavy, **held)
        fitted = FittedHistogram(model, problem)
        fitted.best_iteration = _cut(model) if held else int(model.n_iter_)
        return fitted


def _affordable(began: float, first: int, deadline: float) -> int:
    """Iterations in all that the time is enough for, by what the first ones took."""
    now = time.monotonic()
    return first + int(max(0.0, deadline - now) / max((now - began) / first, 1e-9))


def _stopped(model: Any) -> bool:
    """Whether early stopping has ended a fit before its last iteration."""
    return bool(model.n_iter_ < model.max_iter)


def _cut(model: Any) -> int:
    """Drop the trees after the best iteration: scikit-learn keeps those that made it stop."""
    scores = np.asarray(model.validation_score_, dtype=np.float64)
    best = max(1, int(np.argmax(scores))) if len(scores) else int(model.n_iter_)
    del model._predictors[best:]
    return best
