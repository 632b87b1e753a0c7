"""Models of training libraries as documents for the numpy scorer (`modelfile.scoring`).

Each exporter takes a fitted model and gives `Exported(model, link)`, or raises `NotExportable` with the reason. None
imports its library: what it needs is read from the model that it is given.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from automl_core.modelfile.exporting.base import Exported, NotExportable

if TYPE_CHECKING:
    from automl_core.modelfile.exporting.catboost import from_catboost
    from automl_core.modelfile.exporting.lightgbm import from_lightgbm
    from automl_core.modelfile.exporting.sklearn_models import from_sklearn
    from automl_core.modelfile.exporting.xgboost import from_xgboost

__all__ = ["Exported", "NotExportable", "from_catboost", "from_lightgbm", "from_sklearn", "from_xgboost"]

_PLACES = {
    "from_catboost": "catboost",
    "from_lightgbm": "lightgbm",
    "from_sklearn": "sklearn_models",
    "from_xgboost": "xgboost",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
