"""Fingerprints: the same as long as the data are, and in words what is otherwise."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from automl_core.data import fingerprint as module
from automl_core.data import read_table
from automl_core.data.fingerprint import Fingerprint, difference, same_as_recorded, take, told
from automl_core.data.listing import list_place
from automl_core.spec.places import parse_place
from tests.unit.data.lake import Lake


def taken(place: str, home: Path, lake: Lake | None = None) -> Fingerprint:
    return take(parse_place(place), home, lake or Lake())


def test_a_file_of_the_machine_is_known_by_its_content(tmp_path: Path) -> None:
    file = tmp_path / "train.csv"
    file.write_text("a,b\n1,2\n")
    first = taken("train.csv", tmp_path)
    assert (first.kind, first.by, first.files, first.bytes, first.format) == ("file", "content", 1, 8, "csv")
    assert first.columns == (("a", ""), ("b", ""))
    os.utime(file, (1, 1))
    touched = taken("train.csv", tmp_path)
    assert touched.digest == first.digest
    assert touched.quick != first.quick
    (tmp_path / "copy").mkdir()
    shutil.copy(file, tmp_path / "copy")
    assert taken("copy/train.csv", tmp_path).digest == first.digest, "a copy is the same data"
    file.write_text("a,b\n1,3\n")
    assert taken("train.csv", tmp_path).digest != first.digest


def test_a_large_one_is_known_by_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "READ_WHOLE", 4)
    (tmp_path / "train.csv").write_text("a,b\n1,2\n")
    first = taken("train.csv", tmp_path)
    assert first.by == "mtime"
    os.utime(tmp_path / "train.csv", (1, 1))
    assert taken("train.csv", tmp_path).digest != first.digest


def test_nothing_is_read_while_sizes_and_times_are_the_same(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("a\n1\n")
    recorded = taken("train.csv", tmp_path).to_json()

    def still() -> bool:
        return same_as_recorded(recorded, list_place(parse_place("train.csv"), tmp_path, Lake()))

    assert still()
    os.utime(tmp_path / "train.csv", (1, 1))
    assert not still()


def test_an_object_is_known_by_its_etag_at_one_listing(tmp_path: Path) -> None:
    lake = Lake()
    lake.put(**{"t/a.csv": "1", "t/b.csv": "2"})
    first = taken("s3://lake/t/", tmp_path, lake)
    assert (first.kind, first.by, first.files, first.bytes) == ("folder", "etag", 2, 2)
    assert dict(lake.bucket.calls) == {"entries": 1, "get_range": 1}, "and the first line of the first file"
    take(parse_place("s3://lake/t/"), tmp_path, lake, details=False)
    assert dict(lake.bucket.calls) == {"entries": 2, "get_range": 1}
    lake.put(**{"t/a.csv": "1"})
    assert taken("s3://lake/t/", tmp_path, lake).digest == first.digest, "the same bytes again"
    lake.put(**{"t/a.csv": "3"})
    assert taken("s3://lake/t/", tmp_path, lake).digest != first.digest
    lake.put(**{"t/a.csv": "1", "t/c.csv": ""})
    assert taken("s3://lake/t/", tmp_path, lake).digest != first.digest


def test_the_columns_of_a_csv_are_those_that_are_read(tmp_path: Path) -> None:
    for text, names in (
        ("a;b\n1;2,5\n", ["a", "b"]),
        ("\n\na,b;c\n1,2\n", ["a", "b;c"]),
        ('a,"b\nc"\n1,2\n', None),
    ):
        (tmp_path / "t.csv").write_text(text)
        columns = taken("t.csv", tmp_path).columns
        assert (None if columns is None else [name for name, _ in columns]) == names
        if names is not None:
            assert read_table(tmp_path / "t.csv").column_names == names


def test_rows_and_columns_of_parquet(tmp_path: Path) -> None:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    for name, rows in (("a", 3), ("b", 4)):
        parquet.write_table(pa.table({"id": list(range(rows)), "name": ["x"] * rows}), tmp_path / f"{name}.parquet")
    found = taken("*.parquet", tmp_path)
    assert (found.rows, found.columns) == (7, (("id", "int64"), ("name", "string")))
    (tmp_path / "a.parquet").write_bytes(b"torn")
    assert taken("a.parquet", tmp_path).rows is None, "whoever reads it says what is wrong"


def test_rows_and_columns_of_parquet_in_a_bucket_cost_no_download(tmp_path: Path) -> None:
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pa.table({"id": list(range(500_000)), "x": [0.5] * 500_000}), tmp_path / "a.parquet")
    lake = Lake()
    lake.inner.put("a.parquet", (tmp_path / "a.parquet").read_bytes())
    found = taken("s3://lake/a.parquet", tmp_path, lake)
    assert (found.rows, found.columns) == (500_000, (("id", "int64"), ("x", "double")))
    assert lake.bucket.calls["get"] == lake.bucket.calls["download_file"] == 0
    assert lake.bucket.calls["get_range"] <= 3
    assert sum(lake.inner.ranges) < 100_000, "the footer alone"


def test_what_has_changed_is_told(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("a\n1\n")
    first = taken("train.csv", tmp_path)
    assert difference(first.to_json(), first) == ""
    assert difference({"place": "train.csv", "missing": True}, first) == "", "there was nothing to compare with"
    (tmp_path / "train.csv").write_text("a\n1\n2\n")
    words = difference(first.to_json(), taken("train.csv", tmp_path))
    assert words.startswith("it was 1 file, 4 bytes, 1 column, ")
    assert "and is 1 file, 6 bytes" in words


def test_in_words() -> None:
    body = {"files": 3, "bytes": 1_234_567, "rows": 20_000, "columns": [["a", ""]] * 12, "digest": "0123456789ab"}
    assert told(body) == "3 files, 1.2 MB, 20,000 rows, 12 columns (01234567)"
