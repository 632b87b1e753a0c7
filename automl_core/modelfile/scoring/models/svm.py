"""Support vector machines with a kernel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..matrix import Matrix
from .base import Explained, Floats, NotExplained, floats, product
from .neighbours import distances

CHUNK = 4_000_000
"""Numbers of the kernel that are held at once."""


class Svm:
    """Document: ``{"type": "svm", "kernel": "rbf", "gamma": …, "vectors": (s, p), "coef": (s, K), "intercept": (K,)}``.

    The margin is ``kernel(row, vectors) @ coef + intercept``. Several classes are one against the rest, a column each.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        if document["kernel"] != "rbf":
            raise ValueError(f"there is no kernel {document['kernel']!r} (known: rbf)")
        self.gamma = float(document["gamma"])
        self.vectors = floats(document, "vectors", ndim=2)
        self.coef, self.intercept = floats(document, "coef", ndim=2), floats(document, "intercept", ndim=1)

    def margin(self, matrix: Matrix) -> Floats:
        """Kernels of all vectors, weighted."""
        found = np.empty((len(matrix), len(self.intercept)))
        step = max(1, CHUNK // max(1, self.vectors.size))
        for start in range(0, len(matrix), step):
            squared = distances(matrix.values[start : start + step], self.vectors, "sqeuclidean")
            found[start : start + step] = product(np.exp(-self.gamma * squared), self.coef) + self.intercept
        return found

    def explain(self, matrix: Matrix) -> Explained:
        """A kernel machine has no exact contributions."""
        raise NotExplained("a support vector machine has no exact contributions")
