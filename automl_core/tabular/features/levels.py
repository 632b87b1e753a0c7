"""Levels of a category counted with their rows' weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from automl_core.tabular.features.base import Floats


@dataclass(frozen=True)
class Counted:
    """What training has of a category, the most frequent level first.

    Attributes:
        levels: texts; ties in the order of the texts, so that the order of the rows decides nothing.
        counts: (levels,) rows.
        weights: (levels,) the sum of their weights.
        codes: (n,) the position of each row's level, -1 for missing.
        missing: rows without a value.
    """

    levels: tuple[str, ...]
    counts: NDArray[np.int64]
    weights: Floats
    codes: NDArray[np.int64]
    missing: int


def count(coded: Any, weights: Floats) -> Counted:
    """Count the levels of a column.

    Args:
        coded: `values.Coded`.
        weights: (n,) of its rows.
    """
    size = len(coded.levels)
    there = coded.codes >= 0
    counts = np.bincount(coded.codes[there], minlength=size)
    heavy = np.bincount(coded.codes[there], weights[there], minlength=size)
    used = [code for code in range(size) if counts[code]]
    used.sort(key=lambda code: (-heavy[code], coded.levels[code]))
    order = np.array(used, dtype=np.int64)
    places = np.full(size + 1, -1, dtype=np.int64)
    places[order] = np.arange(len(order))
    return Counted(
        tuple(coded.levels[code] for code in used),
        counts[order],
        np.asarray(heavy[order], dtype=np.float64),
        places[coded.codes],
        int((~there).sum()),
    )
