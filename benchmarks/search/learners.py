"""Kinds of learners for the halves: a space, and an estimator from a combination of it. Which data each meets is drawn.

The spaces are as wide as people write them who don't know the answer yet.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from automl_core.space import Params
from benchmarks.search import datasets


@dataclass(frozen=True)
class Learner:
    """One kind.

    Attributes:
        make: from a combination to an unfitted estimator.
        models: its space as under ``space:``.
        classifies: whether it takes classes; else numbers.
    """

    make: Callable[[Mapping[str, Any]], Any]
    models: Mapping[str, Any]
    classifies: bool = True


def _uniform(low: float, high: float) -> dict[str, Any]:
    return {"type": "uniform", "low": low, "high": high}


def _log(low: float, high: float, whole: bool = False) -> dict[str, Any]:
    return {"type": "logint" if whole else "loguniform", "low": low, "high": high}


def _choice(*values: Any) -> dict[str, Any]:
    return {"type": "choice", "values": list(values)}


def _scaled(model: Any) -> Any:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), model)


def _svc(p: Mapping[str, Any]) -> Any:
    from sklearn.svm import SVC

    kernel = str(p["kernel"])
    return _scaled(SVC(kernel=kernel, C=p["C"], gamma=p["gamma"], coef0=p.get("coef0", 0.0), max_iter=3000))


def _svr(p: Mapping[str, Any]) -> Any:
    from sklearn.svm import SVR

    return _scaled(SVR(C=p["C"], gamma=p["gamma"], epsilon=p["epsilon"], max_iter=3000))


def _network(p: Mapping[str, Any]) -> Any:
    from sklearn.neural_network import MLPClassifier

    return _scaled(
        MLPClassifier(
            (int(p["units"]),) * int(p["layers"]), activation=p["activation"], learning_rate_init=p["learning_rate"],
            alpha=p["alpha"], batch_size=int(p["batch"]), max_iter=12, random_state=0,
        )
    )  # fmt: skip


def _forest(p: Mapping[str, Any]) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier

    return ExtraTreesClassifier(
        int(p["trees"]), max_features=p["max_features"], min_samples_leaf=int(p["leaf"]), max_depth=int(p["depth"]),
        criterion=p["criterion"], random_state=0,
    )  # fmt: skip


def _boosting(p: Mapping[str, Any]) -> Any:
    from sklearn.ensemble import GradientBoostingRegressor

    return GradientBoostingRegressor(
        n_estimators=int(p["trees"]), learning_rate=p["learning_rate"], max_depth=int(p["depth"]),
        subsample=p["subsample"], min_samples_leaf=int(p["leaf"]), random_state=0,
    )  # fmt: skip


def _linear(p: Mapping[str, Any]) -> Any:
    from sklearn.linear_model import SGDClassifier

    return _scaled(
        SGDClassifier(
            loss=p["loss"], alpha=p["alpha"], penalty="elasticnet", l1_ratio=p["l1_ratio"], eta0=p["eta0"],
            learning_rate="constant", max_iter=20, tol=None, random_state=0,
        )
    )  # fmt: skip


def _neighbours(p: Mapping[str, Any]) -> Any:
    from sklearn.neighbors import KNeighborsClassifier

    return _scaled(KNeighborsClassifier(int(p["k"]), weights=p["weights"], p=p["power"]))


def _any(p: Mapping[str, Any]) -> Any:
    return {"svc": _svc, "forest": _forest, "neighbours": _neighbours}[str(p["model"])](p)


_SVC = {
    "kernel": _choice("rbf", "sigmoid"),
    "C": _log(1e-3, 1e3), "gamma": _log(1e-5, 10.0),
    "coef0": {**_uniform(0.0, 1.0), "when": {"kernel": ["sigmoid"]}},
}  # fmt: skip
_FOREST = {
    "trees": _log(3, 40, whole=True), "max_features": _uniform(0.05, 1.0), "leaf": _log(1, 40, whole=True),
    "depth": {"type": "int", "low": 1, "high": 15}, "criterion": _choice("gini", "entropy"),
}  # fmt: skip
_NEIGHBOURS = {"k": _log(1, 50, whole=True), "weights": _choice("uniform", "distance"), "power": _uniform(1.0, 4.0)}

LEARNERS: Mapping[str, Learner] = {
    "svc": Learner(_svc, _SVC),
    "network": Learner(_network, {
        "units": _log(2, 64, whole=True), "layers": {"type": "int", "low": 1, "high": 3},
        "activation": _choice("relu", "tanh", "logistic"), "learning_rate": _log(1e-4, 0.3),
        "alpha": _log(1e-6, 10.0), "batch": _log(8, 64, whole=True)}),
    "forest": Learner(_forest, _FOREST),
    "linear": Learner(_linear, {
        "loss": _choice("hinge", "log_loss", "modified_huber"), "alpha": _log(1e-6, 1.0),
        "l1_ratio": _uniform(0.0, 1.0), "eta0": _log(1e-5, 1.0)}),
    "choice": Learner(_any, {"model": _choice(
        {"value": "svc", "space": {name: model for name, model in _SVC.items() if name in ("C", "gamma")}
                                  | {"kernel": _choice("rbf", "sigmoid")}},
        {"value": "forest", "space": _FOREST},
        {"value": "neighbours", "space": _NEIGHBOURS})}),
    "boosting": Learner(_boosting, {
        "trees": _log(5, 80, whole=True), "learning_rate": _log(0.005, 1.0),
        "depth": {"type": "int", "low": 1, "high": 7}, "subsample": _uniform(0.2, 1.0),
        "leaf": _log(1, 40, whole=True)}, classifies=False),
    "svr": Learner(_svr, {
        "C": _log(1e-2, 1e4), "gamma": _log(1e-5, 10.0), "epsilon": _log(1e-3, 10.0)}, classifies=False),
}  # fmt: skip
"""Kind → what it is made of."""


def loss_of(kind: str, data: str, rows: int, folds: int = 3) -> Callable[[Params], float]:
    """What training tells: a classifier's log loss (its error, in whole rows, where it gives no probabilities), a
    regressor's RMSE as a share of the target's deviation; cross-validated.

    Raises:
        KeyError: no such kind.
    """
    learner = LEARNERS[kind]

    def loss(params: Params) -> float:
        from sklearn.model_selection import KFold, cross_val_predict

        x, y = datasets.load(data, rows)
        model, parts = learner.make(params), KFold(folds)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            if not learner.classifies:
                found = cross_val_predict(model, x, y, cv=parts)
                return float(np.sqrt(np.mean((found - y) ** 2)) / (np.std(y) or 1.0))
            if not hasattr(model, "predict_proba"):
                return float(np.mean(cross_val_predict(model, x, y, cv=parts) != y))
            places = np.searchsorted(np.unique(y), y)
            chances = cross_val_predict(model, x, places, cv=parts, method="predict_proba")
        return float(-np.log(np.clip(np.nan_to_num(chances[np.arange(len(y)), places]), 1e-3, 1.0)).mean())

    return loss
