"""One file, read by a training, by `automl predict` and by a server: the same numbers and levels, missing ones too."""

from __future__ import annotations

import datetime as dt
import uuid
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.data import read_table
from automl_core.modelfile import rows as of_predict
from automl_core.modelfile.scoring.cells import CellReader, Unlike
from automl_core.modelfile.scoring.values import Coded, Frame, Schema
from automl_core.tabular.columns import learn_schema
from automl_core.tabular.large.pieces import Pieces
from tests.support.examples import examples

pa = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")

WORDS = ("NA", "N/A", "NaN", "null", "None", "#N/A", "", "<NA>", "\\N")
"""What R, pandas, Excel, DuckDB and Hive write for a missing value."""


def plain(frame: Frame) -> dict[str, list[Any]]:
    """Values of a frame, NaN as None."""
    found: dict[str, list[Any]] = {}
    for name, column in frame.columns.items():
        values = column.texts() if isinstance(column, Coded) else column.tolist()
        found[name] = [None if value != value else value for value in values]
    return found


def predicted(schema: Schema, path: Path) -> dict[str, list[Any]]:
    """The frame of `automl predict`."""
    frames = [plain(schema.read(piece)) for piece in of_predict.pieces(path, schema.names)]
    return {name: [value for frame in frames for value in frame[name]] for name in schema.names}


def column(values: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(values | st.sampled_from(WORDS), min_size=3, max_size=12)


COLUMNS = st.one_of(
    column(st.integers(-5, 300).map(str)), column(st.sampled_from(["TRUE", "FALSE"])),
    column(st.sampled_from(["true", "false"])), column(st.sampled_from(["1.5", "2", "-3e4"])),
    column(st.sampled_from(["2026-11-29", "2026-11-30"])), column(st.sampled_from(["Bonn", "Ulm", "1", "TRUE"])),
    column(st.sampled_from(["2026-11-29T10:00:00Z", "2026-11-29 11:00:00+02:00"])),
)  # fmt: skip


@given(COLUMNS, st.sampled_from([None, "category"]))
@settings(max_examples=examples(150), deadline=None)
def test_a_csv_means_in_predictions_what_it_meant_in_training(
    tmp_path_factory: pytest.TempPathFactory, values: list[str], kind: str | None
) -> None:
    path = tmp_path_factory.mktemp("csv") / "rows.csv"
    path.write_text("id,c\n" + "".join(f"{place},{value}\n" for place, value in enumerate(values)))
    table = read_table(path)
    forced = {"c": kind} if kind and str(table.schema.field("c").type) in ("int64", "bool", "string") else None
    schema = learn_schema(table, kinds=forced)
    trained = plain(schema.read(table))
    assert predicted(schema, path) == trained
    read = CellReader(schema)
    for place, value in enumerate(values):
        try:
            cells = read({"id": place, "c": "" if value == "\\N" else value})
        except Unlike:
            continue
        one = cells["c"]
        assert (None if one != one else one) == trained["c"][place]


SOME = [dt.datetime(2026, 11, 29, 10), dt.datetime(9999, 12, 31), None, dt.datetime(1, 1, 1)]
HOURS = [1, 30, None, 49]
KEYS = [uuid.UUID(int=number) for number in (1, 2**127, 3, 4)]


def written() -> dict[str, tuple[Any, str, list[Any]]]:
    """Column of a type as tools write them, the kind that it is, its values."""
    spans = [None if each is None else each * 3600 * 10**6 for each in HOURS]
    seconds = [None if each is None else each * 3600.0 for each in HOURS]
    return {
        # DuckDB
        "uuid": (pa.array([each.bytes for each in KEYS], pa.uuid()), "category", [str(each) for each in KEYS]),
        "json": (pa.array(["{}", None, "[1]", "[]"], pa.json_()), "category", ["{}", None, "[1]", "[]"]),
        "bytes": (pa.array([b"\0\x80", b"\0\x81", None, b"ab"]), "category", ["0080", "0081", None, "ab"]),
        "list": (pa.array([[1, 2], None, [], [1, 2]]), "category", ["[1, 2]", None, "[]", "[1, 2]"]),
        "struct": (pa.array([{"a": 1}, {"a": 2}, None, {"a": 1}]), "category",
                   ['{"a": 1}', '{"a": 2}', None, '{"a": 1}']),
        # polars, pandas
        "span": (pa.array(spans, pa.duration("us")), "number", seconds),
        "view": (pa.array(["a", None, "", "b"], pa.string_view()), "category", ["a", None, None, "b"]),
        "flag": (pa.array([1, 0, None, 1], pa.bool8()), "category", ["true", "false", None, "true"]),
        # fastparquet's timedelta: "times of a day" that go beyond one
        "beyond": (pa.array(spans, pa.int64()).cast(pa.time64("us")), "number", seconds),
        "clock": (pa.array([dt.time(9, 30), None, dt.time(0), dt.time(23, 59, 59)]), "category",
                  ["09:30:00", None, "00:00:00", "23:59:59"]),
    }  # fmt: skip


@pytest.mark.parametrize("name", written())
def test_a_column_of_parquet_is_what_its_writer_meant(name: str, tmp_path: Path) -> None:
    array, kind, values = written()[name]
    table, path = pa.table({"c": array, "n": [1, 2, 3, 4]}), tmp_path / "rows.parquet"
    parquet.write_table(table, path)
    read = read_table(path)
    schema = learn_schema(read)
    assert schema["c"].kind == kind
    assert plain(schema.read(read))["c"] == values
    assert predicted(schema, path)["c"] == values
    assert plain(schema.read(table))["c"] == values, "as a table that was never a file"
    pieces = Pieces.of(path)
    assert pieces.schema().field("c").type == read.schema.field("c").type
    assert plain(schema.read(pa.Table.from_batches(list(pieces.read(rows=3)))))["c"] == values


def test_times_of_spark_reach_to_the_last_day_of_9999(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    table = pa.table({"until": pa.array(SOME, pa.timestamp("us")), "n": [1, 2, 3, 4]})
    parquet.write_table(table, path, use_deprecated_int96_timestamps=True)
    read = read_table(path)
    assert read["until"].to_pylist() == SOME
    schema = learn_schema(read)
    seconds = [None if each is None else each.replace(tzinfo=dt.UTC).timestamp() for each in SOME]
    assert predicted(schema, path)["until"] == seconds
    assert pa.Table.from_batches(list(Pieces.of(path).read()))["until"].to_pylist() == SOME


def test_a_span_of_time_is_a_number_whatever_holds_it() -> None:
    pandas = pytest.importorskip("pandas")
    spans = [dt.timedelta(hours=1), dt.timedelta(hours=30), None]
    held = (
        pa.table({"c": pa.array(spans, pa.duration("ms"))}), {"c": np.array(spans, dtype="timedelta64[ns]")},
        {"c": np.array(spans, dtype="timedelta64[m]")}, pandas.DataFrame({"c": pandas.to_timedelta(spans)}),
        [{"c": each} for each in spans],
    )  # fmt: skip
    for rows in held:
        schema = learn_schema(rows)
        assert (schema["c"].kind, schema["c"].high) == ("number", 108_000.0)
        assert plain(schema.read(rows))["c"] == [3600.0, 108_000.0, None]
