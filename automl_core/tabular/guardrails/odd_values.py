"""Numbers that mean "missing", single values far from all others, and columns that mix numbers and texts."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from automl_core.tabular.forms import is_number
from automl_core.tabular.guardrails.finding import Finding, listed
from automl_core.tabular.guardrails.look import Look
from automl_core.tabular.guardrails.view import ColumnView
from automl_core.tabular.guardrails.written import form

_MARKS = re.compile(r"-?9{2,}(\.0)?|-1|-9|-?9{1,}\.9{1,}|-?8{2,}|-?1e\+?\d+|-32768|32767|2147483647|-2147483648")
_GAPS = frozenset(["", "-", "--", "?", "na", "n/a", "n.a.", "nan", "null", "missing", "tbd", "#n/a", "."])


def check(look: Look) -> Iterator[Finding]:
    """Marks of missing values, outliers, mixed columns."""
    yield from _target(look)
    far = []
    for column in look.features:
        if column.kind == "number":
            mark = _mark(column)
            if mark is not None:
                value, rows = mark
                yield Finding(
                    "sentinel", "doubtful", (column.name,),
                    f"{value:g} in {column.name} seems to mean that a value is missing: {rows:,} rows have it, "
                    "far from all others",
                    "nothing: it is learned as the number that it "
                    "is", f"leave the cells empty where {column.name} is {value:g}",
                    {"value": value, "rows": rows},
                )  # fmt: skip
            else:
                rows = _far(column)
                if rows:
                    far.append((rows, column.name))
        elif column.levels:
            yield from _mixed(column)
    if far:
        yield Finding(
            "outliers", "doubtful", tuple(name for _, name in far),
            f"single values far from all others: {listed([f'{name} ({rows} rows)' for rows, name in far])}",
            "nothing: trees are hardly moved by them; for other learners the search also tries scalers that are not",
            "see whether they are mistakes (a unit, a "
            "comma)", {"columns": len(far), "rows": max(rows for rows, _ in far)},
        )  # fmt: skip


def _target(look: Look) -> Iterator[Finding]:
    """Numbers to predict that are far from all others: a squared error is about them and about little else."""
    table = look.table
    if table.classes:
        return
    values = np.asarray(table.target, dtype=np.float64)
    different, counts = np.unique(values, return_counts=True)
    rows = _standing_alone(values, len(different), int(counts.max()))
    squares = np.sort((values - np.median(values)) ** 2)
    share = float(squares[len(squares) - rows :].sum() / max(float(squares.sum()), 1e-300))
    if rows and share > 0.5:
        low, high = np.quantile(values, [0.01, 0.99])
        yield Finding(
            "outliers", "doubtful", (),
            f"{rows:,} values of {table.target_name} are far from all others, and {share:.0%} of all squared distance "
            f"is theirs: 98% lie between {low:.4g} and {high:.4g}, the extremes are {different[0]:.4g} and "
            f"{different[-1]:.4g}",
            "nothing: they are learned and judged with the others",
            "see whether they are mistakes (a unit, a comma); if they are not, a metric that they do not decide "
            "(mae, spearman_correlation) may choose the better model",
            {"rows": rows, "share": round(share, 3), "lowest": float(different[0]), "highest": float(different[-1])},
        )  # fmt: skip


def _mark(column: ColumnView) -> tuple[float, int] | None:
    """An outermost value that is written as people mark gaps, comes often, and is apart from the others."""
    if column.distinct < 6:
        return None
    values, counts = column.values, column.counts
    for place in (0, len(values) - 1):
        value, rows = float(values[place]), int(counts[place])
        rest = np.delete(values, place)
        weight = np.delete(counts, place)
        if (
            rows < 3
            or rows < 0.002 * counts.sum()
            or (not _MARKS.fullmatch(f"{value:g}") and not _MARKS.fullmatch(repr(value)))
        ):
            continue
        order = np.cumsum(weight) / weight.sum()
        low, high = rest[np.searchsorted(order, 0.05)], rest[min(int(np.searchsorted(order, 0.95)), len(rest) - 1)]
        spread = max(float(high - low), 1e-300)
        gap = float(rest[0] - value) if place == 0 else float(value - rest[-1])
        usual = float(np.median(weight))
        ordinary = -10 < value < 10
        if gap > 0.5 * spread or (ordinary and value < 0 <= rest[0] and rows > 3 * usual and gap > 0):
            if ordinary and (rest[0] < 0 or rows <= 3 * usual or column.distinct < 12):
                continue
            return value, rows
    return None


def _far(column: ColumnView) -> int:
    return _standing_alone(column.numbers[column.there], column.distinct, int(column.counts.max(initial=0)))


def _standing_alone(numbers: NDArray[np.float64], distinct: int, most: int) -> int:
    """Rows whose values are far out: beyond three times the span that all but the last percent on either side have.

    Args:
        numbers: (n,) without gaps.
        distinct: how many of them differ.
        most: rows of the most frequent value.
    """
    if len(numbers) < 50 or distinct < 15:
        return 0
    shape = numbers
    if numbers.min() >= 0 and numbers.mean() > 1.2 * np.median(numbers):
        shape = np.log1p(numbers / max(float(np.median(numbers)), 1e-300))  # a long tail is no mistake
    low, middle, high = np.quantile(shape, [0.01, 0.5, 0.99])
    span = max(float(high - low), 1e-300)
    if most > 0.5 * len(numbers):
        return 0
    outside = (shape > middle + 3 * span) | (shape < middle - 3 * span)
    if not outside.any() or outside.mean() > 0.01:
        return 0
    inside = shape[~outside]
    # a long tail thins out; a mistake stands alone
    nearest = min(
        float((shape[shape > inside.max()] - inside.max()).min(initial=np.inf)),
        float((inside.min() - shape[shape < inside.min()]).min(initial=np.inf)),
    )
    return int(outside.sum()) if nearest > 1.5 * span else 0


def _mixed(column: ColumnView) -> Iterator[Finding]:
    texts = [column.text(code) for code in range(column.distinct)]
    total = int(column.counts.sum())
    if not total:
        return
    numeric = np.array([is_number(text) for text in texts])
    gaps = np.array([text.strip().lower() in _GAPS for text in texts])
    share = float(column.counts[numeric].sum()) / total
    if 0.5 <= share < 1 and numeric.sum() >= 5 and form(column) is None:
        others = [text for text, is_number in zip(texts, numeric, strict=True) if not is_number]
        yield Finding(
            "mixed", "doubtful", (column.name,),
            f"{column.name} is numbers in {share:.0%} of its rows and texts in the others: "
            f"{listed([repr(text) for text in others])}",
            "it is learned as a category: the order of its numbers is "
            "lost", "leave cells without a number empty, and write all numbers alike",
            {"share": round(share, 4), "others": float(len(others))},
        )  # fmt: skip
    elif gaps.any():
        marks = [repr(text) for text, gap in zip(texts, gaps, strict=True) if gap]
        yield Finding(
            "mixed", "doubtful", (column.name,), f"{column.name} has texts that seem to mean missing: "
            f"{listed(marks)}",
            "they are a value of their own", "leave the cells empty, so that rows without a value are treated "
            "alike everywhere",
            {"rows": float(column.counts[gaps].sum())},
        )  # fmt: skip
    if column.kind == "category" and column.distinct <= 2000:
        plain: dict[str, list[str]] = {}
        for text in texts:
            plain.setdefault(" ".join(text.lower().split()), []).append(text)
        several = [each for each in plain.values() if len(each) > 1]
        if several:
            yield Finding(
                "spelling", "doubtful", (column.name,),
                f"{column.name} has values that differ by case or blanks alone: "
                f"{listed([' / '.join(repr(t) for t in each) for each in several], 3)}",
                "nothing: each spelling is a value of its own", "write them alike", {"values": len(several)},
            )  # fmt: skip
