"""Rows in CatBoost's own form: numbers as they are, categories as texts, which it encodes itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from automl_core.training.columns import Columns, texts
from automl_core.training.imports import without


def library() -> Any:
    """CatBoost, without the libraries of its plots."""
    with without("sklearn", "matplotlib", "graphviz", "plotly", "ipywidgets", "IPython"):
        import catboost
    return catboost


def features(catboost: Any, columns: Columns, table: Any) -> Any:
    """A table's features; a category that is missing is the empty text, one that was not seen is learned of nothing."""
    numbers, categories = columns.positions("number"), columns.positions("category")
    encoded = [
        np.array(
            [text.encode() for text in texts(table.column(columns[at].name)).fill_null("").to_pylist()], dtype=object
        )
        for at in categories
    ]
    return catboost.FeaturesData(
        num_feature_data=columns.encode(table)[:, numbers].astype(np.float32) if numbers else None,
        cat_feature_data=np.column_stack(encoded) if encoded else None,
        num_feature_names=[f"column_{at}" for at in numbers] or None,
        cat_feature_names=[f"column_{at}" for at in categories] or None,
    )
