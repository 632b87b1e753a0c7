"""LightGBM's boosters, from their own text (version 4 of the format, as LightGBM 3 and 4 write it).

What happens to a missing value is the business of each node's *missing type*, fixed by what training saw: where a
column had no missing value, NaN is compared as if it were 0, whatever the node's default side is.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.exporting.base import Exported, NotExportable
from automl_core.modelfile.exporting.forest import Tree, document, leaf_alone
from automl_core.modelfile.scoring.models.trees import MISSING

CATEGORICAL, DEFAULT_LEFT = 1, 2
"""Bits of a node's decision type; the two above them are the missing type."""

NONE, ZERO, NAN = 0, 1, 2
"""Missing types: nothing was missing, zeros count as missing, NaN does."""

LINKS = {
    "binary": "sigmoid", "cross_entropy": "sigmoid", "multiclass": "softmax",
    "poisson": "exp", "gamma": "exp", "tweedie": "exp",
    "regression": "identity", "regression_l1": "identity", "huber": "identity", "fair": "identity",
    "quantile": "identity", "mape": "identity", "custom": "identity",
}  # fmt: skip
"""Objective → the link of its margin."""


def from_lightgbm(booster: Any, num_iteration: int | None = None) -> Exported:
    """A booster (or an estimator that has one as ``booster_``) as a document.

    Args:
        booster: `lightgbm.Booster`.
        num_iteration: rounds to keep; None for the best one where training stopped early, else all.

    Raises:
        NotExportable: linear trees, or an objective that is not known.
    """
    booster = getattr(booster, "booster_", booster)
    rounds = num_iteration if num_iteration is not None else (getattr(booster, "best_iteration", 0) or 0)
    header, *blocks = booster.model_to_string(num_iteration=rounds if rounds > 0 else -1).split("\nTree=")
    facts = dict(_lines(header))
    per_round = int(facts["num_tree_per_iteration"])
    objective, _, options = facts.get("objective", "custom").partition(" ")
    if objective == "multiclassova":
        raise NotExportable(
            "LightGBM's objective multiclassova: each class has a probability for itself, which don't sum to 1; take "
            "multiclass"
        )
    if objective not in LINKS:
        raise NotExportable(f"LightGBM's objective {objective!r} is not known to the numpy scorer")
    if objective == "binary" and "sigmoid:1" not in options.split():
        raise NotExportable(f"LightGBM's objective {objective} with {options}: only sigmoid:1 is known to the scorer")
    if objective.startswith("regression") and "sqrt" in options.split():
        raise NotExportable("LightGBM's reg_sqrt is not known to the numpy scorer")
    average = 1.0
    if "average_output" in header.splitlines():  # boosting: rf
        average = per_round / max(1, len(blocks))
    trees = [_tree(block, number % per_round, average) for number, block in enumerate(blocks)]
    if not trees:
        raise NotExportable("the booster has no tree")
    return Exported(document(trees, np.zeros(per_round)), LINKS[objective])


def _lines(block: str) -> Iterator[tuple[str, str]]:
    for line in block.splitlines():
        name, equals, value = line.partition("=")
        if equals:
            yield name, value


def _tree(block: str, output: int, scale: float) -> Tree:
    end = block.find("\n\n")
    facts = dict(_lines(block if end < 0 else block[:end]))
    if facts.get("is_linear", "0") != "0":
        raise NotExportable("LightGBM's linear trees are not known to the numpy scorer")
    leaf_value = _numbers(facts["leaf_value"]) * scale
    if int(facts["num_leaves"]) == 1:
        cover = _numbers(facts["leaf_count"])[0] if facts.get("leaf_count") else 0.0
        return leaf_alone(leaf_value[0], output, max(float(cover), 1.0))
    left, right = _whole(facts["left_child"]), _whole(facts["right_child"])
    inner, leaves = len(left), len(leaf_value)
    decision = _whole(facts["decision_type"])
    threshold = _numbers(facts["threshold"])
    sets: dict[int, NDArray[np.int64]] = {}
    if int(facts["num_cat"]):
        starts, words = _whole(facts["cat_boundaries"]), _whole(facts["cat_threshold"]).astype(np.uint32)
        for node in np.flatnonzero(decision & CATEGORICAL).tolist():
            which = int(threshold[node])
            bits = np.unpackbits(words[starts[which] : starts[which + 1]].view(np.uint8), bitorder="little")
            sets[node] = np.flatnonzero(bits)
    none = np.full(leaves, -1)
    return Tree(
        left=np.concatenate([_place(left, inner), none]),
        right=np.concatenate([_place(right, inner), none]),
        column=np.concatenate([_whole(facts["split_feature"]), none]),
        threshold=np.concatenate([threshold, np.zeros(leaves)]),
        missing=np.concatenate([_missing(decision), np.zeros(leaves, dtype=np.int64)]),
        value=np.concatenate([np.zeros(inner), leaf_value]),
        cover=np.concatenate([np.zeros(inner), _numbers(facts["leaf_count"])]),
        sets={node: each.tolist() for node, each in sets.items()},
        output=output,
    )


def _place(child: NDArray[np.int64], inner: int) -> NDArray[np.int64]:
    """Children: leaves, which have negative numbers, come after all inner nodes."""
    return np.where(child >= 0, child, inner + ~child)


def _missing(decision: NDArray[np.int64]) -> NDArray[np.int64]:
    kind, left = decision >> 2 & 3, (decision & DEFAULT_LEFT) != 0
    by_side = np.where(left, MISSING["left"], MISSING["right"])
    with_zero = np.where(left, MISSING["zero left"], MISSING["zero right"])
    found = np.where(kind == NAN, by_side, np.where(kind == ZERO, with_zero, MISSING["zero"]))
    # a category that is missing is in no set
    return np.where(decision & CATEGORICAL, MISSING["right"], found)


def _numbers(text: str) -> NDArray[np.float64]:
    return np.asarray(text.split(), dtype=np.float64)


def _whole(text: str) -> NDArray[np.int64]:
    return np.asarray(text.split(), dtype=np.int64)
