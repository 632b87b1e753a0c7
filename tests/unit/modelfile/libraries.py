"""Real data with what trips scorers: missing values, columns without any in training, categories, unseen ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

from automl_core.modelfile.scoring.matrix import Matrix
from automl_core.modelfile.scoring.models.generated import RowTrees
from automl_core.modelfile.scoring.models.trees import Trees

SETS = {"binary": load_breast_cancer, "regression": load_diabetes, "multiclass": load_wine}


@dataclass(frozen=True)
class Data:
    """Rows to learn from, and strange ones to score: the last column is a category, the first had no gap."""

    x: Any
    y: Any
    strange: Any

    @property
    def categories(self) -> Any:
        return np.arange(self.x.shape[1]) == self.x.shape[1] - 1

    def matrix(self, rows: Any) -> Matrix:
        return Matrix.of(rows, [f"c{each}" for each in range(rows.shape[1])], self.categories)


def data(kind: str, *, gaps: bool = True) -> Data:
    rng = np.random.default_rng(7)
    x, y = SETS[kind](return_X_y=True)
    order = rng.permutation(len(x))
    x, y = x[order][:, :8], y[order]
    category = rng.integers(0, 40, len(x)) * 2 + 1
    third = category % 3 == 0
    y = y + third * 60 if kind == "regression" else np.where(third, (y + 1) % (y.max() + 1), y)
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    x = np.column_stack([x, category])
    cut = len(x) * 2 // 3
    strange = x[cut:].copy()
    if gaps:
        x = np.where(rng.random(x.shape) < 0.1, np.nan, x)
        x[:cut, 0] = np.nan_to_num(x[:cut, 0])
        strange[:6, -1] = [99, 79, 2, 3.7, 0, np.nan]  # unseen and missing ones
        strange = np.vstack([strange, np.where(rng.random(strange.shape) < 0.4, np.nan, strange)])
        strange[::9, 2], strange[1::9, 3] = 0.0, 1e300
    return Data(x[:cut], y[:cut], strange)


def matrix_of(rows: Any) -> Matrix:
    """Rows of numbers as a matrix."""
    values = np.asarray(rows, dtype=float)
    return Matrix.of(values, [f"c{each}" for each in range(values.shape[1])])


def same_alone(model: Any, matrix: Matrix) -> None:
    """A forest gives single rows by Python's own code the bits that numpy gives them."""
    if not isinstance(model, Trees):
        return
    alone = RowTrees.of(model)
    assert alone is not None
    for row in range(0, len(matrix), 5):
        try:
            found = alone(matrix.values[row].tolist())
        except OverflowError:  # beyond float32: left to numpy
            continue
        np.testing.assert_array_equal(found, model.margin(matrix.take([row]))[0])
