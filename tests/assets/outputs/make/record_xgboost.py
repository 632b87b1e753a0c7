# /// script
# requires-python = ">=3.11"
# dependencies = ["xgboost-cpu==3.2.0", "scikit-learn==1.9.1"]
# ///
"""What XGBoost prints."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xgboost
from recorder import Case, History, main
from sklearn.datasets import make_classification


def _data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rows, labels = make_classification(400, 8, n_informative=3, flip_y=0.3, random_state=1)
    return rows[:200], labels[:200], rows[200:], labels[200:]


def _history(results: dict[str, dict[str, list[float]]]) -> History:
    return {
        f"{part}-{name}": list(enumerate(values)) for part, found in results.items() for name, values in found.items()
    }


def _native(**options: object) -> History:
    rows, labels, more_rows, more_labels = _data()
    train, valid = xgboost.DMatrix(rows, labels), xgboost.DMatrix(more_rows, more_labels)
    results: dict[str, dict[str, list[float]]] = {}
    parameters = {
        "objective": "binary:logistic", "eval_metric": ["logloss", "error@0.7"], "eta": 0.5, "max_depth": 4, "seed": 1,
    }  # fmt: skip
    xgboost.train(parameters, train, 12, evals=[(train, "train"), (valid, "valid")], evals_result=results, **options)
    return _history(results)


def native(_: Path) -> History:
    return _native()


def every_fifth(_: Path) -> History:
    """``verbose_eval=5`` prints rounds 0, 5, 10 and the last one."""
    history = _native(verbose_eval=5)
    return {name: [pair for pair in pairs if pair[0] in (0, 5, 10, 11)] for name, pairs in history.items()}


def early_stopping(_: Path) -> History:
    return _native(early_stopping_rounds=3)


def sklearn_api(_: Path) -> History:
    rows, labels, more_rows, more_labels = _data()
    model = xgboost.XGBClassifier(n_estimators=8, learning_rate=0.5, max_depth=4, eval_metric=["logloss", "auc"])
    model.fit(rows, labels, eval_set=[(rows, labels), (more_rows, more_labels)])
    return _history(model.evals_result())


def cross_validation(_: Path) -> History:
    rows, labels, _, _ = _data()
    parameters = {"objective": "binary:logistic", "eval_metric": "auc", "eta": 0.5, "max_depth": 4, "seed": 1}
    table = xgboost.cv(parameters, xgboost.DMatrix(rows, labels), 6, nfold=3, seed=1, verbose_eval=True)
    return {f"{part}-auc": list(enumerate(map(float, table[f"{part}-auc-mean"]))) for part in ("train", "test")}


VALID = {"valid-error@0.7": "minimize", "valid-logloss": "minimize", "train-logloss": "minimize"}
CASES = {
    "native": Case(
        native, VALID, "[0]<tab>train-logloss:0.6…<tab>train-error@0.7:0.3…: five digits, the round in front"
    ),
    "every_fifth": Case(every_fifth, VALID, "lines of rounds 0, 5, 10 and 11 (the last), and only those"),
    "early_stopping": Case(
        early_stopping,
        VALID,
        "ends after three rounds without a better value of the last metric of the last set; no line says so",
    ),
    "sklearn": Case(
        sklearn_api,
        {"validation_0-auc": "maximize", "validation_1-auc": "maximize"},
        "as native, with the names validation_0-auc and validation_1-auc",
    ),
    "cv": Case(
        cross_validation,
        {"train-auc": "maximize", "test-auc": "maximize"},
        "[0]<tab>train-auc:0.9+0.01<tab>test-auc:0.8+0.05: the deviation follows a plus sign",
    ),
}

if __name__ == "__main__":
    main("xgboost", ["xgboost-cpu", "scikit-learn"], CASES)
