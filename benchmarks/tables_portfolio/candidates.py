"""Combinations among which the first trials are chosen: each learner's defaults, and some that are known to differ.

The ideas are those of public portfolios (TabArena's and AutoGluon's: large and small trees, extra randomness, strong
penalties; FLAML's small trees for small tables); the numbers are our own.
"""

from __future__ import annotations

from typing import Any

Params = dict[str, Any]


def _of(learner: str, features: Params | None = None, **own: Any) -> Params:
    return {
        "learner": learner,
        **{f"{learner}.{name}": value for name, value in own.items()},
        **{f"features.{name}": value for name, value in (features or {}).items()},
    }


CANDIDATES: tuple[Params, ...] = (
    _of("lightgbm"),
    _of("lightgbm", {"interactions": True}),
    _of("lightgbm", num_leaves=8, min_data_in_leaf=10, feature_fraction=0.6, bagging_fraction=0.8),
    _of("lightgbm", {"interactions": True}, num_leaves=8, min_data_in_leaf=10, feature_fraction=0.6,
        bagging_fraction=0.8),
    _of("lightgbm", num_leaves=4, learning_rate=0.1, min_data_in_leaf=5, feature_fraction=0.5, bagging_fraction=0.7),
    _of("lightgbm", num_leaves=96, learning_rate=0.03, min_data_in_leaf=5, feature_fraction=0.6, bagging_fraction=0.8,
        lambda_l2=2.0),
    _of("lightgbm", extra_trees=True, num_leaves=31, min_data_in_leaf=5, feature_fraction=0.8),
    _of("lightgbm", {"encoding": "target"}, num_leaves=16, min_data_in_leaf=20, feature_fraction=0.5, lambda_l2=20.0,
        path_smooth=10.0),
    _of("catboost"),
    _of("catboost", depth=4, learning_rate=0.08, l2_leaf_reg=5.0),
    _of("catboost", depth=8, learning_rate=0.05, rsm=0.6),
    _of("xgboost"),
    _of("xgboost", learning_rate=0.05, max_depth=4, min_child_weight=3.0, subsample=0.8, colsample_bytree=0.6),
    _of("xgboost", learning_rate=0.05, max_depth=8, min_child_weight=2.0, subsample=0.8, colsample_bytree=0.5,
        reg_lambda=5.0),
    _of("histogram"),
    _of("random_forest", min_samples_leaf=1),
    _of("random_forest", min_samples_leaf=4, max_features=0.5),
    _of("extra_trees"),
    _of("extra_trees", min_samples_leaf=3, max_features=0.9),
    _of("linear"),
    _of("linear", {"scaler": "quantile"}, strength=10.0),
    _of("linear", penalty="elasticnet", strength=3.0, l1_ratio=0.7),
    _of("mlp", {"scaler": "quantile"}),
    _of("mlp", units=128, learning_rate=0.001, alpha=0.1, batch_size=64),
    _of("mlp", {"scaler": "quantile"}, units=32, layers=1, learning_rate=0.01, alpha=0.01, batch_size=32),
    _of("svm"),
    _of("svm", {"scaler": "quantile"}, C=10.0, gamma=0.3),
    _of("neighbours", {"scaler": "quantile"}),
    _of("naive_bayes"),
)  # fmt: skip
