"""First trials, learned from other tables: written by `benchmarks/tables/portfolio.py`, not by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Params = dict[str, Any]

_TREES: tuple[Params, ...] = (
    {"learner": "lightgbm"},
    {"learner": "extra_trees"},
    {"learner": "linear"},
    {"learner": "mlp", "features.scaler": "quantile"},
    {"learner": "catboost"},
    {"learner": "xgboost"},
    {"learner": "random_forest"},
    {"learner": "svm"},
    {"learner": "histogram"},
    {"learner": "neighbours"},
)

PORTFOLIOS: Mapping[str, tuple[Params, ...]] = {"binary": _TREES, "multiclass": _TREES, "regression": _TREES}
WITH_CATBOOST = PORTFOLIOS
"""Kind of problem → combinations in order; what one does not say has its default."""
