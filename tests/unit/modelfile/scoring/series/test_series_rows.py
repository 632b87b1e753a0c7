"""Rows of tables on a model's grid: times as people write them, and what is wrong with rows."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from automl_core.modelfile.scoring.calendars.texts import moment_of, slots_of
from automl_core.modelfile.scoring.series.forecaster import Forecaster
from automl_core.modelfile.scoring.series.problems import SeriesProblem
from automl_core.modelfile.scoring.series.rows import read
from automl_core.modelfile.scoring.series.update import check, future
from tests.support.series_models import BEGIN, document, grid, rows

BERLIN = grid("h", "Europe/Berlin", 0, "moment")
FALL = 1_792_965_600  # 2026-10-25 00:00 in Berlin, whose day has 25 hours


def seconds(*when: int) -> int:
    return int(datetime(*when, tzinfo=UTC).timestamp())  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "moment", "written"),
    [
        ("2024-03-31", (2024, 3, 31), "date"), ("20240331", (2024, 3, 31), "date"),
        ("2024-03-31 14:30", (2024, 3, 31, 14, 30), "local"),
        ("2024-03-31T14:30:05", (2024, 3, 31, 14, 30, 5), "local"),
        ("2024-03-31T00:00:00", (2024, 3, 31), "local"), ("2024-03-31T14:30+02:00", (2024, 3, 31, 12, 30), "moment"),
        ("2024-03-31T14:30Z", (2024, 3, 31, 14, 30), "moment"), ("2024-03", (2024, 3, 1), "month"),
        ("2024/11", (2024, 11, 1), "month"), ("2024Q3", (2024, 7, 1), "quarter"), ("2024-Q1", (2024, 1, 1), "quarter"),
        ("1959", (1959, 1, 1), "year"), ("1959.0", (1959, 1, 1), "year"),
        ("2024/03/31", (2024, 3, 31), "date"), ("2024-W13", (2024, 3, 25), "date"), ("202411", (2024, 11, 1), "month"),
        ("1711895400", (2024, 3, 31, 14, 30), "moment"), ("1711895400000", (2024, 3, 31, 14, 30), "moment"),
        ("2024033114", (2024, 3, 31, 14), "local"), ("202403311430", (2024, 3, 31, 14, 30), "local"),
        ("20240331143005", (2024, 3, 31, 14, 30, 5), "local"), ("2024033124", (2034, 2, 20, 7, 25, 24), "moment"),
    ],
)  # fmt: skip
def test_times_as_people_write_them(text: str, moment: tuple[int, ...], written: str) -> None:
    assert moment_of(text) == (seconds(*moment), written)


def test_what_is_no_time_is_named() -> None:
    with pytest.raises(ValueError, match=r"'soon' is no time .allowed: ISO 8601"):
        moment_of("soon")
    with pytest.raises(ValueError, match=r"'1.5' is no whole number, and the model's steps are numbered"):
        slots_of(grid("step", anchor=0, written="number"), ["1", "1.5"])
    with pytest.raises(ValueError, match=r"has an offset, and the model's times have none .allowed: as 2024-01-01"):
        slots_of(grid(), ["2024-01-01T00:00+02:00"])


def test_the_ends_of_months_are_meant_where_the_steps_are_these() -> None:
    ends = grid("ME", anchor=19_753 * 86_400)  # 2024-01-31
    slots, exact = slots_of(ends, ["2024-01", "2024-02", "2024-03-31", "2024-03-30"])
    assert slots.tolist() == [0, 1, 2, 1]
    assert exact.tolist() == [1, 1, 1, 0]


def test_an_hour_that_comes_twice_is_one_step_however_it_is_written() -> None:
    texts = ["2026-10-25T01:00", "2026-10-25T02:00", "2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00"]
    slots, exact = slots_of(BERLIN, texts)
    assert (slots - slots[0]).tolist() == [0, 1, 1, 1]
    assert exact.all()


def forecaster(**changes: Any) -> Forecaster:
    return Forecaster(document(**changes))


def test_every_source_says_the_same() -> None:
    model = forecaster()
    told = rows("Ulm", 60, [3.0, None]) + rows("Bonn", 60, [1.0, 2.0])
    frame = pd.DataFrame(told)
    sources = [
        told, frame, frame.assign(date=pd.to_datetime(frame["date"])), pa.Table.from_pylist(told),
        pa.table({"store": frame["store"], "date": pa.array(pd.to_datetime(frame["date"])), "sales": frame["sales"]}),
        {name: ["" if value is None else str(value) for value in frame[name]] for name in frame},
    ]  # fmt: skip
    for source in sources:
        found = read(model, source)
        assert found.names == ("Ulm", "Bonn")
        assert found.slot.tolist() == [60, 61, 60, 61]
        np.testing.assert_array_equal(found.value, [3.0, np.nan, 1.0, 2.0])


def test_moments_of_a_frame_keep_their_zone() -> None:
    model = forecaster(grid=BERLIN.as_json())
    times = pd.date_range("2026-10-25", periods=5, freq="h", tz="Europe/Berlin")
    found = read(model, pd.DataFrame({"store": "Ulm", "date": times, "sales": [1.0, 2.0, 3.0, 5.0, 4.0]}))
    assert (found.slot - found.slot[0]).tolist() == [0, 1, 2, 3]
    assert found.value.tolist() == [1.0, 2.0, 4.0, 4.0]  # the mean of the hour that comes twice
    assert found.notes == ("1 hours that the clock shows twice are the mean of their two values",)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"day": "2024-03-01"}, "no column 'date'; did you mean 'day'?"),
        ({"date": "2024-03-01T12:00"}, r"row 2 of Ulm: 2024-03-01T12:00 lies between two steps of the model \(daily: "
                                       r"2024-03-01 and 2024-03-02\)"),
        ({"date": "1. März"}, "column 'date': row 2 of Ulm: '1. März' is no time"),
        ({"date": None}, "row 2 of Ulm has no value for 'date'"),
        ({"store": None}, "row 2 has no value for 'store': whose is it?"),
        ({"sales": "many"}, "column 'sales': 'many' in row 2 of Ulm is no number"),
        ({"sales": float("inf")}, "column 'sales': row 2 of Ulm is infinite"),
        ({"sales": -1e300}, r"column 'sales': row 2 of Ulm is too large to reckon with \(allowed: up to 1e\+100\)"),
        ({"date": "2024-03-01", "sales": 9.0}, r"Ulm has several values at 2024-03-01: rows 1, 2 \(allowed: one row"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(change: dict[str, Any], said: str) -> None:
    told = rows("Ulm", 60, [3.0, 4.0])
    told[1] |= change
    if "day" in change:
        told = [{"store": each["store"], "day": each["date"], "sales": each["sales"]} for each in told]
    with pytest.raises(SeriesProblem, match=said):
        read(forecaster(), told)


def test_rows_that_are_there_twice_are_one() -> None:
    told = rows("Ulm", 60, [3.0])
    assert read(forecaster(), told * 2).value.tolist() == [3.0]


def test_known_columns_are_numbers_and_places_of_categories() -> None:
    known = [{"name": "price", "kind": "number", "missing": False},
             {"name": "holiday", "kind": "category", "categories": ["Easter", "New Year"]}]  # fmt: skip
    told = rows("Ulm", 60, [None] * 3, price=[1.5, 2, 3], holiday=["New Year", None, "Carnival"])
    found = read(forecaster(known=known), told)
    np.testing.assert_array_equal(found.known, [[1.5, 1.0], [2.0, np.nan], [3.0, np.nan]])
    assert found.notes == ("holiday has what training had not, and it counts as missing: Carnival",)
    assert read(forecaster(known=known), rows("Ulm", 60, [1.0])).absent == ("price", "holiday")
    known[1]["categories"] = ["", "New Year"]  # training had empty cells: they are a category
    assert read(forecaster(known=known), told[:2]).known[:, 1].tolist() == [1.0, 0.0]


def test_several_columns_tell_series_apart_and_one_series_has_none() -> None:
    parts = document()
    parts["columns"]["series"] = ["store", "item"]
    parts["series"]["names"] = ["Bonn / 1", "Bonn / 2", "Ulm / 1"]
    parts["series"]["keys"] = {"store": ["Bonn", "Bonn", "Ulm"], "item": ["1", "2", "1"]}
    found = read(Forecaster(parts), [row | {"item": 2} for row in rows("Bonn", 60, [3.0])])
    assert found.names == ("Bonn / 2",)
    assert found.keys == {"Bonn / 2": ("Bonn", "2")}
    told = [row | {"item": item} for row, item in zip(rows("Bonn", 60, [3.0, 4.0]), ("02", "2.0"), strict=True)]
    assert read(Forecaster(parts), told).names == ("Bonn / 2",)
    parts = document(names=["series"], lengths=[30])
    parts["columns"]["series"], parts["series"]["keys"] = [], {}
    assert read(Forecaster(parts), {"date": ["2024-03-01"], "sales": [1.0]}).names == ("series",)


def test_an_hour_that_the_clock_skips_is_no_gap() -> None:
    """2026-03-29 in Berlin goes from 01:00 to 03:00."""
    hourly = grid("h", "Europe/Berlin", 0, "moment")
    last = int(slots_of(hourly, ["2026-03-29T00:00+01:00"])[0][0])
    model = forecaster(grid=hourly.as_json(), ends=[last] * 3)
    news = ["2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00", "2026-03-29T04:00+02:00"]
    checked = check(model, read(model, [{"store": "Bonn", "date": time, "sales": 1.0} for time in news]))
    assert checked.notes == ()
    assert np.isnan(checked.news.values[0]).tolist() == [False, True, False, False]  # but a step all the same
    holed = check(model, read(model, [{"store": "Bonn", "date": news[-1], "sales": 1.0}]))
    assert holed.notes == ("steps without a value, for which the model's own forecasts stand: Bonn (2)",)


def test_a_future_that_is_not_given_is_asked_for() -> None:
    model = forecaster(known=[{"name": "holiday", "kind": "number", "categories": [], "missing": False}])
    with pytest.raises(SeriesProblem, match=r"needs holiday for .* and there are no rows that have it .allowed: rows"):
        future(model, None, np.arange(3), 2)
    with pytest.raises(SeriesProblem, match="and there is no such column"):
        future(model, read(model, rows("Bonn", 60, [1.0])), np.arange(3), 2)


def test_moments_of_a_table_of_maxcompute_are_put_on_the_models_clock() -> None:
    """Its DATETIMEs come without a zone, in UTC: 16:00 is midnight in Shanghai."""
    model = Forecaster(document(grid=grid("D", "Asia/Shanghai", BEGIN, "date").as_json()))
    field = pa.field("date", pa.timestamp("ms"), metadata={b"automl.written": b"instant"})
    at = [datetime(2024, 3, 1, 16), datetime(2024, 3, 2, 16)]
    schema = pa.schema([pa.field("store", pa.string()), field, pa.field("sales", pa.float64())])
    found = read(model, pa.table([["Ulm", "Ulm"], pa.array(at, pa.timestamp("ms")), [1.0, 2.0]], schema=schema))
    assert [model.text(int(slot)) for slot in found.slot] == ["2024-03-02", "2024-03-03"]
