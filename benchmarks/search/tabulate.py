"""Tables of real scikit-learn models over grids of their hyperparameters, so that a benchmark costs nothing.

Run with ``python -m benchmarks.search.tabulate`` (some ten minutes on one core). A table holds the
cross-validated error at every point of a full grid; `benchmarks.search.problems` interpolates
between the points of numeric axes, so the table's own minimum is the problem's known optimum.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

TABLES = Path(__file__).parent / "tables"
_FOLDS = 3

Axis = tuple[str, Sequence[Any]]
Score = Callable[[Mapping[str, Any]], float]


def classification(data: str, model: Callable[[Mapping[str, Any]], Any], rows: int = 600) -> Score:
    """Cross-validated error of a classifier on one of scikit-learn's bundled data sets."""
    from sklearn import datasets
    from sklearn.metrics import log_loss
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    x, y = getattr(datasets, f"load_{data}")(return_X_y=True)
    keep = np.random.default_rng(0).permutation(len(y))[:rows]
    x, y = x[keep], y[keep]
    folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)

    def score(params: Mapping[str, Any]) -> float:
        pipeline = make_pipeline(StandardScaler(), model(params))
        if hasattr(pipeline, "predict_proba"):
            return float(log_loss(y, cross_val_predict(pipeline, x, y, cv=folds, method="predict_proba")))
        return float(np.mean(cross_val_predict(pipeline, x, y, cv=folds) != y))

    return score


def regression(data: str, model: Callable[[Mapping[str, Any]], Any]) -> Score:
    """Cross-validated root mean squared error of a regressor."""
    from sklearn import datasets
    from sklearn.model_selection import KFold, cross_val_predict

    x, y = getattr(datasets, f"load_{data}")(return_X_y=True)
    folds = KFold(_FOLDS, shuffle=True, random_state=0)

    def score(params: Mapping[str, Any]) -> float:
        predicted = cross_val_predict(model(params), x, y, cv=folds)
        return float(np.sqrt(np.mean((predicted - y) ** 2)))

    return score


def _geometric(low: float, high: float, count: int) -> list[float]:
    return [float(f"{v:.6g}") for v in np.geomspace(low, high, count)]


def _svm(p: Mapping[str, Any]) -> Any:
    from sklearn.svm import SVC

    return SVC(kernel=p["kernel"], C=p["C"], gamma=p["gamma"], coef0=p["coef0"], degree=3)


def _mlp(p: Mapping[str, Any]) -> Any:
    from sklearn.neural_network import MLPClassifier

    return MLPClassifier(
        hidden_layer_sizes=(int(p["units"]),), activation=p["activation"], learning_rate_init=p["learning_rate"],
        alpha=p["alpha"], batch_size=64, max_iter=12, random_state=0,
    )  # fmt: skip


def _boosting(p: Mapping[str, Any]) -> Any:
    from sklearn.ensemble import GradientBoostingRegressor

    return GradientBoostingRegressor(
        learning_rate=p["learning_rate"], n_estimators=int(p["trees"]), max_depth=int(p["depth"]),
        subsample=p["subsample"], random_state=0,
    )  # fmt: skip


def _forest(p: Mapping[str, Any]) -> Any:
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(
        n_estimators=30, max_features=p["max_features"], min_samples_leaf=int(p["leaf"]), max_depth=int(p["depth"]),
        criterion=p["criterion"], random_state=0,
    )  # fmt: skip


def _logistic(p: Mapping[str, Any]) -> Any:
    from sklearn.linear_model import SGDClassifier

    return SGDClassifier(
        loss=p["loss"], alpha=p["alpha"], l1_ratio=p["l1_ratio"], penalty="elasticnet", learning_rate="constant",
        eta0=p["eta0"], max_iter=20, tol=None, random_state=0,
    )  # fmt: skip


def _svr(p: Mapping[str, Any]) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVR

    return make_pipeline(StandardScaler(), SVR(C=p["C"], gamma=p["gamma"], epsilon=p["epsilon"]))


def tables() -> dict[str, tuple[list[Axis], Callable[[], Score]]]:
    """Every table: its axes, and what computes a point."""
    return {
        "svm_digits": (
            [("kernel", ["rbf", "poly", "sigmoid"]), ("C", _geometric(1e-3, 1e3, 9)),
             ("gamma", _geometric(1e-5, 1e1, 9)), ("coef0", [0.0, 0.5, 1.0])],
            lambda: classification("digits", _svm),
        ),
        "svm_breast_cancer": (
            [("kernel", ["rbf", "poly", "sigmoid"]), ("C", _geometric(1e-3, 1e3, 9)),
             ("gamma", _geometric(1e-5, 1e1, 9)), ("coef0", [0.0, 0.5, 1.0])],
            lambda: classification("breast_cancer", _svm),
        ),
        "mlp_digits": (
            [("activation", ["relu", "tanh", "logistic"]), ("learning_rate", _geometric(1e-4, 0.3, 8)),
             ("units", [4, 8, 16, 32, 64]), ("alpha", _geometric(1e-6, 1.0, 4))],
            lambda: classification("digits", _mlp),
        ),
        "boosting_diabetes": (
            [("learning_rate", _geometric(3e-3, 1.0, 7)), ("trees", [10, 20, 40, 80, 160]),
             ("depth", [1, 2, 3, 4, 6, 8]), ("subsample", [0.3, 0.5, 0.75, 1.0])],
            lambda: regression("diabetes", _boosting),
        ),
        "forest_wine": (
            [("criterion", ["gini", "entropy"]), ("max_features", [0.05, 0.2, 0.4, 0.6, 0.8, 1.0]),
             ("leaf", [1, 2, 4, 8, 16, 32]), ("depth", [1, 2, 3, 5, 8, 12])],
            lambda: classification("wine", _forest),
        ),
        "sgd_breast_cancer": (
            [("loss", ["hinge", "log_loss", "modified_huber"]), ("alpha", _geometric(1e-6, 1.0, 7)),
             ("l1_ratio", [0.0, 0.25, 0.5, 0.75, 1.0]), ("eta0", _geometric(1e-5, 1.0, 7))],
            lambda: classification("breast_cancer", _logistic),
        ),
        "svr_diabetes": (
            [("C", _geometric(1e-2, 1e4, 10)), ("gamma", _geometric(1e-5, 10, 10)),
             ("epsilon", _geometric(0.1, 100, 6))],
            lambda: regression("diabetes", _svr),
        ),
    }  # fmt: skip


def compute(axes: Sequence[Axis], score: Score) -> list[float]:
    """Scores over the grid, the last axis changing fastest."""
    names = [name for name, _ in axes]
    points: Iterable[tuple[Any, ...]] = itertools.product(*(values for _, values in axes))
    return [float(f"{score(dict(zip(names, point, strict=True))):.6g}") for point in points]


def main(wanted: Sequence[str]) -> None:
    """Compute the tables named (all of them without names) that don't exist yet."""
    warnings.filterwarnings("ignore")
    TABLES.mkdir(exist_ok=True)
    for name, (axes, make) in tables().items():
        path = TABLES / f"{name}.json"
        if (wanted and name not in wanted) or path.exists():
            continue
        started = time.time()
        values = compute(axes, make())
        path.write_text(json.dumps({"axes": dict(axes), "values": values}) + "\n")
        print(f"{name}: {len(values)} points in {time.time() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
