"""Training libraries, run now: what they print and write is read as the recordings of them are, which may be old.

The recordings below tests/assets/outputs are what the unit tests read. Here their scripts record anew, elsewhere, with
the versions that requirements-heavy.txt pins: a new pin shows what it changes before a recording is replaced.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.sources import ROOT
from tests.support.recordings import check_not_finite, check_reading, recordings_in

SCRIPTS = ROOT / "tests" / "assets" / "outputs" / "make"
INSTALLED = {
    line.partition("==")[0] for line in (ROOT / "requirements-heavy.txt").read_text().splitlines() if "==" in line
}


def needs(library: str) -> set[str]:
    """The distributions that a library's script asks for."""
    header = (SCRIPTS / f"record_{library}.py").read_text(encoding="utf-8").partition('# ///\n"""')[0]
    return set(re.findall(r'"([\w-]+)==', header))


LIBRARIES = sorted(path.stem.removeprefix("record_") for path in SCRIPTS.glob("record_*.py"))
FIT = [name for name in LIBRARIES if needs(name) <= INSTALLED and name != "fairseq"]  # fairseq needs its source too


def test_the_large_libraries_are_among_them() -> None:
    assert {"lightning", "lightgbm", "torch", "tqdm", "transformers"} <= set(FIT)


@pytest.mark.parametrize("library", FIT)
def test_what_is_read_is_what_the_library_says_today(library: str, heavy_python: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [heavy_python, SCRIPTS / f"record_{library}.py"], cwd=tmp_path, check=False, text=True,
        env={**os.environ, "RECORDINGS": str(tmp_path), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    found = recordings_in(tmp_path)
    assert {each.name for each in found} == {
        each.name for each in recordings_in(SCRIPTS.parent) if each.body["library"] == library
    }
    for recording in found:
        if recording.body["fails"]:
            check_not_finite(recording)
            continue
        for metric in recording.body["goals"]:
            check_reading(recording, metric)
