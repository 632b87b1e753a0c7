"""The page: head, figures at a glance, a list of the sections, the sections."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automl_core.tabular.report.figures import count, finite, number, seconds
from automl_core.tabular.report.markup import Markup, el, join
from automl_core.tabular.report.sections import SECTIONS, Report, judged, untouched
from automl_core.tabular.report.style import STYLE

FILE = "report.html"

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Of the file itself: a browser loads and runs nothing, whatever is in it."""

_KINDS = {
    "binary": "Two classes", "multiclass": "Several classes", "regression": "Numbers",
}  # fmt: skip


@dataclass(frozen=True)
class Page:
    """What a report's page is made of.

    Attributes:
        title: of the page, made of the report where none is given.
        sentence: what was learned, from how much, judged by what.
        tiles: figures at a glance.
        sections: anchor, heading and what draws it, in their order.
        mappings: parts of the report that are mappings.
        lists: parts that are lists of mappings.
    """

    title: Callable[[Report], str]
    sentence: Callable[[Report], str]
    tiles: Callable[[Report], Markup]
    sections: Sequence[tuple[str, str, Callable[[Report], Markup | None]]]
    mappings: frozenset[str]
    lists: frozenset[str]


def render(report: Report, *, title: str = "", page: Page | None = None) -> str:
    """The report as one HTML file.

    A part that can't be drawn, since it is of another shape than this release knows, says so in its place: the model
    and the other parts are none the worse for it.

    Args:
        report: what report.json holds.
        title: of the page; made of the target's name where it is empty.
        page: what it is made of; a table's where it is left out.
    """
    made = page or TABLE
    report, odd = _shaped(report, made)
    title = title or made.title(report)
    drawn = [(anchor, heading, _drawn(draw, report)) for anchor, heading, draw in made.sections]
    shown = [(anchor, heading, inside) for anchor, heading, inside in drawn if inside]
    head = el(
        "head", el("meta", charset="utf-8"), el("meta", name="viewport", content="width=device-width,initial-scale=1"),
        el("meta", http_equiv="Content-Security-Policy", content=_POLICY), el("title", title),
        el("style", Markup(STYLE)),
    )  # fmt: skip
    body = el(
        "body",
        el("header", el("h1", title), el("p", _drawn(made.sentence, report), class_="muted"),
           _drawn(made.tiles, report)),
        el("nav", el("ul", [el("li", el("a", heading, href=f"#{anchor}")) for anchor, heading, _ in shown]),
           aria_label="Sections"),
        el("main", [el("section", el("h2", heading), inside, id=anchor) for anchor, heading, inside in shown]),
        el("footer", el("p", _drawn(_made, report)), el("p", f"Not known here: {', '.join(odd)}.") if odd else None),
    )  # fmt: skip
    return "<!doctype html>\n" + el("html", head, body, lang="en") + "\n"


def write(folder: Path, *, title: str = "", page: Page | None = None) -> Path:
    """Draw ``report.json`` of a folder into ``report.html`` beside it; returns the file."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    file = folder / FILE
    file.write_text(render(report, title=title, page=page), encoding="utf-8")
    return file


MAPPINGS = frozenset(
    {"problem", "data", "validation", "test", "calibration", "confusion", "residuals", "times", "made", "search"}
)
LISTS = frozenset({"guardrails", "leaderboard", "ensemble", "importance"})
"""Parts of report.json by what they are; those of a list are mappings."""


def _shaped(report: Report, page: Page) -> tuple[dict[str, Any], list[str]]:
    """The parts that are of a known shape, without those that are null; and the names of the others."""
    shaped: dict[str, Any] = {}
    odd = []
    for key, value in report.items():
        if value is None:
            continue
        if (
            (key in page.lists and isinstance(value, list) and all(isinstance(each, Mapping) for each in value))
            or (key in page.mappings and isinstance(value, Mapping))
            or key not in page.lists | page.mappings
        ):
            shaped[key] = value
        else:
            odd.append(key)
    return shaped, odd


def _drawn(draw: Any, report: Report) -> Markup | str | None:
    try:
        found: Markup | str | None = draw(report)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        return el("p", f"This part could not be drawn ({type(error).__name__}: {error}); report.json has its figures.")
    return found


def _sentence(report: Report) -> str:
    problem, data = report.get("problem") or {}, report.get("data") or {}
    kind = _KINDS.get(str(problem.get("kind")), "A target")
    classes = problem.get("classes") or []
    what = f"{kind} of {problem.get('target', 'the target')}" + (f" ({len(classes)})" if len(classes) > 2 else "")
    rows, columns = data.get("rows"), data.get("columns")
    width = len(columns) if isinstance(columns, list | Mapping) else columns
    return (
        f"{what}, learned from {count(rows, 'row')} and {count(width, 'column')}, judged by {problem.get('metric', '')}"
    )


def _tiles(report: Report) -> Markup:
    problem, test = report.get("problem") or {}, (report.get("test") or {}).get("metrics") or {}
    metric = str(problem.get("metric", ""))
    board = judged(report)
    certain = sum(1 for each in report.get("guardrails") or [] if each.get("certainty") == "certain")
    tiles: list[tuple[str, str, str]] = []
    if isinstance(test.get(metric), Mapping):
        value = test[metric]
        low, high = finite(value.get("low")), finite(value.get("high"))
        span = f"{number(low)} to {number(high)}" if low is not None and high is not None else ""
        tiles.append(
            (f"{metric} on {'unseen rows' if untouched(report) else 'held-out rows'}", number(value.get("value")), span)
        )
    if board:
        tiles.append(("Best pipeline", number(board[0].get("value")), str(board[0].get("learner", ""))))
        learners = len({each.get("learner") for each in board})
        tiles.append(("Tried", count(len(board), "pipeline"), f"of {count(learners, 'learner')}"))
    found = len(report.get("guardrails") or [])
    tiles.append(("Found in the data", count(found, "finding"), f"{certain} certain" if found else "nothing to mend"))
    total = (report.get("times") or {}).get("total")
    if finite(total) is not None:
        tiles.append(("Took", seconds(total), ""))
    return laid(tiles)


def laid(tiles: Sequence[tuple[str, str, str]]) -> Markup:
    """Figures at a glance: what each is, its value, and something small below it or an empty text."""
    return el("dl", [
        el("div", el("dt", name), el("dd", value, el("small", small) if small else None), class_="tile")
        for name, value, small in tiles
    ], class_="tiles")  # fmt: skip


def _made(report: Report) -> Markup:
    made = report.get("made") or {}
    told = [
        f"{name} {made[name]}" for name in ("release", "template", "seed", "commit") if made.get(name)
    ]  # fmt: skip
    what = f" ({', '.join(told)})" if told else ""
    return join([f"Made by AutoML{what}. This file loads nothing and runs nothing."])


TABLE = Page(
    lambda report: f"Predicting {report.get('problem', {}).get('target', 'the target')}", _sentence, _tiles, SECTIONS,
    MAPPINGS, LISTS,
)  # fmt: skip
"""The page of a table's search."""
