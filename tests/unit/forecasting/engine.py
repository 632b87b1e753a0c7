"""Small searches on series for tests, with learners of numpy alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from automl_core.forecasting.options import Options
from automl_core.forecasting.prepared import Prepared, prepare
from tests.unit.forecasting.panels import days

WEEK = np.array([10.0, 20, 30, 40, 50, 60, 70])


def sales(count: int = 70, shops: int = 3, seed: int = 0) -> pa.Table:
    """Shops with a weekly season, noise, and levels of their own; the last one began half way."""
    random = np.random.default_rng(seed)
    columns: dict[str, list[Any]] = {"shop": [], "day": [], "sold": []}
    for shop in range(shops):
        first = count // 2 if shop == shops - 1 and shops > 1 else 0
        values = 100.0 * shop + np.resize(WEEK, count) + random.normal(size=count)
        columns["shop"] += [f"shop {shop}"] * (count - first)
        columns["day"] += days(count)[first:]
        columns["sold"] += values[first:].tolist()
    return pa.table(columns)


def options(**more: Any) -> Options:
    """Of such a table."""
    said: dict[str, Any] = {
        "target": "sold", "time": "day", "series": "shop", "horizon": 7, "allowed": ("seasonal_naive", "intermittent"),
    }  # fmt: skip
    return Options.of(**{**said, **more})


def prepared(table: pa.Table | None = None, **more: Any) -> Prepared:
    """Such a table made ready."""
    return prepare(sales() if table is None else table, options(**more))
