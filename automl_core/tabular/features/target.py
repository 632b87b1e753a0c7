"""Levels as the mean of the target in their rows, for categories with many levels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.matrix import Matrix
from automl_core.tabular.features.base import Floats, Rows, Transformer
from automl_core.tabular.features.levels import Counted, count

MOST = 10
"""Classes with an encoding of their own, the most frequent ones."""


class Target(Transformer):
    """(sum + m · prior) / (rows + m), the m-estimate of Micci-Barreca 2001 (equations 4 and 5 with n / (n + m)).

    A row of the training gets the encoding that rows of the other folds give: with its own target in it, a level of one
    row would say its own answer. Later rows get that of all rows.
    """

    def __init__(self, columns: Sequence[str], *, smoothing: float = 10.0, folds: int = 5) -> None:
        """Say how.

        Args:
            columns: categories.
            smoothing: m, how many rows of the prior are added.
            folds: parts of the training's rows.
        """
        self.columns, self.smoothing, self.folds = columns, smoothing, folds

    def fit(self, rows: Rows) -> dict[str, Any] | None:
        """Learn the encoding of all rows."""
        columns, names, levels, values = [], [], [], []
        targets, shown = self._targets(rows)
        prior = np.average(targets, axis=0, weights=rows.weights)
        for name in self.columns:
            found = count(rows.work.columns[name], rows.weights)
            if len(found.levels) + (found.missing > 0) < 2:
                continue
            sums, weights = _sums(found, targets, rows.weights, np.zeros(len(found.codes), dtype=np.int64), 1)
            means = self._means(sums[0], weights[0], prior)
            # the order of Encode: levels, unseen, missing
            columns.append(name)
            names.append([f"mean of target by {name}{of}" for of in shown])
            levels.append(list(found.levels))
            values.append(np.vstack([means[:-1], prior[None, :], means[-1:]]))
        if not columns:
            return None
        return {"step": "encode", "columns": columns, "names": names, "levels": levels, "values": values}

    def train(self, rows: Rows, state: Any) -> Matrix:
        """Encode each row by the other folds."""
        parts = [rows.matrix]
        targets, _ = self._targets(rows)
        folds = min(self.folds, len(targets))
        fold = rows.rng("target").permutation(np.arange(len(targets)) % folds) if folds > 1 else None
        total = (targets * rows.weights[:, None]).sum(axis=0), rows.weights.sum()
        for name, names in zip(state["columns"], state["names"], strict=True):
            found = count(rows.work.columns[name], rows.weights)
            if fold is None:
                parts.append(Matrix.of(np.full((len(targets), len(names)), total[0] / total[1]), names))
                continue
            sums, weights = _sums(found, targets, rows.weights, fold, folds)
            encoded = np.empty((len(targets), len(names)))
            for each in range(folds):
                inside = fold == each
                others = np.arange(folds) != each
                sum_, weight = sums[others].sum(axis=0), weights[others].sum(axis=0)
                prior = sum_.sum(axis=0) / max(weight.sum(), 1e-300)
                encoded[inside] = self._means(sum_, weight, prior)[found.codes[inside]]  # -1, missing, is the last
            parts.append(Matrix.of(encoded, names))
        return Matrix.beside(parts)

    def _means(self, sums: Floats, weights: Floats, prior: Floats) -> Floats:
        m = self.smoothing
        return np.asarray((sums + m * prior) / np.maximum(weights + m, 1e-300)[:, None])

    def _targets(self, rows: Rows) -> tuple[Floats, list[str]]:
        targets = rows.targets
        if targets.shape[1] == 1:
            return targets, [""]
        shares = np.average(targets, axis=0, weights=rows.weights)
        kept = np.sort(np.argsort(-shares, kind="stable")[:MOST])
        return targets[:, kept], [f" (class {each})" for each in kept]


def _sums(
    found: Counted, targets: Floats, weights: Floats, fold: NDArray[np.int64], folds: int
) -> tuple[Floats, Floats]:
    """(folds, levels + 1, k) weighted sums of the target, and (folds, levels + 1) of weights; the last is missing."""
    size = len(found.levels) + 1
    cells = fold * size + np.where(found.codes < 0, size - 1, found.codes)
    sums = np.stack(
        [np.bincount(cells, weights * column, folds * size).reshape(folds, size) for column in targets.T], axis=2
    )
    total = np.bincount(cells, weights, folds * size).reshape(folds, size)
    return np.asarray(sums, dtype=np.float64), np.asarray(total, dtype=np.float64)
