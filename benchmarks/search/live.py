"""Real scikit-learn models on its bundled data, trained while the search waits.

What random search and the best combination known reach is computed once and kept (tables/live.json).
"""

from __future__ import annotations

import json
import math
import random
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from automl_core.space import Params
from benchmarks.search.problems import Problem
from benchmarks.search.reference import keep

_LOWEST = Path(__file__).parent / "tables" / "live.json"
_FOLDS = 3
_DRAWS = 1_500

Make = Callable[[Mapping[str, Any]], Any]
"""From a combination to an unfitted estimator."""


def _uniform(low: float, high: float) -> dict[str, Any]:
    return {"type": "uniform", "low": low, "high": high}


def _log(low: float, high: float, whole: bool = False) -> dict[str, Any]:
    return {"type": "logint" if whole else "loguniform", "low": low, "high": high}


def _choice(*values: Any) -> dict[str, Any]:
    return {"type": "choice", "values": list(values)}


def _forest(p: Mapping[str, Any]) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(
        n_estimators=int(p["trees"]), max_features=p["max_features"], min_samples_leaf=int(p["leaf"]),
        criterion=p["criterion"], bootstrap=bool(p["bootstrap"]), random_state=0,
    )  # fmt: skip


def _boosting(p: Mapping[str, Any]) -> Any:
    from sklearn.ensemble import GradientBoostingRegressor

    return GradientBoostingRegressor(
        n_estimators=int(p["trees"]), learning_rate=p["learning_rate"], max_depth=int(p["depth"]),
        subsample=p["subsample"], loss=p["loss"], min_samples_leaf=int(p["leaf"]), random_state=0,
    )  # fmt: skip


def _network(p: Mapping[str, Any]) -> Any:
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = MLPClassifier(
        hidden_layer_sizes=(int(p["units"]),) * int(p["layers"]), activation=p["activation"], solver=p["solver"],
        learning_rate_init=p["learning_rate"], momentum=p.get("momentum", 0.9), alpha=p["alpha"],
        batch_size=int(p["batch"]), max_iter=15, random_state=0,
    )  # fmt: skip
    return make_pipeline(StandardScaler(), model)


def _any_model(p: Mapping[str, Any]) -> Any:
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    if p["model"] == "svm":
        model: Any = SVC(C=p["C"], gamma=p["gamma"])
    elif p["model"] == "neighbours":
        model = KNeighborsClassifier(int(p["k"]), weights=p["weights"], p=p["power"])
    else:
        model = LogisticRegression(C=p["penalty"], max_iter=30)
    return make_pipeline(StandardScaler(), model) if p["scale"] else model


_MODELS: dict[str, tuple[str, Make, dict[str, Any]]] = {
    "live_forest_breast_cancer": (
        "breast_cancer",
        _forest,
        {
            "trees": _log(3, 30, whole=True),
            "max_features": _uniform(0.05, 1.0),
            "leaf": _log(1, 40, whole=True),
            "criterion": _choice("gini", "entropy"),
            "bootstrap": _choice(False, True),
        },
    ),
    "live_boosting_diabetes": (
        "diabetes",
        _boosting,
        {
            "trees": _log(5, 60, whole=True),
            "learning_rate": _log(0.005, 1.0),
            "depth": {"type": "int", "low": 1, "high": 7},
            "subsample": _uniform(0.2, 1.0),
            "loss": _choice("squared_error", "absolute_error", "huber"),
            "leaf": _log(1, 40, whole=True),
        },
    ),
    "live_network_wine": (
        "wine",
        _network,
        {
            "units": _log(2, 64, whole=True),
            "layers": {"type": "int", "low": 1, "high": 3},
            "activation": _choice("relu", "tanh", "logistic"),
            "solver": _choice("adam", "sgd"),
            "momentum": {**_uniform(0.0, 0.99), "when": {"solver": ["sgd"]}},
            "learning_rate": _log(1e-4, 0.3),
            "alpha": _log(1e-6, 10.0),
            "batch": _log(8, 64, whole=True),
        },
    ),
    "live_model_choice_digits": (
        "digits",
        _any_model,
        {
            "model": _choice(
                {"value": "svm", "space": {"C": _log(1e-3, 1e3), "gamma": _log(1e-5, 10.0)}},
                {"value": "neighbours", "space": {
                    "k": _log(1, 50, whole=True), "weights": _choice("uniform", "distance"),
                    "power": _uniform(1.0, 4.0)}},
                {"value": "logistic", "space": {"penalty": _log(1e-4, 1e3)}},
            ),
            "scale": _choice(False, True),
        },
    ),
}  # fmt: skip


@cache
def _data(name: str) -> tuple[np.ndarray, np.ndarray]:
    from sklearn import datasets

    x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))[:300]
    return x[order], y[order]


def _loss(data: str, make: Make) -> Callable[[Params], float]:
    """Cross-validated: the log loss of a classifier (its error where it gives no probabilities), a regressor's RMSE."""

    def loss(params: Params) -> float:
        from sklearn.model_selection import KFold, cross_val_predict

        x, y = _data(data)
        model = make(params)
        folds = KFold(_FOLDS)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            if data == "diabetes":
                return float(np.sqrt(np.mean((cross_val_predict(model, x, y, cv=folds) - y) ** 2)))
            if not hasattr(model, "predict_proba"):
                return float(np.mean(cross_val_predict(model, x, y, cv=folds) != y))
            chances = cross_val_predict(model, x, y, cv=folds, method="predict_proba")
        return float(-np.log(np.clip(np.nan_to_num(chances[np.arange(len(y)), y]), 1e-3, 1.0)).mean())

    return loss


def live() -> list[Problem]:
    """Four problems. The lowest loss known of each is computed on first use, some minutes on one core."""
    known: dict[str, float] = json.loads(_LOWEST.read_text()) if _LOWEST.exists() else {}
    problems = []
    for name, (data, make, models) in _MODELS.items():
        problem = Problem(name, models, _loss(data, make), known.get(name, 0.0), _DRAWS)
        if name not in known:
            known[name], losses = explore(problem)
            problem = replace(problem, optimum=known[name])
            keep(problem, losses)
            _LOWEST.write_text(json.dumps(known, indent=1) + "\n")
        problems.append(problem)
    return problems


def explore(problem: Problem, steps: int = 600) -> tuple[float, list[float]]:
    """The lowest loss known, and the losses of random draws.

    The lowest is what small random steps from the best draw find; a search that finds a lower one later counts as
    having reached it.
    """
    rng, space = random.Random(f"random:{problem.name}"), problem.space
    found = [(problem.loss(p), space.units(p)) for p in (space.sample(rng) for _ in range(problem.draws))]
    best, here = min(found)
    for _ in range(steps):
        width = 10 ** rng.uniform(-3, -0.5)
        units = [rng.random() if math.isnan(u) else u + rng.gauss(0, width) * (rng.random() < 0.5) for u in here]
        params = space.at([min(max(u, 0.0), 1.0) for u in units])
        loss = problem.loss(params)
        if loss <= best:
            best, here = loss, space.units(params)
    return best, [loss for loss, _ in found]
