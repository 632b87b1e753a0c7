"""Columns that hold one value, or one in almost every row."""

from __future__ import annotations

from collections.abc import Iterator

from automl_core.tabular.guardrails.finding import Finding, listed
from automl_core.tabular.guardrails.look import Look
from automl_core.tabular.guardrails.view import ColumnView

ALMOST = 0.998
"""The share of one value from which on a column is almost constant."""


def check(look: Look) -> Iterator[Finding]:
    """Constant and almost constant columns, together in one finding each."""
    rows = look.table.count
    if rows < 2:
        return
    features = look.features
    empty = [one.name for one in features if one.distinct == 0]
    constant = [one.name for one in features if one.distinct == 1 and one.there.all()]
    almost = [one.name for one in features if one.name not in constant and rows >= 100 and _is_almost(one, rows)]
    for names, told in ((empty, "no value at all"), (constant, "the same value in every row")):
        if names:
            yield Finding(
                "constant", "certain", tuple(names), f"{told}: {listed(names)}", f"not learned from: {listed(names)}",
                "see whether they were meant to vary (a filter, a failed "
                "join)", {"columns": len(names)}, tuple(names),
            )  # fmt: skip
    if almost:
        yield Finding(
            "constant", "doubtful", tuple(almost), f"the same value in almost every row: {listed(almost)}",
            "nothing: rare values may tell much", "if the few other values are mistakes, take the columns "
            "out", {"columns": len(almost)},
        )  # fmt: skip


def _is_almost(column: ColumnView, rows: int) -> bool:
    if not column.distinct:
        return False
    most = max(int(column.counts.max()), rows - int(column.there.sum()))
    return most >= ALMOST * rows or (most >= 0.99 * rows and rows - most <= 4)
