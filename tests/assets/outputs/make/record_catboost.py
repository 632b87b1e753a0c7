# /// script
# requires-python = ">=3.11"
# dependencies = ["catboost==1.2.10", "scikit-learn==1.9.1"]
# ///
"""What CatBoost prints."""

from __future__ import annotations

from pathlib import Path

import catboost
import numpy as np
from recorder import Case, History, main
from sklearn.datasets import make_classification


def _data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rows, labels = make_classification(400, 8, n_informative=3, flip_y=0.3, random_state=1)
    return rows[:200], labels[:200], rows[200:], labels[200:]


def _train(folder: Path, more_sets: int = 0, **options: object) -> tuple[catboost.CatBoostClassifier, History]:
    rows, labels, more_rows, more_labels = _data()
    options = {"iterations": 12, "learning_rate": 0.5, "depth": 4, **options}
    model = catboost.CatBoostClassifier(random_seed=1, thread_count=1, train_dir=str(folder), **options)
    sets = (
        [(more_rows, more_labels)]
        if not more_sets
        else [(more_rows[:100], more_labels[:100]), (more_rows[100:], more_labels[100:])]
    )
    model.fit(rows, labels, eval_set=sets)
    metric = str(options.get("eval_metric", "Logloss"))
    names = {"learn": "learn", "validation": "test", "validation_0": "test", "validation_1": "test1"}
    history = {
        names[part]: list(enumerate(found[metric]))
        for part, found in model.get_evals_result().items()
        if metric in found
    }
    return model, history


def default(folder: Path) -> History:
    return _train(folder)[1]


def every_fifth(folder: Path) -> History:
    history = _train(folder, metric_period=5)[1]
    # with metric_period, get_evals_result() has the computed iterations only
    steps = (0, 5, 10, 11)
    return {
        name: [(step, value) for step, (_, value) in zip(steps, pairs, strict=True)] for name, pairs in history.items()
    }


def early_stopping(folder: Path) -> History:
    return _train(folder, early_stopping_rounds=3)[1]


def eval_metric(folder: Path) -> History:
    return _train(folder, eval_metric="AUC", custom_metric=["Accuracy"])[1]


def two_sets(folder: Path) -> History:
    return _train(folder, more_sets=1)[1]


TEST = {"test": "minimize", "learn": "minimize"}
CASES = {
    "default": Case(
        default,
        TEST,
        "0:<tab>learn: 0.6…<tab>test: 0.6…<tab>best: 0.6… (0)<tab>total: 1ms<tab>remaining: 11ms, then bestTest = …, "
        "bestIteration = …, 'Shrink model to first 3 iterations.'",
        tolerance=5.1e-7,
    ),
    "every_fifth": Case(every_fifth, TEST, "iterations 0, 5, 10 and the last, 11", tolerance=5.1e-7),
    "early_stopping": Case(
        early_stopping, TEST, "'Stopped by overfitting detector  (3 iterations wait)'", tolerance=5.1e-7
    ),
    "auc": Case(
        eval_metric,
        {"test": "maximize"},
        "learn: … and test: … as for any metric",
        tolerance=5.1e-7,
        seen="no learn: CatBoost does not compute AUC on the training data unless it is AUC:hints=skip_train~false",
    ),
    "two_sets": Case(
        two_sets,
        {"test": "minimize", "test1": "minimize"},
        "test: … for the first set, test1: … for the second, best and bestTest of the first",
        tolerance=5.1e-7,
        seen="best, bestTest, bestIteration and the shrinking go by the last set, test1, and no line says so",
    ),
}

if __name__ == "__main__":
    main("catboost", ["catboost", "scikit-learn"], CASES)
