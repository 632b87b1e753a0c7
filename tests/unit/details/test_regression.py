"""What is said of predicted numbers: held against scikit-learn, and right at the edges."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from tests.support.examples import examples
from tests.unit.details.files import parquet

NUMBERS = st.floats(-1e6, 1e6).map(lambda value: round(value, 3))


@settings(max_examples=examples(40), deadline=None)
@given(st.lists(st.tuples(NUMBERS, NUMBERS, st.integers(1, 4)), min_size=2, max_size=80), st.booleans())
def test_the_figures_are_those_of_scikit_learn(rows: list[tuple[float, float, int]], weighted: bool) -> None:
    truth = [0.5, *(row[0] for row in rows)]
    prediction = [0.25, *(row[1] for row in rows)]
    weights = [1, *(row[2] for row in rows)]
    body, errors = parquet({"truth": truth, "prediction": prediction, **({"weight": weights} if weighted else {})})
    sample = weights if weighted else None
    overall = body["overall"]
    assert body["kind"] == "regression"
    near = {"rel": 1e-6, "abs": 1e-6}
    assert overall["mae"] == pytest.approx(
        reference.mean_absolute_error(truth, prediction, sample_weight=sample), **near
    )
    assert overall["rmse"] == pytest.approx(
        reference.root_mean_squared_error(truth, prediction, sample_weight=sample), **near
    )
    if len(set(truth)) > 1:
        assert overall["r2"] == pytest.approx(reference.r2_score(truth, prediction, sample_weight=sample), **near)
    assert overall["max_error"] == pytest.approx(reference.max_error(truth, prediction), **near)
    residuals = body["residuals"]
    assert residuals["below"] + residuals["above"] + sum(residuals["rows"]) == len(truth)
    assert sum(body["grid"]["rows"]) == len(truth)
    assert sum(group["rows"] for group in body["groups"]) == len(truth)
    listed = [abs(row["error"]) for row in errors["groups"][0]["rows"]]
    assert listed == sorted(listed, reverse=True)


def test_the_worst_errors_have_their_rows() -> None:
    truth, prediction = np.arange(60.0), np.arange(60.0)
    prediction[[7, 30]] += [2.5, -2.5]
    prediction[41] = 100
    _, rows = parquet({"id": [f"r{k}" for k in range(60)], "truth": truth, "prediction": prediction, "area": truth * 2})
    found = rows["groups"][0]["rows"]
    assert [(row["id"], row["error"]) for row in found] == [("r41", 59.0), ("r7", 2.5), ("r30", -2.5)]
    assert found[0]["values"] == {"area": 82.0}


def test_what_is_not_finite_is_left_out_and_told() -> None:
    body, _ = parquet({"truth": [0.5, 1.5, None, 2.5], "prediction": [0.5, float("inf"), 1.0, 1e200]})
    assert body["counted"] == 1
    assert body["left_out"] == {"without a truth": 1, "not finite, or too large to be squared": 2}
    assert body["overall"]["r2"] is None, "one row has no spread"


@pytest.mark.parametrize(
    ("truth", "prediction", "kind"),
    [
        ([1, 2, 3], [1.5, 2.0, 2.5], "regression"),
        ([Decimal("1.50"), Decimal("2.00")], [Decimal("1.00"), Decimal("2.00")], "regression"),
        ([Decimal("1.00"), Decimal("2.00")], [1, 2], "classification"),
        (list(range(150)), list(range(150)), "regression"),
        (list(range(90)), list(range(90)), "classification"),
        ([True, False], [True, True], "classification"),
    ],
)
def test_numbers_or_classes(truth: list[Any], prediction: list[Any], kind: str) -> None:
    body, _ = parquet({"truth": truth, "prediction": prediction})
    assert body["kind"] == kind


def test_many_whole_numbers_with_scores_are_classes() -> None:
    body, _ = parquet({"truth": list(range(150)), "prediction": list(range(150)), "score": [0.5] * 150})
    assert body["kind"] == "classification"


@pytest.mark.parametrize("value", [0.5, 1e12 + 0.5, 0.0])
def test_errors_that_are_all_the_same(value: float) -> None:
    body, rows = parquet({"truth": [value, value, 0.25], "prediction": [value, value, 0.25]})
    assert body["overall"]["rmse"] == 0
    assert sum(body["residuals"]["rows"]) == 3
    assert rows["groups"][0]["rows"] == []


def test_a_part_of_a_huge_file_says_so() -> None:
    truth = np.linspace(0, 1, 20_000)
    body, rows = parquet({"truth": truth, "prediction": truth + 0.1}, most_rows=15_000)
    assert (body["rows"], body["counted"]) == (20_000, 15_000)
    assert body["left_out"] == {"behind the first 15,000": 5_000}
    assert max(row["row"] for row in rows["groups"][0]["rows"]) < 15_000
