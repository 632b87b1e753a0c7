"""Speed by turns, size, and values of every type that a column may have."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from automl_core.models.evaluation import EvaluateOptions, evaluate
from automl_core.models.evaluation.rows import Rows
from automl_core.models.evaluation.speed import TURNS, WARM, by_turns, latency, size
from automl_core.models.evaluation.subjects import opened
from tests.unit.models.evaluation.small import model, rows


class Clock:
    """Goes on by what calls say that they took."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def after(self, seconds: float, told: list[str], role: str) -> Any:
        def call() -> None:
            self.now += seconds
            told.append(role)

        return call


def test_models_are_timed_by_turns_and_nobody_is_always_first() -> None:
    clock, told = Clock(), list[str]()
    singles = {role: [clock.after(seconds, told, role)] * 20 for role, seconds in (("a", 0.001), ("b", 0.003))}
    batches = {role: clock.after(seconds, told, role) for role, seconds in (("a", 0.1), ("b", 0.2))}
    found = by_turns(singles, batches, 50, clock)
    assert found["a"]["single_ms"] == pytest.approx({"median": 1.0, "p95": 1.0})
    assert found["b"]["batch"] == {"rows": 50, "rows_per_second": pytest.approx(250.0)}
    after = told[2 * WARM :]
    assert [after[2 * k] for k in range(20)] == ["b", "a"] * 10
    assert len(after) == 40 + 2 * TURNS


def test_slow_models_are_not_timed_for_ever() -> None:
    clock, told = Clock(), list[str]()
    by_turns({"a": [clock.after(100.0, told, "a")] * 100}, {"a": clock.after(100.0, told, "a")}, 5, clock)
    assert len(told) == WARM + 1 + 1


def test_size_is_that_of_all_files(tmp_path: Path) -> None:
    folder = model(tmp_path / "m")
    subject = opened(folder, "challenger", EvaluateOptions())
    found = size([subject])["challenger"]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert (found["bytes"], found["files"]) == (sum(path.stat().st_size for path in files), len(files))
    assert found["open_ms"] > 0


def test_a_row_that_alone_reads_otherwise_costs_the_figure_and_not_the_evidence(tmp_path: Path) -> None:
    subject = opened(model(tmp_path / "m"), "challenger", EvaluateOptions())
    found = latency([subject], Rows.of([{"a": "tall", "b": 1.0, "city": "Ulm"}]))
    assert found["challenger"] is None
    assert "not measured" in found["how"]
    assert "'tall'" in found["how"]


def test_columns_of_every_type_are_read_shown_and_sliced(tmp_path: Path) -> None:
    data = rows(40)
    table = pa.table(
        {
            "a": pa.array([Decimal(f"{each:.4f}") for each in data["a"]]),
            "b": pa.array(data["b"], pa.float32()),
            "city": pa.array(data["city"]).dictionary_encode(),
            "y": pa.array(data["y"], pa.int8()),
            "id": pa.array([2**60 + k for k in range(40)]),
            "fine": pa.array([1_767_225_600_000_000_001 + k for k in range(40)], pa.timestamp("ns", "UTC")),
            "day": pa.array([datetime(2026, 1, 1 + k % 28, tzinfo=UTC).date() for k in range(40)]),
            "tags": pa.array([["x", "y"] if k % 2 else None for k in range(40)]),
            "raw": pa.array([b"abc"] * 40),
        }
    )
    options = EvaluateOptions(key="id", slices=("city", "fine", "day", "tags"), draws=100)
    evidence, shown = evaluate(model(tmp_path / "n", b=0.5), model(tmp_path / "o"), table, options)
    assert evidence["data"]["scored"] == 40
    assert {each["column"] for each in evidence["slices"]} == {"city", "fine", "day", "tags"}
    assert all(each["id"].startswith("11529215046068") for each in shown["cases"])
    assert shown["cases"][0]["row"]["fine"].startswith("2026-01-01")
    assert shown["cases"][0]["row"]["raw"] == "abc"
