"""Contributions of columns to a forest's margin: TreeSHAP, path-dependent.

Lundberg et al. 2020 (From local explanations to global understanding with explainable AI for trees, Nature Machine
Intelligence 2, Algorithm 2) define what a tree says of a row of which only some columns are known: where a condition's
column is unknown, both sides, weighted by the rows of training that went there. A leaf with value v adds to column j
the Shapley value of a product game,

    v (o_j - z_j) ∫₀¹ Π_{k ≠ j} ((1 - t) z_k + t o_k) dt,

k over the columns on the leaf's path, o_k whether the row meets all conditions of column k there, z_k the share of
training's rows that does. The integral is Owen's (Multilinear extensions of games, Management Science 18, 1972). Its
integrand is a polynomial of degree d - 1, so Gauss-Legendre quadrature with ⌈d / 2⌉ points is exact: no subsets are
listed and no path is extended and unwound, and all leaves with as many columns are done in one sweep of arrays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .base import Floats

if TYPE_CHECKING:
    from .trees import Trees

SMALLEST = 1e-30
"""The share of a side that no row of training took: never 0, so that nothing is divided by it."""


@dataclass(frozen=True)
class _Group:
    """All leaves whose paths read the same number of columns.

    Attributes:
        elements: (L, d) places of their elements.
        columns: (L, d) columns of the matrix.
        shares: (L, d) z: the share of training's rows that meets the element's conditions.
        values: (L, K) the leaf's value for each output.
    """

    elements: NDArray[np.int64]
    columns: NDArray[np.int64]
    shares: Floats
    values: Floats


@dataclass(frozen=True)
class Paths:
    """The paths of all leaves, taken apart by column.

    Attributes:
        expected: (K,) the margin's mean over training, without the base.
        conditions: (P,) inner nodes on paths, sorted by element.
        wanted: (P,) whether the path goes left there.
        starts: (E,) where each element's conditions begin. An element is one column on one leaf's path.
        inner: (I,) all inner nodes.
        groups: leaves by how many elements their paths have.
    """

    expected: Floats
    conditions: NDArray[np.int64]
    wanted: NDArray[np.bool_]
    starts: NDArray[np.int64]
    inner: NDArray[np.int64]
    groups: tuple[_Group, ...]

    @classmethod
    def of(cls, trees: Trees, leaf_cover: Floats, columns: NDArray[np.int64]) -> Paths:
        """Take a forest apart.

        Args:
            trees: the forest.
            leaf_cover: (L,) rows of training in each leaf, or their weight.
            columns: (C,) the matrix's column that each condition reads.
        """
        leaf = trees.condition == len(columns)
        leaves, inner = np.flatnonzero(leaf), np.flatnonzero(~leaf)
        parent, from_left = _parents(inner, trees.right, len(leaf))
        cover = _covers(leaf, leaf_cover, parent)
        # climb from all leaves at once, a level a turn
        owner, at = np.arange(len(leaves)), leaves
        found: list[tuple[NDArray[Any], ...]] = []
        while True:
            going = parent[at] >= 0
            owner, at = owner[going], at[going]
            if not len(at):
                break
            above = parent[at]
            share = cover[at] / np.maximum(cover[above], SMALLEST)
            found.append((owner, columns[trees.condition[above]], above, from_left[at], share))
            at = above
        values = _values_by_output(trees)
        if not found:
            empty = np.empty(0, dtype=np.int64)
            return cls(values.sum(axis=0), empty, empty.astype(bool), empty, inner, ())
        owner, column, above, left, share = (np.concatenate(each) for each in zip(*found, strict=True))
        order = np.lexsort((column, owner))
        owner, column, share = owner[order], column[order], share[order]
        new = np.append(True, (owner[1:] != owner[:-1]) | (column[1:] != column[:-1]))
        starts = np.flatnonzero(new)
        shares = np.maximum(np.multiply.reduceat(share, starts), SMALLEST)
        element_owner, element_column = owner[starts], column[starts]
        reached = np.ones(len(leaves))
        np.multiply.at(reached, element_owner, shares)
        groups = _groups(element_owner, element_column, shares, values, len(leaves))
        return cls((values * reached[:, None]).sum(axis=0), above[order], left[order], starts, inner, groups)

    def contributions(self, trees: Trees, places: NDArray[np.int32], columns: int) -> Floats:
        """(n, columns, K) what each column of the matrix adds to each output.

        Args:
            trees: the forest.
            places: of the rows, as `Trees.places` gives them.
            columns: of the matrix.
        """
        n, outputs = places.shape[1], len(self.expected)
        total = np.zeros((n, columns, outputs))
        if not self.groups:
            return total
        where = np.empty(len(trees.condition), dtype=np.int64)
        where[self.inner] = np.arange(len(self.inner))
        pairs = where[self.conditions]
        step = max(1, 8_000_000 // max(1, len(pairs)))
        for start in range(0, n, step):
            piece = np.ascontiguousarray(places[:, start : start + step])
            agrees = trees.goes_left(self.inner, piece)[:, pairs] == self.wanted
            met = np.logical_and.reduceat(agrees, self.starts, axis=1).astype(np.float64)
            for group in self.groups:
                total[start : start + step] += _of_group(group, met[:, group.elements], columns)
        return total


def _of_group(group: _Group, met: Floats, columns: int) -> Floats:
    """(n, columns, K) of the leaves of a group.

    Args:
        group: L leaves with d elements each.
        met: (n, L, d) whether a row meets an element's conditions.
        columns: of the matrix.
    """
    n, outputs, depth = len(met), group.values.shape[1], group.shares.shape[1]
    points, weights = np.polynomial.legendre.leggauss((depth + 1) // 2)
    integral = np.zeros_like(met)
    for point, weight in zip((points + 1.0) / 2.0, weights / 2.0, strict=True):
        factor = (1.0 - point) * group.shares + point * met
        integral += weight * (np.prod(factor, axis=2, keepdims=True) / factor)
    integral *= met - group.shares
    index = (np.arange(n)[:, None, None] * columns + group.columns).reshape(-1)
    total = np.empty((n, columns, outputs))
    for k in range(outputs):
        values = group.values[:, k]
        if values.any():
            added = (integral * values[:, None]).reshape(-1)
            total[:, :, k] = np.bincount(index, added, n * columns).reshape(n, columns)
        else:
            total[:, :, k] = 0.0
    return total


def _parents(
    inner: NDArray[np.int64], right: NDArray[np.int32], nodes: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(N,) the parent of each node, -1 of a root; and whether the node is its left child."""
    parent = np.full(nodes, -1, dtype=np.int64)
    from_left = np.zeros(nodes, dtype=bool)
    parent[inner + 1] = inner
    from_left[inner + 1] = True
    parent[right[inner]] = inner
    return parent, from_left


def _covers(leaf: NDArray[np.bool_], leaf_cover: Floats, parent: NDArray[np.int64]) -> Floats:
    """(N,) the cover of each node: a leaf's own, an inner node's the sum of its leaves'."""
    cover = np.zeros(len(leaf))
    cover[leaf] = leaf_cover
    at, weight = np.flatnonzero(leaf), leaf_cover
    while True:
        at = parent[at]
        going = at >= 0
        at, weight = at[going], weight[going]
        if not len(at):
            return cover
        np.add.at(cover, at, weight)


def _values_by_output(trees: Trees) -> Floats:
    """(L, K) each leaf's value for each output; a leaf of a tree of another output has 0 there."""
    values = trees.values.astype(np.float64)
    if trees.output is None:
        return values
    leaf = trees.condition == trees.conditions
    tree = np.searchsorted(trees.roots, np.flatnonzero(leaf), side="right") - 1
    found = np.zeros((len(values), len(trees.base)))
    found[np.arange(len(values)), trees.output[tree]] = values
    return found


def _groups(
    owner: NDArray[np.int64], column: NDArray[np.int64], shares: Floats, values: Floats, leaves: int
) -> tuple[_Group, ...]:
    """Leaves grouped by how many elements they have; elements are sorted by leaf."""
    count = np.bincount(owner, minlength=leaves)
    first = np.cumsum(count) - count
    groups = []
    for depth in np.unique(count[count > 0]).tolist():
        chosen = np.flatnonzero(count == depth)
        elements = first[chosen][:, None] + np.arange(depth)
        groups.append(_Group(elements, column[elements], shares[elements], values[chosen]))
    return tuple(groups)
