"""Imports that lanes would each pay for, made once in the process that they are forked from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

_LIBRARIES = {
    "lightgbm": ("lightgbm",),
    "xgboost": ("xgboost",),
    "catboost": ("catboost",),
    "hist_gradient_boosting": ("sklearn.ensemble",),
}
_USUAL = ("sklearn.ensemble", "sklearn.linear_model")


def warm(portfolio: Sequence[Mapping[str, Any]]) -> None:
    """Import what the first trials' learners need; one whose library is missing says so when it runs.

    Args:
        portfolio: parameters of the first trials.
    """
    names = dict.fromkeys(str(params.get("learner", "")) for params in portfolio)
    for module in dict.fromkeys(each for name in names for each in _LIBRARIES.get(name, _USUAL)):
        with suppress(ImportError):
            import_module(module)
