"""CatBoost: gradient boosting of symmetric trees. An extra of its own: it is large, and brings pandas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

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
from automl_core.tabular.learners.stopping import ABSOLUTE, patience, pinball
from automl_core.tabular.learners.xgboost import outputs
from automl_core.tabular.problem import Problem
from automl_core.tabular.shape import Shape

_METRICS = {"log_loss": "", "roc_auc": "AUC", "accuracy": "Accuracy", "f1": "F1", "rmse": "RMSE", "mae": "MAE"}


def library() -> Any:
    """The package."""
    with needed_by("the learner catboost", "catboost"):
        import catboost
    return catboost


class FittedCatBoost(Fitted):
    """Trees, up to the best iteration."""

    def __init__(self, model: Any, best_iteration: int, problem: Problem) -> None:
        self.estimator, self.best_iteration, self.problem = model, best_iteration, problem

    def predict(self, matrix: Matrix) -> Floats:
        """Margins by the library, on one thread."""
        return outputs(
            self.problem, self.estimator.predict(matrix.values, prediction_type="RawFormulaVal", thread_count=1)
        )

    def export(self) -> Document:
        """The same trees."""
        from automl_core.modelfile.exporting import from_catboost

        found = from_catboost(self.estimator)
        return {"model": found.model, "link": found.link}


class CatBoost(Learner):
    """Symmetric trees, which need little searching.

    Categories come as codes and means, not as CatBoost's own statistics: those can be computed by CatBoost alone, and a
    model is to open without the library that trained it.
    """

    name = "catboost"
    title = "CatBoost"
    wants = Wants(categories="codes", gaps=True)
    steps = "iterations"
    unguided = 200
    default: ClassVar[Mapping[str, Any]] = {
        "iterations": 1500,
        "learning_rate": 0.06,
        "depth": 6,
        "l2_leaf_reg": 3.0,
        "random_strength": 1.0,
        "bagging_temperature": 1.0,
        "rsm": 1.0,
    }

    def warm(self) -> None:
        """The library, without what it looks for."""
        library()

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """Depths and penalties."""
        return {
            "learning_rate": {"type": "loguniform", "low": 0.01, "high": 0.3, "default": 0.06},
            "depth": {"type": "int", "low": 3, "high": 9, "default": 6},
            "l2_leaf_reg": {"type": "loguniform", "low": 0.5, "high": 50.0, "default": 3.0},
            "random_strength": {"type": "loguniform", "low": 0.1, "high": 10.0, "default": 1.0},
            "bagging_temperature": {"type": "uniform", "low": 0.0, "high": 2.0, "default": 1.0},
            "rsm": {"type": "uniform", "low": 0.4, "high": 1.0, "default": 1.0},
        }

    def memory(self, rows: int, columns: int, params: Mapping[str, Any]) -> int:
        """A copy in single precision, bins, several orders of the rows."""
        settled = self.settled(params)
        classes = max(1, int(params.get("classes", 1)))
        return 100_000_000 + rows * (columns * 6 + 64 * classes) + (1 << int(settled["depth"])) * columns * 254 * 16

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
    ) -> FittedCatBoost:
        """Add trees until the rows to judge by get no better, or the time is over; at least one."""
        library_, settled = library(), self.settled(params, valid)
        if not matrix.names:
            raise CannotFit("no column varies: there is nothing that trees could cut")
        steps = int(settled["iterations"])
        options = {**settled, **_objective(problem), "random_seed": seed, "thread_count": threads}
        options |= {"logging_level": "Silent", "allow_writing_files": False, "boost_from_average": None}
        options = {name: value for name, value in options.items() if value is not None}
        train = library_.Pool(matrix.values, y, weight=plain_weights(weights))
        held = None
        if valid is not None and len(valid[0]):
            held = library_.Pool(valid[0].values, valid[1], weight=plain_weights(valid[2]))
            options |= {"od_type": "Iter", "od_wait": patience(steps, len(matrix)), "use_best_model": True}
            if named := _METRICS.get(problem.metric.name):
                options["eval_metric"] = named
        model = library_.CatBoost(options)
        model.fit(train, eval_set=held, callbacks=[_Clock(deadline)] if deadline is not None else None)
        if not model.tree_count_:
            raise CannotFit("CatBoost kept no tree: none was better than none")
        return FittedCatBoost(model, int(model.tree_count_), problem)


class _Clock:
    """Stops at the deadline."""

    def __init__(self, deadline: float | None) -> None:
        self.deadline = deadline

    def after_iteration(self, info: Any) -> bool:
        """Whether to go on."""
        return not overdue(self.deadline)


def _objective(problem: Problem) -> dict[str, Any]:
    if problem.kind == "binary":
        return {"loss_function": "Logloss"}
    if problem.kind == "multiclass":
        return {"loss_function": "MultiClass", "classes_count": len(problem.classes)}
    if (level := pinball(problem.metric.name)) is not None:
        return {"loss_function": f"Quantile:alpha={level}"}
    return {"loss_function": "MAE" if problem.metric.name in ABSOLUTE else "RMSE"}
