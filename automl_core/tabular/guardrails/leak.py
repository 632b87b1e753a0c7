"""Columns that give the target away: copies, transformed copies, and what is written down only after the outcome.

A column is suspected where it alone tells the target almost, and all others together do not come near. A copy without
any noise is no predictor but the target again, and is not learned from. The target's own past (a lag) is no leak.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from automl_core.tabular.guardrails.alone import alone_tells
from automl_core.tabular.guardrails.finding import Finding
from automl_core.tabular.guardrails.look import Look
from automl_core.tabular.guardrails.quick import held_out, ranks, skill
from automl_core.tabular.guardrails.view import ColumnView, View

ROWS = 3_000
ALONE = 0.75
"""The share of the target's variance that a suspect explains alone, at least."""

GAP = 0.35
"""What it leaves unexplained, at most, as a share of what all others leave."""


def check(look: Look) -> Iterator[Finding]:
    """Leaks, the certain ones first."""
    table = look.table
    features = [column for column in look.features if column.name not in look.dropped]
    if table.count < 50:
        return
    copies = [column for column in features if _is_copy(table, column) and not _is_lag(look, column)]
    if copies and table.classes and _others(table, features, copies) > 0.9:
        copies = []  # all columns tell these classes: one that does so alone is nothing to wonder at
    for column in copies:
        yield Finding(
            "leak", "certain", (column.name,),
            f"{column.name} is the target again: each of its values goes with one value of {table.target_name}, "
            "in order",
            f"{column.name} is not learned from",
            f"if {column.name} is known before {table.target_name} is, no model is needed; keep it by naming "
            "its kind under featurization",
            {"distinct": column.distinct}, (column.name,),
        )  # fmt: skip
    gone = {column.name for column in copies}
    gone.update(look.structure.time_columns)  # that the target goes with time is said by another finding
    suspects = _suspects(table, [column for column in features if column.name not in gone])
    for column, alone, others in suspects:
        if _is_lag(look, column):
            continue
        yield Finding(
            "leak", "doubtful", (column.name,),
            f"{column.name} alone explains {alone:.1%} of {table.target_name}; all other columns together "
            f"{max(others, 0):.1%}",
            "nothing: it may be a good predictor",
            f"see whether {column.name} is known before {table.target_name} is; if it is written down "
            "afterwards, take it out",
            {"alone": round(alone, 4), "others": round(others, 4)},
        )  # fmt: skip


def _is_copy(table: View, column: ColumnView) -> bool:
    """Whether target and column are functions of each other, for a number in order."""
    if not column.there.all() or column.distinct < 2:
        return False
    truth = np.unique(table.target, return_inverse=True)[1].reshape(-1)
    different = int(truth.max()) + 1
    if column.distinct != different:
        return False
    pairs = len(np.unique(truth * column.distinct + column.codes))
    if pairs != different:
        return False
    if table.classes:
        return True
    if different < 20 or not column.numeric:
        return False
    order = column.codes[np.unique(truth, return_index=True)[1]]
    steps = np.diff(order)
    return bool((steps > 0).all() or (steps < 0).all())


def _others(table: View, columns: list[ColumnView], without: list[ColumnView]) -> float:
    """What the other columns together explain of the first outcome."""
    rows = np.arange(table.count)
    if len(rows) > ROWS:
        rows = np.random.default_rng(2).choice(rows, ROWS, replace=False)
    names = {column.name for column in without}
    rest = [one for one in columns if one.name not in names and one.distinct > 1][:40]
    if not rest:
        return 0.0
    folds = np.random.default_rng(0).permutation(len(rows)) % 2
    target = table.outcomes[rows, 0]
    return skill(target, held_out(table.matrix(rest, rows), target, folds, rounds=30, depth=4, rate=0.3))


def _is_lag(look: Look, column: ColumnView) -> bool:
    """Whether a column is the target's past: nearer to the target of a row before than to its own row's."""
    moments = look.structure.moments
    if not column.numeric or look.table.classes > 2 or (moments is None and look.structure.kind != "time"):
        return False
    order = np.argsort(moments[look.table.taken], kind="stable") if moments is not None else np.arange(look.table.count)
    values, target = ranks(column.numbers)[order], ranks(look.table.target)[order]
    own = abs(float(np.corrcoef(values, target)[0, 1]))
    return any(abs(float(np.corrcoef(values[lag:], target[:-lag])[0, 1])) > own for lag in range(1, 8))


def _suspects(table: View, columns: list[ColumnView]) -> list[tuple[ColumnView, float, float]]:
    """Columns that alone explain almost everything, with what they and the others explain."""
    rows = np.arange(table.count)
    if len(rows) > ROWS:
        rows = np.random.default_rng(2).choice(rows, ROWS, replace=False)
    folds = np.random.default_rng(0).permutation(len(rows)) % 2
    found = []
    for column in columns:
        if column.distinct < 2 or (not column.numeric and column.distinct > 0.3 * len(rows)):
            continue
        # of several classes each has to be told: one that stands apart is nothing to wonder at
        alone, which = min(
            (alone_tells(column, table.outcomes[rows, k], rows, folds), k) for k in range(table.outcomes.shape[1])
        )
        if alone >= ALONE:
            found.append((column, alone, which))
    result = []
    for column, alone, which in sorted(found, key=lambda one: -one[1])[:5]:
        # two copies of one target must not excuse each other
        rest = [one for one in columns if one.name not in {other.name for other, _, _ in found} and one.distinct > 1][
            :40
        ]
        target = table.outcomes[rows, which]
        others = (
            skill(target, held_out(table.matrix(rest, rows), target, folds, rounds=30, depth=4, rate=0.3))
            if rest
            else 0.0
        )
        if 1 - alone <= GAP * (1 - others):
            result.append((column, alone, others))
    return result if len(result) <= 3 and 2 * len(result) < max(len(columns), 3) else []
