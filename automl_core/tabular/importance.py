"""Which columns matter: how much worse predictions of rows held out become when a column's values are mixed up.

Breiman, "Random forests" (Machine Learning 45, 2001), section 10; here on rows that the models have not learned from.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.values import Coded, Frame
from automl_core.tabular.problem import Problem

Floats = NDArray[np.float64]

REPEATS = 3
ROWS = 1_000
"""Rows at most that are scored for each column."""

COLUMNS = 200
"""Columns at most; of a wider table the first ones in its own order, which is said."""


def permutation(
    problem: Problem,
    predict: Callable[[Frame], Floats],
    frame: Frame,
    truth: NDArray[Any],
    weights: Floats,
    *,
    seed: int,
    until: float | None = None,
) -> list[dict[str, Any]]:
    """The loss that mixing up each column adds, most important first.

    Args:
        problem: whose metric.
        predict: outputs of a frame.
        frame: rows held out.
        truth: (n,) of them.
        weights: (n,) of them.
        seed: of the orders.
        until: on the monotonic clock: no further repeat is begun then; columns without any are left out.

    Returns:
        ``column``, ``value`` (mean over repeats) and ``std`` of each.
    """
    random = np.random.default_rng([seed, 61])
    rows = np.flatnonzero(weights > 0)
    if len(rows) > ROWS:
        rows = np.sort(random.choice(rows, ROWS, replace=False))
    if len(rows) < 2:
        return []
    frame, truth, weights = frame.take(rows), truth[rows], weights[rows]
    base = problem.metric.loss(truth, predict(frame), weights)
    names = list(frame.columns)[:COLUMNS]
    found: dict[str, list[float]] = {}
    for _ in range(REPEATS):
        orders = [random.permutation(frame.n) for _ in names]
        for name, order in zip(names, orders, strict=True):
            if until is not None and time.monotonic() >= until:
                break
            column = frame.columns[name]
            mixed = column.take(order) if isinstance(column, Coded) else column[order]
            outputs = predict(Frame(frame.n, {**frame.columns, name: mixed}))
            found.setdefault(name, []).append(problem.metric.loss(truth, outputs, weights) - base)
    said = [
        {"column": name, "value": float(np.mean(values)), "std": float(np.std(values))}
        for name, values in found.items()
        if np.isfinite(values).all()
    ]
    return sorted(said, key=lambda each: (-each["value"], each["column"]))
