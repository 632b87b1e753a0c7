"""The page of a search on series: what it is made of; how it is laid out is `tabular.report.page`'s."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from automl_core.forecasting.report.sections import SECTIONS, interval, untouched
from automl_core.tabular.report import page as laid_out
from automl_core.tabular.report.figures import count, finite, number, seconds, share
from automl_core.tabular.report.markup import Markup

Report = Mapping[str, Any]

MAPPINGS = frozenset({"problem", "data", "validation", "test", "times", "made", "search"})
LISTS = frozenset({"guardrails", "leaderboard", "ensemble", "coverage", "steps", "by_origin", "series", "plots"})
"""Parts of report.json by what they are; those of a list are mappings."""


def render(report: Report, *, title: str = "") -> str:
    """The report as one HTML file.

    Args:
        report: what report.json holds.
        title: of the page; made of the target's name where it is empty.
    """
    return laid_out.render(report, title=title, page=PAGE)


def write(folder: Path, *, title: str = "") -> Path:
    """Draw ``report.json`` of a folder into ``report.html`` beside it; returns the file."""
    return laid_out.write(folder, title=title, page=PAGE)


def _title(report: Report) -> str:
    return f"Forecasting {(report.get('problem') or {}).get('target', 'the target')}"


def _sentence(report: Report) -> str:
    problem, data = report.get("problem") or {}, report.get("data") or {}
    seasons = [number(each) for each in problem.get("seasons") or [] if finite(each) not in (None, 1.0)]
    seasonal = f", seasons of {_and(seasons)} steps" if seasons else ""
    return (
        f"{count(problem.get('horizon'), 'step')} of {problem.get('target', 'the target')} ahead, "
        f"{problem.get('frequency', '')}{seasonal}; learned from "
        f"{count(data.get('values'), 'value')} of {count(data.get('series'), 'series', 'series')}, judged by "
        f"{problem.get('metric', '')}"
    )


def _and(texts: list[str]) -> str:
    return " and ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else texts[0]


def _tiles(report: Report) -> Markup:
    metric = str((report.get("problem") or {}).get("metric", ""))
    value = ((report.get("test") or {}).get("metrics") or {}).get(metric)
    board = [each for each in report.get("leaderboard") or [] if finite(each.get("value")) is not None]
    tiles: list[tuple[str, str, str]] = []
    if isinstance(value, Mapping):
        span = interval(value)
        where = "the last steps, unseen" if untouched(report) else "the origins"
        tiles.append((f"{metric} on {where}", number(value.get("value")), "" if span == "–" else span))
    if board:
        tiles.append(("Best learner", number(board[0].get("value")), str(board[0].get("learner", ""))))
        learners = len({each.get("learner") for each in board})
        tiles.append(("Tried", count(len(board), "trial"), f"of {count(learners, 'learner')}"))
    covered = [each for each in report.get("coverage") or [] if isinstance(each, Mapping)]
    if covered:
        each = covered[-1]
        held = each.get("test") if finite(each.get("test")) is not None else each.get("origins")
        tiles.append((f"Within the {share(each.get('level'))} interval", share(held), ""))
    found = len(report.get("guardrails") or [])
    certain = sum(1 for each in report.get("guardrails") or [] if each.get("certainty") == "certain")
    small = f"{certain} certain" if found else "nothing to mend"
    tiles.append(("Found in the data", count(found, "finding"), small))
    total = (report.get("times") or {}).get("total")
    if finite(total) is not None:
        tiles.append(("Took", seconds(total), ""))
    return laid_out.laid(tiles)


PAGE = laid_out.Page(_title, _sentence, _tiles, SECTIONS, MAPPINGS, LISTS)
