"""Columns that name rows: numbers and texts that are new in each row and tell nothing of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from automl_core.tabular.guardrails import equal_rows
from automl_core.tabular.guardrails.finding import Finding
from automl_core.tabular.guardrails.look import Look
from automl_core.tabular.guardrails.view import ColumnView, View
from automl_core.tabular.guardrails.written import form
from automl_core.tabular.structure import names
from automl_core.tabular.structure.evidence import correlation

_NAMED = re.compile(
    r"^(row)?(id|uuid|guid|key|index|rownames?|row|no|nr|number|seqno|serial|record|case|obs|obsno|hash)$"
)
_FIRST = re.compile(r"column_1|unnamed: ?\d+|\.\.\.1", re.IGNORECASE)
"""What readers call a column without a name: what R and pandas write before the columns is the number of the row."""
_UNNAMED = re.compile(r"column_\d+|unnamed: ?\d+|\.\.\.\d+", re.IGNORECASE)
"""What they call any column of a table without a header, whose first is a column as any other."""
COPIED = 0.5
"""Share of different values from which on a column may name rows, where rows of one value are copies."""

_CODE = re.compile(r"[0-9a-f-]{8,}|[A-Za-z]{0,6}[-_ #]?\d+[A-Za-z]?", re.ASCII)


def check(look: Look) -> Iterator[Finding]:
    """Identifiers."""
    table = look.table
    for column in look.features:
        there = int(column.there.sum())
        if (
            there < 30
            or column.kind == "time"
            or not _names_rows(table, column, there)
            or form(column) is not None
            or column.name in look.structure.time_columns
        ):
            continue
        why = _why(table, column)
        if why is None:
            continue
        reason, sure = why
        yield Finding(
            "identifier", "certain" if sure else "doubtful", (column.name,),
            f"{column.name} names rows: {column.distinct:,} different values in {there:,} rows, {reason}"
            + ("; rows of the same value are copies" if column.distinct < 0.98 * there else ""),
            f"{column.name} is not learned from" if sure else "nothing: it may be a quantity",
            "if it carries meaning (a date, a place), make a column of "
            "that" if sure else f"if {column.name} names rows, take it out of the table",
            {"distinct": column.distinct, "rows": there}, (column.name,) if sure else (),
        )  # fmt: skip


def _names_rows(table: View, column: ColumnView, there: int) -> bool:
    """Whether it is another one in each row, but for rows that are whole copies of each other."""
    if column.distinct >= 0.98 * there:
        return True
    if column.distinct < COPIED * there or len(table.columns) < 4:
        return False
    features = equal_rows.rows_as_hashes(table)[column.there]
    return column.distinct >= 0.98 * len(np.unique(features))


def _why(table: View, column: ColumnView) -> tuple[str, bool] | None:
    words = names.words(column.name)
    named = bool(_NAMED.match("".join(words))) or bool(
        words and words[-1] in ("id", "uuid", "key", "guid", "nr", "index")
    )
    named = named or names.surely_of_a_person(column.name)
    if not column.numeric:
        texts = [column.text(code) for code in range(min(column.distinct, 200))]
        wordy = float(np.mean([text.count(" ") >= 2 for text in texts]))
        if wordy > 0.3 or (column.kind == "text" and not named and wordy > 0.05):
            return None
        codes = float(np.mean([bool(_CODE.fullmatch(text)) for text in texts]))
        return ("codes without words" if codes > 0.9 else "none of which comes again"), True
    if not column.whole:
        return None
    numbers = column.numbers[column.there]
    span = float(numbers.max() - numbers.min())
    tells = max(abs(correlation(numbers, table.outcomes[column.there, k])) for k in range(table.outcomes.shape[1]))
    silent = tells * np.sqrt(len(numbers)) < 4
    if span + 1 <= 1.6 * len(numbers):
        # in a file that is sorted they say much of the target, and nothing of rows to come
        named = named or bool(
            _FIRST.fullmatch(column.name) and _others_named(table, column) and (np.diff(numbers) > 0).all()
        )
        return ("numbered one after the other", True) if silent or named else ("numbered one after the other", False)
    if named:
        return "and its name says so", True
    if silent and len(numbers) >= 100 and span > 50 * len(numbers) and _even(numbers):
        return "spread evenly over a long range, and without any relation to the target", False
    return None


def _others_named(table: View, column: ColumnView) -> bool:
    """Whether the table has a header, which leaves this column without a name: its other columns have some."""
    others = [each.name for each in table.columns if each.name != column.name] or [table.target_name]
    return not all(_UNNAMED.fullmatch(name) for name in others)


def _even(numbers: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bool:
    """Whether numbers are spread evenly over their range (Kolmogorov-Smirnov at about 1 %)."""
    place = np.sort((numbers - numbers.min()) / (numbers.max() - numbers.min()))
    return bool(np.abs(place - np.linspace(0, 1, len(place))).max() < 1.63 / np.sqrt(len(place)))
