"""Automated machine learning on tables: a training program as a library, from rows to a model that lasts.

Knows no Airflow, no study and no journal. Importing this package loads nothing but the standard library; numpy and the
learners' libraries (the extra ``tabular``) are imported when `fit` runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.tabular.api import Model, fit
    from automl_core.tabular.columns import learn_schema
    from automl_core.tabular.learners.custom import Custom
    from automl_core.tabular.options import Options
    from automl_core.tabular.pipeline import FittedPipeline, Pipeline
    from automl_core.tabular.shape import Shape

__all__ = [
    "Custom",
    "FittedPipeline",
    "Model",
    "Options",
    "Pipeline",
    "Shape",
    "fit",
    "learn_schema",
]

_HOMES = {
    "Custom": "learners.custom",
    "FittedPipeline": "pipeline",
    "Model": "api",
    "Options": "options",
    "Pipeline": "pipeline",
    "Shape": "shape",
    "fit": "api",
    "learn_schema": "columns",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: whoever reads one file of the package pays for that file."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
