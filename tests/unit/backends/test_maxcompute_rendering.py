"""Values in SQL: each arrives as the one value that it is, whatever it holds and wherever it stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.backends.contract import TrialContext
from automl_core.backends.maxcompute.ddl import is_own, with_lifecycle
from automl_core.backends.maxcompute.lexer import split, tokenize
from automl_core.backends.maxcompute.pai import is_command, parse_command, render_command
from automl_core.backends.maxcompute.rendering import check_sql, literal, render_name, render_sql
from automl_core.backends.substitution import PlaceholderError
from automl_core.spec.dates import run_dates
from tests.standins.maxcompute import MaxComputeStandIn
from tests.support.examples import examples

HOSTILE = [
    "'", '"', "''", '""', "\\", "\\\\", "\\'", "'\\", "a'b", "`", "``", "; drop table t; --", "'; drop table t; --",
    "' or '1'='1", "' union select 1 --", "--", "-- x\n", "/*", "*/", "/* */", "/*+ mapjoin(t) */", ";", ";;",
    "]]>", "<![CDATA[", "<Query/>", "&lt;", "&#0;", "${x}", "$${x}", "{{ x }}", "%s", "%(x)s", "@a := 1", ":x", "?",
    "\\N", "\\0", "\\u0041", "\\101", "\x01\x02\x1f\x7f", "\r", "\n", "\r\n", "\t\b\f\v", "set odps.x=1;",
    "é漢字🙂", "\u202e\ufeff\u2028\u0085", "\ufffe\uffff", "", " ", "NULL", "null", "1", "x" * 10_000 + "'",
]  # fmt: skip
"""More than fifty values that would be something else if they were pasted in."""


def context(**params: Any) -> TrialContext:
    inactive = frozenset(name for name, value in params.items() if value is ...)
    given = {name: value for name, value in params.items() if value is not ...}
    return TrialContext("exp-1", "manual__2026-11-21T08:53:07+00:00", 7, 2, given, "/c", "/m", inactive=inactive)


def rendered(sql: str, **params: Any) -> str:
    return render_sql(sql, context(**params))


# --- where a value may stand --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (3, "3"), (-3, "(-3)"), (0.1, "0.1"), (1e-7, "1e-07"), (-0.5, "(-0.5)"), (-0.0, "(-0.0)"), (1e300, "1e+300"),
        (True, "TRUE"), (False, "FALSE"), (None, "NULL"), (..., "NULL"), ("adam", "'adam'"),
        ("it's", "'it\\047s'"), ("a;b", "'a\\073b'"), (2**63 - 1, "9223372036854775807"),
    ],
)  # fmt: skip
def test_a_value_is_a_typed_literal(value: Any, written: str) -> None:
    assert rendered("SELECT ${v} AS x", v=value) == f"SELECT {written} AS x"


def test_dates_of_the_run_are_text_and_parts_of_names() -> None:
    dated = replace(context(), dates=run_dates({"logical_date": "2026-11-01T00:00:00+00:00"}))
    sql = "INSERT INTO t_${ds} PARTITION (ds='${ds}') SELECT * FROM orders_${ds_nodash} WHERE ds = ${ds_nodash}"
    assert render_sql(sql, dated) == (
        "INSERT INTO t_2026_11_01 PARTITION (ds='2026-11-01') SELECT * FROM orders_20261101 WHERE ds = '20261101'"
    )
    with pytest.raises(PlaceholderError, match="no logical date"):
        rendered("SELECT ${ds}")


def test_a_list_is_an_array_or_its_json() -> None:
    assert (
        rendered("SELECT ${a}, ${b}", a=[30, -60], b=["l1", "it's"])
        == "SELECT ARRAY(30, (-60)), ARRAY('l1', 'it\\047s')"
    )
    assert rendered("SELECT '${a}'", a=["l1", 2]) == r"SELECT '[\042l1\042, 2]'"
    for value, problem in (([], "an empty list"), (["l1", 2], "has members of several types")):
        with pytest.raises(PlaceholderError, match=problem):
            rendered("SELECT ${a}", a=value)
    with pytest.raises(PlaceholderError, match="stands where a name does"):
        rendered("SELECT 1 FROM t_${a}", a=[1, 2])


def test_a_name_with_dots_is_a_value() -> None:
    assert rendered("SELECT ${train.optim.lr}", **{"train.optim.lr": 0.5}) == "SELECT 0.5"


def test_a_negative_value_after_a_minus_is_no_comment() -> None:
    assert rendered("SELECT 1 -${v} FROM t", v=-2) == "SELECT 1 -(-2) FROM t"


@pytest.mark.parametrize(
    ("value", "problem"),
    [(2**63, "beyond BIGINT"), (float("nan"), "no number that SQL knows"), ("\ud800", "U\\+D800")],
)
def test_a_value_that_sql_has_no_literal_for_is_refused(value: Any, problem: str) -> None:
    with pytest.raises(PlaceholderError, match=rf"\${{v}}.*{problem}"):
        rendered("SELECT ${v}", v=value)


def test_inside_a_literal_a_value_is_its_text() -> None:
    assert rendered("WHERE ds='${day}' OR y = \"${n}:${gone}\"", day="it's", n=0.5, gone=...) == (
        "WHERE ds='it\\047s' OR y = \"0.5:\""
    )


def test_a_backslash_before_a_value_in_a_literal_is_refused() -> None:
    with pytest.raises(PlaceholderError, match="line 2: a backslash"):
        rendered("SELECT\n'a\\${v}'", v="")
    assert check_sql("SELECT 'a\\${v}'", ["v"])
    assert rendered("SELECT 'a\\\\${v}'", v="'") == "SELECT 'a\\\\\\047'"


@pytest.mark.parametrize(
    ("sql", "result"),
    [
        ("SELECT * FROM ${t}", "SELECT * FROM sales"),
        ("INSERT OVERWRITE TABLE preds_${trial_id} SELECT 1", "INSERT OVERWRITE TABLE preds_7 SELECT 1"),
        ("DROP TABLE IF EXISTS ${t}_${trial_id}", "DROP TABLE IF EXISTS sales_7"),
        ("SELECT `${t}`, x.${t}, ${t}(1), ${t}.x FROM a", "SELECT `sales`, x.sales, sales(1), sales.x FROM a"),
        ("SELECT a /* b */ FROM -- c\n ${t}", "SELECT a /* b */ FROM -- c\n sales"),
        ("CREATE TABLE ${experiment_id}_${run_id} (a bigint)",
         "CREATE TABLE exp_1_manual__2026_11_21T08_53_07_00_00 (a bigint)"),
        ("SELECT CAST(1 AS ${t})", "SELECT CAST(1 AS sales)"),
    ],
)  # fmt: skip
def test_where_a_name_stands_a_value_is_a_name(sql: str, result: str) -> None:
    assert rendered(sql, t="sales") == result


@pytest.mark.parametrize("value", [*HOSTILE[:-1], 0.5, ..., "a-b", "a b", "x" * 200, "é"])
@pytest.mark.parametrize("sql", ["SELECT * FROM t_${v}", "SELECT `${v}` FROM t", "SELECT t.${v} FROM t"])
def test_what_is_no_name_can_not_be_part_of_one(sql: str, value: Any) -> None:
    if value in ("1", "NULL", "null"):
        return
    with pytest.raises(PlaceholderError, match=r"\${v}: it stands where a name does"):
        rendered(sql, v=value)


def test_a_project_and_a_table_may_be_one_value_after_from() -> None:
    assert rendered("SELECT * FROM ${t}", t="other.sales") == "SELECT * FROM other.sales"
    with pytest.raises(PlaceholderError):
        rendered("SELECT * FROM x_${t}", t="other.sales")


def test_comments_are_left_alone_and_a_dollar_can_be_escaped() -> None:
    sql = "SELECT 1 -- ${v} isn't\n/* ${v} ' */, '$${x}', $${y}"
    assert rendered(sql, v="a") == "SELECT 1 -- ${v} isn't\n/* ${v} ' */, '${x}', ${y}"


def test_unknown_names_and_open_literals_are_explained_before_anything_runs() -> None:
    assert "Did you mean ${rate}?" in check_sql("SELECT ${rat}", ["rate"])[0]
    assert "line 2: a string literal without its end: 'abc" in check_sql("SELECT\n'abc", [])[0]
    for sql in ("SELECT 'a\\'", "SELECT `a", "SELECT /* a", 'SELECT "a\\'):
        assert "without its end" in check_sql(sql, [])[0]
    assert check_sql("SELECT ${rate}, '${trial_id}' -- '", ["rate"]) == []


def test_statements_are_split_where_sql_says_so() -> None:
    sql = 'SELECT \';\' ; -- a; b\nSELECT `;`, "\\";" /* ; */;\n;  -- nothing\n'
    assert split(sql) == ["SELECT ';'", '-- a; b\nSELECT `;`, "\\";" /* ; */']


@given(st.text(alphabet=st.sampled_from("'\"\\`;-/*$ {}ab\n"), max_size=40))
def test_tokens_joined_are_the_text(sql: str) -> None:
    try:
        tokens = tokenize(sql)
    except PlaceholderError:
        return
    assert "".join(token.text for token in tokens) == sql


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_a_text_is_always_one_literal_of_harmless_signs(text: str) -> None:
    written = literal(text)
    (token,) = tokenize(written)
    assert token.kind == "string"
    assert not set(written[1:-1]) & set("'\";<>&`\r\n\0\x7f")


# --- in the engine ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def standin() -> Iterator[MaxComputeStandIn]:
    with MaxComputeStandIn() as standin:
        standin.odps().create_table("texts", "n bigint, text string")
        yield standin


def test_hostile_values_arrive_byte_for_byte(standin: MaxComputeStandIn) -> None:
    assert len(HOSTILE) >= 50
    odps = standin.odps()
    template = "INSERT INTO texts SELECT ${n}, ${v} UNION ALL SELECT ${n} + 1000, 'a${v}b'"
    for number, value in enumerate(HOSTILE):
        odps.execute_sql(rendered(template, n=number, v=value))
    with odps.execute_sql("SELECT n, text FROM texts ORDER BY n LIMIT 9999").open_reader(tunnel=True) as reader:
        found = {record["n"]: record["text"] for record in reader}
    assert [found[n] for n in range(len(HOSTILE))] == HOSTILE
    assert [found[1000 + n] for n in range(len(HOSTILE))] == [f"a{value}b" for value in HOSTILE]


@settings(max_examples=examples(40))
@given(
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30),
)
def test_numbers_and_texts_mean_the_same_in_the_engine(number: float, integer: int, text: str) -> None:
    sql = "SELECT ${f} = cast(${r} AS double) AS f, ${i} AS i, ${t} AS t"
    filled = rendered(sql, f=number, r=repr(number), i=integer, t=text)
    with _engine().odps().execute_sql(filled).open_reader(tunnel=True) as reader:
        (row,) = [list(record.values) for record in reader]
    assert row == [True, integer, text]


_engines: list[MaxComputeStandIn] = []


def _engine() -> MaxComputeStandIn:
    if not _engines:
        _engines.append(MaxComputeStandIn().start())
    return _engines[0]


@pytest.fixture(scope="module", autouse=True)
def _stop_engine() -> Iterator[None]:
    yield
    while _engines:
        _engines.pop().stop()


# --- names and lifecycles -----------------------------------------------------------------------------------------


def test_a_name_takes_values_as_parts() -> None:
    assert render_name("tmp_${trial_id}_${k}", context(k=3)) == "tmp_7_3"
    with pytest.raises(PlaceholderError):
        render_name("tmp_${k}", context(k="a b"))


@pytest.mark.parametrize(
    ("sql", "result"),
    [
        ("CREATE TABLE tmp_1 (a bigint)", "CREATE TABLE tmp_1 (a bigint) LIFECYCLE 2"),
        ("create table if not exists `Tmp_1_x` as select 1 as a",
         "create table if not exists `Tmp_1_x` LIFECYCLE 2 as select 1 as a"),
        ("CREATE TABLE p.tmp_1 AS SELECT 1 -- c", "CREATE TABLE p.tmp_1 LIFECYCLE 2 AS SELECT 1 -- c"),
        ("CREATE TABLE tmp_1 LIKE src; SELECT 1", "CREATE TABLE tmp_1 LIKE src LIFECYCLE 2; SELECT 1"),
        ("CREATE TABLE tmp_1 (a bigint) -- end\n", "CREATE TABLE tmp_1 (a bigint) LIFECYCLE 2 -- end\n"),
        ("CREATE TABLE tmp_1 LIFECYCLE 9 AS SELECT 1", "CREATE TABLE tmp_1 LIFECYCLE 9 AS SELECT 1"),
        ("CREATE TABLE tmp_10 (a bigint)", "CREATE TABLE tmp_10 (a bigint)"),
        ("CREATE TABLE other AS SELECT cast(1 AS double) AS tmp_1",
         "CREATE TABLE other AS SELECT cast(1 AS double) AS tmp_1"),
        ("SELECT 'CREATE TABLE tmp_1'", "SELECT 'CREATE TABLE tmp_1'"),
    ],
)  # fmt: skip
def test_temporary_tables_get_a_lifecycle_where_none_is_stated(sql: str, result: str) -> None:
    assert with_lifecycle(sql, "tmp_1", 2) == result


def test_one_trials_tables_are_not_anothers() -> None:
    assert is_own("TMP_1", "tmp_1")
    assert is_own("tmp_1_a", "tmp_1")
    assert not is_own("tmp_10_a", "tmp_1")
    assert is_own("tmp_1_0", "tmp_1_")


# --- PAI commands -------------------------------------------------------------------------------------------------


def test_a_command_is_filled_in_part_by_part() -> None:
    text = "PAI -name ps_smart -project algo_public -DtreeCount=${k} -Dnote=\"a ${s} b\" -Dgone=${g} -Dempty='';"
    assert is_command(text)
    command = render_command(text, context(k=3, s='" -Dadmin=true', g=...))
    assert (command.name, command.project) == ("ps_smart", "algo_public")
    assert command.parameters == {"treeCount": "3", "note": 'a " -Dadmin=true b', "empty": ""}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("PAI -project x", "needs -name"),
        ("PAI -name x -Da", "'-Da' is not known"),
        ("PAI -name x -Da=1 -Da=2", "-Da: it is given twice"),
        ("PAI -name x -Da=\"1", "a quote without its end"),
        ("PAI -name x y", "'y' is not known"),
    ],
)  # fmt: skip
def test_a_wrong_command_is_explained(text: str, problem: str) -> None:
    with pytest.raises(PlaceholderError, match=problem):
        parse_command(text)


def test_a_command_can_not_carry_control_characters() -> None:
    with pytest.raises(PlaceholderError, match=r"-Ds: the value holds U\+0000"):
        render_command("PAI -name x -Ds=${s}", context(s="a\0b"))


def test_a_select_is_no_command() -> None:
    assert not is_command("SELECT pai - name FROM t")
    assert is_command("\n pai -name x")


def of_data(sql: str, **columns: str | list[str]) -> str:
    given = replace(context(), data={"train": "lake.churn", "far": "s3://lake/x.csv"}, columns=columns)
    return render_sql(sql, given)


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT ${columns.target} FROM ${data.train} t", "SELECT `y` FROM lake.churn t"),
        ("SELECT ${columns.features} FROM ${data.train}", "SELECT `a`, `b` FROM lake.churn"),
        ("SELECT t.${columns.target} FROM ${data.train} t", "SELECT t.y FROM lake.churn t"),
        ("SELECT '${columns.features}'", "SELECT 'a,b'"),
        ("SELECT 1 FROM dual, ${data.train}", "SELECT 1 FROM dual, lake.churn"),
        ("CREATE EXTERNAL TABLE x (a BIGINT) LOCATION ${data.far}",
         "CREATE EXTERNAL TABLE x (a BIGINT) LOCATION 's3://lake/x.csv'"),
    ],
)  # fmt: skip
def test_tables_and_columns_are_names(sql: str, expected: str) -> None:
    assert of_data(sql, target="y", features=["a", "b"]) == expected


def test_a_column_that_would_end_its_quotes_is_refused() -> None:
    with pytest.raises(PlaceholderError, match="can't be a column of MaxCompute"):
        of_data("SELECT ${columns.target}", target="a` FROM secrets --")
