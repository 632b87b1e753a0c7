"""What one column alone tells of the target."""

from __future__ import annotations

import numpy as np

from automl_core.tabular.guardrails.quick import Floats, Ints, skill
from automl_core.tabular.guardrails.view import ColumnView


def alone_tells(column: ColumnView, target: Floats, rows: Ints, folds: Ints) -> float:
    """What one column explains of rows that were not looked at: by means of bins, of numbers with lines between.

    Args:
        column: the column.
        target: (m,) an outcome of these rows.
        rows: (m,) places in the table.
        folds: (m,) 0 or 1: each half is told by the other.

    Returns:
        The share of the variance, 1 at most; below 0 where it misleads.
    """
    values = column.numbers[rows]
    there = ~np.isnan(values)
    expected = np.zeros(len(target))
    for fold in (0, 1):
        learn, ask = folds != fold, folds == fold
        gone = learn & ~there
        expected[ask & ~there] = target[gone].mean() if gone.any() else target[learn].mean()
        inner, outer = learn & there, ask & there
        if inner.sum() < 10:
            expected[outer] = target[learn].mean()
        elif column.numeric and column.distinct > 30:
            expected[outer] = _line(values[inner], target[inner], values[outer])
        else:
            codes = column.codes[rows]
            sums = np.bincount(codes[inner], target[inner], column.distinct)
            counts = np.bincount(codes[inner], minlength=column.distinct)
            expected[outer] = ((sums + target[inner].mean()) / (counts + 1))[codes[outer]]
    return skill(target, expected)


def _line(values: Floats, target: Floats, asked: Floats) -> Floats:
    """Means of bins of like size, with straight lines between the bins' middles."""
    order = np.argsort(values, kind="stable")
    pieces = np.array_split(order, min(60, max(len(order) // 12, 2)))
    middles = np.array([values[piece].mean() for piece in pieces])
    heights = np.array([target[piece].mean() for piece in pieces])
    middles, first = np.unique(middles, return_index=True)
    return np.asarray(np.interp(asked, middles, heights[first]), dtype=np.float64)
