"""XGBoost's boosters, from their own JSON.

XGBoost rounds values and cuts to float32 and adds leaves in float32, tree by tree onto the base score; so does the
document. Margins are equal to the last bit; a link is computed in float64 from there.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.exporting.base import Exported, NotExportable
from automl_core.modelfile.exporting.forest import MISSING_SIDE, Tree, document

LINKS = {
    "binary:logistic": "sigmoid", "reg:logistic": "sigmoid", "binary:logitraw": "identity",
    "multi:softprob": "softmax", "multi:softmax": "softmax",
    "count:poisson": "exp", "reg:gamma": "exp", "reg:tweedie": "exp",
    "reg:squarederror": "identity", "reg:absoluteerror": "identity", "reg:pseudohubererror": "identity",
    "reg:quantileerror": "identity", "reg:squaredlogerror": "identity",
}  # fmt: skip
"""Objective → the link of its margin."""


def from_xgboost(booster: Any, num_iteration: int | None = None) -> Exported:
    """A booster (or an estimator that has one behind ``get_booster``) as a document.

    Args:
        booster: `xgboost.Booster`.
        num_iteration: rounds to keep; None for the best one where training stopped early, else all.

    Raises:
        NotExportable: a linear booster, trees with vectors in their leaves, several labels, an objective that is not
            known, or an estimator that takes another value than NaN for a missing one.
    """
    if hasattr(booster, "get_booster"):
        missing = getattr(booster, "missing", None)
        if missing is not None and missing == missing:
            raise NotExportable(
                f"XGBoost's estimator takes {missing!r} for a missing value, and the scorer NaN alone: put NaN in its "
                "place, and give the booster"
            )
        booster = booster.get_booster()
    rounds = num_iteration
    if rounds is None and (best := booster.attr("best_iteration")) is not None:
        rounds = int(best) + 1
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    objective = learner["objective"]["name"]
    if objective not in LINKS:
        raise NotExportable(f"XGBoost's objective {objective!r} is not known to the numpy scorer")
    model, scales = _forest(learner["gradient_booster"])
    starts = model["iteration_indptr"]
    kept = starts[rounds] if rounds is not None and rounds < len(starts) else len(model["trees"])
    outputs = max(
        1, int(learner["learner_model_param"]["num_class"]), int(learner["learner_model_param"]["num_target"])
    )
    if outputs > 1 and LINKS[objective] == "sigmoid":
        raise NotExportable(
            f"XGBoost's objective {objective!r} with {outputs} targets (labels) is not known to the scorer"
        )
    trees = [
        _tree(tree, output, np.float32(scale))
        for tree, output, scale in zip(model["trees"][:kept], model["tree_info"], scales, strict=False)
    ]
    if not trees:
        raise NotExportable("the booster has no tree")
    base = _base(learner["learner_model_param"]["base_score"], objective, outputs)
    return Exported(document(trees, base, strict=True, float32=True, sums="float32"), LINKS[objective])


def _forest(booster: dict[str, Any]) -> tuple[dict[str, Any], list[float]]:
    """The trees, and what the leaves of each are multiplied with."""
    if booster["name"] == "dart":
        return booster["gbtree"]["model"], booster["weight_drop"]
    if booster["name"] != "gbtree":
        raise NotExportable(f"XGBoost's booster {booster['name']!r} has no trees")
    return booster["model"], [1.0] * len(booster["model"]["trees"])


def _base(score: Any, objective: str, outputs: int) -> NDArray[np.float32]:
    """The base score as a margin. The file holds it as a prediction: a number, or a list of one for each output."""
    found = np.atleast_1d(np.asarray(json.loads(score) if isinstance(score, str) else score, dtype=np.float32))
    if LINKS[objective] == "sigmoid":
        found = -_log(np.float32(1.0) / found - np.float32(1.0))
    elif LINKS[objective] == "exp":
        found = _log(found)
    return np.broadcast_to(found, (outputs,))


def _log(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """As XGBoost's logf, which is right to the last bit; numpy's float32 logarithm is off by one in a sixth of all."""
    return np.asarray([math.log(float(each)) for each in values], dtype=np.float32)


def _tree(tree: dict[str, Any], output: int, scale: np.float32) -> Tree:
    if int(tree["tree_param"].get("size_leaf_vector", 1)) > 1:
        raise NotExportable("XGBoost's trees with vectors in their leaves are not known to the numpy scorer")
    left, right = np.asarray(tree["left_children"]), np.asarray(tree["right_children"])
    default_left = np.asarray(tree["default_left"], dtype=bool)
    conditions = np.asarray(tree["split_conditions"], dtype=np.float64).astype(np.float32)
    sets: dict[int, list[int]] = {}
    for node, start, size in zip(
        tree["categories_nodes"], tree["categories_segments"], tree["categories_sizes"], strict=True
    ):
        # its categories go right, and all else left
        sets[int(node)] = tree["categories"][start : start + size]
        left[node], right[node] = right[node], left[node]
        default_left[node] = not default_left[node]
    return Tree(
        left=left,
        right=right,
        column=np.asarray(tree["split_indices"]),
        threshold=conditions.astype(np.float64),
        missing=np.where(default_left, MISSING_SIDE[True], MISSING_SIDE[False]),
        value=conditions * scale,
        cover=np.asarray(tree["sum_hessian"], dtype=np.float64),
        sets=dict(sets),
        output=output,
    )
