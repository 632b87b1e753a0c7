"""A small model that learns in tens of milliseconds, with numpy alone: to ask the data a question, never to be used.

Gradient boosting of squared loss over binned columns (Friedman 2001, algorithm 1 with histograms), level by level: all
nodes of a level are one `bincount`. It answers how much of a target can be told from the other columns, with rows
divided in one way or another; what is asked needs a comparison, not the last percent.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bins = NDArray[np.int64]

BINS = 24
"""Bins a column; bin 0 holds what is missing."""


def binned(values: Floats, bins: int = BINS) -> Bins:
    """One column of numbers in bins of about as many rows each, NaN in bin 0.

    Args:
        values: (n,) numbers.
        bins: how many bins at most, that of missing values among them.
    """
    result = np.zeros(len(values), dtype=np.int64)
    there = np.isfinite(values)
    if not there.any():
        return result
    known = values[there]
    distinct = np.unique(known)
    if len(distinct) <= bins - 1:
        result[there] = np.searchsorted(distinct, known) + 1
        return result
    edges = np.unique(np.quantile(known, np.linspace(0, 1, bins)[1:-1]))
    result[there] = np.minimum(np.searchsorted(edges, known, side="right") + 1, bins - 1)
    return result


def binned_codes(codes: NDArray[Any], bins: int = BINS) -> Bins:
    """A column of categories in bins: the most frequent levels have one each, the rest shares the last."""
    result = np.zeros(len(codes), dtype=np.int64)
    there = codes >= 0
    if not there.any():
        return result
    counts = np.bincount(codes[there])
    rank = np.empty(len(counts), dtype=np.int64)
    rank[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    result[there] = np.minimum(rank[codes[there]] + 1, bins - 1)
    return result


class Boosting:
    """Boosted trees for one column of numbers.

    Args:
        rounds: trees.
        depth: levels of each tree.
        rate: how much of each tree is taken.
        ridge: rows' worth of shrinkage of each leaf towards 0.
    """

    def __init__(self, rounds: int = 25, depth: int = 4, rate: float = 0.25, ridge: float = 3.0) -> None:
        self.rounds, self.depth, self.rate, self.ridge = rounds, depth, rate, ridge
        self._mean = 0.0
        self._trees: list[tuple[list[tuple[Ints, Ints]], Floats]] = []

    def fit(self, bins: Bins, target: Floats) -> Boosting:
        """Learn.

        Args:
            bins: (n, p) what `binned` gives, column by column.
            target: (n,) numbers without NaN.
        """
        count, width = bins.shape
        self._mean = float(target.mean()) if count else 0.0
        self._trees = []
        rest = target - self._mean
        keys = bins + np.arange(width) * BINS
        for _ in range(self.rounds if width and count else 0):
            node = np.zeros(count, dtype=np.int64)
            levels: list[tuple[Ints, Ints]] = []
            for level in range(self.depth):
                split = self._split(keys, rest, node, 1 << level, width)
                levels.append(split)
                node = _below(bins, node, split)
            leaves = 1 << self.depth
            values = np.bincount(node, rest, leaves) / (np.bincount(node, minlength=leaves) + self.ridge) * self.rate
            rest = rest - values[node]
            self._trees.append((levels, values))
        return self

    def predict(self, bins: Bins) -> Floats:
        """(n,) what is expected for the rows."""
        result = np.full(len(bins), self._mean)
        for levels, values in self._trees:
            node = np.zeros(len(bins), dtype=np.int64)
            for split in levels:
                node = _below(bins, node, split)
            result += values[node]
        return result

    def _split(self, keys: Bins, rest: Floats, node: Ints, nodes: int, width: int) -> tuple[Ints, Ints]:
        """For each node of a level the column and the last bin of its left side."""
        place = (keys + (node * (width * BINS))[:, None]).ravel()
        shape = (nodes, width, BINS)
        size = nodes * width * BINS
        sums = np.bincount(place, np.repeat(rest, width), size).reshape(shape).cumsum(axis=2)
        counts = np.bincount(place, minlength=size).reshape(shape).cumsum(axis=2)
        all_sums, all_counts = sums[:, :, -1:], counts[:, :, -1:]
        gain = sums**2 / (counts + self.ridge) + (all_sums - sums) ** 2 / (all_counts - counts + self.ridge)
        gain[(counts < 3) | (all_counts - counts < 3)] = -1.0
        best = gain.reshape(nodes, -1).argmax(axis=1)
        column, last = np.divmod(best, BINS)
        # a node that can't be split sends all rows to the left
        last = np.where(gain.reshape(nodes, -1)[np.arange(nodes), best] < 0, BINS, last)
        return column, last


def _below(bins: Bins, node: Ints, split: tuple[Ints, Ints]) -> Ints:
    column, last = split
    right = bins[np.arange(len(bins)), column[node]] > last[node]
    return 2 * node + right


def held_out(bins: Bins, target: Floats, folds: Ints, **settings: Any) -> Floats:
    """Each row's expected value by a model that has not seen the row's fold.

    Args:
        bins: (n, p).
        target: (n,).
        folds: (n,) numbers of folds.
        settings: of `Boosting`.
    """
    result = np.full(len(target), np.nan)
    for fold in np.unique(folds):
        inside = folds == fold
        if inside.all():
            result[:] = target.mean()
            continue
        result[inside] = Boosting(**settings).fit(bins[~inside], target[~inside]).predict(bins[inside])
    return result


def skill(target: Floats, expected: Floats) -> float:
    """The share of the target's variance that predictions explain (R²); below 0 where the mean would be better."""
    spread = float(((target - target.mean()) ** 2).sum())
    return 1.0 - float(((target - expected) ** 2).sum()) / spread if spread > 0 else 0.0


def auc(positive: NDArray[np.bool_], score: Floats) -> float:
    """The area under the ROC curve; ties count half (Mann and Whitney 1947)."""
    ups = int(positive.sum())
    downs = len(positive) - ups
    if not ups or not downs:
        return 0.5
    return float((ranks(score)[positive].sum() - ups * (ups + 1) / 2) / (ups * downs))


def ranks(values: Floats) -> Floats:
    """(n,) ranks from 1, of tied values their mean."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse.reshape(-1)], dtype=np.float64)
