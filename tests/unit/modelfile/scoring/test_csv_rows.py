"""CSV files in pieces."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from automl_core.modelfile.scoring.csv_rows import pieces


def read(tmp_path: Path, text: str | bytes, **options: object) -> list[dict[str, list[str]]]:
    path = tmp_path / "rows.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(pieces(path, **options))  # type: ignore[arg-type]


def test_pieces(tmp_path: Path) -> None:
    text = '\n\ufeffa,b\n1,x\n2,"y,\nz"\n\n3,\\N\n'.lstrip("\n")
    assert read(tmp_path, text, rows=2) == [{"a": ["1", "2"], "b": ["x", "y,\nz"]}, {"a": ["3"], "b": [""]}]
    assert read(tmp_path, text, wanted=["b"]) == [{"b": ["x", "y,\nz", ""]}]
    assert list(read(tmp_path, text, wanted=["b", "zz"])[0]) == ["a", "b"], "who misses zz can say what there is"
    assert read(tmp_path, "a;b\n1;2,5\n") == [{"a": ["1"], "b": ["2,5"]}]
    assert read(tmp_path, '"a\nb",c\n1,2\n') == [{"a\nb": ["1"], "c": ["2"]}]
    assert read(tmp_path, "a,b\n") == [{"a": [], "b": []}]
    assert read(tmp_path, "a\n1\n\n2\n") == [{"a": ["1", "", "2"]}]


def test_packed(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv.gz"
    path.write_bytes(gzip.compress(b"a\n1\n"))
    assert list(pieces(path)) == [{"a": ["1"]}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("a,a\n1,2\n", "two columns are called 'a'"),
        ("a,b\n1,2\n1\n", "row 2: 1 values, the first line names 2 columns"),
        (b"a\n\xe9\n", "not UTF-8"),
    ],
)
def test_problems(tmp_path: Path, text: str | bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read(tmp_path, text)


def test_an_optional_column_that_is_not_there_does_not_make_a_wide_file_be_read_whole(tmp_path: Path) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    from automl_core.modelfile.rows import pieces as of_any

    plain, packed = tmp_path / "rows.csv", tmp_path / "rows.parquet"
    plain.write_text("a,b,c\n1,2,3\n", encoding="utf-8")
    parquet.write_table(pa.table({"a": [1], "b": [2], "c": [3]}), packed)
    assert [list(piece) for piece in pieces(plain, ("a", "id"), optional=("id",))] == [["a"]]
    assert [list(piece) for piece in pieces(plain, ("a", "id"))] == [["a", "b", "c"]], "to say what there is"
    assert [piece.schema.names for piece in of_any(packed, ("a", "id"), optional=("id",))] == [["a"]]
    assert [piece.schema.names for piece in of_any(packed, ("z", "id"), optional=("id",))] == [["a", "b", "c"]]
