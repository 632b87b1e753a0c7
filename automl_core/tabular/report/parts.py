"""What sections are made of: tables of figures, findings, folded tables behind charts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from automl_core.tabular.report.markup import Child, Markup, el


def table(
    heads: Sequence[str], rows: Iterable[Sequence[Child]], *, caption: str, numbers: Iterable[int] = ()
) -> Markup:
    """A table with a caption for those who hear it.

    Args:
        heads: of the columns.
        rows: cells of each row; the first one names it.
        caption: what it shows.
        numbers: places of columns of numbers.
    """
    right = set(numbers)

    def kind(place: int) -> str | None:
        return "n" if place in right else None

    head = el("tr", [el("th", name, scope="col", class_=kind(place)) for place, name in enumerate(heads)])
    body = [
        el("tr", [
            el("th" if place == 0 else "td", cell, scope="row" if place == 0 else None, class_=kind(place))
            for place, cell in enumerate(row)
        ])
        for row in rows
    ]  # fmt: skip
    whole = el("table", el("caption", caption, class_="muted"), el("thead", head), el("tbody", body))
    return el("div", whole, class_="scroll", tabindex="0", role="region", aria_label=caption)


def folded(summary: str, *children: Child) -> Markup:
    """Something that is opened by whoever wants it."""
    return el("details", el("summary", summary), *children)


def finding(found: Mapping[str, Any]) -> Markup:
    """One finding of the guardrails: what was found, what was done, what to do; of columns, or of series."""
    certainty = "certain" if found.get("certainty") == "certain" else "doubtful"
    columns = found.get("columns") or found.get("series") or []
    said = [
        el("p", el("strong", heading), " ", text)
        for heading, text in (("Done:", found.get("done")), ("What to do:", found.get("advice")))
        if text
    ]
    named = [el("code", str(column)) for column in columns[:12]]
    return el(
        "div",
        el("p", el("span", certainty, class_=f"tag {certainty}"), " ",
           el("strong", str(found.get("kind", "finding")).replace("_", " ")),
           [[": " if place == 0 else ", ", name] for place, name in enumerate(named)],
           f" and {len(columns) - 12} more" if len(columns) > 12 else None),
        el("p", str(found.get("found", ""))), said, class_=f"finding {certainty}",
    )  # fmt: skip
