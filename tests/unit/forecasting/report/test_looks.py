"""What is told of a model's forecasts beside what came: figures by hand, files, series of which nothing can be said."""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from automl_core.details.make import details_of
from automl_core.forecasting.frequency import parse
from automl_core.forecasting.grid import Grid
from automl_core.forecasting.metrics import find
from automl_core.forecasting.options import Options
from automl_core.forecasting.origins import Origins
from automl_core.forecasting.panel import Panel, Series
from automl_core.forecasting.prepared import Prepared
from automl_core.forecasting.report.files import leave, level_names
from automl_core.forecasting.report.looks import Look, scale_of, told
from automl_core.forecasting.report.plots import MOST_STEPS, chosen, plot

DAY = 86_400
START = 1_767_225_600 // DAY  # 2026-01-01, in days
HORIZON = 2


def series(name: str, values: list[float], start: int = 0) -> Series:
    return Series(name, start, np.array(values, dtype=float), np.empty((len(values), 0)))


def prepared(*all_series: Series, tested: list[int] | None = None, **options: Any) -> Prepared:
    panel = Panel(
        all_series, Grid(parse("D"), None, START * DAY, "date"), (), "sales", "day", ("shop",),
        {each.name: (each.name,) for each in all_series},
    )  # fmt: skip
    ends = np.array([[len(each.values) - 2 * HORIZON for each in all_series]])
    chosen_options = Options("sales", "day", HORIZON, series=("shop",), levels=(0.8, 0.9), **options)
    held = None if tested is None else np.array(tested)
    return Prepared(chosen_options, panel, (), find(chosen_options.metric), Origins(ends, HORIZON, 2), held)


def look(kind: Any, ends: list[int], forecast: list[list[float]], widths: tuple[float, float] = (1.0, 2.0)) -> Look:
    said = np.array(forecast, dtype=float)
    lower = np.stack([said - width for width in widths], axis=1)
    upper = np.stack([said + width for width in widths], axis=1)
    return Look(kind, np.array(ends), said, lower, upper)


UP = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]
"""The naive forecast errs by 1 a step on its past."""

ZIGZAG = [0.0, 4.0, 0.0, 4.0, 0.0, 4.0, 0.0, 4.0]
"""And here by 4."""


@pytest.fixture
def seen() -> tuple[Prepared, list[Look]]:
    """Two series, forecast from an origin, at the end, and ahead."""
    made = prepared(series("up", UP), series("zigzag", ZIGZAG), tested=[6, 6])
    return made, [
        look("origin", [4, 4], [[5.0, 6.0], [0.0, 4.0]]),
        look("test", [6, 6], [[6.5, 6.0], [2.0, 4.0]]),
        look("ahead", [8, 8], [[9.0, 10.0], [0.0, 4.0]]),
    ]


def test_the_scale_is_the_mean_size_of_a_step_and_none_where_nothing_moves() -> None:
    assert scale_of(np.array(UP), 1) == 1
    assert scale_of(np.array(ZIGZAG), 1) == 4
    assert math.isnan(scale_of(np.array(ZIGZAG), 2)), "a season later all is the same"
    assert scale_of(np.array([1.0, np.nan, 3.0, 5.0]), 1) == 2, "a gap is no step"
    assert math.isnan(scale_of(np.array([3.0]), 1))


def test_figures_by_hand(seen: tuple[Prepared, list[Look]]) -> None:
    found = told(*seen)
    # at the test: up is off by 0.5 and 2 (came 7, 8), zigzag by 2 and 0 (came 0, 4), in units of 1 and 4
    mase = found["test"]["metrics"]["mase"]
    assert found["test"]["untouched"] is True
    assert (found["test"]["series"], found["test"]["values"]) == (2, 4)
    assert mase["value"] == pytest.approx((1.25 + 0.25) / 2)
    assert mase["low"] is None, "two series are too few for an interval"
    assert [each["mase"] for each in found["steps"]] == pytest.approx([(0 + 0 + 0.5 + 0.5) / 4, (0 + 0 + 2 + 0) / 4])
    assert found["steps"][1]["bias"] == pytest.approx(-0.5)
    # within 1 come all at the origin; at the test 0.5 and 0 of four
    assert [(each["origins"], each["test"]) for each in found["coverage"]] == [(1.0, 0.5), (1.0, 1.0)]
    assert found["coverage"][0]["width"] == pytest.approx((2 / 1 + 2 / 4) / 2)
    assert [(each["from"], each["kind"]) for each in found["by_origin"]] == [
        ("2026-01-04", "origin"), ("2026-01-06", "test"),
    ]  # fmt: skip
    assert [each["series"] for each in found["series"]] == ["up", "zigzag"], "the worst first"
    up = found["series"][0]
    assert (up["value"], up["test"], up["covered"]) == (pytest.approx(0.625), pytest.approx(1.25), 1.0)
    assert (up["from"], up["until"], up["values"], up["missing"]) == ("2026-01-01", "2026-01-08", 8, 0)


def test_without_a_test_the_origins_are_told_and_said_to_be_that(seen: tuple[Prepared, list[Look]]) -> None:
    made, looks = seen
    found = told(made, [looks[0], looks[2]])
    assert found["test"]["untouched"] is False
    assert found["test"]["metrics"]["mase"]["value"] == 0
    assert found["coverage"][0]["test"] is None


def test_many_series_have_an_interval_that_holds_their_mean() -> None:
    names = [f"s{number}" for number in range(20)]
    made = prepared(*(series(name, UP) for name in names))
    errors = [[5.0 + number / 20, 6.0] for number in range(20)]
    mase = told(made, [look("origin", [4] * 20, errors)])["test"]["metrics"]["mase"]
    assert mase["low"] < mase["value"] < mase["high"]


def test_a_metric_where_more_is_better_has_its_worst_series_first(seen: tuple[Prepared, list[Look]]) -> None:
    made, looks = seen
    better = prepared(*made.panel.series, tested=[6, 6], metric="r2_score")
    values = [each["value"] for each in told(better, looks)["series"]]
    assert values == sorted(values)


def test_a_series_that_was_not_forecast_has_no_figures_and_costs_no_other() -> None:
    made = prepared(series("up", UP), series("short", [1.0, 2.0, 3.0, 4.0]))
    nothing = [math.nan, math.nan]
    found = told(made, [look("origin", [4, -1], [[5.0, 6.0], nothing])])
    assert [each["value"] for each in found["series"]] == [0.0, None]
    assert found["by_origin"][0]["series"] == 1
    json.dumps(found, allow_nan=False)


def test_gaps_count_as_nothing() -> None:
    gap = [*UP[:5], math.nan, *UP[6:]]
    made = prepared(series("up", gap))
    found = told(made, [look("origin", [4], [[6.0, 99.0]])])
    assert found["test"]["values"] == 1
    assert found["series"][0]["mase"] == 1.0
    assert found["series"][0]["missing"] == 1
    assert found["plots"][0]["values"][5] is None


def test_a_plot_has_every_forecast_at_its_place(seen: tuple[Prepared, list[Look]]) -> None:
    one = plot(*seen, "zigzag")
    assert (one["times"][0], one["times"][-1], len(one["times"])) == ("2026-01-01", "2026-01-10", 10)
    assert one["values"] == ZIGZAG
    assert [(each["kind"], each["first"]) for each in one["forecasts"]] == [("origin", 4), ("test", 6), ("ahead", 8)]
    assert one["forecasts"][1]["intervals"][0] == {"level": 0.8, "low": [1.0, 3.0], "high": [3.0, 5.0]}


def test_of_a_long_series_the_end_is_drawn() -> None:
    long = series("long", [float(number) for number in range(5000)])
    made = prepared(long)
    one = plot(made, [look("origin", [4996], [[1.0, 2.0]])], "long")
    assert one["values"][-1] == 4999.0
    assert len(one["values"]) <= MOST_STEPS
    assert one["times"][one["forecasts"][0]["first"]] == "2039-09-06", "4996 days later"


def test_the_worst_the_middle_and_the_best_are_chosen_once_each() -> None:
    rows = [{"series": name, "value": value} for name, value in (("a", 3.0), ("b", 2.0), ("c", 1.0), ("d", None))]
    assert chosen(rows) == [("worst", "a"), ("median", "b"), ("best", "c")]
    assert chosen(rows[:1]) == [("worst", "a")]
    assert chosen([]) == []


def test_files_for_people_and_programs(seen: tuple[Prepared, list[Look]], tmp_path: Path) -> None:
    made, looks = seen
    left = leave(tmp_path, made, looks, {"up": "too short for ets"})
    assert {each.name for each in left} == {"series.csv", "forecast.csv", "plots.json", "predictions.parquet"}
    with (tmp_path / "forecast.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["shop"], row["day"], row["forecast"], row["lower_80"], row["upper_90"]) for row in rows] == [
        ("up", "2026-01-09", "9", "8", "11"), ("up", "2026-01-10", "10", "9", "12"),
        ("zigzag", "2026-01-09", "0", "-1", "2"), ("zigzag", "2026-01-10", "4", "3", "6"),
    ]  # fmt: skip
    with (tmp_path / "series.csv").open(newline="") as stream:
        of_each = list(csv.DictReader(stream))
    assert [(row["series"], row["note"]) for row in of_each] == [("up", "too short for ets"), ("zigzag", "")]
    plots = json.loads((tmp_path / "plots.json").read_text())["plots"]
    assert [each["series"] for each in plots] == told(made, looks)["plotted"]


def test_predictions_are_what_the_page_sums_up(seen: tuple[Prepared, list[Look]], tmp_path: Path) -> None:
    leave(tmp_path, *seen)
    table = pq.read_table(tmp_path / "predictions.parquet")
    assert table.num_rows == 4, "of the test, where there is one"
    first = table.slice(0, 1).to_pylist()[0]
    assert (first["id"], first["truth"], first["prediction"]) == ("up 2026-01-07", 7.0, 6.5)
    assert (first["forecast_after"], first["step"], first["lower_80"]) == ("2026-01-06", 1, 5.5)
    details, _ = details_of(tmp_path / "predictions.parquet")
    assert (details["kind"], details["counted"]) == ("regression", 4)


def test_columns_of_intervals() -> None:
    assert level_names((0.5, 0.999)) == [("lower_50", "upper_50"), ("lower_99.9", "upper_99.9")]
