"""XGBoost: gradient boosting that grows level by level."""

from __future__ import annotations

from collections.abc import Mapping
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
from automl_core.tabular.learners.stopping import ABSOLUTE, Stopper, key, patience, pinball
from automl_core.tabular.problem import Problem
from automl_core.tabular.shape import Shape
from automl_core.training.imports import without


def library() -> Any:
    """The package, without what it imports only to look whether it is there."""
    with needed_by("the learner xgboost", "tabular"), without("pandas", "sklearn"):
        import xgboost
    return xgboost


class FittedXGBoost(Fitted):
    """Trees, up to the best iteration."""

    def __init__(self, booster: Any, best_iteration: int, problem: Problem) -> None:
        self.estimator, self.best_iteration, self.problem = booster, best_iteration, problem

    def predict(self, matrix: Matrix) -> Floats:
        """Margins by the library, on one thread; what follows in double precision."""
        self.estimator.set_param({"nthread": 1})
        data = library().DMatrix(matrix.values, missing=np.nan, nthread=1)
        rounds = (0, self.best_iteration)
        return outputs(self.problem, self.estimator.predict(data, output_margin=True, iteration_range=rounds))

    def export(self) -> Document:
        """The same trees; XGBoost adds leaves in single precision, and so does the scorer."""
        from automl_core.modelfile.exporting import from_xgboost

        found = from_xgboost(self.estimator, self.best_iteration)
        return {"model": found.model, "link": found.link}


def outputs(problem: Problem, margin: Any) -> Floats:
    """Outputs of margins in single precision."""
    values = np.asarray(margin, dtype=np.float64)
    if problem.kind == "regression":
        return values.reshape(-1)
    if problem.kind == "binary":
        second = 1 / (1 + np.exp(-np.clip(values.reshape(-1), -700, 700)))
        return np.column_stack([1 - second, second])
    shares = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


class XGBoost(Learner):
    """Boosted trees with missing values of their own; categories as codes and means."""

    name = "xgboost"
    title = "XGBoost"
    wants = Wants(categories="codes", gaps=True)
    steps = "iterations"
    unguided = 200
    default: ClassVar[Mapping[str, Any]] = {
        "iterations": 2000,
        "learning_rate": 0.1,
        "max_depth": 6,
        "min_child_weight": 1.0,
        "subsample": 1.0,
        "colsample_bytree": 1.0,
        "colsample_bylevel": 1.0,
        "reg_alpha": 0.0,
        "reg_lambda": 1.0,
        "gamma": 0.0,
        "max_bin": 256,
        "max_leaves": 0,
        "grow_policy": "depthwise",
    }

    def warm(self) -> None:
        """The library, without what it looks for."""
        library()

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """Depths and penalties."""
        return {
            "learning_rate": {"type": "loguniform", "low": 0.01, "high": 0.3, "default": 0.1},
            "max_depth": {"type": "int", "low": 2, "high": 10, "default": 6},
            "min_child_weight": {"type": "loguniform", "low": 1e-3, "high": 64.0, "default": 1.0},
            "subsample": {"type": "uniform", "low": 0.5, "high": 1.0, "default": 1.0},
            "colsample_bytree": {"type": "uniform", "low": 0.3, "high": 1.0, "default": 1.0},
            "reg_alpha": {"type": "loguniform", "low": 1e-6, "high": 10.0, "default": 1e-6},
            "reg_lambda": {"type": "loguniform", "low": 1e-3, "high": 100.0, "default": 1.0},
            "gamma": {"type": "loguniform", "low": 1e-6, "high": 5.0, "default": 1e-6},
        }

    def memory(self, rows: int, columns: int, params: Mapping[str, Any]) -> int:
        """A copy in single precision, bins, gradients of each class, histograms of a level."""
        settled = self.settled(params)
        classes = max(1, int(params.get("classes", 1)))
        nodes = 1 << min(int(settled["max_depth"]) or 8, 10)
        return 20_000_000 + rows * (columns * 8 + 24 * classes) + nodes * columns * int(settled["max_bin"]) * 16

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
    ) -> FittedXGBoost:
        """Add trees until the rows to judge by get no better, or the time is over; at least one."""
        xgb, settled = library(), self.settled(params, valid)
        if not matrix.names:
            raise CannotFit("no column varies: there is nothing that trees could cut")
        steps = int(settled.pop("iterations"))
        patient = int(settled.pop("patience", patience(steps, len(matrix))))
        options = {**settled, **_objective(problem), "tree_method": "hist", "seed": seed, "nthread": threads}
        options |= {"verbosity": 0, "disable_default_eval_metric": True}
        train = xgb.DMatrix(matrix.values, y, weight=plain_weights(weights), missing=np.nan, nthread=threads)
        cache, stopper, held = [train], None, None
        if valid is not None and len(valid[0]):
            held = xgb.DMatrix(valid[0].values, missing=np.nan, nthread=threads)
            cache.append(held)
            stopper = Stopper(patient)
        booster = xgb.Booster(options, cache)
        done = 0
        while done < steps:
            booster.update(train, done)
            done += 1
            if stopper is not None and valid is not None:
                # the cache of the booster has what the trees before have given
                given = outputs(problem, booster.predict(held, output_margin=True, training=False))
                if stopper.see(done, key(problem, valid[1], given, valid[2])):
                    break
            if overdue(deadline):
                break
        best = stopper.best_step if stopper is not None else done
        return FittedXGBoost(booster[:best], best, problem)


def _objective(problem: Problem) -> dict[str, Any]:
    if problem.kind == "binary":
        return {"objective": "binary:logistic"}
    if problem.kind == "multiclass":
        return {"objective": "multi:softprob", "num_class": len(problem.classes)}
    if (level := pinball(problem.metric.name)) is not None:
        return {"objective": "reg:quantileerror", "quantile_alpha": level}
    return {"objective": "reg:absoluteerror" if problem.metric.name in ABSOLUTE else "reg:squarederror"}
