"""Learning curves that have turned, and what a trial is worth where the best of its values counts."""

from __future__ import annotations

import math
from dataclasses import replace

from automl_core.search.base import PastTrial


def at_their_best(trial: PastTrial) -> PastTrial:
    """The trial with the lowest loss on the way to each budget, where the steps of its curve are budget units."""
    if not _by_budget(trial):
        return trial
    losses = {
        budget: min([loss, *(v for step, v in trial.curve if step <= budget and math.isfinite(v))])
        for budget, loss in trial.losses_at.items()
        if math.isfinite(loss)
    }
    return replace(trial, losses_at={**trial.losses_at, **losses})


def has_turned(trial: PastTrial, before: int) -> bool:
    """Whether a trial has not improved since a budget that it finished before its last one.

    By its losses at the budgets, and by its curve where the steps of that are budget units.

    Args:
        trial: with a loss at its highest finished budget.
        before: a budget below that, with a whole stretch of training in between.
    """
    finished = max(trial.losses_at, default=0)
    points = [*trial.losses_at.items(), *(trial.curve if _by_budget(trial) else ())]
    known = [(loss, step) for step, loss in points if step <= finished and math.isfinite(loss)]
    return bool(known) and min(known)[1] <= before


def _by_budget(trial: PastTrial) -> bool:
    """Whether the steps of its curve are budget units: one is what it has finished, and none is above its budget."""
    finished = max(trial.losses_at, default=0)
    steps = [step for step, _ in trial.curve]
    return finished in steps and max(steps) <= max(finished, trial.budget or 0)
