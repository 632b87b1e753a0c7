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


def ladder_by_division(budget: BudgetRange, unit: int = 1) -> tuple[int, ...]:
    """The rungs of TAO's ASHA (nvidia-tao-automl 7.2, brain/asha.py): the lowest is what divisions leave of max.

    Of ``most = max // unit`` units the lowest rung has ``most // factor ** k``, with the largest k for which that
    is not 0; each rung has ``factor`` times the one below, and the last one has the highest budget: of 80 units with
    factor 3 the rungs are 2, 6, 18 and 80, where `ladder` has 1, 3, 9, 27 and 80.

    Args:
        budget: of the experiment; no rung lies below its ``min``.
        unit: budget of one unit (``epoch_multiplier``).
    """
    most = max(1, budget.max // unit)
    steps = 0
    while budget.factor ** (steps + 1) <= most:  # in whole numbers: log(243) / log(3) is 4.999…
        steps += 1
    lowest = most // budget.factor**steps
    levels = [max(budget.min, lowest * budget.factor**i * unit) for i in range(steps)]
    return (*dict.fromkeys(level for level in levels if level < budget.max), budget.max)


def on_rung(history: History, rung: int) -> list[PastTrial]:
    """Trials that were started on a rung or passed it."""
    return [trial for trial in history if trial.rung is not None and trial.rung >= rung]


def completed(trials: Sequence[PastTrial], rung: int) -> int:
    """How many are through with a rung, however their training ended."""
    return sum(1 for trial in trials if trial.rung is not None and (trial.rung > rung or trial.state.ended))


def quota_sizes(trials: int, rungs: int, factor: int) -> list[int]:
    """Most trials on each rung when one in ``factor`` of those that complete one is promoted."""
    return [math.floor(trials / factor**i) for i in range(rungs)]
