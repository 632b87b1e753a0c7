"""Models of series: run on by what is new, whichever partition has it, and forecasts with intervals as rows."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from automl_core.data.written import as_instant
from automl_core.modelfile import series
from automl_core.models.batch import Outcome, scoring
from automl_core.models.batch.order import Place
from tests.support.series_models import BEGIN, NAMES, document, grid
from tests.unit.models.batch.lab import Lab, day

LAST = datetime.fromtimestamp(BEGIN, UTC) + timedelta(days=59)
"""The model's newest value."""


def ready(folder: Path, **deploy: Any) -> Lab:
    lab = Lab(folder, keep=[], **deploy)
    series.write(folder / "series", document(), made={})
    lab.use(folder=folder / "series")
    return lab


def sales(lab: Lab, date: str, days: int = 1, columns: str = "date,store,sales") -> None:
    """A partition with newer values of each series: of the days that end with a date of the model's own calendar."""
    path = lab.folder / "in" / f"ds={date}" / "part-0.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        out = csv.writer(file)
        out.writerow(columns.split(","))
        offset = (datetime.fromisoformat(date) - datetime(2026, 11, 1)).days
        for step in range(days):
            moment = LAST + timedelta(days=offset + step)
            out.writerows([moment.date().isoformat(), name, 12.5] for name in NAMES)


def test_forecasts_come_with_intervals_and_lineage_from_all_partitions_so_far(tmp_path: Path) -> None:
    lab = ready(tmp_path)
    sales(lab, "2026-11-02")
    sales(lab, "2026-11-03")
    lab.now = day("2026-11-03").at + 60  # type: ignore[operator]
    batch = lab.batch()
    batch.plan()
    done = batch.score(day("2026-11-03"), "a", lab.runner)
    assert (done.what, done.rows) == ("scored", 14 * len(NAMES)), done.words
    found = lab.out("2026-11-03")
    assert {"date", "store", "forecast", "lower_80", "upper_80", "model_version", "model_interval"} <= found[0].keys()
    assert min(row["date"] for row in found) == (LAST + timedelta(days=3)).date().isoformat(), "after two newer days"
    first = batch.score(day("2026-11-02"), "a", lab.runner)
    assert first.what == "scored"
    assert min(row["date"] for row in lab.out("2026-11-02")) == (LAST + timedelta(days=2)).date().isoformat(), (
        "of then: without what came later"
    )


def test_what_a_model_of_series_can_not_do_is_said(tmp_path: Path) -> None:
    lab = ready(tmp_path, proba=True)
    sales(lab, "2026-11-02")
    lab.now = day("2026-11-02").at + 60  # type: ignore[operator]
    batch = lab.batch()
    batch.plan()
    done = batch.score(day("2026-11-02"), "a", lab.runner)
    assert done.what == "failed"
    assert "intervals, no probabilities" in done.words
    other = ready(tmp_path / "other")
    sales(other, "2026-11-02", columns="date,shop,sales")
    other.now = lab.now
    batch = other.batch()
    batch.plan()
    assert batch.score(day("2026-11-02"), "a", other.runner).what == "failed"


def test_no_newer_rows_are_a_forecast_from_the_models_end(tmp_path: Path) -> None:
    lab = ready(tmp_path)
    sales(lab, "2026-11-02", days=0)
    lab.now = day("2026-11-02").at + 60  # type: ignore[operator]
    batch = lab.batch()
    batch.plan()
    done: Outcome = batch.score(day("2026-11-02"), "a", lab.runner)
    assert done.what == "scored", done.words
    assert min(row["date"] for row in lab.out("2026-11-02")) == (LAST + timedelta(days=1)).date().isoformat()


def test_datetimes_of_a_table_are_put_on_the_models_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MaxCompute's DATETIME is a moment: midnight in Shanghai is 16:00 of UTC, as training has read it."""
    lab = ready(tmp_path)
    sales(lab, "2026-11-02")
    lab.now = day("2026-11-02").at + 60  # type: ignore[operator]
    lab.batch().plan()
    lab.batch().score(day("2026-11-02"), "a", lab.runner)
    next_day = LAST.replace(tzinfo=None) + timedelta(days=1)
    schema = pa.schema([as_instant(pa.field("date", pa.timestamp("ms"))), ("store", pa.string()), ("sales", "double")])
    times = [next_day - timedelta(hours=8)] * len(NAMES)
    batch = pa.RecordBatch.from_arrays([pa.array(times, schema.field(0).type), list(NAMES), [12.5] * 3], schema=schema)

    @contextmanager
    def rows(*_: Any) -> Iterator[Any]:
        yield SimpleNamespace(schema=schema, read=lambda columns: iter([batch.select(columns)]))

    monkeypatch.setattr("automl_core.data.odps_tables.open_rows", rows)
    series.write(tmp_path / "clock", document(grid=grid(zone="Asia/Shanghai").as_json()), made={})
    order = replace(lab.orders[0], data=Place("odps://lake/sales"), earlier=())
    found: list[Any] = []
    scoring._forecasts(order, None, series.load(tmp_path / "clock"), lambda columns, _: found.append(columns))  # type: ignore[arg-type]
    assert str(min(found[0]["date"]))[:10] == (next_day + timedelta(days=1)).date().isoformat()
