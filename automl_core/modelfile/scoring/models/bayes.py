"""Gaussian naive Bayes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..matrix import Matrix
from .base import Explained, Floats, floats


class Bayes:
    """Document: ``{"type": "bayes", "mean": (K, p), "variance": (K, p), "log_prior": (K,)}``; the link is softmax.

    The margin is the logarithm of prior times likelihood: a sum over columns, so contributions are exact.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.mean, self.variance = floats(document, "mean", ndim=2), floats(document, "variance", ndim=2)
        self.log_prior = floats(document, "log_prior", ndim=1)
        self._constant = -0.5 * np.log(2.0 * np.pi * self.variance)

    def _terms(self, matrix: Matrix) -> Floats:
        distance = matrix.values[:, :, None] - self.mean.T[None, :, :]
        return np.asarray(self._constant.T - 0.5 * distance**2 / self.variance.T)

    def margin(self, matrix: Matrix) -> Floats:
        """(n, K) log joint likelihood."""
        return np.asarray(self.log_prior + self._terms(matrix).sum(axis=1))

    def explain(self, matrix: Matrix) -> Explained:
        """Each column's log likelihood."""
        return Explained(self.log_prior, self._terms(matrix))
