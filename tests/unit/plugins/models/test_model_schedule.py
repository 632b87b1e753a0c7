"""When a model's rollout looks for versions: its candidates' published results, and a time beside them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG

from automl_airflow.factory import build_dag
from automl_airflow.models.schedule import rollout_schedule
from tests.unit.models.file.files import file_of
from tests.unit.plugins import files
from tests.unit.plugins.files import round_trip

OTHER = {"experiment": "other", "storage": "s3://bucket/runs/"}


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOML_HOME", "/home/automl")


def scheduled(**groups: Any) -> Any:
    """The timetable as the scheduler reads it."""
    with DAG("a.rollout", schedule=rollout_schedule(file_of(**groups)), catchup=False) as dag:
        pass
    return round_trip(dag).timetable


def test_any_candidate_or_the_time(tmp_path: Path) -> None:
    timetable = scheduled(candidates={"experiments": ["first", OTHER], "look": "6h"})
    condition = timetable.asset_condition
    assert type(condition).__name__ == "SerializedAssetAny"
    wanted = [ref.uri for ref in condition.objects]
    assert wanted == [
        "file:///home/automl/runs/first?automl=first",
        "s3://bucket/runs/other?automl=other",
    ]
    assert timetable.timetable._delta == timedelta(hours=6)
    made = [
        build_dag(files.write(tmp_path, "a.yaml", files.body(name=name, output={"storage": storage})))
        for name, storage in (("first", "file://./runs"), ("other", "s3://bucket/runs"))
    ]
    assert [dag.get_task("reduce").outlets[0].uri for dag in made] == wanted, "they are what the experiments update"


def test_where_no_candidate_can_be_an_asset_there_is_the_time() -> None:
    odd = {"experiment": "a", "storage": "s3://bucket//odd"}
    timetable = scheduled(candidates={"experiments": [odd]})
    assert type(timetable).__name__ == "DeltaTriggerTimetable"
    assert timetable._delta == timedelta(days=1)


def test_it_looks_as_soon_as_it_is_there() -> None:
    import pendulum
    from airflow.timetables.base import TimeRestriction

    timetable = scheduled()
    now = pendulum.now("UTC")
    first = timetable.next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(earliest=None, latest=None, catchup=False)
    )
    assert abs(first.run_after - now) < timedelta(minutes=5)
    after = timetable.next_dagrun_info(
        last_automated_data_interval=first.data_interval,
        restriction=TimeRestriction(earliest=None, latest=None, catchup=False),
    )
    assert after.run_after - first.run_after == timedelta(days=1)
