"""What a training library printed or wrote in one run, beside the truth that it kept itself, and the product's reading.

Recorded by the scripts in tests/assets/outputs/make: once, for the unit tests, or anew (`make test-heavy`).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from automl_core.backends.output import LineSplitter
from automl_core.metrics import NotFinite, Series, open_source
from automl_core.metrics.naming import GoalNames
from automl_core.spec.goal import Goal
from automl_core.spec.metrics import Metrics

_METRICS = TypeAdapter(Metrics)


@dataclass(frozen=True)
class Recording:
    """One recorded run: what was printed or written, and the truth from the library's own history."""

    truth_file: Path
    body: dict[str, Any]

    @property
    def name(self) -> str:
        return f"{self.truth_file.parent.name}/{self.truth_file.stem}"

    @property
    def printed(self) -> Path:
        return self.truth_file.with_suffix(".txt")

    def lines(self, portion: int = 4_096) -> list[str]:
        """The printed lines, as a local training task's output is parted into them."""
        if not self.printed.exists():
            return []
        splitter = LineSplitter()
        data = self.printed.read_bytes()
        lines = [line for at in range(0, len(data), portion) for line in splitter.feed(data[at : at + portion])]
        return lines + splitter.flush()

    def series(self, metric: str | None = None, lines: list[str] | None = None) -> Series:
        """What the product makes of the recording, for a goal of one metric."""
        model = _METRICS.validate_python(self.body["metrics"])
        source = open_source(model, lambda path: self.truth_file.with_suffix("") / path)
        names = GoalNames([metric] if metric else [])
        series = Series()
        for line in self.lines() if lines is None else lines:
            series.add(names.apply(source.feed(line)))
        series.add(names.apply(source.finish()))
        names.check()
        return series


def recordings_in(folder: Path) -> list[Recording]:
    """All recordings below a folder, ``LIBRARY/CASE``."""
    return [Recording(path, json.loads(path.read_text(encoding="utf-8"))) for path in sorted(folder.glob("*/*.json"))]


def goal_of(recording: Recording, metric: str, final: str = "best") -> Goal:
    direction = recording.body["goals"][metric]["direction"]
    return Goal.model_validate({"metric": metric, "direction": direction, "final": final})


def check_reading(recording: Recording, metric: str) -> None:
    """What is read of a metric is what the library says of it.

    Raises:
        AssertionError: it isn't.
    """
    truth, tolerance = recording.body["goals"][metric], recording.body["tolerance"]
    series = recording.series(metric)
    assert metric in series.names
    curve = series.curve(goal_of(recording, metric))
    assert [value for _, value in curve] == pytest.approx(truth["values"], abs=tolerance)
    assert series.final(goal_of(recording, metric)).value == pytest.approx(truth["best"], abs=tolerance)
    assert series.final(goal_of(recording, metric, "last")).value == pytest.approx(truth["last"], abs=tolerance)
    if all(step == int(step) for step in truth["steps"]):
        assert [step for step, _ in curve] == truth["steps"]


def check_not_finite(recording: Recording) -> None:
    """The value that is not finite fails the trial, and is named.

    Raises:
        AssertionError: it isn't.
    """
    metric = recording.body["fails"]
    with pytest.raises(NotFinite) as caught:
        recording.series(metric).final(goal_of(recording, metric))
    values = recording.body["goals"][metric]["values"]
    (first, *_) = (float(value) for value in values if not math.isfinite(float(value)))
    assert str(caught.value.value) == str(first)
