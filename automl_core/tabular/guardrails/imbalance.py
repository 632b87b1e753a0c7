"""Classes that are rare, and classes of too few rows to learn and to judge by."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from automl_core.tabular.guardrails.finding import Finding, listed
from automl_core.tabular.guardrails.look import Look

RARE = 0.12
"""The rarest class's rows, as a share of the most frequent one's, from which down classes are out of balance."""

FEW = 10


def check(look: Look) -> Iterator[Finding]:
    """Imbalance, and classes with too few rows."""
    table = look.table
    if not table.classes:
        return
    weights = np.ones(table.count) if table.weights is None else table.weights
    counts = np.bincount(table.target.astype(np.int64), minlength=table.classes) * (table.rows / table.count)
    weighed = np.bincount(table.target.astype(np.int64), weights, table.classes)
    few = [name for name, count in zip(table.class_names, counts, strict=True) if count < FEW]
    if few:
        yield Finding(
            "few_rows", "doubtful", (), f"classes of fewer than {FEW} rows: {listed(few)}",
            "they are learned and judged with the others; not every fold has rows of them",
            "more rows of them, or one class for all that is "
            "rare", {"classes": len(few), "rows": float(counts.min())},
        )  # fmt: skip
    ratio = float(weighed.min() / weighed.max())
    if ratio < RARE:
        rare, common = int(weighed.argmin()), int(weighed.argmax())
        yield Finding(
            "imbalance", "certain", (),
            f"classes are out of balance: {table.class_names[rare]} has {counts[rare]:,.0f} rows, "
            f"{table.class_names[common]} {counts[common]:,.0f}",
            "each fold has its share of every class; the share of rows that are right (accuracy) says little here",
            "choose a metric that asks for rare classes (average_precision_score_weighted, norm_macro_recall), "
            "or costs for the threshold",
            {"ratio": round(ratio, 4), "rarest": float(counts.min())},
        )  # fmt: skip
