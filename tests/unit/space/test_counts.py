"""Bounds by what a data set has: known when a run begins, checked before where the data are here."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from automl_core.preview.checks import examine_file
from automl_core.preview.data import counted_here
from automl_core.preview.preview import preview
from automl_core.space import Space
from automl_core.space.counts import with_counts
from automl_core.spec.errors import SpecError
from automl_core.spec.loader import parse_experiment
from automl_core.spec.models import Experiment
from automl_core.storage.folder import FolderStore
from automl_core.study import Study
from automl_core.study.journal import StudyJournal

FILE = """\
name: capped
goal: {{metric: loss, direction: minimize}}
data: {{train: {place}}}
space:
  batch_size: {{type: int, low: 1, high: 512, power_of: 2, default: 64, at_most: data.train.rows}}
  gpus: {{type: int, low: 1, high: 8}}
  shard: {{type: int, low: 1, high: 10000, at_most: data.train.{what} / gpus}}
tasks: [{{command: [python, train.py]}}]
"""


def experiment(place: str = "samples.csv", what: str = "rows") -> Experiment:
    return parse_experiment(FILE.format(place=place, what=what), "x.yaml")


def test_a_batch_is_never_larger_than_the_data() -> None:
    counted = with_counts(experiment(), {"train": {"rows": 40}})
    space = Space.from_models(counted.space)
    drawn = [space.at([u / 50, v / 7, 1.0]) for u in range(51) for v in range(8)]
    assert max(params["batch_size"] for params in drawn) == 32  # type: ignore[type-var]
    assert all(params["shard"] <= 40 / params["gpus"] for params in drawn)  # type: ignore[operator]
    assert {params["batch_size"] for params in drawn} == {1, 2, 4, 8, 16, 32}
    assert counted.space["batch_size"].default == 32, "64 is the file's, and the data are too few for it"


def test_plenty_of_data_change_nothing() -> None:
    counted = with_counts(experiment(), {"train": {"rows": 100_000}})
    assert counted.space["batch_size"].default == 64
    assert Space.from_models(counted.space).at([1.0, 0.0, 1.0]) == {"batch_size": 512, "gpus": 1, "shard": 10000}
    plain = experiment().model_copy(update={"space": {"gpus": experiment().space["gpus"]}})
    assert with_counts(plain, {}) is plain


def test_what_is_not_known_is_asked_for_by_name() -> None:
    with pytest.raises(SpecError) as caught:
        with_counts(experiment(), {"train": {"files": 3}})
    problem = caught.value.problems[0]
    assert problem.path == ("space", "batch_size", "at_most")
    assert "how many rows the data set 'train' has is not known" in str(problem)
    assert "rows: 1000" in problem.suggestion


def test_too_few_samples_are_told_with_the_number() -> None:
    with pytest.raises(SpecError) as caught:
        with_counts(experiment(), {"train": {"rows": 5}})
    (problem,) = caught.value.problems
    assert problem.path == ("space", "shard", "at_most")
    assert "may be 0.625, below 1, the lowest value here" in str(problem)
    assert "data.train.rows is 5" in str(problem)


def test_the_file_s_own_number_goes_before_what_is_found() -> None:
    stated = with_counts(experiment("{place: images, rows: 100}"), {"train": {"rows": 7, "files": 7}})
    assert Space.from_models(stated.space).at([1.0, 0.0, 0.0])["batch_size"] == 64


def test_a_data_set_that_is_not_there_is_refused_with_the_file_s_line() -> None:
    with pytest.raises(SpecError) as caught:
        parse_experiment(FILE.format(place="a.csv", what="rows").replace("data.train.", "data.tran."), "x.yaml")
    assert {problem.line for problem in caught.value.problems} == {5, 7}
    assert "there is no data set 'tran' under data" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "content", "rows"),
    [
        ("a.csv", 'x,y\n1,"two\nlines"\n\n3,4\n', 2), ("one.csv", "\nx\n1\n\n3\n", 3), ("a.tsv", "x\ty\n1\t2", 1),
        ("a.jsonl", '{"x": 1}\n\n{"x": 2}\n', 2), ("empty.csv", "", 0), ("semicolon.csv", "x;y\n1;2\n", 1),
    ],
)  # fmt: skip
def test_rows_of_files_of_this_machine_are_counted(tmp_path: Path, name: str, content: str, rows: int) -> None:
    from automl_core.data.inputs import DataOfRun

    (tmp_path / name).write_text(content)
    found = DataOfRun(experiment(name), {}, tmp_path).take()
    assert found["train"].get("rows") == rows
    packed = f"{name}.gz"
    (tmp_path / packed).write_bytes(gzip.compress(content.encode()))
    assert DataOfRun(experiment(packed), {}, tmp_path).take()["train"].get("rows") == rows


def test_nobody_counts_where_no_bound_asks(tmp_path: Path) -> None:
    from automl_core.data.inputs import DataOfRun

    (tmp_path / "a.csv").write_text("x\n1\n")
    plain = experiment("a.csv")
    plain = plain.model_copy(update={"space": {"gpus": plain.space["gpus"]}})
    assert "rows" not in DataOfRun(plain, {}, tmp_path).take()["train"]


def test_the_run_s_record_has_the_numbers(tmp_path: Path) -> None:
    journal = StudyJournal(FolderStore(tmp_path), "capped/run/")
    inputs = {"data": {"train": {"place": "samples.csv", "rows": 20}}}
    study = Study.create(journal, experiment(), "run", [], inputs=inputs)
    assert study.experiment.space["batch_size"].at_most == "20"
    assert study.experiment.space["shard"].at_most == "20 / gpus"
    again: Any = json.loads((tmp_path / "capped/run/journal/0000000001.json").read_text().splitlines()[0])
    assert again["data"]["experiment"]["space"]["batch_size"]["default"] == 16
    assert Study.load(journal).space.at([1.0, 1.0, 1.0]) == {"batch_size": 16, "gpus": 8, "shard": 2}


def test_preview_knows_what_lies_on_this_machine(tmp_path: Path) -> None:
    (tmp_path / "samples.csv").write_text("x\n" + "1\n" * 9)
    counted = counted_here(experiment(), {}, tmp_path)
    assert preview(counted).first[0].params["batch_size"] == 8
    elsewhere = experiment("s3://lake/samples.parquet")
    assert counted_here(elsewhere, {}, tmp_path) is elsewhere, "known when the run begins"
    (tmp_path / "samples.csv").write_text("x\n1\n")
    (tmp_path / "capped.yaml").write_text(FILE.format(place="samples.csv", what="rows"))
    with pytest.raises(SpecError) as caught:
        examine_file(tmp_path / "capped.yaml", tmp_path)
    (problem,) = caught.value.problems
    assert (problem.line, problem.path) == (7, ("space", "shard", "at_most"))


def test_files_of_a_folder_are_counted_too(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for number in range(12):
        (tmp_path / "images" / f"{number}.png").write_bytes(b"x")
    text = FILE.format(place="images", what="files").replace("data.train.rows", "data.train.files")
    counted = counted_here(parse_experiment(text, "x.yaml"), {}, tmp_path)
    assert Space.from_models(counted.space).at([1.0, 0.0, 1.0]) == {"batch_size": 8, "gpus": 1, "shard": 12}
