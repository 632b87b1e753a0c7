"""Automated forecasting of time series: a training program as a library, from rows to a model that lasts.

Knows no Airflow, no study and no journal. Importing this package loads nothing but the standard library; numpy and the
learners' libraries (the extra ``series``) are imported when `fit` runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.forecasting.api import Forecaster, fit
    from automl_core.forecasting.conclude import Concluded, conclude
    from automl_core.forecasting.options import Options
    from automl_core.forecasting.prepared import Prepared, prepare
    from automl_core.forecasting.trial import TrialResult, run_trial

__all__ = [
    "Concluded",
    "Forecaster",
    "Options",
    "Prepared",
    "TrialResult",
    "conclude",
    "fit",
    "prepare",
    "run_trial",
]

_HOMES = {
    "Concluded": "conclude",
    "Forecaster": "api",
    "Options": "options",
    "Prepared": "prepared",
    "TrialResult": "trial",
    "conclude": "conclude",
    "fit": "api",
    "prepare": "prepared",
    "run_trial": "trial",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: whoever reads one file of the package pays for that file."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
