"""k nearest neighbours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..matrix import Matrix
from .base import Explained, Floats, NotExplained, floats

CHUNK = 4_000_000
"""Numbers of differences that are held at once."""


def distances(rows: Floats, points: Floats, metric: str) -> Floats:
    """(n, m) distances: ``euclidean``, ``sqeuclidean`` or ``manhattan``.

    By differences, not by ``|a|² - 2ab + |b|²``, which loses digits where points are near each other and depends on how
    many rows there are.
    """
    difference = rows[:, None, :] - points[None, :, :]
    if metric == "manhattan":
        return np.asarray(np.abs(difference).sum(axis=2))
    squared = np.einsum("ijk,ijk->ij", difference, difference, optimize=False)
    return np.asarray(np.sqrt(squared) if metric == "euclidean" else squared)


class Neighbours:
    """The mean of the k nearest rows of training.

    Document::

        {"type": "neighbours", "points": (m, p), "targets": (m,) int | (m, K) floats, "outputs": K,
         "k": …, "metric": "euclidean" | "manhattan", "weights": "uniform" | "distance"}

    Targets are positions of classes where they are whole numbers: the margin is the neighbours' share of each class.
    With floats it is their mean. Weighted by distance, neighbours at distance 0 count alone. Of neighbours that are
    equally far at the k-th place those that come first in ``points`` count.
    """

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.points = floats(document, "points", ndim=2)
        targets = np.asarray(document["targets"])
        outputs = int(document["outputs"])
        self.targets = np.eye(outputs)[targets] if targets.dtype.kind in "iu" else targets.reshape(-1, outputs)
        self.k, self.metric = min(int(document["k"]), len(self.points)), str(document["metric"])
        self.by_distance = document["weights"] == "distance"
        if self.metric not in ("euclidean", "manhattan"):
            raise ValueError(f"there is no metric {self.metric!r} (known: euclidean, manhattan)")

    def margin(self, matrix: Matrix) -> Floats:
        """The mean of the neighbours' targets."""
        found = np.empty((len(matrix), self.targets.shape[1]))
        step = max(1, CHUNK // max(1, self.points.size))
        for start in range(0, len(matrix), step):
            found[start : start + step] = self._some(matrix.values[start : start + step])
        return found

    def _some(self, rows: Floats) -> Floats:
        far = distances(rows, self.points, self.metric)
        # all that are nearer than the k-th, then the first of those as far as it
        kth = np.partition(far, self.k - 1, axis=1)[:, self.k - 1 : self.k]
        nearest = np.argsort(np.where(far <= kth, far, np.inf), axis=1, kind="stable")[:, : self.k]
        targets = self.targets[nearest]
        if not self.by_distance:
            return np.asarray(targets.mean(axis=1))
        near = np.take_along_axis(far, nearest, axis=1)
        same = near == 0.0
        with np.errstate(divide="ignore"):
            weights = np.where(same.any(axis=1, keepdims=True), same.astype(np.float64), 1.0 / near)
        return np.asarray((targets * weights[:, :, None]).sum(axis=1) / weights.sum(axis=1, keepdims=True))

    def explain(self, matrix: Matrix) -> Explained:
        """Neighbours have no exact contributions."""
        raise NotExplained("nearest neighbours have no exact contributions")
