"""Two targets of the Makefile at once: how it ends, and that nothing is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sources import ROOT

MAKE = """#!/bin/sh
case $2 in
  good) echo good;;
  bad) echo bad; exit 3;;
  long) echo $$ >"$STARTED"; exec sleep 120;;
esac
"""


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    make = tmp_path / "make"
    make.write_text(MAKE)
    make.chmod(0o755)
    return [sys.executable, str(ROOT / "tests" / "beside.py"), str(make)]


@pytest.mark.parametrize(
    ("first", "second", "code"), [("good", "good", 0), ("bad", "good", 1), ("good", "bad", 1), ("bad", "bad", 1)]
)
def test_it_fails_where_either_does_and_shows_both(
    command: list[str], tmp_path: Path, first: str, second: str, code: int
) -> None:
    log = tmp_path / "reports" / "second.log"
    done = subprocess.run([*command, first, second, str(log)], capture_output=True, text=True)
    assert done.returncode == code
    assert done.stdout.split() == [first, second]


@pytest.mark.parametrize("first_is_long", [True, False])
def test_a_signal_ends_both(command: list[str], tmp_path: Path, first_is_long: bool) -> None:
    started = tmp_path / "started"
    os.mkfifo(started)
    targets = ["long", "good"] if first_is_long else ["good", "long"]
    process = subprocess.Popen(
        [*command, *targets, str(tmp_path / "second.log")], env={**os.environ, "STARTED": str(started)}
    )
    number = int(started.read_text())
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 128 + signal.SIGTERM
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)
