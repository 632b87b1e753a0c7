# /// script
# requires-python = ">=3.11"
# dependencies = ["lightgbm==4.7.0", "scikit-learn==1.9.1"]
# ///
"""What LightGBM prints."""

from __future__ import annotations

from pathlib import Path

import lightgbm
import numpy as np
from recorder import Case, History, main
from sklearn.datasets import make_classification


def _data() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rows, labels = make_classification(400, 8, n_informative=3, flip_y=0.3, random_state=1)
    return rows[:200], labels[:200], rows[200:], labels[200:]


def _history(results: dict[str, dict[str, list[float]]]) -> History:
    return {
        f"{part}'s {name}": list(enumerate(values, 1))
        for part, found in results.items()
        for name, values in found.items()
    }


def _native(callbacks: list[object], **parameters: object) -> History:
    rows, labels, more_rows, more_labels = _data()
    train = lightgbm.Dataset(rows, labels)
    valid = lightgbm.Dataset(more_rows, more_labels, reference=train)
    results: dict[str, dict[str, list[float]]] = {}
    lightgbm.train(
        {"objective": "binary", "metric": ["auc", "binary_logloss"], "learning_rate": 0.5, "seed": 1, "num_leaves": 7,
         "deterministic": True, "num_threads": 1, **parameters},
        train, 12, valid_sets=[train, valid], valid_names=["train", "valid"],
        callbacks=[lightgbm.record_evaluation(results), *callbacks],
    )  # fmt: skip
    return _history(results)


def native(_: Path) -> History:
    return _native([lightgbm.log_evaluation(1)])


def every_fifth(_: Path) -> History:
    history = _native([lightgbm.log_evaluation(5)])
    return {name: [pair for pair in pairs if pair[0] in (5, 10)] for name, pairs in history.items()}


def early_stopping(_: Path) -> History:
    return _native([lightgbm.log_evaluation(1), lightgbm.early_stopping(3)])


def early_stopping_not_met(_: Path) -> History:
    return _native([lightgbm.log_evaluation(1), lightgbm.early_stopping(11)], learning_rate=0.02)


def sklearn_api(_: Path) -> History:
    rows, labels, more_rows, more_labels = _data()
    model = lightgbm.LGBMClassifier(
        n_estimators=8, learning_rate=0.5, num_leaves=7, random_state=1, n_jobs=1, deterministic=True, verbose=-1
    )
    model.fit(
        rows, labels, eval_set=[(more_rows, more_labels), (rows, labels)], eval_names=["valid", "train"],
        eval_metric="auc", callbacks=[lightgbm.log_evaluation(1)],
    )  # fmt: skip
    return _history(model.evals_result_)


def default_names(_: Path) -> History:
    rows, labels, more_rows, more_labels = _data()
    model = lightgbm.LGBMClassifier(n_estimators=5, num_leaves=7, random_state=1, n_jobs=1, verbose=-1)
    model.fit(rows, labels, eval_set=[(rows, labels), (more_rows, more_labels)], callbacks=[lightgbm.log_evaluation(1)])
    return _history(model.evals_result_)


BOTH = {"valid's auc": "maximize", "train's auc": "maximize", "valid's binary_logloss": "minimize"}
CASES = {
    "native": Case(native, BOTH, "[1]<tab>train's auc: 0.84<tab>train's binary_logloss: …<tab>valid's auc: 0.63 …"),
    "every_fifth": Case(every_fifth, BOTH, "rounds 5 and 10 only"),
    "early_stopping": Case(
        early_stopping,
        BOTH,
        "after the last line: 'Early stopping, best iteration is:' and the best line once more, with its own round",
    ),
    "early_stopping_not_met": Case(
        early_stopping_not_met, BOTH, "'Did not meet early stopping. Best iteration is:' and the best line once more"
    ),
    "sklearn": Case(
        sklearn_api,
        BOTH,
        "valid's first, then train's: in the order of eval_set; binary_logloss is there too",
        seen="train's first whatever the order of eval_set, as it is the training data; binary_logloss is there too",
    ),
    "default_names": Case(
        default_names,
        {"training's binary_logloss": "minimize", "valid_1's binary_logloss": "minimize"},
        "without eval_names: valid_0 and valid_1",
    ),
}

if __name__ == "__main__":
    main("lightgbm", ["lightgbm", "scikit-learn"], CASES)
