"""CatBoost's models of numbers alone, from their own JSON.

With categories CatBoost computes statistics of hashed levels at scoring time, which are no trees: such models have no
document.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from automl_core.modelfile.exporting.base import Exported, NotExportable
from automl_core.modelfile.exporting.forest import MISSING_SIDE, Tree, document

LINKS = {
    "Logloss": "sigmoid", "CrossEntropy": "sigmoid", "MultiClass": "softmax", "MultiClassOneVsAll": "ovr",
    "Poisson": "exp", "Tweedie": "exp", "RMSE": "identity", "MAE": "identity", "Quantile": "identity",
    "MAPE": "identity", "Huber": "identity", "Expectile": "identity",
}  # fmt: skip
"""Loss → the link of its margin."""


def from_catboost(model: Any) -> Exported:
    """A fitted model as a document; CatBoost cuts it to its best round itself (``use_best_model``).

    Args:
        model: `catboost.CatBoost`, or one of its estimators.

    Raises:
        NotExportable: it has categories, texts or embeddings, trees that are not symmetric, or an unknown loss.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        data = json.loads(path.read_text(encoding="utf-8"))
    features = data["features_info"]
    others = [name for name in ("categorical_features", "text_features", "embedding_features") if features.get(name)]
    if others or data.get("ctr_data"):
        raise NotExportable(f"CatBoost computes {', '.join(others) or 'statistics'} in ways that only CatBoost knows")
    if "oblivious_trees" not in data:
        raise NotExportable("CatBoost's trees of another grow_policy than SymmetricTree are not known to the scorer")
    loss = _loss(data)
    if loss not in LINKS:
        raise NotExportable(f"CatBoost's loss {loss!r} is not known to the numpy scorer")
    treatment = {each["feature_index"]: each["nan_value_treatment"] for each in features["float_features"]}
    column = {each["feature_index"]: each["flat_feature_index"] for each in features["float_features"]}
    scale, bias = data["scale_and_bias"]
    base = np.atleast_1d(np.asarray(bias, dtype=np.float64))
    trees = [_tree(tree, len(base), float(scale), column, treatment) for tree in data["oblivious_trees"]]
    if not trees:
        raise NotExportable("the model has no tree")
    return Exported(document(trees, base, float32=True), LINKS[loss])


def _loss(data: dict[str, Any]) -> str:
    params = data["model_info"].get("params", {})
    params = json.loads(params) if isinstance(params, str) else params
    return str(params["loss_function"]["type"])


def _tree(tree: dict[str, Any], outputs: int, scale: float, column: dict[int, int], treatment: dict[int, str]) -> Tree:
    """A symmetric tree, whose levels have one condition each, as one with a node for each path."""
    splits = tree["splits"] or []
    if any(split["split_type"] != "FloatFeature" for split in splits):
        raise NotExportable("CatBoost's splits of other kinds than numbers are not known to the numpy scorer")
    depth = len(splits)
    inner = (1 << depth) - 1
    # nodes level by level; a leaf's number has a bit for each condition, the first one lowest, set where it holds
    level = np.repeat(np.arange(depth + 1), 1 << np.arange(depth + 1))
    first = (1 << level) - 1
    place = np.arange(2 * inner + 1) - first
    leaf = level == depth
    reversed_bits = np.zeros_like(place)
    for bit in range(depth):
        reversed_bits |= ((place >> bit) & 1) << (depth - 1 - bit)
    values = np.asarray(tree["leaf_values"], dtype=np.float64).reshape(1 << depth, -1) * scale
    weights = np.asarray(tree["leaf_weights"], dtype=np.float64)
    value = np.where(leaf[:, None], values[np.where(leaf, reversed_bits, 0)], 0.0)
    split_column = [column[split["float_feature_index"]] for split in splits] + [-1]
    border = [float(np.float32(split["border"])) for split in splits] + [0.0]
    # a missing value is above every border (AsTrue), or above none
    left = [treatment[split["float_feature_index"]] != "AsTrue" for split in splits] + [True]
    child = np.where(leaf, -1, (1 << (level + 1)) - 1 + 2 * place)
    return Tree(
        left=child,
        right=np.where(leaf, -1, child + 1),
        column=np.asarray(split_column)[level],
        threshold=np.asarray(border)[level],
        missing=np.where(np.asarray(left)[level], MISSING_SIDE[True], MISSING_SIDE[False]),
        value=value[:, 0] if outputs == 1 else value,
        cover=np.where(leaf, weights[np.where(leaf, reversed_bits, 0)], 0.0),
    )
