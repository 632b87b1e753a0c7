"""Levels as ones and zeros in few columns, by a hash."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from automl_core.tabular.features.base import Rows, Transformer


class Hashing(Transformer):
    """For categories with very many levels, or with new ones each day."""

    def __init__(self, columns: Sequence[str], buckets: int = 32) -> None:
        self.columns, self.buckets = list(columns), buckets

    def fit(self, rows: Rows) -> dict[str, Any] | None:
        """Nothing is learned."""
        return {"step": "hashing", "columns": self.columns, "buckets": self.buckets} if self.columns else None
