"""Sums, differences, products and ratios of two numbers, where together they say more than each alone.

TabPrep (Tschalzev et al. 2026, arXiv 2606.02384) shows that trees are blind to these; how they are chosen is our own:
among the columns that say most of the target, those whose combination explains more than the better of the two.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from automl_core.modelfile.scoring.features.arithmetic import OPERATIONS
from automl_core.tabular.features.base import Rows, Transformer
from automl_core.tabular.features.relevance import relevance, sample

CANDIDATES = 8
"""Columns that are combined with each other."""
GAIN = 0.02
"""The least that a combination must explain beyond the better of its two."""


class Arithmetic(Transformer):
    """Appends the best combinations."""

    def __init__(self, most: int = 12) -> None:
        self.most = most

    def fit(self, rows: Rows) -> dict[str, Any] | None:
        """Choose pairs, on some rows."""
        some = sample(len(rows.weights), rows.rng("arithmetic"))
        values, targets, weights = rows.matrix.values[some], rows.targets[some], rows.weights[some]
        numeric = [i for i in range(values.shape[1]) if not rows.matrix.categorical[i] and _continuous(values[:, i])]
        alone = {i: relevance(values[:, i], targets, weights) for i in numeric}
        chosen = sorted(sorted(numeric, key=lambda i: (-alone[i], i))[:CANDIDATES])
        found = []
        for first, second in combinations(chosen, 2):
            best = max(alone[first], alone[second])
            for sign, operation in OPERATIONS.items():
                orders = [(first, second), (second, first)] if sign == "÷" else [(first, second)]
                for one, other in orders:
                    together = relevance(operation(values[:, one], values[:, other]), targets, weights)
                    if together > best + GAIN:
                        found.append((-(together - best), sign, one, other))
        found.sort()
        pairs = [[sign, one, other] for _, sign, one, other in found[: self.most]]
        return {"step": "arithmetic", "pairs": pairs} if pairs else None


def _continuous(column: Any) -> bool:
    known = column[~np.isnan(column)]
    return len(np.unique(known[:200])) > 5
