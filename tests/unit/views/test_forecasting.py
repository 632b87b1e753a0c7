"""A report of series as the pages get it: picked, bounded, and whatever a training process may have written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.views.forecasting import MOST_SERIES, MOST_VALUES, forecast_of, plot_of
from tests.support.examples import examples
from tests.support.series_reports import SALES, plot, report
from tests.support.table_reports import BINARY


def shown(told: Any) -> dict[str, Any]:
    return forecast_of(json.dumps(told).encode())


def test_the_parts_of_a_report() -> None:
    found = shown(SALES)
    assert (found["kind"], found["target"], found["metric"], found["horizon"]) == ("forecasting", "sales", "mase", 7)
    assert (found["keys"], found["known"], found["seasons"]) == (["shop"], ["holiday"], [7])
    assert found["test"]["untouched"] is True
    assert found["test"]["metrics"][0] == {"name": "mase", "value": 0.69, "low": 0.61, "high": 0.78}
    assert [each["weight"] for each in found["leaderboard"]] == [0.75, 0.25, None]
    assert found["leaderboard"][2]["reason"] == "theta needs statsforecast"
    assert [(each["kind"], each["certain"], each["columns"]) for each in found["guardrails"]] == [
        ("gaps", True, ["north"]), ("short", False, ["new"]),
    ]  # fmt: skip
    assert [each["series"] for each in found["series"]] == found["plotted"] == ["north", "new", "south"]
    assert found["coverage"][1]["test"] == 0.96
    assert found["by_origin"][1]["kind"] == "test"


def test_a_report_has_no_values_of_the_data() -> None:
    assert "plots" not in shown(SALES)


def test_one_series_is_picked_by_its_name_and_the_first_without_one() -> None:
    raw = json.dumps({"plots": SALES["plots"]}).encode()
    south, first = plot_of(raw, "south"), plot_of(raw, None)
    assert south is not None
    assert first is not None
    assert (south["series"], south["values"][0]) == ("south", 100.0)
    assert [each["kind"] for each in south["forecasts"]] == ["origin", "test", "ahead"]
    assert south["forecasts"][0]["intervals"][1]["level"] == 0.95
    assert first["series"] == "north"
    assert plot_of(raw, "east") is None


def test_long_lists_are_cut_and_counted() -> None:
    many = [{"series": f"s{number}", "value": 1.0} for number in range(MOST_SERIES + 7)]
    found = shown(report(series=many, series_in_all=9000))
    assert (len(found["series"]), found["told_series"]) == (MOST_SERIES, 9000)
    long = {**plot("x", ""), "values": [1.0] * (MOST_VALUES + 1)}
    cut = plot_of(json.dumps({"plots": [long]}).encode(), "x")
    assert cut is not None
    assert len(cut["values"]) == MOST_VALUES


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"3", b'{"problem": {"kind": 3}}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_report_says_so(raw: bytes) -> None:
    found = forecast_of(raw)
    assert found["kind"] is None
    assert "report.json is no" in found["problem"]
    assert plot_of(raw, None) is None


def test_a_table_s_report_is_none_of_series() -> None:
    assert shown(BINARY)["kind"] is None


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=examples(50))
@given(st.sampled_from(sorted(SALES)), JUNK)
def test_whatever_a_part_is_the_answer_is_json_for_browsers(key: str, junk: Any) -> None:
    found = shown(report(**{key: junk}))
    json.dumps(found, allow_nan=False)
    if key != "problem":
        assert found["kind"] == "forecasting"


@settings(deadline=None, max_examples=examples(50))
@given(st.sampled_from(["times", "values", "forecasts"]), JUNK)
def test_whatever_a_plot_is_the_answer_is_json_for_browsers(key: str, junk: Any) -> None:
    json.dumps(plot_of(json.dumps({"plots": [{**plot("x", ""), key: junk}]}).encode(), "x"), allow_nan=False)
