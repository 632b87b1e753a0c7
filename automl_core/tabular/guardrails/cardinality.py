"""Categories of so many values that most are seen a few times only."""

from __future__ import annotations

from collections.abc import Iterator

from automl_core.tabular.guardrails import written
from automl_core.tabular.guardrails.finding import Finding
from automl_core.tabular.guardrails.look import Look

MANY = 50


def check(look: Look) -> Iterator[Finding]:
    """High-cardinality categories."""
    for column in look.features:
        if column.kind != "category" or column.name == look.structure.group or column.name in look.dropped:
            continue
        there = int(column.there.sum())
        if not there or column.distinct >= 0.98 * there or written.form(column) is not None:
            continue
        single = int((column.counts == 1).sum())
        if column.distinct >= MANY or (column.distinct >= 30 and there / column.distinct < 10):
            yield Finding(
                "cardinality", "doubtful", (column.name,),
                f"{column.name} has {column.distinct:,} different values in {there:,} rows; {single:,} of them "
                "occur once",
                "its values become statistics of the target, each row's made without itself; rare values share one",
                "group the values by what they mean (a place by its region, a product by its kind), if that is known",
                {"distinct": column.distinct, "once": single, "rows": there},
            )  # fmt: skip
