"""Models of series: run on by what is new, whichever partition has it, and forecasts with intervals as rows."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from automl_core.modelfile import series
from automl_core.models.batch import Outcome
from tests.support.series_models import BEGIN, NAMES, document
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
