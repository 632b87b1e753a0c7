"""What a value means does not depend on what held it: every kind of source gives the same frame."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.modelfile.scoring.sources import column_of, source_of
from automl_core.modelfile.scoring.values import Coded, Field, Frame, Schema, SchemaError, text_of
from tests.support.examples import examples

ROWS = [
    {"age": 30, "city": "Bonn", "plan": 1, "paid": True, "since": "2026-01-01T10:00:00+02:00", "note": "a b"},
    {"age": None, "city": None, "plan": 2, "paid": False, "since": None, "note": ""},
    {"age": 2.5, "city": "01", "plan": None, "paid": None, "since": "2026-01-02", "note": "1.0"},
]
SCHEMA = Schema(
    [
        Field("note", "text"),
        Field("age", "number", "number"),
        Field("city", "category"),
        Field("plan", "category", "integer"),
        Field("paid", "category", "boolean"),
        Field("since", "time", "timestamp"),
    ]
)
SINCE = datetime(2026, 1, 1, 8, tzinfo=UTC).timestamp()


def columns() -> dict[str, list[object]]:
    return {name: [row[name] for row in ROWS] for name in ROWS[0]}


INFERRED = pa.Table.from_pylist(ROWS[:2]).schema
SOURCES = {
    "rows": ROWS,
    "columns": columns(),
    "arrays": {name: np.asarray(values, dtype=object) for name, values in columns().items()},
    "pyarrow": pa.Table.from_pylist(ROWS, schema=INFERRED.set(0, pa.field("age", pa.float64()))),
    "batch": pa.RecordBatch.from_pylist(ROWS),
    "pandas": pd.DataFrame(ROWS),
    "pandas extension types": pd.DataFrame(ROWS).convert_dtypes(),
    "pandas categories": pd.DataFrame(ROWS).astype({"city": "category", "plan": "category", "note": "category"}),
    "dictionaries": pa.table(
        {
            name: pa.array(values).dictionary_encode() if name in ("city", "plan", "since") else pa.array(values)
            for name, values in columns().items()
        }
    ),
    "chunks": pa.concat_tables([pa.Table.from_pylist([row]) for row in ROWS], promote_options="permissive"),
}  # fmt: skip


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
def test_every_source_gives_the_same_frame(source: object) -> None:
    frame = SCHEMA.read(source)
    assert frame.n == 3
    assert list(frame.columns) == list(SCHEMA.names)
    np.testing.assert_array_equal(frame.numbers("age"), [30, math.nan, 2.5])
    np.testing.assert_array_equal(frame.numbers("since"), [SINCE, math.nan, SINCE + 16 * 3600])
    assert frame.coded("city").texts() == ["Bonn", None, "01"]
    assert frame.coded("plan").texts() == ["1", "2", None]
    assert frame.coded("paid").texts() == ["true", "false", None]
    assert frame.coded("note").texts() == ["a b", None, "1.0"]
    for column in frame.columns.values():
        if isinstance(column, Coded):
            assert column.codes.dtype == np.int32
            assert len(set(column.levels)) == len(column.levels)
        else:
            assert column.dtype == np.float64


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, None), (math.nan, None), ("", None), (pd.NA, None), (pd.NaT, None), (np.datetime64("NaT"), None),
        (True, "true"), (np.bool_(False), "false"), (1, "1"), (1.0, "1"), (np.float32(1), "1"), (-0.0, "0"),
        (2**63 + 1, str(2**63 + 1)), (np.uint64(2**64 - 1), str(2**64 - 1)), (1e22, "1" + "0" * 22),
        (0.1, "0.1"), (np.float32(0.1), "0.1"), (np.float64(0.1), "0.1"), (math.inf, "inf"),
        (Decimal("1.50"), "1.5"), (Decimal("100"), "100"), (Decimal("0.00"), "0"),
        ("01", "01"), ("1.0", "1.0"), (" a", " a"), (np.str_("x"), "x"), (b"ab", "ab"),
        (date(2026, 1, 2), "2026-01-02"), (datetime(2026, 1, 2, 3), "2026-01-02T03:00:00"), ([1, 2], "[1, 2]"),
    ],
)  # fmt: skip
def test_text_of(value: object, text: str | None) -> None:
    assert text_of(value) == text


def test_an_empty_cell_does_not_rename_the_categories_of_a_column() -> None:
    schema = Schema([Field("plan", "category", "integer")])
    whole = schema.read(pd.DataFrame({"plan": [1, 2, 3]})).coded("plan").texts()
    holed = schema.read(pd.DataFrame({"plan": [1, 2, None, 3]})).coded("plan").texts()
    assert holed == [*whole[:2], None, whole[2]]
    as_text = schema.read({"plan": ["1", "2.0", None, "03"]}).coded("plan").texts()
    assert as_text == ["1", "2", None, "3"]


def test_true_and_one_are_two_categories_where_a_list_mixes_them() -> None:
    schema = Schema([Field("x", "category")])
    assert schema.read({"x": [True, 1, 1.0, False, 0]}).coded("x").texts() == ["true", "1", "1", "false", "0"]


def test_numbers_are_read_from_text_and_words_for_missing_ones() -> None:
    schema = Schema([Field("x", "number", "number")])
    source = {"x": ["1.5", " 2 ", "NA", "", "true", Decimal("3"), timedelta(seconds=4), np.float32(0.5)]}
    np.testing.assert_array_equal(schema.read(source).numbers("x"), [1.5, 2, math.nan, math.nan, 1, 3, 4, 0.5])
    np.testing.assert_array_equal(schema.read({"x": pa.array([True, None])}).numbers("x"), [1, math.nan])
    np.testing.assert_array_equal(schema.read({"x": pa.array([2**60 + 1])}).numbers("x"), [2.0**60])


@pytest.mark.parametrize(
    "values",
    [
        [datetime(2026, 1, 1, 8), None],
        [datetime(2026, 1, 1, 10, tzinfo=timezone(timedelta(hours=2))), None],
        np.asarray(["2026-01-01T08:00", "NaT"], dtype="datetime64[ns]"),
        pd.Series(pd.to_datetime(["2026-01-01T09:00", None])).dt.tz_localize("Europe/Berlin"),
        pa.array([datetime(2026, 1, 1, 8), None], pa.timestamp("ns")),
        pa.array([datetime(2026, 1, 1, 8, tzinfo=UTC), None], pa.timestamp("ms", "Europe/Berlin")),
        pa.array(["2026-01-01T08:00:00Z", None]),
        [SINCE, None],
    ],
)
def test_times_are_seconds_in_utc(values: object) -> None:
    schema = Schema([Field("t", "time", "timestamp")])
    np.testing.assert_array_equal(schema.read({"t": values}).numbers("t"), [SINCE, math.nan])


def test_dates_are_midnight_in_utc() -> None:
    schema = Schema([Field("t", "time", "date")])
    for values in (
        pa.array([date(2026, 1, 1)], pa.date32()),
        pa.array([date(2026, 1, 1)], pa.date64()),
        ["2026-01-01"],
    ):
        assert schema.read({"t": values}).numbers("t").tolist() == [SINCE - 8 * 3600]


def test_columns_are_found_by_name_whatever_their_order() -> None:
    backwards = dict(reversed(columns().items()))
    np.testing.assert_array_equal(SCHEMA.read(backwards).numbers("age"), [30, math.nan, 2.5])


def test_a_dict_of_single_values_is_one_row() -> None:
    frame = SCHEMA.read(ROWS[0])
    assert (frame.n, frame.coded("city").texts()) == (1, ["Bonn"])


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"agee": [1.0]}, "no column 'age'; did you mean 'agee'? (there are: agee)"),
        ({"age": ["1", "x7"]}, "column 'age', row 1: 'x7' is no number"),
        ({"age": [1, 2], "b": [1]}, "column 'b' has 1 values, 'age' has 2"),
        ({"age": [1, 2], "b": 1}, "single value as 'b'"),
        ([{"age": 1}, {"b": 2}], "row 1 has no value for 'age'"),
        ([{"age": 1}, 7], "row 1 is a int"),
        (pa.table([[1.0], [2.0]], names=["age", "age"]), "the column 'age' 2 times"),
        (pd.DataFrame([[1, 2]], columns=["age", "age"]), "the column 'age' 2 times"),
        ("age", "str holds no rows"),
        ({"age": pa.array([datetime(2026, 1, 1)])}, "is no number"),
        ({"age": np.asarray(["NaT", "2026-01-01"], "datetime64[s]")}, "column 'age', row 1"),
    ],
)
def test_problems_are_named(source: object, said: str) -> None:
    with pytest.raises(SchemaError) as error:
        Schema([Field("age", "number", "number")]).read(source)
    assert said in str(error.value)


def test_a_time_that_is_none_is_named() -> None:
    with pytest.raises(SchemaError, match="row 0: 'yesterday' is no time"):
        Schema([Field("t", "time")]).read({"t": pa.array(["yesterday"])})


def test_schema_goes_through_json() -> None:
    schema = Schema(
        [Field("a", "category", "integer", True, levels=("1", "2"), distinct=2), Field("t", "time", low=0.5)]
    )
    assert Schema.from_json(schema.to_json()) == schema
    assert Schema.from_json([{**schema.to_json()[1], "later": 1}])["t"].low == 0.5
    with pytest.raises(SchemaError, match="allowed: number"):
        Field("a", "nominal")
    with pytest.raises(SchemaError, match="'a' twice"):
        Schema([Field("a", "text"), Field("a", "text")])


def test_frames_give_rows_and_columns() -> None:
    frame = SCHEMA.read(ROWS)
    assert frame.take([2, 0]).coded("city").texts() == ["01", "Bonn"]
    assert frame.take(np.asarray([False, True, False])).coded("plan").texts() == ["2"]
    assert frame.take([]).n == 0
    assert list(frame.select(["plan", "age"]).columns) == ["plan", "age"]
    assert SCHEMA.select(["age"]).read(frame).columns.keys() == {"age"}
    with pytest.raises(SchemaError, match="did you mean 'city'"):
        frame.coded("citi")
    with pytest.raises(SchemaError, match="holds texts"):
        frame.numbers("city")
    with pytest.raises(SchemaError, match="2 values, the frame has 3"):
        Frame(3, {"a": np.zeros(2)})


def test_codes_in_other_levels() -> None:
    coded = SCHEMA.read(ROWS).coded("city")
    assert coded.codes_in(["Ulm", "Bonn"]).tolist() == [1, -1, -2]
    assert coded.codes_in(["Ulm", "Bonn"], unknown=-1).tolist() == [1, -1, -1]


def test_no_rows() -> None:
    for source in ([], pa.table({"age": pa.array([], pa.float64()), "city": pa.array([], pa.string())})):
        frame = SCHEMA.select(["age", "city"]).read(source)
        assert (frame.n, len(frame.numbers("age")), len(frame.coded("city"))) == (0, 0, 0)
    empty = pa.table({"city": pa.chunked_array([], pa.string())})
    assert SCHEMA.select(["city"]).read(empty).n == 0


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=3),
    st.decimals(allow_nan=False, allow_infinity=False, places=2),
)


@settings(max_examples=examples(150), deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=8))
def test_one_row_alone_reads_as_in_a_list(values: list[object]) -> None:
    schema = Schema([Field("x", "category")])
    together = schema.read({"x": values}).coded("x").texts()
    assert together == [schema.read([{"x": value}]).coded("x").texts()[0] for value in values]
    assert together == [text_of(value) for value in values]


@settings(max_examples=examples(50), deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False)), min_size=1, max_size=8))
def test_a_text_reads_back_as_its_number(values: list[float | None]) -> None:
    codes, levels = column_of(values).coded()
    read = [math.nan if code < 0 else float(levels[code]) for code in codes]
    np.testing.assert_array_equal(read, [math.nan if value is None else value for value in values])


def test_types_of_sources() -> None:
    source = source_of(pa.Table.from_pylist(ROWS[:2]))
    assert {name: source.column(name).type for name in source.names} == {
        "age": "integer", "city": "string", "plan": "integer", "paid": "boolean", "since": "string", "note": "string",
    }  # fmt: skip
    assert column_of([1, 2.5, None]).type == "number"
    assert column_of([date(2026, 1, 1), None]).type == "date"
    assert column_of([1, "a"]).type == "string"
    assert column_of(np.asarray([True])).type == "boolean"
    assert column_of(pa.array(["a"]).dictionary_encode()).type == "string"
    assert column_of(pd.Series([1, None], dtype="Int64")).type == "integer"


def test_rows_may_lack_what_is_optional() -> None:
    schema = Schema([Field("x", "number", "number"), Field("thing", "category", optional=True)])
    assert Schema.from_json(schema.to_json()).fields == schema.fields
    assert "optional" not in schema.to_json()[0]
    for source in ([{"x": 1}, {"x": 2}], {"x": [1, 2]}, pa.table({"x": [1, 2]}), pd.DataFrame({"x": [1, 2]})):
        frame = schema.read(source)
        assert frame.coded("thing").texts() == [None, None]
        assert frame.numbers("x").tolist() == [1, 2]
    with pytest.raises(SchemaError, match="no column 'x'"):
        schema.read([{"thing": "a"}])
    some = schema.read([{"x": 1, "thing": "a"}, {"x": 2}])
    assert some.coded("thing").texts() == ["a", None]
    with pytest.raises(SchemaError, match="row 1 has no value for 'x'"):
        schema.read([{"x": 1}, {"thing": "a"}])
