"""Searching with Python's own regular expressions in a child process that is ended where one takes too long."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Sequence
from pathlib import Path

LIMIT = 1.0
"""Seconds of processor time that one search may take."""

PATIENCE = 60.0
"""Seconds after which a child that has not answered is ended, whatever it waits for (a busy machine makes it slow)."""

_CHILD = (sys.executable, "-I", "-S", str(Path(__file__).with_name("pattern_child.py")))


class TookTooLong(Exception):
    """A search was given up.

    Attributes:
        index: of the pattern.
        what: how long it took, in words.
    """

    def __init__(self, index: int, what: str) -> None:
        super().__init__(index, what)
        self.index, self.what = index, what


class _Dead(Exception):
    """The child ended by itself, or by somebody else."""


class GuardedPatterns:
    """Patterns whose searches run in a child process. Safe to share between threads.

    The child starts with the first search, and is started again after it had to be ended. Attempts with the same
    patterns share one (`guarded`): those are an experiment's own.
    """

    def __init__(
        self,
        patterns: Sequence[str],
        *,
        limit: float = LIMIT,
        patience: float = PATIENCE,
        command: Sequence[str] = _CHILD,
    ) -> None:
        """Start nothing yet.

        Args:
            patterns: regular expressions that are valid, each with one group.
            limit: seconds of processor time for one search.
            patience: seconds to wait for an answer, whatever the child does.
            command: starts the child.
        """
        self._patterns, self._limit, self._patience, self._command = tuple(patterns), limit, patience, tuple(command)
        self._lock = threading.Lock()
        self._child: _Child | None = None

    def search(self, text: str, wanted: Sequence[int]) -> list[tuple[str | None, float]]:
        """The group of each wanted pattern's first match in a text (None without one), and the seconds it took.

        Raises:
            TookTooLong: a search was ended.
        """
        with self._lock:
            for last in (False, True):
                child = self._running()
                try:
                    return child.search(text, wanted, self._patience)
                except TookTooLong:
                    self._child = None
                    child.end()
                    raise
                except _Dead as error:  # killed by somebody else, for memory perhaps: once more in a new one
                    self._child = None
                    child.end()
                    if last:
                        raise TookTooLong(wanted[0], f"the process that matches it was ended ({error})") from None
            raise AssertionError("unreachable")

    def _running(self) -> _Child:
        if self._child is None or self._child.owner != os.getpid():
            self._child = _Child(self._command, self._patterns, self._limit)
        return self._child


class _Child:
    """One child process."""

    def __init__(self, command: Sequence[str], patterns: Sequence[str], limit: float) -> None:
        self.owner = os.getpid()
        self._limit = limit
        self._rest = b""
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}
        )
        self.end = weakref.finalize(self, _end, self._process, self.owner)
        self._write([list(patterns), limit])

    def search(self, text: str, wanted: Sequence[int], patience: float) -> list[tuple[str | None, float]]:
        self._write([text, list(wanted)])
        answers: list[tuple[str | None, float]] = []
        while len(answers) < len(wanted):
            line = self._line(time.monotonic() + patience)
            if line is None:
                raise TookTooLong(wanted[len(answers)], f"it gave no answer within {patience:g} s")
            if not line:
                code = self._process.wait()
                if code == -signal.SIGPROF:
                    raise TookTooLong(wanted[len(answers)], f"it took more than {self._limit:g} s of processor time")
                raise _Dead(f"signal {-code}" if code < 0 else f"exit code {code}")
            group, seconds = json.loads(line)
            answers.append((group, float(seconds)))
        return answers

    def _write(self, request: object) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except OSError:
            return  # it is gone: what there is to read says how

    def _line(self, deadline: float) -> bytes | None:
        """A line of the child's, empty when it has ended, None when the deadline is over."""
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while b"\n" not in self._rest:
            if not poll.poll(max(0.0, deadline - time.monotonic()) * 1000):
                return None
            more = os.read(descriptor, 65_536)
            if not more:
                return b""
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return line


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    """End a child and collect it; in a fork of its owner only the pipes are closed."""
    if owner == os.getpid():
        process.kill()
        process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except OSError:
                continue


_shared: weakref.WeakValueDictionary[tuple[str, ...], GuardedPatterns] = weakref.WeakValueDictionary()
_shared_lock = threading.Lock()


def guarded(patterns: Sequence[str]) -> GuardedPatterns:
    """The child of these patterns, which all attempts of this process that have the same ones share."""
    key = tuple(patterns)
    with _shared_lock:
        found = _shared.get(key)
        if found is None:
            found = _shared[key] = GuardedPatterns(key)
        return found
