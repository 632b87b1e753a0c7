"""Dates of a run: what is recorded, what follows, and those of a look ahead."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.spec.dates import RECORDED, dates_at, moment_of, recorded_dates, run_dates

SUMMER = datetime(2026, 7, 1, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("schedule", "zone", "date"),
    [
        (None, None, "2026-07-01T12:30:00+00:00"),
        ("@once", None, "2026-07-01T12:30:00+00:00"),
        ("@daily", None, "2026-07-01T00:00:00+00:00"),
        ("@midnight", None, "2026-07-01T00:00:00+00:00"),
        ("@quarterly", None, "2026-07-01T00:00:00+00:00"),
        ("@yearly", None, "2026-01-01T00:00:00+00:00"),
        ("0 6 * * *", "Europe/Berlin", "2026-07-01T04:00:00+00:00"),
        ("0 20 * * *", "Europe/Berlin", "2026-06-30T18:00:00+00:00"),
        ("30 12 * * *", None, "2026-07-01T12:30:00+00:00"),
    ],
)
def test_a_run_of_now_has_the_latest_date_of_its_schedule(schedule: str | None, zone: str | None, date: str) -> None:
    assert dates_at(SUMMER, schedule, zone) == dict.fromkeys(RECORDED, date)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.integers(-14 * 60, 14 * 60))
def test_what_is_recorded_is_the_moment_in_utc(naive: datetime, offset: int) -> None:
    moment = naive.replace(tzinfo=timezone(timedelta(minutes=offset)))
    dates = run_dates(recorded_dates({"logical_date": moment, "data_interval_end": None}))
    assert set(dates) == {"logical_date", "ds", "ds_nodash", "ts", "ts_nodash"}
    assert datetime.fromisoformat(dates["ts"]) == moment
    assert dates["ts"].startswith(dates["ds"])
    assert dates["ds"].replace("-", "") == dates["ds_nodash"] == dates["ts_nodash"][:8]


def test_a_journal_that_records_none_has_none() -> None:
    assert run_dates({"dag": "first", "run": "one"}) == {}


def test_a_person_s_date_is_utc_unless_it_says_otherwise() -> None:
    assert moment_of("2026-11-01") == datetime(2026, 11, 1, tzinfo=UTC)
    assert moment_of("2026-11-01T06:00:00+01:00") == datetime(2026, 11, 1, 5, tzinfo=UTC)
    with pytest.raises(ValueError, match="'soon' is no date"):
        moment_of("soon")
