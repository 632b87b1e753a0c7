"""Tables as trainings read them: right where a good guess is wrong."""

from __future__ import annotations

import bz2
import datetime
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automl_core.data import read_table
from automl_core.data.access import DataError
from automl_core.data.text_types import typed
from tests.unit.data.lake import Lake

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def column(*values: str) -> tuple[str, list[Any]]:
    """The type that texts get, and what they are then."""
    found = typed(pa.chunked_array([pa.array(values, pa.string())]))
    return str(found.type), found.to_pylist()


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (("1", "2"), "int64", [1, 2]),
        (("007", "042"), "string", ["007", "042"]),
        (("1", "007"), "string", ["1", "007"]),
        (("0", "-0", "10"), "int64", [0, 0, 10]),
        (("9007199254740993", "1"), "int64", [9007199254740993, 1]),
        (("9223372036854775808", "1"), "uint64", [9223372036854775808, 1]),
        (("18446744073709551616", "1"), "string", ["18446744073709551616", "1"]),
        (("1", "2.5"), "double", [1.0, 2.5]),
        (("1e3", ".5", "5."), "double", [1000.0, 0.5, 5.0]),
        (("00.5", "1.5"), "string", ["00.5", "1.5"]),
        (("inf", "-Infinity", "1"), "double", [float("inf"), float("-inf"), 1.0]),
        (("1e400", "1"), "string", ["1e400", "1"]),
        (("+4930", "+4989"), "string", ["+4930", "+4989"]),
        (("1,5", "2,5"), "string", ["1,5", "2,5"]),
        (("1_000", "2"), "string", ["1_000", "2"]),
        (("0x10", "1"), "string", ["0x10", "1"]),
        (("1", "NA", "", "null"), "int64", [1, None, None, None]),
        (("a", "NA", "None", ""), "string", ["a", "NA", "None", ""]),
        (("NA", "NA"), "string", ["NA", "NA"]),
        (("a", "\\N"), "string", ["a", None]),
        (("true", "False", "NA"), "bool", [True, False, None]),
        (("yes", "no"), "string", ["yes", "no"]),
        (("true", "1"), "string", ["true", "1"]),
        ((" 1", "2 "), "int64", [1, 2]),
        ((" a", "b "), "string", [" a", "b "]),
        (("2026-11-01", "NA"), "date32[day]", [datetime.date(2026, 11, 1), None]),
        (("2026-02-30", "2026-02-01"), "string", ["2026-02-30", "2026-02-01"]),
        (("01/02/2026",), "string", ["01/02/2026"]),
        (("20261101",), "int64", [20261101]),
        (("2026-11-01 10:00", "2026-11-01T10:00:00.5"), "timestamp[us]",
         [datetime.datetime(2026, 11, 1, 10), datetime.datetime(2026, 11, 1, 10, 0, 0, 500000)]),
        (("2026-11-01T10:00:00Z", "2026-11-01T10:00:00+02:00"), "timestamp[us, tz=UTC]",
         [datetime.datetime(2026, 11, 1, 10, tzinfo=datetime.UTC),
          datetime.datetime(2026, 11, 1, 8, tzinfo=datetime.UTC)]),
        (("2026-11-01T10:00:00Z", "2026-11-01T10:00:00"), "string", ["2026-11-01T10:00:00Z", "2026-11-01T10:00:00"]),
    ],
)  # fmt: skip
def test_types_of_text(values: tuple[str, ...], kind: str, expected: list[Any]) -> None:
    assert column(*values) == (kind, expected)


def test_a_column_without_a_value_is_one_of_missing_numbers() -> None:
    found = typed(pa.chunked_array([pa.nulls(2, pa.string())]))
    assert (str(found.type), found.null_count) == ("double", 2)


def test_the_last_value_counts_as_much_as_the_first(folder: Path) -> None:
    rows = "\n".join(["7"] * 200_000)  # many of pyarrow's blocks
    (folder / "a.csv").write_text(f"id,x\n{rows.replace('7', '7,1')}\n007,2\n")
    table = read_table("a.csv")
    assert str(table.schema.field("id").type) == "string"
    assert table["id"][-1].as_py() == "007"


def test_a_column_may_begin_with_nothing_but_missing_values(folder: Path) -> None:
    (folder / "1.csv").write_text("a,b\n" + ",x\n" * 5000)
    (folder / "2.csv").write_text("a,b\n7,y\n")
    table = read_table("*.csv")
    assert str(table.schema.field("a").type) == "int64"
    assert table["a"].null_count == 5000
    words = typed(pa.chunked_array([pa.array(["NA"] * 5000 + ["2026-11-01"])]))
    assert (str(words.type), words.null_count) == ("date32[day]", 5000)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_integers_stay_exact(values: list[int]) -> None:
    assert column(*map(str, values)) == ("int64", values)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_floats_as_python_writes_them(values: list[float]) -> None:
    kind, found = column(*map(repr, values))
    assert kind == "double"
    assert found == values


@given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00")), min_size=2, max_size=2)))
def test_text_comes_back_as_it_was(tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]]) -> None:
    import csv

    path = tmp_path_factory.mktemp("csv") / "a.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(["x", "y"])
        writer.writerows(rows)
    table = read_table(path, types={"x": "string", "y": "string"})
    assert [list(row.values()) for row in table.to_pylist()] == rows


def test_quoted_newlines_empty_fields_and_a_byte_order_mark(folder: Path) -> None:
    (folder / "a.csv").write_bytes(b'\xef\xbb\xbf"te\nxt",b\r\n"x\ny",\r\n"",1\r\n,2\r\n')
    table = read_table("a.csv")
    assert table.to_pydict() == {"te\nxt": ["x\ny", "", None], "b": [None, 1, 2]}


def test_an_empty_line_of_one_column_is_a_missing_value(folder: Path) -> None:
    (folder / "a.csv").write_text("\na\n1\n\n2\n\n\n")
    assert read_table("a.csv").to_pydict() == {"a": [1, None, 2]}
    (folder / "b.csv").write_text("\na,b\n1,2\n\n3,4\n\n")
    assert read_table("b.csv").to_pydict() == {"a": [1, 3], "b": [2, 4]}


def test_semicolons_and_tabs(folder: Path) -> None:
    (folder / "a.csv").write_text("a;b\n1;x, y\n")
    (folder / "b.tsv").write_text("a\tb\n1\tx;y\n")
    assert read_table("a.csv").to_pydict() == {"a": [1], "b": ["x, y"]}
    assert read_table("b.tsv").to_pydict() == {"a": [1], "b": ["x;y"]}


def test_names_that_are_missing_or_double(folder: Path) -> None:
    (folder / "a.csv").write_text(",b\n0,1\n")
    (folder / "b.csv").write_text("x,x\n0,1\n")
    assert read_table("a.csv").column_names == ["column_1", "b"]
    with pytest.raises(DataError, match="two columns are called 'x'"):
        read_table("b.csv")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "there is nothing in it"),
        (b"\n\n", "there is nothing in it"),
        (b"a,b\n1,2\nsecret\n", r"Expected 2 columns, got 1$"),
        ("a,b\n\xe9,1\n".encode("latin-1"), "not UTF-8: byte 0xe9"),
    ],
)
def test_what_is_no_csv(folder: Path, content: bytes, words: str) -> None:
    (folder / "a.csv").write_bytes(content)
    with pytest.raises(DataError, match=words) as caught:
        read_table("a.csv")
    assert "secret" not in str(caught.value), "a log is no place for data"


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: pa.Codec("zstd").compress(data).to_pybytes(),
}


@pytest.mark.parametrize("ending", PACKERS)
def test_packed_files_of_several_members(folder: Path, ending: str) -> None:
    pack = PACKERS[ending]
    (folder / f"a.csv.{ending}").write_bytes(pack(b"a,b\n1,x\n") + pack(b"2,y\n"))
    (folder / f"b.jsonl.{ending}").write_bytes(pack(b'{"a": 1}\n') + pack(b'{"a": 2}\n'))
    assert read_table(f"a.csv.{ending}").to_pydict() == {"a": [1, 2], "b": ["x", "y"]}
    assert read_table(f"b.jsonl.{ending}").to_pydict() == {"a": [1, 2]}


@pytest.mark.parametrize("ending", PACKERS)
def test_a_packed_file_that_is_cut_off_is_refused(folder: Path, ending: str) -> None:
    whole = PACKERS[ending](b"a,b\n" + b"".join(b"%d,%d\n" % (n, n * n) for n in range(9000)))
    (folder / f"a.csv.{ending}").write_bytes(whole[:-30])
    with pytest.raises(DataError, match=f"a.csv.{ending}"):
        read_table(f"a.csv.{ending}")


def test_columns_in_the_order_that_was_asked_for(folder: Path) -> None:
    (folder / "a.csv").write_text("a,b,c\n1,2,3\n")
    (folder / "a.jsonl").write_text('{"a": 1, "b": 2, "c": 3}\n')
    parquet.write_table(pa.table({"a": [1], "b": [2], "c": [3]}), folder / "a.parquet")
    for name in ("a.csv", "a.jsonl", "a.parquet"):
        assert read_table(name, columns=["c", "a"]).to_pydict() == {"c": [3], "a": [1]}
        assert read_table(name, columns=[]).column_names == []
        with pytest.raises(DataError, match=f"{name} has no column 'd'"):
            read_table(name, columns=["a", "d"])


def test_types_that_somebody_states(folder: Path) -> None:
    (folder / "a.csv").write_text("version,n\n1.10,1\n")
    (folder / "a.jsonl").write_text('{"version": 1.10, "n": 1}\n{"version": "x", "n": null}\n')
    assert read_table("a.csv", types={"version": "string"}).to_pydict() == {"version": ["1.10"], "n": [1]}
    assert read_table("a.jsonl", types={"version": "string"})["version"].to_pylist() == ["1.1", "x"]
    with pytest.raises(DataError, match="the column 'version' can't be int64"):
        read_table("a.csv", types={"version": "int64"})
    with pytest.raises(DataError, match="has no column 'm'"):
        read_table("a.csv", types={"m": "int64"})


def test_files_of_one_data_set_are_one_table(folder: Path) -> None:
    (folder / "d").mkdir()
    (folder / "d/1.csv").write_text("a,b\n,x\n")
    (folder / "d/2.csv").write_text("b,a\ny,1\n")
    (folder / "d/3.csv").write_text("")
    (folder / "d/_SUCCESS").write_text("")
    expected = {"a": [None, 1], "b": ["x", "y"]}
    assert read_table("d").to_pydict() == expected
    assert read_table("d/*.csv").to_pydict() == expected
    (folder / "d/4.csv").write_text("a,c\n1,2\n")
    with pytest.raises(DataError, match=r"d/1.csv has no column 'c', and .*d/4.csv has"):
        read_table("d")


def test_columns_that_stand_in_folders(folder: Path) -> None:
    for day, value in (("ds=20261101", "1"), ("ds=20261102", "2"), ("ds=__HIVE_DEFAULT_PARTITION__", "3")):
        (folder / "t" / day).mkdir(parents=True)
        (folder / "t" / day / "p.csv").write_text(f"a\n{value}\n")
    assert read_table("t").to_pydict() == {"a": [1, 2, 3], "ds": [20261101, 20261102, None]}
    assert read_table("t", columns=["ds"]).to_pydict() == {"ds": [20261101, 20261102, None]}


def parquets(folder: Path, *columns: Any) -> None:
    for number, values in enumerate(columns):
        parquet.write_table(pa.table({"a": values}), folder / f"{number}.parquet")


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ((pa.nulls(1), pa.array(["x"])), "string"),
        ((pa.array([1], pa.int32()), pa.array([2**40])), "int64"),
        ((pa.array([1]), pa.array([None, 2.5])), "double"),
        ((pa.array([1.5], pa.float32()), pa.array([2.5])), "double"),
        ((pa.array(["x"]).dictionary_encode(), pa.array(["y"])), "string"),
        ((pa.array(["x"], pa.large_string()), pa.array(["y"])), "large_string"),
        ((pa.nulls(1), pa.nulls(1)), "double"),
        ((pa.array([1], pa.timestamp("ms")), pa.array([1], pa.timestamp("us"))), "timestamp[us]"),
        ((pa.array([1], pa.decimal128(5, 2)), pa.array([1], pa.decimal128(9, 2))), "decimal128(9, 2)"),
        ((pa.array([1], pa.uint32()), pa.array([-1], pa.int32())), "int64"),
    ],
)
def test_types_of_several_files_are_brought_together(folder: Path, columns: Any, kind: str) -> None:
    parquets(folder, *columns)
    table = read_table("*.parquet")
    assert str(table.schema.field("a").type) == kind
    assert table["a"].to_pylist() == [value.as_py() for each in columns for value in each]


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ((pa.array([1]), pa.array(["x"])), "is string in .*1.parquet, and int64 in .*0.parquet"),
        ((pa.array([2**53 + 1]), pa.array([0.5])), r"integers beyond 2\^53"),
        ((pa.array([-1]), pa.array([2**63], pa.uint64())), "no type holds"),
        ((pa.array([True]), pa.array([1])), "no type holds"),
        ((pa.array([1], pa.timestamp("us")), pa.array([1], pa.timestamp("us", "UTC"))), "no type holds"),
    ],
)
def test_types_that_do_not_fit_together_are_refused(folder: Path, columns: Any, words: str) -> None:
    parquets(folder, *columns)
    with pytest.raises(DataError, match=words):
        read_table("*.parquet")


def test_an_index_of_pandas_is_no_feature(folder: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pandas.DataFrame({"a": [1, 3]}, index=[7, 2]).to_parquet(folder / "a.parquet")
    table = read_table("a.parquet")
    assert table.column_names == ["a"]
    assert list(table.to_pandas().index) == [0, 1]
    assert read_table("a.parquet", columns=["__index_level_0__"]).num_rows == 2


def test_decimals_and_large_integers_of_parquet_stay_what_they_are(folder: Path) -> None:
    import decimal

    values = {"d": [decimal.Decimal("1.10")], "n": [2**53 + 1]}
    parquet.write_table(pa.table(values), folder / "a.parquet")
    assert read_table("a.parquet").to_pydict() == values


def test_extension_types_become_text_that_everything_can_be_done_with(folder: Path) -> None:
    key = bytes(range(16))
    parquet.write_table(
        pa.table({"id": pa.array([key, None], pa.uuid()), "b": pa.array([1, 0], pa.bool8())}), "a.parquet"
    )
    table = read_table("a.parquet")
    assert [str(field.type) for field in table.schema] == ["string", "bool"]
    assert table.to_pylist() == [{"id": "00010203-0405-0607-0809-0a0b0c0d0e0f", "b": True}, {"id": None, "b": False}]
    (folder / "b").mkdir()
    for number in (1, 2):
        parquet.write_table(pa.table({"j": pa.array([f'{{"n":{number}}}'], pa.json_())}), f"b/{number}.parquet")
    assert read_table("b")["j"].unique().to_pylist() == ['{"n":1}', '{"n":2}']


def test_json_lines(folder: Path) -> None:
    (folder / "a.jsonl").write_text(
        '{"id": 9007199254740993, "x": 1, "s": "007", "l": [1, 2]}\n\n'
        '{"id": 2, "x": 1.5, "n": "later", "nan": NaN}\n{"id": 18446744073709551615}\n'
    )
    table = read_table("a.jsonl")
    assert table.to_pydict() == {
        "id": [9007199254740993, 2, 18446744073709551615], "x": [1.0, 1.5, None], "s": ["007", None, None],
        "l": [[1, 2], None, None], "n": [None, "later", None], "nan": [None, None, None],
    }  # fmt: skip
    assert [str(table.schema.field(name).type) for name in ("id", "x", "nan")] == ["uint64", "double", "double"]


def test_json_lines_of_several_files_may_lack_keys(folder: Path) -> None:
    (folder / "1.jsonl").write_text('{"a": null}\n')
    (folder / "2.jsonl").write_text('{"a": "x", "b": 1}\n')
    assert read_table("*.jsonl").to_pydict() == {"a": [None, "x"], "b": [None, 1]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"a": 1}\n{"a": "x"}\n', "the column 'a' has numbers and, from line 2, text"),
        ('{"a": true}\n{"a": 1}\n', "true or false and, from line 2, numbers"),
        ('{"a": 1}\n{"a"\n', "line 2 is no JSON"),
        ('[{"a": 1},\n{"a": 2}]\n', "JSON lines are wanted"),
        ("[1]\n", "line 1 is no JSON object"),
    ],
)
def test_what_are_no_json_lines(folder: Path, text: str, words: str) -> None:
    (folder / "a.json").write_text(text)
    with pytest.raises(DataError, match=words):
        read_table("a.json")


def test_a_file_whose_name_says_nothing(folder: Path) -> None:
    (folder / "part-0").write_text("a\n1\n")
    with pytest.raises(DataError, match="its name doesn't say in which format it is"):
        read_table("part-0")
    assert read_table("part-0", format="csv").to_pydict() == {"a": [1]}


def test_a_data_set_of_two_formats_is_refused(folder: Path) -> None:
    (folder / "a.csv").write_text("a\n1\n")
    parquet.write_table(pa.table({"a": [1]}), folder / "b.parquet")
    with pytest.raises(DataError, match="one data set has one format"):
        read_table("*.*")


def test_an_object_of_a_bucket_by_way_of_the_cache(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOML_DATA_CACHE", str(folder / "cache"))
    lake = Lake()
    lake.put(**{"t/a.csv": "a\n1\n", "t/ds=1/b.csv": "a\n2\n"})
    assert read_table("s3://lake/t/a.csv", access=lake).to_pydict() == {"a": [1]}
    assert read_table("s3://lake/t/ds=*/*.csv", access=lake).to_pydict() == {"a": [2], "ds": [1]}
    with pytest.raises(DataError, match="has no column 'ds'"):
        read_table("s3://lake/t/", access=lake)
