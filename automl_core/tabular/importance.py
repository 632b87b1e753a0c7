"""Which columns matter: how much worse predictions of rows held out become when a column's values are mixed up.

Breiman, "Random forests" (Machine Learning 45, 2001), section 10; here on rows that the models have not learned from.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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
"""Columns at most; of a wider table the first ones in its own order."""


@dataclass(frozen=True)
class Judge:
    """A model, and rows that it has not learned from.

    Attributes:
        predict: outputs of a frame.
        frame: the rows.
        truth: (n,).
        weights: (n,).
    """

    predict: Callable[[Frame], Floats]
    frame: Frame
    truth: NDArray[Any]
    weights: Floats


def permutation(
    problem: Problem, judges: Sequence[Judge], *, seed: int, until: float | None = None
) -> list[dict[str, Any]]:
    """The loss that mixing up each column adds, most important first.

    Args:
        problem: whose metric.
        judges: one for each repeat, in turn: the models of different folds, or one model again with another order.
        seed: of the orders.
        until: on the monotonic clock: no further column is begun then; columns without any repeat are left out.

    Returns:
        ``column``, ``value`` (mean over repeats) and ``std`` of each.
    """
    random = np.random.default_rng([seed, 61])
    found: dict[str, list[float]] = {}
    for judge in judges:
        rows = np.flatnonzero(judge.weights > 0)
        if len(rows) > ROWS:
            rows = np.sort(random.choice(rows, ROWS, replace=False))
        if len(rows) < 2:
            continue
        frame, truth, weights = judge.frame.take(rows), judge.truth[rows], judge.weights[rows]
        base = _loss(problem, truth, judge.predict(frame), weights)
        for name in list(frame.columns)[:COLUMNS]:
            order = random.permutation(frame.n)
            if until is not None and time.monotonic() >= until:
                break
            column = frame.columns[name]
            mixed = column.take(order) if isinstance(column, Coded) else column[order]
            outputs = judge.predict(Frame(frame.n, {**frame.columns, name: mixed}))
            found.setdefault(name, []).append(_loss(problem, truth, outputs, weights) - base)
    said = [
        {"column": name, "value": float(np.mean(values)), "std": float(np.std(values))}
        for name, values in found.items()
        if np.isfinite(values).all()
    ]
    return sorted(said, key=lambda each: (-each["value"], each["column"]))


def _loss(problem: Problem, truth: NDArray[Any], outputs: Floats, weights: Floats) -> float:
    return problem.metric.as_loss(problem.metric.tried(truth, outputs, weights))
