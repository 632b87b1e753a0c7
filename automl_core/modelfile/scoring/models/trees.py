"""Forests of decision trees of any library, scored as that library does.

Values are turned into places between the cuts of their column once; what is left for each node is to compare two small
integers. All trees go down together, level by level, for as many rows at once as a processor's cache holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..matrix import Matrix
from .base import Explained, Floats, NotExplained, floats
from .shap import Paths

Ints = NDArray[np.int64]

MISSING = {"right": 0, "left": 1, "zero": 2, "zero left": 3, "zero right": 4}
"""What a node does with a missing value: a side; compare it as if it were 0; or a side, for zeros too."""

ZERO = 1e-35
"""Below this a value is a zero where zeros count as missing (LightGBM's kZeroThreshold)."""

CHUNK = 1 << 20
"""Places that are held at once; of leaves' values twice as many."""

TOGETHER = 1 << 15
"""Rows times trees that go down together."""

ROWS = 2048
"""Rows that go down together at most: so that some trees do, whose nodes are read once for all of them."""

STAY = 0.8
"""Share of those that go down: where more are still on their way, those that have arrived are carried along."""

BLOCK = 4096
"""Rows whose places are held at once."""

FAR = int(np.iinfo(np.int32).max)
"""Right of all cuts."""


class Trees:
    """All trees of a model, which are asked together.

    Document::

        {"type": "trees",
         "base": (K,),                          added to the sums
         "strict": bool,                        a value goes left where it is < the cut; else where it is <=
         "float32": bool,                       values are rounded to float32 first
         "sums": "float64" | "float32",         the precision in which leaves are added, in the order of trees
         "columns": (C,), "missing": (C,),      conditions read these: a column of the matrix, a code of `MISSING`
         "cuts": float64, "counts": (C,),       the cuts of each condition, one after the other, rising
         "sets": uint32, "set_sizes": (S,), "set_counts": (C,),    sets of categories as bits: sizes in words
         "known": uint32, "known_sizes": (C,),  a condition's categories: others are missing; size 0: none is
         "sizes": (T,),                         nodes of each tree
         "output": (T,),                        the output that a tree adds to; absent where each leaf has K values
         "condition": (N,),                     of each node, trees in preorder; C for a leaf
         "cut": (N - L,),                       of each inner node: which of its condition's cuts, or sets
         "value": (L,) | (L, K),                of each leaf
         "palette": (V,) | (V, K),              where it is there, `value` has places in it
         "cover": (L,)}                         rows (or weight) of training in each leaf; absent: not explained

    A condition that has sets is one of a category: its value, without what follows the point, is in the set (left) or
    not (right, as what is negative).
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.base = floats(document, "base", ndim=1)
        self.strict, self.float32 = bool(document["strict"]), bool(document["float32"])
        self.sums = np.dtype(str(document.get("sums", "float64")))
        self.columns = np.asarray(document["columns"], dtype=np.int64)
        self.missing = np.asarray(document["missing"], dtype=np.int64)
        self.cuts = _pieces(np.asarray(document["cuts"], dtype=np.float64), document["counts"])
        self._read_sets(document)
        self._read_nodes(document)
        self._cover = document.get("cover")
        self._paths: Paths | None = None

    def _read_sets(self, document: Mapping[str, Any]) -> None:
        """Bits of sets, and where each set's begin; the places of a condition's own sets."""
        none = np.zeros(len(self.columns), dtype=np.int64)
        counts = np.asarray(document.get("set_counts", none), dtype=np.int64)
        self.categorical = counts > 0
        self._words = np.append(np.asarray(document.get("sets", ()), dtype=np.uint32), np.uint32(0))
        sizes = np.asarray(document.get("set_sizes", ()), dtype=np.int64)
        self._set_starts, self._set_bits = np.cumsum(sizes) - sizes, sizes * 32
        self._first_set = np.cumsum(counts) - counts
        words = np.asarray(document.get("known", ()), dtype=np.uint32)
        self.known = _pieces(words, document.get("known_sizes", none))

    def _read_nodes(self, document: Mapping[str, Any]) -> None:
        """Nodes as arrays over all trees: the children of each, its condition and cut."""
        conditions = self.conditions = len(self.columns)
        condition = np.asarray(document["condition"], dtype=np.int32)
        self.leaf = condition == conditions
        inner = ~self.leaf
        sizes = np.asarray(document["sizes"], dtype=np.int64)
        self.roots: Ints = np.cumsum(sizes) - sizes
        self.right = right_children(inner)
        cut = np.full(len(condition), FAR, dtype=np.int32)
        cut[inner] = document["cut"]
        self._has_sets = bool(self.categorical.any())
        if self._has_sets:  # the sets of all conditions have one numbering
            chosen = np.flatnonzero(inner)
            chosen = chosen[self.categorical[condition[chosen]]]
            cut[chosen] += self._first_set[condition[chosen]].astype(np.int32)
            self._is_set = np.zeros(len(condition), dtype=bool)
            self._is_set[chosen] = True
        # a leaf's condition is an extra one, whose place is 0 for every row: all go left, which is the leaf itself
        self.condition, self.cut = condition, cut
        self._child = np.empty(2 * len(condition), dtype=np.int32)  # left, right, left, right, …
        self._child[0::2] = np.arange(len(condition)) + inner
        self._child[1::2] = self.right
        values = np.asarray(document["value"])
        if "palette" in document:
            values = np.asarray(document["palette"])[values]
        number = np.cumsum(self.leaf, dtype=np.int64) - 1
        self.leaf_number = number.astype(np.int32)
        self.values = values.astype(self.sums)
        self.output = None if values.ndim == 2 else np.asarray(document["output"], dtype=np.int64)

    def places(self, values: Floats) -> NDArray[np.int32]:
        """(C + 1, n): for each condition the place of each row's value among its cuts, or its category; -1 goes left.

        Missing values have a place that is left or right of all cuts. Rows of the last condition are all 0.
        """
        n = len(values)
        found = np.zeros((len(self.columns) + 1, n), dtype=np.int32)
        side = "right" if self.strict else "left"
        gaps = np.isnan(values)
        gap = np.asarray(gaps.any(axis=0))
        for place, (column, missing, cuts) in enumerate(zip(self.columns, self.missing, self.cuts, strict=True)):
            x = values[:, column]
            if self.categorical[place]:
                found[place] = self._categories(x, place)
                continue
            absent, some = gaps[:, column], gap[column]
            if missing >= MISSING["zero left"]:
                absent = absent | (np.abs(x) <= ZERO)
                some = absent.any()
            if some:
                x = np.where(absent, 0.0, x)
            if self.float32:
                with np.errstate(over="ignore"):
                    x = x.astype(np.float32).astype(np.float64)
            found[place] = np.searchsorted(cuts, x, side=side)  # type: ignore[call-overload]
            if some and missing != MISSING["zero"]:
                found[place][absent] = -1 if missing in (MISSING["left"], MISSING["zero left"]) else FAR - 1
        return found

    def _categories(self, x: Floats, place: int) -> NDArray[np.int32]:
        """Categories of one condition; -1 where a missing value goes left, a category that no set has where right."""
        absent = np.isnan(x)
        code = np.clip(np.where(absent, -1.0, x), -2.0, FAR - 1.0)
        whole = np.where(code > -1.0, np.trunc(code), FAR - 1.0).astype(np.int32)  # what is negative is in no set
        known = self.known[place]
        if len(known):
            within = whole < len(known) * 32
            bits = known[np.where(within, whole >> 5, 0)] >> (whole & 31).astype(np.uint32)
            absent |= ~within | ((bits & 1) == 0)
        left = self.missing[place] == MISSING["left"]
        if self.missing[place] == MISSING["zero"]:
            return np.where(absent, 0, whole).astype(np.int32)
        return np.where(absent, -1 if left else FAR - 1, whole).astype(np.int32)

    def leaves(self, places: NDArray[np.int32]) -> NDArray[np.int32]:
        """(n, T) the node in which each row ends in each tree.

        Some trees at a time go down together, so many that what they need stays in a processor's cache.

        Args:
            places: as `places` gives them.
        """
        width, n = places.shape
        trees = len(self.roots)
        flat = np.ascontiguousarray(places.T).reshape(-1)  # all places of a row beside each other
        found = np.empty((n, trees), dtype=np.int32)
        together = max(1, TOGETHER // max(n, 1))
        for first in range(0, trees, together):
            roots = self.roots[first : first + together].astype(np.int32)
            base = np.repeat(np.arange(n, dtype=np.int32) * np.int32(width), len(roots))
            found[:, first : first + len(roots)] = self._down(flat, np.tile(roots, n), base).reshape(n, len(roots))
        return found

    def _down(self, flat: NDArray[np.int32], at: NDArray[np.int32], base: NDArray[np.int32]) -> NDArray[np.int32]:
        """The leaves below nodes, each for the row whose places begin at its base."""
        node = at
        active: NDArray[np.int64] | None = None  # None: all
        level = 0
        while True:
            code = flat.take(self.condition.take(at) + base)
            right = code > self.cut.take(at)
            if self._has_sets:
                self._decide_sets(at, code, right)
            at = self._child.take((at << 1) + right)
            level += 1
            if level % 2:
                continue  # who is in a leaf stays there: looking for them each time costs more
            going = np.flatnonzero(~self.leaf.take(at))
            if len(going) > STAY * len(at):
                continue
            if active is None:
                node, active = at, going
            else:
                node[active] = at
                active = active[going]
            if not len(going):
                return node
            at, base = at[going], base[going]

    def _decide_sets(self, at: NDArray[np.int32], code: NDArray[np.int32], right: NDArray[np.bool_]) -> None:
        """Put right what ``right`` says of conditions of categories."""
        which = np.flatnonzero(self._is_set.take(at))
        if not len(which):
            return
        code = code[which]
        sets = self.cut[at[which]]
        within = (code >= 0) & (code < self._set_bits[sets])
        word = np.where(within, self._set_starts[sets] + (code >> 5), len(self._words) - 1)
        bit = (self._words[word] >> (code & 31).astype(np.uint32)) & 1
        right[which] = (bit == 0) & (code != -1)

    def members(self, which: int) -> list[int]:
        """The categories of a set, rising.

        Args:
            which: its place among the sets of all conditions.
        """
        start, size = int(self._set_starts[which]), int(self._set_bits[which]) // 32
        words = self._words[start : start + size].tolist()
        return [32 * place + bit for place, word in enumerate(words) for bit in range(32) if word >> bit & 1]

    def margin(self, matrix: Matrix) -> Floats:
        """The sum of the leaves' values."""
        found = np.empty((len(matrix), len(self.base)))
        leaves = max(1, len(self.roots)) * (self.values.shape[1] if self.output is None else 1)
        step = max(1, min(ROWS, CHUNK // (self.conditions + 1), CHUNK * 2 // leaves))
        block = step * max(1, BLOCK // step)
        for begin in range(0, len(matrix), block):
            places = self.places(matrix.values[begin : begin + block])
            for start in range(0, places.shape[1], step):
                piece = np.ascontiguousarray(places[:, start : start + step])
                leaf = self.leaf_number[self.leaves(piece)]
                found[begin + start : begin + start + len(leaf)] = self.total(leaf)
        return found

    def total(self, leaf: NDArray[np.int32]) -> Floats:
        """(n, K) the values of (n, T) leaves, by their numbers, added."""
        values = self.values[leaf]  # (n, T) or (n, T, K)
        outputs = len(self.base)
        if self.output is None:
            return np.asarray(self.base + values.sum(axis=1))
        found = np.empty((len(leaf), outputs))
        for k in range(outputs):
            own = values if outputs == 1 else np.ascontiguousarray(values[:, self.output == k])
            found[:, k] = self.total_of(own, self.base[k])
        return found

    def total_of(self, values: Any, base: float) -> Any:
        """(n,) values (n, t) of one output's leaves, added to its base."""
        if self.sums == np.float64:
            return values.sum(axis=1) + base
        # float32 libraries add tree by tree to the base: another order gives other last bits
        start = np.full((len(values), 1), base, dtype=np.float32)
        return np.add.accumulate(np.concatenate([start, values], axis=1), axis=1, dtype=np.float32)[:, -1]

    def explain(self, matrix: Matrix) -> Explained:
        """Path-dependent TreeSHAP (see `shap`)."""
        if self._cover is None:
            raise NotExplained("this forest was written without the weights of its leaves, which contributions need")
        if self._paths is None:
            self._paths = Paths.of(self, np.asarray(self._cover, dtype=np.float64), self.columns)
        contributions = np.empty((len(matrix), len(matrix.names), len(self.base)))
        for start in range(0, len(matrix), BLOCK):
            places = self.places(matrix.values[start : start + BLOCK])
            contributions[start : start + BLOCK] = self._paths.contributions(self, places, len(matrix.names))
        return Explained(self.base + self._paths.expected, contributions)

    def goes_left(self, nodes: Ints, places: NDArray[np.int32]) -> NDArray[np.bool_]:
        """(n, nodes) whether each row would go left at each of these inner nodes.

        Args:
            nodes: any inner nodes.
            places: as `places` gives them.
        """
        n = places.shape[1]
        at = np.tile(nodes.astype(np.int32), n)
        row = np.repeat(np.arange(n, dtype=np.int32), len(nodes))
        code = places.reshape(-1)[self.condition[at] * np.int32(n) + row]
        right = code > self.cut[at]
        if self._has_sets:
            self._decide_sets(at, code, right)
        return np.asarray(~right).reshape(n, len(nodes))


def right_children(inner: NDArray[np.bool_]) -> NDArray[np.int32]:
    """(N,) the right child of each inner node of trees that lie in preorder one after the other; a leaf's is itself.

    The left child comes next. Going through the nodes, an inner one opens a place more than it fills, a leaf fills one:
    a right child is the next node at which as many places are open as at its parent.

    Args:
        inner: (N,) whether a node has children.
    """
    steps = np.where(inner, 1, -1)
    opened = np.cumsum(steps) - steps
    order = np.argsort(opened, kind="stable")
    following = np.empty(len(inner), dtype=np.int64)
    following[order[:-1]] = order[1:]
    if len(order):
        following[order[-1]] = order[-1]
    own = np.arange(len(inner))
    return np.where(inner, following, own).astype(np.int32)


def _pieces(array: NDArray[Any], counts: Any) -> list[NDArray[Any]]:
    """An array cut into pieces of these lengths."""
    ends = np.cumsum(np.asarray(counts, dtype=np.int64))
    return np.split(array, ends)[: len(ends)]
