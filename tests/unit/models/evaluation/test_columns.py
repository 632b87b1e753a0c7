"""How columns are distributed goes with an evidence, and a later one says whether they have drifted since."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from automl_core.models.evaluation import EvaluateOptions, evaluate
from automl_core.models.evaluation.columns import drift_words
from tests.unit.models.evaluation.small import model, rows

PLAIN = EvaluateOptions(latency=False, draws=100, target="y", key="id")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model(tmp_path_factory.mktemp("columns") / "m", a=1.0, b=0.5)


def drift(folder: Path, table: dict[str, Any]) -> dict[str, Any]:
    """What a later evidence says of a table, after one on other rows of the same kind."""
    columns = evaluate(folder, None, rows(600, 1), PLAIN)[1]["columns"]
    kept = json.loads(json.dumps(columns))
    options = EvaluateOptions.from_json(json.loads(json.dumps(replace(PLAIN, reference=kept).to_json())))
    found: dict[str, Any] = evaluate(folder, None, table, options)[0]["drift"]
    return found


def test_rows_of_the_same_kind_have_not_drifted_and_moved_ones_are_named(folder: Path) -> None:
    assert drift(folder, rows(600, 2))["drifted"] is False
    assert drift_words(drift(folder, rows(600, 2))) == []
    moved = rows(600, 2)
    moved["b"] = [value + 1.5 for value in moved["b"]]
    found = drift(folder, moved)
    assert found["drifted"] is True
    assert next(each["name"] for each in found["columns"] if each["drifted"]) == "b"
    assert "probability of 1" in {each["name"] for each in found["columns"]}, "what the model says is a column too"
    words, cause = drift_words(found)
    assert "with b as it was it would be" in cause
    assert words.startswith("columns have drifted since the evidence that it was accepted on: b (median: ")


def test_it_needs_no_labels(folder: Path) -> None:
    moved = rows(600, 2)
    moved["a"] = [value - 2 for value in moved["a"]]
    assert drift(folder, moved | {"y": [None] * 600})["drifted"] is True


def test_what_can_not_be_told_is_said(folder: Path) -> None:
    few = drift(folder, rows(120, 2))
    assert few["drifted"] is None
    assert drift_words(few) == [
        "whether the columns have drifted can't be told: 120 rows, and fewer than 300 tell nothing"
    ]
    broken = rows(600, 2)
    broken["a"][5] = "old"
    assert "'old' is no number" in drift(folder, broken)["why"]


def test_columns_stand_with_the_rows_of_data_and_not_in_the_evidence(folder: Path) -> None:
    first, shown = evaluate(folder, None, rows(400, 1), PLAIN)
    assert "drift" not in first
    assert "columns" not in first, "names of categories are values of data"
    assert {each["name"] for each in shown["columns"]["columns"]} >= {"a", "b", "city", "probability of 1"}


def test_numbers_are_what_the_model_says_of_them(tmp_path: Path) -> None:
    place = model(tmp_path / "m", kind="regression")
    table = rows(400, 1, kind="regression")
    columns = evaluate(place, None, table, PLAIN)[1]["columns"]["columns"]
    said = next(each for each in columns if each["name"] == "what it says of y")
    assert np.median(said["points"]) == pytest.approx(np.median(table["a"]), abs=0.1)
