"""Whether the folds' models can be the final ones, and how much more a refit learns from."""

from __future__ import annotations

from collections.abc import Sequence

from automl_core.tabular.prepared import Prepared
from automl_core.tabular.trial import TrialResult


def needs_refit(prepared: Prepared) -> bool:
    """Whether the models of the folds can't be the final ones.

    Forward in time they know nothing of the latest rows, beside a set of the user's own perhaps nothing of its groups.
    Who says ``bag`` or ``refit`` decides it.
    """
    final, kind = prepared.options.final, prepared.split.kind
    if final != "auto":
        return final == "refit"
    # of a validation set of the user's own some rows may not be learned from while it judges
    apart = kind == "own" and any(len(each.train) < len(prepared.rows) for each in prepared.split.folds)
    return kind in ("time", "monte-carlo") or apart


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
    panel = prepared.panel
    # see `effects`: two forecasts, and of a part held out the two halves of the rest, which count as one
    fits = 0 if panel is None else 2 * (panel.order is not None) + (prepared.split.kind == "holdout")
    return 1.3 * fits * max(spent, default=0.0)
