"""Golden values as SQL of a table's own types, and what is said where SQL comes out otherwise."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.backends.maxcompute.client import Answer
from automl_core.batch.golden import Golden, cell, differences
from automl_core.modelfile.sql import Output


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (None, "decimal(10,2)", "CAST(NULL AS DECIMAL(10,2))"),
        ("", "string", "CAST(NULL AS STRING)"),
        (1, "bigint", "CAST(1L AS BIGINT)"),
        (-3.0, "int", "CAST((-3L) AS INT)"),
        (1.5, "bigint", None),
        (2**63, "bigint", None),
        ("007", "bigint", None),
        (True, "bigint", None),
        (0.1, "double", "CAST('0.1' AS DOUBLE)"),
        (0.1, "float", None),
        (1.25, "decimal(10,2)", "CAST('1.25' AS DECIMAL(10,2))"),
        (1.255, "decimal(10,2)", None),
        (123456789.0, "decimal(10,2)", None),
        (True, "boolean", "TRUE"),
        (1, "boolean", None),
        (1, "string", "'1'"),
        ("it's", "string", r"'it\047s'"),
        ("x", "varchar(5)", "CAST('x' AS VARCHAR(5))"),
        ("2026-11-01", "date", "CAST('2026-11-01' AS DATE)"),
        ("2026-11-01T10:00:00", "date", None),
        ("2026-11-01T12:00:00+02:00", "datetime", "CAST('2026-11-01 10:00:00' AS DATETIME)"),
        ("2026-11-01T10:00:00.5", "datetime", None),
        ("2026-11-01T10:00:00.500000", "timestamp", "CAST('2026-11-01 10:00:00.500000' AS TIMESTAMP)"),
        ("soon", "datetime", None),
        (20261101, "date", None),
    ],
)
def test_a_golden_value_as_sql(value: Any, kind: str, text: str | None) -> None:
    assert cell(value, kind) == text


GOLDEN = Golden("", {}, ((0.25, 0.75), (0.5, 0.5)), ("yes", "no"))
COLUMNS = (
    Output("automl_row", "kept", "keep"),
    Output("prediction", "string", "prediction"),
    Output("probability_no", "double", "probability", "no"),
    Output("probability_yes", "double", "probability", "yes"),
)
NAMES = tuple(each.name for each in COLUMNS)


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        (((1, "no", 0.5, 0.5), (0, "yes", 0.25, 0.75)), []),
        (((0, "yes", 0.25 + 5e-10, 0.75), (1, "no", 0.5, 0.5)), []),
        (((0, "yes", 0.25 + 2e-9, 0.75), (1, "no", 0.5, 0.5)), ["golden row 0: the model said 0.25, 0.75, SQL says"]),
        (((0, "yes", None, 0.75), (1, "no", 0.5, 0.5)), ["SQL says NULL, 0.75"]),
        (((0, "no", 0.25, 0.75), (1, "no", 0.5, 0.5)), ["golden row 0: the model said 'yes', SQL says 'no'"]),
        (((0, "yes", 0.25, 0.75),), ["golden row 1: SQL gives no row for it", "SQL gives 1 rows for 2 golden rows"]),
    ],
)
def test_what_comes_out_otherwise_is_told(rows: tuple[tuple[Any, ...], ...], lines: list[str]) -> None:
    found = differences(GOLDEN, Answer(NAMES, rows), ("no", "yes"), COLUMNS)
    assert len(found) == len(lines)
    assert all(words in line for words, line in zip(lines, found, strict=True))
