"""Drift of a whole table: one question, a stated rate of false alarms, and a difference that is worth one."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from automl_core.modelfile.scoring.values import Field, Frame, Schema
from automl_core.models.drift.comparing import table_drift
from automl_core.models.drift.rates import per_look
from automl_core.models.drift.reference import CATEGORIES, STEPS, Reference, reference_of
from tests.support.examples import examples

NUMBERS = Schema([Field(f"x{at}", "number", "number") for at in range(20)])
ALPHA = per_look(720)
"""An hourly watch with one false alarm a month."""


def normal(rng: np.random.Generator, rows: int, shift: float = 0.0) -> Frame:
    values = rng.normal(size=(rows, 20))
    values[:, 7] += shift
    return NUMBERS.read({f"x{at}": values[:, at] for at in range(20)})


def one(kind: str, values: list[Any]) -> tuple[Schema, Frame]:
    schema = Schema([Field("c", kind, "number" if kind == "number" else "string")])
    return schema, schema.read({"c": values})


def test_a_table_without_drift_is_quiet_and_a_shifted_column_is_named() -> None:
    rng = np.random.default_rng(5)
    reference = reference_of(NUMBERS, normal(rng, 5_000))
    quiet = [table_drift(reference, NUMBERS, normal(rng, 500), alpha=0.05, least=0.0) for _ in range(30)]
    assert sum(bool(each.drifted) for each in quiet) <= 5, (
        "5 % a look, twenty columns or not: 6 of 30 are beyond chance"
    )
    found = [table_drift(reference, NUMBERS, normal(rng, 500, 0.6), alpha=ALPHA) for _ in range(10)]
    assert all(each.drifted for each in found)
    assert {each.columns[0].name for each in found} == {"x7"}
    assert [each.name for each in found[0].columns if each.drifted] == ["x7"]
    assert found[0].columns[0].words.startswith("median: ")


def test_with_many_rows_a_difference_must_be_large_not_only_certain() -> None:
    rng = np.random.default_rng(6)
    reference = reference_of(NUMBERS, normal(rng, 100_000))
    small, large = normal(rng, 100_000, 0.06), normal(rng, 100_000, 0.3)
    assert table_drift(reference, NUMBERS, small, alpha=ALPHA, least=0.0).drifted, "certain it is"
    assert table_drift(reference, NUMBERS, small, alpha=ALPHA).drifted is False
    assert table_drift(reference, NUMBERS, large, alpha=ALPHA).drifted


def test_too_few_rows_tell_nothing() -> None:
    rng = np.random.default_rng(7)
    reference = reference_of(NUMBERS, normal(rng, 5_000))
    few = table_drift(reference, NUMBERS, normal(rng, 299, 9.0), alpha=ALPHA)
    assert (few.drifted, few.why) == (None, "299 rows, and fewer than 300 tell nothing")
    small = table_drift(reference_of(NUMBERS, normal(rng, 200)), NUMBERS, normal(rng, 900), alpha=ALPHA)
    assert (small.drifted, small.why) == (None, "200 rows of the reference, and fewer than 300 tell nothing")


def test_categories_that_move_that_are_new_and_values_that_go_missing_are_said() -> None:
    schema, frame = one("category", ["a"] * 600 + ["b"] * 300 + [None] * 100)
    reference = reference_of(schema, frame)

    def words(values: list[Any]) -> str:
        found = table_drift(reference, schema, one("category", values)[1], alpha=ALPHA)
        assert found.drifted
        return found.columns[0].words

    assert words(["a"] * 300 + ["b"] * 600 + [None] * 100) == "'a': 60.0% before, 30.0% now"
    assert words(["a"] * 600 + ["new"] * 300 + [None] * 100) == "categories that were not there: 0.0% before, 30.0% now"
    assert words(["a"] * 600 + [None] * 400) == "without a value: 10.0% before, 40.0% now"
    same = table_drift(reference, schema, frame, alpha=ALPHA)
    assert (same.drifted, same.columns[0].distance) == (False, 0.0)


def test_texts_are_compared_by_their_length_and_times_are_left_out() -> None:
    schema = Schema([Field("t", "text"), Field("at", "time", "date")])
    before = schema.read({"t": ["ab", "abcd"] * 200, "at": ["2026-01-01"] * 400})
    after = schema.read({"t": ["abcdefgh", "abcdef"] * 200, "at": ["2026-06-01"] * 400})
    reference = reference_of(schema, before)
    assert reference.left_out == {"at": "times go on by themselves"}
    found = table_drift(reference, schema, after, alpha=ALPHA)
    assert [each.name for each in found.columns] == ["t"]
    assert found.columns[0].words == "length of the texts, median: 2 before, 7 now"


def test_names_of_things_do_not_drift() -> None:
    """Patients who come are other patients: a column that a model knows some things by is not compared."""
    schema = Schema([Field("x", "number", "number"), Field("patient", "category", optional=True)])
    x = np.random.default_rng(0).normal(size=400).tolist()
    before = schema.read({"x": x, "patient": [f"p{each % 50}" for each in range(400)]})
    after = schema.read({"x": x[::-1], "patient": [f"q{each % 50}" for each in range(400)]})
    reference = reference_of(schema, before)
    assert list(reference.left_out) == ["patient"]
    found = table_drift(reference, schema, after, alpha=ALPHA)
    assert not found.drifted
    assert [each.name for each in found.columns] == ["x"]


def test_what_a_model_says_is_a_column_too() -> None:
    schema, frame = one("number", [1.0] * 400)
    reference = reference_of(schema, frame, {"probability": np.linspace(0.0, 0.2, 400)})
    found = table_drift(reference, schema, frame, {"probability": np.linspace(0.5, 0.9, 400)}, alpha=ALPHA)
    assert [(each.name, each.drifted) for each in found.columns] == [("probability", True), ("c", False)]


@given(st.lists(st.one_of(st.none(), st.floats(-1e9, 1e9), st.integers(0, 3).map(float)), min_size=1, max_size=80))
@settings(max_examples=examples(60), deadline=None)
def test_rows_have_no_distance_from_themselves_however_they_are_kept(values: list[float | None]) -> None:
    schema, frame = one("number", list(values))
    kept = Reference.from_json(json.loads(json.dumps(reference_of(schema, frame).to_json())))
    assert kept == reference_of(schema, frame)
    found = table_drift(kept, schema, frame, alpha=0.5, least_rows=1)
    assert found.columns[0].distance == pytest.approx(0.0, abs=1e-9)


def test_a_reference_is_small_whatever_it_is_made_of() -> None:
    rng = np.random.default_rng(8)
    schema = Schema([Field("x", "number", "number"), Field("c", "category")])
    frame = schema.read({"x": rng.normal(size=30_000), "c": [f"k{at % 5_000}" for at in range(30_000)]})
    reference = reference_of(schema, frame)
    assert [len(each.points) for each in reference.columns] == [STEPS, CATEGORIES]
    assert reference.columns[1].other == pytest.approx(0.8)
    again = table_drift(reference, schema, frame, alpha=ALPHA, least=0.0)
    assert again.drifted is False
    assert max(each.distance for each in again.columns) < 0.001


def test_what_is_no_reference_and_no_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="later than 1"):
        Reference.from_json({"format": 2})
    with pytest.raises(ValueError, match="no reference"):
        Reference.from_json({"format": 1, "rows": 3})
    with pytest.raises(ValueError, match="above 0"):
        per_look(0)
    schema, frame = one("number", [1.0] * 400)
    with pytest.raises(ValueError, match="alpha"):
        table_drift(reference_of(schema, frame), schema, frame, alpha=0.0)
