"""SQL as MaxCompute understands it, through the unmodified pyodps client."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from odps import ODPS, errors

from tests.standins.maxcompute import MaxComputeStandIn

SCRIPT = {"odps.sql.submit.mode": "script"}


@pytest.fixture(scope="module")
def odps() -> Iterator[ODPS]:
    with MaxComputeStandIn() as standin:
        yield standin.odps()


def rows(odps: ODPS, sql: str, **hints: str) -> list[list[Any]]:
    with odps.execute_sql(sql, hints=hints).open_reader(tunnel=True) as reader:
        return [list(record.values) for record in reader]


def one(odps: ODPS, expression: str) -> Any:
    return rows(odps, f"select {expression}")[0][0]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("7 / 2", 3.5),
        ("7 div 2", 3),
        ("1.5", 1.5),
        ("cast(2.9 as bigint)", 2),
        ("cast('-2.9' as bigint)", -2),
        ("cast('9007199254740993' as bigint)", 9007199254740993),
        ("cast(1 as string)", "1"),
        ("cast(1.0 as string)", "1.0"),
        ("if(1 > 2, 'a', 'b')", "b"),
        ("nvl(null, 3)", 3),
        ("coalesce(null, null, 'x')", "x"),
        ("concat('a', 1, 'b')", "a1b"),
        ("concat('a', null)", None),
        ("concat_ws('-', 'a', 'b')", "a-b"),
        ("exp(0) + ln(1) + pow(2, 3)", 9.0),
        ("log(2, 8)", 3.0),
        ("round(2.345, 2)", 2.35),
        ("split('a,b', ',')[1]", "b"),
        ("size(array(1, 2))", 2),
        ("map('k', 5)['k']", 5),
        ("regexp_extract('ab12', '(\\\\d+)', 1)", "12"),
        ("'a_b' like 'a\\_%'", True),
        ("'axb' like 'a\\_%'", False),
        ("get_json_object('{\"a\": {\"b\": 1}}', '$.a.b')", "1"),
        ("to_char(to_date('20200102', 'yyyymmdd'), 'yyyy-mm-dd')", "2020-01-02"),
        ("datediff('2020-01-03', '2020-01-01', 'dd')", 2),
        ("substr('hello', 2, 3)", "ell"),
        ("length('é')", 1),
        ("lengthb('é')", 2),
        ('"double quoted"', "double quoted"),
        ("'it''s'", "its"),  # two literals side by side
        ("-- not this\n 3 /* nor ' this */", 3),
    ],
)
def test_expressions_mean_what_they_mean_in_maxcompute(odps: ODPS, expression: str, value: Any) -> None:
    assert one(odps, expression) == value


def test_columns_without_a_name_are_numbered(odps: ODPS) -> None:
    with odps.execute_sql("select 1, 2 as b, count(*)").open_reader(tunnel=True) as reader:
        assert [column.name for column in reader.schema.columns] == ["_c0", "b", "_c2"]


def test_standard_deviation_is_the_populations(odps: ODPS) -> None:
    values = "(select 1.0 as x union all select 3.0 as x) t"
    assert rows(odps, f"select stddev(x), stddev_samp(x), variance(x), var_samp(x) from {values}") == [
        [1.0, pytest.approx(2**0.5), 1.0, 2.0]
    ]


def test_a_seeded_random_number_is_always_the_same(odps: ODPS) -> None:
    assert rows(odps, "select rand(7), rand(7)") == rows(odps, "select rand(7), rand(7)")
    assert rows(odps, "select rand(7)") != rows(odps, "select rand(8)")


def test_arrays_become_rows_and_rows_arrays(odps: ODPS) -> None:
    table = "(select 'k' as k, array(1, 2) as l) a lateral view explode(l) e as v"
    sql = f"select a.k, sum(v), collect_list(v) from {table} group by a.k"
    assert rows(odps, sql) == [["k", 3, [1, 2]]]
    assert rows(odps, "select wm_concat('|', x) from (select 'a' as x) t") == [["a"]]


def test_windows_and_joins(odps: ODPS) -> None:
    sql = """with a as (select 1 as x, 'p' as g union all select 2, 'p')
             select l.x, row_number() over (partition by l.g order by l.x desc) as n
             from a l join a r on l.x = r.x left anti join (select 9 as x) z on z.x = l.x order by n limit 10"""
    assert rows(odps, sql) == [[2, 1], [1, 2]]


def test_a_partitioned_table_is_filled_by_partition(odps: ODPS) -> None:
    odps.execute_sql("create table sales (id bigint, price double) partitioned by (ds string) lifecycle 7")
    odps.execute_sql("insert into table sales partition (ds='1') values (1, 2.5), (2, 3)")
    odps.execute_sql("insert overwrite table sales partition (ds) select id + 10, price, '2' from sales where ds = '1'")
    odps.execute_sql("insert overwrite table sales partition (ds='1') select 5, 6.0")
    table = odps.get_table("sales")
    assert table.lifecycle == 7
    assert [partition.name for partition in table.partitions] == ["ds='1'", "ds='2'"]
    assert sorted(rows(odps, "select * from sales")) == [[5, 6.0, "1"], [11, 2.5, "2"], [12, 3.0, "2"]]
    table.delete_partition("ds='2'")
    assert not table.exist_partition("ds='2'")
    assert rows(odps, "select count(*) from sales") == [[1]]


def test_a_table_overwritten_from_itself_keeps_what_was_selected(odps: ODPS) -> None:
    odps.execute_sql("create table self lifecycle 1 as select 1 as x")
    odps.execute_sql("insert overwrite table self select x + 1 from self")
    assert rows(odps, "select x from self") == [[2]]


def test_tables_are_made_changed_and_dropped(odps: ODPS) -> None:
    table = odps.create_table("made", "a bigint, b string comment 'it\\'s'", comment='say "hi"', lifecycle=3)
    assert (table.comment, table.table_schema["b"].comment) == ('say "hi"', "it's")
    table.set_lifecycle(9)
    odps.execute_sql("alter table made add columns (c double)")
    odps.execute_sql("insert into made (c, a) values (1.5, 1)")
    fresh = odps.get_table("made")
    fresh.reload()
    assert fresh.lifecycle == 9
    assert rows(odps, "select * from made") == [[1, None, 1.5]]
    fresh.truncate()
    assert rows(odps, "select count(*) from made") == [[0]]
    odps.execute_sql("drop table if exists made")
    assert not odps.exist_table("made")
    odps.execute_sql("drop table if exists made")


def test_desc_and_show_answer_with_text(odps: ODPS) -> None:
    odps.execute_sql("create table shown (a bigint comment 'first') partitioned by (ds string)")
    odps.execute_sql("alter table shown add partition (ds='x')")
    with odps.execute_sql("desc shown").open_reader() as reader:
        assert "| a               | bigint" in reader.raw
    with odps.execute_sql("show partitions shown").open_reader() as reader:
        assert reader.raw.strip() == "ds=x"
    with odps.execute_sql("show tables like 'sho*'").open_reader() as reader:
        assert reader.raw.strip().endswith(":shown")


def test_a_script_hands_rows_from_one_statement_to_the_next(odps: ODPS) -> None:
    sql = "@a := select 2 as x; @b := select x * 10 as y from @a; select y, x from @b join @a on @b.y = @a.x * 10"
    assert rows(odps, sql, **SCRIPT) == [[20, 2]]


def test_a_script_that_fails_has_done_what_stood_before(odps: ODPS) -> None:
    with pytest.raises(errors.NoSuchTable):
        odps.execute_sql("create table before (a bigint); select * from nowhere; drop table before", hints=SCRIPT)
    assert odps.exist_table("before")


def test_writers_do_not_lose_one_anothers_rows(odps: ODPS) -> None:
    odps.execute_sql("create table shared (a bigint) partitioned by (ds string)")

    def write(number: int) -> None:
        odps.execute_sql(f"insert into shared partition (ds='{number % 3}') values ({number})")
        odps.execute_sql(f"create table own_{number} lifecycle 1 as select {number} as a from shared limit 1")
        odps.execute_sql(f"drop table own_{number}")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(24)))
    assert sorted(a for (a,) in rows(odps, "select a from shared")) == list(range(24))
    assert len(list(odps.get_table("shared").partitions)) == 3


def test_several_statements_need_script_mode(odps: ODPS) -> None:
    with pytest.raises(errors.ParseError, match="script"):
        odps.execute_sql("select 1; select 2")


def test_set_is_no_statement_of_its_own(odps: ODPS) -> None:
    sql = "set odps.sql.validate.orderby.limit=false; select x from (select 1 as x) t order by x"
    assert rows(odps, sql) == [[1]]


@pytest.mark.parametrize(
    ("sql", "kind", "message"),
    [
        ("selec 1", errors.ParseError, r"ODPS-0130161:\[1,1\] Parse exception - invalid token 'selec'"),
        ("select 1 from", errors.ParseError, r"ODPS-0130161:\[1,10\] Parse exception"),
        ("select 'open", errors.ParseError, r"ODPS-0130161:\[1,8\] Parse exception"),
        (
            "select *\nfrom nowhere",
            errors.NoSuchTable,
            r"ODPS-0130131:\[2,6\] Table not found - table standin\.nowhere cannot be resolved",
        ),
        (
            "select zz from (select 1 as a) t",
            errors.ODPSError,
            r"ODPS-0130071:\[1,8\] Semantic analysis exception - column zz cannot be resolved",
        ),
        (
            "select frobnicate(1)",
            errors.ODPSError,
            r"ODPS-0130071:\[1,8\] Semantic analysis exception - function or view 'frobnicate' cannot be resolved",
        ),
        (
            "select x from (select 1 as x) t order by x",
            errors.ODPSError,
            "ODPS-0130071:.*ORDER BY must be used with a LIMIT",
        ),
        (
            "select cast('abc' as bigint)",
            errors.ODPSError,
            "ODPS-0121095:Invalid arguments - in function cast, value 'abc' cannot be casted from String to Bigint",
        ),
        ("select x from elsewhere.t", errors.ODPSError, "ODPS-0420111:.*Project not found - 'elsewhere'"),
        ("create table bad (a bigint, a string)", errors.ODPSError, "ODPS-0130071:.*a is defined more than once"),
        ("create table bad (a wombat)", errors.ODPSError, "ODPS-0130071:.*type wombat is not defined"),
        ("drop table nowhere", errors.NoSuchTable, "ODPS-0130131"),
        ("select * from read_text('/etc/hostname')", errors.ODPSError, "ODPS-0010000:.*disabled"),
        ("PAI -name kmeans", errors.ParseError, "ODPS-0130161"),
    ],
)
def test_errors_have_the_services_code_place_and_words(
    odps: ODPS, sql: str, kind: type[errors.ODPSError], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        odps.execute_sql(sql)
    assert caught.value.code in message.replace("\\", "")
    assert caught.value.instance_id


def test_wrong_inserts_are_refused_and_change_nothing(odps: ODPS) -> None:
    odps.execute_sql("create table strict_one (a bigint, b string) partitioned by (ds string)")
    with pytest.raises(errors.ODPSError, match="wrong columns count 1 in data source, requires 2 columns"):
        odps.execute_sql("insert into strict_one partition (ds='1') select 1")
    with pytest.raises(errors.ODPSError, match="ODPS-0123031:Partition exception"):
        odps.execute_sql("insert into strict_one partition (ds) select 1, 'x', cast(null as string)")
    with pytest.raises(errors.ODPSError, match="ODPS-0121095"):
        odps.execute_sql("insert overwrite table strict_one partition (ds='1') select 'no number', 'x'")
    assert rows(odps, "select count(*) from strict_one") == [[0]]


def test_the_cost_of_a_query_is_told_without_running_it(odps: ODPS) -> None:
    odps.execute_sql("create table priced lifecycle 1 as select 1 as a, 'abcd' as b")
    cost = odps.execute_sql_cost("select count(*) from priced")
    assert (cost.input_size, cost.complexity, cost.udf_num) == (12, 1.0, 0)
    heavy = " union all ".join(["select a, count(*) as n from priced group by a"] * 3)
    assert odps.execute_sql_cost(f"insert overwrite table priced select a, 'x' from ({heavy}) t").complexity == 1.5
    assert rows(odps, "select * from priced") == [[1, "abcd"]]
    with pytest.raises(errors.NoSuchTable):
        odps.execute_sql_cost("select * from nowhere")
