"""What an evidence keeps: small, without a value of a column, the same after a trip through JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from automl_core.models.estimating.kept import MOST_ROWS, Kept, halves_of


def kept(rows: int = 50, classes: int = 2, **more: Any) -> Kept:
    rng = np.random.default_rng(1)
    outputs = rng.dirichlet([1.0] * classes, rows)
    found = Kept.some(
        outputs, outputs.argmax(axis=1), rng.integers(classes, size=rows), [f"c{k}" for k in range(classes)], **more
    )
    assert found is not None
    return found


@pytest.mark.parametrize("classes", [2, 3])
def test_it_is_the_same_after_a_trip_through_json(classes: int) -> None:
    halves = {"age": np.arange(50) % 3 == 0}
    made = kept(classes=classes, units=np.arange(50) // 2, halves=halves)
    again = Kept.from_json(json.loads(json.dumps(made.to_json())))
    assert np.allclose(again.outputs, made.outputs, atol=1e-6)
    assert (again.labels == made.labels).all()
    assert (again.truth == made.truth).all()
    assert (again.halves["age"] == halves["age"]).all()
    assert again.units is not None
    assert (again.units == np.arange(50) // 2).all()
    assert (again.classes, again.of) == (made.classes, 50)


def test_of_many_rows_some_are_kept_and_of_many_classes_fewer() -> None:
    many = kept(12_000, halves={"age": np.arange(12_000) % 2 == 0})
    assert (len(many), many.of, len(many.halves["age"])) == (MOST_ROWS, 12_000, MOST_ROWS)
    assert len(kept(12_000, classes=50)) == 1_000
    assert len(json.dumps(many.to_json())) < 120_000


def test_halves_are_by_the_middle_and_columns_of_one_value_have_none() -> None:
    found = halves_of(
        {"x": np.array([1.0, 2.0, 3.0, 4.0, np.nan]), "same": np.ones(5)},
        {"city": np.array([0, 0, 0, 1, -1]), "one": np.zeros(5, dtype=np.int64)},
    )
    assert {name: each.tolist() for name, each in found.items()} == {
        "x": [False, False, True, True, False], "city": [True, True, True, False, False],
    }  # fmt: skip


def test_nothing_is_kept_where_no_probability_is_said() -> None:
    assert Kept.some(np.zeros((5, 0)), np.zeros(5, int), np.zeros(5, int), ["a", "b"]) is None


@pytest.mark.parametrize("wrong", [{}, {"format": 1}, {"format": 1, "of": 1, "classes": 3}])
def test_what_is_none_is_said(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="no rows that an estimate can stand on"):
        Kept.from_json(wrong)
    with pytest.raises(ValueError, match="later than 1"):
        Kept.from_json({"format": 2})
    body = kept().to_json()
    with pytest.raises(ValueError, match="different numbers of rows"):
        Kept.from_json(body | {"truth": body["truth"][:-1]})
