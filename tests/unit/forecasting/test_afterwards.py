"""Series that end before others, and known columns that end before a forecast: both are said, by name."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pyarrow as pa

from automl_core.forecasting.options import Options
from automl_core.forecasting.prepared import prepare
from tests.unit.forecasting.panels import days

HORIZON = 5


def found(lengths: dict[str, int], futures: dict[str, int]) -> dict[str, dict[str, Any]]:
    """Findings about daily series of some lengths, whose known column goes on for some days."""
    rows = [
        {"t": day, "s": name, "y": float(at % 7) if at < length else None, "open": float(at % 2)}
        for name, length in lengths.items() for at, day in enumerate(days(length + futures.get(name, 0)))
    ]  # fmt: skip
    table = pa.Table.from_pylist(rows, pa.schema([("t", pa.date32()), ("s", pa.string()), ("y", pa.float64()),
                                                  ("open", pa.float64())]))  # fmt: skip
    options = Options.of(target="y", time="t", series="s", horizon=HORIZON, known="open" if futures else ())
    return {each["kind"]: dict(each) for each in prepare(table, options).findings}


def test_a_series_that_ended_is_named_with_its_end_and_none_else() -> None:
    said = found({"a": 40, "b": 40, "over": 30, "nearly": 39}, {})["ended"]
    assert said["series"] == ["over", "nearly"]  # the one that ended first is the first
    assert f"over ({dt.date(2024, 1, 30)})" in said["found"]
    assert f"the last time ({dt.date(2024, 2, 9)})" in said["found"]
    assert said["numbers"] == {"series": 2, "steps": 10}
    assert "ended" not in found({"a": 40, "b": 40}, {})


def test_of_many_series_that_ended_some_have_their_ends_said_and_all_are_counted() -> None:
    said = found({f"s{at:02d}": 30 if at < 25 else 40 for at in range(50)}, {})["ended"]
    assert said["numbers"]["series"] == 25
    assert "s04 (2024-01-30) and 20 more" in said["found"]
    assert len(said["series"]) == 20


def test_a_known_column_that_ends_before_the_forecast_is_named_with_whose_it_is() -> None:
    said = found({"a": 40, "b": 40, "c": 40}, {"a": HORIZON, "b": 3})["known_future"]
    assert said["certainty"] == "doubtful"
    assert said["series"] == ["b", "c"]
    assert "open is known for fewer than 5 steps ahead in 2 series: b (3), c (0)" in said["found"]
    assert said["numbers"] == {"series": 2, "steps": 7}


def test_a_known_column_whose_future_is_there_is_no_finding() -> None:
    assert "known_future" not in found({"a": 40, "b": 38}, {"a": HORIZON, "b": HORIZON + 4})


def test_without_any_future_all_series_are_named() -> None:
    said = found({"a": 40, "b": 40}, {"a": 0})["known_future"]
    assert "a (0), b (0)" in said["found"]
