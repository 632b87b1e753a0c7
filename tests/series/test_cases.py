"""Cases of series that a quick implementation gets wrong, from the table to the forecast."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from automl_core.forecasting import fit
from automl_core.forecasting.panel import SeriesError

BERLIN = ZoneInfo("Europe/Berlin")


def load(hour: int) -> float:
    """What follows the clock on the wall."""
    return 100 + hour + 10 * float(np.sin(2 * np.pi * hour / 24))


def hours(days: int, until: dt.date) -> list[dt.datetime]:
    """Every hour of some local days."""
    begin = dt.datetime.combine(until - dt.timedelta(days), dt.time(), BERLIN).astimezone(dt.UTC)
    end = dt.datetime.combine(until, dt.time(), BERLIN).astimezone(dt.UTC)
    count = round((end - begin).total_seconds() / 3600)
    return [(begin + dt.timedelta(hours=at)).astimezone(BERLIN) for at in range(count)]


def test_two_local_days_around_a_clock_change_have_49_hours_and_the_load_follows_the_clock(tmp_path: Path) -> None:
    moments = hours(21, dt.date(2024, 10, 26))
    rows = {"time": [one.isoformat() for one in moments], "load": [load(one.hour) for one in moments]}
    model = fit(
        rows, target="load", time="time", horizon=48, zone="Europe/Berlin", iterations=2, folder=tmp_path / "model"
    )
    found = model.forecast().columns
    assert found["time"] == [one.isoformat() for one in hours(2, dt.date(2024, 10, 28))]
    assert len(found["time"]) == 49
    expected = [load(one.hour) for one in hours(2, dt.date(2024, 10, 28))]
    assert found["forecast"] == pytest.approx(expected, abs=0.5)  # an hour's shift would be 3.6 off


def test_local_times_without_a_zone_name_the_hour_that_is_twice() -> None:
    moments = hours(21, dt.date(2024, 11, 5))
    rows = {
        "time": [one.replace(tzinfo=None).isoformat() for one in moments],
        "load": [load(one.hour) + at / 1000 for at, one in enumerate(moments)],
    }
    with pytest.raises(SeriesError, match=r"2024-10-27T02:00:00 in rows .*`zone`"):
        fit(rows, target="load", time="time", horizon=48)


def test_missing_days_are_no_zeros_and_the_forecast_follows_the_weekday(tmp_path: Path) -> None:
    kept = [at for at in range(70) if not 20 <= at < 34]
    rows = {
        "day": [str(dt.date(2024, 1, 1) + dt.timedelta(at)) for at in kept],
        "sold": [10.0 * (1 + at % 7) for at in kept],
    }
    model = fit(rows, target="sold", time="day", horizon=7, iterations=2, folder=tmp_path / "model")
    found = model.forecast().columns
    assert found["day"] == [str(dt.date(2024, 3, 11) + dt.timedelta(at)) for at in range(7)]
    assert found["forecast"] == pytest.approx([10, 20, 30, 40, 50, 60, 70], abs=1)
