from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from automl_core.training.config import Config
from automl_core.training.problems import TrainingError
from automl_core.training.rows import kind_of, load


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["01", "02", "10"], "classification"),
        (["1", "2", "10"], "classification"),
        (["1.5", "2", "10"], "regression"),
        (["yes", "no"], "classification"),
        ([str(number) for number in range(30)], "regression"),
        ([f"{number:02}" for number in range(30)], "classification"),
        (["-1", "1", None, ""], "classification"),
        ([True, False], "classification"),
        ([1, 2, 3], "classification"),
        (list(range(30)), "regression"),
        ([0.0, 1.0], "regression"),
        (pa.array(["a", "b"]).dictionary_encode(), "classification"),
    ],
)
def test_what_a_target_is(values: Any, kind: str) -> None:
    assert kind_of(pa.chunked_array([values if isinstance(values, pa.Array) else pa.array(values)])) == kind


def config(folder: Path, table: dict[str, Any], columns: dict[str, Any], **others: dict[str, Any]) -> Config:
    data = {}
    for name, content in {"train": table, **others}.items():
        data[name] = str(folder / f"{name}.parquet")
        pyarrow.parquet.write_table(pa.table(content), data[name])
    return Config({}, data, columns, folder)


def test_labels_stay_letter_for_letter_from_a_csv(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("x,y\n" + "".join(f"{row},{row % 3:02}\n" for row in range(30)) + "30,\n")
    data = load(Config({}, {"train": str(path)}, {"target": "y"}, tmp_path))
    assert data.classes == ("00", "01", "02")
    assert len(data.train) + len(data.valid) == 30, "the row without a label is in neither"


def test_a_set_to_judge_by_is_taken_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = {"x": [1, 2, 3, 4], "y": ["a", "b", "a", "b"], "key": ["k1", "k2", "k3", "k4"]}
    valid = {"x": [5, 6, 7], "y": ["b", "c", None], "key": ["k5", "k6", "k7"]}
    data = load(config(tmp_path, table, {"target": "y", "id": "key"}, valid=valid))
    assert data.train.ids == ["k1", "k2", "k3", "k4"]
    assert data.valid.ids == ["k5", "k6"]
    assert data.valid.truth.tolist() == [1, -1]
    assert "1 rows to judge by are of classes that none to learn from has: c" in capsys.readouterr().out
    assert data.columns(config(tmp_path, table, {"target": "y", "id": "key"})).names == ["x"]


@pytest.mark.parametrize(
    ("table", "columns", "words"),
    [
        ({"x": [1, 2], "y": ["a", "b"]}, {}, "columns.target is missing"),
        ({"x": [1, 2], "y": ["a", "b"]}, {"target": "z"}, "there is no column 'z'"),
        ({"x": [1, 2, 3], "y": ["a", "a", "a"]}, {"target": "y"}, "only one class, 'a'"),
        ({"x": [1], "y": pa.nulls(1, pa.string())}, {"target": "y"}, "can't be divided"),
        ({"x": [1, 2], "y": ["a", "b"], "w": [1, -1]}, {"target": "y", "weight": "w"}, r"row 1 \(from 0\) has -1"),
        ({"x": [1, 2], "y": ["a", "b"], "w": [1, None]}, {"target": "y", "weight": "w"}, "has None"),
        ({"x": [1, 2], "y": ["a", "b"]}, {"target": ["x", "y"]}, "must be the name of one column"),
        ({"x": list("aabb"), "y": list("abab")}, {"target": "y", "group": "g"}, "there is no column 'g'"),
    ],
)
def test_what_does_not_do_is_told(tmp_path: Path, table: dict[str, Any], columns: dict[str, Any], words: str) -> None:
    with pytest.raises(TrainingError, match=words):
        load(config(tmp_path, table, columns))
