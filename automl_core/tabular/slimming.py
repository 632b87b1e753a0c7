"""How many of a pipeline's fold models are kept: a model that is small, and quick to score, at next to no cost.

The second model of a bag takes away half of what chance adds, the tenth a hundredth. So where the folds' models
together are large, those of the pipelines that take most go first, down to one a pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

BYTES = 4_000_000
"""Of arrays in a model's folder; some 70 % of that on disk."""

ROWS = 20_000
"""Rows up to which that holds; of a larger table a model may be larger, by the root of its rows."""

MODELS = 24
"""Fold models of all pipelines together: each costs a row that is scored alone some 0.3 ms."""


def size_of(document: Any) -> int:
    """Bytes of a document's arrays."""
    if isinstance(document, np.ndarray):
        return int(document.nbytes)
    if isinstance(document, Mapping):
        return sum(map(size_of, document.values()))
    if isinstance(document, list | tuple):
        return sum(map(size_of, document))
    return 0


def kept(sizes: Sequence[Sequence[int]], rows: int, models: int = MODELS) -> list[int]:
    """How many of each pipeline's models are kept, the first ones, at least one.

    Args:
        sizes: bytes of each pipeline's models.
        rows: of the table.
        models: of all pipelines together.
    """
    limit = BYTES * max(1.0, rows / ROWS) ** 0.5
    counts = [len(each) for each in sizes]

    def taken(place: int) -> int:
        return sum(sizes[place][: counts[place]])

    while sum(counts) > models or sum(map(taken, range(len(counts)))) > limit:
        droppable = [place for place, count in enumerate(counts) if count > 1]
        if not droppable:
            break
        large = sum(map(taken, range(len(counts)))) > limit
        place = max(droppable, key=lambda each: (taken(each) if large else counts[each], counts[each], each))
        counts[place] -= 1
    return counts
