"""Learners of series by name. A new learner is one line here; its module is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from automl_core.forecasting.learners.base import Learner
from automl_core.training.problems import TrainingError, nearest

_BASE = "automl_core.forecasting.learners."
_LEARNERS = {
    "seasonal_naive": ("seasonal_naive:SeasonalNaive", None),
    "ets": ("ets:Ets", "statsforecast"),
    "theta": ("theta:Theta", "statsforecast"),
    "ces": ("ces:Ces", "statsforecast"),
    "autoregression": ("autoregression:Autoregression", None),
    "boosted": ("boosted:Boosted", "lightgbm"),
    "decomposed": ("decomposed:Decomposed", "statsforecast"),
    "intermittent": ("intermittent:Intermittent", None),
    "arima": ("arima:Arima", "statsforecast"),
}
"""Name → its class, and the package that it needs beside numpy; in the order in which they are tried."""


def names() -> list[str]:
    """Every learner, whether or not its library is here."""
    return list(_LEARNERS)


def installed() -> list[str]:
    """Those whose libraries are here, without importing one."""
    return [name for name, (_, package) in _LEARNERS.items() if package is None or find_spec(package) is not None]


def find(name: str) -> Learner:
    """A learner.

    Args:
        name: as in the parameter ``learner``.

    Raises:
        TrainingError: there is none of this name; it says the nearest, and all.
    """
    if name not in _LEARNERS:
        raise TrainingError(f"there is no learner {name!r}{nearest(name, list(_LEARNERS))}")
    module, _, attribute = _LEARNERS[name][0].partition(":")
    found: Learner = getattr(import_module(_BASE + module), attribute)()
    return found
