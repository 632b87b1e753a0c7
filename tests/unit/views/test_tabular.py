"""A table's report as the pages get it: picked, bounded, and whatever a training process may have written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.views.shapes import LONGEST
from automl_core.views.tabular import MOST_PIPELINES, table_of
from tests.support.table_reports import BINARY, REGRESSION, report


def shown(told: Any) -> dict[str, Any]:
    return table_of(json.dumps(told).encode())


def test_the_parts_of_a_report() -> None:
    found = shown(BINARY)
    assert (found["kind"], found["target"], found["metric"], found["rows"]) == ("binary", "churned", "log_loss", 569)
    assert found["test"]["untouched"] is True
    assert found["test"]["metrics"][0] == {"name": "log_loss", "value": 0.09, "low": 0.05, "high": 0.14}
    assert [each["weight"] for each in found["leaderboard"]] == [0.75, 0.25]
    assert found["leaderboard"][0]["params"] == {"lightgbm.num_leaves": 31}
    assert [(each["kind"], each["certain"]) for each in found["guardrails"]] == [
        ("identifier", True), ("imbalance", False),
    ]  # fmt: skip
    assert found["validation"]["group"] == "household"
    assert found["importance"][0] == {"column": "calls", "value": 0.2, "std": 0.02}


def test_a_report_has_no_rows_of_data() -> None:
    assert "residuals" not in shown(REGRESSION)
    assert "19.5" not in json.dumps(shown(REGRESSION))


def test_long_lists_are_cut_and_counted() -> None:
    many = MOST_PIPELINES + 7
    found = shown(report(leaderboard=[{"trial": n, "learner": "x" * 9000} for n in range(many)]))
    assert (len(found["leaderboard"]), found["pipelines"]) == (MOST_PIPELINES, many)
    assert len(found["leaderboard"][0]["learner"]) == LONGEST


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"3", b'{"problem": {"kind": 3}}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_report_says_so(raw: bytes) -> None:
    found = table_of(raw)
    assert found["kind"] is None
    assert "report.json is no" in found["problem"]


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(BINARY | REGRESSION)), JUNK)
def test_whatever_a_part_is_the_answer_is_json_for_browsers(key: str, junk: Any) -> None:
    found = shown(report(BINARY, **{key: junk}))
    json.dumps(found, allow_nan=False)
    if key != "problem":
        assert found["kind"] == "binary"


def test_numbers_that_no_browser_reads_are_none() -> None:
    found = table_of(b'{"problem": {"kind": "binary"}, "estimate": NaN, "data": {"rows": 1e999, "columns": true}}')
    assert (found["estimate"], found["rows"], found["columns"]) == (None, None, None)
