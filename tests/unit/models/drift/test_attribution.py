"""From which columns a change of predictions comes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from automl_core.modelfile.scoring.values import Field, Frame, Schema
from automl_core.models.drift.attribution import as_before, attribution, mean_of
from automl_core.models.drift.comparing import table_drift
from automl_core.models.drift.reference import Reference, reference_of

SCHEMA = Schema(
    [Field("x", "number", "number"), Field("z", "number", "number"), Field("idle", "number", "number"),
     Field("city", "category", "string")]
)  # fmt: skip
SAID = "what it says of y"


def frame(rng: Any, rows: int, *, x: float = 0.0, z: float = 0.0, idle: float = 0.0, ulm: float = 0.5) -> Frame:
    return SCHEMA.read(
        {
            "x": rng.normal(x, 1, rows), "z": rng.normal(z, 1, rows), "idle": rng.normal(idle, 1, rows),
            "city": rng.choice(["Bonn", "Ulm"], rows, p=[1 - ulm, ulm]).tolist(),
        }
    )  # fmt: skip


def score(table: Frame) -> dict[str, Any]:
    coded = table.coded("city")
    ulm = np.asarray([level == "Ulm" for level in (*coded.levels, "")])[coded.codes]
    return {SAID: table.numbers("x") + 0.5 * table.numbers("z") + 2.0 * ulm}


def found(now: Frame, reference: Reference, scored: Any = score) -> dict[str, Any]:
    outputs = score(now)
    drift = table_drift(reference, SCHEMA, now, outputs, alpha=0.01)
    return attribution(reference, SCHEMA, now, outputs, drift, scored)


@pytest.fixture(scope="module")
def reference() -> Reference:
    before = frame(np.random.default_rng(1), 4_000)
    return reference_of(SCHEMA, before, score(before))


def test_the_column_that_moved_and_that_the_model_reads_is_named(reference: Reference) -> None:
    told = found(frame(np.random.default_rng(2), 3_000, x=0.8, idle=2.0), reference)
    assert [each["name"] for each in told["columns"]] == ["x", "idle"], (
        "idle has moved further, and nothing comes of it"
    )
    assert told["columns"][0]["share"] > 0.7
    assert abs(told["columns"][1]["share"]) < 0.05
    assert told["columns"][0]["mean"] == pytest.approx(told["before"], abs=0.1)
    assert told["now"] - told["before"] == pytest.approx(0.8, abs=0.1)
    assert told["words"].startswith(f"{SAID} was {told['before']:.4g} on average, and is {told['now']:.4g}; with x as ")
    assert "idle" not in told["words"]


def test_two_that_moved_explain_it_together(reference: Reference) -> None:
    told = found(frame(np.random.default_rng(3), 3_000, x=0.6, ulm=0.9), reference)
    assert {each["name"] for each in told["columns"]} == {"x", "city"}
    assert all(0.15 < each["share"] < 0.85 for each in told["columns"])
    assert told["together"] > 0.8
    assert f"all drifted columns together explain {told['together']:.0%}" in told["words"]


def test_what_can_not_be_told_is_said(reference: Reference) -> None:
    idle = found(frame(np.random.default_rng(4), 3_000, idle=1.0), reference)
    assert (idle["why"], idle["columns"]) == ("what the model says has hardly changed", [])
    moved = frame(np.random.default_rng(5), 3_000, x=1.0)
    assert found(moved, reference, None)["why"] == "columns that the model reads are not in these rows"
    drift = table_drift(reference, SCHEMA, moved, {}, alpha=0.01)
    assert attribution(reference, SCHEMA, moved, {}, drift, score)["why"] == (
        "what the model says is not known of these rows"
    )


def test_numbers_get_back_their_distribution_and_keep_their_order() -> None:
    schema, rng = Schema([Field("x", "number", "number")]), np.random.default_rng(6)
    before = np.where(rng.random(2_000) < 0.2, np.nan, rng.gamma(2.0, 1.0, 2_000))
    kept = reference_of(schema, schema.read({"x": before})).columns[0]
    now = np.where(rng.random(1_500) < 0.05, np.nan, rng.normal(50, 9, 1_500))
    back = as_before(kept, schema.read({"x": now}), rng)
    assert np.isnan(back).mean() == pytest.approx(0.2, abs=0.02)
    assert np.nanmean(back) == pytest.approx(np.nanmean(before), rel=0.03)
    there = ~np.isnan(back) & ~np.isnan(now)
    order = np.argsort(now[there], kind="stable")
    assert (np.diff(back[there][order]) >= 0).all()
    assert mean_of(kept) == pytest.approx(np.nanmean(before), rel=0.01)


def test_of_a_category_no_more_rows_change_than_there_are_too_many() -> None:
    schema, rng = Schema([Field("c", "category", "string")]), np.random.default_rng(7)
    kept = reference_of(schema, schema.read({"c": ["a"] * 500 + ["b"] * 300 + ["c"] * 100 + [None] * 100})).columns[0]
    now = schema.read({"c": ["a"] * 200 + ["b"] * 300 + ["c"] * 100 + [None] * 100 + ["new"] * 300})
    back = as_before(kept, now, rng)
    texts = [None if code < 0 else back.levels[code] for code in back.codes]
    assert {level: texts.count(level) for level in ("a", "b", "c", None, "new")} == {
        "a": pytest.approx(500, abs=1), "b": pytest.approx(300, abs=1), "c": pytest.approx(100, abs=1),
        None: pytest.approx(100, abs=1), "new": pytest.approx(0, abs=1),
    }  # fmt: skip
    before = [None if code < 0 else now.coded("c").levels[code] for code in now.coded("c").codes]
    assert sum(one != other for one, other in zip(before, texts, strict=True)) == pytest.approx(300, abs=2)
