"""What real libraries print and write (recorded in tests/assets/outputs), against their own history of the run."""

from __future__ import annotations

import re

import pytest

from tests.sources import ROOT
from tests.support.recordings import Recording, check_not_finite, check_reading, recordings_in

OUTPUTS = ROOT / "tests" / "assets" / "outputs"
MAX_BYTES = 20_000
PORTIONS = (1, 7, 4_096)
"""Bytes that arrive at once; where they are parted must not matter."""


RECORDINGS = recordings_in(OUTPUTS)
PRINTED = [recording for recording in RECORDINGS if recording.printed.exists()]
GOALS = [
    (recording, metric) for recording in RECORDINGS if not recording.body["fails"] for metric in recording.body["goals"]
]


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
    check_reading(recording, metric)


@pytest.mark.parametrize("recording", [r for r in RECORDINGS if r.body["fails"]], ids=lambda recording: recording.name)
def test_a_value_that_is_not_finite_fails_the_trial(recording: Recording) -> None:
    check_not_finite(recording)


@pytest.mark.parametrize("portion", PORTIONS)
@pytest.mark.parametrize("recording", PRINTED, ids=lambda recording: recording.name)
def test_where_the_bytes_are_parted_makes_no_difference(recording: Recording, portion: int) -> None:
    assert recording.series(lines=recording.lines(portion)).to_json() == recording.series().to_json()


@pytest.mark.parametrize("recording", PRINTED, ids=lambda recording: recording.name)
def test_the_log_of_a_pod_gives_the_same(recording: Recording) -> None:
    # a container's log is parted at line feeds; carriage returns stay in its lines
    lines = recording.printed.read_bytes().decode().split("\n")
    assert recording.series(lines=lines).to_json() == recording.series().to_json()
