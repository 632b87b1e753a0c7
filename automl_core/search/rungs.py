"""The ladder of budgets that the asynchronous algorithms climb, and a history seen by its rungs."""

from __future__ import annotations

import math
from collections.abc import Sequence

from automl_core.search.base import BudgetRange, History, PastTrial


def ladder(budget: BudgetRange) -> tuple[int, ...]:
    """The budgets ``min * factor ** i`` below the highest, and the highest."""
    levels = []
    level = budget.min
    while level < budget.max:
        levels.append(level)
        level *= budget.factor
    return (*levels, budget.max)


def on_rung(history: History, rung: int) -> list[PastTrial]:
    """Trials that were started on a rung or passed it."""
    return [trial for trial in history if trial.rung is not None and trial.rung >= rung]


def completed(trials: Sequence[PastTrial], rung: int) -> int:
    """How many are through with a rung, however their training ended."""
    return sum(1 for trial in trials if trial.rung is not None and (trial.rung > rung or trial.state.ended))


def quota_sizes(trials: int, rungs: int, factor: int) -> list[int]:
    """Most trials on each rung when one in ``factor`` of those that complete one is promoted."""
    return [math.floor(trials / factor**i) for i in range(rungs)]
