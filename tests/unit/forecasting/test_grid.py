"""The grid: every step has a number and a time, over clock changes, months of all lengths and weekends."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.forecasting.frequency import Frequency, parse
from automl_core.forecasting.grid import Grid
from automl_core.modelfile.scoring.calendars import clock
from tests.support.examples import examples

DAY = 86_400
ZONES = (
    None,
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Beirut",
)
FREQUENCIES = (
    "s", "min", "15min", "30min", "h", "3h", "6h", "D", "2D", "W-MON", "W-SUN", "2W", "B", "3B", "MS", "ME", "QS", "QE",
    "6MS", "YS", "YE",
)  # fmt: skip


def seconds(*when: int) -> int:
    return int((datetime(*when) - datetime(1970, 1, 1)).total_seconds())


def grid_of(text: str, zone: str | None, day: int, clock_time: int) -> Grid:
    """A grid whose anchor has the day of the month, and the weekday that a business day needs."""
    anchor = date(2015, 1, day)
    if text.endswith("B"):
        anchor = date(2015, 1, 5 + day % 5)
    return Grid(parse(text), zone, (anchor - date(1970, 1, 1)).days * DAY + clock_time)


@settings(max_examples=examples(80), deadline=None)
@given(
    st.sampled_from(FREQUENCIES), st.sampled_from(ZONES), st.integers(1, 31), st.sampled_from((0, 0, 6 * 3600)),
    st.integers(-40_000, 40_000),
)  # fmt: skip
def test_index_and_times_are_each_others_inverse(
    text: str, zone: str | None, day: int, clock_time: int, first: int
) -> None:
    grid = grid_of(text, zone, day, clock_time)
    # within the years that a `datetime` has
    per = {"month": 31 * DAY, "month_end": 31 * DAY, "second": 1}.get(
        grid.frequency.unit, 2 * DAY
    ) * grid.frequency.count
    first = max(-(40 * 366 * DAY // per), min(first, 40 * 366 * DAY // per))
    steps = np.arange(first, first + 300)
    steps = steps[grid.moments_in(steps) > 0]
    times = grid.times(steps)
    assert (grid.index(times) == steps).all()
    assert grid.on(times).all()
    assert (np.diff(times) > 0).all()


@settings(max_examples=examples(40), deadline=None)
@given(st.sampled_from(("min", "30min", "h", "3h")), st.sampled_from(ZONES), st.integers(0, 400))
def test_a_time_lies_in_the_step_that_it_is_told(text: str, zone: str | None, day: int) -> None:
    """Every moment of a step's hour is counted to it, whatever the clock does."""
    grid = Grid(parse(text), zone, seconds(2024, 1, 1))
    moments = seconds(2024, 1, 1) + day * DAY + np.arange(0, DAY, 997)
    steps = grid.index(moments)
    local = grid.local_of(moments)
    assert ((grid.local(steps) <= local) & (local < grid.local(steps) + grid.frequency.count)).all()


@pytest.mark.parametrize(("until", "hours"), [((2024, 10, 28), 49), ((2024, 4, 1), 47), ((2024, 6, 3), 48)])
def test_two_local_days_have_the_hours_that_they_really_have(until: tuple[int, int, int], hours: int) -> None:
    grid = Grid(parse("h"), "Europe/Berlin", 0)
    end = (seconds(*until) - 0) // 3600
    moments, positions = grid.real_times(end - 48, end)
    berlin = ZoneInfo("Europe/Berlin")
    begin = datetime(*until, tzinfo=berlin) - timedelta(days=2)
    assert len(moments) == hours
    assert moments[0] == int(begin.timestamp())
    assert (np.diff(moments) == 3600).all()
    shown = [datetime.fromtimestamp(moment, berlin).hour for moment in moments.tolist()]
    assert shown == ((positions) % 24).tolist()


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"])
def test_the_clock_of_many_times_is_that_of_each(zone: str) -> None:
    times = np.arange(seconds(2009, 1, 1), seconds(2026, 1, 1), 123_457)
    info = ZoneInfo(zone)
    expected = [int(datetime.fromtimestamp(time, info).utcoffset().total_seconds()) for time in times.tolist()]
    assert clock.offsets(times, zone).tolist() == expected


def test_the_hour_that_is_twice_and_the_one_that_is_not() -> None:
    first, last, count = clock.to_moments(
        np.array([seconds(2024, 10, 27, 2, 30), seconds(2024, 3, 31, 2, 30), seconds(2024, 7, 1)]), "Europe/Berlin"
    )
    assert count.tolist() == [2, 0, 1]
    assert last[0] - first[0] == 3600
    assert first[1] == seconds(2024, 3, 31, 1, 30)  # 02:30 of the clock that was not yet set forward


def test_changes_of_zones_do_not_depend_on_what_was_asked_before() -> None:
    """Pieces of ten years fit together: also where an offset held from before one on."""
    times = np.arange(seconds(1905, 1, 1), seconds(2095, 1, 1), 86_400 * 97 + 11)
    together = clock.offsets(times, "Europe/Berlin")
    single = np.concatenate([clock.offsets(times[at : at + 1], "Europe/Berlin") for at in range(len(times))])
    assert (together == single).all()


@pytest.mark.parametrize(
    ("text", "unit", "count", "anchored", "alias"),
    [
        ("h", "second", 3600, None, "h"), ("H", "second", 3600, None, "h"), ("15T", "second", 900, None, "15min"),
        ("hourly", "second", 3600, None, "h"), ("1d", "day", 1, None, "D"), ("W", "day", 7, None, "W"),
        ("W-TUE", "day", 7, 1, "W-TUE"), ("2W-SUN", "day", 14, 6, "2W-SUN"), ("M", "month_end", 1, None, "ME"),
        ("MS", "month", 1, None, "MS"), ("monthly", "month", 1, None, "MS"), ("Q", "month_end", 3, None, "QE"),
        ("QS-FEB", "month", 3, 2, "QS-FEB"), ("A-DEC", "month_end", 12, 12, "YE-DEC"), ("YS", "month", 12, None, "YS"),
        ("B", "business_day", 1, None, "B"), ("step", "step", 1, None, "step"), ("10 s", "second", 10, None, "10s"),
        ("24h", "second", 86_400, None, "24h"), ("7D", "day", 7, None, "W"), ("2 hours", "second", 7200, None, "2h"),
    ],
)  # fmt: skip
def test_frequencies_as_people_write_them(text: str, unit: str, count: int, anchored: int | None, alias: str) -> None:
    found = parse(text)
    assert (found.unit, found.count, found.anchored, found.alias) == (unit, count, anchored, alias)
    assert parse(found.alias) == found
    assert Frequency.from_json(found.as_json()) == found


@pytest.mark.parametrize("text", ["", "x", "0h", "W-FOO", "h-MON", "Q-13", "-1D", "h h"])
def test_what_is_no_frequency_says_what_is(text: str) -> None:
    with pytest.raises(ValueError, match="15min"):
        parse(text)


@pytest.mark.parametrize(
    ("grid", "time", "text"),
    [
        (Grid(parse("h"), "Europe/Berlin", 0, "moment"), seconds(2024, 10, 27, 0), "2024-10-27T02:00:00+02:00"),
        (Grid(parse("h"), "Europe/Berlin", 0, "moment"), seconds(2024, 10, 27, 1), "2024-10-27T02:00:00+01:00"),
        (Grid(parse("h"), None, 0, "moment"), seconds(2024, 10, 27, 1), "2024-10-27T01:00:00Z"),
        (Grid(parse("h"), None, 0, "local"), seconds(2024, 10, 27, 1), "2024-10-27T01:00:00"),
        (Grid(parse("D"), None, 0, "date"), seconds(2024, 10, 27), "2024-10-27"),
        (Grid(parse("MS"), None, 0, "month"), seconds(2024, 10, 1), "2024-10"),
        (Grid(parse("QS"), None, 0, "quarter"), seconds(2024, 10, 1), "2024Q4"),
        (Grid(parse("YS"), None, 0, "year"), seconds(2024, 1, 1), "2024"),
        (Grid(parse("step"), None, 0, "number"), 17, "17"),
    ],
)
def test_times_are_written_as_the_table_wrote_them(grid: Grid, time: int, text: str) -> None:
    assert grid.text(time) == text
    assert Grid.from_json(grid.as_json()) == grid


def test_months_keep_their_day_and_end_where_they_are_shorter() -> None:
    grid = Grid(parse("MS"), None, seconds(2024, 1, 31))
    days = [date(1970, 1, 1) + timedelta(int(time) // DAY) for time in grid.times(np.arange(4))]
    assert days == [date(2024, 1, 31), date(2024, 2, 29), date(2024, 3, 31), date(2024, 4, 30)]
    assert grid.index(np.array([seconds(2024, 2, 28), seconds(2024, 2, 29), seconds(2024, 3, 30)])).tolist() == [
        0,
        1,
        1,
    ]
