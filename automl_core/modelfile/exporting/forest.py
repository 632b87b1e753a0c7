"""Trees of any library → the document of `scoring.models.trees`: preorder, cuts numbered, the smallest types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.models.trees import MISSING, right_children

Array = NDArray[Any]


@dataclass(frozen=True)
class Tree:
    """One tree, its nodes in any order, the root first.

    Attributes:
        left: (N,) the left child of each node, -1 for a leaf.
        right: (N,) the right child.
        column: (N,) the matrix's column that an inner node reads; anything for a leaf.
        threshold: (N,) what it is compared with.
        missing: (N,) codes of `MISSING`.
        value: (N,) or (N, K) of leaves.
        cover: (N,) rows of training, or their weight, in leaves; None where the library does not say.
        sets: node → categories that go left, where the node's condition is one of a category.
        output: that the tree adds to.
    """

    left: Array
    right: Array
    column: Array
    threshold: Array
    missing: Array
    value: Array
    cover: Array | None = None
    sets: dict[int, Iterable[int]] | None = None
    output: int = 0


def leaf_alone(value: Any, output: int = 0, cover: float | None = None) -> Tree:
    """A tree without a condition."""
    none = np.asarray([-1])
    return Tree(
        none, none, none, np.zeros(1), np.zeros(1, int), np.asarray([value]),
        None if cover is None else np.asarray([cover]), None, output,
    )  # fmt: skip


def preorder(left: Array, right: Array) -> Array:
    """(N,) places of a tree's nodes so that each stands before its children, the left before the right."""
    inner = left >= 0
    at = np.flatnonzero(inner)
    if np.array_equal(left[at], at + 1) and np.array_equal(right[at], right_children(inner)[at]):
        return np.arange(len(left))  # scikit-learn's trees lie so
    lefts, rights = left.tolist(), right.tolist()
    order: list[int] = []
    waiting = [0]
    while waiting:
        node = waiting.pop()
        order.append(node)
        if lefts[node] >= 0:
            waiting.append(rights[node])
            waiting.append(lefts[node])
    return np.asarray(order, dtype=np.int64)


def document(
    trees: Sequence[Tree],
    base: Any,
    *,
    strict: bool = False,
    float32: bool = False,
    sums: str = "float64",
    known: Mapping[int, Iterable[int]] | None = None,
) -> dict[str, Any]:
    """The document of a forest.

    Args:
        trees: at least one.
        base: (K,) what is added to the sums.
        strict: whether a value goes left where it is < the threshold, not <=.
        float32: whether values are rounded to float32 before they are compared.
        sums: the precision in which the library adds leaves.
        known: column → its categories of training, where others count as missing.
    """
    orders = [preorder(tree.left, tree.right) for tree in trees]
    pairs = list(zip(trees, orders, strict=True))
    leaf = np.concatenate([tree.left[order] < 0 for tree, order in pairs])
    inner = ~leaf
    column = np.concatenate([tree.column[order] for tree, order in pairs])[inner].astype(np.int64)
    threshold = np.concatenate([tree.threshold[order] for tree, order in pairs])[inner].astype(np.float64)
    missing = np.concatenate([tree.missing[order] for tree, order in pairs])[inner].astype(np.int64)
    value = np.concatenate([tree.value[order] for tree, order in pairs])[leaf]
    sets = _sets_of(pairs, inner)
    # a condition is a column with what happens to its missing values, and whether it is one of categories
    is_set = np.asarray([each is not None for each in sets], dtype=bool)
    keys, condition = np.unique((column * 8 + missing) * 2 + is_set, return_inverse=True)
    cuts, cut, set_parts = _numbered(len(keys), condition, threshold, sets)
    found: dict[str, Any] = {
        "type": "trees",
        "base": np.asarray(base, dtype=np.float64).reshape(-1),
        "strict": strict,
        "float32": float32,
        "sums": sums,
        "columns": small(keys // 16),
        "missing": (keys // 2 % 8).astype(np.uint8),
        "cuts": np.concatenate(cuts) if cuts else np.empty(0),
        "counts": small(np.asarray([len(each) for each in cuts], dtype=np.int64)),
        "sizes": small(np.asarray([len(order) for order in orders])),
    }
    if value.ndim == 1:
        found["output"] = small(np.asarray([tree.output for tree in trees]))
    if is_set.any():
        found |= _packed_sets(set_parts)
        if known:
            words = [_bits(known.get(int(key) // 16, ())) if key % 2 else _bits(()) for key in keys]
            found["known"], found["known_sizes"] = np.concatenate(words), small(np.asarray(list(map(len, words))))
    conditions = np.full(len(leaf), len(keys), dtype=np.int64)
    conditions[inner] = condition
    found |= {"condition": small(conditions), "cut": small(cut), **_values(value)}
    if all(tree.cover is not None for tree in trees):
        found["cover"] = _cover(np.concatenate([np.asarray(tree.cover)[order] for tree, order in pairs])[leaf])
    return found


def _sets_of(pairs: Sequence[tuple[Tree, Array]], inner: Array) -> list[frozenset[int] | None]:
    """The categories that go left of each inner node, None where it compares numbers."""
    if not any(tree.sets for tree, _ in pairs):
        return [None] * int(inner.sum())
    found: list[frozenset[int] | None] = []
    for tree, order in pairs:
        sets = tree.sets or {}
        inner_nodes = (node for node in order.tolist() if tree.left[node] >= 0)
        found += [frozenset(map(int, sets[node])) if node in sets else None for node in inner_nodes]
    return found


def _numbered(
    conditions: int, condition: Array, threshold: Array, sets: list[frozenset[int] | None]
) -> tuple[list[Array], Array, list[list[frozenset[int]]]]:
    """Each condition's cuts (rising) and sets, and which of them each inner node has."""
    cut = np.zeros(len(condition), dtype=np.int64)
    cuts: list[Array] = []
    set_parts: list[list[frozenset[int]]] = []
    order = np.argsort(condition, kind="stable")
    for nodes in np.split(order, np.cumsum(np.bincount(condition, minlength=conditions))[:-1]) if conditions else []:
        if sets[nodes[0]] is None:
            values, cut[nodes] = np.unique(threshold[nodes], return_inverse=True)
            cuts.append(values)
            set_parts.append([])
            continue
        places: dict[frozenset[int], int] = {}
        for node in nodes.tolist():
            each = sets[node]
            assert each is not None, "a condition's nodes are of one kind"
            cut[node] = places.setdefault(each, len(places))
        cuts.append(np.empty(0))
        set_parts.append(list(places))
    return cuts, cut, set_parts


def _packed_sets(parts: list[list[frozenset[int]]]) -> dict[str, Array]:
    words = [_bits(each) for part in parts for each in part]
    return {
        "sets": np.concatenate(words) if words else np.empty(0, dtype=np.uint32),
        "set_sizes": small(np.asarray([len(each) for each in words], dtype=np.int64)),
        "set_counts": small(np.asarray([len(part) for part in parts], dtype=np.int64)),
    }


def _bits(categories: Iterable[int]) -> Array:
    """A set of whole numbers as bits in words of 32."""
    members = np.asarray(sorted(categories), dtype=np.int64)
    words = np.zeros((int(members[-1]) >> 5) + 1 if len(members) else 0, dtype=np.uint32)
    np.bitwise_or.at(words, members >> 5, np.uint32(1) << (members & 31).astype(np.uint32))
    return words


def _values(value: Array) -> dict[str, Array]:
    """Leaves' values, as places in a palette where this is smaller."""
    value = np.asarray(value)
    different, places = np.unique(value, axis=0, return_inverse=True)
    places = small(places.reshape(-1))
    if places.nbytes + different.nbytes < 0.75 * value.nbytes:
        return {"value": places, "palette": different}
    return {"value": value}


def _cover(cover: Array) -> Array:
    """Leaves' weights: whole numbers where they are, float32 otherwise."""
    whole = np.round(cover)
    if np.array_equal(whole, cover) and (not len(cover) or whole.max() < 2**32):
        return small(whole.astype(np.int64))
    return cover.astype(np.float32)


def small(array: Array) -> Array:
    """Whole numbers that are not negative, in the smallest type that holds them."""
    largest = int(array.max()) if len(array) else 0
    for kind in (np.uint8, np.uint16, np.uint32):
        if largest <= np.iinfo(kind).max:
            return array.astype(kind)
    return array.astype(np.int64)


MISSING_SIDE = {True: MISSING["left"], False: MISSING["right"]}
"""Whether missing values go left → the code."""
