"""One round of an annotation project: what is new is collected, predicted, taken, sent, trained on, and judged.

Functions over a project, its file and a `Reach`. Each may be called again after its process died at any point, and ends
the same: what counts is in the journal, what is big in objects that are written once. None of them knows Airflow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from automl_core.annotation.rounds.choosing import Chosen, choose
    from automl_core.annotation.rounds.collecting import Collected, collect
    from automl_core.annotation.rounds.evaluating import Evaluated, evaluate
    from automl_core.annotation.rounds.judging import Verdict, verdict
    from automl_core.annotation.rounds.models import Models, RoundModel, find_models
    from automl_core.annotation.rounds.predicting import Predicted, predict
    from automl_core.annotation.rounds.reach import Reach
    from automl_core.annotation.rounds.sets import NoSet, TooFewLabels, digests, write_set
    from automl_core.annotation.rounds.settling import Settled, settle
    from automl_core.annotation.rounds.working import NotDone

__all__ = [
    "Chosen", "Collected", "Evaluated", "Models", "NoSet", "NotDone", "Predicted", "Reach", "RoundModel", "Settled",
    "TooFewLabels", "Verdict", "choose", "collect", "digests", "evaluate", "find_models", "predict", "settle",
    "verdict", "write_set",
]  # fmt: skip

_PLACES = {
    "Chosen": "choosing", "choose": "choosing", "Collected": "collecting", "collect": "collecting",
    "Evaluated": "evaluating", "evaluate": "evaluating", "Verdict": "judging", "verdict": "judging",
    "Models": "models", "RoundModel": "models", "find_models": "models", "Predicted": "predicting",
    "predict": "predicting", "Reach": "reach", "NoSet": "sets", "TooFewLabels": "sets", "digests": "sets",
    "write_set": "sets", "Settled": "settling", "settle": "settling", "NotDone": "working",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
