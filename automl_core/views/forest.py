"""A random forest over the unit cube whose trees are read as partitions of it: the model behind importance.

Each tree is grown on a bootstrap sample by best splits over a random part of the dimensions (Breiman 2001). A leaf is a
box of the cube with a mean; so marginals over any dimensions are exact sums over leaves, without sampling (Hutter, Hoos
and Leyton-Brown 2014, "An Efficient Approach for Assessing Hyperparameter Importance").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float64]

_LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class Tree:
    """The leaves of one tree.

    Attributes:
        low, high: limits of each leaf's box; leaves × dimensions.
        value: mean of the targets in each leaf.
    """

    low: Array
    high: Array
    value: Array

    @property
    def volume(self) -> Array:
        """Each leaf's share of the cube."""
        return np.asarray(np.prod(self.high - self.low, axis=1))

    @property
    def mean(self) -> float:
        """Mean over the cube."""
        return float(self.volume @ self.value)

    @property
    def variance(self) -> float:
        """Variance over the cube."""
        return float(self.volume @ (self.value - self.mean) ** 2)

    def marginal(self, dimension: int, points: Array) -> Array:
        """Mean over all other dimensions at points of one."""
        width = self.high[:, dimension] - self.low[:, dimension]
        weight = self.volume / width * self.value
        inside = (points[:, None] >= self.low[:, dimension]) & (points[:, None] < self.high[:, dimension])
        return np.asarray(inside @ weight)

    def marginal_pair(self, one: int, two: int, x: Array, y: Array) -> Array:
        """Mean over all other dimensions on a grid of two; one row a point of ``y``."""
        widths = (self.high[:, one] - self.low[:, one]) * (self.high[:, two] - self.low[:, two])
        weight = self.volume / widths * self.value
        in_x = (x[:, None] >= self.low[:, one]) & (x[:, None] < self.high[:, one])
        in_y = (y[:, None] >= self.low[:, two]) & (y[:, None] < self.high[:, two])
        return np.asarray((in_y * weight) @ in_x.T.astype(float))

    def edges(self, dimension: int) -> Array:
        """Where the marginal over one dimension can change, 0 and 1 included."""
        return np.unique(np.concatenate([self.low[:, dimension], self.high[:, dimension]]))

    def effect(self, dimension: int) -> float:
        """Variance of the marginal over one dimension."""
        edges = self.edges(dimension)
        middles, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
        return float(widths @ (self.marginal(dimension, middles) - self.mean) ** 2)

    def effect_pair(self, one: int, two: int) -> float:
        """Variance of the marginal over two dimensions, without what each explains alone."""
        first, second = self.edges(one), self.edges(two)
        grid = self.marginal_pair(one, two, (first[1:] + first[:-1]) / 2, (second[1:] + second[:-1]) / 2)
        whole = np.diff(second) @ (grid - self.mean) ** 2 @ np.diff(first)
        return max(0.0, float(whole) - self.effect(one) - self.effect(two))


def grow(points: Array, targets: Array, *, trees: int, seed: int, least: int = 3) -> list[Tree]:
    """Grow a forest.

    Args:
        points: in the unit cube; observations × dimensions.
        targets: one each.
        trees: how many.
        seed: of the bootstrap samples and of the dimensions tried at each split.
        least: observations in a leaf at least.
    """
    rng = np.random.default_rng(seed)
    forest = []
    for _ in range(trees):
        sample = rng.integers(0, len(points), len(points))
        forest.append(_grow_tree(points[sample], targets[sample], rng, least))
    return forest


def _grow_tree(points: Array, targets: Array, rng: np.random.Generator, least: int) -> Tree:
    dimensions = points.shape[1]
    tried = max(1, round(dimensions * 0.7))
    lows, highs, values = [], [], []
    pending = [(np.arange(len(points)), np.zeros(dimensions), np.ones(dimensions))]
    while pending:
        members, low, high = pending.pop()
        order = rng.permutation(dimensions)
        split = _best_split(points[members], targets[members], order[:tried], least)
        if split is None and tried < dimensions:
            split = _best_split(points[members], targets[members], order[tried:], least)
        if split is None:
            lows.append(low)
            highs.append(high)
            values.append(targets[members].mean())
            continue
        dimension, at = split
        left = points[members, dimension] < at
        below, above = high.copy(), low.copy()
        below[dimension] = above[dimension] = at
        pending.append((members[left], low, below))
        pending.append((members[~left], above, high))
    return Tree(np.array(lows), np.array(highs), np.array(values))


def _best_split(points: Array, targets: Array, dimensions: NDArray[np.intp], least: int) -> tuple[int, float] | None:
    """The dimension and place that leave the least squared error, None where no split is worth it."""
    count = len(targets)
    if count < 2 * least or np.ptp(targets) <= _LEAST:
        return None
    order = np.argsort(points[:, dimensions], axis=0, kind="stable")
    ordered = np.take_along_axis(points[:, dimensions], order, axis=0)
    sums = np.cumsum(targets[order], axis=0)
    left = np.arange(1, count)[:, None]
    # sum of squares is fixed, so the least error is where the squared sums of both sides are largest
    gain = sums[:-1] ** 2 / left + (sums[-1] - sums[:-1]) ** 2 / (count - left)
    allowed = (left >= least) & (count - left >= least) & (ordered[1:] - ordered[:-1] > _LEAST)
    gain = np.where(allowed, gain, -np.inf)
    row, column = np.unravel_index(int(np.argmax(gain)), gain.shape)
    if not np.isfinite(gain[row, column]):
        return None
    return int(dimensions[column]), float(ordered[row, column] + ordered[row + 1, column]) / 2
