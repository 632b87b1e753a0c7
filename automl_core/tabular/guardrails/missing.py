"""Missing values, and missing values that tell the target."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from automl_core.tabular.guardrails.finding import Finding, listed
from automl_core.tabular.guardrails.look import Look
from automl_core.tabular.structure.evidence import correlation

SPOKEN_OF = 0.01
"""The share of missing values from which on a column is spoken of."""

ALMOST_ALL = 0.99


def check(look: Look) -> Iterator[Finding]:
    """Missing values, once for all columns; what they tell, column by column."""
    table = look.table
    gaps = {one.name: 1 - float(one.there.mean()) for one in look.features if one.distinct}
    known = {name: share for name, share in gaps.items() if share >= SPOKEN_OF}
    if known:
        worst = sorted(known, key=lambda name: -known[name])
        told = listed([f"{name} ({known[name]:.0%})" for name in worst])
        useless = tuple(name for name in worst if known[name] >= ALMOST_ALL)
        yield Finding(
            "missing", "certain", tuple(worst), f"values are missing in {len(worst)} of {len(table.columns)} "
            f"columns: {told}",
            "trees take a missing value as one of its own; other learners get the median or the most frequent "
            "value, and a column that says so"
            + (f"; almost empty and not learned from: {listed(useless)}" if useless else ""),
            "see whether missing means something (no such contract, not asked) and whether the rows to predict "
            "lack the same",
            {"columns": len(worst), "most": round(known[worst[0]], 4)}, useless,
        )  # fmt: skip
    telling = []
    limit = 4 + np.log10(max(len(gaps), 1))
    for column in look.features:
        share = gaps.get(column.name, 0.0)
        if not 0 < share < 1 or min(share, 1 - share) * table.count < 10:
            continue
        gone = (~column.there).astype(np.float64)
        tells = max(abs(correlation(gone, table.outcomes[:, k])) for k in range(table.outcomes.shape[1]))
        if tells * np.sqrt(table.count) > limit and tells > 0.1:
            telling.append((tells, column.name))
    if telling:
        telling.sort(reverse=True)
        columns = tuple(name for _, name in telling)
        yield Finding(
            "missing_tells", "doubtful", columns,
            f"whether a value is missing tells {table.target_name}: "
            f"{listed([f'{name} (correlation {tells:.2f})' for tells, name in telling])}",
            "that a value is missing is learned from",
            f"if the values are filled in after {table.target_name} is known, these columns are a leak: take "
            "them out",
            {"strongest": round(telling[0][0], 4), "columns": len(columns)},
        )  # fmt: skip
