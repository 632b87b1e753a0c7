"""Tables of MaxCompute as data sets, against the stand-in, by pyodps."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from automl_core.data import read_table
from automl_core.data.access import DataError, FromEnvironment
from automl_core.data.fingerprint import take
from automl_core.data.inputs import DataOfRun
from automl_core.data.odps_tables import Changed, open_rows
from automl_core.data.written import is_instant
from automl_core.spec.places import parse_place
from automl_core.storage.base import StorageUnavailable
from automl_core.tabular.large.pieces import Pieces
from tests.standins.maxcompute import MaxComputeStandIn
from tests.unit.running.promises import experiment

pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")


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


@pytest.fixture(params=[True, False], ids=["arrow", "records"])
def tunnel(request: pytest.FixtureRequest, service: MaxComputeStandIn) -> Iterator[MaxComputeStandIn]:
    """The service with a tunnel that speaks Arrow, and with one that doesn't."""
    service.service.tunnel.arrow = request.param
    yield service
    service.service.tunnel.arrow = True


KINDS = {
    "big": ("BIGINT", "int64"), "i": ("INT", "int32"), "x": ("DOUBLE", "double"), "ok": ("BOOLEAN", "bool"),
    "code": ("STRING", "string"), "short": ("VARCHAR(5)", "string"), "p": ("DECIMAL(10,2)", "decimal128(10, 2)"),
    "d": ("DATE", "date32[day]"), "at": ("DATETIME", "timestamp[ms]"), "ts": ("TIMESTAMP", "timestamp[ns]"),
}  # fmt: skip


def test_every_type_arrives_as_itself_by_arrow_and_by_records(
    tunnel: MaxComputeStandIn, access: FromEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "Asia/Shanghai")  # of this machine, which is none of the data's
    time.tzset()
    odps = tunnel.odps()
    odps.execute_sql("DROP TABLE IF EXISTS kinds").wait_for_success()
    columns = ", ".join(f"{name} {kind}" for name, (kind, _) in KINDS.items())
    odps.execute_sql(f"CREATE TABLE kinds ({columns})").wait_for_success()
    odps.execute_sql(
        "INSERT INTO kinds VALUES (9007199254740993L, 7, 0.1, TRUE, '007', 'ab', 1.10BD, DATE '2026-11-01', "
        "DATETIME '2026-11-01 10:00:00', TIMESTAMP '2026-11-01 10:00:00.123'), "
        "(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
    ).wait_for_success()
    try:
        table = read_table("odps://standin/kinds")
    finally:
        monkeypatch.delenv("TZ")
        time.tzset()
    assert [str(field.type) for field in table.schema] == [kind for _, kind in KINDS.values()]
    full, empty = sorted(table.to_pylist(), key=lambda row: row["big"] is None)
    assert set(empty.values()) == {None}
    assert (full["big"], full["code"], str(full["p"]), full["x"]) == (9007199254740993, "007", "1.10", 0.1)
    assert str(full["at"]) == "2026-11-01 10:00:00", "in UTC, as SQL is run"
    assert str(full["ts"]).startswith("2026-11-01 10:00:00.123")


def test_a_partition_brings_its_columns_and_comes_in_pieces(tunnel: MaxComputeStandIn, access: FromEnvironment) -> None:
    place = parse_place("odps://standin/days/ds=20261101/region=eu")
    with open_rows(place, access) as rows:
        assert rows.count == 2
        pieces = list(rows.read(rows=1))
        assert [piece.num_rows for piece in pieces] == [1, 1]
        assert pieces[0].schema.names == ["x", "ds", "region"]
        assert pieces[0].column("ds").to_pylist() == ["20261101"], "a text, as the table says"
        assert [next(rows.read(["region"])).column(0).to_pylist() for _ in range(2)] == [["eu", "eu"]] * 2
    assert read_table(place.text, columns=["region", "x"]).column_names == ["region", "x"]


def test_an_empty_table_has_its_columns(tunnel: MaxComputeStandIn, access: FromEnvironment) -> None:
    tunnel.odps().execute_sql("CREATE TABLE IF NOT EXISTS nothing (a BIGINT, b STRING)").wait_for_success()
    table = read_table("odps://standin/nothing")
    assert (table.num_rows, table.column_names) == (0, ["a", "b"])


def test_a_view_is_refused_by_name(service: MaxComputeStandIn, access: FromEnvironment) -> None:
    service.odps().execute_sql("CREATE VIEW IF NOT EXISTS seen AS SELECT * FROM churn").wait_for_success()
    with pytest.raises(DataError, match="odps://standin/seen is a view, and the tunnel reads tables alone"):
        read_table("odps://standin/seen")


def test_a_table_that_is_written_to_while_it_is_read(tunnel: MaxComputeStandIn, access: FromEnvironment) -> None:
    odps = tunnel.odps()
    odps.execute_sql("DROP TABLE IF EXISTS moving").wait_for_success()
    odps.execute_sql("CREATE TABLE moving (a BIGINT)").wait_for_success()
    odps.execute_sql("INSERT INTO moving VALUES (1), (2)").wait_for_success()
    with open_rows(parse_place("odps://standin/moving"), access) as rows:
        odps.execute_sql("INSERT OVERWRITE TABLE moving SELECT 3L AS a").wait_for_success()
        with pytest.raises(Changed, match="odps://standin/moving was written to while it was read"):
            list(rows.read())
    assert read_table("odps://standin/moving")["a"].to_pylist() == [3]


def test_a_run_on_a_table(
    service: MaxComputeStandIn, access: FromEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = "odps://standin/days/ds=20261101/region=eu"
    spec = experiment(tasks=[{"command": "true"}], data={"train": place})
    run = DataOfRun(spec, {}, tmp_path, None, access)
    found = run.take()
    assert found["train"]["rows"] == 2
    said: list[str] = []
    opened = DataOfRun(spec, {}, tmp_path, None, access, found).open_here(say=said.append)
    assert opened.places == {"train": place}
    assert opened.changed == []
    assert said[0] == f"{place}: reading 2 rows through the tunnel"
    again = DataOfRun(spec, {}, tmp_path, None, access, found).open_here(say=said.append)
    assert (again.tables, len(said)) == (opened.tables, 2), "read once a machine"
    monkeypatch.setenv("AUTOML_TABLES", json.dumps(opened.tables))
    for name in ("ODPS_ACCESS_ID", "ODPS_ACCESS_KEY", "ODPS_ENDPOINT"):
        monkeypatch.delenv(name)  # a training has none
    assert read_table("odps://standin/tables/days/ds=20261101,region=eu").to_pydict() == {
        "x": [1, 2], "ds": ["20261101"] * 2, "region": ["eu"] * 2
    }  # fmt: skip
    assert read_table(place, columns=["x"]).column_names == ["x"]
    assert Pieces.of(place).rows() == (2, True)
    opened.release()
    again.release()


def test_a_table_that_has_changed_is_read_again(
    service: MaxComputeStandIn, access: FromEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odps = service.odps()
    odps.execute_sql("CREATE TABLE growing (a BIGINT)").wait_for_success()
    odps.execute_sql("INSERT INTO growing VALUES (1)").wait_for_success()
    spec = experiment(tasks=[{"command": "true"}], data={"train": "odps://standin/growing"})
    run = DataOfRun(spec, {}, tmp_path, None, access)
    found = run.take()
    first = run.open_here()
    modified = service.service.engine.catalog.get("standin", "growing")
    assert modified is not None
    odps.execute_sql("INSERT INTO growing VALUES (2)").wait_for_success()
    modified.modified += 2  # the service tells whole seconds
    second = DataOfRun(spec, {}, tmp_path, None, access, found).open_here()
    assert "has changed since the run began" in second.changed[0]
    (one,), (other,) = first.tables.values(), second.tables.values()
    assert [pq.read_table(each)["a"].to_pylist() for each in (one, other)] == [[1], [1, 2]]
    assert not list(tmp_path.rglob("*.part"))


def test_a_table_stays_where_it_is_for_sql(access: FromEnvironment, tmp_path: Path) -> None:
    tasks = [{"name": "sql", "backend": "maxcompute", "sql": "SELECT 1"}, {"name": "fit", "command": "true"}]
    spec = experiment(tasks=tasks, data={"train": "odps://standin/churn"})
    opened = DataOfRun(spec, {}, tmp_path, None, access).open_here()
    assert (opened.places, opened.tables) == ({"train": "odps://standin/churn"}, {})


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("ds=*/region=eu", [(1, "20261101"), (2, "20261101"), (3, "20261102")]),
        ("ds=2026110[2]/region=*", [(3, "20261102")]),
        ("region=e?/ds=20261101", [(1, "20261101"), (2, "20261101")]),
    ],
)
def test_several_partitions_are_one_data_set(
    tunnel: MaxComputeStandIn, access: FromEnvironment, pattern: str, found: list[tuple[int, str]]
) -> None:
    table = read_table(f"odps://standin/days/{pattern}")
    assert table.column_names == ["x", "ds", "region"]
    assert sorted(zip(table["x"].to_pylist(), table["ds"].to_pylist(), strict=True)) == found
    assert set(table["region"].to_pylist()) == {"eu"}


def test_a_pattern_that_no_partition_matches_is_told(access: FromEnvironment) -> None:
    with pytest.raises(DataError, match="no partition of 2 matches"):
        read_table("odps://standin/days/ds=2025*/region=*")


def test_several_partitions_are_known_by_the_change_of_any(service: MaxComputeStandIn, access: FromEnvironment) -> None:
    odps = service.odps()
    odps.execute_sql("CREATE TABLE nights (x BIGINT) PARTITIONED BY (ds STRING)").wait_for_success()
    odps.execute_sql("INSERT INTO nights PARTITION (ds='1') VALUES (1)").wait_for_success()
    before = taken("odps://standin/nights/ds=*", access)
    assert (before.kind, before.rows) == ("table", None)
    assert taken("odps://standin/nights/ds=*", access).digest == before.digest
    time.sleep(1.1)  # the service tells whole seconds
    odps.execute_sql("INSERT INTO nights PARTITION (ds='2') VALUES (2)").wait_for_success()
    assert taken("odps://standin/nights/ds=*", access).digest != before.digest


def test_moments_of_a_table_are_remembered_as_such(tunnel: MaxComputeStandIn, access: FromEnvironment) -> None:
    odps = tunnel.odps()
    odps.execute_sql("DROP TABLE IF EXISTS clocks").wait_for_success()
    odps.execute_sql("CREATE TABLE clocks (at DATETIME, ts TIMESTAMP, d DATE)").wait_for_success()
    odps.execute_sql(
        "INSERT INTO clocks VALUES (DATETIME '2026-11-01 16:00:00', TIMESTAMP '2026-11-01 16:00:00', DATE '2026-11-02')"
    ).wait_for_success()
    schema = read_table("odps://standin/clocks").schema
    assert [is_instant(schema.field(name)) for name in ("at", "ts", "d")] == [True, True, False]
