"""Which rows are measured, what is left out, and what names a row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from automl_core.models.evaluation import EvaluateOptions, NotEvaluated
from automl_core.models.evaluation.prepared import Prepared, prepare, spelled
from automl_core.models.evaluation.rows import Rows
from automl_core.models.evaluation.subjects import opened
from tests.unit.models.evaluation.small import model

A_ROW: dict[str, Any] = {"a": 1.0, "b": 0.5, "city": "Bonn", "y": 1, "id": "x"}


def of(folder: Path, rows: Any, champion: Path | None = None, **options: Any) -> Prepared:
    told = EvaluateOptions(**options)
    subjects = [opened(folder, "challenger", told)]
    if champion is not None:
        subjects.append(opened(champion, "champion", told))
    return prepare(Rows.of(rows), subjects, told)


@pytest.fixture(scope="module")
def binary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model(tmp_path_factory.mktemp("m") / "binary")


def test_every_row_that_is_not_measured_is_counted_with_its_reason(binary: Path) -> None:
    rows = [
        A_ROW,
        A_ROW | {"y": None},
        A_ROW | {"y": "maybe"},
        A_ROW | {"a": "tall"},
        A_ROW | {"a": "tall", "y": None},  # once, for the first reason
        A_ROW | {"b": None},  # a missing value is nothing that can't be read
    ]
    found = of(binary, rows)
    assert found.left_out["without a label"] == 2
    assert found.left_out["with a label that is no class of a model"] == 1
    assert found.left_out["the challenger can't read column 'a'"] == 1
    assert found.places.tolist() == [0, 5]
    assert sum(found.left_out.values()) + len(found.places) == len(rows)
    assert found.silent == {"challenger": 1}
    assert "maybe" in found.notes[0]


def test_a_row_that_the_champion_can_not_read_is_no_row_of_the_challengers_either(binary: Path, tmp_path: Path) -> None:
    from automl_core.modelfile import write
    from automl_core.modelfile.scoring.values import Field, Schema

    features = [{"step": "numbers", "columns": ["id"], "fill": np.asarray([0.0])}]
    linear = {"type": "linear", "coef": np.ones((1, 1)), "intercept": np.zeros(1), "center": np.zeros(1)}
    champion = write(
        tmp_path / "c", members=[{"weight": 1.0, "features": features, "model": linear, "link": "sigmoid"}],
        schema=Schema([Field("id", "number", "number")]), golden=[{"id": 1.0}], made={},
        problem={"kind": "binary", "target": "y", "classes": ["0", "1"]},
    )  # fmt: skip
    found = of(binary, [A_ROW | {"id": "7"}, A_ROW | {"id": "none of yours"}], champion)
    assert found.places.tolist() == [0]
    assert found.left_out["the champion can't read column 'id'"] == 1
    assert found.silent == {"challenger": 0, "champion": 1}


@pytest.mark.parametrize("labels", [[1, 0], [1.0, 0.0], ["1", "0"], ["1.0", "0"], [True, False], ["True", "false"]])
def test_labels_are_the_models_classes_whatever_type_the_data_have(binary: Path, labels: list[Any]) -> None:
    found = of(binary, [A_ROW | {"y": labels[0]}, A_ROW | {"y": labels[1]}])
    assert found.truth.tolist() == [1, 0]


def test_classes_are_letter_for_letter_where_a_model_has_them_so(tmp_path: Path) -> None:
    zeros = model(tmp_path / "m", classes=("01", "1"))
    found = of(zeros, [A_ROW | {"y": "01"}, A_ROW | {"y": "1"}])
    assert found.truth.tolist() == [0, 1]
    assert spelled("1.0", ("1", "2")) == "1"
    assert spelled("yes", ("no", "yes")) == "yes"


def test_classes_in_another_order_are_the_same_classes(binary: Path, tmp_path: Path) -> None:
    turned = model(tmp_path / "m", a=-1.0, classes=("1", "0"))
    found = of(binary, [A_ROW, A_ROW | {"a": -3.0, "y": 0}], turned)
    assert found.classes == ("0", "1")
    assert found.said["challenger"].outputs == pytest.approx(found.said["champion"].outputs)
    assert found.said["challenger"].labels == pytest.approx(found.said["champion"].labels)


def test_a_class_that_the_champion_does_not_know_counts_against_it(binary: Path, tmp_path: Path) -> None:
    three = model(tmp_path / "m", a=[0.0, 1.0, 2.0], kind="multiclass", classes=("0", "1", "2"))
    found = of(three, [A_ROW | {"y": 2}, A_ROW | {"y": 0}], binary)
    assert found.kind == "multiclass"
    assert found.said["champion"].outputs[:, 2].tolist() == [0.0, 0.0]
    assert found.truth.tolist() == [2, 0]


def test_models_of_different_things_are_not_compared(binary: Path, tmp_path: Path) -> None:
    numbers = model(tmp_path / "m", kind="regression")
    with pytest.raises(NotEvaluated, match="the challenger is one of binary, the champion is one of regression"):
        of(binary, [A_ROW], numbers)


def test_numbers_that_are_none_and_not_finite_are_counted(tmp_path: Path) -> None:
    numbers = model(tmp_path / "m", kind="regression")
    found = of(numbers, [A_ROW | {"y": each} for each in ("1.5", "dear", "", "inf")])
    assert found.truth.tolist() == [1.5]
    assert found.left_out == {
        "with a label that is no number": 1, "without a label": 1, "with a label that is not finite": 1,
        "of which the challenger says nothing": 0,
    }  # fmt: skip


def test_a_missing_column_is_named_with_the_nearest(binary: Path) -> None:
    with pytest.raises(NotEvaluated, match=r"the challenger can't score the data: .*'city'.*did you mean 'cities'"):
        of(binary, [{"a": 1.0, "b": 2.0, "cities": "Bonn", "y": 1}])


def test_no_row_at_all_says_why(binary: Path) -> None:
    with pytest.raises(NotEvaluated, match="no row of the 2 can be measured: 2 without a label"):
        of(binary, [A_ROW | {"y": None}] * 2)


def test_keys_name_rows_and_those_that_come_again_are_told_apart_and_drawn_together(binary: Path) -> None:
    found = of(binary, [A_ROW | {"id": each} for each in ("x", "y", "x", None)], key="id")
    assert found.by == "key"
    assert found.ids[:3] == ["x", "y", "x#2"]
    assert found.ids[3].startswith("row:")
    assert found.codes is not None
    assert found.codes[0] == found.codes[2]
    assert len(set(found.codes.tolist())) == 3


def test_large_and_padded_keys_stay_what_they_are(binary: Path) -> None:
    rows = pa.table(
        {"a": [1.0, 1.0], "b": [0.0, 0.0], "city": ["Ulm", "Ulm"], "y": [0, 1], "id": [2**53 + 1, 2**53]}
    )  # fmt: skip
    assert of(binary, rows, key="id").ids == [str(2**53 + 1), str(2**53)]
    assert of(binary, [A_ROW | {"id": "007"}, A_ROW | {"id": "7"}], key="id").ids == ["007", "7"]


def test_without_a_key_a_row_is_named_by_what_the_model_reads_of_it(binary: Path) -> None:
    one = of(binary, [A_ROW]).ids
    assert one == of(binary, pa.table({"id": ["z"], "y": [0], "city": ["Bonn"], "b": [0.5], "a": [1]})).ids
    assert one == of(binary, {"a": ["1"], "b": ["0.5"], "city": ["Bonn"], "y": ["1"]}).ids
    assert one != of(binary, [A_ROW | {"b": 0.6}]).ids
    assert one != of(binary, [A_ROW | {"b": None}]).ids
    assert of(binary, [A_ROW | {"city": ""}]).ids == of(binary, [A_ROW | {"city": None}]).ids
