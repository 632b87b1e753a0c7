"""Pairs of categories as categories: what two levels mean together (TabPrep's categorical interactions)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np

from automl_core.modelfile.scoring.features.cross import crossed, name_of
from automl_core.tabular.features.base import Rows, Transformer
from automl_core.tabular.features.relevance import sample

CANDIDATES = 8
GAIN = 0.01


class Cross(Transformer):
    """Adds columns to the table, for `Target` and `Frequency` to encode: see `names` once it is fitted."""

    def __init__(self, columns: Sequence[str], most: int = 4) -> None:
        self.columns, self.most = columns, most
        self.names: list[str] = []

    def fit(self, rows: Rows) -> dict[str, Any] | None:
        """Choose the pairs whose cells explain more than either alone."""
        some = sample(len(rows.weights), rows.rng("cross"), 4000)
        targets, weights = rows.targets[some], rows.weights[some]
        coded = {name: rows.work.columns[name].take(some) for name in self.columns}
        alone = {name: _explained(column, targets, weights) for name, column in coded.items()}
        chosen = sorted(sorted(self.columns, key=lambda name: (-alone[name], name))[:CANDIDATES])
        found = []
        for first, second in combinations(chosen, 2):
            together = _explained(crossed(coded[first], coded[second]), targets, weights)
            gain = together - max(alone[first], alone[second])
            if gain > GAIN:
                found.append((-gain, first, second))
        pairs = [[first, second] for _, first, second in sorted(found)[: self.most]]
        self.names = [name_of(first, second) for first, second in pairs]
        return {"step": "cross", "pairs": pairs} if pairs else None


def _explained(coded: Any, targets: Any, weights: Any) -> float:
    """As `relevance`, of levels."""
    cells = np.where(coded.codes < 0, len(coded.levels), coded.codes)
    size = len(coded.levels) + 1
    weight = np.bincount(cells, weights, size)
    used, n = int((weight > 0).sum()), len(cells)
    if used < 2 or n <= used + 1:
        return 0.0
    within = total = 0.0
    for target in targets.T:
        means = np.divide(np.bincount(cells, weights * target, size), weight, out=np.zeros(size), where=weight > 0)
        within += float((weights * (target - means[cells]) ** 2).sum())
        total += float((weights * (target - np.average(target, weights=weights)) ** 2).sum())
    return max(0.0, 1 - (within / total) * (n - 1) / (n - used)) if total > 0 else 0.0
