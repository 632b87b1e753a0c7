"""Columns of every type in the table, whatever they were in training: what SQL reads is what the scorer reads."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.modelfile.scoring.features.dates import PARTS
from automl_core.modelfile.scoring.values import Field
from automl_core.modelfile.sql import NotInSql, to_sql
from tests.support.examples import examples
from tests.unit.modelfile.sql.engines import DIALECTS, agree, run, written

NUMBERS = {"kind": "regression", "target": "y", "classes": []}


def regression(fields: list[Field], states: list[dict[str, Any]], width: int) -> dict[str, Any]:
    """A weighted sum of features, missing ones counted as -7."""
    fill = {"step": "fill", "values": np.full(width, -7.0), "indicators": np.arange(0)}
    coef = np.asarray([[1.0 / (1 + each)] for each in range(width)])
    model = {"type": "linear", "coef": coef, "intercept": np.zeros(1)}
    schema = [field.to_json() for field in fields]
    return {
        "format": 1,
        "problem": NUMBERS,
        "schema": schema,
        "members": [{"features": [*states, fill], "model": model}],
    }


def of_number() -> dict[str, Any]:
    return regression(
        [Field("x", "number", "number")], [{"step": "numbers", "columns": ["x"], "fill": np.asarray([np.nan])}], 1
    )


def of_category(type_: str, levels: list[str]) -> dict[str, Any]:
    """Each level's place, 50 for an unseen one, 70 for a missing one."""
    codes = np.asarray([*range(1, len(levels) + 1), 50.0, 70.0])
    state = {"step": "ordinal", "columns": ["x"], "levels": [levels], "codes": [codes], "categorical": True}
    return regression([Field("x", "category", type_)], [state], 1)


def of_time(parts: tuple[str, ...] = tuple(PARTS)) -> dict[str, Any]:
    state = {"step": "dates", "columns": ["x"], "parts": [list(parts)], "between": [["x", "x"]]}
    return regression([Field("x", "time", "timestamp")], [state], len(parts) + 1)


def column(values: list[Any], type_: pa.DataType) -> pa.Table:
    return pa.table({"x": pa.array(values, type_)})


FLOATS = [0.1, -0.0, 1e30, 1.0000000000000002e30, -1e300, np.inf, -np.inf, np.nan, None, 5e-324, 1 / 3, 2.0**53]


@pytest.mark.parametrize(
    "table",
    [
        column(FLOATS, pa.float64()),
        column([0.1, 3.4e38, np.nan, None, 16777217.0], pa.float32()),
        column([1, -(2**63) + 1, 2**63 - 1, None, 0], pa.int64()),
        column([True, False, None], pa.bool_()),
        column(
            ["1", " 2.5 ", "-1e3", "1e999", "NaN", "NA", "", None, "null", "True", "FALSE", ".5", "+7."], pa.string()
        ),
    ],
    ids=lambda table: str(table.schema.types[0]),
)
def test_numbers(table: pa.Table) -> None:
    agree(of_number(), table)


def test_decimals_are_numbers() -> None:
    values = [decimal.Decimal("1.10"), decimal.Decimal("-123456.78"), None]
    agree(of_number(), column(values, pa.decimal128(12, 2)), ("duckdb", "ansi"), types={"x": "decimal(12,2)"})
    agree(
        of_category("number", ["1.1", "-123456.78"]), column(values, pa.decimal128(12, 2)), ("duckdb", "ansi"),
        types={"x": "decimal(12,2)"},
    )  # fmt: skip


def test_a_text_that_is_no_number_ends_the_statement_as_it_ends_the_scorer() -> None:
    for dialect in ("duckdb", "ansi", "maxcompute"):
        with pytest.raises(Exception, match="1,5"):
            run(written(of_number(), column(["1,5"], pa.string()), dialect), column(["1,5"], pa.string()))


TEXTS = [
    "a",
    "A",
    "a ",
    " a",
    "",
    None,
    "'",
    "\\",
    "\\n",
    '"',
    "`",
    "a\nb",
    "ä",
    "null",
    "NULL",
    "1",
    "1.0",
    "%",
    "a;b",
    "--",
]


def test_texts_are_themselves_letter_for_letter() -> None:
    levels = [each for each in TEXTS if each and each not in ("A", "1.0")]
    agree(of_category("string", levels), column(TEXTS, pa.string()))


@pytest.mark.parametrize(
    ("type_", "levels", "table"),
    [
        ("integer", ["1", "2", "-3"], column([1, 2, -3, 4, None], pa.int64())),
        ("integer", ["1", "2", "-3"], column([1.0, 2.0, -3.0, 2.5, np.nan, None], pa.float64())),
        ("integer", ["1", "2", "-3"], column(["1", "01", "2.0", "-3", " 2 ", "x", "", None, "NA", "1e0"], pa.string())),
        ("integer", ["1", "0"], column([True, False, None], pa.bool_())),
        ("number", ["0.1", "1", "1e+30", "0"], column([0.1, 1.0, 1e30, -0.0, None], pa.float64())),
        ("number", ["0.1", "1"], column(["0.1", "0.10", "1.", "abc", None], pa.string())),
        ("boolean", ["true", "false"], column([True, False, None], pa.bool_())),
        ("boolean", ["true", "false"], column(["True", "f", "yes", "0", "maybe", "", None], pa.string())),
        ("string", ["1", "2.5", "true"], column([1, 2, None], pa.int64())),
        ("string", ["1", "2.5", "true"], column([1.0, 2.5, np.nan], pa.float64())),
        ("string", ["1", "true"], column([True, False, None], pa.bool_())),
        ("date", ["2026-11-29"], column([datetime.date(2026, 11, 29), datetime.date(1969, 1, 1), None], pa.date32())),
        (
            "timestamp", ["2026-11-29T10:00:00", "2026-11-29"],
            column([datetime.datetime(2026, 11, 29, 10), datetime.datetime(2026, 11, 29), None], pa.timestamp("us")),
        ),
    ],
)  # fmt: skip
def test_categories_in_every_type(type_: str, levels: list[str], table: pa.Table) -> None:
    agree(of_category(type_, levels), table)


TIMES = [datetime.datetime(*each) for each in (
    (1970, 1, 1), (1969, 12, 31, 23, 59, 59), (1900, 2, 28), (2000, 2, 29, 12), (2024, 2, 29, 23, 59, 59, 999000),
    (2024, 12, 31, 23, 59, 59), (2026, 11, 29, 10, 15, 30, 125000), (2100, 3, 1), (2026, 3, 29, 2, 30),
    (1, 1, 1), (9999, 12, 31),
)]  # fmt: skip


@pytest.mark.parametrize(
    "table",
    [
        column([*TIMES, None], pa.timestamp("us")),
        column([*(each.date() for each in TIMES), None], pa.date32()),
        column([*(int(each.timestamp()) for each in TIMES[:9]), None], pa.int64()),
    ],
    ids=["timestamp", "date", "seconds"],
)
def test_times(table: pa.Table) -> None:
    agree(of_time(), table)


def test_times_that_are_texts() -> None:
    texts = [
        "2026-11-29", "20261129", "2026-11-29T10:15", "2026-11-29 10:15:30", "2026-11-29T10:15:30.5", "", None, "NA",
        "2026-11-29T10:15:30Z", "2026-11-29T10:15:30.250+05:30", "2026-03-01T00:30-01:00", " 1999-12-31 ",
    ]  # fmt: skip
    agree(of_time(("days", "hour", "day", "month", "year", "weekday")), column(texts, pa.string()))


@settings(max_examples=examples(5), deadline=None)
@given(st.lists(st.datetimes(datetime.datetime(1600, 1, 1), datetime.datetime(2400, 1, 1)), min_size=1, max_size=40))
def test_any_time(times: list[datetime.datetime]) -> None:
    agree(of_time(), column([each.replace(microsecond=0) for each in times], pa.timestamp("us")), ("duckdb",))


@settings(max_examples=examples(6), deadline=None)
@given(
    st.lists(st.floats(width=64) | st.none(), min_size=1, max_size=30),
    st.lists(st.text(max_size=4) | st.none(), min_size=1, max_size=30),
)
def test_any_number_and_any_text(numbers: list[float | None], texts: list[str | None]) -> None:
    agree(of_number(), column(numbers, pa.float64()), ("duckdb",))
    texts = [each if each is None else each.replace("\0", "").encode("utf-8", "ignore").decode() for each in texts]
    levels = sorted({each for each in texts[::2] if each})
    agree(of_category("string", levels), column(texts, pa.string()), ("duckdb",))


def test_a_pair_of_categories() -> None:
    fields = [Field("a", "category", "string"), Field("b", "category", "integer")]
    levels = ["x\x1f1", "x\x1f", "\x1f2", "y\x1f2"]
    cross = {"step": "cross", "pairs": [["a", "b"]]}
    codes = np.asarray([1.0, 2, 3, 4, 50, 70])
    ordinal = {"step": "ordinal", "columns": ["a & b"], "levels": [levels], "codes": [codes], "categorical": True}
    table = pa.table({
        "a": pa.array(["x", "x", None, "y", None, "z", "x", ""], pa.string()),
        "b": pa.array([1, None, 2, 2, None, 1, 2, 2], pa.int64()),
    })  # fmt: skip
    agree(regression(fields, [cross, ordinal], 1), table)


@pytest.mark.parametrize(
    ("document", "type_", "said"),
    [
        (of_number(), "timestamp", "column 'x' is a timestamp in the table, and the model reads numbers"),
        (of_time(), "boolean", "column 'x' is a boolean in the table, and the model reads times"),
        (of_number(), "array<double>", "column 'x' has the type array<double>, which no model reads"),
    ],
)
def test_a_column_that_can_not_be_read_is_named(document: dict[str, Any], type_: str, said: str) -> None:
    with pytest.raises(NotInSql, match=said):
        to_sql(document, table="t", types={"x": type_})


def many(type_: str, levels: list[str]) -> dict[str, Any]:
    """A target encoding of so many levels that a statement joins a table of them; two columns, one with gaps."""
    values = np.stack([np.arange(len(levels) + 2) / 7, np.where(np.arange(len(levels) + 2) % 5, 1e-3, np.nan)], axis=1)
    values[::3, 1] += np.arange(len(values[::3]))
    state = {"step": "encode", "columns": ["x"], "levels": [levels], "values": [values], "names": [["a", "b"]]}
    return regression([Field("x", "category", type_)], [state], 2)


@pytest.mark.parametrize(
    ("type_", "levels", "table"),
    [
        ("string", [*(f"k{i}" for i in range(300)), *(each for each in TEXTS if each)], column(
            [*TEXTS, "k0", "k299", "k300", "K0", "k0 "], pa.string())),
        ("integer", [str(i) for i in range(-100, 400)], column([-100, 399, 400, 0, None, 2**62], pa.int64())),
        ("integer", [str(i) for i in range(-100, 400)], column([-100.0, 399.0, 0.5, np.nan, None], pa.float64())),
        ("integer", [*map(str, range(200)), "x", "NA"], column(
            ["1", "01", "199.0", " 2 ", "x", "", None, "NA", "y", "200"], pa.string())),
        ("number", [repr(i / 8) for i in range(300) if i % 8], column([0.125, 37.375, 0.1, None, -0.0], pa.float64())),
        ("number", [repr(i / 8) for i in range(300) if i % 8], column([0.125, 37.375, 0.1, None], pa.float32())),
        ("boolean", ["true", "false", *map(str, range(60))], column(["True", "no", "7", "", None], pa.string())),
        ("date", [str(datetime.date(2026, 1, 1) + datetime.timedelta(i)) for i in range(90)], column(
            [datetime.date(2026, 1, 1), datetime.date(2026, 3, 31), datetime.date(2026, 4, 1), None], pa.date32())),
    ],
)  # fmt: skip
def test_many_levels_are_a_table_that_is_joined(type_: str, levels: list[str], table: pa.Table) -> None:
    document = many(type_, levels)
    agree(document, table)
    for dialect in ("duckdb", "ansi", "maxcompute"):
        text = written(document, table, dialect).text
        assert ("LEFT JOIN" in text) == (type_ != "boolean"), dialect
        assert text.count("WHEN") < 200, "planning does not grow with the levels"


def test_a_pair_of_categories_with_many_levels() -> None:
    fields = [Field("a", "category", "string"), Field("b", "category", "integer")]
    levels = [f"{a}\x1f{b}" for a in ("", *(f"w{i}" for i in range(60))) for b in ("", "1", "2") if a or b]
    state = {"step": "encode", "columns": ["a & b"], "levels": [levels],
             "values": [np.arange(len(levels) + 2)[:, None] / 3.0], "names": [["v"]]}  # fmt: skip
    table = pa.table({
        "a": pa.array(["w0", "w59", None, "w7", None, "z", "w3", ""], pa.string()),
        "b": pa.array([1, None, 2, 2, None, 1, 3, 2], pa.int64()),
    })  # fmt: skip
    agree(regression(fields, [{"step": "cross", "pairs": [["a", "b"]]}, state], 1), table)


def test_a_table_of_levels_that_is_too_long_for_a_statement_becomes_several() -> None:
    levels = [f"some {'long ' * 10}name {i}" for i in range(1500)]
    table = column([levels[0], levels[700], levels[-1], "other", None], pa.string())
    agree(many("string", levels), table, ("maxcompute",), most_bytes=60_000)
    script = written(many("string", levels), table, "maxcompute", most_bytes=60_000)
    assert len(script.steps) > 3
    assert max(len(step.sql.encode()) for step in script.steps) <= 60_000


@settings(max_examples=examples(6), deadline=None)
@given(st.lists(st.text(min_size=1, max_size=4), min_size=60, max_size=90, unique=True), st.data())
def test_any_texts_of_many_levels(texts: list[str], data: st.DataObject) -> None:
    levels = [each for each in texts if "\0" not in each and each.encode("utf-8", "ignore").decode() == each]
    asked = data.draw(st.lists(st.sampled_from(levels) | st.none() | st.text("ab", max_size=2), min_size=1))
    agree(many("string", levels), column(asked, pa.string()), ("duckdb",))


def test_keys_of_a_table_of_levels_have_one_type() -> None:
    levels = [str(each) for each in (*range(-60, 60), 2**31, -(2**40))]
    table = column([5, -60, 2**31, -(2**40), 60, None], pa.int64())
    agree(many("integer", levels), table)
    text = written(many("integer", levels), table, "maxcompute").text
    assert "(-5L, " in text, "an INT beside a BIGINT would be two types"
    assert "(2147483648L, " in text


@pytest.mark.parametrize("type_", [pa.string(), pa.date32()], ids=str)
def test_a_time_that_training_read_from_texts_is_read_from_texts_or_dates_without_a_word(type_: pa.DataType) -> None:
    document = of_time(("days", "day", "month", "year", "weekday"))
    document["schema"] = [Field("x", "time", "date", written="text").to_json()]
    days = [datetime.date(2026, 11, 29), datetime.date(1999, 2, 28), None]
    table = column([each and str(each) for each in days] if type_ == pa.string() else days, type_)
    agree(document, table, types={})


@pytest.mark.parametrize("type_", [pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.string()], ids=str)
def test_a_moment_that_training_read_from_texts_is_read_whatever_zone_the_engine_shows(type_: pa.DataType) -> None:
    document = of_time(("days", "day", "hour"))
    document["schema"] = [Field("x", "time", "timestamp", written="text").to_json()]
    zone = datetime.UTC if getattr(type_, "tz", None) else None
    times = [datetime.datetime(2026, 11, 29, 10, 15, tzinfo=zone), None,
             datetime.datetime(1999, 2, 28, 23, 59, 59, 500000, tzinfo=zone)]  # fmt: skip
    texts = ["2026-11-29 10:15+08", "2026-11-29T10:15-0330", "20261129T10+08:00", "2026-11-29 10:15:00.5Z", None]
    table = column(texts if type_ == pa.string() else times, type_)
    agree(document, table, ("duckdb", "ansi") if zone else DIALECTS, types={})


@pytest.mark.parametrize("count", [3, 90])
def test_a_category_of_dates_that_were_texts_is_one_of_dates_in_the_table(count: int) -> None:
    levels = [str(datetime.date(2026, 1, 1) + datetime.timedelta(each)) for each in range(count)]
    document = of_category("date", levels)
    document["schema"] = [Field("x", "category", "date", written="text").to_json()]
    days = [datetime.date(2026, 1, 1), datetime.date(2027, 1, 1), None]
    agree(document, column(days, pa.date32()), types={})
    texts = column([each and str(each) for each in days], pa.string())
    agree(document, texts, types={"x": "string"})
    assert to_sql(document, table="t").assumed == {"x": "date"}
    assert not to_sql(document, table="t", types={"x": "string"}).assumed
    document["schema"] = [Field("x", "category", "date").to_json()]
    assert not to_sql(document, table="t").assumed


def test_numbers_and_truths_that_training_read_from_texts_are_texts_in_the_table() -> None:
    document = of_number()
    document["schema"] = [Field("x", "number", "number", written="text").to_json()]
    agree(document, column(["1.5", " 2 ", "NA", "", None], pa.string()), types={})
    document = of_category("boolean", ["true", "false"])
    document["schema"] = [Field("x", "category", "boolean", written="text").to_json()]
    agree(document, column(["True", "no", "maybe", None], pa.string()), types={})
