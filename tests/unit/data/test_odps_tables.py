"""Tables of MaxCompute as data sets, against the stand-in, by pyodps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from automl_core.data import read_table
from automl_core.data.access import DataError, FromEnvironment
from automl_core.data.fingerprint import take
from automl_core.data.inputs import DataOfRun
from automl_core.data.odps_tables import _by_arrow
from automl_core.spec.places import parse_place
from automl_core.storage.base import StorageUnavailable
from tests.standins.maxcompute import MaxComputeStandIn
from tests.unit.running.promises import experiment

pa = pytest.importorskip("pyarrow")


@pytest.fixture(scope="module")
def service() -> Iterator[MaxComputeStandIn]:
    with MaxComputeStandIn() as standin:
        client = standin.odps()
        for sql in (
            "CREATE TABLE churn (id BIGINT, name STRING, x DOUBLE, ok BOOLEAN, d DATE, p DECIMAL(10,2))",
            "INSERT INTO churn VALUES (9007199254740993, '007', 1.5, TRUE, DATE '2026-11-01', 1.10BD), "
            "(2, NULL, NULL, NULL, NULL, NULL)",
            "CREATE TABLE days (x BIGINT) PARTITIONED BY (ds STRING, region STRING)",
            "INSERT INTO days PARTITION (ds='20261101', region='eu') VALUES (1), (2)",
            "INSERT INTO days PARTITION (ds='20261102', region='eu') VALUES (3)",
        ):
            client.execute_sql(sql).wait_for_success()
        yield standin


@pytest.fixture
def access(service: MaxComputeStandIn, monkeypatch: pytest.MonkeyPatch) -> FromEnvironment:
    monkeypatch.setenv("ODPS_ACCESS_ID", service.account.access_id)
    monkeypatch.setenv("ODPS_ACCESS_KEY", service.account.secret)
    monkeypatch.setenv("ODPS_ENDPOINT", service.endpoint)
    monkeypatch.setenv("ODPS_TUNNEL_ENDPOINT", service.address)
    return FromEnvironment()


def taken(place: str, access: FromEnvironment) -> Any:
    return take(parse_place(place), Path(), access)


def test_a_table_is_known_by_its_last_change_size_and_columns(
    service: MaxComputeStandIn, access: FromEnvironment
) -> None:
    service.odps().execute_sql("CREATE TABLE t (a BIGINT, b STRING)").wait_for_success()
    service.odps().execute_sql("INSERT INTO t VALUES (1, 'x')").wait_for_success()
    first = taken("odps://standin/t", access)
    assert (first.kind, first.by, first.rows, first.files) == ("table", "table", 1, None)
    assert first.columns == (("a", "bigint"), ("b", "string"))
    assert first.modified
    assert taken("odps://standin/tables/t", access).digest == first.digest
    service.odps().execute_sql("INSERT INTO t VALUES (2, 'y')").wait_for_success()
    assert taken("odps://standin/t", access).digest != first.digest


def test_a_partition_is_known_by_its_own_change(service: MaxComputeStandIn, access: FromEnvironment) -> None:
    place = "odps://standin/days/ds=20261101/region=eu"
    first = taken(place, access)
    assert (first.kind, first.rows) == ("partition", 2)
    assert taken("odps://standin/days/region=eu,ds=20261101", access).rows == 2
    assert taken(place, access) == first


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ("odps://standin/nothing", "there is no such table or partition"),
        ("odps://standin/days/ds=1/region=eu", "there is no such table or partition"),
        ("odps://standin/days/ds=20261101", "is partitioned by ds, region; all of these have to be named"),
        ("odps://standin/churn/ds=1", "has no partitions"),
        ("odps://elsewhere/churn", "odps://elsewhere/churn: "),
    ],
)
def test_what_is_not_there_is_told(access: FromEnvironment, place: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        taken(place, access)


def test_keys_that_are_missing_or_wrong(access: FromEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODPS_ACCESS_KEY", "wrong")
    with pytest.raises(DataError, match="odps://standin/churn") as caught:
        taken("odps://standin/churn", access)
    assert "wrong" not in str(caught.value)
    monkeypatch.delenv("ODPS_ACCESS_ID")
    with pytest.raises(DataError, match="ODPS_ACCESS_ID is missing"):
        taken("odps://standin/churn", access)


def test_a_service_that_is_away_may_come_back(access: FromEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODPS_ENDPOINT", "http://127.0.0.1:9/api")
    with pytest.raises(StorageUnavailable, match="MaxCompute can't be reached"):
        taken("odps://standin/churn", access)


def test_a_service_that_is_busy_is_waited_for(service: MaxComputeStandIn, access: FromEnvironment) -> None:
    service.faults.set(throttle=1000, only="GET .*/tables/churn")
    try:
        with pytest.raises(StorageUnavailable):
            taken("odps://standin/churn", access)
    finally:
        service.faults.set(throttle=0)


def test_rows_with_their_types(access: FromEnvironment) -> None:
    table = read_table("odps://standin/churn")
    assert [str(field.type) for field in table.schema] == [
        "int64", "string", "double", "bool", "date32[day]", "decimal128(10, 2)"
    ]  # fmt: skip
    first = sorted(table.to_pylist(), key=lambda row: -row["id"])[0]
    assert (first["id"], first["name"], str(first["p"])) == (9007199254740993, "007", "1.10")
    assert read_table("odps://standin/churn", columns=["x", "id"]).column_names == ["x", "id"]
    with pytest.raises(DataError, match="has no column 'y'"):
        read_table("odps://standin/churn", columns=["y"])


def test_rows_of_a_partition(access: FromEnvironment) -> None:
    assert sorted(read_table("odps://standin/days/ds=20261101/region=eu")["x"].to_pylist()) == [1, 2]
    with pytest.raises(DataError, match="has partitions: name one"):
        read_table("odps://standin/days")


def test_the_tunnels_arrow_is_taken_where_there_is_one() -> None:
    class Reader:
        def __enter__(self) -> Reader:
            return self

        def __exit__(self, *_: object) -> None:
            return

        def read_all(self) -> Any:
            return pa.table({"b": [2], "a": [1]})

    class Table:
        def open_reader(self, **how: Any) -> Reader:
            assert how == {"partition": "ds=1", "columns": ["a", "b"], "arrow": True}
            return Reader()

    rows = _by_arrow(Table(), "ds=1", ["a", "b"])
    assert rows is not None
    assert rows.column_names == ["a", "b"]


def test_a_run_on_a_table(access: FromEnvironment, tmp_path: Path) -> None:
    spec = experiment(tasks=[{"command": "true"}], data={"train": "odps://standin/days/ds=20261101/region=eu"})
    run = DataOfRun(spec, {}, tmp_path, None, access)
    found = run.take()
    assert found["train"]["rows"] == 2
    opened = DataOfRun(spec, {}, tmp_path, None, access, found).open_here()
    assert opened.places == {"train": "odps://standin/days/ds=20261101/region=eu"}
    assert opened.changed == []
