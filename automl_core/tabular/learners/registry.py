"""Learners by name. A new learner is one line here; its module is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from importlib.util import find_spec

from automl_core.tabular.learners.base import Learner
from automl_core.training.problems import TrainingError, nearest

_LEARNERS = {
    "lightgbm": ("automl_core.tabular.learners.lightgbm:LightGBM", "lightgbm"),
    "xgboost": ("automl_core.tabular.learners.xgboost:XGBoost", "xgboost"),
    "catboost": ("automl_core.tabular.learners.catboost:CatBoost", "catboost"),
    "histogram": ("automl_core.tabular.learners.histogram:Histogram", "sklearn"),
    "random_forest": ("automl_core.tabular.learners.forest:RandomForest", "sklearn"),
    "extra_trees": ("automl_core.tabular.learners.forest:ExtraTrees", "sklearn"),
    "linear": ("automl_core.tabular.learners.linear:Linear", "sklearn"),
    "mlp": ("automl_core.tabular.learners.network:Network", "sklearn"),
    "neighbours": ("automl_core.tabular.learners.neighbours:Neighbours", None),
    "svm": ("automl_core.tabular.learners.svm:Svm", "sklearn"),
    "naive_bayes": ("automl_core.tabular.learners.naive_bayes:NaiveBayes", "sklearn"),
    "constant": ("automl_core.tabular.learners.constant:Constant", None),
}
"""Name → its class, and the package that it needs beside numpy."""


def names() -> list[str]:
    """Every learner of the product's own, whether or not its library is here."""
    return list(_LEARNERS)


def installed() -> list[str]:
    """Those whose libraries are here, without importing one."""
    return [name for name, (_, package) in _LEARNERS.items() if package is None or find_spec(package) is not None]


def find(name: str, extra: Iterable[Learner] = ()) -> Learner:
    """A learner.

    Args:
        name: as in the parameter ``learner``.
        extra: learners of the user's own, which go before.

    Raises:
        TrainingError: there is none of this name; it says the nearest, and all.
    """
    own = {learner.name: learner for learner in extra}
    if name in own:
        return own[name]
    if name not in _LEARNERS:
        raise TrainingError(f"there is no learner {name!r}{nearest(name, [*_LEARNERS, *own])}")
    module, _, attribute = _LEARNERS[name][0].partition(":")
    found: Learner = getattr(import_module(module), attribute)()
    return found
