"""Numbers beside what is usual in their row's group (TabPrep's group-by features)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from automl_core.tabular.features.base import Rows, Transformer
from automl_core.tabular.features.levels import count
from automl_core.tabular.features.relevance import relevance, sample

CATEGORIES, NUMBERS = 4, 6
"""How many of each are combined."""
LEAST = 3
"""Rows from which on a group has a mean of its own; smaller ones have that of all."""


class Group(Transformer):
    """Appends the group's mean and the distance to it for the pairs that say most."""

    def __init__(self, categories: Sequence[str], numbers: Sequence[str], most: int = 6) -> None:
        self.categories, self.numbers, self.most = categories, numbers, most

    def fit(self, rows: Rows) -> dict[str, Any] | None:
        """Choose pairs; learn the means."""
        some = sample(len(rows.weights), rows.rng("group"))
        targets, weights = rows.targets[some], rows.weights[some]
        numbers = {name: rows.work.numbers(name) for name in self.numbers}
        alone = {name: relevance(values[some], targets, weights) for name, values in numbers.items()}
        best = sorted(numbers, key=lambda name: (-alone[name], name))[:NUMBERS]
        counted = {name: count(rows.work.columns[name], rows.weights) for name in self.categories}
        fit = [name for name, found in counted.items() if 1 < len(found.levels) <= len(rows.weights) / 4]
        found = []
        for category in sorted(fit, key=lambda name: (len(counted[name].levels), name))[-CATEGORIES:]:
            for number in best:
                means = _means(counted[category].codes, len(counted[category].levels), numbers[number], rows.weights)
                distance = numbers[number] - means[counted[category].codes]
                gain = relevance(distance[some], targets, weights) - alone[number]
                if gain > 0:
                    found.append((-gain, category, number, means))
        found.sort(key=lambda each: each[:3])
        found = found[: self.most]
        if not found:
            return None
        return {
            "step": "group",
            "pairs": [[category, number] for _, category, number, _ in found],
            "levels": [list(counted[category].levels) for _, category, _, _ in found],
            "means": [means for _, _, _, means in found],
        }


def _means(codes: Any, size: int, values: Any, weights: Any) -> Any:
    """(levels + 2,) means of levels, of unseen ones and of missing ones."""
    known = ~np.isnan(values)
    overall = float(np.average(values[known], weights=weights[known])) if known.any() else 0.0
    cells = np.where(codes < 0, size, codes)[known]
    count, weight = np.bincount(cells, minlength=size + 1), np.bincount(cells, weights[known], size + 1)
    sums = np.bincount(cells, weights[known] * values[known], size + 1)
    means = np.where(count >= LEAST, sums / np.where(weight > 0, weight, 1.0), overall)
    return np.array([*means[:-1], overall, means[-1]])
