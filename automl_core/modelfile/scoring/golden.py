"""Golden rows: rows of training with what the model said of them when it was written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .scorer import Scorer

FILE = "golden.json"

TOLERANCE = 1e-9
"""What outputs may differ by: relative to their size, and absolute below 1."""


class Differs(ValueError):
    """A model that does not say of its golden rows what it said when it was written."""


def largest(one: Any, other: Any) -> float:
    """The largest difference of outputs, relative to their size where that is above 1; infinite where shapes differ."""
    a, b = np.asarray(one, dtype=np.float64), np.asarray(other, dtype=np.float64)
    if a.shape != b.shape or (np.isnan(a) != np.isnan(b)).any():
        return float("inf")
    if not a.size:
        return 0.0
    with np.errstate(invalid="ignore"):
        found = np.where(a == b, 0.0, np.abs(a - b) / np.maximum(1.0, np.abs(b)))
    return float(np.nan_to_num(found, nan=0.0).max())


def check(scorer: Scorer, folder: Path) -> str:
    """Score a folder's golden rows, together and each alone.

    Returns:
        What was compared, in words.

    Raises:
        Differs: they are not what they were.
    """
    golden = json.loads((folder / FILE).read_text(encoding="utf-8"))
    rows, expected = golden["rows"], golden["outputs"]
    together = scorer.outputs(rows)
    alone = np.concatenate([scorer.outputs([row]) for row in rows]) if rows else together
    for how, outputs in (("together", together), ("one by one", alone)):
        difference = largest(outputs, expected)
        if not difference <= TOLERANCE:
            raise Differs(f"the golden rows, scored {how}, differ by {difference:.3g} from what the model said of them")
    labels = [str(label) if scorer.classes else float(label) for label in scorer.predict(rows)]
    if scorer.classes and labels != golden["predictions"]:
        raise Differs("the golden rows get other classes than they got")
    return f"{len(rows)} golden rows, together and one by one: largest difference {largest(together, expected):.3g}"
