"""Which files a place stands for, in a folder and in a bucket alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from automl_core.data.access import DataError
from automl_core.data.listing import formats_in, list_place
from automl_core.spec.places import parse_place
from tests.unit.data.lake import Lake

NAMES = (
    "d/a.csv", "d/b.csv", "d/sub/c.csv", "d/_SUCCESS", "d/.hidden.csv", "d/_logs/x.csv", "d/notes.txt", "d[1].csv",
    "dd/a.csv", "d/ds=1/p.csv",
)  # fmt: skip


@pytest.fixture(params=["folder", "bucket"])
def listed(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    """Lists a place in a folder of the machine, or the same in a bucket."""
    lake = Lake()
    for name in NAMES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
        lake.inner.put(name, name.encode())

    def names(place: str) -> tuple[str, list[str]]:
        text = place if request.param == "folder" else f"s3://lake/{place}"
        found = list_place(parse_place(text), tmp_path, lake)
        return found.kind, [found.key(file).removeprefix(f"{tmp_path}/") for file in found.files]

    return names


@pytest.mark.parametrize(
    ("place", "kind", "expected"),
    [
        ("d/a.csv", "file", ["d/a.csv"]),
        ("d", "folder", ["d/a.csv", "d/b.csv", "d/ds=1/p.csv", "d/notes.txt", "d/sub/c.csv"]),
        ("d/", "folder", ["d/a.csv", "d/b.csv", "d/ds=1/p.csv", "d/notes.txt", "d/sub/c.csv"]),
        ("d/*.csv", "pattern", ["d/a.csv", "d/b.csv"]),
        ("d/**/*.csv", "pattern", ["d/a.csv", "d/b.csv", "d/ds=1/p.csv", "d/sub/c.csv"]),
        ("d/*/*.csv", "pattern", ["d/ds=1/p.csv", "d/sub/c.csv"]),
        ("d/[ab].csv", "pattern", ["d/a.csv", "d/b.csv"]),
        ("d/[!a].csv", "pattern", ["d/b.csv"]),
        ("d/_*", "pattern", ["d/_SUCCESS"]),
        ("*/a.csv", "pattern", ["d/a.csv", "dd/a.csv"]),
        ("d/?.csv", "pattern", ["d/a.csv", "d/b.csv"]),
    ],
)
def test_what_a_place_stands_for(listed: object, place: str, kind: str, expected: list[str]) -> None:
    assert callable(listed)
    assert listed(place) == (kind, expected)


@pytest.mark.parametrize("place", ["nothing.csv", "nothing/", "d/*.parquet", "d/a.cs"])
def test_nothing_there_is_told(listed: object, place: str) -> None:
    assert callable(listed)
    with pytest.raises(DataError, match="there is no file"):
        listed(place)


def test_a_file_of_the_machine_may_be_called_like_a_pattern(tmp_path: Path) -> None:
    (tmp_path / "d[1].csv").write_text("x")
    found = list_place(parse_place("d[1].csv"), tmp_path, Lake())
    assert (found.kind, [file.name for file in found.files]) == ("file", ["d[1].csv"])


def test_an_absolute_pattern(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x")
    found = list_place(parse_place(f"{tmp_path}/*.csv"), Path("/elsewhere"), Lake())
    assert found.key(found.files[0]) == f"{tmp_path}/a.csv"


def test_the_format_is_that_of_all_files(tmp_path: Path) -> None:
    for name in ("one/a.csv", "one/b.csv.gz", "two/a.csv", "two/b.parquet"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert formats_in(list_place(parse_place("one"), tmp_path, Lake())) == "csv"
    assert formats_in(list_place(parse_place("two"), tmp_path, Lake())) is None
