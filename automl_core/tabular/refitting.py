"""Whether the folds' models can be the final ones, and how much more a refit learns from."""

from __future__ import annotations

from collections.abc import Sequence

from automl_core.tabular.prepared import Prepared
from automl_core.tabular.trial import TrialResult


def needs_refit(prepared: Prepared) -> bool:
    """Whether the models of the folds can't be the final ones: forward in time they know nothing of the latest rows.

    Who says ``bag`` or ``refit`` decides it.
    """
    final = prepared.options.final
    return final == "refit" or (final == "auto" and prepared.split.kind in ("time", "monte-carlo"))


def refit_growth(prepared: Prepared) -> float:
    """How many times the rows of a fold's training a refit learns from."""
    sizes = [len(fold.train) for fold in prepared.split.folds]
    return (len(prepared.rows) / max(sum(sizes) / len(sizes), 1.0)) if sizes else 1.0


def planned(prepared: Prepared, results: Sequence[TrialResult], workers: int) -> float:
    """Seconds that fits after the search are thought to take, by the best trials so far.

    Args:
        prepared: the table.
        results: of trials.
        workers: fits at a time.
    """
    usable = sorted((each for each in results if each.usable), key=lambda each: each.loss)
    spent = [each.fit_seconds / max(len(each.folds), 1) for each in usable[: prepared.options.ensemble]]
    if needs_refit(prepared):
        return 1.3 * max(sum(spent) / workers, max(spent, default=0.0)) * refit_growth(prepared)
    in_time = prepared.panel is not None and prepared.panel.order is not None
    return 1.3 * max(spent, default=0.0) if in_time else 0.0  # one fit, see `effects`
