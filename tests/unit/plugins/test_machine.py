"""Places that the processes of a machine share."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from automl_airflow.machine import seat

HOLDER = """
import sys, tempfile
tempfile.tempdir = sys.argv[1]
from automl_airflow.machine import seat
with seat("chairs", 2) as seated:
    print(seated, flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_places_are_counted_over_processes_and_come_back_when_one_is_killed(folder: Path) -> None:
    command = [sys.executable, "-c", HOLDER, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "True\n"
        with seat("chairs", 2) as second, seat("chairs", 2) as third, seat("stools", 1) as elsewhere:
            assert (second, third, elsewhere) == (True, False, True)
        other.kill()
        other.wait()
        with seat("chairs", 2) as second, seat("chairs", 2) as third:
            assert (second, third) == (True, True)


def test_there_is_no_place_in_a_folder_that_others_may_write(folder: Path) -> None:
    with seat("chairs", 1):
        pass
    (made,) = folder.iterdir()
    made.chmod(0o777)
    with seat("chairs", 1) as seated:
        assert not seated
