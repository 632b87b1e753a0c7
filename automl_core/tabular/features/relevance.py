"""How much a column alone says of the target: cheap, for choosing among many."""

from __future__ import annotations

import numpy as np

from automl_core.tabular.features.base import Floats

SAMPLE = 2000
"""Rows that are enough to choose by."""
BINS = 16


def relevance(column: Floats, targets: Floats, weights: Floats) -> float:
    """The share of the target's variance that the column's bins explain, less what chance explains; 0 to 1.

    The correlation ratio (Pearson 1905) of bins of equal size, adjusted as R² is, so that it sees what is not monotone;
    missing values are a bin of their own. Over several targets (a column each class) the mean.

    Args:
        column: (n,).
        targets: (n, k).
        weights: (n,).
    """
    known = ~np.isnan(column)
    bins = np.zeros(len(column), dtype=np.int64)
    if known.any():
        cuts = np.unique(np.quantile(column[known], np.linspace(0, 1, BINS + 1)[1:-1]))
        bins[known] = 1 + np.searchsorted(cuts, column[known], side="left")
    size = int(bins.max()) + 1
    weight = np.bincount(bins, weights, size)
    used = int((weight > 0).sum())
    if used < 2 or len(column) <= used + 1:
        return 0.0
    total = weights.sum()
    mean = (targets * weights[:, None]).sum(axis=0) / total
    within = between = 0.0
    for target, center in zip(targets.T, mean, strict=True):
        sums = np.bincount(bins, weights * target, size)
        means = np.divide(sums, weight, out=np.zeros(size), where=weight > 0)
        between += float((weight * (means - center) ** 2).sum())
        within += float((weights * (target - means[bins]) ** 2).sum())
    if between + within <= 0:
        return 0.0
    explained = between / (between + within)
    return max(0.0, 1 - (1 - explained) * (len(column) - 1) / (len(column) - used))


def sample(n: int, rng: np.random.Generator, most: int = SAMPLE) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Some rows, or all where there are few, in order."""
    if n <= most:
        return np.arange(n, dtype=np.int64)
    return np.sort(rng.choice(n, most, replace=False)).astype(np.int64)
