"""Run a folder of tests with the environment of a lock file, made by the product's own mechanism.

Usage: python tests/in_environment.py LOCK FOLDER REPORT [ARGUMENTS of pytest …]

Where the package registry can't be reached, the tests are skipped: that is said, and stands in the report. Any other
reason for which there is no environment fails.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.sax.saxutils import quoteattr

from automl_core.environments import EnvironmentProblem, Shelf
from automl_core.spec.lock_files import read_lock

ROOT = Path(__file__).parents[1]

SKIPPED = """<?xml version="1.0" encoding="utf-8"?>
<testsuites><testsuite name="pytest" errors="0" failures="0" skipped="1" tests="1"><testcase name={name} time="0">\
<skipped message={why}/></testcase></testsuite></testsuites>
"""


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main(lock: str, folder: str, report: str, *arguments: str) -> int:
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # else the tests would go on without it
    environ = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    try:
        held = Shelf.of(ROOT, environ).ensure(read_lock(ROOT / lock), say=say)
    except EnvironmentProblem as error:
        if not error.outage:
            say(f"{folder}: no environment for these tests: {error}")
            return 1
        say(f"{folder}: NOT RUN, SKIPPED AS A WHOLE: {error}")
        Path(report).parent.mkdir(parents=True, exist_ok=True)
        Path(report).write_text(SKIPPED.format(name=quoteattr(folder), why=quoteattr(error.headline)), encoding="utf-8")
        return 0
    try:
        command = [str(held.python), "-m", "pytest", "-q", folder, f"--junitxml={report}", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environ, check=False).returncode
    finally:
        held.release()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
