"""When intervals are due, what they are called, and which partitions there are."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pendulum
import pytest
from airflow.timetables.interval import CronDataIntervalTimetable
from airflow.timetables.trigger import CronTriggerTimetable
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.models.batch import Timetable, interval_at
from automl_core.models.batch.intervals import (
    AHEAD,
    Interval,
    check_has_come,
    has_dates,
    interval_of_key,
    names_days,
    newest_only,
)
from automl_core.models.batch.keys import FromKeys
from automl_core.models.batch.partitions import found_partitions, moment_of_extra
from tests.standins.maxcompute import MaxComputeStandIn
from tests.support.examples import examples
from tests.unit.models.batch.lab import day

LINES = ("@daily", "@hourly", "0 6 * * 1", "30 2 * * *", "*/20 * * * *", "15 3 1 * *")
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")


def of_airflow(line: str, zone: str, after: datetime, count: int, *, spans: bool) -> list[tuple[float, float]]:
    """The data intervals that Airflow itself makes after a moment."""
    if spans:
        timetable: CronTriggerTimetable | CronDataIntervalTimetable = CronDataIntervalTimetable(line, timezone=zone)
    else:
        timetable = CronTriggerTimetable(line, timezone=zone)
    found, moment = [], pendulum.instance(after)
    for _ in range(count):
        if spans:
            assert isinstance(timetable, CronDataIntervalTimetable)
            end = timetable._get_next(moment)
            found.append((timetable._get_prev(end).timestamp(), end.timestamp()))
        else:
            end = timetable._get_next(moment)
            found.append((end.timestamp(), end.timestamp()))
        moment = end
    return found


@settings(max_examples=examples(40), deadline=None)
@given(
    line=st.sampled_from(LINES), zone=st.sampled_from(ZONES), spans=st.booleans(),
    after=st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)),
)  # fmt: skip
def test_points_are_those_of_airflow_also_where_clocks_are_changed(
    line: str, zone: str, spans: bool, after: datetime
) -> None:
    moment = after.replace(microsecond=0, tzinfo=UTC)
    theirs = of_airflow(line, zone, moment, 30, spans=spans)
    ours = Timetable(line, zone, spans).due(moment.timestamp(), theirs[-1][1])
    assert [(each.start, each.end) for each in ours] == theirs
    assert len({each.key for each in ours}) == len(ours)


def test_the_days_on_which_clocks_are_changed() -> None:
    for date in ("2026-03-28", "2026-10-24"):
        after = datetime.fromisoformat(date).replace(tzinfo=UTC)
        for line in LINES:
            theirs = of_airflow(line, "Europe/Berlin", after, 120, spans=False)
            ours = Timetable(line, "Europe/Berlin").due(after.timestamp(), theirs[-1][1])
            assert [(each.start, each.end) for each in ours] == theirs, line


def test_a_run_that_a_person_begins_between_two_points_has_the_interval_before() -> None:
    at = datetime(2026, 11, 2, 14, 7, 3, tzinfo=UTC)
    assert Timetable("@daily").own(at, at, at) == day("2026-11-02")
    assert Timetable("@daily").own(datetime(2026, 11, 2, tzinfo=UTC), None, None) == day("2026-11-02")
    first, last = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
    assert Timetable("@daily", spans=True).own(at, first, last) == interval_at(first, first, last)


def test_people_name_intervals_by_dates_and_keys() -> None:
    assert Timetable("@daily").interval_of("2026-11-02") == day("2026-11-02")
    assert Timetable("@daily").interval_of("2026-11-02T01:00:00+01:00") == day("2026-11-02")
    spanned = Timetable("@daily", spans=True).interval_of("2026-11-02")
    assert spanned.key == "2026-11-02T00:00:00Z/2026-11-03T00:00:00Z"
    assert interval_of_key(spanned.key) == spanned
    assert spanned.dates["ds"] == "2026-11-02"
    with pytest.raises(ValueError, match="allowed: a date or moment"):
        Timetable("@daily").interval_of("yesterday")


def test_a_date_is_the_point_of_that_day_as_the_schedule_has_it() -> None:
    for line, zone in (("0 6 * * *", "UTC"), ("0 6 * * *", "Europe/Berlin"), ("@daily", "America/New_York")):
        for spans in (False, True):
            table = Timetable(line, zone, spans)
            since = datetime(2026, 10, 23, tzinfo=UTC).timestamp()
            for due in table.due(since, since + 5 * 86400):
                assert table.interval_of(due.dates["ds"]) == due, "else it is scored again under another key"
    hourly = Timetable("0 * * * *").interval_of("2026-11-02")
    assert hourly == day("2026-11-02"), "of several points none is meant"
    assert Timetable("0 6 * * 1").interval_of("2026-11-03") == day("2026-11-03"), "a day without any"
    assert Timetable("0 6 * * *").interval_of("2026-11-02T07:00:00").dates["ts"] == "2026-11-02T07:00:00+00:00"


def test_of_data_without_dates_only_the_newest_can_be_scored() -> None:
    owed = {each.key: each for each in map(day, ("2026-11-02", "2026-11-04", "2026-11-03"))}
    wanted, gone = newest_only(owed, "latest.parquet")
    assert list(wanted) == [day("2026-11-04").key]
    assert len(gone) == 2
    assert newest_only(owed, "ds=${ds}/") == (owed, {})
    assert has_dates("a/${ts}/b")
    assert not has_dates("a/${bundle_dir}/b")
    assert names_days("a/${ds}/${ds_nodash}")
    assert not names_days("a/${ds}/${ts_nodash}")


@pytest.mark.parametrize(
    ("place", "files", "dates"),
    [
        ("in/ds=${ds}/", ["in/ds=2026-11-02/a.csv", "in/ds=2026-11-03/b/c.csv", "in/ds=x/a.csv"], [2, 3]),
        ("in/${ds_nodash}.csv", ["in/20261102.csv", "in/20261103.csv.bak", "in/2026110.csv", "in/20261399.csv"], [2]),
        ("in/${ds}/part-*.csv", ["in/2026-11-02/part-1.csv", "in/2026-11-03/other.csv"], [2]),
        ("in/${ds}/x_${ds_nodash}.csv", ["in/2026-11-02/x_20261102.csv", "in/2026-11-03/x_20261104.csv"], [2]),
        ("in/ds=${ds}/", [".in", "in/ds=2026-11-02/_SUCCESS"], []),
    ],
)
def test_partitions_are_found_in_folders(tmp_path: Path, place: str, files: list[str], dates: list[int]) -> None:
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x\n")
    for text in (place, f"{tmp_path}/{place}", f"file://{tmp_path}/{place}"):
        found = found_partitions(text, tmp_path, FromKeys())
        assert [each.key for each in found] == [day(f"2026-11-{number:02d}").key for number in dates], text


def test_partitions_of_hours_and_of_tables(tmp_path: Path) -> None:
    (tmp_path / "20261102T060000.csv").write_text("x")
    (found,) = found_partitions(f"{tmp_path}/${{ts_nodash}}.csv", tmp_path, FromKeys())
    assert found.at == datetime(2026, 11, 2, 6, tzinfo=UTC).timestamp()
    with MaxComputeStandIn() as standin:
        odps = standin.odps()
        odps.execute_sql("CREATE TABLE t (a BIGINT) PARTITIONED BY (ds STRING, region STRING)").wait_for_success()
        for spec in ("ds='20261102',region='eu'", "ds='20261103',region='us'", "ds='x',region='eu'"):
            odps.execute_sql(f"ALTER TABLE t ADD PARTITION ({spec})").wait_for_success()

        class Access(FromKeys):
            def tables(self, project: str, connection: str | None) -> object:
                return odps

        place = f"odps://{standin.project}/t/ds=${{ds_nodash}}/region=eu"
        assert [each.key for each in found_partitions(place, tmp_path, Access())] == [day("2026-11-02").key]


@pytest.mark.parametrize(
    ("extra", "moment"),
    [
        ({"ds": "2026-11-02"}, datetime(2026, 11, 2, tzinfo=UTC)),
        ({"partition": "ds=20261102"}, datetime(2026, 11, 2, tzinfo=UTC)),
        ({"logical_date": "2026-11-02T06:00:00+01:00"}, datetime(2026, 11, 2, 5, tzinfo=UTC)),
        ({"ds": "soon", "rows": 3}, None),
        ({"ds": 20261102}, None),
        ({}, None),
    ],
)
def test_what_an_event_says_of_its_partition(extra: dict[str, object], moment: datetime | None) -> None:
    assert moment_of_extra(extra) == moment


def test_an_interval_of_a_state_of_data_has_no_dates() -> None:
    state = Interval("data-0123456789abcdef", 1.0, 1.0)
    assert state.dates == {}
    assert interval_of_key(state.key).key == state.key


def test_what_lies_ahead_is_refused_by_date_and_by_key_and_tomorrow_is_not() -> None:
    now = datetime(2026, 11, 2, 12, tzinfo=UTC).timestamp()
    for text in ("2026-11-02", "2026-11-03", "2026-11-03T12:00:00", "data-0123456789abcdef", "yesterday"):
        check_has_come(text, now)
    for text in ("2062-11-02", "2026-11-05", interval_at(datetime.fromtimestamp(now + AHEAD + 60, UTC)).key):
        with pytest.raises(ValueError, match="allowed: dates and moments until 2026-11-03"):
            check_has_come(text, now)
