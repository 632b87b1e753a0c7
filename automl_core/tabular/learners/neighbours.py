"""k nearest neighbours: what the most similar rows have.

Points and distances are the scorer's own (`modelfile.scoring.models.neighbours`): of two points that are equally far
libraries take either, and a model must not depend on how many rows are asked at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from automl_core.modelfile.scoring.matrix import Matrix
from automl_core.modelfile.scoring.models.neighbours import Neighbours as Scorer
from automl_core.tabular.learners.base import CannotFit, Document, Fitted, Floats, Held, Learner, Wants, plain_weights
from automl_core.tabular.problem import Problem
from automl_core.tabular.shape import Shape

NUMBERS = 300_000
"""Numbers that all points have together, at most: each prediction looks at all of them."""
LEAST = 1000
"""Points in any case, where there are so many rows."""


class FittedNeighbours(Fitted):
    """The points themselves."""

    def __init__(self, document: Document, problem: Problem) -> None:
        self.document, self.problem, self._scorer = document, problem, Scorer(document)

    def predict(self, matrix: Matrix) -> Floats:
        """By the scorer."""
        found = self._scorer.margin(matrix)
        return found[:, 0] if self.problem.kind == "regression" else found

    def export(self) -> Document:
        """The points."""
        return {"model": self.document, "link": "identity"}


class Neighbours(Learner):
    """Of a table with many rows, a part of them."""

    name = "neighbours"
    title = "k nearest neighbours"
    wants = Wants(categories="onehot", gaps=False, scaled=True)
    default: ClassVar[Mapping[str, Any]] = {"k": 15, "metric": "euclidean", "weights": "distance"}

    def space(self, shape: Shape) -> dict[str, dict[str, Any]]:
        """How many, how far."""
        most = int(max(5, min(100, shape.rows // 4)))
        return {
            "k": {"type": "logint", "low": 1, "high": most, "default": min(15, most)},
            "metric": {"type": "choice", "values": ["euclidean", "manhattan"], "default": "euclidean"},
            "weights": {"type": "choice", "values": ["distance", "uniform"], "default": "distance"},
        }

    def memory(self, rows: int, columns: int, params: Mapping[str, Any]) -> int:
        """The points, and differences of a chunk."""
        return min(rows * columns, max(NUMBERS, LEAST * columns)) * 8 * 2 + 100_000_000

    def fit(
        self,
        matrix: Matrix,
        y: NDArray[Any],
        weights: Floats,
        *,
        problem: Problem,
        params: Mapping[str, Any],
        valid: Held | None = None,
        seed: int = 0,
        threads: int = 1,
        deadline: float | None = None,
    ) -> FittedNeighbours:
        """Choose points; weights are how often a row is one."""
        if not matrix.names:
            raise CannotFit("no column varies: all rows are equally near")
        settled, rng = self.settled(params), np.random.default_rng([seed, 3])
        most = max(LEAST, NUMBERS // len(matrix.names))
        chosen = _chosen(len(matrix), plain_weights(weights), most, rng)
        targets = np.asarray(y[chosen], dtype=np.float64)[:, None] if problem.kind == "regression" else y[chosen]
        document = {
            "type": "neighbours",
            "points": np.ascontiguousarray(matrix.values[chosen]),
            "targets": targets,
            "outputs": problem.outputs,
            "k": max(1, min(int(settled["k"]), len(chosen))),
            "metric": settled["metric"],
            "weights": settled["weights"],
        }
        return FittedNeighbours(document, problem)


def _chosen(n: int, weights: Floats | None, most: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Rows that become points, in order: each as often as its share of the weight says, on average."""
    if weights is None:
        return np.arange(n) if n <= most else np.sort(rng.choice(n, most, replace=False))
    size = min(n, most)
    # one draw decides all (systematic sampling): each row is taken its expected times, rounded up or down
    ends = np.cumsum(weights) / weights.sum() * size
    return np.minimum(np.searchsorted(ends, np.arange(size) + rng.random(), side="right"), n - 1)
