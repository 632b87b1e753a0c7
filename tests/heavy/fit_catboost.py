"""Models of CatBoost as documents, with what CatBoost itself says of strange rows: ``python fit_catboost.py OUT``.

OUT gets, for each kind of problem and each way with missing values, ``KIND-NAN.bin`` (the document and what it
is compared with, pickled: both environments are ours).
"""

from __future__ import annotations

import itertools
import pickle
import sys
from pathlib import Path

import numpy as np
from catboost import CatBoostClassifier, CatBoostRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from automl_core.modelfile.exporting.catboost import from_catboost

SETS = {"binary": load_breast_cancer, "regression": load_diabetes, "multiclass": load_wine}


def main() -> None:
    """Fit each, write each."""
    for (kind, load), nan in itertools.product(SETS.items(), ("Min", "Max")):
        random = np.random.default_rng(0)
        x, y = load(return_X_y=True)
        x = np.asarray(x, dtype=float)[:, :8]
        x[random.random(x.shape) < 0.1] = np.nan
        strange = x[random.permutation(len(x))[:120]] * random.choice(
            [1.0, -1.0, 1e6], size=(120, 8), p=[0.8, 0.1, 0.1]
        )
        strange[0], strange[1], strange[2] = np.nan, np.inf, -np.inf
        make = CatBoostRegressor if kind == "regression" else CatBoostClassifier
        model = make(iterations=30, depth=4, verbose=0, nan_mode=nan, thread_count=1, allow_writing_files=False)
        exported = from_catboost(model.fit(x, y))
        held = {
            "model": exported.model, "link": exported.link, "rows": strange,
            "classes": sorted({str(each) for each in y}),
            "margin": model.predict(strange, prediction_type="RawFormulaVal"),
        }  # fmt: skip
        (Path(sys.argv[1]) / f"{kind}-{nan}.bin").write_bytes(pickle.dumps(held))


if __name__ == "__main__":
    main()
