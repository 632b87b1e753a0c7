"""The evidence that an acceptance rests on: two models on the same rows of the latest data.

`evaluate` makes it, `run_apart` does so in a process of its own, `document` says how it is laid out, `verdict` judges
it by ``accept:`` of a model's file, `markdown_of` is what a person reads. The package knows no store, no journal and
no Airflow: it is given folders and rows. ``docs/model-evaluation.md`` says what each figure is.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.models.evaluation.apart import Request, run_apart
    from automl_core.models.evaluation.document import FORMAT, digest_of
    from automl_core.models.evaluation.evaluating import evaluate
    from automl_core.models.evaluation.markdown import markdown_of
    from automl_core.models.evaluation.options import EvaluateOptions, NotEvaluated
    from automl_core.models.evaluation.verdict import conditions

__all__ = [
    "FORMAT",
    "EvaluateOptions",
    "NotEvaluated",
    "Request",
    "conditions",
    "digest_of",
    "evaluate",
    "markdown_of",
    "run_apart",
]

_PLACES = {
    "FORMAT": "document",
    "EvaluateOptions": "options",
    "NotEvaluated": "options",
    "Request": "apart",
    "conditions": "verdict",
    "digest_of": "document",
    "evaluate": "evaluating",
    "markdown_of": "markdown",
    "run_apart": "apart",
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
