"""Weights of rows: rows that do not count, and few rows that count for all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from automl_core.tabular.guardrails.finding import Finding


def check(weights: NDArray[np.float64] | None) -> Iterator[Finding]:
    """What weights do to a table.

    Args:
        weights: (n,) of all rows; None where there are none.
    """
    if weights is None or not len(weights):
        return
    zero = int((weights == 0).sum())
    if zero:
        yield Finding(
            "weights", "certain", (), f"{zero:,} of {len(weights):,} rows have the weight 0",
            "nothing is learned from them, and they count in no measure; they are predicted like all others",
            "leave the rows out if they are not to be predicted", {"rows": zero},
        )  # fmt: skip
    known = np.sort(weights[weights > 0])[::-1]
    if len(known) < 50:
        return
    # how many rows of equal weight tell as much (Kish 1965)
    effective = float(known.sum() ** 2 / (known**2).sum())
    if effective < 0.1 * len(known):
        top = float(known[: max(len(known) // 100, 1)].sum() / known.sum())
        yield Finding(
            "weights", "doubtful", (),
            f"few rows count for most: {len(known):,} rows tell as much as {effective:,.0f} of equal weight; "
            f"one percent of them holds {top:.0%} of the weight",
            "nothing: the weights are used as they are", "see whether the largest weights are meant; scores of "
            "such a table are uncertain",
            {"effective_rows": round(effective, 1), "top_percent": round(top, 4)},
        )  # fmt: skip
