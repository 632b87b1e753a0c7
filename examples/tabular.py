"""Choose and tune a classifier for a table by cross-validation.

experiments/wine_svm_grid.yaml, wine_weekly.yaml and breast_cancer_models.yaml use it. It reads its hyperparameters from
AUTOML_PARAMS, which the platform sets to a JSON object of exactly those that apply, so a space with conditions needs no
argument for each of them. It prints a line a fold (``fold=2 accuracy=0.9649 macro_f1=0.9627``); an experiment that
takes their mean states ``final: mean``.

By hand:

    python examples/tabular.py --data wine --params '{"model": "svm", "C": 10.0, "kernel": "rbf", "gamma": 0.01}'
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import sklearn
from sklearn.base import ClassifierMixin, clone
from sklearn.datasets import load_breast_cancer, load_wine
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from threadpoolctl import threadpool_limits

TABLES: dict[str, Callable[..., Any]] = {"wine": load_wine, "breast_cancer": load_breast_cancer}
MODELS: dict[str, Callable[..., ClassifierMixin]] = {
    "logistic": lambda **options: LogisticRegression(max_iter=1000, **options),
    "svm": lambda **options: SVC(**options),
    "forest": lambda **options: RandomForestClassifier(random_state=0, **options),
    "boosting": lambda **options: HistGradientBoostingClassifier(random_state=0, **options),
}


def build(params: dict[str, Any]) -> ClassifierMixin:
    """Make an untrained classifier of a combination: its ``model``, and scikit-learn's own names for the rest."""
    options = dict(params)
    name = options.pop("model", "svm")
    if name not in MODELS:
        raise SystemExit(f"model: {name!r} is not known; allowed: {', '.join(MODELS)}")
    return make_pipeline(StandardScaler(), MODELS[name](**options))


def scores(classifier: ClassifierMixin, data: str, folds: int) -> Iterator[dict[str, float]]:
    """Train on all folds but one, score on that one; each fold in turn."""
    x, y = TABLES[data](return_X_y=True)
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=0).split(x, y):
        model = clone(classifier).fit(x[train], y[train])
        predicted = model.predict(x[test])
        yield {
            "accuracy": float(accuracy_score(y[test], predicted)),
            "macro_f1": float(f1_score(y[test], predicted, average="macro")),
        }


def main() -> None:
    """Cross-validate one combination and save its recipe."""
    parser = argparse.ArgumentParser(description="Cross-validate a classifier on a table that scikit-learn brings.")
    parser.add_argument("--data", choices=sorted(TABLES), default="wine")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--params", type=json.loads, default=os.environ.get("AUTOML_PARAMS", "{}"), help="JSON object")
    args = parser.parse_args()
    folds = []
    with threadpool_limits(1):  # trials run side by side: each keeps to one core
        for number, fold in enumerate(scores(build(args.params), args.data, args.folds), start=1):
            folds.append(fold)
            print(f"fold={number}", *(f"{name}={value:.4f}" for name, value in fold.items()), flush=True)
    if os.environ.get("AUTOML_MODEL_DIR"):
        # Table, combination and version make the same classifier again in a second: the recipe is the model, and
        # nothing that would have to be unpickled is stored.
        recipe = {"data": args.data, "params": args.params, "folds": folds, "scikit-learn": sklearn.__version__}
        folder = Path(os.environ["AUTOML_MODEL_DIR"])
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "model.json").write_text(json.dumps(recipe, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
