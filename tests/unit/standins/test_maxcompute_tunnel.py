"""Rows through the tunnel, up and down; and hostile strings, which arrive as they were sent."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from odps import ODPS, errors
from odps.errors import ODPSError
from odps.tunnel import TableTunnel

from tests.standins.maxcompute import MaxComputeStandIn
from tests.standins.maxcompute.odps_types import Column
from tests.standins.maxcompute.wire import encode
from tests.support.examples import examples

TYPES = [
    "bigint",
    "double",
    "string",
    "boolean",
    "datetime",
    "date",
    "decimal(20,4)",
    "binary",
    "array<string>",
    "map<string,bigint>",
]
VALUES: list[Any] = [
    -(2**63) + 1,
    0.1,
    "a\0\x01\r\n\"'\\;--/*é漢🙂",
    True,
    datetime(2020, 2, 29, 13, 4, 5),
    date(1969, 12, 31),
    Decimal("12345678.9000"),
    b"\xff\x00'",
    ["a,b", None, ""],
    {"k": 1, "l'": None},
]
HOSTILE = [
    "'",
    '"',
    "\\",
    "\\'",
    "'; drop table t; --",
    "--",
    "/* */",
    "*/",
    ";",
    "`",
    "${x}",
    "%s",
    "\\N",
    "]]>",
    "<![CDATA[",
    "&lt;",
    "\0",
    "\x00" + "12",
    "\x01\x7f\x1a",
    "\r\n\t\b",
    "é漢🙂\u202e\ufeff",
    "\\u0041\\101",
    "''",
    "a" * 10_000 + "'",
    "@a := 1",
    "",
    " ",
    "\\",
    "\\\\",
    "\u2028",
]


@pytest.fixture(scope="module")
def standin() -> Iterator[MaxComputeStandIn]:
    with MaxComputeStandIn() as standin:
        yield standin


@pytest.fixture(scope="module")
def odps(standin: MaxComputeStandIn) -> ODPS:
    odps = standin.odps()
    odps.create_table("texts", "id bigint, text string")
    return odps


def literal(text: str) -> str:
    """A literal of any text: what isn't a printable ASCII sign, or means something to SQL or XML, in octal digits."""
    return "'" + "".join(f"\\{ord(c):03o}" if ord(c) < 32 or c in "'\"\\;<>&`\x7f" else c for c in text) + "'"


def values(odps: ODPS, sql: str, tunnel: bool = True) -> list[list[Any]]:
    with odps.execute_sql(sql).open_reader(tunnel=tunnel) as reader:
        return [list(record.values) for record in reader]


@pytest.mark.parametrize("compressed", ["plain", "zlib"])
def test_every_type_goes_up_and_comes_down(odps: ODPS, compressed: str) -> None:
    columns = ", ".join(f"c{i} {kind}" for i, kind in enumerate(TYPES))
    table = odps.create_table(f"types_{compressed}", columns)
    nothing = [None] * len(VALUES)
    options = {"compress_algo": "zlib"} if compressed == "zlib" else {}
    with table.open_writer(**options) as writer:
        writer.write([VALUES, nothing])
    with table.open_reader(**options) as reader:
        assert reader.count == 2
        assert [list(record.values) for record in reader] == [VALUES, nothing]
    assert values(odps, f"select * from types_{compressed}") == [VALUES, nothing]
    table.reload()
    assert table.record_num == 2


def test_results_come_as_text_too(odps: ODPS) -> None:
    sql = "select 1 as a, 1.5 as b, 'x,\"y\\n' as c, true as d, cast(null as string) as e, array('p', 'q') as f"
    assert values(odps, sql, tunnel=False) == [[1, 1.5, 'x,"y\n', True, None, ["p", "q"]]]


def test_blocks_columns_ranges_and_partitions(odps: ODPS) -> None:
    odps.create_table("blocks", ("a bigint, b string", "ds string"))
    tunnel = TableTunnel(odps)
    upload = tunnel.create_upload_session("blocks", partition_spec="ds=1", create_partition=True)
    for block in (1, 0):
        with upload.open_record_writer(block) as writer:
            writer.write(upload.new_record([block, f"block {block}"]))
    assert [int(block) for block in upload.get_block_list()] == [0, 1]
    with pytest.raises(errors.NoSuchPartition):
        tunnel.create_download_session("blocks", partition_spec="ds=2")
    assert tunnel.create_download_session("blocks", partition_spec="ds=1").count == 0  # not before the commit
    upload.commit([0, 1])
    download = tunnel.create_download_session("blocks", partition_spec="ds=1")
    with download.open_record_reader(1, 1, columns=["b"]) as reader:
        assert [list(record.values) for record in reader] == [["block 1"]]
    assert values(odps, "select a, ds from blocks where ds = '1'") == [[0, "1"], [1, "1"]]


def test_an_overwriting_upload_replaces_what_was_there(odps: ODPS) -> None:
    table = odps.create_table("replaced", "a bigint")
    odps.write_table("replaced", [[1], [2]])
    with table.open_writer(overwrite=True) as writer:
        writer.write([[3]])
    assert values(odps, "select a from replaced") == [[3]]


def test_a_damaged_block_is_refused(standin: MaxComputeStandIn, odps: ODPS) -> None:
    odps.create_table("damaged", "a bigint, b string")
    upload = TableTunnel(odps).create_upload_session("damaged")
    block = encode([Column("a", "bigint"), Column("b", "string")], [(1, "text")])
    where = f"{standin.endpoint}/projects/standin/tables/damaged"
    which = {"uploadid": upload.id, "blockid": 0}
    for body in (block.replace(b"text", b"tEXt"), block[:-3], b"what", zlib.compress(block)):
        with pytest.raises(ODPSError) as caught:
            odps.rest.put(where, data=body, params=which)
        assert caught.value.code == "DataCorrupted"
    assert upload.get_block_list() == []
    odps.rest.put(where, data=zlib.compress(block), params=which, headers={"Content-Encoding": "deflate"})
    upload.commit([0])
    assert values(odps, "select * from damaged") == [[1, "text"]]


def test_a_result_is_limited_only_where_asked(odps: ODPS) -> None:
    table = odps.create_table("many", "a bigint")
    with table.open_writer() as writer:
        writer.write([[number] for number in range(10_500)])
    instance = odps.execute_sql("select a from many")
    with instance.open_reader(tunnel=True) as reader:
        assert reader.count == 10_500
    with instance.open_reader(tunnel=True, limit=True, reopen=True) as reader:
        assert reader.count == 10_000
    with pytest.raises(errors.NotSupportedError, match="truncated"):
        instance.open_reader(tunnel=False, limit=False)
    with instance.open_reader(tunnel=False, limit=True) as reader:
        assert len(list(reader)) == 10_000


def test_an_instance_that_is_no_select_has_no_rows(odps: ODPS) -> None:
    instance = odps.execute_sql("create table if not exists texts (id bigint)")
    with pytest.raises(errors.InstanceTypeNotSupported):
        instance.open_reader(tunnel=True)


def test_hostile_strings_reach_the_engine_as_data(odps: ODPS) -> None:
    odps.execute_sql("truncate table texts")
    rows = ", ".join(f"({number}, {literal(text)})" for number, text in enumerate(HOSTILE))
    odps.execute_sql(f"insert into texts values {rows}")
    stored = values(odps, "select text from texts order by id limit 1000")
    assert [text for (text,) in stored] == HOSTILE
    assert values(odps, "select count(*) from texts where text = '\\'; drop table t\\073 --'") == [[1]]


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_string_reaches_the_engine_as_data(odps: ODPS, text: str) -> None:
    assert values(odps, f"select {literal(text)} as text, length({literal(text)}) as n") == [[text, len(text)]]


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.integers(-(2**63) + 1, 2**63 - 1), st.text(st.characters(exclude_categories=["Cs"]))), min_size=1
    )
)
def test_any_row_goes_through_the_tunnel(odps: ODPS, rows: list[tuple[int, str]]) -> None:
    with odps.get_table("texts").open_writer(overwrite=True, reopen=True) as writer:
        writer.write([list(row) for row in rows])
    with odps.get_table("texts").open_reader(reopen=True) as reader:
        assert [tuple(record.values) for record in reader] == rows


def test_a_query_that_is_no_xml_is_refused(odps: ODPS) -> None:
    # pyodps wraps the query in CDATA as it stands: this sign ends it.
    with pytest.raises(ODPSError, match="no XML") as caught:
        odps.run_sql("select ']]>' as x")
    assert caught.value.code == "InvalidParameter"
