"""From tables to panels: what real series have is handled, or refused by name."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.data.written import as_instant
from automl_core.forecasting.panel import Panel, SeriesError
from automl_core.forecasting.reading import read_panel
from tests.support.examples import examples
from tests.unit.forecasting.panels import days, hours, kinds, table


def read(rows: pa.Table, **options: Any) -> tuple[Panel, dict[str, Any]]:
    found, findings = read_panel(rows, target="y", time="t", **options)
    return found, kinds(findings)


def test_missing_days_stay_missing_and_the_weekday_stays_where_it_is() -> None:
    """The case of /K/: daily, a weekly season 10 … 70, fourteen days are not there."""
    kept = [at for at in range(70) if not 20 <= at < 34]
    found, said = read(table([days(70)[at] for at in kept], [10 * (1 + at % 7) for at in kept]))
    values = found.series[0].values
    assert len(values) == 70
    assert np.flatnonzero(np.isnan(values)).tolist() == list(range(20, 34))
    there = ~np.isnan(values)
    assert (values[there] == 10 * (1 + np.arange(70) % 7)[there]).all()
    assert said["gaps"].numbers["steps"] == 14
    assert "2024-01-21" in said["gaps"].found
    assert "2024-02-03" in said["gaps"].found


def load(moments: list[dt.datetime]) -> list[float]:
    """What follows the local clock, and differs from day to day."""
    return [moment.hour + at / 1000 for at, moment in enumerate(moments)]


def test_load_with_offsets_follows_the_clock_of_the_zone() -> None:
    moments = hours(24 * 14 + 1, dt.datetime(2024, 10, 20))
    rows = table([moment.isoformat() for moment in moments], load(moments))
    found, said = read(rows, zone="Europe/Berlin")
    values = found.series[0].values
    assert len(values) == 24 * 14
    assert (np.floor(values) == np.arange(24 * 14) % 24).all()
    assert said["offsets"].numbers["offsets"] == 2
    twice = 7 * 24 + 2  # Sunday the 27th, two o'clock
    assert values[twice] == pytest.approx((load(moments)[twice] + load(moments)[twice + 1]) / 2)
    assert "shows twice: 1" in said["clock"].found


def test_load_with_offsets_and_no_zone_is_read_as_moments_and_a_zone_is_asked_for() -> None:
    moments = hours(24 * 14 + 1, dt.datetime(2024, 10, 20))
    found, said = read(table([moment.isoformat() for moment in moments], load(moments)))
    assert found.series[0].values.tolist() == load(moments)
    assert said["clock"].certainty == "doubtful"
    assert "zone" in said["clock"].advice


def test_local_times_without_a_zone_name_the_hour_that_is_twice() -> None:
    moments = hours(24 * 14 + 1, dt.datetime(2024, 10, 20))
    rows = table([moment.replace(tzinfo=None).isoformat() for moment in moments], load(moments))
    with pytest.raises(SeriesError, match=r"2024-10-27T02:00:00 in rows 171, 172.*`zone`.*Europe/Berlin"):
        read(rows)
    found, said = read(rows, duplicates="mean")
    assert len(found.series[0].values) == 24 * 14
    assert said["clock_change"].certainty == "doubtful"


def test_local_times_with_their_zone_are_as_those_with_offsets() -> None:
    moments = hours(24 * 14 + 1, dt.datetime(2024, 10, 20))
    local, _ = read(
        table([moment.replace(tzinfo=None).isoformat() for moment in moments], load(moments)), zone="Europe/Berlin"
    )
    offset, _ = read(table([moment.isoformat() for moment in moments], load(moments)), zone="Europe/Berlin")
    assert local.series[0].values.tolist() == offset.series[0].values.tolist()
    assert local.grid.anchor == offset.grid.anchor


def test_the_hour_that_is_skipped_is_no_gap_and_its_rows_are_named() -> None:
    moments = hours(24 * 14 - 1, dt.datetime(2024, 3, 25))
    found, said = read(table([moment.isoformat() for moment in moments], load(moments)), zone="Europe/Berlin")
    assert np.flatnonzero(np.isnan(found.series[0].values)).tolist() == [6 * 24 + 2]
    assert "gaps" not in said
    every = [dt.datetime(2024, 3, 25) + dt.timedelta(hours=at) for at in range(24 * 14)]
    found, said = read(table(every, list(range(24 * 14))), zone="Europe/Berlin")
    assert np.isnan(found.series[0].values[6 * 24 + 2])
    assert "row 147" in said["clock_change"].found


def test_days_with_offsets_need_the_zone_whose_days_they_are() -> None:
    midnights = [dt.datetime(2024, 3, 25, tzinfo=hours(1, dt.datetime(2024, 1, 1))[0].tzinfo) + dt.timedelta(at)
                 for at in range(14)]  # fmt: skip
    rows = table([each.isoformat() for each in midnights], list(range(14)))
    with pytest.raises(SeriesError, match="give `zone`"):
        read(rows)
    found, _ = read(rows, zone="Europe/Berlin")
    assert found.series[0].values.tolist() == list(range(14))


def test_a_column_with_a_zone_in_its_type_has_that_zone() -> None:
    moments = hours(24 * 14 + 1, dt.datetime(2024, 10, 20))
    column = pa.array([int(moment.timestamp()) for moment in moments], pa.timestamp("s", "Europe/Berlin"))
    found, said = read(table(column, load(moments)))
    assert found.grid.zone == "Europe/Berlin"
    assert "Europe/Berlin" in said["zone"].found


FORMS = {
    "h": [f"2024-03-01 {at:02d}:00" for at in range(24)],
    "15min": [f"2024-03-01T{at // 4:02d}:{at % 4 * 15:02d}:00" for at in range(40)],
    "30min": [f"2024-03-01T{at // 2:02d}:{at % 2 * 30:02d}:00Z" for at in range(40)],
    "10s": [f"2024-03-01T00:00:{at * 10:02d}" for at in range(6)],
    "D": [f"2024/03/{at + 1:02d}" for at in range(20)],
    "W-WED": [str(each) for each in days(70, dt.date(2024, 1, 3))[::7]],
    "W-MON": [f"2024-W{at + 1:02d}" for at in range(10)],
    "2W-WED": [str(each) for each in days(150, dt.date(2024, 1, 3))[::14]],
    "B": [str(each) for each in days(40) if each.weekday() < 5],
    "MS": [f"2024-{at + 1:02d}" for at in range(12)],
    "ME": ["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31"],
    "QS-JAN": ["2023Q3", "2023Q4", "2024Q1", "2024Q2"],
    "QE-DEC": ["2023-09-30", "2023-12-31", "2024-03-31", "2024-06-30"],
    "2MS": ["2024-01-15", "2024-03-15", "2024-05-15", "2024-07-15"],
    "YS-JAN": ["2019-01-01", "2020-01-01", "2021-01-01"],
    "YE-DEC": ["2019-12-31", "2020-12-31", "2021-12-31"],
    "step": [3, 4, 5, 6],
    "5step": [5, 10, 15, 25],
}


@pytest.mark.parametrize("alias", sorted(FORMS))
def test_frequencies_are_found_by_how_far_times_lie_apart(alias: str) -> None:
    times = FORMS[alias]
    found, _ = read(table(times, list(range(len(times)))))
    assert found.grid.frequency.alias == alias
    values = found.series[0].values
    assert values[~np.isnan(values)].tolist() == list(range(len(times)))


@pytest.mark.parametrize("alias", sorted(FORMS))
def test_times_come_out_as_they_went_in(alias: str) -> None:
    times = FORMS[alias]
    found, _ = read(table(times, list(range(len(times)))))
    one = found.series[0]
    steps = one.start + np.flatnonzero(~np.isnan(one.values))
    again = [found.grid.text(time) for time in found.grid.times(steps).tolist()]
    back, _ = read(table(again if alias[-4:] != "step" else [int(each) for each in again], list(range(len(times)))))
    assert back.grid == found.grid or alias == "W-MON"  # weeks are written by their Monday
    assert back.series[0].values.tolist() == pytest.approx(one.values.tolist(), nan_ok=True)


@pytest.mark.parametrize(
    ("numbers", "alias", "text"),
    [([202401, 202402, 202403], "MS", "2024-01"), ([20240131, 20240201, 20240202], "D", "2024-01-31"),
     ([2019, 2020, 2021], "YS-JAN", "2019"),
     ([1711843200, 1711846800, 1711850400], "h", "2024-03-31T00:00:00Z")],
)  # fmt: skip
def test_numbers_that_are_times_are_read_so_and_it_is_said(numbers: list[int], alias: str, text: str) -> None:
    found, said = read(table(numbers, [1, 2, 3]))
    assert found.grid.frequency.alias == alias
    assert found.grid.text(int(found.grid.times(found.starts)[0])) == text
    assert str(numbers[0]) in said["times_read"].found
    plain, said = read(table(numbers, [1, 2, 3]), frequency="step")
    assert plain.grid.frequency.unit == "step"
    assert "times_read" not in said


@pytest.mark.parametrize(
    ("years", "alias", "first"),
    [([1949.0, 1949.08333, 1949.16667, 1949.25], "MS", "1949-01"), ([1991.92, 1992.0, 1992.08], "MS", "1991-12"),
     ([1960.25, 1960.5, 1960.75, 1961.0], "QS-JAN", "1960Q2")],
)  # fmt: skip
def test_decimals_of_years_are_months_or_quarters(years: list[float], alias: str, first: str) -> None:
    found, said = read(table(years, list(range(len(years)))))
    assert found.grid.frequency.alias == alias
    assert found.grid.text(int(found.grid.times(found.starts)[0])) == first
    assert found.lengths.tolist() == [len(years)]
    assert "decimals" in said["times_read"].done


def test_copies_are_one_row_and_it_is_said() -> None:
    rows = table(["2024-01-01", "2024-01-02", "2024-01-02", "2024-01-03"], [1, 2, 2, 3])
    found, said = read(rows)
    assert found.series[0].values.tolist() == [1, 2, 3]
    assert said["copies"].numbers == {"rows": 1, "series": 1}
    found, said = read(rows, duplicates="sum")  # each counts: two sales of two pieces
    assert found.series[0].values.tolist() == [1, 4, 3]
    assert "copies" not in said


CONTRADICTING = table(
    ["2024-01-01", "2024-01-02", "2024-01-03", "2024-01-01", "2024-01-02", "2024-01-02", "2024-01-03"],
    [1, 2, 3, 4, 5, 7, 6],
    s=pa.array(["north"] * 3 + ["south"] * 4),
)


def test_values_that_contradict_each_other_are_named_with_series_and_rows() -> None:
    with pytest.raises(SeriesError, match=r"south: 2024-01-02 in rows 5, 6.*mean, sum, last"):
        read(CONTRADICTING, series="s")


@pytest.mark.parametrize(("how", "value"), [("mean", 6), ("sum", 12), ("last", 7)])
def test_values_of_one_time_become_what_is_asked_for(how: str, value: float) -> None:
    found, said = read(CONTRADICTING, series="s", duplicates=how)
    assert found.series[1].values.tolist() == [4, value, 6]
    assert how in said["duplicates"].done


def test_a_series_that_cannot_be_read_leaves_its_neighbours_alone_where_that_is_asked_for() -> None:
    found, said = read(CONTRADICTING, series="s", unusable="leave_out")
    assert found.names == ("north",)
    assert said["duplicates"].left_out
    assert said["duplicates"].series == ("south",)


def test_a_forgotten_series_column_is_suggested() -> None:
    rows = table(["2024-01-01", "2024-01-02"] * 2, [1, 2, 3, 4], store=pa.array(["a", "a", "b", "b"]))
    with pytest.raises(SeriesError, match="give `series: store`"):
        read(rows)


def test_times_beside_the_grid_are_named_or_belong_to_the_step_before() -> None:
    times = [dt.datetime(2024, 1, 1, at) for at in range(20)]
    times[7] = dt.datetime(2024, 1, 1, 7, 20)
    rows = table(times, list(range(20)))
    with pytest.raises(SeriesError, match=r"2024-01-01T07:20:00 in row 8.*duplicates"):
        read(rows)
    found, said = read(rows, duplicates="mean")
    assert found.series[0].values.tolist() == list(range(20))
    assert said["off_grid"].numbers["rows"] == 1


def test_a_series_of_another_frequency_is_named() -> None:
    daily, weekly = days(40), days(60)[::7]
    rows = table([*daily, *weekly], list(range(40 + len(weekly))), s=pa.array(["d"] * 40 + ["w"] * len(weekly)))
    with pytest.raises(SeriesError, match=r"another frequency.*w: a value every 7 steps \(weekly\)"):
        read(rows, series="s")
    found, _ = read(rows, series="s", unusable="leave_out")
    assert found.names == ("d",)


def test_most_series_have_the_frequency_and_not_the_longest_one() -> None:
    monthly = [dt.date(2022 + at // 12, at % 12 + 1, 1) for at in range(24)]
    daily = days(700, dt.date(2022, 1, 1))
    names = [name for name in "abcdefghijklmnopqrstuvwx" for _ in monthly] + ["z"] * 700
    rows = table(monthly * 24 + daily, list(range(24 * 24 + 700)), s=pa.array(names))
    with pytest.raises(SeriesError, match="beside the frequency MS – z"):
        read(rows, series="s")
    found, said = read(rows, series="s", unusable="leave_out")
    assert len(found) == 24
    assert said["off_grid"].series == ("z",)
    few = rows.slice(23 * 24)  # one of each: months among days are as far apart as months are
    found, said = read(few, series="s", unusable="leave_out")
    assert found.names == ("z",)
    assert "every 30 days" in said["other_frequency"].found


def test_where_no_series_can_be_read_that_is_said() -> None:
    with pytest.raises(SeriesError, match=r"every series would be left out\n.*2024-01-01 in rows 1, 2"):
        read(table(["2024-01-01"] * 2 + ["2024-01-02"], [1, 2, 3]), unusable="leave_out")


def with_offsets(times: Sequence[dt.datetime]) -> pa.Table:
    """Moments as a CSV has them: times of UTC as texts with an offset."""
    return table([time.isoformat() + "Z" for time in times], [float(at % 7) for at in range(len(times))])


def of_maxcompute(times: Sequence[dt.datetime]) -> pa.Table:
    """Moments as MaxCompute has them: DATETIMEs, which the tunnel gives in UTC without saying so in their type."""
    schema = pa.schema([as_instant(pa.field("t", pa.timestamp("ms"))), pa.field("y", pa.float64())])
    return pa.table([pa.array(times, pa.timestamp("ms")), [float(at % 7) for at in range(len(times))]], schema=schema)


MOMENTS = pytest.mark.parametrize("moments", [with_offsets, of_maxcompute])


def steps(count: int, apart: dt.timedelta, first: dt.datetime) -> list[dt.datetime]:
    return [first + at * apart for at in range(count)]


def month_ends(hour: int) -> list[dt.datetime]:
    """What midnights of the first of a month are in UTC, east of it."""
    return [dt.datetime(2024 + at // 12, at % 12 + 1, 1, hour) - dt.timedelta(1) for at in range(30)]


@MOMENTS
@pytest.mark.parametrize(
    ("times", "alias", "zone"),
    [
        (steps(42, dt.timedelta(1), dt.datetime(2026, 1, 4, 16)), "D", "Asia/Shanghai"),
        (steps(20, dt.timedelta(7), dt.datetime(2026, 1, 4, 16)), "W-SUN", "Asia/Shanghai"),
        (month_ends(16), "ME", "Asia/Shanghai"),
        (steps(19, dt.timedelta(1), dt.datetime(2024, 6, 1, 22)), "D", "Europe/Berlin"),
    ],
    ids=["days", "weeks", "months", "summer"],
)
def test_steps_that_begin_elsewhere_ask_whose_days_they_are(
    moments: Any, times: list[dt.datetime], alias: str, zone: str
) -> None:
    found, said = read(moments(times))
    assert found.grid.frequency.alias == alias
    assert f"begin at {times[0]:%H:%M} in UTC" in said["clock"].found
    assert said["clock"].certainty == "doubtful"
    assert "give the `zone`" in said["clock"].advice
    found, said = read(moments(times), zone=zone)
    assert "clock" not in said
    assert "T00:00:00" in found.grid.text(int(found.grid.times(found.starts)[0]))
    assert found.series[0].values.tolist() == [float(at % 7) for at in range(len(times))]


@MOMENTS
def test_days_that_begin_at_midnight_of_utc_are_asked_nothing(moments: Any) -> None:
    assert "clock" not in read(moments(steps(42, dt.timedelta(1), dt.datetime(2026, 1, 4))))[1]


@MOMENTS
def test_hours_that_are_moments_ask_for_the_clock_that_people_live_by(moments: Any) -> None:
    times = steps(24 * 14, dt.timedelta(hours=1), dt.datetime(2024, 10, 20))
    found, said = read(moments(times))
    assert found.grid.frequency.alias == "h"
    assert "no zone is known" in said["clock"].found
    _, said = read(moments(times), zone="Europe/Berlin")
    assert "shows twice: 1" in said["clock"].found


@MOMENTS
def test_midnights_of_a_clock_that_changes_need_its_zone(moments: Any) -> None:
    berlin = [dt.datetime(2024, 3, 25, 23) + dt.timedelta(days=at, hours=-1 if at >= 6 else 0) for at in range(14)]
    with pytest.raises(SeriesError, match=r"a clock that changes.*give `zone`"):
        read(moments(berlin))
    found, _ = read(moments(berlin), zone="Europe/Berlin")
    assert found.series[0].values.tolist() == [float(at % 7) for at in range(14)]


@MOMENTS
def test_a_moment_that_is_there_twice_is_no_hour_of_a_clock(moments: Any) -> None:
    """Three o'clock on the day that clocks are set back, whose hour a local clock would show twice."""
    times = steps(24 * 14, dt.timedelta(hours=1), dt.datetime(2024, 10, 20))
    at = times.index(dt.datetime(2024, 10, 27, 2))
    with pytest.raises(SeriesError, match="several rows of one time"):
        read(moments([*times[: at + 1], *times[at:]]))


def test_local_hours_that_show_no_offset_ask_for_nothing() -> None:
    assert "clock" not in read(table(steps(24 * 14, dt.timedelta(hours=1), dt.datetime(2024, 10, 20)), [1.0] * 336))[1]


def test_irregular_times_ask_for_a_frequency_and_go_with_one() -> None:
    rng = np.random.default_rng(0)
    times = [dt.datetime(2024, 1, 1) + dt.timedelta(seconds=int(at)) for at in np.sort(rng.integers(0, 864_000, 60))]
    rows = table(times, [1.0] * 60)
    with pytest.raises(SeriesError, match=r"irregular.*`frequency`"):
        read(rows)
    found, _ = read(rows, frequency="D", duplicates="sum")
    assert len(found.series[0].values) == 10
    assert found.series[0].values.sum() == 60


def test_a_sum_over_a_step_of_nothing_but_missing_values_is_missing() -> None:
    rows = table([1, 1, 2, 2, 3], [1.0, 2.0, None, None, 4.0])
    found, _ = read(rows, duplicates="sum")
    assert found.series[0].values.tolist() == pytest.approx([3, np.nan, 4], nan_ok=True)


def test_unequal_starts_and_lengths_keep_their_places() -> None:
    rows = table([*days(10), *days(4, dt.date(2024, 1, 5))], list(range(14)), s=pa.array([2] * 10 + [10] * 4))
    found, said = read(rows, series="s")
    assert found.names == ("2", "10")  # by number, not by letters
    assert found.starts.tolist() == [0, 4]
    assert found.lengths.tolist() == [10, 4]
    assert said["lengths"].numbers == {"least": 4.0, "most": 10.0}


def test_several_columns_tell_series_apart_together() -> None:
    rows = table(
        days(3) * 3, list(range(9)), shop=pa.array(["a"] * 6 + ["b"] * 3), item=pa.array([1] * 3 + [2] * 3 + [1] * 3)
    )
    found, _ = read(rows, series=["shop", "item"])
    assert found.names == ("a / 1", "a / 2", "b / 1")
    assert found.key_values["a / 2"] == ("a", "2")
    assert found.series[2].values.tolist() == [6, 7, 8]


def test_names_that_would_be_one_when_joined_stay_two() -> None:
    rows = table(
        days(2) * 2, [1, 2, 3, 4], p=pa.array(["a / b"] * 2 + ["a"] * 2), q=pa.array(["c"] * 2 + ["b / c"] * 2)
    )
    found, _ = read(rows, series=["p", "q"])
    assert len(set(found.names)) == 2


def test_what_series_are_is_said_by_name() -> None:
    steps = 20
    series = {
        "flat": [5.0] * steps,
        "none": [0.0] * steps,
        "spare": [0, 0, 0, 5] * 5,
        "lumpy": [0, 0, 0, 1, 0, 0, 0, 50, 0, 0] * 2,
        "below": list(range(-10, 10)),
        "tiny": [1.0, 2.0],
    }
    rows = table(
        [at for one in series.values() for at in range(len(one))],
        [float(value) for one in series.values() for value in one],
        s=pa.array([name for name, one in series.items() for _ in one]),
    )
    found, said = read(rows, series="s")
    assert said["constant"].series == ("flat",)
    assert said["zeros"].series == ("none",)
    assert said["intermittent"].series == ("spare",)
    assert said["lumpy"].series == ("lumpy",)
    assert said["negative"].series == ("below",)
    assert said["short"].series == ("tiny",)
    assert len(found) == len(series)


@pytest.mark.parametrize(
    ("times", "values", "said"),
    [
        (["2024-01-01", "2024-01-02", "soon", "2024-01-02"], [1, 2, 3, 4], r"row 3: 'soon' is no time.*series: b"),
        (["2024-01-01", "2024-01-02", "2024-01-01", None], [1, 2, 3, 4], r"row 4 of 4 have no time.*series: b"),
        ([1, 2, 1, 2], ["1", "many", "2", "none"], r"rows 2, 4: no numbers, such as 'many' \(series: a, b\)"),
        ([1, 2, 1, 2], [1.0, 2.0, float("inf"), 4.0], r"row 3: infinite.*series: b"),
        ([1, 2, 1, 2], [1.0, 2.0, 3.0, 1e200], r"row 4: 1e\+200 is too large.*series: b"),
    ],
)
def test_rows_that_cant_be_read_are_named_with_their_series(times: list[Any], values: list[Any], said: str) -> None:
    with pytest.raises(SeriesError, match=said):
        read(table(times, values, s=pa.array(["a", "a", "b", "b"])), series="s")


def test_a_series_of_no_number_and_no_name_is_named_by_its_row_alone() -> None:
    with pytest.raises(SeriesError, match=r"row 2: infinite; give a number, or leave the value out$"):
        read(table([1, 2], [1.0, float("inf")]))
    with pytest.raises(SeriesError, match="s: row 2 has no value, so no series"):
        read(table([1, 2], [1.0, float("inf")], s=pa.array(["a", None])), series="s")


FAR = {
    "the end of all times": [dt.date(9999, 12, 31)],
    "the first second": [dt.date(1970, 1, 1)],
    "both": [dt.date(1970, 1, 1), dt.date(9999, 12, 31)],
    "a digit": [dt.date(2094, 2, 1), dt.date(2094, 2, 2), dt.date(2094, 2, 3)],
}


@pytest.mark.parametrize("what", sorted(FAR))
def test_times_that_lie_far_from_all_others_are_named_and_cost_nothing(what: str) -> None:
    count = len(FAR[what])
    rows = table(
        [*days(100), *days(100), *FAR[what]], list(range(200 + count)), s=pa.array(["a"] * 100 + ["b"] * (100 + count))
    )
    with pytest.raises(SeriesError, match=rf"far from all others of the table – b: {min(FAR[what])}.* in row"):
        read(rows, series="s")
    found, said = read(rows, series="s", unusable="leave_out")
    assert found.names == ("a",)
    assert said["far_times"].series == ("b",)
    assert said["far_times"].left_out
    with pytest.raises(SeriesError, match="far from all others"):
        read(table([*days(100), *FAR[what]], list(range(100 + count))))


@pytest.mark.parametrize("what", sorted(FAR))
def test_a_frequency_in_the_file_is_no_word_for_a_wrong_year(what: str) -> None:
    rows = table([*days(100), *FAR[what]], list(range(100 + len(FAR[what]))))
    with pytest.raises(SeriesError, match=r"far from all others .*1,000 steps \(daily\) is taken for a slip"):
        read(rows, frequency="D")


@pytest.mark.parametrize(("hole", "fits"), [(7, True), (1000, True), (1001, False)])
def test_a_frequency_in_the_file_says_what_a_long_hole_is(hole: int, fits: bool) -> None:
    """Of a list of sales: many within an hour, the next one days after."""
    start = dt.datetime(2026, 3, 2, 9)
    sales = [start + dt.timedelta(minutes=5 * n) for n in range(12)]
    rows = table([*sales, start + dt.timedelta(days=hole, minutes=55)], [1.0] * 13)
    with pytest.raises(SeriesError, match=r"far from all others .* give the `frequency`"):
        read(rows, duplicates="sum")
    if not fits:
        with pytest.raises(SeriesError, match="far from all others"):
            read(rows, frequency="D", duplicates="sum")
        return
    found, said = read(rows, frequency="D", duplicates="sum")
    assert "far_times" not in said
    assert np.nansum(found.series[0].values) == 13
    assert len(found.series[0].values) == hole + 1


@pytest.mark.parametrize(
    ("frequency", "gap", "slip"),
    [
        ("B", dt.date(2029, 12, 31), dt.date(2030, 1, 2)),  # 1,000 and 1,002 business days after 2026-03-02
        ("MS", dt.date(2109, 7, 2), dt.date(2109, 8, 2)),
        ("ME", dt.date(2109, 7, 30), dt.date(2109, 9, 30)),
        ("YS", dt.date(3026, 12, 31), dt.date(3027, 3, 2)),
        ("W", dt.date(2045, 5, 6), dt.date(2045, 5, 8)),
    ],
)
def test_the_steps_of_a_long_hole_are_counted_by_the_calendar(frequency: str, gap: dt.date, slip: dt.date) -> None:
    sales = [dt.datetime(2026, 3, 2, 9, 5 * n) for n in range(12)]

    def read_until(last: dt.date) -> dict[str, Any]:
        rows = table([*sales, dt.datetime.combine(last, dt.time(9, 55))], [1.0] * 13)
        return read(rows, frequency=frequency, duplicates="sum")[1]

    assert "far_times" not in read_until(gap)
    with pytest.raises(SeriesError, match=r"1,000 steps .* is taken for a slip"):
        read_until(slip)


@pytest.mark.parametrize("more", [[dt.date(2026, 9, 1)], days(10, dt.date(2030, 1, 1))], ids=["one", "ten"])
def test_values_after_a_long_pause_are_values(more: list[dt.date]) -> None:
    """A thousand steps without a value are a gap; so is any hole beyond which a series goes on."""
    found, said = read(table([*days(100), *more], list(range(100 + len(more)))))
    assert "far_times" not in said
    assert said["gaps"].numbers["steps"] == len(found.series[0].values) - 100 - len(more)


def test_where_hardly_a_step_is_there_that_is_said_and_the_frequency_is_asked_for() -> None:
    rows = table([*days(100), *days(10, dt.date(2090, 1, 1))], list(range(110)))
    with pytest.raises(SeriesError, match=r"most times are D apart.*only 0\.0045 of all steps.*is a time wrong"):
        read(rows)
    assert read(rows, frequency="D")[1]["gaps"].numbers["steps"] > 20_000


def test_a_series_without_any_value_is_left_out_by_name_and_new_to_a_model() -> None:
    rows = table([1, 2, 3, 1, 2], [1.0, 2.0, 3.0, None, None], s=pa.array(["a", "a", "a", "new", "new"]),
                 price=pa.array([1.0, 2.0, 3.0, 4.0, 5.0]))  # fmt: skip
    found, said = read(rows, series="s", known=["price"])
    assert found.names == ("a",)
    assert said["no_values"].series == ("new",)
    later, _ = read(rows, series="s", known=["price"], like=found)
    new = later.series[later.position("new")]
    assert len(new.values) == 0
    assert new.known[:, 0].tolist() == [4, 5]


def test_known_columns_go_on_into_the_future_and_texts_are_numbers() -> None:
    rows = table(
        days(5), [1.0, 2.0, 3.0, None, None],
        price=pa.array([9, 9, 8, 8, 7]), holiday=pa.array([None, "xmas", None, "easter", None], pa.string()),
    )  # fmt: skip
    found, said = read(rows, known=["price", "holiday"])
    one = found.series[0]
    assert one.future == 2
    assert one.known[:, 0].tolist() == [9, 9, 8, 8, 7]
    assert found.known[1].categories == ("", "easter", "xmas")
    assert one.known[:, 1].tolist() == [0, 2, 0, 1, 0]
    assert "category of their own" in said["known_empty"].done
    assert said["future"].numbers["rows"] == 2
    later = table(days(2, dt.date(2024, 1, 6)), [1.0, 2.0], price=pa.array([1, 2]), holiday=pa.array(["xmas", "moon"]))
    again, said = read(later, known=["price", "holiday"], like=found)
    assert again.series[0].known[:, 1].tolist() == pytest.approx([2, np.nan], nan_ok=True)
    assert "'moon'" in said["known_unseen"].found
    assert again.starts.tolist() == [5]


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (table(["2024-01-01", None], [1, 2]), {}, "row 2 of 2 have no time"),
        (table(["31.01.2024", "01.02.2024"], [1, 2]), {}, "row 1: '31.01.2024' is no time"),
        (table([2024.0, 2024.01, 2024.02], [1, 2, 3]), {}, "rows 2, 3: 2024.01 is no time"),
        (table(["2024-01-01 01:00", "2024-01-01 02:00+01:00"], [1, 2]), {}, "row 1 has none"),
        (table([1, 2], ["1", "many"]), {}, "row 2: no numbers, such as 'many'"),
        (table([1, 2], ["1,5", "2"]), {}, "write a point"),
        (table([1, 2], [1.0, float("inf")]), {}, "row 2: infinite"),
        (table([1, 2], [1.0, -1e300]), {}, r"row 2: -1e\+300 is too large .*up to 1e\+100"),
        (table([1, 2], [None, None], ), {}, "no series has a value"),
        (table([1], [1]), {}, "no frequency can be found"),
        (table([1, 2], [1, 2], s=pa.array(["a", None])), {"series": "s"}, "row 2 has no value, so no series"),
        (table([1, 2], [1, 2]), {"series": "z"}, "no column 'z'"),
        (table([1, 2], [1, 2]), {"known": ["y"]}, "two purposes"),
        (table([1, 2], [1, 2]), {"frequency": "h"}, "found whole numbers"),
        (table(days(3), [1, 2, 3]), {"frequency": "step"}, "found times"),
        (table(days(3), [1, 2, 3]), {"frequency": "often"}, "no frequency: 'often'"),
        (table(days(3), [1, 2, 3]), {"zone": "Europe/Berln"}, "did you mean 'Europe/Berlin'"),
        (table([1, 2, 3], [1, 2, 3]), {"zone": "Europe/Berlin"}, "no clock shows"),
        (table(days(3), [1, 2, 3]), {"duplicates": "first"}, "allowed: last, mean, refuse, sum"),
        (table([dt.datetime(2024, 1, 1, 0, 0, 0, 5)] * 2, [1, 2]), {}, "finer than a second"),
        (table([*days(3), dt.date(9999, 1, 1)], [1, 2, 3, 4], s=pa.array(["a"] * 4)), {"frequency": "s"}, "wrong"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_words(rows: pa.Table, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SeriesError, match=message):
        read(rows, **options)


@pytest.mark.parametrize(
    ("frequency", "alias"),
    [("M", "MS"), ("MS", "MS"), ("D", "D"), ("W", "W-MON"), ("W-SUN", "W-SUN"), ("Q", "QS-JAN")],
)
def test_a_frequency_that_is_given_goes_by_what_the_data_have(frequency: str, alias: str) -> None:
    """`M` of dates on first days: months all the same."""
    times = [dt.date(2023, month, 1) for month in range(1, 13)]
    found, _ = read(table(times, [1.0] * 12), frequency=frequency, duplicates="sum")
    assert found.grid.frequency.alias == alias
    assert np.nansum(found.series[0].values) == 12


@settings(max_examples=examples(40))
@given(
    st.data(), st.sampled_from(("h", "D", "B", "W-MON", "MS", "ME", "step")),
    st.lists(st.integers(2, 30), min_size=1, max_size=5), st.randoms(use_true_random=False),
)  # fmt: skip
def test_a_shuffled_table_gives_the_same_panel(data: Any, alias: str, lengths: list[int], random: Any) -> None:
    from automl_core.forecasting.frequency import parse
    from automl_core.forecasting.grid import Grid

    grid = Grid(parse(alias), None, 0 if alias in ("step", "h") else 4 * 86_400 if alias != "ME" else 30 * 86_400)
    codes, steps = [], []
    for code, length in enumerate(lengths):
        begin = data.draw(st.integers(0, 20))
        codes += [code] * length
        steps += range(begin, begin + length)
    times = grid.times(np.array(steps))
    column = pa.array(times.tolist(), pa.int64() if alias == "step" else pa.timestamp("s"))
    rows = table(column, [float(at) for at in range(len(codes))], s=pa.array(codes))
    order = list(range(len(codes)))
    random.shuffle(order)
    straight, first = read(rows, series="s")
    shuffled, second = read(rows.take(pa.array(order)), series="s")
    assert straight.grid == shuffled.grid
    assert straight.names == shuffled.names
    assert {kind: one.found for kind, one in first.items()} == {kind: one.found for kind, one in second.items()}
    for one, other in zip(straight.series, shuffled.series, strict=True):
        assert one.start == other.start
        assert one.values.tolist() == pytest.approx(other.values.tolist(), nan_ok=True)
    assert sum(float(one.values[~np.isnan(one.values)].sum()) for one in straight.series) == sum(range(len(codes)))


@pytest.mark.parametrize(
    ("column", "values", "said"),
    [
        ("quarter", [1.0, 2.0] * 3, r"last\)\. Is 'quarter' a part of the time, beside 't'\?"),
        ("shop", ["a", "b"] * 3, r"last\)\. Does 'shop' tell series apart\? Then give `series: shop`"),
        ("price", [1.0, 2.0] * 3, r"last\)$"),
    ],
)
def test_a_time_that_is_there_twice_may_lack_a_column(column: str, values: list[Any], said: str) -> None:
    times = [2001, 2001, 2002, 2002, 2003, 2003]
    with pytest.raises(SeriesError, match=said):
        read_panel(table(times, [1.0, 2, 3, 4, 5, 6], **{column: pa.array(values)}), target="y", time="t")


def test_digits_of_hours_and_minutes_are_times() -> None:
    """Partitions of tables are called so; 2026033114 is no count of seconds."""
    moments = [dt.datetime(2026, 3, 30, 22) + dt.timedelta(hours=at) for at in range(60)]
    for form in ("%Y%m%d%H", "%Y%m%d%H%M", "%Y%m%d%H%M%S"):
        for read_as in (str, int):
            found, said = read(table([read_as(each.strftime(form)) for each in moments], list(range(60))))
            assert found.series[0].values.tolist() == list(range(60)), form
            assert found.grid.frequency.words == "hourly"
            assert found.grid.text(int(found.grid.times(np.array([found.series[0].start]))[0])) == "2026-03-30T22:00:00"
            assert "year, month, day" in said["times_read"].done


def test_seconds_since_1970_stay_seconds() -> None:
    found, said = read(table([1_767_225_600 + 3600 * at for at in range(48)], list(range(48))))
    assert "seconds since 1970" in said["times_read"].done
    assert found.series[0].values.tolist() == list(range(48))
