"""`data:` and `columns:` in the experiment file: places, names, placeholders, and what is said of wrong ones."""

from __future__ import annotations

from typing import Any

import pytest

from automl_core.spec.datasets import data_set_of, place_of
from automl_core.spec.dates import missing_dates
from automl_core.spec.errors import SpecError
from automl_core.spec.loader import parse_experiment
from automl_core.spec.models import Experiment
from automl_core.spec.places import BadPlace, format_of, parse_place

HEAD = """name: t
goal: {metric: a, direction: maximize}
space: {lr: {type: uniform, low: 0, high: 1}}
"""
TASKS = "tasks: [{command: [train, '${data.train}', '${columns.target}']}]\n"


def problems(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse_experiment(text, "t.yaml")
    return [f"{each.line}: {each.message}" for each in caught.value.problems]


def read(text: str) -> Experiment:
    return parse_experiment(text, "t.yaml")


def test_a_place_or_a_group() -> None:
    experiment = read(
        HEAD + "data: {train: x/train.csv, valid: {place: 's3://lake/v', connection: c, format: csv}}\n"
        "columns: {target: churned, features: [a, b]}\n" + TASKS
    )
    assert data_set_of(experiment.data["train"]).place == "x/train.csv"
    assert data_set_of(experiment.data["valid"]).connection == "c"
    assert experiment.columns == {"target": "churned", "features": ["a", "b"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("s3://lake/a/b.csv", ("s3", "lake", "a/b.csv", "")),
        ("oss://lake/a/", ("oss", "lake", "a/", "")),
        ("file:///data/a.csv", ("file", "", "/data/a.csv", "")),
        ("file://./a.csv", ("file", "", "./a.csv", "")),
        ("data/a b.csv", ("file", "", "data/a b.csv", "")),
        ("odps://p/t", ("odps", "p", "t", "")),
        ("odps://p/tables/t", ("odps", "p", "t", "")),
        ("odps://p/t/ds=1,region=eu", ("odps", "p", "t", "ds=1/region=eu")),
        ("odps://p/t/ds=1/region=eu/", ("odps", "p", "t", "ds=1/region=eu")),
    ],
)
def test_places(text: str, expected: tuple[str, ...]) -> None:
    place = parse_place(text)
    assert (place.scheme, place.root, place.path, place.partition) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no place is named"),
        ("hdfs://x/y", "hdfs:// is not known"),
        ("s3a://lake/x", "write s3://lake/x"),
        ("s3://key:secret@lake/x", "holds credentials"),
        ("s3://key:secret/with@lake/x", "holds credentials"),
        ("odps://key:secret/with@p/t", "holds credentials"),
        ("s3://lake", "a whole bucket"),
        ("s3://lake//x", "'//' in its key"),
        ("s3://a/x", "'a' is not the name of a bucket"),
        ("odps://p", "'' is not the name of a table"),
        ("odps://p/t/20261101", "'20261101' is no partition"),
        ("odps://p/t/ds='1'", "is no partition"),
    ],
)
def test_what_is_no_place(text: str, words: str) -> None:
    with pytest.raises(BadPlace, match=words) as caught:
        parse_place(text)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a/b.CSV", ("csv", None)), ("b.csv.gz", ("csv", "gz")), ("b.tsv.bz2", ("tsv", "bz2")),
        ("b.jsonl.zst", ("jsonl", "zst")), ("b.json.xz", ("jsonl", "xz")), ("b.pq", ("parquet", None)),
        ("images.tar.gz", (None, "gz")), ("b", (None, None)), ("a.csv/part-0", (None, None)),
    ],
)  # fmt: skip
def test_formats_by_their_endings(name: str, expected: tuple[Any, Any]) -> None:
    assert format_of(name) == expected


def test_dates_and_the_bundle_stand_in_places() -> None:
    experiment = read(HEAD + "data: {train: 's3://lake/${ds}/x.csv', valid: '${bundle_dir}/v.csv'}\n" + TASKS.replace(
        ", '${columns.target}'", ""))  # fmt: skip
    train, valid = (data_set_of(each) for each in experiment.data.values())
    assert place_of(train, {"ds": "2026-11-01"}).path == "2026-11-01/x.csv"
    assert place_of(valid, {}, "/bundles/one").path == "/bundles/one/v.csv"
    assert [problem.path for problem in missing_dates(experiment, ())] == [("data", "train")]
    assert missing_dates(experiment, ["ds"]) == []
    with pytest.raises(BadPlace, match="no logical date"):
        place_of(train, {})


def test_everything_wrong_is_told_with_its_line() -> None:
    found = problems(
        HEAD + "data:\n  train: 'a/${lr}.csv'\n  valid: {place: 'hdfs://x'}\n  Train: b.csv\n  'a b': c.csv\n"
        "columns: {target: ''}\ntasks: [{command: [train, '${data.tran}']}]\n"
    )
    assert [line.split(":")[0] for line in found] == ["4", "5", "6", "7", "9", "10"]
    assert "no meaning in a place of data" in found[1]
    assert "hdfs:// is not known" in found[2]
    assert "AUTOML_DATA_TRAIN" in found[3]
    assert "no column is named" in found[4]


def test_it_is_told_too_where_something_else_is_wrong() -> None:
    found = problems(HEAD.replace("maximize", "upwards") + "data: {train: 'hdfs://x'}\n" + TASKS)
    assert any("hdfs:// is not known" in each for each in found)


def test_the_prefixes_are_ours() -> None:
    space = HEAD.replace("lr:", "data.lr:")
    for rest in ("tasks: [{command: [train, '${data.lr}']}]\n", "data: {train: a.csv}\n" + TASKS):
        assert len([each for each in problems(space + rest) if "names that begin with 'data.' are ours" in each]) == 1


def test_sql_does_not_read_a_partition_as_a_whole_table() -> None:
    tasks = "tasks: [{backend: maxcompute, connection: c, sql: 'SELECT * FROM ${data.train}'}]\n"
    found = problems(HEAD + "data: {train: 'odps://p/t/ds=1'}\n" + tasks)
    assert found == ["5: ${data.train} is one partition of p.t, and SQL would read the whole table"]
    read(HEAD + "data: {train: 'odps://p/t'}\n" + tasks)


def test_stages_see_data_too() -> None:
    read(HEAD + "data: {train: a.csv}\ncolumns: {target: y}\nprepare: [{command: [p, '${data.train}']}]\n" + TASKS)
