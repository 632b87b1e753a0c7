"""How good outputs are on rows that nothing has seen: metrics with intervals, confusion, residuals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.tabular.metrics import find, usual
from automl_core.tabular.problem import Problem

Floats = NDArray[np.float64]

DRAWS = 200
"""Bootstrap draws for an interval."""

VALUES = 6_000_000
"""Rows × draws at most: of many rows fewer draws say the same."""

LEVEL = 0.95


def evaluate(
    problem: Problem,
    truth: NDArray[Any],
    outputs: Floats,
    weights: Floats,
    *,
    groups: NDArray[np.int64] | None = None,
    labels: NDArray[np.int64] | None = None,
    seed: int = 0,
) -> dict[str, dict[str, float | None]]:
    """Metrics by name: the problem's own first, then the usual ones, each with its 95 % interval.

    Intervals are percentiles of bootstrap draws of rows, of whole groups where there are some: rows of one group say
    less than as many independent ones.

    Args:
        problem: whose metric.
        truth: (n,).
        outputs: (n, K) or (n,).
        weights: (n,).
        groups: (n,) codes or None.
        labels: (n,) what is called which class, where a threshold decides; None: the likeliest class.
        seed: of the draws.

    Returns:
        name → ``value``, ``low``, ``high``; None where it is not defined.
    """
    others = [name for name in usual(problem.kind) if name != problem.metric.name]
    metrics = [problem.metric, *(find(name, problem.kind, classes=problem.classes) for name in others)]
    random = np.random.default_rng([seed, 53])
    count = len(truth)
    draws = int(min(DRAWS, max(VALUES // max(count * len(metrics), 1), 20)))
    drawn = [weights * _draw(count, groups, random) for _ in range(draws)]
    found: dict[str, dict[str, float | None]] = {}
    for metric in metrics:
        given = labels if metric.needs == "labels" and labels is not None else outputs
        value = metric.tried(truth, given, weights)
        again = np.array([metric.tried(truth, given, each) for each in drawn if each.sum() > 0])
        again = again[np.isfinite(again)]
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(again, [tail, 1 - tail]) if len(again) >= 10 else (math.nan, math.nan)
        found[metric.name] = {"value": _known(value), "low": _known(float(low)), "high": _known(float(high))}
    return found


def confusion(problem: Problem, truth: NDArray[np.int64], labels: NDArray[np.int64], weights: Floats) -> dict[str, Any]:
    """Rows by true class (down) and predicted class (across), in the order of the classes."""
    count = len(problem.classes)
    cells = np.zeros((count, count))
    np.add.at(cells, (truth, labels), weights)
    return {"classes": list(problem.classes), "counts": [[float(each) for each in row] for row in cells]}


def residuals(truth: Floats, outputs: Floats, weights: Floats, seed: int, most: int = 500) -> dict[str, Any]:
    """Truth less prediction: quantiles, and a sample of points to draw."""
    there = np.flatnonzero(weights > 0)
    errors = truth[there] - outputs[there]
    random = np.random.default_rng([seed, 59])
    sample = there if len(there) <= most else np.sort(random.choice(there, most, replace=False))
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    values = np.quantile(errors, levels) if len(errors) else np.full(len(levels), np.nan)
    return {
        "quantiles": {f"{level:g}": float(value) for level, value in zip(levels, values, strict=True)},
        "points": [{"predicted": float(outputs[row]), "true": float(truth[row])} for row in sample],
    }


def _draw(count: int, groups: NDArray[np.int64] | None, random: np.random.Generator) -> Floats:
    if groups is None:
        return np.bincount(random.integers(0, count, count), minlength=count).astype(np.float64)
    _, codes = np.unique(groups, return_inverse=True)
    number = int(codes.max()) + 1
    return np.bincount(random.integers(0, number, number), minlength=number).astype(np.float64)[codes]


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
