"""From the metrics of a step to the goal's value, and from the values of all steps to one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

from automl_core.metrics.points import Step
from automl_core.spec.goal import Goal


def terms(goal: Goal) -> dict[str, float]:
    """Metric → weight of what the (first) objective's value is the sum of."""
    return {name: weight for name, weight in goal.weights.items() if weight}


def weighted(weights: Mapping[str, float], known: Mapping[str, float]) -> float:
    """The weighted sum of known metrics, NaN where one is not finite or the sum is none."""
    if not all(math.isfinite(known[name]) for name in weights):
        return math.nan
    if len(weights) == 1:
        ((name, weight),) = weights.items()
        return weight * known[name]
    try:
        return math.fsum(weight * known[name] for name, weight in weights.items())
    except (OverflowError, ValueError):  # too large, or terms that are infinite with opposite signs
        return math.nan


def best(curve: Sequence[tuple[Step, float]], goal: Goal) -> tuple[Step, float]:
    """The best point of a curve; of equals the first."""
    # max and min both return the first of equals
    return (max if goal.direction == "maximize" else min)(curve, key=lambda point: point[1])


def means_of(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each metric over rows that have the same ones."""
    columns: dict[str, list[float]] = {}
    for row in rows:
        for name, value in row.items():
            columns.setdefault(name, []).append(value)
    return {name: mean(values) for name, values in columns.items()}


def mean(values: Sequence[float]) -> float:
    """The mean, also of numbers whose sum would overflow."""
    return math.fsum(value / len(values) for value in values)
