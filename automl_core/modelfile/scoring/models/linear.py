"""Linear models: a weighted sum of the columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..matrix import Matrix
from .base import Explained, Floats, floats, product


class Linear:
    """Document: ``{"type": "linear", "coef": (p, K), "intercept": (K,), "center": (p,)}``.

    ``center`` may be left out: the means of training's matrix, which contributions are told against (a column at its
    mean adds nothing). It changes no prediction. Multinomial naive Bayes is one of these, in the space of logarithms.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.coef = floats(document, "coef", ndim=2)
        self.intercept = floats(document, "intercept", ndim=1)
        center = document.get("center")
        self.center = np.zeros(len(self.coef)) if center is None else floats(document, "center", ndim=1)

    def margin(self, matrix: Matrix) -> Floats:
        """Columns times coefficients, and the intercept."""
        return product(matrix.values, self.coef) + self.intercept

    def explain(self, matrix: Matrix) -> Explained:
        """Each column's coefficient times its distance from the center."""
        contributions = (matrix.values - self.center)[:, :, None] * self.coef[None, :, :]
        return Explained(self.intercept + self.center @ self.coef, contributions)
