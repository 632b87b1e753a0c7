"""Numbers and dates that are written as texts which are not read as such."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from automl_core.tabular.forms import Form, form_of
from automl_core.tabular.guardrails.finding import Finding, listed
from automl_core.tabular.guardrails.look import Look
from automl_core.tabular.guardrails.view import ColumnView


def form(column: ColumnView) -> Form | None:
    """What a column of texts is to people; None of others."""
    if column.texts:
        return "dates"
    if column.numeric or not column.levels:
        return None
    return form_of([column.text(code) for code in range(column.distinct)])


def check(look: Look) -> Iterator[Finding]:
    """Money, units, percent, separators; dates that are not ISO 8601."""
    for column in look.features:
        found = form(column)
        if found is None or column.name in look.dropped:
            continue
        texts = column.texts[:3] or [column.text(code) for code in range(min(column.distinct, 3))]
        lost, write = _SAID[found]
        yield Finding(
            "written", "doubtful", (column.name,),
            f"{column.name} is {found} in a form that is not read as such: {listed(map(repr, texts))}",
            f"it is learned as a {'category' if column.texts else column.kind}: {lost}",
            f"write {write}, here and in the rows to predict", {"distinct": column.distinct},
        )  # fmt: skip


_SAID: Mapping[Form, tuple[str, str]] = {
    "numbers": (
        "how large they are is lost", "plain numbers, with a point and without unit, sign or separator (1234.5)"
    ),
    "dates": (
        "which is earlier or later is lost", "them as ISO 8601 has them (2026-11-30, 2026-11-30T18:30:00)"
    ),
}  # fmt: skip
"""Form → what a model does not know of it, and what to write."""
