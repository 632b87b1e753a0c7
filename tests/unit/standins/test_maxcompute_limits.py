"""What the stand-in refuses as the service does: long texts, large plans, foreign functions, types, full scans."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from odps import errors

from tests.standins.maxcompute import MaxComputeStandIn
from tests.standins.maxcompute.limits import DECIMALS, FULL_SCAN, NEW_PROJECT, TYPES


@pytest.fixture(scope="module")
def standin() -> Iterator[MaxComputeStandIn]:
    with MaxComputeStandIn() as standin:
        standin.service.flags |= NEW_PROJECT
        odps = standin.odps()
        odps.execute_sql("CREATE TABLE days (x BIGINT) PARTITIONED BY (ds STRING)").wait_for_success()
        odps.execute_sql("INSERT INTO days PARTITION (ds='1') VALUES (1), (2)").wait_for_success()
        yield standin


def run(standin: MaxComputeStandIn, sql: str, **hints: str) -> None:
    standin.odps().execute_sql(sql, hints=hints).wait_for_success()


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELECT 1 -- " + "x" * 2**21, "ODPS-0130161.*length of SQL statement is 2097165, it exceeds the limit"),
        ("SELECT " + " + ".join(["1234567890123"] * 70_000), "ODPS-0010000.*The Size of Plan is too large"),
        ("SELECT TRY_CAST('a' AS DOUBLE)", "function or view 'try_cast' cannot be resolved"),
        ("SELECT IFNULL(1, 2)", "function or view 'ifnull' cannot be resolved"),
        (" UNION ALL ".join(["SELECT 1 AS a"] * 257), "256 branches at most, found 257"),
        ("SELECT x FROM days", r"Table\(standin,days\) is full scan with all partitions"),
        ("SELECT x FROM days WHERE x > 0", "is full scan"),
        ("INSERT OVERWRITE TABLE days PARTITION (ds='2') SELECT x FROM days", "is full scan"),
    ],
    ids=["long", "plan", "try_cast", "ifnull", "branches", "scan", "no key", "insert"],
)
def test_what_is_refused(standin: MaxComputeStandIn, sql: str, words: str) -> None:
    with pytest.raises(errors.ODPSError, match=words):
        run(standin, sql)


def test_a_partition_or_the_hint_makes_a_scan_possible(standin: MaxComputeStandIn) -> None:
    run(standin, "SELECT x FROM days d WHERE d.ds = '1'")
    run(standin, "SELECT count(*) FROM (SELECT x FROM `standin`.`days` WHERE `ds` = '1') t")
    run(standin, "SELECT x FROM days", **{FULL_SCAN: "true"})


def test_types_are_those_of_the_projects_type_system(standin: MaxComputeStandIn) -> None:
    with pytest.raises(errors.ODPSError, match="DATE type is not enabled in current mode"):
        run(standin, "CREATE TABLE dates (d DATE)", **{TYPES: "false"})
    with pytest.raises(errors.ODPSError, match="precision and scale is not currently supported"):
        run(standin, "CREATE TABLE money (d DECIMAL(10,2))", **{DECIMALS: "false"})
    run(standin, "CREATE TABLE old (a BIGINT, b DOUBLE, c STRING, d DATETIME, e BOOLEAN)", **{TYPES: "false"})
