"""Whether the folds' models can be the final ones, and how much more a refit learns from."""

from __future__ import annotations

from automl_core.tabular.prepared import Prepared


def needs_refit(prepared: Prepared) -> bool:
    """Whether the models of the folds can't be the final ones: forward in time they know nothing of the latest rows."""
    return prepared.options.final == "refit" or prepared.split.kind in ("time", "monte-carlo")


def refit_growth(prepared: Prepared) -> float:
    """How many times the rows of a fold's training a refit learns from."""
    sizes = [len(fold.train) for fold in prepared.split.folds]
    return (len(prepared.rows) / max(sum(sizes) / len(sizes), 1.0)) if sizes else 1.0
