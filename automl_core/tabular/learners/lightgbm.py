"""LightGBM: gradient boosting that grows the best leaf first. The main learner."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from automl_core.extras import needed_by
from automl_core.modelfile.scoring.matrix import Matrix
from automl_core.tabular.learners.base import (
    CannotFit,
    Document,
    Fitted,
    Floats,
    Held,
    Learner,
    Wants,
    overdue,
    plain_weights,
)
from automl_core.tabular.learners.stopping import ABSOLUTE, SQUARED, Stopper, key, patience, pinball
from automl_core.tabular.problem import Problem
from automl_core.tabular.shape import Shape
from automl_core.training.imports import without


def library() -> Any:
    """The package, without what it imports only to look whether it is there: 0.6 s of CPU in place of 4."""
    with needed_by("the learner lightgbm", "tabular"), without("pandas", "sklearn", "matplotlib", "dask"):
        import lightgbm
    return lightgbm


SHARE = 50
"""Of so many rows one is what a level of a category needs at most to be cut by."""


class FittedLightGBM(Fitted):
    """Trees, up to the best iteration."""

    def __init__(self, booster: Any, best_iteration: int, problem: Problem) -> None:
        self.estimator, self.best_iteration, self.problem = booster, best_iteration, problem

    def predict(self, matrix: Matrix) -> Floats:
        """By the library, on one thread: rows are few, or many processes score at once."""
        outputs = np.asarray(
            self.estimator.predict(matrix.values, num_iteration=self.best_iteration, num_threads=1), dtype=np.float64
        )
        return np.column_stack([1 - outputs, outputs]) if self.problem.kind == "binary" else outputs

    def export(self) -> Document:
        """The same trees."""
        from automl_core.modelfile.exporting import from_lightgbm

        found = from_lightgbm(self.estimator, self.best_iteration)
        return {"model": found.model, "link": found.link}


class LightGBM(Learner):
    """Boosted trees with categories and missing values of their own."""

    name = "lightgbm"
    title = "LightGBM"
    wants = Wants(categories="native", gaps=True)
    steps = "iterations"
    unguided = 200
    default: ClassVar[Mapping[str, Any]] = {
        "iterations": 2000,
        "learning_rate": 0.05,
        "num_leaves": 31,
        "max_depth": -1,
        "min_data_in_leaf": 20,
        "feature_fraction": 1.0,
        "bagging_fraction": 1.0,
        "lambda_l1": 0.0,
        "lambda_l2": 0.0,
        "min_gain_to_split": 0.0,
        "max_bin": 255,
        "extra_trees": False,
        "path_smooth": 0.0,
        "cat_smooth": 10.0,
        "cat_l2": 10.0,
        "min_data_per_group": 100,
    }

    def warm(self) -> None:
        """The library, without what it looks for."""
        library()

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """Trees of fewer leaves on fewer rows."""
        leaves = int(min(255, max(16, shape.rows // 8)))
        found: dict[str, dict[str, Any]] = {
            "learning_rate": {"type": "loguniform", "low": 0.01, "high": 0.3, "default": 0.05},
            "num_leaves": {"type": "logint", "low": 4, "high": leaves, "default": min(31, leaves)},
            "min_data_in_leaf": {
                "type": "logint", "low": 1, "high": max(40, min(200, shape.rows // 20)), "default": 20
            },
            "feature_fraction": {"type": "uniform", "low": 0.3, "high": 1.0, "default": 1.0},
            "bagging_fraction": {"type": "uniform", "low": 0.5, "high": 1.0, "default": 1.0},
            "lambda_l1": {"type": "loguniform", "low": 1e-6, "high": 10.0, "default": 1e-6},
            "lambda_l2": {"type": "loguniform", "low": 1e-6, "high": 100.0, "default": 1e-6},
            "path_smooth": {"type": "loguniform", "low": 1e-3, "high": 100.0, "default": 1e-3},
            "extra_trees": {"type": "choice", "values": [False, True], "weights": [3, 1], "default": False},
        }  # fmt: skip
        if shape.categories:
            found["cat_smooth"] = {"type": "loguniform", "low": 1.0, "high": 100.0, "default": 10.0}
            found["cat_l2"] = {"type": "loguniform", "low": 0.1, "high": 100.0, "default": 10.0}
            found["min_data_per_group"] = {"type": "logint", "low": 2, "high": 100, "default": 100}
        return found

    def memory(self, rows: int, columns: int, params: Mapping[str, Any]) -> int:
        """Bins of one byte, gradients, the score of each class, histograms of all leaves of one tree."""
        leaves, bins = int(params.get("num_leaves", 31)), int(params.get("max_bin", 255))
        classes = max(1, int(params.get("classes", 1)))
        return 24_000_000 + rows * (columns * 2 + 24 * classes + 16) + columns * bins * leaves * 16

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
    ) -> FittedLightGBM:
        """Add trees until the rows to judge by get no better, or the time is over; at least one."""
        lgb = library()
        if not matrix.names:
            raise CannotFit("no column varies: there is nothing that trees could cut")
        categorical = [int(each) for each in np.flatnonzero(matrix.categorical)]
        options, steps = options_of(self.settled(params, valid), problem, seed, threads, len(matrix))
        train = lgb.Dataset(
            matrix.values,
            np.asarray(y, dtype=np.float64),
            weight=plain_weights(weights),
            categorical_feature=categorical,
            params=options,
        )
        booster = lgb.Booster(options, train)
        stopper = None
        if valid is not None and len(valid[0]):
            held = lgb.Dataset(
                valid[0].values,
                np.asarray(valid[1], dtype=np.float64),
                weight=plain_weights(valid[2]),
                reference=train,
                params=options,
            )
            booster.add_valid(held, "valid")
            stopper = Stopper(int(params.get("patience", patience(steps, len(matrix)))))
        judge = _judge(booster, problem, valid) if stopper else None
        done = 0
        while done < steps:
            finished = booster.update()
            done += 1
            if stopper is not None and judge is not None and stopper.see(done, judge()):
                break
            if finished or overdue(deadline):
                break
        best = stopper.best_step if stopper is not None else done
        return FittedLightGBM(booster.free_dataset(), best, problem)


def options_of(
    settled: Mapping[str, Any], problem: Problem, seed: int, threads: int, rows: int
) -> tuple[dict[str, Any], int]:
    """The library's options for a fit, and how many trees.

    Args:
        settled: all of the learner's own.
        problem: what is to be predicted.
        seed: of the fit.
        threads: at most.
        rows: that are learned from.
    """
    own = dict(settled)
    steps = int(own.pop("iterations"))
    options = {**own, **_objective(problem), **_fixed(seed, threads, rows)}
    options["min_data_in_leaf"] = max(1, min(int(options["min_data_in_leaf"]), rows // 4))
    # LightGBM's 100 leaves the categories of a table of 500 rows unused: no level has as many
    options["min_data_per_group"] = max(1, min(int(options["min_data_per_group"]), max(5, rows // SHARE)))
    if options["bagging_fraction"] < 1:
        options["bagging_freq"] = 1
    return options, steps


def _fixed(seed: int, threads: int, rows: int) -> dict[str, Any]:
    return {
        "seed": seed,
        "deterministic": True,
        "force_row_wise": True,  # which of two ways is faster is measured otherwise: another sum, another model
        "num_threads": threads,
        "verbosity": -1,
        "feature_pre_filter": False,
        "min_data_in_bin": 1 if rows < 1000 else 3,
    }


def _objective(problem: Problem) -> dict[str, Any]:
    """What the trees descend, and the library's own metric where it orders models as the problem's does."""
    name = problem.metric.name
    if problem.kind == "binary":
        metric = {"log_loss": "binary_logloss", "roc_auc": "auc"}.get(name, "None")
        return {"objective": "binary", "metric": metric}
    if problem.kind == "multiclass":
        metric = "multi_logloss" if name == "log_loss" else "None"
        return {"objective": "multiclass", "num_class": len(problem.classes), "metric": metric}
    if (level := pinball(name)) is not None:
        return {"objective": "quantile", "alpha": level, "metric": "quantile"}
    if name in ABSOLUTE:
        return {"objective": "regression_l1", "metric": "l1"}
    return {"objective": "regression", "metric": "l2" if name in SQUARED else "None"}


def _judge(booster: Any, problem: Problem, valid: Held | None) -> Callable[[], tuple[float, float]]:
    """What tells, after each step, how good the rows to judge by are predicted."""
    assert valid is not None
    _, truth, weights = valid
    # LightGBM gives 1 for an area with one class alone: the first tree would be the best
    defined = booster.params["metric"] != "auc" or len(np.unique(truth)) > 1
    if booster.params["metric"] != "None" and defined:
        sign = -1.0 if booster.params["metric"] == "auc" else 1.0
        return lambda: (sign * booster.eval_valid()[0][2], 0.0)

    def measure(outputs: Any, _: Any) -> list[tuple[str, float, bool]]:
        given = np.asarray(outputs, dtype=np.float64)
        if problem.kind == "binary":
            given = np.column_stack([1 - given, given])
        first, second = key(problem, truth, given, weights)
        return [("metric", first, False), ("smooth", second, False)]

    return lambda: tuple(each[2] for each in booster.eval_valid(measure)[-2:])
