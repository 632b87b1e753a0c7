"""scikit-learn's forests and histogram boosting as documents."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.exporting.base import Exported, NotExportable
from automl_core.modelfile.exporting.forest import MISSING_SIDE, Tree, document

BOOSTING_LINKS = {
    "HalfBinomialLoss": "sigmoid", "HalfMultinomialLoss": "softmax",
    "HalfSquaredError": "identity", "AbsoluteError": "identity", "PinballLoss": "identity",
    "HalfPoissonLoss": "exp", "HalfGammaLoss": "exp",
}  # fmt: skip
"""Loss of histogram boosting → the link of its margin."""


def from_forest(estimator: Any) -> Exported:
    """A random forest, extra trees, or one decision tree; of classes the leaves' shares are averaged.

    Of two classes the second one's share is kept alone. Rows are rounded to float32, as scikit-learn does.
    """
    members = getattr(estimator, "estimators_", None)
    trees = [each.tree_ for each in (members if members is not None else [estimator])]
    if trees[0].n_outputs != 1:
        raise NotExportable("a forest with several targets is not known to the numpy scorer")
    classes = len(getattr(estimator, "classes_", ()))
    found = [_of_forest(tree, classes, len(trees)) for tree in trees]
    outputs = classes if classes > 2 else 1
    link = "identity" if classes != 2 else "complement"
    return Exported(document(found, np.zeros(outputs), float32=True), link)


def _of_forest(tree: Any, classes: int, trees: int) -> Tree:
    value = np.asarray(tree.value, dtype=np.float64)[:, 0, :]
    if classes:
        value = value / value.sum(axis=1, keepdims=True)
        value = value[:, 1] if classes == 2 else value if classes > 2 else np.ones(len(value))
    else:
        value = value[:, 0]
    left = np.asarray(tree.children_left)
    missing_left = np.asarray(tree.missing_go_to_left, dtype=bool)
    return Tree(
        left=left,
        right=np.asarray(tree.children_right),
        column=np.asarray(tree.feature),
        threshold=np.asarray(tree.threshold),
        missing=np.where(missing_left, MISSING_SIDE[True], MISSING_SIDE[False]),
        value=value / trees,
        cover=np.asarray(tree.weighted_n_node_samples),
    )


def from_histogram_boosting(estimator: Any) -> Exported:
    """`HistGradientBoostingClassifier` or `…Regressor`, its categorical columns included where they hold whole numbers.

    Such an estimator puts its categorical columns first and numbers their categories anew; the document speaks of the
    columns and values that it was given. A category that it has not seen goes where a missing value goes.
    """
    loss = type(estimator._loss).__name__
    if loss not in BOOSTING_LINKS:
        raise NotExportable(f"the loss {loss} of scikit-learn's boosting is not known to the numpy scorer")
    columns, categories = _columns(estimator)
    base = np.asarray(estimator._baseline_prediction, dtype=np.float64).reshape(-1)
    trees = [
        _of_boosting(predictor, output, columns, categories)
        for rounds in estimator._predictors
        for output, predictor in enumerate(rounds)
    ]
    if not trees:
        raise NotExportable("the estimator has no tree")
    known = {columns[place]: sorted(values.values()) for place, values in categories.items()}
    return Exported(document(trees, base, known=known), BOOSTING_LINKS[loss])


def _columns(estimator: Any) -> tuple[list[int], dict[int, dict[int, int]]]:
    """The column that each of the estimator's own features is, and its categories: own number → value."""
    count = int(estimator.n_features_in_)
    categorical = estimator.is_categorical_
    if categorical is None or not np.any(categorical):
        return list(range(count)), {}
    given = np.asarray(categorical, dtype=bool)
    columns = [*np.flatnonzero(given).tolist(), *np.flatnonzero(~given).tolist()]
    encoder = estimator._preprocessor.named_transformers_["encoder"]
    categories: dict[int, dict[int, int]] = {}
    for place, values in enumerate(encoder.categories_):
        try:
            numbers = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            raise NotExportable("categories that are texts are not known to the numpy scorer: give codes") from None
        numbers = numbers[~np.isnan(numbers)]
        if (numbers < 0).any() or (numbers != np.trunc(numbers)).any():
            raise NotExportable("categories that are no whole numbers from 0 are not known to the numpy scorer")
        categories[place] = {own: int(value) for own, value in enumerate(numbers)}
    return columns, categories


def _of_boosting(predictor: Any, output: int, columns: list[int], categories: dict[int, dict[int, int]]) -> Tree:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    sets: dict[int, list[int]] = {}
    for node in np.flatnonzero(nodes["is_categorical"].astype(bool) & ~leaf).tolist():
        words: NDArray[np.uint32] = predictor.raw_left_cat_bitsets[nodes["bitset_idx"][node]]
        own = np.flatnonzero(np.unpackbits(np.ascontiguousarray(words).view(np.uint8), bitorder="little"))
        values = categories[int(nodes["feature_idx"][node])]
        sets[node] = [values[each] for each in own.tolist() if each in values]
    missing_left = nodes["missing_go_to_left"].astype(bool)
    return Tree(
        left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(leaf, -1, nodes["right"].astype(np.int64)),
        column=np.asarray(columns)[np.where(leaf, 0, nodes["feature_idx"])],
        threshold=nodes["num_threshold"],
        missing=np.where(missing_left, MISSING_SIDE[True], MISSING_SIDE[False]),
        value=nodes["value"],
        cover=nodes["count"],
        sets=dict(sets),
        output=output,
    )
