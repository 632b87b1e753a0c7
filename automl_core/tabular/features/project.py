"""Columns as few combinations of them: principal components, or a truncated SVD."""

from __future__ import annotations

from typing import Any

import numpy as np

from automl_core.tabular.features.base import Rows, Transformer

KINDS = ("pca", "svd")
MOST_COLUMNS = 2000
"""Beyond this many columns the matrix of their products is too large: nothing is reduced."""


class Project(Transformer):
    """Of a matrix without gaps, scaled."""

    def __init__(self, kind: str, share: float) -> None:
        """Say how.

        Args:
            kind: ``pca`` (around the mean) or ``svd`` (around 0).
            share: of the variance that is kept, by as few components as it takes.

        Raises:
            ValueError: another kind.
        """
        if kind not in KINDS:
            raise ValueError(f"there is no reduction {kind!r} (allowed: {', '.join(KINDS)})")
        self.kind, self.share = kind, share

    def fit(self, rows: Rows) -> dict[str, Any] | None:
        """Learn the components: eigenvectors of the columns' products."""
        values = rows.matrix.values
        if not 2 < values.shape[1] <= MOST_COLUMNS or len(values) < 3:
            return None
        mean = np.average(values, axis=0, weights=rows.weights) if self.kind == "pca" else np.zeros(values.shape[1])
        centred = (values - mean) * np.sqrt(rows.weights / rows.weights.sum())[:, None]
        found, vectors = np.linalg.eigh(centred.T @ centred)
        found, vectors = found[::-1], vectors[:, ::-1]
        total = float(found[found > 0].sum())
        if total <= 0:
            return None
        kept = int(np.searchsorted(np.cumsum(found) / total, self.share) + 1)
        kept = max(1, min(kept, int((found > 1e-12 * found[0]).sum())))
        vectors = vectors[:, :kept]
        # a vector and its opposite are as good: the largest entry is made positive
        signs = np.sign(vectors[np.abs(vectors).argmax(axis=0), np.arange(kept)])
        return {"step": "project", "mean": mean, "components": (vectors * signs).T.copy(), "name": self.kind}
