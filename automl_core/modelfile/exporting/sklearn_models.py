"""scikit-learn's estimators as documents, told by the names of their classes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from automl_core.modelfile.exporting.base import Exported, NotExportable
from automl_core.modelfile.exporting.sklearn_trees import from_forest, from_histogram_boosting


def from_sklearn(estimator: Any) -> Exported:
    """A fitted estimator (not a pipeline) as a document.

    Raises:
        NotExportable: its class, or an option of it, is not known to the numpy scorer.
    """
    name = type(estimator).__name__
    if name not in EXPORTERS:
        raise NotExportable(f"scikit-learn's {name} is not known to the numpy scorer (known: {', '.join(EXPORTERS)})")
    return EXPORTERS[name](estimator)


def _linear(estimator: Any, link: str) -> Exported:
    coef = np.atleast_2d(np.asarray(estimator.coef_, dtype=np.float64))
    intercept = np.broadcast_to(np.atleast_1d(np.asarray(estimator.intercept_, dtype=np.float64)), (len(coef),))
    return Exported({"type": "linear", "coef": coef.T.copy(), "intercept": intercept.copy()}, link)


def _regression(estimator: Any) -> Exported:
    return _linear(estimator, "identity")


def _exponential(estimator: Any) -> Exported:
    return _linear(estimator, "exp")


def _tweedie(estimator: Any) -> Exported:
    link = estimator.link if estimator.link != "auto" else "identity" if estimator.power <= 0 else "log"
    return _linear(estimator, {"identity": "identity", "log": "exp"}[link])


def _logistic(estimator: Any) -> Exported:
    binary = len(estimator.classes_) == 2
    if not binary and getattr(estimator, "solver", "") == "liblinear":
        return _linear(estimator, "ovr")
    return _linear(estimator, "sigmoid" if binary else "softmax")


def _sgd(estimator: Any) -> Exported:
    if estimator.loss != "log_loss":
        raise NotExportable(f"SGDClassifier's loss {estimator.loss!r} gives no probabilities the scorer knows")
    return _linear(estimator, "sigmoid" if len(estimator.classes_) == 2 else "ovr")


def _network(estimator: Any) -> Exported:
    layers = [
        {"weight": np.asarray(weight, dtype=np.float64), "bias": np.asarray(bias, dtype=np.float64)}
        for weight, bias in zip(estimator.coefs_, estimator.intercepts_, strict=True)
    ]
    links = {"identity": "identity", "logistic": "sigmoid", "softmax": "softmax", "exp": "exp"}
    model = {"type": "dense", "layers": layers, "activation": estimator.activation}
    return Exported(model, links[estimator.out_activation_])


def _gaussian(estimator: Any) -> Exported:
    model = {
        "type": "bayes",
        "mean": np.asarray(estimator.theta_, dtype=np.float64),
        "variance": np.asarray(estimator.var_, dtype=np.float64),
        "log_prior": np.log(estimator.class_prior_),
    }
    return Exported(model, "softmax")


def _multinomial(estimator: Any) -> Exported:
    model = {
        "type": "linear",
        "coef": np.asarray(estimator.feature_log_prob_, dtype=np.float64).T.copy(),
        "intercept": np.asarray(estimator.class_log_prior_, dtype=np.float64),
    }
    return Exported(model, "softmax")


def _bernoulli(estimator: Any) -> Exported:
    if estimator.binarize is not None:
        raise NotExportable("BernoulliNB that makes its columns binary itself is not known to the numpy scorer")
    absent = np.log(1.0 - np.exp(estimator.feature_log_prob_))
    model = {
        "type": "linear",
        "coef": (estimator.feature_log_prob_ - absent).T.copy(),
        "intercept": estimator.class_log_prior_ + absent.sum(axis=1),
    }
    return Exported(model, "softmax")


def _neighbours(estimator: Any) -> Exported:
    metric = estimator.effective_metric_
    if metric == "minkowski":  # whose columns have weights of their own, else it has another name for p of 1 and 2
        options = ", ".join(f"{name}={value}" for name, value in estimator.effective_metric_params_.items())
        metric = f"minkowski with {options}"
    if metric not in ("euclidean", "manhattan") or estimator.weights not in ("uniform", "distance"):
        raise NotExportable(f"neighbours by {metric}, weights {estimator.weights}: not known to the numpy scorer")
    classes = len(getattr(estimator, "classes_", ()))
    targets = np.asarray(estimator._y)
    model = {
        "type": "neighbours",
        "points": np.asarray(estimator._fit_X, dtype=np.float64),
        "targets": targets.astype(np.int32) if classes else targets.reshape(len(targets), -1).astype(np.float64),
        "outputs": classes or (1 if targets.ndim == 1 else targets.shape[1]),
        "k": int(estimator.n_neighbors),
        "metric": metric,
        "weights": estimator.weights,
    }
    return Exported(model, "identity")


def _kernel(estimator: Any) -> Exported:
    """Decision values: of two classes one, whose sign is the class. Probabilities are a calibration's business."""
    classes = len(getattr(estimator, "classes_", ()))
    if classes and getattr(estimator, "probability", False) is True:
        raise NotExportable(f"{type(estimator).__name__} with probability=True: its own calibration is not known")
    if estimator.kernel != "rbf" or classes > 2:
        raise NotExportable(
            f"{type(estimator).__name__} with the kernel {estimator.kernel!r} and {classes} classes: "
            "the numpy scorer knows rbf, for regression and two classes"
        )
    model = {
        "type": "svm",
        "kernel": "rbf",
        "gamma": float(estimator._gamma),
        "vectors": np.asarray(estimator.support_vectors_, dtype=np.float64),
        "coef": np.asarray(estimator.dual_coef_, dtype=np.float64).T.copy(),
        "intercept": np.asarray(estimator.intercept_, dtype=np.float64).reshape(-1).copy(),
    }
    return Exported(model, "sigmoid" if classes else "identity")


def _dummy(estimator: Any) -> Exported:
    if hasattr(estimator, "classes_"):
        if estimator.strategy != "prior":
            raise NotExportable("DummyClassifier is known to the numpy scorer with the strategy prior alone")
        return Exported({"type": "constant", "value": np.asarray(estimator.class_prior_, dtype=np.float64)}, "identity")
    return Exported(
        {"type": "constant", "value": np.asarray(estimator.constant_, dtype=np.float64).reshape(-1)}, "identity"
    )


EXPORTERS: Mapping[str, Callable[[Any], Exported]] = {
    **dict.fromkeys(
        (
            "LinearRegression", "Ridge", "RidgeCV", "Lasso", "LassoCV", "ElasticNet", "ElasticNetCV", "HuberRegressor",
            "BayesianRidge", "ARDRegression", "Lars", "LassoLars", "OrthogonalMatchingPursuit", "LinearSVR",
            "QuantileRegressor", "SGDRegressor", "TheilSenRegressor",
        ),
        _regression,
    ),
    "PoissonRegressor": _exponential,
    "GammaRegressor": _exponential,
    "TweedieRegressor": _tweedie,
    "LogisticRegression": _logistic,
    "LogisticRegressionCV": _logistic,
    "SGDClassifier": _sgd,
    "MLPClassifier": _network,
    "MLPRegressor": _network,
    "GaussianNB": _gaussian,
    "MultinomialNB": _multinomial,
    "BernoulliNB": _bernoulli,
    "KNeighborsClassifier": _neighbours,
    "KNeighborsRegressor": _neighbours,
    "SVC": _kernel,
    "SVR": _kernel,
    "DummyClassifier": _dummy,
    "DummyRegressor": _dummy,
    **dict.fromkeys(
        (
            "RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier", "ExtraTreesRegressor",
            "DecisionTreeClassifier", "DecisionTreeRegressor", "ExtraTreeClassifier", "ExtraTreeRegressor",
        ),
        from_forest,
    ),
    "HistGradientBoostingClassifier": from_histogram_boosting,
    "HistGradientBoostingRegressor": from_histogram_boosting,
}  # fmt: skip
"""Class of scikit-learn → what exports it."""
