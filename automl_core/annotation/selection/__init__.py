"""Which items people label next, and when there are labels enough. Reads no store: the caller brings the pool."""

from automl_core.annotation.selection.batch import Batch, Choice
from automl_core.annotation.selection.curve import Curve, fit
from automl_core.annotation.selection.pool import Pool
from automl_core.annotation.selection.rounds import Round
from automl_core.annotation.selection.rules import Rules
from automl_core.annotation.selection.selecting import select
from automl_core.annotation.selection.stopping import Stopping, Verdict, accuracy, judge
from automl_core.annotation.selection.stratum import Sizing, Stratum, sizing

__all__ = [
    "Batch", "Choice", "Curve", "Pool", "Round", "Rules", "Sizing", "Stopping", "Stratum", "Verdict", "accuracy", "fit",
    "judge", "select", "sizing",
]  # fmt: skip
