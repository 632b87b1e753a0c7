"""Random forests and extremely randomised trees (scikit-learn)."""

from __future__ import annotations

from abc import abstractmethod
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
from automl_core.tabular.learners.scikit import FittedScikit, working
from automl_core.tabular.problem import Problem
from automl_core.tabular.shape import Shape

STEP = 10
"""Trees between two looks at the clock."""

NODES = 1_500_000
"""Nodes of all trees, at which no more are added: of 36,000 rows two hundred trees had nine million, which took 100 MB,
and longer to write and to score by than the whole search had for that."""


class FittedForest(FittedScikit):
    """Trees, all of the same weight."""

    def export(self) -> Document:
        """The same trees."""
        from automl_core.modelfile.exporting import from_sklearn

        found = from_sklearn(self.estimator)
        return {"model": found.model, "link": found.link}


class _Forest(Learner):
    """What both forests are; the trees of the one see other rows, cuts of the other are drawn."""

    wants = Wants(categories="codes", gaps=False)
    steps = "trees"
    bootstrap: ClassVar[bool]

    def warm(self) -> None:
        """Its part of scikit-learn."""
        import sklearn.ensemble  # noqa: F401

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """How many columns a cut may choose from, how small a leaf may be."""
        found: dict[str, dict[str, Any]] = {
            "max_features": {"type": "uniform", "low": 0.1, "high": 1.0, "default": self.default["max_features"]},
            "min_samples_leaf": {"type": "logint", "low": 1, "high": max(4, min(50, shape.rows // 50)), "default": 1},
        }
        if shape.kind != "regression":
            found["criterion"] = {"type": "choice", "values": ["gini", "entropy"], "default": "gini"}
        return found

    def memory(self, rows: int, columns: int, params: Mapping[str, Any]) -> int:
        """A copy in float32, and trees with a leaf for some rows, each with the shares of all classes."""
        settled = self.settled(params)
        leaves = max(1, rows // (2 * int(settled["min_samples_leaf"])))
        classes = max(1, int(params.get("classes", 1)))
        nodes = min(int(settled["trees"]) * leaves * 2, NODES + STEP * leaves * 2)
        return rows * columns * 4 + nodes * (64 + 8 * classes)

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
    ) -> FittedForest:
        """Add trees, some at a time, until there are all or the time is over."""
        if not matrix.names:
            raise CannotFit("no column varies: there is nothing that trees could cut")
        settled = self.settled(params)
        most = int(settled["trees"])
        with working(self.name, threads):
            model = self._make(problem)(
                n_estimators=min(STEP, most),
                max_features=_share(settled["max_features"]),
                min_samples_leaf=int(settled["min_samples_leaf"]),
                max_depth=settled["max_depth"],
                criterion=_criterion(settled["criterion"], problem),
                bootstrap=self.bootstrap,
                random_state=seed,
                n_jobs=threads,
                warm_start=True,
            )
            while True:
                model.fit(matrix.values, y, sample_weight=plain_weights(weights))
                nodes = sum(tree.tree_.node_count for tree in model.estimators_)
                if model.n_estimators >= most or nodes >= NODES or overdue(deadline):
                    break
                model.n_estimators = min(model.n_estimators + STEP, most)
            model.set_params(n_jobs=1, warm_start=False)
        fitted = FittedForest(model, problem)
        fitted.best_iteration = int(model.n_estimators)
        return fitted

    @abstractmethod
    def _make(self, problem: Problem) -> Any:
        """The library's class for a problem."""


class RandomForest(_Forest):
    """Trees that see rows drawn with replacement (Breiman 2001)."""

    name = "random_forest"
    title = "Random forest"
    bootstrap = True
    default: ClassVar[Mapping[str, Any]] = {
        "trees": 200, "max_features": 0.4, "min_samples_leaf": 1, "max_depth": None, "criterion": None
    }  # fmt: skip

    def _make(self, problem: Problem) -> Any:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        return RandomForestRegressor if problem.kind == "regression" else RandomForestClassifier


class ExtraTrees(_Forest):
    """Trees whose cuts are drawn (Geurts et al. 2006)."""

    name = "extra_trees"
    title = "Extra trees"
    bootstrap = False
    default: ClassVar[Mapping[str, Any]] = {
        "trees": 200, "max_features": 0.5, "min_samples_leaf": 1, "max_depth": None, "criterion": None
    }  # fmt: skip

    def _make(self, problem: Problem) -> Any:
        from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

        return ExtraTreesRegressor if problem.kind == "regression" else ExtraTreesClassifier


def _share(value: Any) -> float:
    return float(np.clip(float(value), 1e-6, 1.0))


def _criterion(value: str | None, problem: Problem) -> str:
    if value is not None:
        return value
    return "squared_error" if problem.kind == "regression" else "gini"
