"""Kinds of columns, found by what they hold."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from automl_core.data import read_table
from automl_core.modelfile.scoring.values import Schema
from automl_core.tabular.columns import learn_schema
from automl_core.tabular.large.pieces import Pieces
from automl_core.training.problems import TrainingError

N = 120
RNG = np.random.default_rng(0)
WORDS = [
    "late",
    "early",
    "box",
    "broken",
    "lost",
    "fine",
    "again",
    "customer",
    "called",
    "twice",
    "order",
    "never",
    "came",
]


def kind(values: list[Any], name: str = "x") -> tuple[str, str]:
    (field,) = learn_schema({name: values})
    return field.kind, field.type


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([1.5, 2.5, None] * 40, ("number", "number")),
        ([1, 2, 3] * 40, ("number", "integer")),
        (["1.5", "-2", " 3e4 ", "NA"] * 30, ("number", "number")),
        (["12", "7", "", None] * 30, ("number", "integer")),
        (["007", "012", "100"] * 40, ("category", "string")),  # codes: nothing may be lost
        (["+49 30", "1", "2"] * 40, ("category", "string")),
        (["1,5", "2,5"] * 60, ("category", "string")),
        ([True, False, None] * 40, ("category", "boolean")),
        (["true", "false"] * 60, ("category", "boolean")),
        (["2026-11-29", "2024-02-29"] * 60, ("time", "date")),
        (["2026-11-29T10:00:00Z", "2026-11-29 11:30"] * 60, ("time", "timestamp")),
        (["2026-02-30", "2026-01-01"] * 60, ("category", "string")),  # the first is no day
        ([dt.date(2026, 1, 1), None] * 60, ("time", "date")),
        ([dt.datetime(2026, 1, 1, 9)] * 60, ("time", "timestamp")),
        (["red", "green", "blue"] * 40, ("category", "string")),
        ([f"user{each}" for each in range(N)], ("category", "string")),  # one word each: an identifier, no text
        ([" ".join(RNG.choice(WORDS, 6)) for _ in range(N)], ("text", "string")),
        (["not at all good", "very good indeed", "so and so"] * 40, ("category", "string")),  # three answers
        ([None] * 20, ("number", "number")),
        ([1001, 2030, 4711, 5200, 9100] * 40, ("category", "integer")),  # codes by their look
        ([1990 + each % 30 for each in range(N * 10)], ("number", "integer")),  # years lie side by side
        ([100, 200, 300, 400] * 40, ("number", "integer")),  # steps are equal: a scale
    ],
)
def test_what_a_column_is(values: list[Any], found: tuple[str, str]) -> None:
    assert kind(values) == found


def test_whole_numbers_are_labels_by_their_columns_name() -> None:
    assert kind([1, 2, 3] * 40, "product_code") == ("category", "integer")
    assert kind([1, 2, 3] * 40, "Region") == ("category", "integer")
    assert kind([1, 2, 3] * 40, "barcodes") == ("number", "integer")
    assert kind(list(range(N)), "zip") == ("number", "integer")  # another one in each row


def test_tax_rates_are_no_codes() -> None:
    """As in the Boston table: three digits each, far apart, but few rows have the same."""
    rates = RNG.choice(np.arange(187, 712, 8), 500).tolist()
    assert kind(rates, "tax") == ("number", "integer")


def test_a_users_word_goes_before_what_is_found() -> None:
    data = {"a": [1, 2] * 10, "b": ["1", "2"] * 10, "c": ["2026-01-01", "2026-01-02"] * 10, "d": ["x y z"] * 20}
    schema = learn_schema(data, kinds={"a": "category", "b": "category", "c": "category", "d": "text"})
    assert [(field.kind, field.type) for field in schema] == [
        ("category", "integer"), ("category", "string"), ("category", "string"), ("text", "string")
    ]  # fmt: skip
    with pytest.raises(TrainingError, match="column 'c', row 0: '2026-01-01' is no number"):
        learn_schema(data, kinds={"c": "number"})
    with pytest.raises(TrainingError, match="there is no column 'aa'; did you mean 'a'"):
        learn_schema(data, kinds={"aa": "number"})
    with pytest.raises(TrainingError, match="allowed: number, category, text, time"):
        learn_schema(data, kinds={"a": "numeric"})


def test_roles_that_no_model_reads_are_left_out() -> None:
    data = {"id": [1, 2], "y": [0, 1], "w": [1.0, 1.0], "g": ["a", "b"], "t": ["2026-01-01", "2026-01-02"], "x": [1, 2]}
    roles = {"id": "id", "y": "target", "w": "weight", "g": "group", "t": "time"}
    assert learn_schema(data, roles=roles).names == ("t", "x")
    with pytest.raises(TrainingError, match="there is no column to learn from"):
        learn_schema({"y": [1, 2]}, roles={"y": "target"})


def test_what_training_saw_is_kept() -> None:
    schema = learn_schema({"n": [3.0, None, 5.0], "c": ["b", "a", "b"], "many": [f"v{each}" for each in range(3)]})
    number, category, _ = schema
    assert (number.low, number.high, number.missing, number.distinct) == (3.0, 5.0, True, 2)
    assert (category.levels, category.missing, category.distinct) == (("a", "b"), False, 2)
    wide = learn_schema({"c": [f"v{each}" for each in range(500)]})["c"]
    assert (wide.levels, wide.distinct) == (None, 500)


def test_a_category_of_whole_numbers_survives_an_empty_cell() -> None:
    """One missing value turns the column into decimals: 1 is still 1."""
    schema = learn_schema({"product_code": [1, 2, 3] * 40})
    plain = schema.read({"product_code": [1, 2, 3]}).columns["product_code"]
    gap = schema.read({"product_code": np.array([1.0, 2.0, 3.0, np.nan])}).columns["product_code"]
    assert plain.texts() == ["1", "2", "3"]
    assert gap.texts() == ["1", "2", "3", None]


def test_what_was_written_as_text_is_remembered(tmp_path: Path) -> None:
    """SQL of the model has to read texts where training did."""
    file = tmp_path / "rows.csv"
    file.write_text("day,at,n,city\n2026-11-29,2026-11-29T10:00:00,1,a\n2026-11-30,2026-11-30T11:00:00,2,b\n")
    schema = learn_schema(read_table(file))
    assert {field.name: field.written for field in schema} == {"day": "text", "at": "text", "n": None, "city": None}
    assert schema["day"].type == "date"
    again = Schema.from_json(schema.to_json())
    assert again == schema
    texts = learn_schema({"day": ["2026-11-29", None], "n": ["1", "2"], "ok": ["true", "false"], "city": ["a", "b"]})
    assert {field.name: field.written for field in texts} == {"day": "text", "n": "text", "ok": "text", "city": None}
    typed = learn_schema(pa.table({"day": [dt.date(2026, 11, 29)], "n": [1]}))
    assert {field.written for field in typed} == {None}


def test_large_csv_files_remember_it_piece_by_piece(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("day,n\n" + "".join(f"2026-11-{1 + at % 28:02d},{at}\n" for at in range(100)))
    batches = list(Pieces.of(file).read(rows=30))
    assert learn_schema(pa.Table.from_batches(batches))["day"].written == "text"
