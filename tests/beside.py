"""Make one target of the Makefile, and beside it another, whose output follows when both have ended.

Usage: python tests/beside.py MAKE FIRST SECOND LOG

Ends as they do: with 0 where both have, and by a signal only once both are gone. A shell would have to start one of
them in the background, where Ctrl-C is ignored, and would hear a SIGTERM only once the other has ended.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

GRACE = 60.0
"""Seconds that an interrupted target has to tidy up, before it is told again."""


def main(make: str, first: str, second: str, log: str) -> int:
    ended: list[int] = []  # signals that came before both were started: one in the midst of it would leave one behind
    signal.signal(signal.SIGTERM, lambda number, _: ended.append(number))
    Path(log).parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as file:
        behind = subprocess.Popen(_made(make, second), stdout=file, stderr=subprocess.STDOUT)
    processes = [subprocess.Popen(_made(make, first)), behind]
    try:
        signal.signal(signal.SIGTERM, _terminated)
        if ended:
            _terminated(ended[0], None)
        codes = [each.wait() for each in processes]
    except KeyboardInterrupt:  # the terminal has told all of them
        _end(processes, GRACE)
        return 130
    except SystemExit:
        _end(processes, 0)
        raise
    sys.stdout.flush()
    with open(log, "rb") as told:
        shutil.copyfileobj(told, sys.stdout.buffer)
    return 0 if not any(codes) else 1


def _made(make: str, target: str) -> list[str]:
    return [make, "--no-print-directory", target]


def _end(processes: list[subprocess.Popen[bytes]], grace: float) -> None:
    for each in processes:
        try:
            each.wait(grace)
        except subprocess.TimeoutExpired:
            each.terminate()  # make ends what it has started
    for each in processes:
        each.wait()


def _terminated(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
