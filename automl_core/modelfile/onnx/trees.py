"""Forests as a node of ai.onnx.ml: TreeEnsembleRegressor, with float64 cuts.

The node compares numbers alone, and knows of a missing value that it goes to a side. What else libraries do is done
before it: each of a forest's conditions (`scoring.models.trees`) has a column of its own, rounded to float32 or with
zeros for missing values where that condition asks for it; and of each set of categories a column says whether a row's
category is in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.onnx.graph import ML, Graph, tensor
from automl_core.modelfile.scoring.models.trees import MISSING, ZERO, Trees

HALF = 0.5
"""The cut of a column that says whether a category is in a set."""

INSIDE, LEAF = ("BRANCH_LEQ", "BRANCH_LT"), "LEAF"


def trees(graph: Graph, matrix: str, document: Mapping[str, Any]) -> str:
    """(n, K) the margin of a forest; its sums are float32, as ONNX gives them."""
    forest = Trees(document)
    counts = np.asarray(document.get("set_counts", np.zeros(len(forest.columns))), dtype=np.int64)
    columns, first = _columns(graph, matrix, forest, counts)
    outputs = len(forest.base)
    sums = graph.add(
        "TreeEnsembleRegressor", columns, domain=ML, n_targets=outputs, aggregate_function="SUM",
        post_transform="NONE", **_nodes(forest, first, np.cumsum(counts) - counts), **_leaves(forest),
    )  # fmt: skip
    return str(graph.add("Add", graph.add("Cast", sums, to=11), graph.constant(forest.base)))


def _columns(graph: Graph, matrix: str, forest: Trees, counts: NDArray[np.int64]) -> tuple[str, NDArray[np.int64]]:
    """What nodes compare, and where each condition's column is; of one with sets, that of its first set."""
    found: list[str] = []
    first = np.zeros(len(forest.columns), dtype=np.int64)
    width = 0
    for place, column in enumerate(forest.columns.tolist()):
        first[place] = width
        values = graph.taken(matrix, [column])
        if forest.categorical[place]:
            begin = int(counts[:place].sum())
            table = _memberships(forest, place, range(begin, begin + int(counts[place])))
            found.append(_category(graph, values, table))
            width += table.shape[1]
            continue
        found.append(_number(graph, values, int(forest.missing[place]), forest.float32))
        width += 1
    return graph.beside(found or [graph.ones(matrix)]), first


def _number(graph: Graph, values: str, missing: int, single: bool) -> str:
    if missing >= MISSING["zero left"]:
        small = graph.add("LessOrEqual", graph.add("Abs", values), graph.constant(ZERO))
        values = graph.where(small, graph.constant(np.nan), values)
    elif missing == MISSING["zero"]:
        values = graph.where(graph.add("IsNaN", values), graph.constant(0.0), values)
    return str(graph.add("Cast", graph.add("Cast", values, to=1), to=11)) if single else values


def _memberships(forest: Trees, place: int, places: range) -> NDArray[np.float64]:
    """(codes + 2, sets) whether a category is in each of a condition's sets; at last what is in none, and a gap."""
    sets = [forest.members(each) for each in places]
    known = forest.known[place]
    within = np.flatnonzero(np.unpackbits(np.ascontiguousarray(known).view(np.uint8), bitorder="little"))
    codes = max([len(known) * 32, *(max(each, default=-1) + 1 for each in sets)])
    table = np.zeros((codes + 2, len(sets)))
    for which, members in enumerate(sets):
        table[members, which] = 1.0
    missing = int(forest.missing[place])
    absent = np.full(len(sets), float(missing == MISSING["left"]))
    if missing == MISSING["zero"]:
        absent = table[0].copy()
    if len(known):  # a category that is not known is as a gap
        strange = np.setdiff1d(np.arange(codes), within)
        table[strange] = absent
        table[codes] = absent
    table[codes + 1] = absent
    return table


def _category(graph: Graph, values: str, table: NDArray[np.float64]) -> str:
    """(n, sets) columns of ones and zeros for a category's codes; what follows the point is cut off."""
    codes = len(table) - 2
    gap = graph.add("IsNaN", values)
    negative = graph.add("LessOrEqual", values, graph.constant(-1.0))
    far = graph.add("GreaterOrEqual", values, graph.constant(float(codes)))
    strange = graph.where(gap, graph.constant(0.0), values)
    strange = graph.clipped(strange, 0.0, float(codes))
    place = graph.add("Floor", strange)
    place = graph.where(far, graph.constant(float(codes)), place)
    place = graph.where(negative, graph.constant(float(codes)), place)
    place = graph.where(gap, graph.constant(float(codes + 1)), place)
    flat = graph.add("Reshape", graph.add("Cast", place, to=7), graph.constant([-1], np.int64))
    return str(graph.add("Gather", graph.constant(table), flat, axis=0))


def _nodes(forest: Trees, first: NDArray[np.int64], first_set: NDArray[np.int64]) -> dict[str, Any]:
    count = len(forest.leaf)
    sizes = np.diff(np.append(forest.roots, count))
    tree = np.repeat(np.arange(len(sizes)), sizes)
    own = np.arange(count) - np.repeat(forest.roots, sizes)
    condition = forest.condition.astype(np.int64)
    feature, cuts, left = np.zeros(count, dtype=np.int64), np.zeros(count), np.zeros(count, dtype=np.int64)
    swapped = np.zeros(count, dtype=bool)
    for node in np.flatnonzero(~forest.leaf).tolist():
        place = int(condition[node])
        feature[node] = first[place]
        if forest.categorical[place]:
            feature[node] += int(forest.cut[node]) - int(first_set[place])
            cuts[node], swapped[node] = HALF, True  # below a half is in no set, and goes right
        else:
            cuts[node] = forest.cuts[place][forest.cut[node]]
            left[node] = int(forest.missing[place]) in (MISSING["left"], MISSING["zero left"])
    following, other = own + 1, forest.right.astype(np.int64) - np.repeat(forest.roots, sizes)
    mode = INSIDE[forest.strict]
    return {
        "nodes_treeids": tree.tolist(), "nodes_nodeids": own.tolist(), "nodes_featureids": feature.tolist(),
        "nodes_modes": np.where(forest.leaf, LEAF, mode).tolist(), "nodes_values_as_tensor": tensor("cuts", cuts),
        "nodes_truenodeids": np.where(forest.leaf, 0, np.where(swapped, other, following)).tolist(),
        "nodes_falsenodeids": np.where(forest.leaf, 0, np.where(swapped, following, other)).tolist(),
        "nodes_missing_value_tracks_true": left.tolist(),
    }  # fmt: skip


def _leaves(forest: Trees) -> dict[str, Any]:
    sizes = np.diff(np.append(forest.roots, len(forest.leaf)))
    nodes = np.flatnonzero(forest.leaf)
    tree = np.repeat(np.arange(len(sizes)), sizes)[nodes]
    own = nodes - forest.roots[tree]
    values = np.asarray(forest.values, dtype=np.float64)
    if forest.output is None:
        outputs = values.shape[1]
        target = np.tile(np.arange(outputs), len(nodes))
        tree, own = np.repeat(tree, outputs), np.repeat(own, outputs)
    else:
        target = forest.output[tree]
    return {
        "target_treeids": tree.tolist(), "target_nodeids": own.tolist(), "target_ids": target.tolist(),
        "target_weights_as_tensor": tensor("weights", values.reshape(-1)),
    }  # fmt: skip
