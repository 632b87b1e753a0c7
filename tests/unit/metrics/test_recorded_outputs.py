"""What real libraries print and write (recorded in tests/assets/outputs), against their own history of the run."""

from __future__ import annotations

import json
import math
import re
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
from tests.sources import ROOT

OUTPUTS = ROOT / "tests" / "assets" / "outputs"
MAX_BYTES = 20_000
PORTIONS = (1, 7, 4_096)
"""Bytes that arrive at once; where they are parted must not matter."""


@dataclass(frozen=True)
class Recording:
    """One recorded run: what was printed or written, and the truth from the library's own history."""

    truth_file: Path
    body: dict[str, Any]

    @property
    def name(self) -> str:
        return self.truth_file.relative_to(OUTPUTS).with_suffix("").as_posix()

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
        model = TypeAdapter(Metrics).validate_python(self.body["metrics"])
        source = open_source(model, lambda path: self.truth_file.with_suffix("") / path)
        names = GoalNames([metric] if metric else [])
        series = Series()
        for line in self.lines() if lines is None else lines:
            series.add(names.apply(source.feed(line)))
        series.add(names.apply(source.finish()))
        names.check()
        return series


RECORDINGS = [
    Recording(path, json.loads(path.read_text(encoding="utf-8"))) for path in sorted(OUTPUTS.glob("*/*.json"))
]
PRINTED = [recording for recording in RECORDINGS if recording.printed.exists()]
GOALS = [
    (recording, metric) for recording in RECORDINGS if not recording.body["fails"] for metric in recording.body["goals"]
]


def goal_of(recording: Recording, metric: str, final: str = "best") -> Goal:
    direction = recording.body["goals"][metric]["direction"]
    return Goal.model_validate({"metric": metric, "direction": direction, "final": final})


def test_every_library_is_there() -> None:
    libraries = {recording.body["library"] for recording in RECORDINGS}
    assert libraries == {path.stem.removeprefix("record_") for path in (OUTPUTS / "make").glob("record_*.py")}


def test_recordings_are_small() -> None:
    assert [path for path in OUTPUTS.rglob("*") if path.is_file() and path.stat().st_size > MAX_BYTES] == []


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda recording: recording.name)
def test_versions_are_those_of_the_script_that_recorded_it(recording: Recording) -> None:
    script = ROOT / recording.body["command"].split()[1]
    pinned = dict(re.findall(r'"([\w-]+)==([\w.]+)"', script.read_text(encoding="utf-8")))
    versions = {name: version for name, version in recording.body["versions"].items() if name != "python"}
    assert versions
    assert versions.items() <= pinned.items()


@pytest.mark.parametrize(("recording", "metric"), GOALS, ids=lambda value: getattr(value, "name", value))
def test_what_is_read_is_what_the_library_says(recording: Recording, metric: str) -> None:
    truth, tolerance = recording.body["goals"][metric], recording.body["tolerance"]
    series = recording.series(metric)
    assert metric in series.names
    curve = series.curve(goal_of(recording, metric))
    assert [value for _, value in curve] == pytest.approx(truth["values"], abs=tolerance)
    assert series.final(goal_of(recording, metric)).value == pytest.approx(truth["best"], abs=tolerance)
    assert series.final(goal_of(recording, metric, "last")).value == pytest.approx(truth["last"], abs=tolerance)
    if all(step == int(step) for step in truth["steps"]):
        assert [step for step, _ in curve] == truth["steps"]


@pytest.mark.parametrize("recording", [r for r in RECORDINGS if r.body["fails"]], ids=lambda recording: recording.name)
def test_a_value_that_is_not_finite_fails_the_trial(recording: Recording) -> None:
    metric = recording.body["fails"]
    with pytest.raises(NotFinite) as caught:
        recording.series(metric).final(goal_of(recording, metric))
    values = recording.body["goals"][metric]["values"]
    (first, *_) = (float(value) for value in values if not math.isfinite(float(value)))
    assert str(caught.value.value) == str(first)


@pytest.mark.parametrize("portion", PORTIONS)
@pytest.mark.parametrize("recording", PRINTED, ids=lambda recording: recording.name)
def test_where_the_bytes_are_parted_makes_no_difference(recording: Recording, portion: int) -> None:
    assert recording.series(lines=recording.lines(portion)).to_json() == recording.series().to_json()


@pytest.mark.parametrize("recording", PRINTED, ids=lambda recording: recording.name)
def test_the_log_of_a_pod_gives_the_same(recording: Recording) -> None:
    # a container's log is parted at line feeds; carriage returns stay in its lines
    lines = recording.printed.read_bytes().decode().split("\n")
    assert recording.series(lines=lines).to_json() == recording.series().to_json()
