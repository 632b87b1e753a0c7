"""Rows that batches have scored: which of them are looked at."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from automl_core.data.access import DataError, FromEnvironment
from automl_core.models.feedback.gathering import Reach
from automl_core.models.life import Interval, interval_key
from automl_core.models.watching.scored import MOST_INTERVALS, ScoredRows, scored_rows, scored_since
from automl_core.spec.datasets import DataSet

DAY = 86400.0


def interval(day: int, version: int = 1, ended: float | None = None) -> Interval:
    start = day * DAY
    return Interval(interval_key(start, start + DAY), start, start + DAY, version, ended=ended)


def reach(home: Path) -> Reach:
    return Reach(FromEnvironment(), home, str(home), lambda _: None)


def write(home: Path, day: int, count: int) -> None:
    (home / "in").mkdir(exist_ok=True)
    table = pa.table({"x": pa.array(range(day * 1_000, day * 1_000 + count), pa.int64())})
    parquet.write_table(table, home / f"in/1970-01-{day + 1:02d}.parquet")


def read(home: Path, days: list[int], most: int = 50) -> ScoredRows:
    data = DataSet(place="in/${ds}.parquet")
    return scored_rows(data, [interval(day) for day in days], reach(home), most=most)


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(1, 2), st.one_of(st.none(), st.floats(0, 10)))))
def test_only_what_the_version_has_scored_in_the_time_is_looked_at_the_newest_first(
    given_: list[tuple[int, int, float | None]],
) -> None:
    recent = [interval(day, version, ended) for day, version, ended in given_]
    found = scored_since(recent, 1, 2.0, 8.0)
    wanted = {day for day, version, ended in given_ if version == 1 and ended is not None and 2 <= ended < 8}
    assert [round(each.start / DAY) for each in found] == sorted(wanted, reverse=True)


def test_rows_of_all_intervals_are_drawn_evenly_and_the_same_again(tmp_path: Path) -> None:
    for day in range(4):
        write(tmp_path, day, 400)
    found, again = read(tmp_path, [3, 2, 1, 0], most=200), read(tmp_path, [3, 2, 1, 0], most=200)
    assert found.table is not None
    assert again.table is not None
    values = found.table.column("x").to_pylist()
    assert values == again.table.column("x").to_pylist()
    assert (found.rows, len(values), len(set(values))) == (1_600, 200, 200)
    assert all(25 <= sum(value // 1_000 == day for value in values) <= 80 for day in range(4))
    words = (
        "1,600 rows of 4 intervals that version 7 has scored, from 1970-01-01 00:00 to 1970-01-05 00:00 UTC, of which"
    )
    assert found.notes(7)[0].startswith(words)


def test_what_is_gone_and_what_is_too_old_is_said(tmp_path: Path) -> None:
    write(tmp_path, 1, 30)
    found = read(tmp_path, [2, 1])
    assert found.table is not None
    assert (found.table.num_rows, found.intervals) == (30, [interval(1).key])
    assert "is not there any more" in found.gone[0]
    none = read(tmp_path, list(range(MOST_INTERVALS + 5, 2, -1)))
    assert none.table is None
    assert none.passed == 3
    assert "3 intervals that were scored as well are not looked at, since they are older" in none.notes(1)


def test_files_that_do_not_fit_together_are_an_error(tmp_path: Path) -> None:
    write(tmp_path, 1, 30)
    parquet.write_table(pa.table({"other": [1]}), tmp_path / "in/1970-01-03.parquet")
    with pytest.raises(DataError, match="no column"):
        read(tmp_path, [2, 1])
