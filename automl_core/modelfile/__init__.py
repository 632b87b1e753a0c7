"""The folder of a model: written, checked in a fresh process, loaded; scorers that need nothing but numpy.

`docs/model-file.md` says what lies in it. This package knows nothing else of automl_core, and imports nothing heavy
before it is used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.modelfile.checking import CheckFailed, check
    from automl_core.modelfile.estimators import NotTrusted
    from automl_core.modelfile.model import Model
    from automl_core.modelfile.opening import load
    from automl_core.modelfile.scoring.documents import LaterFormat
    from automl_core.modelfile.scoring.values import Schema, SchemaError
    from automl_core.modelfile.series import SeriesModel
    from automl_core.modelfile.writing import write

__all__ = [
    "CheckFailed",
    "LaterFormat",
    "Model",
    "NotTrusted",
    "Schema",
    "SchemaError",
    "SeriesModel",
    "check",
    "load",
    "write",
]

_PLACES = {
    "CheckFailed": "checking",
    "LaterFormat": "scoring.documents",
    "Model": "model",
    "NotTrusted": "estimators",
    "Schema": "scoring.values",
    "SchemaError": "scoring.values",
    "SeriesModel": "series",
    "check": "checking",
    "load": "opening",
    "write": "writing",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
