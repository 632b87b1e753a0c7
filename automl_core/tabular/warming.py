"""Imports that lanes would each pay for, made once in the process that they are forked from.

Scikit-learn takes three seconds of CPU to import and LightGBM one. So the first trial, where its learner needs no
scikit-learn, runs in a lane that is forked before that import; the lane is forked anew when the trial has ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

from automl_core.training.imports import without

_BOOSTING = {"lightgbm": "lightgbm", "xgboost": "xgboost", "catboost": "catboost"}
_SCIKIT = ("sklearn.ensemble", "sklearn.linear_model")


def warm_first(params: Mapping[str, Any]) -> bool:
    """Import what one trial's learner needs, if that is no scikit-learn.

    Args:
        params: of the trial.

    Returns:
        Whether it can start before `warm`.
    """
    library = _BOOSTING.get(str(params.get("learner", "")))
    if library is None:
        return False
    with suppress(ImportError), without("pandas", "sklearn", "matplotlib", "dask"):
        import_module(library)
    return True


def warm(portfolio: Sequence[Mapping[str, Any]]) -> None:
    """Import what the first trials' learners need; one whose library is missing says so when it runs.

    Args:
        portfolio: parameters of the first trials.
    """
    names = dict.fromkeys(str(params.get("learner", "")) for params in portfolio)
    for params in portfolio:
        warm_first(params)
    if any(name not in _BOOSTING for name in names):
        for module in _SCIKIT:
            # scikit-learn imports pandas where it is installed, for another second; nothing here needs that
            with suppress(ImportError), without("pandas"):
                import_module(module)
